"""Putting tensors together and taking them apart: cat, stack, split, chunk, unbind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import index as as_index
from typing import Any

from .._tensor import Tensor, method
from .._typing import Array, Shape
from ..autograd.node import Op
from ..backend.array import array_module, row_major
from ..backend.memory_format import in_format, is_channels_last
from ..errors import wrap_dim
from ._export import export
from ._promote import result_type
from .casts import cast
from .indexing import Slice, along
from .shape import reshape, unsqueeze

_ALL = slice(None)


class Cat(Op):
    """y = the inputs one after the other along a dimension.  dL/dx_i = its part of g."""

    autocast = "promote"

    def forward(ctx, *arrays: Array, dim: int) -> Array:
        if ctx.edges:
            ctx.dim, ctx.extents = dim, [x.shape[dim] for x in arrays]
        y = array_module(arrays[0]).concatenate(arrays, axis=dim)
        return in_format(y, y.ndim > 3 and all(map(is_channels_last, arrays)))

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        grads: list[Tensor | None] = []
        start = 0
        for edge, extent in zip(ctx.edges, ctx.extents, strict=True):
            grads.append(along(g, ctx.dim, start, start + extent) if edge else None)
            start += extent
        return tuple(grads)


class Stack(Op):
    """y = the inputs side by side along a new dimension.  dL/dx_i = g at place i."""

    autocast = "promote"

    def forward(ctx, *arrays: Array, dim: int) -> Array:
        ctx.dim = dim
        return row_major(array_module(arrays[0]).stack(arrays, axis=dim))

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        lead = (_ALL,) * ctx.dim
        return tuple(
            [Slice.apply(g, index=(*lead, i, ...)) if e else None for i, e in enumerate(ctx.edges)]
        )


class Split(Op):
    """y_i = consecutive parts of x along a dimension, in x's memory.  dL/dx = the g_i joined."""

    view = True

    def forward(ctx, x: Array, *, extents: Sequence[int], dim: int) -> tuple[Array, ...]:
        ctx.dim = dim
        parts, start, lead = [], 0, (_ALL,) * dim
        for extent in extents:
            parts.append(x[(*lead, slice(start, start + extent))])
            start += extent
        return tuple(parts)

    def backward(ctx, *grads: Tensor) -> Tensor:
        return Cat.apply(*grads, dim=ctx.dim)


class Unbind(Op):
    """y_i = x at place i of a dimension, in x's memory.  dL/dx = the g_i side by side."""

    view = True

    def forward(ctx, x: Array, *, dim: int) -> tuple[Array, ...]:
        ctx.dim = dim
        lead = (_ALL,) * dim
        return tuple([x[(*lead, i, ...)] for i in range(x.shape[dim])])

    def backward(ctx, *grads: Tensor) -> Tensor:
        return Stack.apply(*grads, dim=ctx.dim)


# --- together ----------------------------------------------------------------------------------


def _tensor_list(name: str, tensors: Any) -> list[Tensor]:
    if isinstance(tensors, Tensor) or not isinstance(tensors, (tuple, list)):
        kind = type(tensors).__name__
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {kind}"
        )
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}"
            )
    return list(tensors)


def _same_dtype(tensors: list[Tensor]) -> list[Tensor]:
    first = tensors[0].array.dtype
    if all([x.array.dtype is first or x.array.dtype == first for x in tensors]):
        return tensors
    common = result_type(*tensors)
    return [cast(x, common) for x in tensors]


@export(out=True, numpy_names=True, aliases=("concat", "concatenate"))
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Put tensors one after the other along a dimension; all other extents must agree.

    The result has the promoted dtype. Tensors of shape (0,) are left out.

    Raises:
        RuntimeError: the shapes do not fit.
        IndexError: the dimension does not exist.
        ValueError: the list is empty.

    Example:
        >>> rushlight.cat([rushlight.zeros(2), rushlight.ones(1)])
        tensor([0., 0., 1.])
    """
    given = _tensor_list("cat", tensors)
    if not given:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    shapes = [x.array.shape for x in given]
    if () in shapes:
        raise RuntimeError(
            f"zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated"
        )
    given = _same_dtype(given)
    if (0,) in shapes:
        given = [x for x in given if x.array.shape != (0,)] or given
        shapes = [x.array.shape for x in given]
    dim = wrap_dim(dim, len(shapes[0]))
    _check_cat_shapes(shapes, dim)
    return Cat.apply(*given, dim=dim)


def _check_cat_shapes(shapes: list[Shape], dim: int) -> None:
    first = shapes[0]
    before, after = first[:dim], first[dim + 1 :]
    for number, shape in enumerate(shapes):
        if len(shape) != len(first):
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}"
            )
        if shape[:dim] == before and shape[dim + 1 :] == after:
            continue
        pairs = enumerate(zip(first, shape, strict=True))
        a, b = next((a, b) for d, (a, b) in pairs if a != b and d != dim)
        raise RuntimeError(
            f"Sizes of tensors must match except in dimension {dim}. Expected size {a} but "
            f"got size {b} for tensor number {number} in the list."
        )


@export(out=True, numpy_names=True)
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Put tensors of one shape side by side along a new dimension.

    Raises:
        RuntimeError: the shapes differ, or the list is empty.
        IndexError: the dimension cannot exist.

    Example:
        >>> rushlight.stack([rushlight.zeros(2), rushlight.ones(2)], dim=1)
        tensor([[0., 1.],
                [0., 1.]])
    """
    given = _tensor_list("stack", tensors)
    if not given:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = given[0].array.shape
    dim = wrap_dim(dim, len(first) + 1)
    for i, x in enumerate(given):
        if x.array.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                f"{list(x.array.shape)} at entry {i}"
            )
    return Stack.apply(*_same_dtype(given), dim=dim)


def _each(tensors: tuple[Any, ...], make: Any) -> Any:
    """Apply a function to one tensor, several, or a sequence of them."""
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return make(tensors[0])
    many = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    return tuple([make(x) for x in many])


def _at_least_1d(x: Tensor) -> Tensor:
    return x if x.array.ndim else reshape(x, (1,))


def _at_least_2d(x: Tensor) -> Tensor:
    return x if x.array.ndim > 1 else unsqueeze(_at_least_1d(x), 0)


def _at_least_3d(x: Tensor) -> Tensor:
    return x if x.array.ndim > 2 else unsqueeze(_at_least_2d(x), -1)


@export
def atleast_1d(*tensors: Any) -> Any:
    """Give each tensor at least one dimension."""
    return _each(tensors, _at_least_1d)


@export
def atleast_2d(*tensors: Any) -> Any:
    """Give each tensor at least two dimensions, inserted in front."""
    return _each(tensors, _at_least_2d)


@export
def atleast_3d(*tensors: Any) -> Any:
    """Give each tensor at least three dimensions: (n,) becomes (1, n, 1); (m, n), (m, n, 1)."""
    return _each(tensors, _at_least_3d)


def _non_empty(name: str, tensors: Any) -> list[Tensor]:
    given = _tensor_list(name, tensors)
    if not given:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return given


@export(out=True)
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Put tensors one after the other along dimension 1, vectors along dimension 0."""
    given = [_at_least_1d(x) for x in _non_empty("hstack", tensors)]
    return cat(given, dim=0 if given[0].array.ndim == 1 else 1)


@export(out=True, aliases=("row_stack",))
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Put tensors one below the other: along dimension 0, vectors as rows."""
    return cat([_at_least_2d(x) for x in _non_empty("vstack", tensors)], dim=0)


@export(out=True)
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Put tensors one behind the other, along dimension 2."""
    return cat([_at_least_3d(x) for x in _non_empty("dstack", tensors)], dim=2)


@export(out=True)
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Put tensors side by side as columns; a vector is one column."""
    given = _non_empty("column_stack", tensors)
    columns = [x if x.array.ndim > 1 else reshape(x, (x.array.size, 1)) for x in given]
    return cat(columns, dim=1)


# --- apart -------------------------------------------------------------------------------------


@export(method=True, numpy_names=True)
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the parts at each place of a dimension, without that dimension, in the same memory.

    Raises:
        IndexError: the dimension does not exist.
    """
    if not input.array.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return Unbind.apply(input, dim=wrap_dim(dim, input.array.ndim))


@method
def __iter__(self: Tensor) -> Iterator[Tensor]:
    if not self.array.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self, 0))


@method
def __reversed__(self: Tensor) -> Tensor:
    from .rearranging import flip

    return flip(self, 0) if self.array.ndim else self


def _dims_of(name: str, input: Tensor, dim: int) -> tuple[int, int]:
    """Return the dimension counted from the front, and its extent."""
    shape = input.array.shape
    if not shape:
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor")
    dim = wrap_dim(dim, len(shape))
    return dim, shape[dim]


@export(method=True)
def split(
    tensor: Tensor, split_size_or_sections: Any = None, dim: int = 0, **named: Any
) -> tuple[Tensor, ...]:
    """Cut a dimension into consecutive parts, in the same memory.

    Args:
        tensor: the tensor.
        split_size_or_sections: the extent of each part (the last may be smaller), or all extents.
        dim: the dimension.
        **named: `split_size=` by keyword.

    Raises:
        RuntimeError: the extents do not sum to that of the dimension.

    Example:
        >>> rushlight.arange(5).split(2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if split_size_or_sections is None:
        split_size_or_sections = named["split_size"]
    if isinstance(split_size_or_sections, (tuple, list)):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    dim, extent = _dims_of("split", tensor, dim)
    size = as_index(split_size_or_sections)
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and extent:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {extent}"
        )
    count = max(-(-extent // size), 1) if size else 1
    return Split.apply(tensor, extents=_parts(extent, size, count), dim=dim)


def _parts(extent: int, size: int, count: int) -> list[int]:
    return [max(min(size, extent - i * size), 0) for i in range(count)]


@export(method=True)
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a dimension into parts of given extents, in the same memory."""
    dim, extent = _dims_of("split", input, dim)
    extents = [as_index(n) for n in split_sizes]
    if min(extents, default=0) < 0:
        raise RuntimeError(
            "split_with_sizes expects split_sizes have only non-negative entries, but got "
            f"split_sizes={extents}"
        )
    if sum(extents) != extent:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {extent} (input tensor's size "
            f"at dimension {dim}), but got split_sizes={extents}"
        )
    return Split.apply(input, extents=extents, dim=dim)


@export(method=True, numpy_names=True)
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a dimension into at most `chunks` parts of equal extent (the last may be smaller).

    Raises:
        RuntimeError: `chunks` is below 1.

    Example:
        >>> [len(part) for part in rushlight.arange(5).chunk(4)]
        [2, 2, 1]
    """
    dim, extent = _dims_of("chunk", input, dim)
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = -(-extent // chunks)
    count = chunks if not size else -(-extent // size)
    return Split.apply(input, extents=_parts(extent, size, count), dim=dim)


@export(method=True)
def tensor_split(
    input: Tensor, indices_or_sections: Any = None, dim: int = 0, **named: Any
) -> tuple[Tensor, ...]:
    """Cut a dimension into parts of nearly equal extent, or at given places.

    Args:
        input: the tensor.
        indices_or_sections: the number of parts, or a list (or 1-d tensor) of the places to cut at.
        dim: the dimension.
        **named: `indices=`, `sections=` or `tensor_indices_or_sections=` by keyword.

    Example:
        >>> rushlight.arange(5).tensor_split(2)
        (tensor([0, 1, 2]), tensor([3, 4]))
    """
    how = indices_or_sections
    if how is None:
        how = next(iter(named.values()))
    if not input.array.ndim:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    dim = wrap_dim(dim, input.array.ndim)
    extent = input.array.shape[dim]
    if isinstance(how, Tensor):
        how = _cuts_of(how)
    if isinstance(how, (tuple, list)):
        cuts = [0, *[as_index(i) for i in how], extent]
    else:
        count = as_index(how)
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        small, longer = divmod(extent, count)
        cuts = [i * small + min(i, longer) for i in range(count + 1)]
    return tuple([along(input, dim, a, b) for a, b in pairwise(cuts)])


def _cuts_of(how: Tensor) -> Any:
    if how.array.dtype.kind != "i" or how.array.dtype.itemsize != 8:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
            f"{how.dtype.type_name}"
        )
    if how.array.ndim > 1:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
            f"one-dimensional tensor, but got a tensor with {how.array.ndim} dims"
        )
    return how.array.tolist()


def _split_along(name: str, input: Tensor, how: Any, dim: int, least: int) -> tuple[Tensor, ...]:
    if input.array.ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor "
            f"with {input.array.ndim} dimensions!"
        )
    extent = input.array.shape[dim]
    if not isinstance(how, (tuple, list)) and (how == 0 or extent % how):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension "
            f"{extent} is not divisible by the split_size {how}!"
        )
    return tensor_split(input, how, dim)


_SPLIT_NAMES = {"indices": "indices_or_sections", "sections": "indices_or_sections"}


@export(method=True, other_names=_SPLIT_NAMES)
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Cut horizontally: dimension 1, that of a vector 0, into equal parts or at given places."""
    return _split_along(
        "hsplit", input, indices_or_sections, min(1, max(input.array.ndim - 1, 0)), 1
    )


@export(method=True, other_names=_SPLIT_NAMES)
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Cut vertically: dimension 0, into equal parts or at given places."""
    return _split_along("vsplit", input, indices_or_sections, 0, 2)


@export(method=True, other_names=_SPLIT_NAMES)
def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Cut dimension 2 into equal parts or at given places."""
    return _split_along("dsplit", input, indices_or_sections, 2, 3)
