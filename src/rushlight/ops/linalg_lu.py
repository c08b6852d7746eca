"""Elimination with row exchanges: A = P L U."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend.array import array_module
from . import _linalg
from ._autocast import autocast
from ._export import export
from ._facade import facade
from ._linalg import as_matrix, as_square, same_dtype
from ._return_types import return_type
from .joining import cat
from .linalg_solve import check_rows, triangle, triangular
from .shape import common_shape


class LU(Op):
    """A = P L U, L and U in one matrix.

    With square L and U: dL/dA = P L^-H (tril(L^H g_L, -1) + triu(g_U U^H)) U^-H; the columns or
    rows beyond the square come from triangular systems.
    """

    nondifferentiable = (1, 2)
    materialize = False
    label = "LinalgLuFactorEx"

    def forward(ctx, a: Array, *, pivot: bool) -> tuple[Array, Array, Array]:
        packed, pivots, info = _linalg.lu(a, pivot)
        ctx.save(packed, pivots)
        return packed, pivots, info

    def backward(ctx, g: Tensor, *_: Any) -> Tensor:
        packed, pivots = ctx.saved_tensors
        m, n = packed.array.shape[-2:]
        k = min(m, n)
        square = packed[..., :k, :k]
        low_h, up_h = square.mH, square.mH  # the triangles are chosen by the solver
        g_low, g_up = triangle(g[..., :k, :k], False, 1), triangle(g[..., :k, :k], True)
        right = bottom = None
        if n > k:
            right = triangular(low_h, g[..., :, k:], upper=True, unit=True)
            g_low = g_low - triangle(right @ packed[..., :, k:].mH, False, 1)
        if m > k:
            bottom = triangular(up_h, g[..., k:, :], upper=False, left=False)
            g_up = g_up - triangle(packed[..., k:, :].mH @ bottom, True)
        low = _lower(square)
        inner = triangle(low.mH @ g_low, False, 1) + triangle(
            g_up @ triangle(square, True).mH, True
        )
        middle = triangular(low_h, inner, upper=True, unit=True)
        result = triangular(up_h, middle, upper=False, left=False)
        if right is not None:
            result = cat([result, right], -1)
        if bottom is not None:
            result = cat([result, bottom], -2)
        return wrap(_permutation_matrix(pivots.array, m, g.array.dtype)) @ result


def _lower(packed: Tensor) -> Tensor:
    """Return L of a packed factorisation: its diagonal is 1."""
    k = min(packed.array.shape[-2:])
    one = array_module(packed.array).eye(packed.array.shape[-2], k, dtype=packed.array.dtype)
    return triangle(packed[..., :, :k], False, 1) + wrap(one)


def _permutation_matrix(pivots: Array, rows: int, dtype: Any) -> Array:
    """Return the matrix P of A = P L U."""
    order = _linalg.permutation(pivots, rows)
    xp = array_module(pivots)
    return (order[..., None, :] == xp.arange(rows)[:, None]).astype(dtype)


def _factored(name: str, input: Any, pivot: bool) -> tuple[Tensor, Tensor, Tensor]:
    a = as_matrix(name, input)
    packed, pivots, info = LU.apply(a, pivot=pivot)
    return packed, pivots, info


def _check_pivots(info: Tensor) -> None:
    if info.array.any():
        place = int(info.array.reshape(-1)[int((info.array.reshape(-1) != 0).argmax())])
        raise RuntimeError(
            f"torch.linalg.lu_factor: U[{place},{place}] is zero and using it on lu_solve would "
            "result in a division by zero. If you still want to perform the factorization, "
            "consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        )


@facade("linalg")
def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """Return (LU, pivots) of A = P L U: both triangles in one matrix, and the rows exchanged.

    Raises:
        RuntimeError: U has a zero on its diagonal.
    """
    packed, pivots, info = _factored("torch.linalg.lu_factor", A, pivot)
    _check_pivots(info)
    return return_type("linalg_lu_factor", "LU", "pivots")(packed, pivots)


@facade("linalg")
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """Return (LU, pivots, info): info is 0, or the place of the first zero on U's diagonal."""
    packed, pivots, info = _factored("torch.linalg.lu_factor_ex", A, pivot)
    if check_errors:
        _check_pivots(info)
    return return_type("linalg_lu_factor_ex", "LU", "pivots", "info")(packed, pivots, info)


@export(method=True, name="lu")
def _packed_lu(A: Tensor, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """Return (LU, pivots), and info if `get_infos`; `linalg.lu_factor` replaces it."""
    found = _factored("lu", A, pivot)
    if not get_infos:
        _check_pivots(found[2])
    result = found if get_infos else found[:2]
    if out is None:
        return result
    for dst, value in zip(out, result, strict=True):
        dst.resize_(value.shape).copy_(value)
    return tuple(out)


@export(out=True)
def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> Any:
    """Return (P, L, U) of what `linalg.lu_factor` gives."""
    packed = as_matrix("lu_unpack", LU_data, "LU_data")
    dtype, shape = packed.array.dtype, packed.array.shape
    empty = wrap(np.empty(0, dtype))
    p = lower = upper = empty
    if unpack_pivots:
        if LU_pivots.array.dtype != np.int32:
            raise RuntimeError(
                "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 "
                "dtype."
            )
        p = wrap(_permutation_matrix(LU_pivots.array, shape[-2], dtype))
    if unpack_data:
        lower = _lower(packed)
        upper = triangle(packed[..., : min(shape[-2:]), :], True)
    return return_type("lu_unpack", "P", "L", "U")(p, lower, upper)


@facade("linalg")
def lu(A: Tensor, *, pivot: bool = True) -> Any:
    """Return (P, L, U) with A = P L U: a permutation, a unit lower and an upper triangle.

    Example:
        >>> P, L, U = rushlight.linalg.lu(rushlight.tensor([[1.0, 2.0], [2.0, 4.0]]))
        >>> U
        tensor([[2., 4.],
                [0., 0.]])
    """
    packed, pivots, _ = _factored("linalg.lu", A, pivot)
    p, lower, upper = lu_unpack(packed, pivots, True, pivot)
    return return_type("linalg_lu", "P", "L", "U")(p, lower, upper)


def _solve_factored(
    name: str, packed: Any, pivots: Tensor, b: Any, left: bool, adjoint: bool
) -> Tensor:
    packed, b = as_square(name, packed, "LU"), as_matrix(name, b, "B")
    same_dtype(name, packed, b)
    check_rows(name, packed, b, left)
    if not left:
        return _solve_factored(name, packed, pivots, b.mH, True, not adjoint).mH
    n = packed.array.shape[-1]
    p = _permutation_matrix(pivots.array, n, packed.array.dtype)
    batch = common_shape(packed.array.shape[:-2], b.array.shape[:-2])
    if b.array.shape[:-2] != batch:
        b = b.expand(*batch, *b.array.shape[-2:])
    if adjoint:
        y = triangular(packed.mH, b, upper=False)
        return wrap(p) @ triangular(packed.mH, y, upper=True, unit=True)
    y = triangular(packed, wrap(p).mT @ b, upper=False, unit=True)
    return triangular(packed, y, upper=True)


@facade("linalg")
@autocast("float32")
def lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """Return the X with A X = B, given the factorisation of A by `lu_factor`.

    Args:
        LU: both triangles in one matrix.
        pivots: the rows exchanged.
        B: the right sides.
        left: False for X A = B.
        adjoint: solve with A^H.
    """
    return _solve_factored("linalg.lu_solve", LU, pivots, B, left, adjoint)


@export(method=True, out=True, name="lu_solve")
def _old_lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """Return the X with A X = b, given the factorisation of A; see `linalg.lu_solve`."""
    return _solve_factored("lu_solve", LU_data, LU_pivots, b, True, False)
