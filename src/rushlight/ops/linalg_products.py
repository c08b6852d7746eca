"""Products of several matrices, powers, the exponential, and products of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..backend.array import array_module
from ..errors import wrap_dim
from . import _linalg
from ._arguments import dims as read_dims, require_tensor
from ._autocast import autocast
from ._export import export
from ._facade import facade
from ._linalg import as_square, raise_for
from ._promote import promote
from .casts import cast
from .complex import conjugate
from .joining import cat, stack
from .linalg_solve import _SINGULAR, Inverse, Solve
from .matmul import matmul
from .rearranging import roll

# --- several matrices ---


def _check_chain(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the factors as matrices."""
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    last = len(tensors) - 1
    chain = []
    for place, t in enumerate(tensors):
        ndim = require_tensor("multi_dot", t, "tensors").array.ndim
        if 0 < place < last and ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {place} must be 2D but got {ndim}D")
        if ndim not in (1, 2):
            end = "the first" if place == 0 else "the last"
            raise RuntimeError(f"multi_dot(): {end} tensor must be 1D or 2D but got {ndim}D")
        if t.array.dtype != tensors[0].array.dtype:
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                f"{tensors[0].dtype.type_name} and tensor {place} {t.dtype.type_name}"
            )
        if ndim == 1:
            t = t.unsqueeze(0 if place == 0 else 1)
        chain.append(t)
    for place in range(last):
        if chain[place].array.shape[1] != chain[place + 1].array.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {place} and {place + 1} with shapes "
                f"{list(tensors[place].shape)} and {list(tensors[place + 1].shape)} cannot be "
                "multiplied"
            )
    return chain


def _best_splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return for each part of a chain of matrices where to split it for the least work."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            work = [
                cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            ]
            cost[i, j] = min(work)
            split[i, j] = i + work.index(cost[i, j])
    return split


def product_of_chain(tensors: Sequence[Tensor]) -> Tensor:
    """Return the product of matrices in the order of least work; the ends may be vectors."""
    chain = _check_chain(tensors)
    sizes = [chain[0].array.shape[0], *(t.array.shape[1] for t in chain)]
    split = _best_splits(sizes)

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return chain[i]
        k = split[i, j]
        return matmul(product(i, k), product(k + 1, j))

    y = product(0, len(chain) - 1)
    if tensors[-1].array.ndim == 1:
        y = y.squeeze(1)
    return y.squeeze(0) if tensors[0].array.ndim == 1 else y


@facade("linalg")
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Return the product of two or more matrices, in the order of least work.

    The first and the last may be vectors.

    Raises:
        RuntimeError: there are fewer than two, or shapes or dtypes do not fit.
    """
    return product_of_chain(tensors)


def _power(name: str, A: Any, n: Any) -> Tensor:
    a = require_tensor(name, A)
    if isinstance(n, float) or not hasattr(n, "__index__"):
        raise TypeError(
            f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}"
        )
    n = index(n)
    if a.array.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_power: The input tensor A must have at least 2 dimensions."
        )
    rows, columns = a.array.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, but they are {rows} by "
            f"{columns} matrices"
        )
    if n == 0:
        # The zeros keep the result in the graph.
        return a * 0 + wrap(_linalg.identity_like(a.array))
    if n < 0:
        a, info = Inverse.apply(as_square("linalg.matrix_power", a))
        raise_for(info, "linalg.inv", _SINGULAR)
        n = -n
    result, square = None, a
    while True:
        if n & 1:
            result = square if result is None else matmul(result, square)
        n >>= 1
        if not n:
            break
        square = matmul(square, square)
    assert result is not None
    return result.clone() if result is A else result


@facade("linalg")
def matrix_power(A: Tensor, n: int) -> Tensor:
    """Return the n-th power of square matrices; of their inverses if n is negative.

    Example:
        >>> rushlight.linalg.matrix_power(rushlight.tensor([[1, 1], [0, 1]]), 3)
        tensor([[1, 3],
                [0, 1]])
    """
    return _power("linalg.matrix_power", A, n)


@export(method=True, out=True, name="matrix_power")
def _public_matrix_power(input: Tensor, n: int) -> Tensor:
    """Return the n-th power of square matrices, see `linalg.matrix_power`."""
    return _power("matrix_power", input, n)


# --- the exponential ---

# Coefficients of Pade's approximation of exp with degrees 13 and 13, and the largest norm it is
# good for: Higham, "The scaling and squaring method for the matrix exponential revisited", 2005.
_PADE = [
    math.factorial(26 - k) * math.factorial(13)
    / (math.factorial(26) * math.factorial(k) * math.factorial(13 - k))
    for k in range(14)
]  # fmt: skip
_LARGEST_NORM = 5.371920351148152


def _exponential(a: Array) -> Array:
    """Return exp of matrices: scaled down by a power of 2, approximated, squared up again."""
    xp = array_module(a)
    if not a.size:
        return a.copy()
    size = abs(a).sum(-2).max(-1)
    halvings = np.where(size > _LARGEST_NORM, np.ceil(np.log2(size / _LARGEST_NORM)), 0)
    halvings = np.where(np.isfinite(halvings), halvings, 0).astype(np.int64)
    a = a * (0.5**halvings)[..., None, None].astype(a.real.dtype)
    one = _linalg.identity_like(a)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    b = [a.real.dtype.type(c) for c in _PADE]
    odd = a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2)
    odd = a @ (odd + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2)
    even = even + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * one
    y = xp.linalg.solve(even - odd, even + odd)
    for step in range(int(halvings.max(initial=0))):
        y = xp.where((halvings > step)[..., None, None], y @ y, y)
    return y


class MatrixExp(Op):
    """Y = exp(A).  dL/dA = the upper right block of exp([[A^H, g], [0, A^H]])."""

    label = "LinalgMatrixExp"

    def forward(ctx, a: Array) -> Array:
        ctx.save(a)
        return _exponential(a)

    def backward(ctx, g: Tensor) -> Tensor:
        (a,) = ctx.saved_tensors
        n = a.array.shape[-1]
        ah = a.mH
        upper, lower = cat([ah, g], -1), cat([g.new_zeros(g.array.shape), ah], -1)
        return MatrixExp.apply(cat([upper, lower], -2))[..., :n, n:]


@facade("linalg", out=False)
def matrix_exp(A: Tensor) -> Tensor:
    """Return the exponential of square matrices: the sum of A^k / k!.

    Example:
        >>> rushlight.linalg.matrix_exp(rushlight.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    return MatrixExp.apply(as_square("linalg.matrix_exp", A))


@export(method=True, name="matrix_exp")
def _public_matrix_exp(input: Tensor) -> Tensor:
    """Return the exponential of square matrices, see `linalg.matrix_exp`."""
    return MatrixExp.apply(as_square("linalg.matrix_exp", input))


# --- vectors ---


def _cross(a: Tensor, b: Tensor, dim: int) -> Tensor:
    a, b = promote(a, b)
    # Of (a2 b3 - a3 b2, ...) each factor is the vector turned round by one or two places.
    back = roll(a, -1, dim) * roll(b, -2, dim)
    return back - roll(a, -2, dim) * roll(b, -1, dim)


@facade("linalg")
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Return the cross products of vectors of length 3 along a dimension; the others broadcast.

    Raises:
        RuntimeError: the dimension is not of extent 3.

    Example:
        >>> x, y = rushlight.tensor([1.0, 0.0, 0.0]), rushlight.tensor([0.0, 1.0, 0.0])
        >>> rushlight.linalg.cross(x, y)
        tensor([0., 0., 1.])
    """
    x, y = require_tensor("linalg.cross", input), require_tensor("linalg.cross", other, "other", 2)
    if x.array.ndim != y.array.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    axis = wrap_dim(dim, x.array.ndim)
    extents = [t.array.shape[axis] if t.array.ndim else 1 for t in (x, y)]
    if extents != [3, 3]:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {extents[0]} and "
            f"{extents[1]}"
        )
    return _cross(x, y, axis)


@export(method=True, out=True, name="cross")
def _public_cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Return the cross products of vectors along a dimension (default: the first of extent 3)."""
    if dim is None:
        shape = require_tensor("cross", input).array.shape
        if 3 not in shape:
            raise RuntimeError("no dimension of size 3 in input")
        dim = shape.index(3)
    return cross(input, other, dim=dim)


@facade("linalg")
@autocast("lower")
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Return the sums of conj(x) y along a dimension; the others broadcast.

    Example:
        >>> rushlight.linalg.vecdot(rushlight.tensor([[1.0, 2.0]]), rushlight.tensor([[3.0, 4.0]]))
        tensor([11.])
    """
    require_tensor("linalg.vecdot", x)
    require_tensor("linalg.vecdot", y, "y", 2)
    if x.array.dtype != y.array.dtype:
        raise RuntimeError(
            f"linalg.vecdot: expected vectors of one dtype, got {x.dtype} and {y.dtype}"
        )
    return cast((conjugate(x) * y).sum(dim), x.dtype)


@facade("linalg", out=False)
def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Return the powers 0, 1, ... N - 1 of each element, along a new last dimension.

    Args:
        x: a tensor (*, n).
        N: how many powers; n if None.
    """
    if not x.array.ndim and N is None:
        raise RuntimeError("N must be greater than 1.")
    x = x.unsqueeze(0) if not x.array.ndim else x
    count = x.array.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    if x.array.dtype.kind == "b":
        x = cast(x, dtypes.int64)
    columns = x.unsqueeze(-1).expand(*x.array.shape, count - 1)
    result = columns.cumprod(-1)
    return cat([x.new_ones((*x.array.shape, 1), dtype=result.dtype), result], -1)


@export(name="vander")
def _public_vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the powers of each element of a vector, the highest first unless `increasing`."""
    if x.array.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.array.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    base = cast(x, dtypes.int64) if x.array.dtype.kind in "iub" else x
    powers = range(count) if increasing else reversed(range(count))
    columns = [base**p if p else base.new_ones(base.array.shape) for p in powers]
    return stack(columns, 1) if columns else base.new_ones((x.array.shape[0], 0))


# --- tensors seen as matrices ---


@facade("linalg")
@autocast("float32")
def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """Return the inverse of a tensor seen as the matrix of a map to its first `ind` dimensions.

    Raises:
        RuntimeError: the first dimensions do not hold as many elements as the others.
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    shape = require_tensor("linalg.tensorinv", A).array.shape
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {columns} != {rows}"
        )
    a = as_square("linalg.inv", A.reshape(rows, columns))
    result, info = Inverse.apply(a)
    raise_for(info, "linalg.inv", _SINGULAR)
    return result.reshape(*shape[ind:], *shape[:ind])


@facade("linalg")
@autocast("float32")
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """Return the X with tensordot(A, X, X.ndim) = B.

    Args:
        A: a tensor, its first dimensions those of B.
        B: the right side.
        dims: dimensions of A to move to the end first.

    Raises:
        RuntimeError: the sizes do not fit.
    """
    a, b = require_tensor("linalg.tensorsolve", A), require_tensor("linalg.tensorsolve", B, "B", 2)
    if dims is not None:
        moved = read_dims(dims, a.array.ndim)
        a = a.movedim(moved, tuple(range(a.array.ndim - len(moved), a.array.ndim)))
    shape = a.array.shape
    rows, rest = math.prod(shape[: b.array.ndim]), shape[b.array.ndim :]
    if rows != math.prod(rest):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {math.prod(rest)} != {rows}"
        )
    square = as_square("linalg.solve", a.reshape(rows, rows))
    x, info = Solve.apply(square, b.reshape(rows, 1))
    words = "The solver failed because the input matrix is singular."
    raise_for(info, "torch.linalg.solve", words)
    return x.reshape(*rest)
