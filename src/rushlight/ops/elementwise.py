"""Exponentials, logarithms, powers and roots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tensor import Tensor, install, wrap
from .._typing import Array, Number
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..kernels import activation as kernels
from ..kernels._float_errors import quiet
from ._broadcast import sum_to
from ._export import export
from ._operands import as_float, infix_by, not_a_tensor, not_implemented
from ._promote import promote, result_type
from ._unary import Unary, UnaryFromOutput, keep
from .casts import cast
from .complex import conjugate

_LN2, _LN10 = math.log(2), math.log(10)


def _exp2(x: Array) -> Array:
    return np.exp(x * x.dtype.type(_LN2)) if x.dtype.kind == "c" else np.exp2(x)


class Exp(UnaryFromOutput):
    """y = exp(x).  dL/dx = g conj(y)."""

    autocast_cuda = "float32"
    f = staticmethod(kernels.exp)

    def slope(ctx, y: Tensor) -> Tensor:
        return y


class Exp2(UnaryFromOutput):
    """y = 2^x.  dL/dx = g conj(y) ln 2."""

    f = staticmethod(_exp2)

    def slope(ctx, y: Tensor) -> Tensor:
        return y * _LN2


class Expm1(UnaryFromOutput):
    """y = exp(x) - 1.  dL/dx = g conj(y + 1)."""

    autocast_cuda = "float32"
    f = np.expm1

    def slope(ctx, y: Tensor) -> Tensor:
        return y + 1


class Log(Unary):
    """y = ln x.  dL/dx = g / conj(x)."""

    autocast_cuda = "float32"
    f = np.log

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g / conjugate(x)


class Log2(Unary):
    """y = log2 x.  dL/dx = g / conj(x ln 2)."""

    autocast_cuda = "float32"
    f = np.log2

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g / (conjugate(x) * _LN2)


class Log10(Unary):
    """y = log10 x.  dL/dx = g / conj(x ln 10)."""

    autocast_cuda = "float32"
    f = np.log10

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g / (conjugate(x) * _LN10)


class Log1p(Unary):
    """y = ln(1 + x).  dL/dx = g / conj(1 + x)."""

    autocast_cuda = "float32"
    f = staticmethod(kernels.log1p)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g / conjugate(x + 1)


class Sqrt(UnaryFromOutput):
    """y = x^(1/2).  dL/dx = g / conj(2 y)."""

    f = np.sqrt

    def backward(ctx, g: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return g / (conjugate(y) * 2)


class Rsqrt(UnaryFromOutput):
    """y = x^(-1/2).  dL/dx = -g conj(y^3) / 2."""

    autocast_cuda = "float32"

    f = staticmethod(lambda x: np.reciprocal(np.sqrt(x)))

    def slope(ctx, y: Tensor) -> Tensor:
        return y * y * y * -0.5


class Reciprocal(UnaryFromOutput):
    """y = 1 / x.  dL/dx = -g conj(y^2)."""

    autocast_cuda = "float32"
    f = np.reciprocal

    def slope(ctx, y: Tensor) -> Tensor:
        return -(y * y)


@export(method=True, out=True, inplace=True, saves_input=False)
def exp(input: Tensor) -> Tensor:
    """Return e^x of each element.

    Example:
        >>> rushlight.exp(rushlight.tensor([0.0, 1.0]))
        tensor([1.0000, 2.7183])
    """
    return Exp.apply(as_float(input, "exp"))


@export(method=True, out=True, inplace=True, saves_input=False)
def exp2(input: Tensor) -> Tensor:
    """Return 2^x of each element."""
    return Exp2.apply(as_float(input, "exp2"))


@export(method=True, out=True, inplace=True, saves_input=False)
def expm1(input: Tensor) -> Tensor:
    """Return e^x - 1 of each element, exact for small x."""
    return Expm1.apply(as_float(input, "expm1"))


@export(method=True, out=True, inplace=True)
def log(input: Tensor) -> Tensor:
    """Return the natural logarithm of each element.

    Example:
        >>> rushlight.log(rushlight.tensor([1.0, 0.0, -1.0]))
        tensor([0., -inf, nan])
    """
    return Log.apply(as_float(input, "log"))


@export(method=True, out=True, inplace=True)
def log2(input: Tensor) -> Tensor:
    """Return the logarithm to base 2 of each element."""
    return Log2.apply(as_float(input, "log2"))


@export(method=True, out=True, inplace=True)
def log10(input: Tensor) -> Tensor:
    """Return the logarithm to base 10 of each element."""
    return Log10.apply(as_float(input, "log10"))


@export(method=True, out=True, inplace=True)
def log1p(input: Tensor) -> Tensor:
    """Return ln(1 + x) of each element, exact for small x."""
    return Log1p.apply(as_float(input, "log1p"))


@export(method=True, out=True, inplace=True, saves_input=False)
def sqrt(input: Tensor) -> Tensor:
    """Return the square root of each element.

    Example:
        >>> rushlight.sqrt(rushlight.tensor([4.0, 2.0]))
        tensor([2.0000, 1.4142])
    """
    return Sqrt.apply(as_float(input, "sqrt"))


@export(method=True, out=True, inplace=True, saves_input=False)
def rsqrt(input: Tensor) -> Tensor:
    """Return 1 / sqrt(x) of each element."""
    return Rsqrt.apply(as_float(input, "rsqrt"))


@export(method=True, out=True, inplace=True)
def square(input: Tensor) -> Tensor:
    """Return the square of each element.

    Example:
        >>> rushlight.square(rushlight.tensor([-2.0, 3.0]))
        tensor([4., 9.])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("square", input)
    return pow(input, 2)


@export(method=True, out=True, inplace=True, saves_input=False)
def reciprocal(input: Tensor) -> Tensor:
    """Return 1 / x of each element."""
    return Reciprocal.apply(as_float(input, "reciprocal"))


def _divide_by(x: Tensor, other: Any) -> Tensor:
    """Return other / x as torch computes it, which rounds twice."""
    return Reciprocal.apply(as_float(x, "reciprocal")) * other


_reversed_division = infix_by(_divide_by)
install(__rtruediv__=_reversed_division, __rdiv__=_reversed_division)


# --- powers ---


@quiet
def _power(x: Any, y: Any) -> Array:
    if (x if hasattr(x, "dtype") else y).dtype.kind in "iu" and np.any(np.less(y, 0)):
        return _integer_power(np.asarray(x), np.asarray(y))
    return np.power(x, y)


def _integer_power(x: Array, y: Array) -> Array:
    """1 / x^|y| rounded towards zero, which only 1 and -1 survive (and 1 / 0 gives 0)."""
    dtype = np.result_type(x, y)
    positive = np.power(x, np.maximum(y, 0))
    unit = np.where(x == 1, 1, np.where(x == -1, np.where(y % 2 == 0, 1, -1), 0))
    return np.where(y < 0, unit, positive).astype(dtype)


class PowNumber(Op):
    """z = x^n for a number n.  dL/dx = g conj(n x^(n-1)), 0 for n = 0."""

    autocast_cuda = "float32"
    label = "Pow"

    def forward(ctx, x: Array, *, exponent: Number) -> Array:
        ctx.save(x)
        ctx.exponent = exponent
        return _power_by_number(x, exponent)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        n = ctx.exponent
        if n == 0:
            return keep(g, np.asarray(False))
        if n == 1:
            return g
        slope = x if n == 2 else PowNumber.apply(x, exponent=n - 1)
        return g * conjugate(slope * n)


@quiet
def _power_by_number(x: Array, n: Number) -> Array:
    if n == 2:
        return np.square(x)
    if n == 3:
        return x * x * x
    if x.dtype.kind not in "iu":
        if n == 0.5:
            return np.sqrt(x)
        if n == -1:
            return np.reciprocal(x)
    try:
        return np.power(x, x.dtype.type(n))
    except OverflowError:
        raise RuntimeError(
            f"value cannot be converted to type {x.dtype.name}_t without overflow"
        ) from None


class Pow(Op):
    """z = x^y.  dL/dx = g conj(y x^(y-1)), 0 if y = 0; dL/dy = g conj(z ln x), 0 if z = x = 0."""

    autocast_cuda = "float32"

    def forward(ctx, x: Array, y: Array, *, of_number: bool = False) -> Array:
        z = _power(x, y)
        ctx.overload = 2 if of_number else 1
        ctx.save(x, y, z)
        return z

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y, z = ctx.saved_tensors
        to_x, to_y = ctx.edges
        gx = gy = None
        if to_x:
            gx = keep(g * conjugate(y * Pow.apply(x, y - 1)), y.array != 0)
            gx = sum_to(gx, x.array.shape)
        if to_y:
            gy = g * conjugate(z * Log.apply(x))
            at_zero = (x.array == 0) & (y.array.real >= 0)
            gy = sum_to(keep(gy, ~at_zero) if at_zero.any() else gy, y.array.shape)
        return gx, gy


@export(method=True, out=True, inplace=True)
def pow(input: Any, exponent: Any) -> Tensor:
    """Raise `input` to the power `exponent`; either may be a number.

    Raises:
        RuntimeError: an integer tensor is raised to a negative integer number.

    Example:
        >>> rushlight.pow(rushlight.tensor([1.0, 2.0, 3.0]), 2)
        tensor([1., 4., 9.])
        >>> rushlight.pow(2, rushlight.tensor([1, 2, 3]))
        tensor([2, 4, 8])
    """
    x, y = promote(input, exponent)
    if isinstance(x, Tensor) and not isinstance(exponent, Tensor):
        if x.array.dtype.kind in "iub":
            if exponent < 0:
                raise RuntimeError("Integers to negative integer powers are not allowed.")
            if x.array.dtype.kind == "b":
                x = cast(x, dtypes.int64)
        return PowNumber.apply(x, exponent=exponent)
    of_number = not isinstance(x, Tensor)
    if of_number:
        x = wrap(np.asarray(x, y.array.dtype))
    if x.array.dtype.kind == "b":
        raise not_implemented("pow", x)
    return Pow.apply(x, y, of_number=of_number)


@export(method=True, out=True, inplace=True)
def float_power(input: Any, exponent: Any) -> Tensor:
    """Raise `input` to the power `exponent` in float64 (complex128 for complex operands)."""
    wide = dtypes.complex128 if result_type(input, exponent).is_complex else dtypes.float64
    x = cast(input, wide) if isinstance(input, Tensor) else input
    y = cast(exponent, wide) if isinstance(exponent, Tensor) else exponent
    return pow(x, y)


install(__pow__=infix_by(pow), __rpow__=infix_by(pow, swapped=True))
install(__ipow__=infix_by(Tensor.pow_))
