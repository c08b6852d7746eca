"""Order: sort, topk, kthvalue, median, mode, quantile. A NaN counts as larger than every number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend.array import array_module
from ..errors import wrap_dim
from ..kernels._precision import widen
from ._arguments import require_tensor
from ._autocast import autocast
from ._export import export
from ._return_types import return_type
from .gathering import Gather, Scatter
from .shape import movedim, reshape, unsqueeze

# Below this length a full sort costs no more than finding the k largest first.
_PARTITION_FROM = 128


class Ordered(Op):
    """values = x at some places along a dimension, indices = these places.

    d/dx = g of the values, written at these places. Subclasses say which places.
    """

    nondifferentiable = (1,)
    # (x, dim, **options) -> the places along the dimension, of as many dimensions as x.
    places: ClassVar[Callable[..., Array]]

    def forward(
        ctx, x: Array, *, dim: int, keepdim: bool = True, **options: Any
    ) -> tuple[Array, Array]:
        places = ctx.places(x, dim, **options)
        ctx.save(places)
        ctx.shape, ctx.dim, ctx.keepdim = x.shape, dim, keepdim
        values = array_module(x).take_along_axis(x, places, dim)
        return (values, places) if keepdim else (values.squeeze(dim), places.squeeze(dim))

    def backward(ctx, g: Tensor, _: Any) -> Tensor:
        (places,) = ctx.saved_tensors
        if not ctx.keepdim:
            g = unsqueeze(g, ctx.dim)
        zeros = wrap(array_module(g.array).zeros(ctx.shape, g.array.dtype))
        return Scatter.apply(zeros, places, g, dim=ctx.dim)


def _sorted_places(x: Array, dim: int, descending: bool = False) -> Array:
    """Return the places that sort x along a dimension, equal elements in their order."""
    xp = array_module(x)
    x = widen(x)
    if not descending:
        return xp.argsort(x, axis=dim, kind="stable")
    # Backwards and back again: negating would break unsigned integers, and the order of equals.
    places = xp.argsort(xp.flip(x, dim), axis=dim, kind="stable")
    return xp.ascontiguousarray(x.shape[dim] - 1 - xp.flip(places, dim))


class Sort(Ordered):
    """values = x sorted along a dimension, indices = where they were."""

    def places(ctx, x: Array, dim: int, *, descending: bool) -> Array:
        return _sorted_places(x, dim, descending)


class TopK(Ordered):
    """values = the k largest (or smallest) elements of a dimension, indices = where they were."""

    label = "Topk"

    def places(ctx, x: Array, dim: int, *, k: int, largest: bool) -> Array:
        xp = array_module(x)
        x, extent = widen(x), x.shape[dim]
        if extent < _PARTITION_FROM or 4 * k > extent or k == 0:
            return xp.take(_sorted_places(x, dim, largest), xp.arange(k), axis=dim)
        chosen = slice(extent - k, None) if largest else slice(0, k)
        window = (slice(None),) * dim + (chosen,)
        some = xp.sort(
            xp.argpartition(x, extent - k if largest else k - 1, axis=dim)[window], axis=dim
        )
        order = _sorted_places(xp.take_along_axis(x, some, dim), dim, largest)
        return xp.take_along_axis(some, order, dim)


class KthValue(Ordered):
    """values = the k-th smallest elements along a dimension, indices = where they are."""

    label = "Kthvalue"

    def places(ctx, x: Array, dim: int, *, k: int) -> Array:
        return _nth(_sorted_places(x, dim), dim, k - 1)


class Median(Ordered):
    """values = the lower medians along a dimension (the first NaN if any), indices = where."""

    def places(ctx, x: Array, dim: int) -> Array:
        xp = array_module(x)
        order = _sorted_places(x, dim)
        middle = _nth(order, dim, (x.shape[dim] - 1) // 2)
        if x.dtype.kind in "iub":
            return middle
        bad = xp.isnan(x)
        return xp.where(
            bad.any(dim, keepdims=True), xp.argmax(bad, axis=dim, keepdims=True), middle
        )


class NanMedian(Ordered):
    """values = the lower medians of what is not NaN along a dimension, indices = where they are."""

    def places(ctx, x: Array, dim: int) -> Array:
        xp = array_module(x)
        order = _sorted_places(x, dim)
        counts = x.shape[dim] - _is_nan(x).sum(dim, keepdims=True)
        return xp.take_along_axis(order, xp.maximum(counts - 1, 0) // 2, dim)


class Mode(Ordered):
    """values = the most frequent elements of a dimension (the smallest), indices = the last."""

    def places(ctx, x: Array, dim: int) -> Array:
        xp = array_module(x)
        order = xp.moveaxis(_sorted_places(x, dim), dim, -1)
        ranked = xp.take_along_axis(xp.moveaxis(widen(x), dim, -1), order, -1)
        extent = x.shape[dim]
        starts = xp.ones(ranked.shape, dtype=bool)
        starts[..., 1:] = ranked[..., 1:] != ranked[..., :-1]
        # How far the run of equals has come at each place: greatest where the longest run ends.
        begun = xp.maximum.accumulate(xp.where(starts, xp.arange(extent), 0), axis=-1)
        end = xp.argmax(xp.arange(extent) - begun, axis=-1)[..., None]
        return xp.moveaxis(xp.take_along_axis(order, end, -1), -1, dim)


def _nth(order: Array, dim: int, n: int) -> Array:
    return order[(slice(None),) * dim + (slice(n, n + 1),)]


def _is_nan(x: Array) -> Array:
    xp = array_module(x)
    return xp.zeros(x.shape, dtype=bool) if x.dtype.kind in "iub" else xp.isnan(x)


# --- results with values and indices -----------------------------------------------------------


def _ordered(name: str, op: type[Ordered], input: Any, dim: int, **options: Any) -> Any:
    """Apply an operator along a dimension; a 0-d tensor counts as one element."""
    require_tensor(name, input)
    if input.dtype.is_complex:
        raise RuntimeError(f"{name.capitalize()} does not support complex dtypes on CPU")
    dim = wrap_dim(dim, input.array.ndim)
    kind = return_type(name, "values", "indices")
    if input.array.ndim:
        return kind(*op.apply(input, dim=dim, **options))
    values, indices = op.apply(reshape(input, (1,)), dim=0, **options)
    shape = () if values.array.size == 1 else values.array.shape
    return kind(reshape(values, shape), reshape(indices, shape))


@export(method=True, out=True, numpy_names=True)
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Sort along a dimension.

    Args:
        input: the tensor.
        dim: the dimension.
        descending: the largest first.
        stable: accepted for compatibility: equal elements always keep their order.

    Returns:
        (values, indices): the sorted elements and where they were.

    Raises:
        IndexError: the dimension does not exist.

    Example:
        >>> values, indices = rushlight.tensor([3, 1, 2]).sort()
        >>> indices
        tensor([1, 2, 0])
    """
    return _ordered("sort", Sort, input, dim, descending=bool(descending))


@export(method=True, numpy_names=True)
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return the indices that sort a tensor along a dimension."""
    return sort(input, dim, descending)[1]


@export(method=True, out=True)
def msort(input: Tensor) -> Tensor:
    """Sort along the first dimension; return only the values."""
    return sort(input, 0)[0]


@export(method=True, out=True, numpy_names=True)
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """Return the k largest or smallest elements along a dimension, in order.

    Args:
        input: the tensor.
        k: how many.
        dim: the dimension.
        largest: the largest rather than the smallest.
        sorted: accepted for compatibility: the result is always in order.

    Returns:
        (values, indices).

    Raises:
        RuntimeError: there are fewer than k elements.

    Example:
        >>> rushlight.tensor([3, 1, 2]).topk(2).values
        tensor([3, 2])
    """
    require_tensor("topk", input)
    extent = input.array.shape[wrap_dim(dim, input.array.ndim)] if input.array.ndim else 1
    k = int(k)
    if not 0 <= k <= extent:
        raise RuntimeError("selected index k out of range")
    return _ordered("topk", TopK, input, dim, k=k, largest=bool(largest))


def _check_extent(name: str, input: Tensor, dim: int) -> None:
    shape = require_tensor(name, input).array.shape
    dim = wrap_dim(dim, len(shape))
    if shape and shape[dim] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")


@export(method=True, out=True, numpy_names=True)
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the k-th smallest elements along a dimension, counting from 1.

    Returns:
        (values, indices).

    Raises:
        RuntimeError: there are fewer than k elements, or k is below 1.
    """
    _check_extent("kthvalue", input, dim)
    at = wrap_dim(dim, input.array.ndim)
    if not 1 <= k <= (input.array.shape[at] if input.array.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {at}")
    return _ordered("kthvalue", KthValue, input, dim, k=k, keepdim=keepdim)


@export(method=True, out=True, numpy_names=True)
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median: of an even number of elements the lower of the two in the middle.

    Args:
        input: the tensor.
        dim: the dimension; None: of all elements, and only the value is returned.
        keepdim: keep the dimension, with extent 1.

    Returns:
        (values, indices), or the value. A NaN among the elements is the result.

    Example:
        >>> rushlight.tensor([4.0, 1.0, 3.0, 2.0]).median()
        tensor(2.)
    """
    if dim is None:
        return _of_all("median", Median, input)
    _check_extent("median", input, dim)
    return _ordered("median", Median, input, dim, keepdim=keepdim)


@export(method=True, out=True, numpy_names=True)
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median of the elements that are not NaN; otherwise as `median`."""
    if dim is None:
        return _of_all("nanmedian", NanMedian, input)
    _check_extent("nanmedian", input, dim)
    return _ordered("nanmedian", NanMedian, input, dim, keepdim=keepdim)


class OfAll(Op):
    """y = a median of all elements of x.  dL/dx = g, shared evenly by the elements equal to y."""

    label = "Median"

    def forward(ctx, x: Array, *, op: type[Ordered]) -> Array:
        (y, _) = op().forward(x.reshape(-1), dim=0, keepdim=False)
        same = x == y
        if x.dtype.kind not in "iub" and array_module(x).isnan(y):
            same = array_module(x).isnan(x)
        ctx.save((same / same.sum()).astype(x.dtype))
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        (share,) = ctx.saved_tensors
        return g * share


def _of_all(name: str, op: type[Ordered], input: Tensor) -> Tensor:
    array = require_tensor(name, input).array
    if not array.size:
        if array.dtype.kind in "iub":
            raise RuntimeError(f"{name}() operation does not have an identity for empty input.")
        return wrap(np.full((), np.nan, array.dtype))
    return OfAll.apply(input, op=op)


@export(method=True, out=True, numpy_names=True)
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the most frequent elements along a dimension: the smallest of several.

    Returns:
        (values, indices), the indices those of the last occurrence.
    """
    _check_extent("mode", input, dim)
    return _ordered("mode", Mode, input, dim, keepdim=keepdim)


# --- quantiles ---------------------------------------------------------------------------------

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@export(method=True, out=True, numpy_names=True)
@autocast("float32")
def quantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """Return quantiles along a dimension, or of all elements.

    Args:
        input: a float32 or float64 tensor.
        q: the quantile, in [0, 1], or a 1-d tensor of quantiles; these become the first dimension.
        dim: the dimension; None: all elements.
        keepdim: keep the dimension, with extent 1.
        interpolation: "linear", "lower", "higher", "midpoint" or "nearest": what to return for a
            quantile between two elements.

    Raises:
        RuntimeError: a quantile lies outside [0, 1], or the dtypes do not fit.

    Example:
        >>> rushlight.tensor([0.0, 1.0, 3.0]).quantile(0.75)
        tensor(2.)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, ignore_nan=False)


@export(method=True, out=True, numpy_names=True)
@autocast("float32")
def nanquantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """Return quantiles of the elements that are not NaN; otherwise as `quantile`."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, ignore_nan=True)


def _quantile(
    name: str,
    x: Tensor,
    q: Any,
    dim: int | None,
    keepdim: bool,
    interpolation: str,
    ignore_nan: bool,
) -> Tensor:
    points = _quantile_points(name, x, q, interpolation)
    point_shape = points.array.shape
    ndim = x.array.ndim
    if dim is None:
        flat, at, kept = reshape(x, (x.array.size,)), 0, (1,) * ndim
    else:
        at = wrap_dim(dim, ndim)
        flat = x if ndim else reshape(x, (1,))
        kept = tuple([1 if d == at else n for d, n in enumerate(x.array.shape)])
    if not x.array.size:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    ranked = Sort.apply(movedim(flat, at, -1), dim=flat.array.ndim - 1, descending=False)[0]
    found = _interpolated(ranked, reshape(points, (-1,)), interpolation, ignore_nan)  # (..., Q)
    result = movedim(found, -1, 0)
    rest = (
        kept if keepdim else tuple([n for d, n in enumerate(kept) if dim is not None and d != at])
    )
    return reshape(result, point_shape + rest)


def _quantile_points(name: str, x: Any, q: Any, interpolation: str) -> Tensor:
    require_tensor(name, x)
    if str(x.dtype) not in ("torch.float32", "torch.float64"):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q:g}")
        return wrap(np.asarray(q, dtype=x.array.dtype))
    if q.array.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.array.dtype != x.array.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if q.array.size and not ((q.array >= 0) & (q.array <= 1)).all():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    return q


def _interpolated(ranked: Tensor, q: Tensor, interpolation: str, ignore_nan: bool) -> Tensor:
    """Read sorted rows at fractional ranks."""
    xp, kind = array_module(ranked.array), q.array.dtype
    bad = xp.isnan(ranked.array)
    last = ranked.array.shape[-1] - 1
    spans = xp.full((*ranked.array.shape[:-1], 1), last, dtype=kind)
    if ignore_nan:
        spans = xp.maximum((~bad).sum(-1, keepdims=True) - 1, 0).astype(kind)
    ranks = q.array * spans
    if not ignore_nan:
        # The last element of a sorted row is NaN if any is.
        ranks = xp.where(bad.any(-1, keepdims=True), kind.type(last), ranks)
    rounding = {"lower": xp.floor, "higher": xp.ceil, "nearest": xp.rint}.get(interpolation)
    if rounding is not None:
        return _at_ranks(ranked, rounding(ranks))
    below = xp.floor(ranks)
    low, high = _at_ranks(ranked, below), _at_ranks(ranked, xp.ceil(ranks))
    weight = wrap(xp.full_like(ranks, 0.5))
    if interpolation == "linear":
        weight = q * wrap(spans) - wrap(below)
    return low.lerp(high, weight)


def _at_ranks(ranked: Tensor, ranks: Array) -> Tensor:
    return Gather.apply(ranked, wrap(ranks.astype(np.int64)), dim=ranked.array.ndim - 1)
