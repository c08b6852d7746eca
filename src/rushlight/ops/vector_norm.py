"""Norms of vectors, and `norm`, which also takes names of matrix norms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend.dtype import dtype as DType
from ._export import export, into
from ._naming import named
from ._operands import not_a_tensor
from ._reduce import Axes, Spread, axes_of, extent, is_half, read_dtype
from ._unary import keep
from .casts import cast
from .complex import Abs, Sgn
from .elementwise import pow
from .extrema import Amax, Amin


class VectorNorm(Op):
    """y = (sum |x|^p)^(1/p).  dL/dx = g sgn(x) (|x| / y)^(p-1), 0 where y = 0."""

    label = "LinalgVectorNorm"
    autocast_cuda = "float32"

    def forward(ctx, x: Array, *, order: float, axes: Axes, keepdim: bool) -> Array:
        wide = x.astype(np.float32) if is_half(x) else x
        y = np.asarray(_norm(wide, order, axes, keepdim)).astype(x.real.dtype, "C", copy=False)
        ctx.order, ctx.axes = order, axes
        ctx.save(x, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        p = ctx.order
        shape = x.array.shape
        g, y = (Spread.apply(t, shape=shape, axes=ctx.axes) for t in (g, y))
        nonzero = y.array != 0
        g, y = g if nonzero.all() else keep(g, nonzero), _one_for_zero(y)
        if p == 2:
            return x * (g / y)
        # The power is split so that x = 0 gives 0 and not 0 * inf.
        if p > 2:
            power = x * pow(Abs.apply(x), p - 2)
        else:
            power = _sign(x) * pow(_one_for_zero(Abs.apply(x)), p - 1)
        return power * (g / pow(y, p - 1))


def _one_for_zero(x: Tensor) -> Tensor:
    """Return x with ones in place of zeros: a divisor whose second gradients are finite too."""
    zero = x.array == 0
    return keep(x, ~zero) + wrap(zero.astype(x.array.dtype)) if zero.any() else x


def _norm(x: Array, p: float, axes: Axes, keepdim: bool) -> Array:
    if p == 2:
        square = np.square(x.real)
        if x.dtype.kind == "c":
            square += np.square(x.imag)
        return np.sqrt(square.sum(axis=axes, keepdims=keepdim))
    total = np.power(np.absolute(x), x.real.dtype.type(p)).sum(axis=axes, keepdims=keepdim)
    return np.power(total, x.real.dtype.type(1 / p))


def _sign(x: Tensor) -> Tensor:
    return Sgn.apply(x) if x.array.dtype.kind == "c" else x.sign()


def vector_norm(
    input: Tensor, order: float, axes: Axes, keepdim: bool, *, name: str = "linalg.vector_norm"
) -> Tensor:
    """Return the norm of order `order` over axes (None for all), for `norm` and `linalg`.

    Raises:
        RuntimeError: there is nothing to reduce and the order has no value for that.
    """
    if not extent(input.array.shape, axes) and (order < 0 or order == math.inf):
        raise RuntimeError(
            f"{name} cannot compute the {order} norm on an empty tensor because the operation does "
            "not have an identity"
        )
    if abs(order) == math.inf:
        op = Amax if order > 0 else Amin
        return op.apply(Abs.apply(input), axes=axes, keepdim=keepdim, smallest=order < 0)
    if order == 0:
        count = cast((input != 0).sum(axes, keepdim), input.dtype.to_real())
        return count + Abs.apply(input).sum(axes, keepdim) * 0 if input.requires_grad else count
    if order == 1:
        return named(Abs.apply(input).sum(axes, keepdim), "LinalgVectorNorm")
    return VectorNorm.apply(input, order=float(order), axes=axes, keepdim=keepdim)


@export(method=True)
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: DType | None = None,
) -> Tensor:
    """Return the norm of a tensor, or of the vectors along dimensions.

        norm(x) = (sum |x|^p)^(1/p)

    Args:
        input: a floating point or complex tensor.
        p: the order (inf and -inf for the largest and smallest absolute value, 0 for the number of
            nonzero elements); "fro" for 2, "nuc" for the sum of the singular values of matrices.
        dim: the dimension or dimensions to reduce; all if None.
        keepdim: keep the reduced dimensions with extent 1.
        out: where to write the result.
        dtype: convert to this dtype first.

    Example:
        >>> rushlight.norm(rushlight.tensor([3.0, 4.0]))
        tensor(5.)
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("norm", input)
    if dtype is not None:
        input = cast(input, read_dtype("norm", dtype))
    if input.array.dtype.kind in "iub":
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{input.dtype.type_name}"
        )
    if p == "nuc":
        from .linalg_norms import norm_of_matrices

        y = norm_of_matrices(input, "nuc", (-2, -1) if dim is None else dim, keepdim)
        return y if out is None else into("norm", out, y)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"only valid string values are 'fro' and 'nuc', found: {p}")
    axes = axes_of("norm", input, dim)
    y = vector_norm(input, 2.0 if p in ("fro", None) else p, axes, bool(keepdim))
    return y if out is None else into("norm", out, y)
