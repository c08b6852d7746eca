"""Functions of two arguments beside arithmetic: angles, signs, exponents, divisors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..autograd.node import Op
from ._broadcast import sum_to
from ._export import export
from ._operands import as_float, as_floats, both_tensors, not_a_tensor, not_implemented
from ._promote import promote
from ._return_types import return_type
from ._unary import keep

_LN2 = math.log(2)
frexp_result = return_type("frexp", "mantissa", "exponent")


class Atan2(Op):
    """z = the angle of the point (y, x).  dz/dx = y / (x^2 + y^2), dz/dy = -x / (x^2 + y^2)."""

    autocast_cuda = "promote"

    def forward(ctx, x: Array, y: Array) -> Array:
        ctx.save(x, y)
        return np.arctan2(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.edges
        square = x * x + y * y
        # At the origin, where there is no angle, torch's gradient is 0.
        scaled = keep(g / square, square.array != 0)
        return (
            sum_to(scaled * y, x.array.shape) if to_x else None,
            sum_to(-scaled * x, y.array.shape) if to_y else None,
        )


class Hypot(Op):
    """z = (x^2 + y^2)^(1/2).  dz/dx = x / z, dz/dy = y / z."""

    def forward(ctx, x: Array, y: Array) -> Array:
        z = np.hypot(x, y)
        ctx.save(x, y, z)
        return z

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y, z = ctx.saved_tensors
        to_x, to_y = ctx.edges
        return (
            sum_to(g * (x / z), x.array.shape) if to_x else None,
            sum_to(g * (y / z), y.array.shape) if to_y else None,
        )


class LogAddExp(Op):
    """z = log_b(b^x + b^y), b = e or 2.  dz/dx = 1 / (1 + b^(y-x)), likewise dz/dy."""

    def forward(ctx, x: Array, y: Array, *, base2: bool) -> Array:
        ctx.save(x, y)
        ctx.base2 = base2
        return np.logaddexp2(x, y) if base2 else np.logaddexp(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.edges
        # 1 / (1 + exp(t)) itself would have a second derivative inf / inf at large t.
        difference = (x - y) * _LN2 if ctx.base2 else x - y
        return (
            sum_to(g * difference.sigmoid(), x.array.shape) if to_x else None,
            sum_to(g * (-difference).sigmoid(), y.array.shape) if to_y else None,
        )


class ComplexLogAddExp(Op):
    """z = ln(e^x + e^y).  dL/dx = g / conj(1 + e^(y-x)), likewise dL/dy."""

    label = "Logaddexp"

    def forward(ctx, x: Array, y: Array) -> Array:
        ctx.save(x, y)
        swap = x.real < y.real
        high: Any = np.where(swap, y, x)
        low: Any = np.where(swap, x, y)
        # Both -inf, the logarithm of nothing: their difference would be NaN.
        return np.where(np.isneginf(high.real), low, high + np.log1p(np.exp(low - high)))

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.edges
        return (
            sum_to(g * (x - y).sigmoid().conj(), x.array.shape) if to_x else None,
            sum_to(g * (y - x).sigmoid().conj(), y.array.shape) if to_y else None,
        )


class Copysign(Op):
    """z = |x| with the sign of y.  dL/dx = g z / x, 0 at x = 0; dL/dy = 0."""

    def forward(ctx, x: Array, y: Array) -> Array:
        z = np.copysign(x, y)
        ctx.shapes = x.shape, getattr(y, "shape", ())
        with_sign = np.where(np.signbit(x) == np.signbit(z), x.dtype.type(1), x.dtype.type(-1))
        ctx.save(np.where(x == 0, x.dtype.type(0), with_sign))
        return z

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        (ratio,) = ctx.saved_tensors
        x_shape, y_shape = ctx.shapes
        to_x, to_y = ctx.edges
        return sum_to(g * ratio, x_shape) if to_x else None, sum_to(
            g * 0, y_shape
        ) if to_y else None


class Frexp(Op):
    """x = m 2^e with 1/2 <= |m| < 1.  dm/dx = 2^-e."""

    nondifferentiable = (1,)

    def forward(ctx, x: Array) -> tuple[Array, Array]:
        mantissa, exponent = np.frexp(x)
        ctx.save(np.ldexp(np.ones_like(x), -exponent))
        return mantissa, np.asarray(exponent, dtype=np.int32)

    def backward(ctx, g: Tensor, _: Any) -> Tensor:
        (scale,) = ctx.saved_tensors
        return g * scale


class Pairwise(Op):
    """z = f(x, y) without gradient."""

    differentiable = False

    def forward(ctx, x: Array, y: Array, *, ufunc: Any) -> Array:
        return ufunc(x, y)


class NextAfter(Op):
    """z = the number next to x towards y.  dL/dx = g where x differs from y, else 0; dL/dy = 0."""

    def forward(ctx, x: Array, y: Array) -> Array:
        ctx.shapes = x.shape, y.shape
        ctx.moved = np.not_equal(x, y)
        return np.nextafter(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x_shape, y_shape = ctx.shapes
        to_x, to_y = ctx.edges
        gx = sum_to(keep(g, ctx.moved), x_shape) if to_x else None
        return gx, sum_to(g * 0, y_shape) if to_y else None


@export(method=True, out=True, inplace=True, aliases=["arctan2"])
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """Return the angle of the point (other, input), in (-pi, pi].

    Example:
        >>> rushlight.atan2(rushlight.tensor([1.0]), rushlight.tensor([-1.0]))
        tensor([2.3562])
    """
    return Atan2.apply(*_real_floats("atan2", input, other))


@export(method=True, out=True, inplace=True)
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """Return the length of the hypotenuse, sqrt(x^2 + y^2), without overflow.

    Example:
        >>> rushlight.hypot(rushlight.tensor([3.0]), rushlight.tensor([4.0]))
        tensor([5.])
    """
    return Hypot.apply(*_same_floats("hypot", input, other))


@export(method=True, out=True)
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """Return ln(e^x + e^y) without overflow, also of complex numbers."""
    if isinstance(input, Tensor) and input.array.dtype.kind == "c":
        both_tensors("logaddexp", input, other)
        return ComplexLogAddExp.apply(*promote(input, other))
    return LogAddExp.apply(*_same_floats("logaddexp", input, other), base2=False)


@export(method=True, out=True)
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """Return log2(2^x + 2^y) without overflow."""
    return LogAddExp.apply(*_same_floats("logaddexp2", input, other), base2=True)


@export(method=True, out=True, inplace=True)
def copysign(input: Tensor, other: Any) -> Tensor:
    """Return the elements of `input` with the signs of `other`'s."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("copysign", input)
    x, y = as_floats(input, other)
    if x.array.dtype.kind == "c":
        raise not_implemented("copysign", x)
    return Copysign.apply(x, y)


@export(method=True, out=True, inplace=True)
def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """Return the number next to `input`'s towards `other`'s."""
    return NextAfter.apply(*_same_floats("nextafter", input, other))


@export(method=True, out=True, inplace=True)
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """Return 0 where `input` < 0, 1 where it is > 0, and `values` where it is 0.

    Raises:
        RuntimeError: the dtypes differ, or an argument is complex.
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("heaviside", input)
    if not isinstance(values, Tensor):
        raise not_a_tensor("heaviside", values, "values", 2)
    if input.dtype.is_complex or values.dtype.is_complex:
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")

    def step(x: Array, at_zero: Array) -> Array:
        y: Array = np.where(x == 0, at_zero, np.greater(x, 0))
        return y.astype(x.dtype)

    return Pairwise.apply(input, values, ufunc=step)


@export(method=True, out=True, inplace=True)
def gcd(input: Tensor, other: Tensor) -> Tensor:
    """Return the greatest common divisor of each pair of integers."""
    return Pairwise.apply(*_integers("gcd", input, other), ufunc=np.gcd)


@export(method=True, out=True, inplace=True)
def lcm(input: Tensor, other: Tensor) -> Tensor:
    """Return the least common multiple of each pair of integers."""
    return Pairwise.apply(*_integers("lcm", input, other), ufunc=np.lcm)


@export(method=True, out=True, inplace=True)
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """Return input 2^other.

    Example:
        >>> rushlight.ldexp(rushlight.tensor([1.0, 3.0]), rushlight.tensor([1, 2]))
        tensor([ 2., 12.])
    """
    both_tensors("ldexp", input, other)
    return input * as_float(other, "ldexp").exp2()


@export(method=True)
def frexp(input: Tensor) -> Any:
    """Split each element into a mantissa in [1/2, 1) and an exponent of 2.

    Returns:
        a named tuple (mantissa, exponent).

    Raises:
        RuntimeError: `input` is not floating point.
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("frexp", input)
    if not input.dtype.is_floating_point:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return frexp_result(Frexp.apply(input))


def _real_floats(name: str, x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Promote two real tensors; integers become the default dtype."""
    both_tensors(name, x, y)
    x, y = as_floats(x, y)
    if x.array.dtype.kind == "c":
        raise not_implemented(name, x)
    return x, y


def _same_floats(name: str, x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Promote two real tensors of which one is floating point."""
    both_tensors(name, x, y)
    x, y = promote(x, y)
    if x.array.dtype.kind in "iubc":
        raise not_implemented(name, x)
    return x, y


def _integers(name: str, x: Any, y: Any) -> tuple[Tensor, Tensor]:
    both_tensors(name, x, y)
    x, y = promote(x, y)
    if x.array.dtype.kind not in "iu":
        raise not_implemented(name, x)
    return x, y
