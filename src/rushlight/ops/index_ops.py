"""Reading and writing by vectors of places: index_select, index_add, take, put and their kin."""

from __future__ import annotations

from operator import index as as_index
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Number, Shape
from ..backend.array import array_module
from ..errors import wrap_dim
from ._arguments import number_for, require_tensor
from ._autocast import autocast
from ._export import export
from .casts import cast
from .gathering import (
    INT_TYPES,
    ScatterReduce,
    at_least_1d,
    check_bounds,
    gather,
    like_input,
)
from .indexing import Index, IndexPut, parse
from .shape import broadcast, common_shape, reshape

_ALL = slice(None)

# --- index_* -----------------------------------------------------------------------------------


class IndexSelect(Index):
    """y = x at the places of a vector along a dimension.  dL/dx = g added there."""


class IndexAdd(IndexPut):
    """y = x with v added at places of a dimension.  dL/dx = g, dL/dv = g there."""


class IndexCopy(IndexPut):
    """y = x with v written at the places of a vector along a dimension."""


class IndexFill(IndexPut):
    """y = x with a number written at places of a dimension; repeated ones count once."""

    def forward(
        ctx, x: Array, v: Any, *places: Array, axes: Shape, accumulate: bool = False
    ) -> Array:
        return super().forward(x, v, array_module(x).unique(places[0]), axes=axes)


def _vector(name: str, index: Any, message: str = "Index is supposed to be a vector") -> Tensor:
    require_tensor(name, index, "index", 3)
    if index.array.dtype.num not in INT_TYPES:
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index")
    if index.array.ndim > 1:
        raise IndexError(f"{name}(): {message}")
    return reshape(index, (index.array.size,))


@export(method=True, out=True, numpy_names=True)
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the parts at the places of a vector along a dimension; a copy.

    Raises:
        IndexError: a place does not exist, or `index` is not a vector.
        RuntimeError: `index` does not hold integers.

    Example:
        >>> rushlight.tensor([10, 20, 30]).index_select(0, rushlight.tensor([2, 0]))
        tensor([30, 10])
    """
    require_tensor("index_select", input)
    index = _vector("index_select", index)
    dim = wrap_dim(dim, input.array.ndim)
    x = at_least_1d(input)
    places = index.array
    if places.size and (places.min() < 0 or places.max() >= x.array.shape[dim]):
        raise IndexError("index out of range in self")
    if not input.array.ndim and places.size != 1:
        raise RuntimeError(
            f"index_select(): Index to scalar can have only 1 value, got {places.size} value(s)"
        )
    return like_input(IndexSelect.apply(x, index, axes=(dim,)), input)


def _index_operands(
    name: str, input: Tensor, dim: int, index: Any, source: Any
) -> tuple[Tensor, int, Tensor, Tensor]:
    require_tensor(name, input)
    index = _vector(name, index)
    require_tensor(name, source, "source", 4)
    dim = wrap_dim(dim, input.array.ndim)
    x = at_least_1d(input)
    if source.array.dtype != x.array.dtype:
        raise RuntimeError(
            f"{name}(): self ({input.dtype.type_name}) and source ({source.dtype.type_name}) must "
            "have the same scalar type"
        )
    return x, dim, index, at_least_1d(source)


def _check_source(name: str, x: Tensor, dim: int, index: Tensor, source: Tensor) -> None:
    have, want = list(source.array.shape), list(x.array.shape)
    if len(have) == len(want) and have[:dim] + have[dim + 1 :] != want[:dim] + want[dim + 1 :]:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {want} source.shape = {have}"
        )
    if len(have) != len(want):
        raise RuntimeError(f"{name}(): source has {len(have)} dimensions, self has {len(want)}")
    if index.array.size != have[dim]:
        raise RuntimeError(
            f"{name}_(): Number of indices ({index.array.size}) should be equal to "
            f"source.size(dim): ({have[dim]}), for dim: {dim}"
        )


@export(method=True, inplace=True, out=True, saves_input=False, numpy_names=True)
def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1
) -> Tensor:
    """Add alpha * source to the parts of x at the places of a vector along a dimension.

    Raises:
        RuntimeError: a place does not exist, or the shapes or dtypes do not fit.

    Example:
        >>> rushlight.zeros(3).index_add(0, rushlight.tensor([0, 2, 0]), rushlight.ones(3))
        tensor([2., 0., 1.])
    """
    x, dim, index, source = _index_operands("index_add", input, dim, index, source)
    _check_source("index_add", x, dim, index, source)
    check_bounds(index.array, dim, x.array.shape[dim])
    values = source if alpha == 1 else source * alpha
    return like_input(IndexAdd.apply(x, values, index, axes=(dim,), accumulate=True), input)


@export(method=True, inplace=True, out=True, saves_input=False, numpy_names=True)
@autocast("promote")
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Write source to the parts of x at the places of a vector along a dimension.

    Raises:
        IndexError: a place does not exist, or the numbers of places and parts differ.
        RuntimeError: the shapes or dtypes do not fit.
    """
    x, dim, index, source = _index_operands("index_copy", input, dim, index, source)
    count = index.array.size
    have, want = list(source.array.shape), list(x.array.shape)
    if source.array.ndim != x.array.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality "
            f"must match. Source dimensionality ({source.array.ndim}), destination dimensionality "
            f"({x.array.ndim})"
        )
    if have[:dim] + have[dim + 1 :] != want[:dim] + want[dim + 1 :]:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination "
            f"slice shape: {want[:dim] + want[dim + 1 :]} at dimension {dim} and source slice "
            f"shape: {have[:dim] + have[dim + 1 :]} at dimension 0."
        )
    if count != have[dim]:
        raise IndexError(
            f"index_copy_(): Number of indices ({count}) should be equal to source.size(dim) "
            f"({have[dim]})"
        )
    check_bounds(index.array, dim, want[dim], IndexError, "index_copy_(): ")
    return like_input(IndexCopy.apply(x, source, index, axes=(dim,)), input)


@export(method=True, inplace=True, saves_input=False, numpy_names=True)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Write a number to the parts of x at the places of a vector along a dimension.

    Raises:
        IndexError: a place does not exist.
        RuntimeError: the value is not a number (or a 0-d tensor).
    """
    require_tensor("index_fill", input)
    index = _vector("index_fill_", index, "Index is supposed to be a vector")
    dim = wrap_dim(dim, input.array.ndim)
    if isinstance(value, Tensor):
        if value.array.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.array.ndim} dimension(s)."
            )
        value = cast(value, input.dtype)
    else:
        value = number_for(value, input.dtype)
    x = at_least_1d(input)
    extent, places = x.array.shape[dim], index.array
    if places.size and (places.min() < -extent or places.max() >= extent):
        raise IndexError(f"index out of range: expected [{-extent}, {extent - 1}]")
    return like_input(IndexFill.apply(x, value, index, axes=(dim,)), input)


@export(method=True, inplace=True, out=True, numpy_names=True)
def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """Combine source with the parts of x at the places of a vector along a dimension.

    Args:
        input: the tensor x.
        dim: the dimension.
        index: the places.
        source: the values.
        reduce: "prod", "mean", "amax" or "amin".
        include_self: whether the elements of x take part.
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    x, dim, index, source = _index_operands("index_reduce", input, dim, index, source)
    _check_source("index_reduce", x, dim, index, source)
    check_bounds(index.array, dim, x.array.shape[dim])
    if not source.array.size:
        return input.clone()
    shape = (1,) * dim + (index.array.size,) + (1,) * (x.array.ndim - 1 - dim)
    spread = wrap(
        np.ascontiguousarray(np.broadcast_to(index.array.reshape(shape), source.array.shape))
    )
    result = ScatterReduce.apply(
        x, spread, source, dim=dim, reduce=reduce, include_self=include_self
    )
    return like_input(result, input)


@export(method=True, inplace=True, saves_input=False)
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Write (or add) values at the places of index tensors; the function behind `x[i, j] = v`.

    Args:
        input: the tensor x.
        indices: a tuple of index tensors or masks, None for a whole dimension.
        values: the values, broadcast to the places.
        accumulate: add, also where places coincide.

    Raises:
        RuntimeError: the dtypes differ, or the values do not fit.
        IndexError: a place does not exist.
    """
    if values.array.dtype != input.array.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{input.dtype.type_name} for "
            f"the destination and {values.dtype.type_name} for the source."
        )
    if len(indices) > input.array.ndim:
        raise IndexError(
            f"too many indices for tensor of dimension {input.array.ndim} (got {len(indices)})"
        )
    _, places, axes = parse(input, tuple([_ALL if i is None else _as_places(i) for i in indices]))
    try:
        return IndexPut.apply(input, values, *places, axes=axes, accumulate=accumulate)
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to "
            "indexing result"
        ) from None
    except IndexError as error:
        raise IndexError(str(error).replace("for axis", "for dimension")) from None


def _as_places(index: Tensor) -> Tensor:
    return reshape(index, (1,)) if not index.array.ndim and index.array.dtype.kind != "b" else index


# --- as if flat --------------------------------------------------------------------------------


def _flat_places(name: str, x: Tensor, index: Any) -> Tensor:
    require_tensor(name, index, "index", 2)
    if index.array.dtype.num not in INT_TYPES:
        raise RuntimeError(
            f"{name}(): Expected a long tensor for index, but got {index.dtype.type_name}"
        )
    count, places = x.array.size, index.array
    if places.size and not count:
        raise IndexError(f"{name}(): tried to take from an empty tensor")
    if places.size and (places.min() < -count or places.max() >= count):
        wrong = places[(places < -count) | (places >= count)].reshape(-1)[0]
        raise IndexError(
            f"out of range: tried to access index {int(wrong)} on a tensor of {count} elements."
        )
    return index


class Take(Index):
    """y = x, as if flat, at some places.  dL/dx = g added there."""


class Put(IndexPut):
    """y = x, as if flat, with values written (or added) at some places."""


@export(method=True, out=True)
def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements at places counted as if the tensor were flat.

    Raises:
        IndexError: a place does not exist.

    Example:
        >>> rushlight.tensor([[1, 2], [3, 4]]).take(rushlight.tensor([3, 0]))
        tensor([4, 1])
    """
    index = _flat_places("take", input, index)
    return Take.apply(reshape(input, (input.array.size,)), index, axes=(0,))


@export(method=True, inplace=True, saves_input=False)
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Write (or add) elements at places counted as if the tensor were flat.

    Raises:
        IndexError: a place does not exist, or the numbers of places and elements differ.
        RuntimeError: the dtypes differ.
    """
    if source.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{input.dtype.type_name} and source.dtype = {source.dtype.type_name}"
        )
    index = _flat_places("put_", input, index)
    if index.array.size != source.array.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source.array.size}, index.numel() = {index.array.size}"
        )
    flat, places = reshape(input, (input.array.size,)), reshape(index, (index.array.size,))
    values = reshape(source, (source.array.size,))
    result = Put.apply(flat, values, places, axes=(0,), accumulate=accumulate)
    return reshape(result, input.array.shape)


@export(method=True, out=True, numpy_names=True)
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Pick elements along a dimension; shapes broadcast in the other dimensions.

    Made for the indices that argmax and argsort return.

    Args:
        input: the tensor to pick from.
        indices: int64 places.
        dim: the dimension; None: as if both were flat.
    """
    require_tensor("take_along_dim", indices, "indices", 2)
    if indices.array.dtype.num not in INT_TYPES:
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got "
            + indices.dtype.type_name
        )
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)))
    if input.array.ndim != indices.array.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input.array.ndim} dimensions for input, and {indices.array.ndim} "
            "dimensions for indices"
        )
    dim = wrap_dim(dim, input.array.ndim)
    x_shape, i_shape = list(input.array.shape), list(indices.array.shape)
    x_shape[dim] = i_shape[dim] = 1
    common = list(common_shape(tuple(x_shape), tuple(i_shape)))

    def spread(t: Tensor) -> Tensor:
        return broadcast(t, (*common[:dim], t.array.shape[dim], *common[dim + 1 :]))

    extent, places = input.array.shape[dim], indices.array
    if places.size and places.min() < 0:
        indices = wrap(np.where(places < 0, places + extent, places))
    return gather(spread(input), dim, spread(indices))


@export
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Return the coordinates, in a tensor of a given shape, of places counted as if it were flat.

    Example:
        >>> rushlight.unravel_index(rushlight.tensor(5), (3, 4))
        (tensor(1), tensor(1))
    """
    if indices.array.dtype.kind not in "iu":
        raise ValueError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    extents = [shape] if hasattr(shape, "__index__") else [as_index(n) for n in shape]
    if min(extents, default=0) < 0:
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(extents)}")
    rest, found = indices.array.astype(np.int64), []
    for extent in reversed(extents):
        found.append(wrap(np.asarray(rest % extent)))
        rest = rest // extent
    return tuple(reversed(found))
