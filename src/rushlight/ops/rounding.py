"""Rounding, clamping, and replacing what is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, install, method
from .._typing import Array, Number
from ..autograd.node import Op
from ..autograd.view import write_
from ..backend import dtype as dtypes
from ..kernels import activation as K
from ._broadcast import sum_to
from ._export import export
from ._in_place import recorded
from ._operands import not_a_tensor, not_implemented
from ._promote import result_type
from ._unary import Step, keep
from .casts import cast


class Ceil(Step):
    """y = the least integer >= x.  dL/dx = 0."""

    f = np.ceil


class Floor(Step):
    """y = the greatest integer <= x.  dL/dx = 0."""

    f = np.floor


class Trunc(Step):
    """y = x without its fraction.  dL/dx = 0."""

    f = np.trunc


class Round(Step):
    """y = the nearest integer, the even one of two.  dL/dx = 0."""

    f = np.rint


class RoundDecimals(Op):
    """y = x rounded to a number of decimals.  dL/dx = 0."""

    label = "Round"

    def forward(ctx, x: Array, *, decimals: int) -> Array:
        wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x
        scale = wide.dtype.type(10.0 ** abs(decimals))
        y = np.rint(wide * scale) / scale if decimals >= 0 else np.rint(wide / scale) * scale
        return y.astype(x.dtype, copy=False)

    def backward(ctx, g: Tensor) -> Tensor:
        return g * 0


class Frac(Op):
    """y = x - trunc(x).  dL/dx = g."""

    def forward(ctx, x: Array) -> Array:
        return x - np.trunc(x)

    def backward(ctx, g: Tensor) -> Tensor:
        return g


class Clamp(Op):
    """y = min(max(x, low), high).  g goes to what y equals; to x where x equals a bound."""

    def forward(ctx, x: Array, low: Any, high: Any) -> Array:
        ctx.save(x, low, high)
        if x.dtype.kind == "V":
            # NumPy would compute bfloat16 beside a Python number in float32.
            low, high = (x.dtype.type(b) if isinstance(b, (int, float)) else b for b in (low, high))
        y = _clamped(x, low, high)
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, low, high = ctx.saved_tensors
        to_x, to_low, to_high = ctx.edges
        a, lo, hi = x.array, _raw(low), _raw(high)
        below = np.False_ if lo is None else np.less(a, lo)
        above = np.False_ if hi is None else np.greater(a, hi)
        crossed = np.False_ if lo is None or hi is None else np.asarray(np.greater_equal(lo, hi))
        # Not ~(below | above): where a bound or x is nan no gradient passes.
        inside = np.True_ if lo is None else np.greater_equal(a, lo)
        gx = keep(g, inside if hi is None else inside & np.less_equal(a, hi)) if to_x else None
        return (
            None if gx is None else sum_to(gx, a.shape),
            sum_to(keep(g, below & ~crossed), lo.shape) if to_low else None,
            sum_to(keep(g, above | (crossed & below)), hi.shape) if to_high else None,
        )


_NUMBERS = (float, int, type(None))


def _clamped(x: Array, low: Any, high: Any, out: Array | None = None) -> Array:
    if out is None and x.dtype.char == "f" and type(low) in _NUMBERS and type(high) in _NUMBERS:
        return K.clamp(x, -np.inf if low is None else low, np.inf if high is None else high)
    if low is None:
        return np.minimum(x, high, out=out)
    if high is None:
        return np.maximum(x, low, out=out)
    y = np.maximum(x, low, out=out)
    # The bounds may have made it larger than x.
    fits = out is None and getattr(high, "shape", ()) == ()
    return np.minimum(y, high, out=y if fits and isinstance(y, np.ndarray) else out)


def _raw(bound: Any) -> Any:
    return bound.array if isinstance(bound, Tensor) else bound


class NanToNum(Op):
    """y = x with NaN and infinities replaced.  dL/dx = g where x is finite, else 0."""

    def forward(ctx, x: Array, *, nan: float, posinf: float, neginf: float) -> Array:
        ctx.save(x)
        as_x = x.dtype.type
        y = np.where(np.isnan(x), as_x(nan), x)
        y = np.where(x == np.inf, as_x(posinf), y)
        return np.where(x == -np.inf, as_x(neginf), y)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return keep(g, np.isfinite(x.array))


def _rounded(op: type[Op], name: str, input: Tensor) -> Tensor:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    kind = input.array.dtype.kind
    if kind in "bc":
        raise not_implemented(name, input)
    return input.clone() if kind in "iu" else op.apply(input)


@export(method=True, out=True, inplace=True, saves_input=False)
def ceil(input: Tensor) -> Tensor:
    """Round each element up."""
    return _rounded(Ceil, "ceil", input)


@export(method=True, out=True, inplace=True, saves_input=False)
def floor(input: Tensor) -> Tensor:
    """Round each element down."""
    return _rounded(Floor, "floor", input)


@export(method=True, out=True, inplace=True, saves_input=False, aliases=["fix"])
def trunc(input: Tensor) -> Tensor:
    """Round each element towards zero."""
    return _rounded(Trunc, "trunc", input)


@export(method=True, out=True, inplace=True, saves_input=False)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Round each element to the nearest number with so many decimals, the even one of two.

    Args:
        input: a real tensor.
        decimals: digits to keep after the point; before the point if negative.

    Example:
        >>> rushlight.round(rushlight.tensor([0.5, 1.5, 2.6]))
        tensor([0., 2., 3.])
        >>> rushlight.round(rushlight.tensor([123.456]), decimals=-1)
        tensor([120.])
    """
    if decimals == 0:
        return _rounded(Round, "round", input)
    if input.array.dtype.kind in "iub":
        raise not_implemented("round_vml", input)
    return RoundDecimals.apply(input, decimals=decimals)


@export(method=True, out=True, inplace=True, saves_input=False)
def frac(input: Tensor) -> Tensor:
    """Return the fraction of each element, with its sign.

    Example:
        >>> rushlight.frac(rushlight.tensor([1.5, -2.25]))
        tensor([ 0.5000, -0.2500])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("frac", input)
    if input.array.dtype.kind in "iubc":
        raise not_implemented("frac", input)
    return Frac.apply(input)


def _bound(value: Any, to: dtypes.dtype) -> Any:
    """Return a bound in the result's dtype."""
    if value is None:
        return None
    if isinstance(value, Tensor):
        return cast(value, to)
    if to.kind == 1:
        limits = dtypes.iinfo(to)
        value = min(max(value, limits.min), limits.max)
    return to.numpy.type(value)


@export(method=True, out=True, inplace=True, aliases=["clip"])
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Limit each element to [min, max].

    Args:
        input: a real tensor.
        min: lower bound, a number or a tensor; None for none.
        max: upper bound, likewise; it wins where it is below `min`.

    Returns:
        a tensor; NaN stays NaN. The gradient is passed on at the bounds.

    Raises:
        RuntimeError: neither bound is given, or `input` is complex.

    Example:
        >>> rushlight.clamp(rushlight.tensor([-2.0, 0.5, 3.0]), min=-1, max=1)
        tensor([-1.0000,  0.5000,  1.0000])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("clamp", input)
    if type(min) in _NUMBERS and type(max) in _NUMBERS and input.array.dtype.kind == "f":
        if min is not None or max is not None:
            return Clamp.apply(input, min, max)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) != isinstance(max, Tensor) and min is not None and max is not None:
        kinds = f"min: {type(min).__name__}, max: {type(max).__name__}"
        raise TypeError(
            f"clamp(): expected both bounds to be Tensors or both to be numbers, got {kinds}"
        )
    to = result_type(*[v for v in (input, min, max) if v is not None])
    if to.is_complex:
        raise NotImplementedError("clamp is not supported for complex types")
    if to is dtypes.bool_:
        raise not_implemented("clamp", input)
    return Clamp.apply(cast(input, to), _bound(min, to), _bound(max, to))


_clamp_recorded = Tensor.clamp_


@method
def clamp_(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Limit each element of this tensor to [min, max]."""
    numbers = type(min) in _NUMBERS and type(max) in _NUMBERS
    given = min is not None or max is not None
    if numbers and given and self.array.dtype.kind == "f" and not recorded(self):
        return write_(self, None, store=lambda x: _clamped(x, min, max, out=x))
    return _clamp_recorded(self, min, max)


install(clip_=clamp_)


def _both_bool(x: Any, bound: Any) -> bool:
    return all(isinstance(t, Tensor) and t.array.dtype.kind == "b" for t in (x, bound))


@export(method=True, out=True, inplace=True)
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Raise each element to at least `min`."""
    if _both_bool(input, min):
        return input | min
    return clamp(input, min=min)


@export(method=True, out=True, inplace=True)
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Lower each element to at most `max`."""
    if _both_bool(input, max):
        return input & max
    return clamp(input, max=max)


@export(method=True, out=True, inplace=True)
def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: Number | None = None,
    neginf: Number | None = None,
) -> Tensor:
    """Replace NaN and infinities.

    Args:
        input: a tensor.
        nan: what replaces NaN (0).
        posinf: what replaces infinity (the dtype's largest number).
        neginf: what replaces -infinity (the dtype's smallest number).

    Example:
        >>> rushlight.nan_to_num(rushlight.tensor([float("nan"), 1.0, float("inf")]), posinf=9.0)
        tensor([0., 1., 9.])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("nan_to_num", input)
    kind = input.array.dtype.kind
    if kind in "iub":
        return input.clone()
    if kind == "c":
        parts = (
            nan_to_num(input.real, nan, posinf, neginf),
            nan_to_num(input.imag, nan, posinf, neginf),
        )
        from .complex import Complex

        return Complex.apply(*parts)
    limits = dtypes.finfo(input.dtype)
    return NanToNum.apply(
        input,
        nan=0.0 if nan is None else nan,
        posinf=limits.max if posinf is None else posinf,
        neginf=limits.min if neginf is None else neginf,
    )
