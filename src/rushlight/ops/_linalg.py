"""What linear algebra shares: checks of matrices, LinAlgError, factorisations of plain arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..backend.array import array_module
from ._arguments import require_tensor

# Columns that are eliminated together: enough for the rest to be matrix products.
_BLOCK = 32


class LinAlgError(RuntimeError):
    """A matrix does not allow what was asked: it is singular, or an iteration did not converge."""

    __module__ = "torch.linalg"


# --- checks ---


def as_matrix(name: str, value: Any, argument: str = "A") -> Tensor:
    """Return `value` if it is a floating point or complex tensor of at least two dimensions.

    Raises:
        TypeError: it is no Tensor.
        RuntimeError: it is none of the others.
    """
    x = require_tensor(name, value, argument)
    if x.array.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {argument} must have at least 2 dimensions.")
    require_floating(name, x)
    return x


def require_floating(name: str, x: Tensor) -> None:
    """Refuse integers and the 16-bit types.

    Raises:
        RuntimeError: the tensor holds such.
    """
    dtype = x.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {dtype.type_name}"
        )
    if dtype.itemsize < 4:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {dtype.type_name}")


def as_square(name: str, value: Any, argument: str = "A") -> Tensor:
    """Return `value` if it is a square matrix or a batch of such.

    Raises:
        RuntimeError: it is not.
    """
    x = as_matrix(name, value, argument)
    rows, columns = x.array.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: {argument} must be batches of square matrices, but they are {rows} by "
            f"{columns} matrices"
        )
    return x


def same_dtype(name: str, a: Tensor, b: Tensor) -> None:
    """Refuse operands of two dtypes.

    Raises:
        RuntimeError: they differ.
    """
    if a.array.dtype != b.array.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type "
            f"{a.dtype.type_name} and B of type {b.dtype.type_name} instead"
        )


def raise_for(info: Any, name: str, words: str) -> None:
    """Raise LinAlgError for the first matrix whose `info` is not 0.

    Args:
        info: a Tensor with one number for each matrix.
        name: the function's name.
        words: the message; `{}` stands for the number.
    """
    found = info.array.reshape(-1)
    if not found.any():
        return
    place = int((found != 0).argmax())
    batch = f"(Batch element {place}): " if info.array.ndim else ""
    raise LinAlgError(f"{name}: {batch}{words.format(int(found[place]))}")


# --- arrays ---


def adjoint(x: Array) -> Array:
    """Return the conjugate transpose of each matrix."""
    y = x.swapaxes(-1, -2)
    return y.conj() if y.dtype.kind == "c" else y


def identity_like(x: Array, rows: int | None = None) -> Array:
    """Return the identity matrix with the columns (or `rows`) of x, in its dtype."""
    return array_module(x).eye(x.shape[-1] if rows is None else rows, dtype=x.dtype)


def lu(a: Array, pivot: bool = True) -> tuple[Array, Array, Array]:
    """Factor matrices as P L U by elimination, with row exchanges.

    Returns:
        L below the diagonal (its own is 1) and U above it, the rows exchanged counted from 1, and
        for each matrix the first column whose pivot is 0, or 0.
    """
    *batch, m, n = a.shape
    k = min(m, n)
    xp = array_module(a)
    count = math.prod(batch)
    work = a.reshape(count, m, n).copy()
    pivots = xp.broadcast_to(xp.arange(1, k + 1, dtype=np.int32), (count, k)).copy()
    info = xp.zeros(count, np.int32)
    for start in range(0, k, _BLOCK):
        stop = min(start + _BLOCK, k)
        for j in range(start, stop):
            _eliminate(work, pivots, info, j, stop, pivot)
        if stop < n:
            lower = xp.tril(work[:, start:stop, start:stop], -1) + identity_like(work, stop - start)
            right = xp.linalg.solve(lower, work[:, start:stop, stop:])
            work[:, start:stop, stop:] = right
            work[:, stop:, stop:] -= work[:, stop:, start:stop] @ right
    return work.reshape(a.shape), pivots.reshape(*batch, k), info.reshape(batch)


def _eliminate(work: Array, pivots: Array, info: Array, j: int, stop: int, pivot: bool) -> None:
    """Eliminate column j of every matrix, within the columns before `stop`."""
    if pivot and work.shape[1] > j + 1 and work.shape[0]:
        column = work[:, j:, j]
        size = abs(column.real) + abs(column.imag) if column.dtype.kind == "c" else abs(column)
        place = size.argmax(1) + j
        pivots[:, j] = place + 1
        every = array_module(work).arange(work.shape[0])
        above = work[:, j].copy()
        work[:, j] = work[every, place]
        work[every, place] = above
    head = work[:, j, j]
    zero = head == 0
    info[zero & (info == 0)] = j + 1
    divisor = array_module(work).where(zero, work.dtype.type(1), head)
    work[:, j + 1 :, j] /= divisor[:, None]
    if j + 1 < stop:
        below = work[:, j + 1 :, j, None] * work[:, j, None, j + 1 : stop]
        work[:, j + 1 :, j + 1 : stop] -= below


def permutation(pivots: Array, rows: int) -> Array:
    """Return the order of rows that a list of exchanges (counted from 1) leads to."""
    *batch, k = pivots.shape
    flat = pivots.reshape(math.prod(batch), k).astype(np.int64) - 1
    xp = array_module(pivots)
    order = xp.broadcast_to(xp.arange(rows), (flat.shape[0], rows)).copy()
    every = xp.arange(flat.shape[0])
    for j in range(k):
        place = flat[:, j]
        before = order[:, j].copy()
        order[:, j] = order[every, place]
        order[every, place] = before
    return order.reshape(*batch, rows)


def solve(a: Array, b: Array) -> tuple[Array, Array]:
    """Solve A X = B; X is NaN where A is singular.

    Returns:
        X, and for each matrix the first column whose pivot is 0, or 0.
    """
    xp = array_module(a)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    try:
        return xp.linalg.solve(a, b), xp.zeros(batch, np.int32)
    except np.linalg.LinAlgError:
        pass
    info = lu(a)[2]
    bad = (info != 0)[..., None, None]
    x = xp.linalg.solve(xp.where(bad, identity_like(a), a), b)
    return xp.where(bad, x.dtype.type(np.nan), x), xp.broadcast_to(info, batch).copy()


def solve_triangle(a: Array, b: Array, upper: bool, unit: bool) -> Array:
    """Solve A X = B for triangular A by substitution; a zero on the diagonal gives inf or NaN."""
    if not upper:
        # Turned by 180 degrees a lower triangle is an upper one.
        turned = solve_triangle(a[..., ::-1, ::-1], b[..., ::-1, :], True, unit)
        return turned[..., ::-1, :].copy()
    xp = array_module(a)
    one = identity_like(a)
    a = xp.triu(a, 1) + one if unit else xp.triu(a)
    try:
        # Elimination finds nothing to do in an upper triangle and goes on to substitute.
        return xp.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        pass
    n = a.shape[-1]
    x = xp.broadcast_to(b, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:])).copy()
    for i in reversed(range(n)):
        known = (a[..., i : i + 1, i + 1 :] @ x[..., i + 1 :, :])[..., 0, :]
        x[..., i, :] = (x[..., i, :] - known) / a[..., i, i, None]
    return x


def cholesky(a: Array) -> tuple[Array, Array]:
    """Factor positive definite matrices as L L^H, from their lower triangles.

    Returns:
        L, and for each matrix the order of the first leading minor that is not positive, or 0.
    """
    xp = array_module(a)
    info = xp.zeros(a.shape[:-2], np.int32)
    try:
        return xp.linalg.cholesky(a), info
    except np.linalg.LinAlgError:
        pass
    factors = xp.tril(a)
    for place in np.ndindex(*a.shape[:-2]):
        done = _positive_order(a[place])
        factors[place][:done, :done] = xp.linalg.cholesky(a[place][:done, :done])
        info[place] = 0 if done == a.shape[-1] else done + 1
    return factors, info


def _positive_order(a: Array) -> int:
    """Return the order of the largest leading block that is positive definite, by bisection."""
    low, high = 0, a.shape[-1]
    while low < high:
        middle = (low + high + 1) // 2
        try:
            np.linalg.cholesky(a[:middle, :middle])
            low = middle
        except np.linalg.LinAlgError:
            high = middle - 1
    return low
