"""LeNet-5."""

from __future__ import annotations

from ... import nn
from ..._tensor import Tensor


class LeNet5(nn.Module):
    """A small convolutional network for 28x28 grey images.

    conv(1, 6, 5), pool, conv(6, 16, 5), pool, then 256-120-84-classes, an activation after each
    convolution, pooling and hidden layer.

    Args:
        num_classes: number of outputs.
        activation: the activation's class.

    Shape:
        input (N, 1, 28, 28), result (N, num_classes).

    Reference:
        LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998.
    """

    def __init__(self, num_classes: int = 10, activation: type[nn.Module] = nn.GELU):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5), activation(), nn.AvgPool2d(2), activation(),
            nn.Conv2d(6, 16, 5), activation(), nn.AvgPool2d(2), activation(),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(256, 120), activation(),
            nn.Linear(120, 84), activation(),
            nn.Linear(84, num_classes),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of the classes."""
        return self.classifier(self.features(images))
