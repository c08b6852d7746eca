"""Reading and writing along one dimension by index tensors: gather, scatter, index_select and their kin."""

from __future__ import annotations

from operator import index as as_index
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Number, Shape
from ..autograd.node import Op
from ..backend.array import array_module
from ..errors import wrap_dim
from ..kernels.scatter import add_at
from ._arguments import number_for, require_tensor
from ._export import export
from .casts import cast
from .indexing import Index, IndexPut, SliceGrad, _parse, along
from .shape import broadcast, common_shape, reshape

_ALL = slice(None)
_INT_TYPES = {np.dtype(t).num for t in ("i4", "i8", "l", "q")}


def grid_index(index: Array, dim: int) -> tuple[Array, ...]:
    """Return the full index that takes `index` along a dimension and its own places in the others."""
    xp = array_module(index)
    ndim = index.ndim
    grid = [
        xp.arange(n).reshape((1,) * d + (n,) + (1,) * (ndim - 1 - d))
        for d, n in enumerate(index.shape)
    ]
    grid[dim] = index
    return tuple(grid)


def _within(shape: Shape) -> tuple[slice, ...]:
    return tuple([slice(0, n) for n in shape])


class Gather(Op):
    """y[.., i, ..] = x[.., index[.., i, ..], ..].  dL/dx = g added at those places."""

    def forward(ctx, x: Array, index: Array, *, dim: int) -> Array:
        ctx.save(index)
        ctx.shape, ctx.dim = x.shape, dim
        return x[grid_index(index, dim)]

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        (index,) = ctx.saved_tensors
        zeros = wrap(array_module(g.array).zeros(ctx.shape, g.array.dtype))
        return ScatterAdd.apply(zeros, index, g, dim=ctx.dim), None


class ScatterAdd(Op):
    """y = x with v added at x[.., index[.., i, ..], ..].  dL/dx = g, dL/dv = g at those places."""

    def forward(ctx, x: Array, index: Array, v: Array, *, dim: int) -> Array:
        ctx.save(index)
        ctx.dim, ctx.value_shape = dim, v.shape
        return add_at(x, grid_index(index, dim), v[_within(index.shape)])

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        (index,) = ctx.saved_tensors
        to_x, _, to_v = ctx.edges
        return (
            g if to_x else None,
            None,
            _value_grad(g, index, ctx.dim, ctx.value_shape) if to_v else None,
        )


class Scatter(Op):
    """y = x with v written at x[.., index[.., i, ..], ..].

    dL/dx = g, zero at those places; dL/dv = g at those places (where they coincide, each gets it).
    """

    def forward(ctx, x: Array, index: Array, v: Any, *, dim: int) -> Array:
        ctx.save(index)
        ctx.dim, ctx.value_shape = dim, getattr(v, "shape", ())
        y = x.copy()
        y[grid_index(index, dim)] = v if getattr(v, "ndim", 0) == 0 else v[_within(index.shape)]
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        (index,) = ctx.saved_tensors
        to_x, _, to_v = ctx.edges
        return (
            Scatter.apply(g, index, 0, dim=ctx.dim) if to_x else None,
            None,
            _value_grad(g, index, ctx.dim, ctx.value_shape) if to_v else None,
        )


def _value_grad(g: Tensor, index: Tensor, dim: int, shape: Shape) -> Tensor:
    """Return g at the scattered places, in the shape of the values (zero where none was used)."""
    found = Gather.apply(g, index, dim=dim)
    if found.array.shape == shape:
        return found
    return SliceGrad.apply(found, shape=shape, index=_within(found.array.shape))


class ScatterReduce(Op):
    """y = x with the values that meet at a place combined: prod, mean, amax or amin.

    Gradients: of a mean, g over the number of values; of an extremum, g shared evenly by the values
    that attain it; of a product, g times the other factors.
    """

    def forward(
        ctx, x: Array, index: Array, v: Array, *, dim: int, reduce: str, include_self: bool
    ) -> Array:
        ctx.dim, ctx.reduce, ctx.include_self = dim, reduce, include_self
        xp = array_module(x)
        grid = grid_index(index, dim)
        y = x.copy()
        if not include_self:
            y[grid] = _neutral(reduce, x.dtype)
        values = v[_within(index.shape)]
        if reduce in ("sum", "mean"):
            y = add_at(y, grid, values)
        else:
            _UFUNCS[reduce].at(y, grid, values)
        if reduce == "mean":
            y = _divided(xp, y, _counts(xp, x.shape, grid, include_self))
        ctx.save(x, index, v, y)
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, index, v, y = ctx.saved_tensors
        gx, gv = _REDUCE_GRADS[ctx.reduce](ctx, g, x, index, v, y)
        to_x, _, to_v = ctx.edges
        if to_x and not ctx.include_self:
            gx = Scatter.apply(gx, index, 0, dim=ctx.dim)
        if to_v and gv.array.shape != v.array.shape:
            gv = SliceGrad.apply(gv, shape=v.array.shape, index=_within(gv.array.shape))
        return gx if to_x else None, None, gv if to_v else None


_UFUNCS: dict[str, Any] = {"prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _neutral(reduce: str, dtype: np.dtype[Any]) -> Any:
    if reduce in ("sum", "mean"):
        return 0
    if reduce == "prod":
        return 1
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.min if reduce == "amax" else limits.max
    if dtype.kind == "b":
        return reduce == "amin"
    return -np.inf if reduce == "amax" else np.inf


def _counts(xp: Any, shape: Shape, grid: tuple[Array, ...], include_self: bool) -> Array:
    """Return how many values each place has combined, at least 1."""
    start = xp.full(shape, int(include_self), dtype=np.int64)
    places = np.broadcast_shapes(*[g.shape for g in grid])
    return xp.maximum(add_at(start, grid, xp.ones(places, dtype=np.int64)), 1)


def _divided(xp: Any, y: Array, counts: Array) -> Array:
    if y.dtype.kind in "iu":
        return xp.floor_divide(y, counts).astype(y.dtype)
    return (y / counts.astype(y.dtype)).astype(y.dtype, copy=False)


def _sum_grads(
    ctx: Any, g: Tensor, x: Tensor, index: Tensor, v: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    return g, Gather.apply(g, index, dim=ctx.dim)


def _mean_grads(
    ctx: Any, g: Tensor, x: Tensor, index: Tensor, v: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    xp = array_module(x.array)
    counts = _counts(xp, x.array.shape, grid_index(index.array, ctx.dim), ctx.include_self)
    share = g / wrap(counts.astype(g.array.dtype))  # type: ignore[operator]
    return share, Gather.apply(share, index, dim=ctx.dim)


def _extremum_grads(
    ctx: Any, g: Tensor, x: Tensor, index: Tensor, v: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    kind = g.array.dtype
    values = v.array[_within(index.array.shape)]
    at_self = (x.array == y.array).astype(kind)
    at_value = (values == y.array[grid_index(index.array, ctx.dim)]).astype(kind)
    attained = add_at(at_self, grid_index(index.array, ctx.dim), at_value)
    share = g / wrap(np.maximum(attained, kind.type(1)))  # type: ignore[operator]
    return share * wrap(at_self), Gather.apply(share, index, dim=ctx.dim) * wrap(at_value)  # type: ignore[operator]


def _product_grads(
    ctx: Any, g: Tensor, x: Tensor, index: Tensor, v: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """Divide the product by each factor; where a factor is zero, leave it out of the product instead."""
    dim, options = ctx.dim, {"dim": ctx.dim, "reduce": "prod", "include_self": ctx.include_self}
    window = _within(index.array.shape)
    used = v if v.array.shape == index.array.shape else v[window]
    without_self = _ones_at(x, x.array == 0)
    gx = g * ScatterReduce.apply(without_self, index, used, **options) / without_self  # type: ignore[operator]
    is_zero = used.array == 0
    zeros = np.zeros(x.array.shape, np.int64)
    grid = grid_index(index.array, dim)
    zeros = add_at(zeros, grid, is_zero.astype(np.int64))
    alone = is_zero & (zeros[grid] == 1)
    others = ScatterReduce.apply(x, index, _ones_at(used, alone), **options)
    shared = Gather.apply(g * y, index, dim=dim) / _ones_at(used, is_zero)  # type: ignore[operator]
    single = Gather.apply(g * others, index, dim=dim)  # type: ignore[operator]
    mask = wrap(alone.astype(g.array.dtype))
    return gx, single * mask + shared * (1 - mask)  # type: ignore[operator]


def _ones_at(x: Tensor, where: Array) -> Tensor:
    """Return x with ones where a mask is true; still differentiable elsewhere."""
    places = array_module(x.array).nonzero(where) if where.ndim else ()
    if not where.ndim:
        return wrap(np.ones((), x.array.dtype)) if where else x
    return IndexPut.apply(x, 1, *[wrap(p) for p in places], axes=tuple(range(where.ndim)))


_REDUCE_GRADS = {
    "sum": _sum_grads, "mean": _mean_grads, "prod": _product_grads,
    "amax": _extremum_grads, "amin": _extremum_grads,
}  # fmt: skip


# --- checks ------------------------------------------------------------------------------------


def _check_index(name: str, index: Any, *, position: int = 3) -> Tensor:
    require_tensor(name, index, "index", position)
    if index.array.dtype.num not in _INT_TYPES:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    return index  # type: ignore[no-any-return]


def _check_bounds(
    index: Array, dim: int, extent: int, error: type[Exception] = RuntimeError, name: str = ""
) -> None:
    if index.size and (index.min() < 0 or index.max() >= extent):
        wrong = index[(index < 0) | (index >= extent)].reshape(-1)[0]
        raise error(
            f"{name}index {int(wrong)} is out of bounds for dimension {dim} with size {extent}"
        )


def _at_least_1d(x: Any) -> Any:
    return reshape(x, (1,)) if isinstance(x, Tensor) and not x.array.ndim else x


def _prepare(name: str, input: Any, dim: int, index: Any) -> tuple[Tensor, int, Tensor]:
    """Check the arguments that gather and scatter share; 0-d tensors become 1-d."""
    require_tensor(name, input)
    require_tensor(name, index, "index", 3)
    if index.array.size:
        _check_index(name, index)
    dim = wrap_dim(as_index(dim), input.array.ndim)
    x, index = _at_least_1d(input), _at_least_1d(index)
    if index.array.size and x.array.ndim != index.array.ndim:
        role = "input" if name == "gather" else "self"
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {role} tensor")
    return x, dim, index


# --- gather and scatter ------------------------------------------------------------------------


@export(method=True, out=True, numpy_names=True)
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Pick elements along a dimension: for dim 0, y[i][j] = x[index[i][j]][j].

    Args:
        input: the tensor to pick from.
        dim: the dimension.
        index: int64 (or int32) places, of as many dimensions as `input`; no larger than it in the others.
        sparse_grad: accepted for compatibility.

    Raises:
        RuntimeError: a place does not exist, or the shapes do not fit.

    Example:
        >>> x = rushlight.tensor([[1, 2], [3, 4]])
        >>> x.gather(1, rushlight.tensor([[0], [1]]))
        tensor([[1],
                [4]])
    """
    result_shape = require_tensor("gather", index, "index", 3).array.shape
    x, dim, index = _prepare("gather", input, dim, index)
    shape = x.array.shape
    if not index.array.size:
        none = along(reshape(x, (x.array.size,)), 0, 0, 0)
        return reshape(none, result_shape)  # type: ignore[no-any-return]
    for d, n in enumerate(index.array.shape):
        if d != dim and n > shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be no larger "
                f"than self {list(shape)} apart from dimension {dim}"
            )
    _check_bounds(index.array, dim, shape[dim])
    result = Gather.apply(x, index, dim=dim)
    same = result.array.shape == result_shape
    return result if same else reshape(result, result_shape)  # type: ignore[no-any-return]


def _scatter_operands(
    name: str, input: Any, dim: int, index: Any, src: Any
) -> tuple[Tensor, int, Tensor, Any]:
    x, dim, index = _prepare(name, input, dim, index)
    src = _at_least_1d(src)
    if isinstance(src, Tensor):
        if src.array.dtype != x.array.dtype:
            raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
        _check_scatter_shapes(x, dim, index, src)
    elif index.array.size:
        _check_no_larger(x, dim, index)
    _check_bounds(index.array, dim, x.array.shape[dim])
    return x, dim, index, src


def _check_no_larger(x: Tensor, dim: int, index: Tensor) -> None:
    for d, n in enumerate(index.array.shape):
        if d != dim and n > x.array.shape[d]:
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than self {list(x.shape)} apart from "
                f"dimension {dim}"
            )


def _check_scatter_shapes(x: Tensor, dim: int, index: Tensor, src: Tensor) -> None:
    if not index.array.size:
        return
    if src.array.ndim != x.array.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    for d, n in enumerate(index.array.shape):
        if n > src.array.shape[d] or (d != dim and n > x.array.shape[d]):
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than self {list(x.shape)} apart from "
                f"dimension {dim} and to be no larger size than src {list(src.shape)}"
            )


def _like_input(result: Tensor, input: Tensor) -> Tensor:
    return result if input.array.ndim else reshape(result, ())  # type: ignore[no-any-return]


@export(method=True, inplace=True, out=True, numpy_names=True)
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Number | None = None,
    reduce: str | None = None,
) -> Tensor:  # fmt: skip
    """Write values along a dimension: for dim 0, y[index[i][j]][j] = src[i][j]; elsewhere y = x.

    Args:
        input: the tensor x.
        dim: the dimension.
        index: int64 (or int32) places, of as many dimensions as `input`.
        src: a tensor of the values (of at least the extents of `index`), or one number.
        value: the number, by keyword.
        reduce: "add" or "multiply" combine instead of overwriting.

    Raises:
        RuntimeError: a place does not exist, or the shapes or dtypes do not fit.

    Example:
        >>> rushlight.zeros(3).scatter(0, rushlight.tensor([2, 0]), rushlight.tensor([5.0, 6.0]))
        tensor([6., 0., 5.])
    """
    given = src if src is not None else value
    if isinstance(given, Tensor) and not given.array.ndim and input.array.ndim:
        given = given.item()
    x, dim, index, given = _scatter_operands("scatter", input, dim, index, given)
    if not index.array.size:
        return input.clone()  # type: ignore[attr-defined, no-any-return]
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        if not isinstance(given, Tensor):
            given = wrap(array_module(x.array).full(index.array.shape, given, x.array.dtype))
        if reduce == "add":
            return _like_input(ScatterAdd.apply(x, index, given, dim=dim), input)
        combined = ScatterReduce.apply(x, index, given, dim=dim, reduce="prod", include_self=True)
        return _like_input(combined, input)
    if not isinstance(given, Tensor):
        given = number_for(given, x.dtype)
    return _like_input(Scatter.apply(x, index, given, dim=dim), input)


@export(method=True, inplace=True, out=True, saves_input=False, numpy_names=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Add values along a dimension: for dim 0, y[index[i][j]][j] += src[i][j].

    Raises:
        RuntimeError: a place does not exist, or the shapes or dtypes do not fit.

    Example:
        >>> rushlight.zeros(2).scatter_add(0, rushlight.tensor([0, 0, 1]), rushlight.ones(3))
        tensor([2., 1.])
    """
    x, dim, index, src = _scatter_operands("scatter_add", input, dim, index, src)
    if not index.array.size:
        return input.clone()  # type: ignore[attr-defined, no-any-return]
    return _like_input(ScatterAdd.apply(x, index, src, dim=dim), input)


@export(method=True, inplace=True, out=True, numpy_names=True)
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Combine values along a dimension where they meet.

    Args:
        input: the tensor x.
        dim: the dimension.
        index: places, as for `scatter`.
        src: the values.
        reduce: "sum", "prod", "mean", "amax" or "amin".
        include_self: whether the element of x takes part.

    Raises:
        RuntimeError: a place does not exist, or the shapes or dtypes do not fit.
    """
    if reduce not in _REDUCE_GRADS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    x, dim, index, src = _scatter_operands("scatter_reduce", input, dim, index, src)
    if not index.array.size:
        return input.clone()  # type: ignore[attr-defined, no-any-return]
    result = ScatterReduce.apply(x, index, src, dim=dim, reduce=reduce, include_self=include_self)
    return _like_input(result, input)


# --- index_* -----------------------------------------------------------------------------------


class IndexSelect(Index):
    """y = x at the places of a vector along a dimension.  dL/dx = g added there."""


class IndexAdd(IndexPut):
    """y = x with v added at the places of a vector along a dimension.  dL/dx = g, dL/dv = g there."""


class IndexCopy(IndexPut):
    """y = x with v written at the places of a vector along a dimension."""


class IndexFill(IndexPut):
    """y = x with a number written at the places of a vector along a dimension; repeated ones count once."""

    def forward(
        ctx, x: Array, v: Any, *places: Array, axes: Shape, accumulate: bool = False
    ) -> Array:
        return super().forward(x, v, array_module(x).unique(places[0]), axes=axes)


def _vector(name: str, index: Any, message: str = "Index is supposed to be a vector") -> Tensor:
    require_tensor(name, index, "index", 3)
    if index.array.dtype.num not in _INT_TYPES:
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index")
    if index.array.ndim > 1:
        raise IndexError(f"{name}(): {message}")
    return reshape(index, (index.array.size,))  # type: ignore[no-any-return]


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
    x = _at_least_1d(input)
    places = index.array
    if places.size and (places.min() < 0 or places.max() >= x.array.shape[dim]):
        raise IndexError("index out of range in self")
    if not input.array.ndim and places.size != 1:
        raise RuntimeError(
            f"index_select(): Index to scalar can have only 1 value, got {places.size} value(s)"
        )
    return _like_input(IndexSelect.apply(x, index, axes=(dim,)), input)


def _index_operands(
    name: str, input: Tensor, dim: int, index: Any, source: Any
) -> tuple[Tensor, int, Tensor, Tensor]:
    require_tensor(name, input)
    index = _vector(name, index)
    require_tensor(name, source, "source", 4)
    dim = wrap_dim(dim, input.array.ndim)
    x = _at_least_1d(input)
    if source.array.dtype != x.array.dtype:
        raise RuntimeError(
            f"{name}(): self ({input.dtype.type_name}) and source ({source.dtype.type_name}) must have the "
            "same scalar type"
        )
    return x, dim, index, _at_least_1d(source)


def _check_source(name: str, x: Tensor, dim: int, index: Tensor, source: Tensor) -> None:
    have, want = list(source.array.shape), list(x.array.shape)
    if len(have) == len(want) and have[:dim] + have[dim + 1 :] != want[:dim] + want[dim + 1 :]:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got "
            f"self.shape = {want} source.shape = {have}"
        )
    if len(have) != len(want):
        raise RuntimeError(f"{name}(): source has {len(have)} dimensions, self has {len(want)}")
    if index.array.size != have[dim]:
        raise RuntimeError(
            f"{name}_(): Number of indices ({index.array.size}) should be equal to source.size(dim): "
            f"({have[dim]}), for dim: {dim}"
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
    _check_bounds(index.array, dim, x.array.shape[dim])
    values = source if alpha == 1 else source * alpha  # type: ignore[operator]
    return _like_input(IndexAdd.apply(x, values, index, axes=(dim,), accumulate=True), input)


@export(method=True, inplace=True, out=True, saves_input=False, numpy_names=True)
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
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. "
            f"Source dimensionality ({source.array.ndim}), destination dimensionality ({x.array.ndim})"
        )
    if have[:dim] + have[dim + 1 :] != want[:dim] + want[dim + 1 :]:
        raise RuntimeError(
            f"index_copy_(): Source/destination tensor must have same slice shapes. Destination slice "
            f"shape: {want[:dim] + want[dim + 1 :]} at dimension {dim} and source slice shape: "
            f"{have[:dim] + have[dim + 1 :]} at dimension 0."
        )
    if count != have[dim]:
        raise IndexError(
            f"index_copy_(): Number of indices ({count}) should be equal to source.size(dim) ({have[dim]})"
        )
    _check_bounds(index.array, dim, want[dim], IndexError, "index_copy_(): ")
    return _like_input(IndexCopy.apply(x, source, index, axes=(dim,)), input)


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
    x = _at_least_1d(input)
    extent, places = x.array.shape[dim], index.array
    if places.size and (places.min() < -extent or places.max() >= extent):
        raise IndexError(f"index out of range: expected [{-extent}, {extent - 1}]")
    return _like_input(IndexFill.apply(x, value, index, axes=(dim,)), input)


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
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
        )
    x, dim, index, source = _index_operands("index_reduce", input, dim, index, source)
    _check_source("index_reduce", x, dim, index, source)
    _check_bounds(index.array, dim, x.array.shape[dim])
    if not source.array.size:
        return input.clone()  # type: ignore[attr-defined, no-any-return]
    shape = (1,) * dim + (index.array.size,) + (1,) * (x.array.ndim - 1 - dim)
    spread = wrap(
        np.ascontiguousarray(np.broadcast_to(index.array.reshape(shape), source.array.shape))
    )
    result = ScatterReduce.apply(
        x, spread, source, dim=dim, reduce=reduce, include_self=include_self
    )
    return _like_input(result, input)


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
            f"Index put requires the source and destination dtypes match, got {input.dtype.type_name} for "
            f"the destination and {values.dtype.type_name} for the source."
        )
    if len(indices) > input.array.ndim:
        raise IndexError(
            f"too many indices for tensor of dimension {input.array.ndim} (got {len(indices)})"
        )
    _, places, axes = _parse(input, tuple([_ALL if i is None else _as_places(i) for i in indices]))
    try:
        return IndexPut.apply(input, values, *places, axes=axes, accumulate=accumulate)
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result"
        ) from None
    except IndexError as error:
        raise IndexError(str(error).replace("for axis", "for dimension")) from None


def _as_places(index: Tensor) -> Tensor:
    return reshape(index, (1,)) if not index.array.ndim and index.array.dtype.kind != "b" else index  # type: ignore[no-any-return]


# --- as if flat --------------------------------------------------------------------------------


def _flat_places(name: str, x: Tensor, index: Any) -> Tensor:
    require_tensor(name, index, "index", 2)
    if index.array.dtype.num not in _INT_TYPES:
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
    return index  # type: ignore[no-any-return]


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
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.array.size}, index.numel() = {index.array.size}"
        )
    flat, places = reshape(input, (input.array.size,)), reshape(index, (index.array.size,))
    values = reshape(source, (source.array.size,))
    result = Put.apply(flat, values, places, axes=(0,), accumulate=accumulate)
    return reshape(result, input.array.shape)  # type: ignore[no-any-return]


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
    if indices.array.dtype.num not in _INT_TYPES:
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got "
            + indices.dtype.type_name
        )
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)))  # type: ignore[no-any-return]
    if input.array.ndim != indices.array.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.array.ndim} dimensions for input, and {indices.array.ndim} dimensions for indices"
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
    return gather(spread(input), dim, spread(indices))  # type: ignore[no-any-return]


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
