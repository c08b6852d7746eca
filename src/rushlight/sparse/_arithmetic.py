"""Sums and products of sparse tensors, with each other, with dense tensors and with numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..backend.memory_format import sparse_coo
from ..kernels import sparse as K
from ..ops._promote import result_type
from ..ops.casts import cast
from ._convert import convert, dense_array, to_dense
from ._node import SparseOp, recording
from ._parts import (
    build,
    coalesced,
    coordinates,
    gather,
    is_plain,
    pattern,
    places,
    settled,
    sparse_dim,
    values_of,
)
from ._rules import refuse, rule
from ._tensor import SparseTensor, coordinate_tensor

Operand = Any


def _is_number(x: Operand) -> bool:
    """Tell whether an operand is a number, or a dense tensor that acts as one."""
    return not isinstance(x, Tensor) or (not isinstance(x, SparseTensor) and x.ndim == 0)


# --- sums --------------------------------------------------------------------------------------


class AddSparse(SparseOp):
    """y = a + alpha b, all sparse.  dL/da = g, dL/db = alpha g."""

    label = "Add"

    def forward(ctx, a: SparseTensor, b: SparseTensor, *, alpha: Any) -> Tensor:
        ctx.alpha = alpha
        kind = result_type(a._elements, b._elements)
        mine, theirs = (cast(x._elements, kind).array for x in (a, b))
        if alpha != 1:
            theirs = theirs * np.asarray(alpha, theirs.dtype)
        count = sparse_dim(a)
        if _same_places(a, b):
            return build(wrap(np.add(mine, theirs)), a)
        indices = np.concatenate([coordinates(a), coordinates(b)], axis=1)
        values = np.concatenate([mine, theirs])
        if not (a._sorted and b._sorted):
            return coordinate_tensor(indices, values, a._extent)
        indices, values = K.coalesce(indices, values, a._extent[:count])
        return coordinate_tensor(indices, values, a._extent, True)

    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor]:
        return g, g if ctx.alpha == 1 else g * ctx.alpha


def _same_places(a: SparseTensor, b: SparseTensor) -> bool:
    pairs = zip(a._places, b._places, strict=True)
    return all([p.array is q.array or np.array_equal(p.array, q.array) for p, q in pairs])


class AddToDense(SparseOp):
    """y = d + alpha s.  dL/dd = g, dL/ds = alpha g."""

    label = "Add"

    def forward(ctx, d: Tensor, s: SparseTensor, *, alpha: Any) -> Tensor:
        ctx.alpha = alpha
        kind = result_type(d, s._elements)
        y = wrap(np.array(d.array, dtype=kind.numpy))
        accumulate(y, s, alpha)
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor]:
        return g, g if ctx.alpha == 1 else g * ctx.alpha


def accumulate(d: Tensor, s: SparseTensor, alpha: Any) -> None:
    """Add alpha s to the array of a dense tensor, touching only the elements stored."""
    if not is_plain(s):
        d.array[...] += np.asarray(alpha, d.array.dtype) * dense_array(s)
        return
    s = coalesced(s)
    where = tuple(coordinates(s))
    values = s._elements.array.astype(d.array.dtype, copy=False)
    d.array[where] += values if alpha == 1 else values * np.asarray(alpha, values.dtype)


@rule()
def add(input: Operand, other: Operand, *, alpha: Any = 1) -> Tensor:
    """Return input + alpha other."""
    if isinstance(input, SparseTensor) and isinstance(other, SparseTensor):
        return _add_sparse(input, other, alpha)
    if isinstance(input, SparseTensor):
        if not input.is_sparse and isinstance(other, Tensor):
            return AddToDense.apply(other if alpha == 1 else other * alpha, input, alpha=1)
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    dense = input if isinstance(input, Tensor) else wrap(np.asarray(input))
    if dense.shape != other.shape:
        raise RuntimeError(
            f"add: expected 'self' and 'other' to have same size, but self has size "
            f"{list(dense.shape)} while other has size {list(other.shape)} (FYI: dense-sparse "
            "addition does not currently support broadcasting)"
        )
    return AddToDense.apply(dense, other, alpha=alpha)


def _add_sparse(a: SparseTensor, b: SparseTensor, alpha: Any) -> Tensor:
    if a.shape != b.shape:
        raise RuntimeError(
            f"add: expected sizes of 'self' and 'other' to match, but {list(a.shape)} != "
            f"{list(b.shape)}"
        )
    if a.is_sparse and b.is_sparse:
        if sparse_dim(a) != sparse_dim(b):
            raise RuntimeError(
                "add: expected 'self' and 'other' to have same number of sparse dimensions, but "
                f"{sparse_dim(a)} != {sparse_dim(b)}"
            )
        return AddSparse.apply(a, b, alpha=alpha)
    if a._form is b._form and _same_places(a, b):
        return AddSparse.apply(a, b, alpha=alpha)
    pair = [convert(x, sparse_coo) for x in (a, b)]
    return convert(AddSparse.apply(*pair, alpha=alpha), a._form)


@rule()
def radd(self: SparseTensor, other: Operand) -> Tensor:
    """Return other + self."""
    return add(other, self)


@rule()
def rsub(input: SparseTensor, other: Operand, *, alpha: Any = 1) -> Tensor:
    """Return other - alpha input."""
    return sub(other, input, alpha=alpha)


@rule("sub", "subtract")
def sub(input: Operand, other: Operand, *, alpha: Any = 1) -> Tensor:
    """Return input - alpha other."""
    result = add(input, other, alpha=-alpha)
    node = result._node
    if node is not None and type(node) in (AddSparse, AddToDense):
        node.label = "Sub"
    return result


# --- products ----------------------------------------------------------------------------------


class Scale(SparseOp):
    """y = c x for a number c.  dL/dx = conj(c) g."""

    label = "Mul"

    def forward(ctx, x: SparseTensor, *, factor: Any) -> Tensor:
        ctx.factor = factor
        return build(x._elements * factor, x)

    def backward(ctx, g: Tensor) -> Tensor:
        c = ctx.factor
        return g * (c.conjugate() if isinstance(c, complex) else c)


class Quotient(SparseOp):
    """y = x / c for a number c.  dL/dx = g / conj(c)."""

    label = "Div"

    def forward(ctx, x: SparseTensor, *, divisor: Any, rounding_mode: str | None) -> Tensor:
        ctx.divisor = divisor
        return build(x._elements.div(divisor, rounding_mode=rounding_mode), x)

    def backward(ctx, g: Tensor) -> Tensor:
        c = ctx.divisor
        return g / (c.conjugate() if isinstance(c, complex) else c)


@rule("mul", "multiply", "rmul")
def mul(input: Operand, other: Operand) -> Tensor:
    """Return the product, element by element."""
    if not isinstance(input, SparseTensor):
        input, other = other, input
    if _is_number(other):
        if isinstance(other, Tensor) and (other.requires_grad or input.is_sparse is False):
            x, values = settled(input)
            return build(values * other, x, "Mul")
        return Scale.apply(input, factor=other)
    if isinstance(other, SparseTensor):
        return _product(input, other)
    x, values = settled(input)
    wide = other.expand(x.shape) if other.shape != x.shape else other
    return build(values * gather(wide, x), x, "Mul")


def _product(a: SparseTensor, b: SparseTensor) -> Tensor:
    if a.shape != b.shape or sparse_dim(a) != sparse_dim(b):
        raise RuntimeError(
            "sparse_binary_op_intersection_cpu(): expects sparse inputs with equal "
            "dimensionality, number of sparse dimensions, and shape of sparse dimensions"
        )
    if not (is_plain(a) and is_plain(b)):
        return mul(a, to_dense(b))
    a, b = coalesced(a), coalesced(b)
    if _same_places(a, b):
        return build(values_of(a) * values_of(b), a, "Mul")
    if not b.is_sparse:
        b = coalesced(convert(b, sparse_coo))  # type: ignore[arg-type]
    place, there = K.look_up(places(a), places(b))
    kept = np.flatnonzero(there)
    mine = values_of(a).index_select(0, wrap(kept))
    theirs = values_of(b).index_select(0, wrap(place[kept]))
    found = pattern(coordinates(a)[:, kept], a._extent, True)
    return convert(build(mine * theirs, found, "Mul"), a._form)


def _check_divisor(other: Operand) -> None:
    if not _is_number(other):
        raise RuntimeError(
            "Sparse division requires a scalar or zero-dim dense tensor divisor (got shape "
            f"{list(other.shape)} for divisor)"
        )


@rule("div", "divide", "true_divide")
def div(input: Operand, other: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """Return input / other for a number `other`."""
    _check_divisor(other)
    if isinstance(other, Tensor) and recording(other):
        x, values = settled(input)
        return build(values.div(other, rounding_mode=rounding_mode), x, "Div")
    input = coalesced(input) if rounding_mode else input  # of the sum, not of its terms
    return Quotient.apply(input, divisor=other, rounding_mode=rounding_mode)


@rule()
def floor_divide(input: Operand, other: Operand) -> Tensor:
    """Return the quotient by a number, rounded down."""
    return div(input, other, rounding_mode="floor")


@rule("rtruediv", "rfloordiv")
def rtruediv(input: SparseTensor, other: Operand) -> Tensor:
    """Raise: a quotient by zeros is not sparse."""
    _check_divisor(input)
    raise refuse("reciprocal", (input,))


@rule()
def pow(input: Operand, exponent: Operand) -> Tensor:
    """Return the values to a power that is a number."""
    if not isinstance(input, SparseTensor) or not _is_number(exponent):
        raise refuse("pow", (input, exponent))
    if float(exponent) == 0:
        raise RuntimeError(
            "pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor "
            "dense"
        )
    x = coalesced(input)
    return build(values_of(x).pow(exponent), x, "Pow")


@rule()
def rpow(input: SparseTensor, other: Operand) -> Tensor:
    """Raise: zeros would become ones."""
    raise refuse("pow", (input,))


# --- functions that keep zeros -----------------------------------------------------------------

_ZERO_PRESERVING = (
    "abs", "absolute", "arcsin", "arcsinh", "arctan", "arctanh", "asin", "asinh", "atan", "atanh",
    "ceil", "conj", "conj_physical", "deg2rad", "erf", "erfinv", "expm1", "floor", "frac", "imag",
    "isinf", "isnan", "isneginf", "isposinf", "log1p", "nan_to_num", "positive", "rad2deg", "real",
    "relu", "resolve_conj", "resolve_neg", "round", "sgn", "sign", "signbit", "sin", "sinh",
    "sqrt", "square", "tan", "tanh", "trunc",
)  # fmt: skip
_LINEAR = frozenset({"conj", "imag", "positive", "real", "resolve_conj", "resolve_neg"})
_OTHER_NAMES = {"absolute": "abs", "arcsin": "asin", "arctan": "atan", "square": "pow"}


def _unary(name: str) -> None:
    label = _OTHER_NAMES.get(name, name).replace("_", " ").title().replace(" ", "")

    def function(input: SparseTensor, *args: Any, **options: Any) -> Tensor:
        if name == "relu" and options.pop("inplace", False):
            return input.relu_()
        x, values = settled(input if name in _LINEAR else coalesced(input))
        found = getattr(values, name)
        return build(found if isinstance(found, Tensor) else found(*args, **options), x, label)

    function.__name__ = name
    rule(name)(function)


for _name in _ZERO_PRESERVING:
    _unary(_name)


@rule("neg", "negative")
def neg(input: SparseTensor) -> Tensor:
    """Return -input."""
    result = Scale.apply(input, factor=-1)
    if result._node is not None:
        result._node.label = "Neg"
    return result
