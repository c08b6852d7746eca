"""Sampling images at given positions, and the positions of affine maps."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ._autocast import autocast
from ._export import export
from ._operands import not_a_tensor
from .matmul import matmul
from .ranges import linspace

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


class Moved(Op):
    """y = coordinates moved into the image, given as an array.  dL/dx = g slope."""

    label = "GridSampler"

    def forward(ctx, x: Array, moved: Array, slope: Array) -> Array:
        ctx.save(slope)
        return moved

    def backward(ctx, g: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return g * slope, None, None


def _clipped(x: Array, size: int) -> tuple[Array, Array]:
    """Return coordinates limited to the image, and the slope (0 outside)."""
    inside = (x > 0) & (x < size - 1)
    limited = np.clip(np.where(np.isnan(x), x.dtype.type(0), x), 0, size - 1)
    return limited.astype(x.dtype), inside.astype(x.dtype)


def _reflected(x: Array, low: float, high: float) -> tuple[Array, Array]:
    """Return coordinates mirrored at both ends as often as needed, and the slope (1 or -1)."""
    if low == high:
        return np.zeros_like(x), np.zeros_like(x)
    span = high - low
    distance = x - low
    negative = distance < 0
    distance = np.abs(distance)
    flips = np.floor(distance / span)
    rest = distance - flips * span
    odd = flips % 2 == 1
    moved = np.where(odd, high - rest, low + rest)
    slope = np.where(odd, -1.0, 1.0) * np.where(negative, -1.0, 1.0)
    return moved.astype(x.dtype), slope.astype(x.dtype)


def _into_image(x: Array, size: int, padding: str, align_corners: bool) -> tuple[Array, Array]:
    """Move coordinates into the image as the padding mode says."""
    slope = np.ones_like(x)
    if padding == "reflection":
        ends = (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)
        x, slope = _reflected(x, *ends)
    if padding != "zeros":
        x, inside = _clipped(x, size)
        slope = slope * inside
    return x, slope


def _pixels(grid: Tensor, size: int, align_corners: bool) -> Tensor:
    """[-1, 1] -> pixel positions: the outer pixels' centres at -1 and 1, or their outer edges."""
    if align_corners:
        return (grid + 1) * ((size - 1) / 2)
    # As torch rounds it: an identity map puts positions beside pixels, and the side decides slopes.
    return (grid + 1) * (size / 2) - 0.5


def _taken(planes: Tensor, at: list[Array], sizes: tuple[int, ...]) -> Tensor:
    """Return the pixels (N, C, P) at integer positions, (N, P) for each axis; 0 outside."""
    inside = np.ones(at[0].shape, bool)
    flat = np.zeros(at[0].shape, np.int64)
    for position, size in zip(at, sizes, strict=True):
        inside &= (position >= 0) & (position < size)
        flat = flat * size + np.clip(np.nan_to_num(position), 0, size - 1).astype(np.int64)
    n, c, _ = planes.array.shape
    index = np.broadcast_to(flat[:, None, :], (n, c, flat.shape[1]))
    values = planes.gather(2, wrap(index))
    if inside.all():
        return values
    return values.masked_fill(wrap(~inside[:, None, :]), 0.0)


def _linear(planes: Tensor, at: list[Tensor], sizes: tuple[int, ...]) -> Tensor:
    """Mix the 2^n pixels around each position by their distances."""
    lower = [np.floor(x.array) for x in at]
    upper_weight = [x - wrap(low) for x, low in zip(at, lower, strict=True)]
    result: Any = None
    for corner in itertools.product((0, 1), repeat=len(at)):
        weight: Any = None
        for far, w in zip(corner, upper_weight, strict=True):
            part = w if far else 1 - w
            weight = part if weight is None else weight * part
        pixel = _taken(planes, [low + far for low, far in zip(lower, corner, strict=True)], sizes)
        term = pixel * weight.unsqueeze(1)
        result = term if result is None else result + term
    return result


def _cubic_weights(t: Tensor) -> list[Tensor]:
    """Return the weights of four pixels, the position t behind the second (Keys, a = -0.75)."""
    a = -0.75

    def near(d: Any) -> Any:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: Any) -> Any:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _cubic(
    planes: Tensor, at: list[Tensor], sizes: tuple[int, ...], padding: str, align: bool
) -> Tensor:
    """Mix the 4 x 4 pixels around each position; it is they that are moved into the image."""
    y, x = at
    top, left = np.floor(y.array), np.floor(x.array)
    wy, wx = _cubic_weights(y - wrap(top)), _cubic_weights(x - wrap(left))
    result: Any = None
    for i, j in itertools.product(range(4), repeat=2):
        rows, _ = _into_image(top + (i - 1), sizes[0], padding, align)
        columns, _ = _into_image(left + (j - 1), sizes[1], padding, align)
        term = _taken(planes, [rows, columns], sizes) * (wy[i] * wx[j]).unsqueeze(1)
        result = term if result is None else result + term
    return result


def _check(input: Any, grid: Any, mode: str, padding_mode: str) -> None:
    for position, (label, t) in enumerate((("input", input), ("grid", grid)), start=1):
        if not isinstance(t, Tensor):
            raise not_a_tensor("grid_sampler", t, label, position)
    if mode not in _MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or "
            f"'bicubic', but got: '{mode}'"
        )
    if padding_mode not in _PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    x, g = input.array, grid.array
    if x.ndim not in (4, 5) or x.ndim != g.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, "
            f"but got input with sizes {list(x.shape)} and grid with sizes {list(g.shape)}"
        )
    if x.dtype != g.dtype:
        raise RuntimeError(
            "grid_sampler(): expected input and grid to have same dtype, but input has "
            f"{input.dtype} and grid has {grid.dtype}"
        )
    if x.shape[0] != g.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with "
            f"sizes {list(x.shape)} and grid with sizes {list(g.shape)}"
        )
    if g.shape[-1] != x.ndim - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {x.ndim - 2} in last dimension, but got "
            f"grid with sizes {list(g.shape)}"
        )
    if 0 in x.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
            f"sizes {list(x.shape)}"
        )
    if mode == "bicubic" and x.ndim != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


def _default_alignment(align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False "
            "since 1.3.0. Please specify align_corners=True if the old behavior is desired. See "
            "the documentation of grid_sample for details.",
            stacklevel=3,
        )
    return bool(align_corners)


@export(functional=True, public=False)
@autocast("float32")
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return the values of images (or volumes) at given positions.

    Args:
        input: the images.
        grid: for each output pixel a position (x, y) or (x, y, z); the image is [-1, 1].
        mode: "bilinear", "nearest" or "bicubic" (images only).
        padding_mode: what is outside: "zeros", the nearest "border" pixel, or the "reflection".
        align_corners: let -1 and 1 be the centres of the outer pixels rather than their edges.

    Shape:
        input (N, C, H, W), grid (N, OH, OW, 2), result (N, C, OH, OW); volumes have a D before H.

    Raises:
        RuntimeError: shapes or dtypes do not fit.

    Example:
        >>> image = rushlight.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> centre = rushlight.zeros(1, 1, 1, 2)
        >>> rushlight.nn.functional.grid_sample(image, centre, align_corners=False)
        tensor([[[[2.5000]]]])

    Reference:
        Jaderberg et al., "Spatial Transformer Networks", 2015.
    """
    _check(input, grid, mode, padding_mode)
    align = _default_alignment(align_corners)
    n, c, *space = input.array.shape
    sizes = tuple(space)
    out = grid.array.shape[1:-1]
    planes = input.reshape(n, c, -1)
    points = grid.reshape(n, -1, len(sizes))
    # The grid's last axis begins with x, the image's axes end with it.
    at = [_pixels(points[..., -1 - axis], size, align) for axis, size in enumerate(sizes)]
    if mode == "bicubic":
        return _cubic(planes, at, sizes, padding_mode, align).reshape(n, c, *out)
    moved = [
        _into_image(x.array, size, padding_mode, align) for x, size in zip(at, sizes, strict=True)
    ]
    at = [Moved.apply(x, y, slope) for x, (y, slope) in zip(at, moved, strict=True)]
    if mode == "nearest":
        result = _taken(planes, [np.rint(x.array) for x in at], sizes)
    else:
        result = _linear(planes, at, sizes)
    return result.reshape(n, c, *out)


def _base(size: int, align_corners: bool, dtype: Any) -> Array:
    """Return the positions of a row's pixels, from -1 to 1, rounded as torch rounds them."""
    if size <= 1:
        return np.zeros(size, dtype.numpy)
    ends = linspace(-1, 1, size, dtype=dtype).array
    return ends if align_corners else ends * (size - 1) / size


@export(functional=True, public=False)
def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Return the positions that an affine map sends each output pixel to, for `grid_sample`.

    Args:
        theta: the maps.
        size: the size of the output images, (N, C, H, W) or (N, C, D, H, W).
        align_corners: as in `grid_sample`.

    Shape:
        theta (N, 2, 3), result (N, H, W, 2); or (N, 3, 4) and (N, D, H, W, 3).
    """
    if not isinstance(theta, Tensor):
        raise not_a_tensor("affine_grid", theta, "theta")
    if not theta.dtype.is_floating_point:
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    size = tuple(int(s) for s in size)
    spatial = len(size) - 2
    if spatial not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {size}."
        )
    if theta.array.shape[1:] != (spatial, spatial + 1):
        raise ValueError(
            f"Expected a batch of {spatial}D affine matrices of shape Nx{spatial}x{spatial + 1} "
            f"for size {size}. Got {theta.shape}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    align = _default_alignment(align_corners)
    axes = [_base(n, align, theta.dtype) for n in size[2:]]
    planes = np.meshgrid(*axes, indexing="ij")
    points = np.stack([*reversed(planes), np.ones_like(planes[0])], axis=-1)  # (..., x, y, 1)
    flat = wrap(points.reshape(1, -1, spatial + 1))
    return matmul(flat, theta.mT).reshape(size[0], *size[2:], spatial)
