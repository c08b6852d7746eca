"""The cross-entropy of a linear layer's output, as one module."""

from __future__ import annotations

import math
from typing import Any

from ..._tensor import Tensor
from .. import functional as F
from .linear import Linear
from .linear_cross_entropy_options import LinearCrossEntropyOptions
from .loss import _WeightedLoss


class LinearCrossEntropyLoss(_WeightedLoss):
    """Cross-entropy between the logits x W^T + b and classes or probabilities; W is learned.

    Args:
        in_features: number of features of x.
        num_classes: number of classes, C.
        out_features: further dimensions (d1, ...) of logits and targets.
        bias: learn b too.
        device: where the parameters are.
        dtype: dtype of the parameters.
        reduction: "mean", "sum" or "none".
        weight: a factor for each class.
        ignore_index: a class index that counts for nothing (-100 unless given).
        label_smoothing: the share of each target spread evenly over the classes.
        options: accepted for compatibility.

    Shape:
        input (N, in_features) or (in_features); target (N, d1, ...) or (), or (N, C, d1, ...);
        result 0-d, or as the classes for "none".

    Raises:
        RuntimeError: `weight` does not have C elements, or the smoothing lies outside [0, 1].

    Example:
        >>> loss = rushlight.nn.LinearCrossEntropyLoss(2, 3)
        >>> loss(rushlight.zeros(1, 2), rushlight.tensor([0]))
        tensor(1.0986, grad_fn=<NllLossBackward0>)
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ):
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(
                f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}"
            )
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(
                f"expected label_smoothing to be in range [0, 1], got {label_smoothing}"
            )
        super().__init__(weight, reduction=reduction)
        self.num_classes, self.out_features = num_classes, out_features
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing
        rows = math.prod(out_features, start=num_classes)
        self.linear = Linear(in_features, rows, bias=bias, device=device, dtype=dtype)
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        weight, bias = self.linear.weight, self.linear.bias
        outer = (self.num_classes, *self.out_features)
        return F.linear_cross_entropy(
            input,
            weight.reshape(*outer, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(outer),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        """Return the arguments, as `print` shows them."""
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
