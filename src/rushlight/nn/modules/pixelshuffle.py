"""Moving channels into space, and back."""

from __future__ import annotations

from ..._tensor import Tensor
from .. import functional as F
from .module import Module


class PixelShuffle(Module):
    """Moves channels into space: (*, C r^2, H, W) to (*, C, H r, W r).

    Args:
        upscale_factor: r.

    Reference:
        Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016.
    """

    def __init__(self, upscale_factor: int):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return fewer channels of larger images."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Moves space into channels: (*, C, H r, W r) to (*, C r^2, H, W).

    Args:
        downscale_factor: r.
    """

    def __init__(self, downscale_factor: int):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return more channels of smaller images."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"downscale_factor={self.downscale_factor}"
