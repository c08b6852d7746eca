"""Dropout layers; they do nothing in evaluation mode."""

from __future__ import annotations

from ..._tensor import Tensor
from .. import functional as F
from .module import Module


class _DropoutNd(Module):
    """What all dropout layers share.

    Args:
        p: probability that an element (or channel) is zeroed.
        inplace: overwrite the input.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training, zeroes each element with probability p and scales the others by 1 / (1 - p).

    Args:
        p: probability that an element is zeroed.
        inplace: overwrite the input.

    Example:
        >>> rushlight.nn.Dropout(0.5).eval()(rushlight.ones(3))
        tensor([1., 1., 1.])

    Reference:
        Srivastava et al., "Dropout: A Simple Way to Prevent Overfitting", 2014.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements zeroed at random."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """In training, zeroes whole channels of (N, C, L) or (C, L)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels zeroed at random."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """In training, zeroes whole channels of images (N, C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels zeroed at random."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """In training, zeroes whole channels of volumes (N, C, D, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels zeroed at random."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance, for networks with SELU.

    Reference:
        Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements replaced at random."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """Alpha dropout of whole channels."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels replaced at random."""
        return F.feature_alpha_dropout(input, self.p, self.training)
