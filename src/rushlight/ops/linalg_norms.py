"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..backend.dtype import dtype as DType, promote_types
from ._arguments import check_dtype, dims, require_tensor
from ._autocast import autocast
from ._facade import facade
from ._linalg import as_matrix
from ._reduce import axes_of
from .casts import cast
from .complex import Abs
from .linalg_eigen import singular_values
from .linalg_solve import Inverse
from .vector_norm import vector_norm as norm_of_vectors


def _converted(name: str, input: Any, dtype: Any) -> Tensor:
    x = require_tensor(name, input)
    if not (x.dtype.is_floating_point or x.dtype.is_complex):
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype.type_name}"
        )
    to = check_dtype(name, dtype)
    if to is None:
        return x
    if not (to.is_floating_point or to.is_complex):
        raise RuntimeError(f"{name}: dtype should be floating point or complex. Got {to.type_name}")
    if to.is_complex != x.dtype.is_complex:
        kind = "complex" if x.dtype.is_complex else "real"
        raise RuntimeError(
            f"{name}: dtype should be {kind} for {kind} inputs, but got {to.type_name}"
        )
    if promote_types(x.dtype, to) is not to:
        raise RuntimeError(
            f"{name}: the dtype of the input ({x.dtype.type_name}) should be convertible without "
            f"narrowing to the specified dtype ({to.type_name})"
        )
    return cast(x, to)


@facade("linalg")
def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
) -> Tensor:
    """Return the norm (sum |x|^ord)^(1/ord) of a tensor, or of the vectors along dimensions.

    Args:
        x: a floating point or complex tensor.
        ord: a number: inf and -inf give the largest and smallest absolute value, 0 the number of
            nonzero elements.
        dim: the dimension or dimensions to reduce; None for all.
        keepdim: keep the reduced dimensions with extent 1.
        dtype: convert to this dtype first.

    Example:
        >>> rushlight.linalg.vector_norm(rushlight.tensor([3.0, 4.0]))
        tensor(5.)
    """
    if isinstance(ord, str):
        raise TypeError("linalg_vector_norm(): argument 'ord' must be Number, not str")
    x = _converted("linalg.vector_norm", x, dtype)
    return norm_of_vectors(x, ord, axes_of("linalg.vector_norm", x, dim), bool(keepdim))


def _two_dims(x: Tensor, dim: Any) -> tuple[int, int]:
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        shown = " ".join(map(str, dim)) if isinstance(dim, (tuple, list)) else dim
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {shown}")
    try:
        first, second = dims(tuple(dim), x.array.ndim)
    except RuntimeError:
        raise RuntimeError(
            f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})"
        ) from None
    return first, second


@facade("linalg")
def matrix_norm(
    A: Tensor,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
) -> Tensor:
    """Return a norm of matrices.

    Args:
        A: a floating point or complex tensor.
        ord: "fro" (root of the sum of squares), "nuc" (sum of the singular values), 2 and -2 (the
            largest and smallest of them), 1 and -1 (largest and smallest sum of a column's absolute
            values), inf and -inf (of a row's).
        dim: the two dimensions of the matrices.
        keepdim: keep them with extent 1.
        dtype: convert to this dtype first.

    Raises:
        RuntimeError: the order is none of these, or A is no matrix.
    """
    return norm_of_matrices(A, ord, dim, keepdim, dtype)


def norm_of_matrices(
    input: Any, order: Any, dim: Any, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """Return a norm of matrices, for `linalg.matrix_norm` and `norm`."""
    name = "linalg.matrix_norm"
    require_tensor(name, input)
    if input.array.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    x = _converted(name, input, dtype)
    row, column = _two_dims(x, dim)
    if order == "fro":
        return norm_of_vectors(x, 2.0, (row, column), bool(keepdim))
    if order == "nuc" or (not isinstance(order, str) and abs(order) == 2):
        return _of_singular_values(x, order, (row, column), keepdim)
    if isinstance(order, str) or abs(order) not in (1, math.inf):
        raise RuntimeError(f"{name}: Order {order} not supported.")
    summed, compared = (row, column) if abs(order) == 1 else (column, row)
    sums = Abs.apply(x).sum(summed, keepdim=True)
    y = sums.amax(compared, keepdim=True) if order > 0 else sums.amin(compared, keepdim=True)
    return y if keepdim else y.squeeze((row, column))


def _of_singular_values(x: Tensor, order: Any, pair: tuple[int, int], keepdim: bool) -> Tensor:
    s = singular_values(as_matrix("linalg.matrix_norm", x.movedim(pair, (-2, -1))))
    if order == "nuc":
        y = s.sum(-1)
    else:
        y = s.amax(-1) if order > 0 else s.amin(-1)
    if keepdim:
        for axis in sorted(pair):
            y = y.unsqueeze(axis)
    return y


@facade("linalg")
def norm(
    A: Tensor,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
) -> Tensor:
    """Return a norm of vectors or of matrices, as `ord` and `dim` say.

    Args:
        A: a floating point or complex tensor.
        ord: None for the root of the sum of squares; else an order of `matrix_norm` if `dim` names
            two dimensions (or is None and A is a matrix), of `vector_norm` if one.
        dim: the dimensions; None for all.
        keepdim: keep them with extent 1.
        dtype: convert to this dtype first.

    Raises:
        RuntimeError: `ord` does not suit the dimensions.

    Example:
        >>> rushlight.linalg.norm(rushlight.tensor([[3.0, 0.0], [0.0, 4.0]]), "nuc")
        tensor(7.)
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    ndim = require_tensor("linalg.norm", A).array.ndim
    if dim is None and ndim not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{ndim}D."
        )
    if dim is not None:
        count = len(dim) if isinstance(dim, (tuple, list)) else 1
        if count not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is specified, it must be of length 1 or 2. Got "
                f"[{', '.join(map(str, dim))}]"
            )
    else:
        count = ndim
    if count == 2:
        return norm_of_matrices(A, ord, (0, 1) if dim is None else dim, keepdim, dtype)
    if isinstance(ord, str):
        return norm_of_matrices(A, ord, dim, keepdim, dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


@facade("linalg")
@autocast("float32")
def cond(A: Tensor, p: Any = None) -> Tensor:
    """Return the condition number |A| |A^-1|, infinite for singular matrices.

    Args:
        A: matrices; square unless p is None, 2 or -2.
        p: the norm: None for 2, or an order of `matrix_norm`.

    Example:
        >>> rushlight.linalg.cond(rushlight.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor(2.)
    """
    name = "linalg.cond"
    a = as_matrix(name, A)
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if not isinstance(p, str) and p is not None and abs(p) not in (1, 2, math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if p is None or (not isinstance(p, str) and abs(p) == 2):
        s = singular_values(a)
        if not s.array.shape[-1]:
            return s.new_zeros(s.array.shape[:-1])
        largest, smallest = s[..., 0], s[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    rows, columns = a.array.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {rows} by {columns} "
            "matrices"
        )
    if not a.array.size:
        return a.new_zeros(a.array.shape[:-2], dtype=a.dtype.to_real())
    inverse, info = Inverse.apply(a)
    y = norm_of_matrices(a, p, (-2, -1)) * norm_of_matrices(inverse, p, (-2, -1))
    singular = info != 0
    return y.masked_fill(singular, np.inf) if singular.array.any() else y
