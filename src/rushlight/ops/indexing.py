"""Reading and writing through an index: `x[...]` and `x[...] = v`.

An index is taken in two steps, as in torch. The basic one (integers, slices, None, Ellipsis) gives
a view. On that view, the tensors among the items gather elements; a mask stands for the tensors
of the places where it is true.
"""

from __future__ import annotations

import warnings
from operator import index as as_index
from typing import Any

import numpy as np

from .._tensor import Tensor, install, wrap
from .._typing import Array, Shape
from ..autograd.mode import GRAD, read_mode
from ..autograd.node import Op
from ..autograd.view import write_
from ..backend.array import array_module, to_device
from ..errors import wrap_dim
from ..kernels.scatter import add_at
from ._arguments import number_for
from ._broadcast import shape_of, sum_to
from ._export import export
from ._nested_data import array_from
from .casts import cast

_ALL = slice(None)


class Slice(Op):
    """y = the part of x that a basic index selects, in x's memory.  dL/dx = g there, else 0."""

    view = True

    def forward(ctx, x: Array, *, index: tuple[Any, ...]) -> Array:
        ctx.shape = x.shape
        ctx.index = index
        return x[index]

    def backward(ctx, g: Tensor) -> Tensor:
        return SliceGrad.apply(g, shape=ctx.shape, index=ctx.index)


class Select(Slice):
    """y = the part of x at one place of a dimension, in x's memory.  dL/dx = g there, else 0."""


class Insert(Slice):
    """y = x with dimensions of extent 1 more, in x's memory.  dL/dx = g without them."""

    label = "Unsqueeze"


class Alias(Slice):
    """y = all of x, in x's memory.  dL/dx = g."""


class SliceGrad(Op):
    """y = zeros with g in the part that an index selects.  dL/dg = that part of the gradient."""

    label = "SliceBackward"

    def forward(ctx, g: Array, *, shape: Shape, index: tuple[Any, ...]) -> Array:
        ctx.index = index
        y = array_module(g).zeros(shape, g.dtype)
        y[index] = g
        return y

    def backward(ctx, gg: Tensor) -> Tensor:
        return Slice.apply(gg, index=ctx.index)


class Index(Op):
    """y = x at the places that index tensors give for some axes.  dL/dx = g added there."""

    def forward(ctx, x: Array, *places: Array, axes: Shape) -> Array:
        if ctx.edges:
            ctx.save(*places)
            ctx.shape, ctx.axes = x.shape, axes
        if len(axes) == 1:
            return array_module(x).take(x, places[0], axis=axes[0])
        return x[_full_index(places, axes, x.ndim)]

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        places = ctx.saved_tensors
        return IndexGrad.apply(g, *places, axes=ctx.axes, shape=ctx.shape), *[None] * len(places)


class IndexGrad(Op):
    """y = zeros with g added at the places of an index.  dL/dg = the gradient at the places."""

    label = "IndexBackward"

    def forward(ctx, g: Array, *places: Array, axes: Shape, shape: Shape) -> Array:
        if ctx.edges:
            ctx.save(*places)
            ctx.axes = axes
        zeros = array_module(g).zeros(shape, g.dtype)
        return add_at(zeros, _full_index(places, axes, len(shape)), g)

    def backward(ctx, gg: Tensor) -> tuple[Tensor | None, ...]:
        places = ctx.saved_tensors
        return Index.apply(gg, *places, axes=ctx.axes), *[None] * len(places)


class Masked(Op):
    """y = the elements (or parts) of x where a mask holds.  dL/dx = g there, else 0."""

    label = "Index"

    def forward(ctx, x: Array, mask: Array) -> Array:
        ctx.save(mask)
        ctx.shape = x.shape
        return x[mask]

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        (mask,) = ctx.saved_tensors
        return Unmasked.apply(g, mask, shape=ctx.shape), None


class Unmasked(Op):
    """y = zeros with g, in order, where a mask holds.  dL/dg = the gradient there."""

    label = "IndexBackward"

    def forward(ctx, g: Array, mask: Array, *, shape: Shape) -> Array:
        ctx.save(mask)
        y = array_module(g).zeros(shape, g.dtype)
        y[mask] = g
        return y

    def backward(ctx, gg: Tensor) -> tuple[Tensor | None, ...]:
        (mask,) = ctx.saved_tensors
        return Masked.apply(gg, mask), None


class IndexPut(Op):
    """y = x with v written to (or added at) the places of an index.

    dL/dx = g, zero where v was written; dL/dv = g at the places.
    """

    def forward(
        ctx, x: Array, v: Array, *places: Array, axes: Shape, accumulate: bool = False
    ) -> Array:
        ctx.save(*places)
        ctx.axes, ctx.accumulate, ctx.value_shape = axes, accumulate, shape_of(v)
        index = _full_index(places, axes, x.ndim)
        if accumulate:
            return add_at(x, index, array_module(x).asarray(v, dtype=x.dtype))
        y = x.copy()
        y[index] = v
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        places, axes = ctx.saved_tensors, ctx.axes
        to_x, to_v = ctx.edges[:2]
        gx = gv = None
        if to_x:
            gx = g if ctx.accumulate else IndexPut.apply(g, 0, *places, axes=axes)
        if to_v:
            gv = sum_to(
                _drop_leading(Index.apply(g, *places, axes=axes), ctx.value_shape), ctx.value_shape
            )
        return gx, gv, *[None] * len(places)


def _drop_leading(g: Tensor, shape: Shape) -> Tensor:
    """Give a gradient the leading dimensions of extent 1 that assignment ignored."""
    extra = len(shape) - g.array.ndim
    return Slice.apply(g, index=(None,) * extra + (...,)) if extra > 0 else g


def _full_index(places: tuple[Array, ...], axes: Shape, ndim: int) -> tuple[Any, ...]:
    index: list[Any] = [_ALL] * ndim
    for axis, place in zip(axes, places, strict=True):
        index[axis] = place
    return tuple(index)


# --- reading -----------------------------------------------------------------------------------


def getitem(self: Tensor, index: Any) -> Tensor:
    """Return the elements at an index: a view for integers and slices, a copy for tensors, masks.

    Raises:
        IndexError: a place or a dimension does not exist, or the index has a wrong type.
        ValueError: a slice has a step below 1.
    """
    kind = type(index)
    try:
        if kind is int:
            return Select.apply(self, index=(index, ...))
        if kind is slice:
            return Slice.apply(self, index=(_checked_slice(index), ...))
        if kind is tuple:
            plain = _plain(index)
            if plain is not None:
                return _basic_op(plain).apply(self, index=plain)
        elif isinstance(index, Tensor):
            if _is_own_mask(index, self):
                return Masked.apply(self, index)
            if _is_own_index(index, self):
                return Index.apply(self, index, axes=(0,))
        basic, places, axes = parse(self, index)
        if places:
            source = self if basic is None else Slice.apply(self, index=basic)
            return Index.apply(source, *places, axes=axes)
        return _basic_op(basic).apply(self, index=basic or (...,))
    except IndexError as error:
        raise _in_torch_words(error, self) from None


def _plain(index: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return an index of integers, slices, None, Ellipsis, ended by one; None if it is no such."""
    open_ended = True
    for item in index:
        kind = type(item)
        if kind is slice:
            if _checked_slice(item) is not item:
                return None
        elif item is Ellipsis and open_ended:
            open_ended = False
        elif kind is not int and item is not None:
            return None
    return (*index, ...) if open_ended else index


def _is_own_mask(index: Any, x: Tensor) -> bool:
    """Tell whether an index is one bool tensor for the leading dimensions of x."""
    if not isinstance(index, Tensor):
        return False
    mask = index.array
    return bool(
        mask.dtype.kind == "b"
        and 0 < mask.ndim <= x.array.ndim
        and mask.shape == x.array.shape[: mask.ndim]
        and type(mask) is type(x.array)
    )


def _is_own_index(index: Tensor, x: Tensor) -> bool:
    """Tell whether an index tensor holds places of x's first dimension, on x's device."""
    array, target = index.array, x.array
    return bool(
        array.ndim
        and target.ndim
        and array.dtype.kind == "i"
        and array.dtype.itemsize >= 4
        and type(array) is type(target)
    )


def _basic_op(basic: tuple[Any, ...] | None) -> type[Slice]:
    """Return the operator that torch would apply last, whose name `grad_fn` shows."""
    for item in reversed(basic or ()):
        if item is None:
            return Insert
        if type(item) is int:
            return Select
        if item is not Ellipsis and item != _ALL:
            return Slice
    return Alias


def _in_torch_words(error: IndexError, x: Tensor) -> IndexError:
    words = str(error)
    if not x.array.ndim and words.startswith("too many indices"):
        return IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` "
            "in C++ to convert a 0-dim tensor to a number"
        )
    if words.startswith("too many indices"):
        return IndexError(f"too many indices for tensor of dimension {x.array.ndim}")
    if words.startswith("shape mismatch: indexing arrays"):
        shapes = words[words.index("(") :].strip().replace(",)", ")")
        shapes = (
            shapes.replace(") (", "], [").replace("(", "[").replace(")", "]").replace(",", ", ")
        )
        shapes = shapes.replace(",  [", ", [")
        return IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        )
    return IndexError(words.replace("for axis", "for dimension"))


def _checked_slice(item: slice) -> slice:
    """Return a slice of plain integers (bounds may be 0-d tensors) with a step of at least 1."""
    start, stop, step = item.start, item.stop, item.step
    if step is not None:
        step = _slice_bound(step)
        if step <= 0:
            raise ValueError(
                "step must be greater than zero" if step else "slice step cannot be zero"
            )
    elif (start is None or type(start) is int) and (stop is None or type(stop) is int):
        return item
    return slice(_slice_bound(start), _slice_bound(stop), step)


def _slice_bound(bound: Any) -> Any:
    if bound is None:
        return None
    try:
        return as_index(bound)
    except TypeError:
        raise TypeError(
            "slice indices must be integers or None or have an __index__ method"
        ) from None


class _Plan:
    """The two steps of an index on `x`, built item by item.

    `basic` is the first step, `places` the index tensors of the second, `axes` the dimensions of
    the first step's result that they belong to. An Ellipsis stands for `omitted` dimensions.
    """

    def __init__(self, x: Tensor, omitted: int):
        self.x, self.omitted = x, omitted
        self.basic: list[Any] = []
        self.places: list[Tensor] = []
        self.axes: list[int] = []
        self.axis = self.source = 0  # the next dimension of the first step's result, and of x

    def add(self, item: Any) -> None:
        if item is Ellipsis:
            # A second Ellipsis stands for nothing.
            if Ellipsis not in self.basic:
                self.basic.append(item)
                self.axis += self.omitted
                self.source += self.omitted
        elif item is None or item is True or item is False:
            if item is not None:
                self._gather(wrap(np.zeros(int(item), np.int64)))
            self.basic.append(None)
            self.axis += 1
        elif isinstance(item, Tensor):
            for place in _places(item, self.x, self.source):
                self._gather(place)
                self.basic.append(_ALL)
                self.axis += 1
                self.source += 1
        else:
            self.basic.append(item)
            self.axis += type(item) is slice
            self.source += 1

    def _gather(self, place: Tensor) -> None:
        self.places.append(place)
        self.axes.append(self.axis)


def parse(x: Tensor, index: Any) -> tuple[tuple[Any, ...] | None, list[Tensor], Shape]:
    """Split an index into its two steps.

    Returns:
        The basic index (None if it selects everything), the index tensors, and for each of these
        the dimension, of what the basic index gives, that it belongs to.
    """
    prepared = [_prepared(item) for item in _as_items(index)]
    taken = sum([_consumed(item) for item in prepared])
    if taken > x.array.ndim:
        raise IndexError("too many indices")
    plan = _Plan(x, x.array.ndim - taken)
    for item in prepared:
        plan.add(item)
    basic, places = plan.basic, plan.places
    if all([item is Ellipsis or item == _ALL for item in basic]):
        return None, _beside(x, places), tuple(plan.axes)
    if Ellipsis not in basic:
        basic.append(Ellipsis)
    return tuple(basic), _beside(x, places), tuple(plan.axes)


def _beside(x: Tensor, places: list[Tensor]) -> list[Tensor]:
    """Return index tensors on x's device."""
    if not places or x.device.type == "cpu":
        return places
    return [wrap(to_device(place.array, x.device)) for place in places]


def _as_items(index: Any) -> tuple[Any, ...]:
    if type(index) is tuple:
        return index
    if isinstance(index, list) and len(index) < 32:
        if any(
            [
                isinstance(i, (Tensor, list, tuple, slice, np.ndarray)) or i is None or i is ...
                for i in index
            ]
        ):
            warnings.warn(
                "Using a non-tuple sequence for multidimensional indexing is deprecated and will "
                "be changed; use x[tuple(seq)] instead of x[seq].",
                UserWarning,
                stacklevel=4,
            )
            return tuple(index)
    return (index,)


def _prepared(item: Any) -> Any:
    """Bring one item to an int, slice, None, Ellipsis, bool, or a Tensor that has dimensions."""
    kind = type(item)
    if kind is int or item is None or item is Ellipsis or kind is bool:
        return item
    if kind is slice:
        return _checked_slice(item)
    if not isinstance(item, Tensor):
        if isinstance(item, np.integer):
            return int(item)
        if isinstance(item, np.ndarray):
            item = wrap(item)
        elif isinstance(item, (list, tuple, range)):
            item = wrap(array_from(item, None))
            if not item.array.size:
                item = wrap(item.array.astype(np.int64))
        elif hasattr(item, "__index__"):
            return as_index(item)
        elif isinstance(item, str):
            raise TypeError("new(): invalid data type 'str'")
        else:
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables "
                f"are valid indices (got {_type_name(item)})"
            )
    array = item.array
    if array.ndim == 0 and array.dtype.kind in "iub":
        return bool(array) if array.dtype.kind == "b" or array.dtype == np.uint8 else int(array)
    if array.dtype.kind == "b" or array.dtype.num in _INDEX_TYPES:
        return item
    raise IndexError("tensors used as indices must be long, int, byte or bool tensors")


_INDEX_TYPES = {np.dtype(t).num for t in ("i4", "i8", "u1", "l", "q")}


def _is_mask(x: Tensor) -> bool:
    return x.array.dtype.kind == "b" or x.array.dtype == np.uint8


def _consumed(item: Any) -> int:
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if isinstance(item, Tensor) and _is_mask(item):
        return int(item.array.ndim)
    return 1


def _places(item: Tensor, x: Tensor, source: int) -> list[Tensor]:
    """Return what an index tensor, or a mask over x's dimensions from `source` on, stands for."""
    if not _is_mask(item):
        return [item]
    mask = item.array
    if mask.dtype.kind != "b":
        warnings.warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool "
            "instead.",
            UserWarning,
            stacklevel=5,
        )
    for i, n in enumerate(mask.shape):
        if n != x.array.shape[source + i]:
            raise IndexError(
                f"The shape of the mask {list(mask.shape)} at index {i} does not match the shape "
                f"of the indexed tensor {list(x.array.shape)} at index {source + i}"
            )
    return [wrap(place) for place in mask.nonzero()]


# --- writing -----------------------------------------------------------------------------------


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """Write a number or a tensor, broadcast and converted, to the places of an index.

    Raises:
        TypeError: the value is neither a number nor a Tensor.
        RuntimeError: the value does not fit, or the tensor may not be written to.
        IndexError: as when reading.
    """
    kind = type(value)
    if not (
        kind is float or kind is int or isinstance(value, (Tensor, int, float, complex, np.bool_))
    ):
        raise TypeError(
            f"can't assign a {_type_name(value)} to a torch.{self.dtype.type_name}Tensor"
        )
    if not isinstance(value, Tensor):
        value = number_for(value, self.dtype)
    recorded = read_mode() == GRAD and (self.requires_grad or _wants_grad(value))
    try:
        if not recorded and _is_own_mask(index, self):
            _set_masked(self, index, value)
            return
        basic, places, axes = _target(self, index)
        if isinstance(value, Tensor) and not places and value.array.dtype != self.array.dtype:
            value = cast(value, self.dtype)
        write = _set_recorded if recorded else _set_directly
        write(self, basic, places, axes, value)
    except IndexError as error:
        raise _in_torch_words(error, self) from None


def _target(x: Tensor, index: Any) -> tuple[tuple[Any, ...] | None, list[Tensor], Shape]:
    """Split an index that is written to; the basic index is None only beside index tensors."""
    if type(index) is int:
        return (index, ...), [], ()
    if type(index) is slice:
        return (_checked_slice(index), ...), [], ()
    plain = _plain(index) if type(index) is tuple else None
    if plain is not None:
        return plain, [], ()
    basic, places, axes = parse(x, index)
    return basic or (None if places else (...,)), places, axes


def _set_masked(x: Tensor, mask: Tensor, value: Any) -> None:
    _check_put_dtype(x, value)
    given = value.array if isinstance(value, Tensor) else value
    try:
        write_(x, None, store=lambda array: array.__setitem__(mask.array, given))
    except ValueError as error:
        basic, places, axes = parse(x, mask)
        raise _assignment_error(x, basic, places, axes, value, error) from None


def _wants_grad(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _set_directly(x: Tensor, basic: Any, places: Any, axes: Shape, value: Any) -> None:
    given = value.array if isinstance(value, Tensor) else value
    if isinstance(value, Tensor) and value.array.ndim == 0 and value.device != x.device:
        given = value.item()

    def store(array: Array) -> None:
        window = array if basic is None else array[basic]
        if places:
            _check_put_dtype(x, value)
            window[_full_index(tuple([p.array for p in places]), axes, window.ndim)] = given
        else:
            window[...] = given

    try:
        write_(x, None, store=store)
    except (ValueError, OverflowError, TypeError) as error:
        raise _assignment_error(x, basic, places, axes, value, error) from None


def _set_recorded(x: Tensor, basic: Any, places: Any, axes: Shape, value: Any) -> None:
    window = x if basic is None else Slice.apply(x, index=basic)
    try:
        if places:
            _check_put_dtype(x, value)
            write_(window, IndexPut.apply(window, value, *places, axes=axes))
        else:
            write_(window, _fitted(value, window) if isinstance(value, Tensor) else value)
    except (ValueError, OverflowError, TypeError) as error:
        raise _assignment_error(x, basic, places, axes, value, error) from None


def _fitted(value: Tensor, window: Tensor) -> Tensor:
    """Broadcast a value to what it is written to; it may have more leading extents of 1."""
    from .shape import expand

    extra = value.array.ndim - window.array.ndim
    if extra > 0 and value.array.shape[:extra] == (1,) * extra:
        value = Slice.apply(value, index=(0,) * extra + (...,))
    return value if value.array.shape == window.array.shape else expand(value, *window.array.shape)


def _check_put_dtype(x: Tensor, value: Any) -> None:
    if isinstance(value, Tensor) and value.array.dtype != x.array.dtype:
        if value.array.ndim == 0:
            return
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {x.dtype.type_name} "
            f"for the destination and {value.dtype.type_name} for the source."
        )


def _assignment_error(
    x: Tensor, basic: Any, places: Any, axes: Shape, value: Any, error: Exception
) -> Exception:
    if not isinstance(value, Tensor):
        return error
    window = x.array if basic is None else x.array[basic]
    if places:
        target = window[_full_index(tuple([p.array for p in places]), axes, window.ndim)].shape
        return RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to "
            f"indexing result of shape {list(target)}"
        )
    try:
        _fitted(value, wrap(window))
    except RuntimeError as explained:
        return explained
    return error


install(__getitem__=getitem, __setitem__=setitem)


# --- one dimension -----------------------------------------------------------------------------


@export(method=True)
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return the part at one place of a dimension, without that dimension, in the same memory.

    Raises:
        IndexError: the place or the dimension does not exist.
    """
    shape = input.array.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim, place = wrap_dim(dim, len(shape)), as_index(index)
    if not -shape[dim] <= place < shape[dim]:
        raise IndexError(
            f"select(): index {place} out of range for tensor of size {list(shape)} at dimension "
            f"{dim}"
        )
    return Select.apply(input, index=(_ALL,) * dim + (place, ...))


@export(method=True)
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """Return `length` places of a dimension from `start` on, in the same memory.

    Raises:
        RuntimeError: the places do not all exist.
        IndexError: `start` or the dimension does not exist.

    Example:
        >>> rushlight.arange(5).narrow(0, 1, 3)
        tensor([1, 2, 3])
    """
    shape = input.array.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, Tensor) and (start.array.ndim or start.array.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    dim, first, length = wrap_dim(dim, len(shape)), as_index(start), as_index(length)
    extent = shape[dim]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -extent <= first <= extent:
        raise IndexError(
            f"start out of range (expected to be in range of [{-extent}, {extent}], but got "
            f"{first})"
        )
    first += extent if first < 0 else 0
    if first + length > extent:
        raise RuntimeError(
            f"start ({first}) + length ({length}) exceeds dimension size ({extent})."
        )
    return Slice.apply(input, index=(_ALL,) * dim + (slice(first, first + length), ...))


def along(x: Tensor, dim: int, start: int, stop: int) -> Tensor:
    """Return x[start:stop] along a dimension, as a view; for other operators."""
    return Slice.apply(x, index=(_ALL,) * dim + (slice(start, stop), ...))
