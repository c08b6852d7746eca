"""Layers under the names and argument orders of PyTorch's lower level."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from .._tensor import Tensor
from ..autograd.view import write_
from . import conv
from ._export import export
from .dropout import dropout1d, dropout2d, dropout3d
from .grid import affine_grid, grid_sample
from .norm import group_norm, layer_norm

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


@export
def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Return what `nn.functional.affine_grid` returns."""
    return affine_grid(theta, size, align_corners)


@export
def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """Sample images at positions; modes are counted as (bilinear, nearest, bicubic).

    Args:
        input: the images.
        grid: the positions.
        interpolation_mode: 0, 1 or 2.
        padding_mode: 0 for zeros, 1 for the border, 2 for reflection.
        align_corners: as in `nn.functional.grid_sample`.
    """
    mode, padding = _MODES[interpolation_mode], _PADDINGS[padding_mode]
    return grid_sample(input, grid, mode, padding, align_corners)


@export
def grid_sampler_2d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """Sample images at positions, see `grid_sampler`."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


@export
def grid_sampler_3d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """Sample volumes at positions, see `grid_sampler`."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


@export
def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Drop whole channels out, see `nn.functional.dropout2d`."""
    drop = {3: dropout1d, 4: dropout2d}.get(input.ndim, dropout3d)
    return drop(input, p, train)


@export
def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """Drop whole channels out in place."""
    return write_(input, feature_dropout(input, p, train)) if train else input


@export
def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """Convolve with one function for all numbers of dimensions, transposed or not."""
    dims = input.ndim - 2
    if transposed:
        function = getattr(conv, f"conv_transpose{dims}d")
        return function(input, weight, bias, stride, padding, output_padding, groups, dilation)
    return getattr(conv, f"conv{dims}d")(input, weight, bias, stride, padding, dilation, groups)


@export
def native_layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (layer_norm, the means, 1 / sqrt(var + eps))."""
    axes = list(range(input.ndim - len(normalized_shape), input.ndim))
    mean, rstd = _statistics(input, axes, eps)
    return layer_norm(input, normalized_shape, weight, bias, eps), mean, rstd


@export
def native_group_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    N: int,
    C: int,
    HxW: int,
    group: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (group_norm, the means of the groups, 1 / sqrt(var + eps))."""
    size = prod(input.shape) // max(N * group, 1)
    mean, rstd = _statistics(input.reshape(N, group, size), [2], eps)
    result = group_norm(input, group, weight, bias, eps)
    return result, mean.reshape(N, group), rstd.reshape(N, group)


def _statistics(x: Tensor, axes: list[int], eps: float) -> tuple[Tensor, Tensor]:
    mean = x.mean(axes, keepdim=True)
    return mean, (x.var(axes, correction=0, keepdim=True) + eps).rsqrt()
