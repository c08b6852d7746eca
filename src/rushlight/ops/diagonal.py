"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from .._typing import Array, Shape
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..backend.array import array_module, row_major
from ..errors import wrap_dim
from ._autocast import autocast
from ._broadcast import sum_to
from ._export import export
from ._naming import named
from .casts import cast
from .shape import reshape


def _diagonal_of(x: Array, offset: int, dim1: int, dim2: int) -> Array:
    """Return the diagonal in x's memory, writable where x is."""
    rows, columns = x.shape[dim1], x.shape[dim2]
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    # Without the parts before the offset, element i of the diagonal lies at (i, i).
    index: list[Any] = [slice(None)] * x.ndim
    index[dim1] = slice(min(max(-offset, 0), rows), None)
    index[dim2] = slice(min(max(offset, 0), columns), None)
    corner = x[tuple(index)]
    rest = [d for d in range(x.ndim) if d not in (dim1, dim2)]
    shape = (*[x.shape[d] for d in rest], length)
    strides = (*[x.strides[d] for d in rest], x.strides[dim1] + x.strides[dim2])
    return array_module(x).lib.stride_tricks.as_strided(corner, shape, strides)


class Diagonal(Op):
    """y = a diagonal of x, in x's memory.  dL/dx = g on that diagonal, else 0."""

    view = True

    def forward(ctx, x: Array, *, offset: int, dim1: int, dim2: int) -> Array:
        ctx.shape, ctx.place = x.shape, (offset, dim1, dim2)
        return _diagonal_of(x, offset, dim1, dim2)

    def backward(ctx, g: Tensor) -> Tensor:
        return FillDiagonal.apply(g, shape=ctx.shape, place=ctx.place)


class FillDiagonal(Op):
    """y = zeros with x on a diagonal.  dL/dx = that diagonal of g."""

    label = "DiagonalBackward"

    def forward(ctx, x: Array, *, shape: Shape, place: tuple[int, int, int]) -> Array:
        ctx.place = place
        y = array_module(x).zeros(shape, x.dtype)
        _diagonal_of(y, *place)[...] = x
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        offset, dim1, dim2 = ctx.place
        return Diagonal.apply(g, offset=offset, dim1=dim1, dim2=dim2)


class Triangle(Op):
    """y = the lower or upper triangle of x, zeros elsewhere.  dL/dx = that triangle of g."""

    def forward(ctx, x: Array, *, diagonal: int, lower: bool) -> Array:
        ctx.diagonal, ctx.lower = diagonal, lower
        xp = array_module(x)
        rows, columns = x.shape[-2:]
        # tri(k) is true where column <= row + k.
        below = xp.tri(rows, columns, diagonal if lower else diagonal - 1, dtype=bool)
        return row_major(xp.where(below if lower else ~below, x, x.dtype.type(0)))

    def backward(ctx, g: Tensor) -> Tensor:
        return type(ctx).apply(g, diagonal=ctx.diagonal, lower=ctx.lower)


class Tril(Triangle):
    """The lower triangle."""


class Triu(Triangle):
    """The upper triangle."""


def _two_dims(x: Tensor, dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    first, second = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return first, second


@export(method=True)
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a diagonal over two dimensions, as the last dimension, in the same memory.

    Args:
        input: the tensor.
        offset: which diagonal: above the main one if positive, below it if negative.
        dim1: the dimension of the rows.
        dim2: the dimension of the columns.

    Raises:
        RuntimeError: the dimensions are the same.

    Example:
        >>> rushlight.arange(9).view(3, 3).diagonal(1)
        tensor([1, 5])
    """
    dim1, dim2 = _two_dims(input, dim1, dim2, input.array.ndim)
    return Diagonal.apply(input, offset=offset, dim1=dim1, dim2=dim2)


@export(method=True)
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return zeros in which the last dimension has become a diagonal over two dimensions."""
    shape = input.array.shape
    dim1, dim2 = _two_dims(input, dim1, dim2, len(shape) + 1)
    side = (shape[-1] if shape else 1) + abs(offset)
    if not shape:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got -2)")
    target = list(shape[:-1])
    for d in sorted((dim1, dim2)):
        target.insert(d, side)
    return FillDiagonal.apply(input, shape=tuple(target), place=(offset, dim1, dim2))


@export(method=True, out=True)
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the diagonal of a matrix, or the matrix with a vector on its diagonal.

    Raises:
        RuntimeError: the tensor is neither a vector nor a matrix.

    Example:
        >>> rushlight.diag(rushlight.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    ndim = input.array.ndim
    if ndim == 1:
        return diag_embed(input, diagonal)
    if ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    # torch's diag copies where diagonal() gives a view.
    return Diagonal.apply(input, offset=diagonal, dim1=0, dim2=1).clone()


@export(method=True)
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return the matrix with the elements of a tensor, flattened, on its diagonal."""
    return diag_embed(reshape(input, (input.array.size,)), offset)


def _triangle(name: str, op: type[Triangle], input: Tensor, diagonal: int, lower: bool) -> Tensor:
    if input.array.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
    return op.apply(input, diagonal=diagonal, lower=lower)


@export(method=True, inplace=True, out=True, saves_input=False)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the lower triangle of a matrix or of each matrix of a batch, zeros above it.

    Args:
        input: a tensor of at least two dimensions.
        diagonal: the last diagonal to keep, counted upwards from the main one.

    Raises:
        RuntimeError: the tensor has fewer than two dimensions.

    Example:
        >>> rushlight.ones(2, 3).tril()
        tensor([[1., 0., 0.],
                [1., 1., 0.]])
    """
    return _triangle("tril", Tril, input, diagonal, lower=True)


@export(method=True, inplace=True, out=True, saves_input=False)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the upper triangle of a matrix or of each matrix of a batch, zeros below it.

    Args:
        input: a tensor of at least two dimensions.
        diagonal: the first diagonal to keep, counted upwards from the main one.

    Raises:
        RuntimeError: the tensor has fewer than two dimensions.
    """
    return _triangle("triu", Triu, input, diagonal, lower=False)


@export(method=True)
@autocast("float32")
def trace(input: Tensor) -> Tensor:
    """Return the sum of the diagonal of a matrix.

    Raises:
        RuntimeError: the tensor is not a matrix.
    """
    if input.array.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.array.ndim}")
    if input.array.dtype.kind == "b":
        raise NotImplementedError("\"trace\" not implemented for 'Bool'")
    entries = Diagonal.apply(input, offset=0, dim1=0, dim2=1)
    if input.array.dtype.kind in "iu":
        entries = cast(entries, dtypes.int64)
    return named(sum_to(entries, ()), "Trace")
