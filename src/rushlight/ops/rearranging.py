"""Repeating, reversing, rotating and combining elements."""

from __future__ import annotations

import itertools
import warnings
from operator import index as as_index
from typing import Any

import numpy as np

from .._tensor import Tensor, method, wrap
from .._typing import Array, Shape
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..backend.array import array_module, row_major
from ..errors import wrap_dim
from ._arguments import by_name, dims as read_dims, require_tensor, sizes
from ._broadcast import SumTo, sum_to
from ._export import export
from ._promote import result_type
from .casts import cast
from .indexing import Index
from .joining import stack
from .shape import broadcast, reshape, transpose, unsqueeze


class Repeat(Op):
    """y = copies of x side by side, `times` in each dimension.  dL/dx = the sum of g over them."""

    def forward(ctx, x: Array, *, times: Shape) -> Array:
        ctx.shape, ctx.times = x.shape, times
        return array_module(x).tile(x, times)

    def backward(ctx, g: Tensor) -> Tensor:
        own = (1,) * (len(ctx.times) - len(ctx.shape)) + ctx.shape
        pairs = [n for pair in zip(ctx.times, own, strict=True) for n in pair]
        once = [n for extent in own for n in (1, extent)]
        return reshape(SumTo.apply(reshape(g, tuple(pairs)), shape=tuple(once)), ctx.shape)


class Flip(Op):
    """y = x with some dimensions reversed.  dL/dx = g with them reversed."""

    def forward(ctx, x: Array, *, dims: Shape) -> Array:
        ctx.dims = dims
        return array_module(x).ascontiguousarray(array_module(x).flip(x, dims)).reshape(x.shape)

    def backward(ctx, g: Tensor) -> Tensor:
        return Flip.apply(g, dims=ctx.dims)


class Roll(Op):
    """y = x shifted round along some dimensions.  dL/dx = g shifted back."""

    def forward(ctx, x: Array, *, shifts: Any, dims: Any) -> Array:
        ctx.shifts, ctx.dims = shifts, dims
        return row_major(array_module(x).roll(x, shifts, dims))

    def backward(ctx, g: Tensor) -> Tensor:
        back = -ctx.shifts if isinstance(ctx.shifts, int) else tuple([-s for s in ctx.shifts])
        return Roll.apply(g, shifts=back, dims=ctx.dims)


# --- repeating ---------------------------------------------------------------------------------


@method
def repeat(self: Tensor, *repeats: Any, **named: Any) -> Tensor:
    """Lay copies of the tensor side by side.

    Args:
        self: the tensor.
        *repeats: how many copies in each dimension; there may be more of them than dimensions.
        **named: `repeats=` by keyword.

    Raises:
        RuntimeError: there are fewer numbers than dimensions, or one is negative.

    Example:
        >>> rushlight.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    repeats = by_name("repeat", repeats, named, "repeats")
    times = sizes("repeat", repeats) if repeats else ()
    shape = self.array.shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    if min(times, default=0) < 0:
        own = (1,) * (len(times) - len(shape)) + shape
        total = [n * m for n, m in zip(own, times, strict=True)]
        worst = next(n for n, m in zip(total, times, strict=True) if m < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {worst}: {total}")
    return Repeat.apply(self, times=times)


@export(method=True)
def tile(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    """Lay copies of the tensor side by side; missing numbers, in front, count as 1.

    Example:
        >>> rushlight.tensor([[1], [2]]).tile(3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    dims = by_name("tile", dims, named, "dims")
    times = sizes("tile", dims) if dims else ()
    return repeat(input, *(1,) * (input.array.ndim - len(times)), *times)


@export(method=True)
def repeat_interleave(
    input: Any = None, repeats: Any = None, dim: int | None = None, *, output_size: Any = None
) -> Tensor:
    """Repeat each element in its place.

    Args:
        input: the tensor; left out, the repeated places themselves are returned.
        repeats: how often, one number or a 1-d tensor with one for each place of the dimension.
        dim: the dimension; None flattens the tensor.
        output_size: the extent of the result, if it is known.

    Raises:
        RuntimeError: the numbers of repeats and of places differ, or a repeat is negative.

    Example:
        >>> rushlight.tensor([1, 2, 3]).repeat_interleave(rushlight.tensor([2, 0, 1]))
        tensor([1, 1, 3])
    """
    if input is None or repeats is None:
        return wrap(_repeated_places(repeats if input is None else input, None, 0))
    if dim is None:
        input, dim = reshape(input, (input.array.size,)), 0
    dim = wrap_dim(dim, input.array.ndim)
    if not input.array.ndim:
        input = reshape(input, (1,))
    if not isinstance(repeats, Tensor):
        return _repeat_each(input, as_index(repeats), dim)
    if repeats.array.size == 1 and repeats.array.dtype.kind in "iu":
        return _repeat_each(input, int(repeats.array.item()), dim)
    places = _repeated_places(repeats, input, dim)
    if output_size is not None and output_size != places.size:
        raise RuntimeError(
            f"repeat_interleave: allocated size does not match required size {places.size}"
        )
    return Index.apply(input, wrap(places), axes=(dim,))


def _repeat_each(x: Tensor, times: int, dim: int) -> Tensor:
    if times < 0:
        raise RuntimeError("Repeats must be non-negative")
    shape = x.array.shape
    spread = broadcast(unsqueeze(x, dim + 1), (*shape[: dim + 1], times, *shape[dim + 1 :]))
    return reshape(spread, (*shape[:dim], shape[dim] * times, *shape[dim + 1 :]))


def _repeated_places(repeats: Tensor, x: Tensor | None, dim: int) -> Array:
    counts = require_tensor("repeat_interleave", repeats, "repeats").array
    if counts.ndim > 1 or (x is None and counts.ndim != 1):
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if counts.dtype.num not in (np.dtype(np.int32).num, np.dtype(np.int64).num):
        raise NotImplementedError(
            f"\"repeat_interleave_cpu\" not implemented for '{repeats.dtype.type_name}'"
        )
    if x is not None and counts.size != x.array.shape[dim]:
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{counts.size} and input.size({dim}) = {x.array.shape[dim]}"
        )
    if counts.size and counts.min() < 0:
        raise RuntimeError("repeats can not be negative")
    xp = array_module(counts)
    return xp.repeat(xp.arange(counts.size, dtype=np.int64), counts)


# --- reversing and rotating --------------------------------------------------------------------


@export(method=True)
def flip(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    """Reverse some dimensions; a copy.

    Raises:
        RuntimeError: a dimension appears twice.
        IndexError: a dimension does not exist.

    Example:
        >>> rushlight.arange(3).flip(0)
        tensor([2, 1, 0])
    """
    given = by_name("flip", dims, named, "dims")
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = given[0]
    chosen = read_dims(tuple(given), input.array.ndim)
    return Flip.apply(input, dims=chosen if input.array.ndim else ())


@export(method=True)
def fliplr(input: Tensor) -> Tensor:
    """Reverse dimension 1: left becomes right."""
    if input.array.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@export(method=True)
def flipud(input: Tensor) -> Tensor:
    """Reverse dimension 0: up becomes down."""
    if input.array.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@export(method=True)
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Rotate by 90 degrees `k` times in the plane of two dimensions, from the first to the second.

    Raises:
        RuntimeError: not two different dimensions are given.
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    ndim = input.array.ndim
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == ndim:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    for d in dims:
        wrap_dim(d, ndim)
    first, second = dims
    turns = k % 4
    if turns == 1:
        return transpose(flip(input, second), first, second)
    if turns == 2:
        return flip(input, (first, second))
    if turns == 3:
        return transpose(flip(input, first), first, second)
    return input.clone()


@export(method=True)
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Shift elements along dimensions; what leaves at one end comes in at the other.

    Args:
        input: the tensor.
        shifts: by how many places, one number or one for each dimension.
        dims: the dimensions; none: the tensor is shifted as if it were flat.

    Example:
        >>> rushlight.arange(4).roll(1)
        tensor([3, 0, 1, 2])
    """
    by = [as_index(s) for s in shifts] if isinstance(shifts, (tuple, list)) else [as_index(shifts)]
    if not by:
        raise RuntimeError("`shifts` required")
    along = list(dims) if isinstance(dims, (tuple, list)) else [] if dims is None else [dims]
    if not along and len(by) == 1:
        return Roll.apply(input, shifts=by[0], dims=None)
    if len(along) != len(by):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}"
        )
    if not input.array.ndim:
        [wrap_dim(d, 0) for d in along]
        raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
    return Roll.apply(
        input,
        shifts=tuple(by),
        dims=tuple([wrap_dim(as_index(d), input.array.ndim) for d in along]),
    )


# --- combining ---------------------------------------------------------------------------------


@export
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Return the coordinates of a grid, one tensor for each axis, without copying.

    Args:
        *tensors: the values along each axis, 1-d or 0-d tensors (or one list of them).
        indexing: "ij": axis i is dimension i; "xy": the first two dimensions are exchanged.

    Raises:
        RuntimeError: a tensor has more than one dimension, or the dtypes differ.

    Example:
        >>> x, y = rushlight.meshgrid(rushlight.arange(2), rushlight.arange(3), indexing="ij")
        >>> y
        tensor([[0, 1, 2],
                [0, 1, 2]])
    """
    given = (
        list(tensors[0])
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list))
        else list(tensors)
    )
    if indexing is None:
        warnings.warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing "
            "argument.",
            UserWarning,
            stacklevel=2,
        )
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    if not given:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    _check_axes(given)
    swap = indexing == "xy" and len(given) > 1
    if swap:
        given[:2] = given[1], given[0]
    shape = tuple([x.array.size for x in given])
    grids = [
        broadcast(reshape(x, (1,) * i + (shape[i],) + (1,) * (len(shape) - 1 - i)), shape)
        for i, x in enumerate(given)
    ]
    if swap:
        grids[:2] = grids[1], grids[0]
    return tuple(grids)


def _check_axes(tensors: list[Tensor]) -> None:
    for x in tensors:
        if x.array.ndim > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x}"
            )
        if x.array.dtype != tensors[0].array.dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")


class BlockDiagonal(Op):
    """y = matrices along the diagonal of zeros.  dL/dx_i = its block of g."""

    def forward(ctx, *blocks: Array) -> Array:
        ctx.shapes = [x.shape for x in blocks]
        rows, columns = (sum([shape[i] for shape in ctx.shapes]) for i in (0, 1))
        y = array_module(blocks[0]).zeros((rows, columns), blocks[0].dtype)
        for x, window in zip(blocks, _blocks(ctx.shapes), strict=True):
            y[window] = x
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        windows = _blocks(ctx.shapes)
        return tuple(
            [g[window] if edge else None for edge, window in zip(ctx.edges, windows, strict=True)]
        )


def _blocks(shapes: list[Shape]) -> list[tuple[slice, slice]]:
    windows, row, column = [], 0, 0
    for rows, columns in shapes:
        windows.append((slice(row, row + rows), slice(column, column + columns)))
        row, column = row + rows, column + columns
    return windows


@export
def block_diag(*tensors: Tensor) -> Tensor:
    """Put matrices along the diagonal of a matrix of zeros; vectors count as rows.

    Example:
        >>> rushlight.block_diag(rushlight.ones(1, 2), rushlight.ones(1))
        tensor([[1., 1., 0.],
                [0., 0., 1.]])
    """
    for i, x in enumerate(tensors):
        if x.array.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{i} has {x.array.ndim} dimensions"
            )
    if not tensors:
        return wrap(np.zeros((1, 0), dtypes.get_default_dtype().numpy))
    common = result_type(*tensors)
    blocks = [reshape(x, (1, x.array.size)) if x.array.ndim < 2 else x for x in tensors]
    return BlockDiagonal.apply(*[cast(x, common) for x in blocks])


def _check_vector(x: Tensor) -> None:
    if x.array.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")


@export
def cartesian_prod(*tensors: Any) -> Tensor:
    """Return all combinations of one element from each vector, as rows."""
    given = (
        list(tensors[0])
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list))
        else list(tensors)
    )
    for x in given:
        _check_vector(x)
    if len(given) == 1:
        return given[0]
    return stack([reshape(grid, (-1,)) for grid in meshgrid(given, indexing="ij")], dim=1)


@export(method=True)
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return all combinations of `r` elements of a vector, as rows.

    Example:
        >>> rushlight.combinations(rushlight.tensor([1, 2, 3]))
        tensor([[1, 2],
                [1, 3],
                [2, 3]])
    """
    _check_vector(input)
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return wrap(np.empty(0, input.array.dtype))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(input.array.size), r)), dtype=np.int64).reshape(-1, r)
    return Index.apply(input, wrap(array_module(input.array).asarray(rows)), axes=(0,))


@method
def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """Sum down to a shape that broadcasts to this tensor's.

    Raises:
        RuntimeError: the shape does not.
    """
    shape = sizes("sum_to_size", size)
    own = (
        self.array.shape[self.array.ndim - len(shape) :] if len(shape) <= self.array.ndim else None
    )
    if own is None or any([n not in (1, m) for n, m in zip(shape, own, strict=True)]):
        raise RuntimeError(
            f"size {{{list(shape)}}} is not expandable to size {{{list(self.shape)}}}."
        )
    whole = self.array.dtype.kind in "iub"
    return sum_to(cast(self, dtypes.int64) if whole else self, shape)
