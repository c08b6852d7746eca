"""Resampling to another size, and moving channels into space and back."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from .._typing import Array
from ..autograd.node import Op
from ..backend.memory_format import in_format, is_channels_last
from ..kernels import resize as K
from ._export import export
from .casts import to_format

_KERNEL_MODES = {
    "nearest": "nearest",
    "nearest-exact": "nearest-exact",
    "linear": "linear",
    "bilinear": "linear",
    "trilinear": "linear",
    "bicubic": "cubic",
}
# The number of spatial axes each mode works on.
_AXES = {
    "nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "area": (1, 2, 3), "linear": (1,),
    "bilinear": (2,), "bicubic": (2,), "trilinear": (3,),
}  # fmt: skip


class Resize(Op):
    """y = x resampled; a linear map.  dL/dx = its transpose applied to g."""

    def name(ctx) -> str:
        mode, dims = str(ctx.options["mode"]), len(ctx.input_size)
        title = "".join(part.capitalize() for part in mode.split("-"))
        if mode in ("linear", "cubic"):
            title = (("", "Bi", "Tri")[dims - 1] + mode).capitalize()
        return f"Upsample{title}{dims}DBackward0"

    def forward(ctx, x: Array, *, size: tuple[int, ...], **options: Any) -> Array:
        ctx.input_size, ctx.options = x.shape[2:], options
        return in_format(K.resize(x, size=size, **options), is_channels_last(x))

    def backward(ctx, g: Tensor) -> Tensor:
        return ResizeGrad.apply(g, input_size=ctx.input_size, **ctx.options)


class ResizeGrad(Op):
    """gx of Resize, linear in g.  dL/dg = gg resampled."""

    label = "UpsampleBackward"

    def forward(ctx, g: Array, *, input_size: tuple[int, ...], **options: Any) -> Array:
        ctx.size, ctx.options = g.shape[2:], options
        return in_format(K.resize_grad(g, input_size=input_size, **options), is_channels_last(g))

    def backward(ctx, gg: Tensor) -> Tensor:
        return Resize.apply(gg, size=ctx.size, **ctx.options)


def _target(
    x: Tensor, size: Any, factor: Any, spatial: int
) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    """Return the output's size and, where the caller gave them, the factors."""
    if size is not None and factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        sizes = (
            tuple(int(n) for n in size)
            if isinstance(size, (list, tuple))
            else (int(size),) * spatial
        )
        if len(sizes) != spatial:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input "
                f"with spatial dimensions of {list(x.array.shape[2:])} and output size of {size}. "
                "Please provide input tensor in (N, C, d1, d2, ...,dK) format and output size in "
                "(o1, o2, ...,oK) format."
            )
        return sizes, None
    if factor is None:
        raise ValueError("either size or scale_factor should be defined")
    factors = (
        tuple(float(f) for f in factor)
        if isinstance(factor, (list, tuple))
        else (float(factor),) * spatial
    )
    if len(factors) != spatial:
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got "
            f"input with spatial dimensions of {list(x.array.shape[2:])} and scale_factor of "
            f"shape {factor}."
        )
    return tuple(
        math.floor(n * f) for n, f in zip(x.array.shape[2:], factors, strict=True)
    ), factors


@export(functional=True, public=False)
def interpolate(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Resample signals (N, C, L), images (N, C, H, W) or volumes (N, C, D, H, W).

    Args:
        input: the tensor.
        size: the new size of the spatial axes; or
        scale_factor: their factor.
        mode: "nearest", "nearest-exact", "area", "linear" (1 axis), "bilinear", "bicubic" (2) or
            "trilinear" (3).
        align_corners: put the corner elements' centres, rather than their corners, on each other.
        recompute_scale_factor: use the factor that the rounded size amounts to.
        antialias: widen the filter when shrinking (bilinear and bicubic).

    Example:
        >>> rushlight.nn.functional.interpolate(rushlight.tensor([[[1.0, 2.0]]]), scale_factor=2)
        tensor([[[1., 1., 2., 2.]]])

    Reference:
        Keys, "Cubic convolution interpolation for digital image processing", 1981.
    """
    spatial = input.array.ndim - 2
    if mode not in _AXES:
        raise NotImplementedError(f"interpolate: unknown mode {mode!r}; one of {', '.join(_AXES)}")
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | "
                "bilinear | bicubic | trilinear"
            )
    if spatial not in _AXES[mode]:
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the "
            "modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact "
            f"(got {mode})"
        )
    if antialias and not (mode in ("bilinear", "bicubic") and spatial == 2):
        raise ValueError("Anti-alias option is only supported for bilinear and bicubic modes")
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    sizes, factors = _target(input, size, scale_factor, spatial)
    if recompute_scale_factor:
        factors = None
    if any(n <= 0 for n in (*sizes, *input.array.shape[2:])):
        raise RuntimeError(
            "Input and output sizes should be greater than 0, but got input "
            f"({', '.join(map(str, input.array.shape[2:]))}) output ({', '.join(map(str, sizes))})"
        )
    if mode == "area":
        from . import pool

        return getattr(pool, f"adaptive_avg_pool{spatial}d")(input, sizes)
    return Resize.apply(
        input,
        size=sizes,
        mode=_KERNEL_MODES[mode],
        align_corners=bool(align_corners),
        antialias=antialias,
        scales=factors,
    )


@export(functional=True, public=False)
def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Resample to a larger size; the older name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)


@export(functional=True, public=False)
def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Resample by repeating the nearest element."""
    return interpolate(input, size, scale_factor, mode="nearest")


@export(functional=True, public=False)
def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Resample images bilinearly, corners aligned."""
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


@export(functional=True)
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Move channels into space: (*, C r^2, H, W) to (*, C, H r, W r).

    Reference:
        Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016.
    """
    r = upscale_factor
    _check_shuffle("pixel_shuffle", input, r)
    *lead, c, h, w = input.array.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    n = len(lead)
    x = input.reshape(*lead, c // (r * r), r, r, h, w)
    x = x.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)  # (*, C, H, r, W, r)
    return _as_input(x.reshape(*lead, c // (r * r), h * r, w * r), input)


@export(functional=True)
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Move space into channels: (*, C, H r, W r) to (*, C r^2, H, W)."""
    r = downscale_factor
    _check_shuffle("pixel_unshuffle", input, r)
    *lead, c, h, w = input.array.shape
    if h % r or w % r:
        name, extent = ("height", h) if h % r else ("width", w)
        raise RuntimeError(
            f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
            f"input.size={extent} is not divisible by {r}"
        )
    n = len(lead)
    x = input.reshape(*lead, c, h // r, r, w // r, r)
    x = x.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)  # (*, C, r, r, H, W)
    return _as_input(x.reshape(*lead, c * r * r, h // r, w // r), input)


def _as_input(x: Tensor, input: Tensor) -> Tensor:
    """Return `x` channels-last if the input is."""
    return to_format(x, last=True) if is_channels_last(input.array) else x


def _check_shuffle(name: str, input: Tensor, factor: int) -> None:
    if input.array.ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {input.ndim} "
            "dimension(s)"
        )
    if factor <= 0:
        raise RuntimeError(f"{name} expects a positive factor, but got {factor}")


@export(functional=True)
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave groups of channels: (N, g c, ...) is transposed to (N, c g, ...).

    Reference:
        Zhang et al., "ShuffleNet", 2018.
    """
    if input.array.ndim < 3:
        raise RuntimeError(
            "channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    n, c, *space = input.array.shape
    if groups <= 0 or c % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    x = input.reshape(n, groups, c // groups, *space).transpose(1, 2)
    return _as_input(x.reshape(input.array.shape), input)
