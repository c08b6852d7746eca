"""Comparisons, logic, tests of each element, and the larger or smaller of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, install
from .._typing import Array
from ..autograd.node import Op
from ..kernels._float_errors import quiet
from ._arguments import require_tensor
from ._broadcast import sum_to
from ._export import export
from ._operands import both_tensors, infix, not_a_tensor
from ._promote import promote
from ._unary import keep

# --- comparisons ---


class Compare(Op):
    """z = whether x and y are in a relation.  No gradient."""

    differentiable = False
    ufunc: Any = None

    def forward(ctx, x: Array, y: Array) -> Array:
        z = ctx.ufunc(x, y)
        return z


class Order(Compare):
    """z = whether x comes before y in some order; complex numbers have none."""

    def forward(ctx, x: Array, y: Array) -> Array:
        if (x if hasattr(x, "dtype") else y).dtype.kind == "c":
            name = type(ctx).__name__.lower()
            raise NotImplementedError(f'"{name}_cpu" not implemented for complex tensors')
        return super().forward(x, y)


class Eq(Compare):
    """z = x == y."""

    ufunc = np.equal


class Ne(Compare):
    """z = x != y."""

    ufunc = np.not_equal


class Lt(Order):
    """z = x < y."""

    ufunc = np.less


class Le(Order):
    """z = x <= y."""

    ufunc = np.less_equal


class Gt(Order):
    """z = x > y."""

    ufunc = np.greater


class Ge(Order):
    """z = x >= y."""

    ufunc = np.greater_equal


def _operands(name: str, input: Any, other: Any) -> tuple[Any, Any]:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    return promote(input, other)


@export(method=True, out=True, inplace=True, saves_input=False)
def eq(input: Tensor, other: Any) -> Tensor:
    """Tell for each element whether it equals `other`'s.

    Example:
        >>> rushlight.eq(rushlight.tensor([1, 2]), rushlight.tensor([1, 3]))
        tensor([ True, False])
    """
    return Eq.apply(*_operands("eq", input, other))


@export(method=True, out=True, inplace=True, saves_input=False, aliases=["not_equal"])
def ne(input: Tensor, other: Any) -> Tensor:
    """Tell for each element whether it differs from `other`'s."""
    return Ne.apply(*_operands("ne", input, other))


@export(method=True, out=True, inplace=True, saves_input=False, aliases=["less"])
def lt(input: Tensor, other: Any) -> Tensor:
    """Tell for each element whether it is less than `other`'s."""
    return Lt.apply(*_operands("lt", input, other))


@export(method=True, out=True, inplace=True, saves_input=False, aliases=["less_equal"])
def le(input: Tensor, other: Any) -> Tensor:
    """Tell for each element whether it is at most `other`'s."""
    return Le.apply(*_operands("le", input, other))


@export(method=True, out=True, inplace=True, saves_input=False, aliases=["greater"])
def gt(input: Tensor, other: Any) -> Tensor:
    """Tell for each element whether it is greater than `other`'s."""
    return Gt.apply(*_operands("gt", input, other))


@export(method=True, out=True, inplace=True, saves_input=False, aliases=["greater_equal"])
def ge(input: Tensor, other: Any) -> Tensor:
    """Tell for each element whether it is at least `other`'s."""
    return Ge.apply(*_operands("ge", input, other))


install(__eq__=infix(Eq), __ne__=infix(Ne), __lt__=infix(Lt))
install(__le__=infix(Le), __gt__=infix(Gt), __ge__=infix(Ge))


@export(method=True)
def equal(input: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors have the same shape and elements (NaN differs from itself).

    Example:
        >>> rushlight.equal(rushlight.tensor([1, 2]), rushlight.tensor([1, 2]))
        True
    """
    both_tensors("equal", input, other)
    x, y = promote(input, other)
    return x.array.shape == y.array.shape and bool(np.equal(x.array, y.array).all().item())


@quiet
def _close(x: Array, y: Array, rtol: float, atol: float, equal_nan: bool) -> Array:
    close = np.equal(x, y)
    if x.dtype.kind in "iub":
        wide = np.int64 if x.dtype.kind != "b" else np.int8
        x, y = x.astype(wide), y.astype(wide)
        if rtol == 0 and atol == 0:
            return close
    if x.dtype.kind not in "iub":
        if equal_nan:
            close = close | (np.isnan(x) & np.isnan(y))
        if rtol == 0 and atol == 0:
            return close
    allowed = atol + np.abs(rtol * y)
    distance = np.abs(x - y)
    return close | (np.isfinite(distance) & (distance <= allowed))


class IsClose(Op):
    """z = |x - y| <= atol + rtol |y|, or x equals y.  No gradient."""

    differentiable = False

    def forward(ctx, x: Array, y: Array, *, rtol: float, atol: float, equal_nan: bool) -> Array:
        return _close(x, y, rtol, atol, equal_nan)


@export(method=True)
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Tell for each element whether it is close to `other`'s: |x - y| <= atol + rtol |y|.

    Args:
        input: a tensor.
        other: a tensor of the same dtype.
        rtol: relative tolerance.
        atol: absolute tolerance.
        equal_nan: whether two NaNs are close.

    Raises:
        RuntimeError: the dtypes differ, or a tolerance is negative.

    Example:
        >>> rushlight.isclose(rushlight.tensor([1.0, 2.0]), rushlight.tensor([1.0, 2.1]))
        tensor([ True, False])
    """
    require_tensor("isclose", input)
    require_tensor("isclose", other, "other", 2)
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype.type_name} did not match {other.dtype.type_name}")
    for label, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance < 0:
            raise RuntimeError(
                f"{label} must be greater than or equal to zero, but got {tolerance}"
            )
    return IsClose.apply(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


@export(method=True)
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Tell whether all elements are close; see `isclose`.

    Example:
        >>> rushlight.allclose(rushlight.tensor([1.0]), rushlight.tensor([1.0 + 1e-7]))
        True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all().item())


# --- tests of each element ---


class Test(Op):
    """y = whether x has a property.  No gradient."""

    __test__ = False  # not a test case, whatever pytest thinks of the name
    differentiable = False

    def forward(ctx, x: Array, *, test: Any) -> Array:
        return test(x)


def _test(name: str, input: Tensor, test: Any, integers: bool) -> Tensor:
    """Apply a test that integers answer all alike."""
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    if input.array.dtype.kind in "iub":
        return constant_mask(input, integers)
    return Test.apply(input, test=test)


def constant_mask(input: Tensor, value: bool) -> Tensor:
    """Return a boolean tensor of `input`'s shape, all True or all False."""
    return Test.apply(input, test=lambda x: np.full_like(x, value, dtype=np.bool_))


@export(method=True)
def isnan(input: Tensor) -> Tensor:
    """Tell for each element whether it is NaN (for complex ones: either part)."""
    return _test("isnan", input, np.isnan, False)


@export(method=True)
def isinf(input: Tensor) -> Tensor:
    """Tell for each element whether it is infinite (for complex ones: either part)."""
    return _test("isinf", input, np.isinf, False)


@export(method=True)
def isfinite(input: Tensor) -> Tensor:
    """Tell for each element whether it is neither infinite nor NaN."""
    return _test("isfinite", input, np.isfinite, True)


@export(method=True, out=True)
def isposinf(input: Tensor) -> Tensor:
    """Tell for each element whether it is positive infinity."""
    _refuse_complex("isposinf", input)
    return _test("isposinf", input, lambda x: np.equal(x, np.inf), False)


@export(method=True, out=True)
def isneginf(input: Tensor) -> Tensor:
    """Tell for each element whether it is negative infinity."""
    _refuse_complex("isneginf", input)
    return _test("isneginf", input, lambda x: np.equal(x, -np.inf), False)


@export(method=True, out=True)
def signbit(input: Tensor) -> Tensor:
    """Tell for each element whether its sign bit is set (so for -0 too)."""
    _refuse_complex("signbit", input)
    if input.array.dtype.kind in "iub":
        return Test.apply(input, test=lambda x: np.less(x, 0))
    return Test.apply(input, test=np.signbit)


@export(method=True)
def isreal(input: Tensor) -> Tensor:
    """Tell for each element whether its imaginary part is 0."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("isreal", input)
    if input.array.dtype.kind != "c":
        return constant_mask(input, True)
    return Test.apply(input, test=lambda x: np.equal(x.imag, 0))


def _refuse_complex(name: str, input: Any) -> None:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    if input.array.dtype.kind == "c":
        raise NotImplementedError(f"{name} is not implemented for complex tensors.")


# --- logic ---


class Logic(Op):
    """z = a logical function of whether x and y are nonzero.  No gradient."""

    differentiable = False

    def forward(ctx, *operands: Array, ufunc: Any) -> Array:
        return ufunc(*operands).astype(np.bool_, copy=False)


def _logic(name: str, ufunc: Any, input: Tensor, other: Tensor) -> Tensor:
    both_tensors(name, input, other)
    if input.array.dtype != other.array.dtype:
        input, other = input != 0, other != 0
    return Logic.apply(input, other, ufunc=ufunc)


@export(method=True, out=True, inplace=True, saves_input=False)
def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Tell for each pair of elements whether both are nonzero."""
    return _logic("logical_and", np.logical_and, input, other)


@export(method=True, out=True, inplace=True, saves_input=False)
def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Tell for each pair of elements whether at least one is nonzero."""
    return _logic("logical_or", np.logical_or, input, other)


@export(method=True, out=True, inplace=True, saves_input=False)
def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Tell for each pair of elements whether exactly one is nonzero."""
    return _logic("logical_xor", np.logical_xor, input, other)


@export(method=True, out=True, inplace=True, saves_input=False)
def logical_not(input: Tensor) -> Tensor:
    """Tell for each element whether it is zero."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("logical_not", input)
    return Logic.apply(input, ufunc=np.logical_not)


# --- the larger or smaller of two ---


class Extremum(Op):
    """z = max(x, y) or min(x, y), NaN if either is.  g goes to the chosen one, halved at ties."""

    ufunc: Any = None
    loses: Any = None

    def forward(ctx, x: Array, y: Array) -> Array:
        ctx.save(x, y)
        return ctx.ufunc(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.edges
        ties = np.equal(x.array, y.array)
        if ties.any():
            number = g.array.dtype.type
            g = g * np.where(ties, number(0.5), number(1))
        return (
            sum_to(keep(g, ~ctx.loses(x.array, y.array)), x.array.shape) if to_x else None,
            sum_to(keep(g, ~ctx.loses(y.array, x.array)), y.array.shape) if to_y else None,
        )


class Maximum(Extremum):
    """z = max(x, y), NaN if either is.  The gradient goes to the larger, halved at ties."""

    ufunc, loses = np.maximum, np.less


class Minimum(Extremum):
    """z = min(x, y), NaN if either is.  The gradient goes to the smaller, halved at ties."""

    ufunc, loses = np.minimum, np.greater


class NumberExtremum(Op):
    """z = max(x, y) or min(x, y), the other one if one is NaN.  At ties the gradient goes to x."""

    ufunc: Any = None
    wins: Any = None

    def forward(ctx, x: Array, y: Array) -> Array:
        ctx.save(x, y)
        return ctx.ufunc(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.edges
        first = ctx.wins(x.array, y.array) | np.isnan(y.array)
        return (
            sum_to(keep(g, first), x.array.shape) if to_x else None,
            sum_to(keep(g, ~first), y.array.shape) if to_y else None,
        )


class Fmax(NumberExtremum):
    """z = max(x, y), the other one if one is NaN.  At ties the gradient goes to x."""

    ufunc, wins = np.fmax, np.greater_equal


class Fmin(NumberExtremum):
    """z = min(x, y), the other one if one is NaN.  At ties the gradient goes to x."""

    ufunc, wins = np.fmin, np.less_equal


def _extremum(op: type[Op], name: str, input: Tensor, other: Tensor) -> Tensor:
    both_tensors(name, input, other)
    x, y = promote(input, other)
    if x.array.dtype.kind == "c":
        raise RuntimeError(f"{name} not implemented for complex tensors.")
    return op.apply(x, y)


@export(method=True, out=True)
def maximum(input: Tensor, other: Tensor) -> Tensor:
    """Return the larger of each pair of elements; NaN if either is NaN.

    Example:
        >>> rushlight.maximum(rushlight.tensor([1, 5]), rushlight.tensor([3, 2]))
        tensor([3, 5])
    """
    return _extremum(Maximum, "maximum", input, other)


@export(method=True, out=True)
def minimum(input: Tensor, other: Tensor) -> Tensor:
    """Return the smaller of each pair of elements; NaN if either is NaN.

    Example:
        >>> rushlight.minimum(rushlight.tensor([1, 5]), rushlight.tensor([3, 2]))
        tensor([1, 2])
    """
    return _extremum(Minimum, "minimum", input, other)


@export(method=True, out=True)
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """Return the larger of each pair of elements; where one is NaN, the other."""
    return _extremum(Fmax, "fmax", input, other)


@export(method=True, out=True)
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """Return the smaller of each pair of elements; where one is NaN, the other."""
    return _extremum(Fmin, "fmin", input, other)
