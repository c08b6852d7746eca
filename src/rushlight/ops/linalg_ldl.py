"""Factorisation of symmetric matrices that need not be positive: A = L D L^T, or L D L^H."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..autograd.node import Op
from ._facade import facade
from ._linalg import as_matrix, as_square
from ._return_types import return_type

# Bunch and Kaufman's bound, which keeps the growth of elements least.
_ALPHA = (1 + math.sqrt(17)) / 8


class LDLFactor(Op):
    """L below the diagonal and D, of blocks of one or two rows, in one matrix; pivots; info."""

    differentiable = False

    def forward(ctx, a: Array, *, hermitian: bool) -> tuple[Array, Array, Array]:
        packed = np.tril(a)
        pivots = np.zeros(a.shape[:-1], np.int32)
        info = np.zeros(a.shape[:-2], np.int32)
        conjugate = hermitian and a.dtype.kind == "c"
        for place in np.ndindex(*a.shape[:-2]):
            info[place] = _factor(packed[place], pivots[place], conjugate)
        return packed, pivots, info


class LDLSolve(Op):
    """X with A X = B, A given by its factors."""

    differentiable = False

    def forward(ctx, packed: Array, pivots: Array, b: Array, *, hermitian: bool) -> Array:
        batch = np.broadcast_shapes(packed.shape[:-2], b.shape[:-2])
        factors = np.broadcast_to(packed, (*batch, *packed.shape[-2:]))
        places = np.broadcast_to(pivots, (*batch, pivots.shape[-1]))
        x = np.broadcast_to(b, (*batch, *b.shape[-2:])).copy()
        conjugate = hermitian and packed.dtype.kind == "c"
        for place in np.ndindex(*batch):
            _substitute(factors[place], places[place], x[place], conjugate)
        return x


def _size(x: Array) -> Array:
    return abs(x.real) + abs(x.imag) if x.dtype.kind == "c" else abs(x)


def _factor(a: Array, pivots: Array, conjugate: bool) -> int:
    """Factor one matrix, of which the lower triangle is given, in place.

    Returns:
        The first row of D that is zero, counted from 1; 0 if there is none.
    """
    n, k, info = len(a), 0, 0
    while k < n:
        row, width, singular = _choose(a, k, conjugate)
        if singular:
            info = info or k + 1
        elif row != k + width - 1:
            _exchange(a, k, row, width, conjugate)
        if not singular:
            _eliminate(a, k, width, conjugate)
        # A block of two rows is marked by negative numbers.
        pivots[k : k + width] = row + 1 if width == 1 else -(row + 1)
        k += width
    return info


def _choose(a: Array, k: int, conjugate: bool) -> tuple[int, int, bool]:
    """Choose the row to bring to the front, how many rows to eliminate, and whether all is 0."""
    if conjugate:
        a[k, k] = a[k, k].real
    here = _size(a[k, k])
    below = _size(a[k + 1 :, k])
    largest = below.max(initial=0)
    if max(here, largest) == 0 or np.isnan(here):
        return k, 1, True
    if here >= _ALPHA * largest:
        return k, 1, False
    row = k + 1 + int(below.argmax())
    beside = max(_size(a[row, k:row]).max(), _size(a[row + 1 :, row]).max(initial=0))
    if here >= _ALPHA * largest * (largest / beside):
        return k, 1, False
    there = abs(a[row, row].real) if conjugate else _size(a[row, row])
    return row, 1 if there >= _ALPHA * beside else 2, False


def _exchange(a: Array, k: int, row: int, width: int, conjugate: bool) -> None:
    """Exchange a row and column with the last ones of the block at k, in the lower triangle."""
    at = k + width - 1
    a[row + 1 :, [at, row]] = a[row + 1 :, [row, at]]
    between = a[at + 1 : row, at].copy()
    across = a[row, at + 1 : row].copy()
    a[at + 1 : row, at] = across.conj() if conjugate else across
    a[row, at + 1 : row] = between.conj() if conjugate else between
    if conjugate:
        a[row, at] = a[row, at].conj()
    a[[at, row], [at, row]] = a[[row, at], [row, at]]
    if width == 2:
        a[[at, row], k] = a[[row, at], k]


def _eliminate(a: Array, k: int, width: int, conjugate: bool) -> None:
    """Eliminate a block of one or two rows; its multipliers take the place of what was there."""
    stop = k + width
    if stop == len(a):
        return
    columns = a[stop:, k:stop].copy()
    multipliers = columns @ np.linalg.inv(_block(a, k, width, conjugate))
    a[stop:, k:stop] = multipliers
    a[stop:, stop:] -= np.tril(multipliers @ (columns.conj() if conjugate else columns).T)


def _block(a: Array, k: int, width: int, conjugate: bool) -> Array:
    """Return a block of D as a whole matrix."""
    block = np.tril(a[k : k + width, k : k + width])
    if conjugate:
        np.fill_diagonal(block, block.diagonal().real)
    upper = np.tril(block, -1).T
    return block + (upper.conj() if conjugate else upper)


def _substitute(a: Array, pivots: Array, x: Array, conjugate: bool) -> None:
    """Solve with L, D and the transpose of L in turn, in place of x."""
    n, k = len(a), 0
    blocks = []
    while k < n:
        width = 1 if pivots[k] > 0 else 2
        at, row, stop = k + width - 1, abs(int(pivots[k])) - 1, k + width
        blocks.append((k, at, row, stop))
        x[[at, row]] = x[[row, at]]
        x[stop:] -= a[stop:, k:stop] @ x[k:stop]
        block = _block(a, k, width, conjugate)
        x[k:stop] = x[k:stop] / block if width == 1 else np.linalg.solve(block, x[k:stop])
        k = stop
    for k, at, row, stop in reversed(blocks):
        lower = a[stop:, k:stop]
        x[k:stop] -= (lower.conj() if conjugate else lower).T @ x[stop:]
        x[[at, row]] = x[[row, at]]


def _factored(A: Any, hermitian: bool) -> Any:
    a = as_square("torch.linalg.ldl_factor_ex", A)
    return LDLFactor.apply(a, hermitian=bool(hermitian))


def _check_zeros(name: str, info: Tensor) -> None:
    if info.array.any():
        found = info.array.reshape(-1)
        place = int(found[int((found != 0).argmax())])
        raise RuntimeError(
            f"{name}: D[{place},{place}] is zero and using it in ldl_solve would result in a "
            "division by zero"
        )


@facade("linalg")
def ldl_factor(A: Tensor, *, hermitian: bool = False) -> Any:
    """Return (LD, pivots) of A = L D L^T, for symmetric A that need not be positive definite.

    D has blocks of one and two rows. They and L, whose diagonal is 1, stand in the lower triangle
    of LD. A negative pivot marks a block of two rows.

    Args:
        A: symmetric matrices; only their lower triangles are read.
        hermitian: A = L D L^H, for complex matrices with A = A^H.

    Shape:
        A (*, N, N); LD (*, N, N), pivots (*, N) int32.

    Raises:
        RuntimeError: A is not square, or D has a row of zeros.

    Example:
        >>> LD, pivots = rushlight.linalg.ldl_factor(rushlight.tensor([[2.0, 1.0], [1.0, 3.0]]))
        >>> LD
        tensor([[2.0000, 0.0000],
                [0.5000, 2.5000]])
        >>> pivots
        tensor([1, 2], dtype=torch.int32)

    Reference:
        Bunch and Kaufman, "Some stable methods for calculating inertia and solving symmetric
        linear systems", 1977.
    """
    packed, pivots, info = _factored(A, hermitian)
    _check_zeros("torch.linalg.ldl_factor", info)
    return return_type("linalg_ldl_factor", "LD", "pivots")(packed, pivots)


@facade("linalg")
def ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    """Return (LD, pivots, info); info is 0, or the first row of zeros in D. See `ldl_factor`."""
    packed, pivots, info = _factored(A, hermitian)
    if check_errors:
        _check_zeros("torch.linalg.ldl_factor_ex", info)
    return return_type("linalg_ldl_factor_ex", "LD", "pivots", "info")(packed, pivots, info)


@facade("linalg")
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """Return the X with A X = B, given the factorisation of A by `ldl_factor`.

    Args:
        LD: L and D in one matrix.
        pivots: the rows exchanged.
        B: the right sides.
        hermitian: as it was given to `ldl_factor`.

    Shape:
        LD (*, N, N), pivots (*, N), B (*, N, K); result (*, N, K).

    Raises:
        RuntimeError: shapes or dtypes do not fit.

    Example:
        >>> LD, pivots = rushlight.linalg.ldl_factor(rushlight.tensor([[2.0, 1.0], [1.0, 3.0]]))
        >>> rushlight.linalg.ldl_solve(LD, pivots, rushlight.tensor([[4.0], [7.0]]))
        tensor([[1.],
                [2.]])
    """
    name = "torch.linalg.ldl_solve"
    packed, b = as_square(name, LD, "LD"), as_matrix(name, B, "B")
    if packed.array.dtype != b.array.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {b.dtype.type_name} and "
            f"A of type {packed.dtype.type_name} instead."
        )
    n, (rows, columns) = packed.array.shape[-1], b.array.shape[-2:]
    if rows != n:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {n} by {n} but each b matrix "
            f"is {rows} by {columns}"
        )
    if pivots.array.shape != packed.array.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with "
            f"shape {list(pivots.shape)} instead"
        )
    if pivots.array.dtype.kind not in "iu":
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {pivots.dtype.type_name}")
    return LDLSolve.apply(packed, pivots, b, hermitian=bool(hermitian))
