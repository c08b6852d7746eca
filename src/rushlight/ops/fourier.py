"""Discrete Fourier transforms, their sample frequencies and shifts.

Three operators do all of it: complex to complex over several axes, real to half spectrum and half
spectrum to real over one. The gradient of each is one of the others with the scale kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Shape
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..backend.array import array_module
from ..errors import wrap_dim
from ._arguments import allocate, check_dtype, check_layout, dims, finish, require_tensor
from ._autocast import autocast
from ._facade import facade
from .casts import cast
from .complex import Conj, Real
from .indexing import along
from .padding import Pad
from .rearranging import roll

# The scale that belongs to a norm where forward and inverse transform change roles.
_SWAPPED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


class FourierTransform(Op):
    """y = the transform of complex x over axes.  dL/dx = the opposite transform of g."""

    label = "FftC2C"

    def forward(ctx, x: Array, *, axes: Shape, inverse: bool, norm: str) -> Array:
        ctx.axes, ctx.inverse, ctx.norm = axes, inverse, norm
        fft = array_module(x).fft
        transform = fft.ifftn if inverse else fft.fftn
        return transform(x, axes=axes, norm=norm).astype(x.dtype, copy=False)

    def backward(ctx, g: Tensor) -> Tensor:
        return FourierTransform.apply(
            g, axes=ctx.axes, inverse=not ctx.inverse, norm=_SWAPPED[ctx.norm]
        )


class HalfSpectrum(Op):
    """y = the first half of the transform of real x.  dL/dx = Re of g's opposite transform."""

    label = "FftR2C"

    def forward(ctx, x: Array, *, axis: int, norm: str) -> Array:
        ctx.axis, ctx.norm, ctx.length = axis, norm, x.shape[axis]
        y = array_module(x).fft.rfft(x, axis=axis, norm=norm)
        return y.astype(np.result_type(x.dtype, np.complex64), copy=False)

    def backward(ctx, g: Tensor) -> Tensor:
        full = _resized(g, ctx.axis, ctx.length)
        back = FourierTransform.apply(full, axes=(ctx.axis,), inverse=True, norm=_SWAPPED[ctx.norm])
        return Real.apply(back)


class FromHalfSpectrum(Op):
    """y = the real signal whose spectrum begins with x.  dL/dx = the half spectrum of g, doubled
    except where x has no mirror image.
    """

    label = "FftC2R"

    def forward(ctx, x: Array, *, axis: int, length: int, norm: str) -> Array:
        ctx.axis, ctx.norm, ctx.length = axis, norm, length
        y = array_module(x).fft.irfft(x, n=length, axis=axis, norm=norm)
        return y.astype(x.real.dtype, copy=False)

    def backward(ctx, g: Tensor) -> Tensor:
        spectrum = HalfSpectrum.apply(g, axis=ctx.axis, norm=_SWAPPED[ctx.norm])
        size = ctx.length // 2 + 1
        shape = [1] * spectrum.array.ndim
        shape[ctx.axis] = size
        weight = array_module(g.array).full(size, 2.0, g.array.dtype)
        weight[0] = 1
        if ctx.length % 2 == 0:
            weight[-1] = 1
        return spectrum * wrap(weight.reshape(shape))


# --- arguments ---


def _resized(x: Tensor, axis: int, length: int) -> Tensor:
    """Return x cut or padded with zeros at the end of an axis."""
    have = x.array.shape[axis]
    if have == length:
        return x
    if have > length:
        return along(x, axis, 0, length)
    widths = [(0, 0)] * x.array.ndim
    widths[axis] = (0, length - have)
    return Pad.apply(x, widths=tuple(widths), value=0)


def _as_real(name: str, input: Any) -> Tensor:
    x = _supported(name, input)
    if x.array.dtype.kind == "c":
        raise RuntimeError(f"{name} expects a real input tensor, but got {x.dtype.type_name}")
    return x


def _as_complex(name: str, input: Any) -> Tensor:
    x = _supported(name, input)
    if x.array.dtype.kind == "c":
        return x
    return cast(x, x.dtype.to_complex())


def _supported(name: str, input: Any) -> Tensor:
    """Return the input with integers converted to the default dtype."""
    x = require_tensor(name, input)
    if x.array.dtype.kind in "iub":
        return cast(x, dtypes.get_default_dtype())
    if x.dtype.itemsize < 4:
        raise RuntimeError(f"Unsupported dtype {x.dtype.type_name}")
    return x


def _norm(norm: str | None) -> str:
    if norm is None:
        return "backward"
    if norm not in _SWAPPED:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return norm


def _axis(x: Tensor, dim: int) -> int:
    if not x.array.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return wrap_dim(index(dim), x.array.ndim)


def _check_length(length: int) -> int:
    if length < 1:
        raise RuntimeError(f"Invalid number of data points ({length}) specified")
    return length


def _axes(name: str, x: Tensor, s: Any, dim: Any) -> tuple[Shape, list[int]]:
    """Return the axes to transform and their lengths (-1: as it is) from `s` and `dim`."""
    ndim = x.array.ndim
    s = (s,) if isinstance(s, int) else s
    if dim is not None:
        try:
            axes = dims(dim, ndim)
        except RuntimeError:
            raise RuntimeError("FFT dims must be unique") from None
        if s is not None and len(s) != len(axes):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif s is not None:
        if len(s) > ndim:
            raise RuntimeError(
                f"Got shape with {len(s)} values but input tensor only has {ndim} dimensions."
            )
        axes = tuple(range(ndim - len(s), ndim))
    else:
        axes = tuple(range(ndim))
    lengths = [-1] * len(axes) if s is None else [index(n) for n in s]
    for n in lengths:
        if n != -1:
            _check_length(n)
    return axes, lengths


def _fit(x: Tensor, axes: Shape, lengths: Sequence[int]) -> Tensor:
    for axis, length in zip(axes, lengths, strict=True):
        x = _resized(x, axis, x.array.shape[axis] if length == -1 else length)
        _check_length(x.array.shape[axis])
    return x


def _transform(name: str, input: Any, s: Any, dim: Any, norm: Any, inverse: bool) -> Tensor:
    x = _as_complex(name, input)
    axes, lengths = _axes(name, x, s, dim)
    x = _fit(x, axes, lengths)
    scale = _norm(norm)
    return FourierTransform.apply(x, axes=axes, inverse=inverse, norm=scale) if axes else x


def _transform_one(name: str, input: Any, n: Any, dim: int, norm: Any, inverse: bool) -> Tensor:
    x = _as_complex(name, input)
    return _transform(name, x, None if n is None else (n,), (_axis(x, dim),), norm, inverse)


def _to_half(x: Tensor, axes: Shape, lengths: Sequence[int], norm: str) -> Tensor:
    """Transform real x: the last axis to half a spectrum, then the others."""
    x = _fit(x, axes, lengths)
    y = HalfSpectrum.apply(x, axis=axes[-1], norm=norm)
    rest = axes[:-1]
    return FourierTransform.apply(y, axes=rest, inverse=False, norm=norm) if rest else y


def _from_half(x: Tensor, axes: Shape, lengths: Sequence[int], norm: str) -> Tensor:
    """Transform a half spectrum back: all axes but the last, then the last to a real signal."""
    rest, last = axes[:-1], axes[-1]
    length = lengths[-1]
    if length == -1:
        length = 2 * (x.array.shape[last] - 1)
    x = _fit(x, rest, lengths[:-1])
    x = _resized(x, last, _check_length(length) // 2 + 1)
    if rest:
        x = FourierTransform.apply(x, axes=rest, inverse=True, norm=norm)
    return FromHalfSpectrum.apply(x, axis=last, length=length, norm=norm)


def _some_axes(name: str, x: Tensor, s: Any, dim: Any) -> tuple[Shape, list[int]]:
    axes, lengths = _axes(name, x, s, dim)
    if not axes:
        raise RuntimeError(f"{name} must transform at least one axis")
    return axes, lengths


# --- one dimension ---


@facade("fft")
@autocast("float32")
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the discrete Fourier transform along a dimension.

        y_k = sum_j x_j exp(-2 pi i j k / n)

    Args:
        input: a real or complex tensor.
        n: cut the dimension or fill it with zeros to this length first.
        dim: the dimension.
        norm: "backward" (the default, no factor), "forward" (1/n) or "ortho" (1/sqrt(n)).

    Dtype:
        complex64 or complex128; integers are converted to the default dtype first.

    Raises:
        RuntimeError: `n` is less than 1, or `norm` or the dtype is not supported.

    Example:
        >>> rushlight.fft.fft(rushlight.tensor([1.0, 0.0, 0.0, 0.0]))
        tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _transform_one("fft", input, n, dim, norm, False)


@facade("fft")
@autocast("float32")
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the inverse of `fft`; the default norm "backward" divides by n here.

    Example:
        >>> rushlight.fft.ifft(rushlight.tensor([4.0, 0.0, 0.0, 0.0]))
        tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _transform_one("ifft", input, n, dim, norm, True)


@facade("fft")
@autocast("float32")
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the first n // 2 + 1 values of the Fourier transform of a real tensor.

    The others are their complex conjugates. Arguments are those of `fft`.

    Example:
        >>> rushlight.fft.rfft(rushlight.tensor([1.0, 0.0, 0.0, 0.0]))
        tensor([1.+0.j, 1.+0.j, 1.+0.j])
    """
    x = _as_real("rfft", input)
    return _to_half(x, (_axis(x, dim),), (-1 if n is None else _check_length(n),), _norm(norm))


@facade("fft")
@autocast("float32")
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the inverse of `rfft`: a real signal of length `n` (default: the even one that fits).

    Example:
        >>> rushlight.fft.irfft(rushlight.tensor([4.0, 0.0, 0.0]))
        tensor([1., 1., 1., 1.])
    """
    x = _as_complex("irfft", input)
    return _from_half(x, (_axis(x, dim),), (-1 if n is None else _check_length(n),), _norm(norm))


@facade("fft")
@autocast("float32")
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the real Fourier transform of a signal that is its own mirrored conjugate.

    `input` is the first half of the signal, `n` the length of the whole.
    """
    x = _as_complex("hfft", input)
    lengths = (-1 if n is None else _check_length(n),)
    return _from_half(Conj.apply(x), (_axis(x, dim),), lengths, _SWAPPED[_norm(norm)])


@facade("fft")
@autocast("float32")
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the inverse of `hfft`: the first half of the inverse transform of a real tensor."""
    x = _as_real("ihfft", input)
    lengths = (-1 if n is None else _check_length(n),)
    return Conj.apply(_to_half(x, (_axis(x, dim),), lengths, _SWAPPED[_norm(norm)]))


# --- several dimensions ---


@facade("fft")
@autocast("float32")
def fftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return the Fourier transform over several dimensions.

    Args:
        input: a real or complex tensor.
        s: the lengths to cut or fill the dimensions to, -1 to leave one alone.
        dim: the dimensions; if None the last `len(s)`, or all.
        norm: as for `fft`, n being the product of the lengths.

    Raises:
        RuntimeError: `s` and `dim` do not fit each other, or a dimension is named twice.
    """
    return _transform("fftn", input, s, dim, norm, False)


@facade("fft")
@autocast("float32")
def ifftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return the inverse of `fftn`."""
    return _transform("ifftn", input, s, dim, norm, True)


@facade("fft")
@autocast("float32")
def rfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return the Fourier transform of a real tensor, the last of the dimensions halved."""
    x = _as_real("rfftn", input)
    axes, lengths = _some_axes("rfftn", x, s, dim)
    return _to_half(x, axes, lengths, _norm(norm))


@facade("fft")
@autocast("float32")
def irfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return the inverse of `rfftn`."""
    x = _as_complex("irfftn", input)
    axes, lengths = _some_axes("irfftn", x, s, dim)
    return _from_half(x, axes, lengths, _norm(norm))


@facade("fft")
@autocast("float32")
def hfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return the real Fourier transform of a signal that is its own mirrored conjugate."""
    x = _as_complex("hfftn", input)
    axes, lengths = _some_axes("hfftn", x, s, dim)
    # The conjugate turns the inverse transform of the other axes into the forward one as well.
    return _from_half(Conj.apply(x), axes, lengths, _SWAPPED[_norm(norm)])


@facade("fft")
@autocast("float32")
def ihfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return the inverse of `hfftn`."""
    x = _as_real("ihfftn", input)
    axes, lengths = _some_axes("ihfftn", x, s, dim)
    return Conj.apply(_to_half(x, axes, lengths, _SWAPPED[_norm(norm)]))


# --- two dimensions ---


@facade("fft")
@autocast("float32")
def fft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return the Fourier transform over two dimensions, see `fftn`."""
    return fftn(input, s, dim, norm)


@facade("fft")
@autocast("float32")
def ifft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return the inverse of `fft2`."""
    return ifftn(input, s, dim, norm)


@facade("fft")
@autocast("float32")
def rfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return the Fourier transform of a real tensor over two dimensions, see `rfftn`."""
    return rfftn(input, s, dim, norm)


@facade("fft")
@autocast("float32")
def irfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return the inverse of `rfft2`."""
    return irfftn(input, s, dim, norm)


@facade("fft")
@autocast("float32")
def hfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return the real Fourier transform over two dimensions, see `hfftn`."""
    return hfftn(input, s, dim, norm)


@facade("fft")
@autocast("float32")
def ihfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return the inverse of `hfft2`."""
    return ihfftn(input, s, dim, norm)


# --- frequencies and shifts ---


def _frequencies(name: str, n: int, d: float, count: int, options: dict[str, Any]) -> Tensor:
    dtype = check_dtype(name, options.pop("dtype", None)) or dtypes.get_default_dtype()
    check_layout(name, options.pop("layout", None))
    device, requires_grad = options.pop("device", None), options.pop("requires_grad", False)
    out = options.pop("out", None)
    if options:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(options))}'")
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name} requires a floating point or complex dtype")
    places = np.arange(count)
    if name == "fftfreq":
        places[(n + 1) // 2 :] -= n
    values = (places / (n * d) if n else places).astype(dtype.numpy)
    return finish(name, allocate(device, lambda xp: xp.asarray(values)), out, requires_grad)


@facade("fft", out=False)
def fftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """Return the frequencies that the places of `fft`'s result stand for.

    Args:
        n: the length of the signal.
        d: the distance between samples.
        options: `out`, `dtype`, `layout`, `device` and `requires_grad`, as for `zeros`.

    Example:
        >>> rushlight.fft.fftfreq(4)
        tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    return _frequencies("fftfreq", n, d, n, options)


@facade("fft", out=False)
def rfftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """Return the frequencies that the places of `rfft`'s result stand for.

    Example:
        >>> rushlight.fft.rfftfreq(4)
        tensor([0.0000, 0.2500, 0.5000])
    """
    return _frequencies("rfftfreq", n, d, n // 2 + 1, options)


def _shift(name: str, input: Any, dim: Any, half: Any) -> Tensor:
    x = require_tensor(name, input)
    axes = tuple(range(x.array.ndim)) if dim is None else dims(dim, x.array.ndim)
    if not axes:
        return x.clone()
    return roll(x, [half(x.array.shape[axis]) for axis in axes], axes)


@facade("fft", out=False)
def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Move the frequency 0 from the front to the middle of dimensions (default: all).

    Example:
        >>> rushlight.fft.fftshift(rushlight.tensor([0, 1, -2, -1]))
        tensor([-2, -1,  0,  1])
    """
    return _shift("fftshift", input, dim, lambda n: n // 2)


@facade("fft", out=False)
def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Undo `fftshift`."""
    return _shift("ifftshift", input, dim, lambda n: (n + 1) // 2)
