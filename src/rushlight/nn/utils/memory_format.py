"""Weights of convolutions in another memory format."""

from __future__ import annotations

from typing import Any, TypeVar

from ..modules.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d
from ..modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

M = TypeVar("M", bound=Module)


def _convert(module: M, memory_format: Any, kinds: tuple[type, ...]) -> M:
    for part in module.modules():
        if isinstance(part, kinds):
            weight: Any = part.weight
            weight.data = weight.detach().clone().contiguous(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: M, memory_format: Any) -> M:
    """Store the weights of all 2-D convolutions within a module in a memory format.

    Args:
        module: the module, changed in place.
        memory_format: `rushlight.channels_last` or `rushlight.contiguous_format`.

    Example:
        >>> conv = rushlight.nn.Conv2d(8, 4, 3)
        >>> convert = rushlight.nn.utils.convert_conv2d_weight_memory_format
        >>> convert(conv, rushlight.channels_last).weight.stride()
        (72, 1, 24, 8)
    """
    return _convert(module, memory_format, (Conv2d, ConvTranspose2d))


def convert_conv3d_weight_memory_format(module: M, memory_format: Any) -> M:
    """Store the weights of all 3-D convolutions within a module in a memory format."""
    return _convert(module, memory_format, (Conv3d, ConvTranspose3d))
