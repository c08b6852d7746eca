"""Padding layers: (before, after) for the last axis first, or one number for all sides."""

from __future__ import annotations

from collections.abc import Sequence

from ..._tensor import Tensor
from .. import functional as F
from .module import Module


class _PadNd(Module):
    """What all padding layers share.

    Args:
        padding: one number, or (before, after) for the last axis, then for the one before it.
    """

    spatial: int
    mode: str
    padding: tuple[int, ...]

    def __init__(self, padding: int | Sequence[int]):
        super().__init__()
        n = 2 * self.spatial
        self.padding = tuple(padding) if isinstance(padding, Sequence) else (padding,) * n

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    value: float
    mode = "constant"

    def __init__(self, padding: int | Sequence[int], value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pads signals with a constant; the arguments are those of `ConstantPad2d`."""

    spatial = 1


class ConstantPad2d(_ConstantPadNd):
    """Pads images with a constant.

    Args:
        padding: one number, or (left, right, top, bottom); negative numbers cut.
        value: the constant.

    Example:
        >>> rushlight.nn.ConstantPad2d((1, 0, 0, 1), 3.0)(rushlight.zeros(1, 1, 2))
        tensor([[[3., 0., 0.],
                 [3., 3., 3.]]])
    """

    spatial = 2


class ConstantPad3d(_ConstantPadNd):
    """Pads volumes with a constant; the arguments are those of `ConstantPad2d`."""

    spatial = 3


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding: int | Sequence[int]):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"{self.padding}"


class ZeroPad1d(_ZeroPadNd):
    """Pads signals with zeros."""

    spatial = 1


class ZeroPad2d(_ZeroPadNd):
    """Pads images with zeros."""

    spatial = 2


class ZeroPad3d(_ZeroPadNd):
    """Pads volumes with zeros."""

    spatial = 3


class _ReflectionPadNd(_PadNd):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """Pads signals with their mirror image, the edge element not repeated."""

    spatial = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Pads images with their mirror image, the edge elements not repeated.

    Args:
        padding: one number, or (left, right, top, bottom); less than the image's size.

    Example:
        >>> rushlight.nn.ReflectionPad2d((2, 0, 0, 0))(rushlight.tensor([[[0.0, 1.0, 2.0]]]))
        tensor([[[2., 1., 0., 1., 2.]]])
    """

    spatial = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Pads volumes with their mirror image, the edge elements not repeated."""

    spatial = 3


class _ReplicationPadNd(_PadNd):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """Pads signals with their edge elements."""

    spatial = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Pads images with their edge elements."""

    spatial = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Pads volumes with their edge elements."""

    spatial = 3


class _CircularPadNd(_PadNd):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        n = self.spatial
        if input.ndim not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """Pads signals as if they were periodic."""

    spatial = 1


class CircularPad2d(_CircularPadNd):
    """Pads images as if they were periodic."""

    spatial = 2


class CircularPad3d(_CircularPadNd):
    """Pads volumes as if they were periodic."""

    spatial = 3
