"""Windows of images as columns, and back."""

from __future__ import annotations

from ..._tensor import Tensor
from ..._typing import IntOrPair
from .. import functional as F
from .module import Module


class Fold(Module):
    """Adds columns (N, C KH KW, L) into images (N, C, H, W); overlapping windows add up.

    Args:
        output_size: (H, W).
        kernel_size: size of the window.
        dilation: distance between the elements of a window.
        padding: border of zeros around the image.
        stride: step of the window.
    """

    def __init__(
        self,
        output_size: IntOrPair,
        kernel_size: IntOrPair,
        dilation: IntOrPair = 1,
        padding: IntOrPair = 0,
        stride: IntOrPair = 1,
    ):
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """Return the images the columns add up to."""
        return F.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        """Describe the layer."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
            f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )


class Unfold(Module):
    """Returns the sliding windows of images (N, C, H, W) as columns (N, C KH KW, L).

    Args:
        kernel_size: size of the window.
        dilation: distance between the elements of a window.
        padding: border of zeros around the image.
        stride: step of the window.
    """

    def __init__(
        self,
        kernel_size: IntOrPair,
        dilation: IntOrPair = 1,
        padding: IntOrPair = 0,
        stride: IntOrPair = 1,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """Return the windows as columns."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
