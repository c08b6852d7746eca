"""Reading and writing along a dimension by an index for each element: gather, scatter."""

from __future__ import annotations

from operator import index as as_index
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Number, Shape
from ..autograd.node import Op
from ..backend.array import array_module
from ..errors import wrap_dim
from ..kernels.scatter import add_at, grid_index, scatter_add as scatter_add_kernel
from ._arguments import number_for, require_tensor
from ._export import export
from ._waiting import sparse_package
from .indexing import IndexPut, SliceGrad, along
from .shape import reshape

_ALL = slice(None)
INT_TYPES = {np.dtype(t).num for t in ("i4", "i8", "l", "q")}


def _within(shape: Shape) -> tuple[slice, ...]:
    return tuple([slice(0, n) for n in shape])


class Gather(Op):
    """y[.., i, ..] = x[.., index[.., i, ..], ..].  dL/dx = g added at those places."""

    def forward(ctx, x: Array, index: Array, *, dim: int, sparse: bool = False) -> Array:
        ctx.save(index)
        ctx.shape, ctx.dim, ctx.sparse = x.shape, dim, sparse
        return x[grid_index(index, dim)]

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        (index,) = ctx.saved_tensors
        if ctx.sparse:
            return sparse_package().gather_gradient(g, index, ctx.shape, ctx.dim), None
        zeros = wrap(array_module(g.array).zeros(ctx.shape, g.array.dtype))
        return ScatterAdd.apply(zeros, index, g, dim=ctx.dim), None


class ScatterAdd(Op):
    """y = x with v added at x[.., index[.., i, ..], ..].  dL/dx = g, dL/dv = g at those places."""

    def forward(ctx, x: Array, index: Array, v: Array, *, dim: int) -> Array:
        ctx.save(index)
        ctx.dim, ctx.value_shape = dim, v.shape
        return scatter_add_kernel(x, index, v, dim=dim)

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
    share = g / wrap(counts.astype(g.array.dtype))
    return share, Gather.apply(share, index, dim=ctx.dim)


def _extremum_grads(
    ctx: Any, g: Tensor, x: Tensor, index: Tensor, v: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    kind = g.array.dtype
    values = v.array[_within(index.array.shape)]
    at_self = (x.array == y.array).astype(kind)
    at_value = (values == y.array[grid_index(index.array, ctx.dim)]).astype(kind)
    attained = add_at(at_self, grid_index(index.array, ctx.dim), at_value)
    share = g / wrap(np.maximum(attained, kind.type(1)))
    return share * wrap(at_self), Gather.apply(share, index, dim=ctx.dim) * wrap(at_value)


def _product_grads(
    ctx: Any, g: Tensor, x: Tensor, index: Tensor, v: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """Divide the product by each factor; leave a factor out of it where that is zero."""
    dim, options = ctx.dim, {"dim": ctx.dim, "reduce": "prod", "include_self": ctx.include_self}
    window = _within(index.array.shape)
    used = v if v.array.shape == index.array.shape else v[window]
    without_self = _ones_at(x, x.array == 0)
    gx = g * ScatterReduce.apply(without_self, index, used, **options) / without_self
    is_zero = used.array == 0
    zeros = np.zeros(x.array.shape, np.int64)
    grid = grid_index(index.array, dim)
    zeros = add_at(zeros, grid, is_zero.astype(np.int64))
    alone = is_zero & (zeros[grid] == 1)
    others = ScatterReduce.apply(x, index, _ones_at(used, alone), **options)
    shared = Gather.apply(g * y, index, dim=dim) / _ones_at(used, is_zero)
    single = Gather.apply(g * others, index, dim=dim)
    mask = wrap(alone.astype(g.array.dtype))
    return gx, single * mask + shared * (1 - mask)


def _ones_at(x: Tensor, where: Array) -> Tensor:
    """Return x with ones where a mask is true; still differentiable elsewhere."""
    places = array_module(x.array).nonzero(where) if where.ndim else ()
    if not where.ndim:
        return wrap(np.ones((), x.array.dtype)) if where else x
    return IndexPut.apply(x, 1, *[wrap(p) for p in places], axes=tuple(range(where.ndim)))


_REDUCE_GRADS = {
    "sum": _sum_grads,
    "mean": _mean_grads,
    "prod": _product_grads,
    "amax": _extremum_grads,
    "amin": _extremum_grads,
}


# --- checks ------------------------------------------------------------------------------------


def _check_index(name: str, index: Any, *, position: int = 3) -> Tensor:
    require_tensor(name, index, "index", position)
    if index.array.dtype.num not in INT_TYPES:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    return index


def check_bounds(
    index: Array, dim: int, extent: int, error: type[Exception] = RuntimeError, name: str = ""
) -> None:
    """Raise unless all places exist along a dimension; negative ones do not."""
    if index.size and (index.min() < 0 or index.max() >= extent):
        wrong = index[(index < 0) | (index >= extent)].reshape(-1)[0]
        raise error(
            f"{name}index {int(wrong)} is out of bounds for dimension {dim} with size {extent}"
        )


def at_least_1d(x: Any) -> Any:
    """Return a 0-d tensor as one of one dimension, anything else as it is."""
    return reshape(x, (1,)) if isinstance(x, Tensor) and not x.array.ndim else x


def _prepare(name: str, input: Any, dim: int, index: Any) -> tuple[Tensor, int, Tensor]:
    """Check the arguments that gather and scatter share; 0-d tensors become 1-d."""
    require_tensor(name, input)
    require_tensor(name, index, "index", 3)
    if index.array.size:
        _check_index(name, index)
    dim = wrap_dim(as_index(dim), input.array.ndim)
    x, index = at_least_1d(input), at_least_1d(index)
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
        index: int64 (or int32) places, of as many dimensions as `input`; in the others no larger.
        sparse_grad: give `input` a sparse gradient, which holds only the elements picked.

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
        return reshape(none, result_shape)
    for d, n in enumerate(index.array.shape):
        if d != dim and n > shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be no "
                f"larger than self {list(shape)} apart from dimension {dim}"
            )
    check_bounds(index.array, dim, shape[dim])
    result = Gather.apply(x, index, dim=dim, sparse=bool(sparse_grad))
    same = result.array.shape == result_shape
    return result if same else reshape(result, result_shape)


def _scatter_operands(
    name: str, input: Any, dim: int, index: Any, src: Any
) -> tuple[Tensor, int, Tensor, Any]:
    x, dim, index = _prepare(name, input, dim, index)
    src = at_least_1d(src)
    if isinstance(src, Tensor):
        if src.array.dtype != x.array.dtype:
            raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
        _check_scatter_shapes(x, dim, index, src)
    elif index.array.size:
        _check_no_larger(x, dim, index)
    check_bounds(index.array, dim, x.array.shape[dim])
    return x, dim, index, src


def _check_no_larger(x: Tensor, dim: int, index: Tensor) -> None:
    for d, n in enumerate(index.array.shape):
        if d != dim and n > x.array.shape[d]:
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than self {list(x.shape)} "
                f"apart from dimension {dim}"
            )


def _check_scatter_shapes(x: Tensor, dim: int, index: Tensor, src: Tensor) -> None:
    if not index.array.size:
        return
    if src.array.ndim != x.array.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    for d, n in enumerate(index.array.shape):
        if n > src.array.shape[d] or (d != dim and n > x.array.shape[d]):
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than self {list(x.shape)} "
                f"apart from dimension {dim} and to be no larger size than src {list(src.shape)}"
            )


def like_input(result: Tensor, input: Tensor) -> Tensor:
    """Return a result without the dimension that a 0-d input was given."""
    return result if input.array.ndim else reshape(result, ())


@export(method=True, inplace=True, out=True, numpy_names=True)
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Number | None = None,
    reduce: str | None = None,
) -> Tensor:
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
        return input.clone()
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        if not isinstance(given, Tensor):
            given = wrap(array_module(x.array).full(index.array.shape, given, x.array.dtype))
        if reduce == "add":
            return like_input(ScatterAdd.apply(x, index, given, dim=dim), input)
        combined = ScatterReduce.apply(x, index, given, dim=dim, reduce="prod", include_self=True)
        return like_input(combined, input)
    if not isinstance(given, Tensor):
        given = number_for(given, x.dtype)
    return like_input(Scatter.apply(x, index, given, dim=dim), input)


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
        return input.clone()
    return like_input(ScatterAdd.apply(x, index, src, dim=dim), input)


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
        return input.clone()
    result = ScatterReduce.apply(x, index, src, dim=dim, reduce=reduce, include_self=include_self)
    return like_input(result, input)
