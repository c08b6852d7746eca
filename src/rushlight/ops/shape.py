"""Other shapes for the same elements: view, reshape, squeeze, permute, transpose, expand."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from math import prod
from operator import index as as_index
from typing import Any

import numpy as np

from .._tensor import Size, Tensor, install, method, wrap
from .._typing import Array, Shape
from ..autograd.mode import is_grad_enabled
from ..autograd.node import Op
from ..autograd.version import share_version
from ..autograd.view import bump
from ..backend.dtype import dtype as DType
from ..backend.storage import layout_of
from ..errors import wrap_dim
from ._arguments import by_name, dims, sizes
from ._broadcast import BroadcastTo
from ._export import export
from ._naming import named
from ._operands import not_a_tensor
from .complex import conjugate

_ALL = slice(None)
# The extent that stands for what is left; NumPy would take any negative number for it.
_INFERRED = -1


class Reshaping(Op):
    """y = the elements of x in another shape.  dL/dx = g in x's shape."""

    shape: Shape

    def backward(ctx, g: Tensor) -> Tensor:
        return reshape(g, ctx.shape)


class View(Reshaping):
    """y = x in another shape, in the same memory.  dL/dx = g in x's shape."""

    view = True

    def forward(ctx, x: Array, *, shape: Any) -> Array:
        # The caller has made sure that no copy is needed, except for gradients: only values count.
        ctx.shape = x.shape
        return x.reshape(shape)


class Reshape(Reshaping):
    """y = a copy of x in another shape.  dL/dx = g in x's shape."""

    label = "UnsafeView"

    def forward(ctx, x: Array, *, shape: Any) -> Array:
        ctx.shape = x.shape
        return x.reshape(shape)


class ViewAs(Op):
    """y = the bytes of x read as another dtype. No gradient."""

    view = True
    differentiable = False
    label = "ViewDtype"

    def forward(ctx, x: Array, *, dtype: DType) -> Array:
        return x.view(dtype.numpy)


class Squeeze(Reshaping):
    """y = x without some dimensions of extent 1.  dL/dx = g in x's shape."""

    view = True

    def forward(ctx, x: Array, *, axes: Shape) -> Array:
        ctx.shape = x.shape
        return x.squeeze(axes)


class Unsqueeze(Reshaping):
    """y = x with a dimension of extent 1 more.  dL/dx = g in x's shape."""

    view = True

    def forward(ctx, x: Array, *, dim: int) -> Array:
        ctx.shape = x.shape
        return x[(_ALL,) * dim + (None, ...)]


class Permute(Op):
    """y = x with its dimensions in another order.  dL/dx = g in x's order."""

    view = True

    def forward(ctx, x: Array, *, dims: Shape) -> Array:
        ctx.dims = dims
        return x.transpose(dims)

    def backward(ctx, g: Tensor) -> Tensor:
        order = [d % len(ctx.dims) for d in ctx.dims]
        return Permute.apply(g, dims=tuple(sorted(range(len(order)), key=order.__getitem__)))


class Transpose(Op):
    """y = x with two dimensions exchanged.  dL/dx = g with them exchanged back."""

    view = True

    def forward(ctx, x: Array, *, dim0: int, dim1: int) -> Array:
        ctx.dims = dim0, dim1
        return x.swapaxes(dim0, dim1)

    def backward(ctx, g: Tensor) -> Tensor:
        dim0, dim1 = ctx.dims
        return Transpose.apply(g, dim0=dim0, dim1=dim1)


# --- view and reshape --------------------------------------------------------------------------


@method
def view(self: Tensor, *shape: Any, size: Any = None, dtype: Any = None) -> Tensor:
    """Return the same memory in another shape, or read as another dtype.

    Args:
        self: the tensor.
        *shape: the extents, one by one or as one sequence; one of them may be -1. Or a dtype.
        size: the shape, by keyword.
        dtype: the dtype, by keyword.

    Raises:
        RuntimeError: the number of elements differs, or the memory does not allow it (then
            `reshape` copies).

    Example:
        >>> rushlight.arange(6).view(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    wanted: Any = shape
    if len(shape) == 1:
        first = shape[0]
        if type(first) is not int:
            if isinstance(first, DType):
                return _view_as_dtype(self, first)
            if hasattr(first, "__iter__") and not isinstance(first, Tensor):
                wanted = tuple(first)
    elif not shape:
        if dtype is not None:
            return _view_as_dtype(self, dtype)
        if size is None:
            raise TypeError("view() expects a shape or a dtype")
        wanted = tuple(size)
    array = self.array
    if not array.flags.c_contiguous and not _is_viewable(array, wanted):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    try:
        if wanted and min(wanted) < _INFERRED:
            raise _shape_error(self, wanted)
        return View.apply(self, shape=wanted)
    except ValueError:
        raise _shape_error(self, wanted) from None


def _is_viewable(array: Array, shape: Any) -> bool:
    """Tell whether the memory of `array` can be read in another shape without copying."""
    try:
        array.reshape(shape, copy=False)
    except ValueError:
        checked = _checked_shape(array, shape)
        return checked is None
    return True


def _checked_shape(array: Array, shape: Any) -> Shape | None:
    """Return the shape with -1 filled in; None if the number of elements does not fit."""
    wanted = sizes("reshape", tuple(shape) if isinstance(shape, (tuple, list)) else (shape,))
    known = prod([n for n in wanted if n != -1])
    if wanted.count(-1) == 1 and known > 0 and array.size % known == 0:
        return tuple([array.size // known if n == -1 else n for n in wanted])
    return wanted if -1 not in wanted and known == array.size else None


def _shape_error(x: Tensor, shape: Any) -> RuntimeError:
    wanted = list(sizes("view", tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)))
    if wanted.count(-1) > 1:
        return RuntimeError("only one dimension can be inferred")
    for i, n in enumerate(wanted):
        if n < -1:
            return RuntimeError(f"invalid shape dimension {n} at index {i} of shape {wanted}")
    if -1 in wanted and not x.array.size and 0 in wanted:
        return RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {wanted} because the unspecified "
            "dimension size -1 can be any value and is ambiguous"
        )
    return RuntimeError(f"shape '{wanted}' is invalid for input of size {x.array.size}")


def _view_as_dtype(x: Tensor, to: DType) -> Tensor:
    have, want = x.array.itemsize, to.itemsize
    if have != want:
        _check_resized_view(x, to)
    return ViewAs.apply(x, dtype=to)


def _check_resized_view(x: Tensor, to: DType) -> None:
    array, have, want = x.array, x.array.itemsize, to.itemsize
    change = f"to view {x.dtype.type_name} as {to.type_name} (different element sizes)"
    if not array.ndim:
        raise RuntimeError(f"self.dim() cannot be 0 {change}")
    ratio = max(want // have, 1)
    if array.shape[-1] % ratio:
        raise RuntimeError(
            f"self.size(-1) must be divisible by {ratio} {change}, but got {array.shape[-1]}"
        )
    layout = layout_of(array)
    if layout is not None and layout.offset % ratio:
        raise RuntimeError(
            f"self.storage_offset() must be divisible by {ratio} {change}, but got {layout.offset}"
        )
    if array.shape[-1] > 1 and array.strides[-1] != have:
        raise RuntimeError(
            f"self.stride(-1) must be 1 {change}, but got {array.strides[-1] // have}"
        )
    if ratio > 1:
        for d, step in enumerate(array.strides[:-1]):
            if step % want and array.shape[d] > 1:
                raise RuntimeError(
                    f"self.stride({d}) must be divisible by {ratio} {change}, but got "
                    f"{step // have}"
                )


@export(method=True)
def reshape(input: Tensor, *shape: Any, **named: Any) -> Tensor:
    """Return the elements in another shape: a view where the memory allows it, else a copy.

    Args:
        input: the tensor.
        *shape: the extents, one by one or as one sequence; one of them may be -1.
        **named: `shape=` by keyword.

    Raises:
        RuntimeError: the number of elements differs.

    Example:
        >>> rushlight.arange(6).t().reshape(3, 2)
        tensor([[0, 1],
                [2, 3],
                [4, 5]])
    """
    wanted: Any = shape
    if len(shape) == 1:
        first = shape[0]
        if type(first) is not int and hasattr(first, "__iter__") and not isinstance(first, Tensor):
            wanted = tuple(first)
    elif named:
        wanted = tuple(by_name("reshape", shape, named, "shape")[0])
    try:
        array = input.array
        if wanted and min(wanted) < _INFERRED:
            raise _shape_error(input, wanted)
        if array.flags.c_contiguous or _is_viewable(array, wanted):
            return View.apply(input, shape=wanted)
        return Reshape.apply(input, shape=wanted)
    except ValueError:
        raise _shape_error(input, wanted) from None
    except AttributeError:
        if isinstance(input, Tensor):
            raise
        raise not_a_tensor("reshape", input) from None


@method
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the same memory in the shape of another tensor."""
    return view(self, other.array.shape)


@method
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the elements in the shape of another tensor."""
    return reshape(self, other.array.shape)


@export(method=True)
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the dimensions from `start_dim` to `end_dim` into one.

    Raises:
        RuntimeError: `start_dim` comes after `end_dim`.
        IndexError: a dimension does not exist.

    Example:
        >>> rushlight.zeros(2, 3, 4).flatten(1).shape
        torch.Size([2, 12])
    """
    shape = input.array.shape
    first, last = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return reshape(input, (1,))
    if first == last:
        return input
    return reshape(input, (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :]))


@export(method=True)
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split one dimension into several; one of their extents may be -1.

    Raises:
        RuntimeError: the extents do not multiply up to that of the dimension.

    Example:
        >>> rushlight.zeros(3, 8).unflatten(1, (2, -1)).shape
        torch.Size([3, 2, 4])
    """
    shape = input.array.shape
    dim = wrap_dim(dim, len(shape))
    parts = [as_index(n) for n in sizes]
    if not parts:
        raise RuntimeError("unflatten: sizes must be non-empty")
    if parts.count(-1) > 1:
        raise RuntimeError("unflatten: only one dimension can be inferred")
    known = prod([n for n in parts if n != -1])
    if -1 in parts:
        fits = known > 0 and shape[dim] % known == 0
        parts[parts.index(-1)] = shape[dim] // known if fits else -1
    if prod(parts) != shape[dim] or -1 in parts:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({shape[dim]}) in the input tensor"
        )
    return reshape(input, (*shape[:dim], *parts, *shape[dim + 1 :]))


@export(method=True)
def ravel(input: Tensor) -> Tensor:
    """Return all elements in one dimension: a view where the memory allows it."""
    return reshape(input, (-1,)) if input.array.size else reshape(input, (0,))


# --- dimensions of extent 1 --------------------------------------------------------------------


@export(method=True, numpy_names=True)
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Take away dimensions of extent 1: all of them, or those of `dim` that have it.

    Raises:
        IndexError: a dimension does not exist.

    Example:
        >>> rushlight.zeros(2, 1, 3, 1).squeeze().shape
        torch.Size([2, 3])
    """
    shape = input.array.shape
    chosen = range(len(shape)) if dim is None else dims(dim, len(shape))
    squeezed = Squeeze.apply(input, axes=tuple([d for d in chosen if shape and shape[d] == 1]))
    form = 0 if dim is None else 1 if hasattr(dim, "__index__") else 2
    return named(squeezed, "Squeeze", form) if form else squeezed


@export(method=True, numpy_names=True)
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Insert a dimension of extent 1 so that it becomes dimension `dim`.

    Raises:
        IndexError: `dim` lies outside [-ndim - 1, ndim].

    Example:
        >>> rushlight.zeros(3).unsqueeze(-1).shape
        torch.Size([3, 1])
    """
    return Unsqueeze.apply(input, dim=wrap_dim(dim, input.array.ndim + 1))


# --- order of the dimensions -------------------------------------------------------------------


@export(method=True)
def permute(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    """Put the dimensions in another order, in the same memory.

    Args:
        input: the tensor.
        *dims: for each dimension of the result, which one of `input` it is.
        **named: `dims=` by keyword.

    Raises:
        RuntimeError: not every dimension appears, or one appears twice.
        IndexError: a dimension does not exist.

    Example:
        >>> rushlight.zeros(2, 3, 4).permute(2, 0, 1).shape
        torch.Size([4, 2, 3])
    """
    order: Any = by_name("permute", dims, named, "dims") if named else dims
    if len(order) == 1 and not isinstance(order[0], int) and not hasattr(order[0], "__index__"):
        order = order[0]
    try:
        return Permute.apply(input, dims=tuple(order))
    except (ValueError, TypeError):
        raise _order_error(input, order) from None


def _order_error(x: Tensor, order: Any) -> Exception:
    if not isinstance(x, Tensor):
        return not_a_tensor("permute", x)
    order = [as_index(d) for d in order]
    if len(order) != x.array.ndim:
        return RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {x.array.ndim} is "
            f"not equal to len(dims) = {len(order)}"
        )
    for d in order:
        wrap_dim(d, x.array.ndim)
    return RuntimeError("permute(): duplicate dims are not allowed.")


@export(method=True, aliases=("swapdims",))
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Exchange two dimensions, in the same memory.

    Raises:
        IndexError: a dimension does not exist.

    Example:
        >>> rushlight.zeros(2, 3, 4).transpose(0, 2).shape
        torch.Size([4, 3, 2])
    """
    try:
        return Transpose.apply(input, dim0=dim0, dim1=dim1)
    except np.exceptions.AxisError:
        wrap_dim(dim0, input.array.ndim)
        wrap_dim(dim1, input.array.ndim)
        return View.apply(input, shape=input.array.shape)


@export(method=True)
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Exchange two dimensions; another name of `transpose`."""
    return transpose(input, axis0, axis1)


@export(method=True)
def t(input: Tensor) -> Tensor:
    """Transpose a matrix; tensors of fewer dimensions stay as they are.

    Raises:
        RuntimeError: the tensor has more than two dimensions.
    """
    if input.array.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {input.array.ndim}D"
        )
    return _transposed(input)


class T(Transpose):
    """y = x transposed.  dL/dx = g transposed."""


def _transposed(x: Tensor) -> Tensor:
    if x.array.ndim < 2:
        return View.apply(x, shape=x.array.shape)
    return T.apply(x, dim0=0, dim1=1)


def _reversed_dims(x: Tensor) -> Tensor:
    """The matrix transposed."""
    ndim = x.array.ndim
    if ndim == 2:
        return named(T.apply(x, dim0=0, dim1=1), "Permute")
    if ndim > 2:
        warnings.warn(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
            "deprecated and it will throw an error in a future release. Consider `x.mT` to "
            "transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to "
            "reverse the dimensions of a tensor.",
            UserWarning,
            stacklevel=2,
        )
    elif ndim == 0:
        _warn_0d("T", "This function is the identity in these cases.")
    return Permute.apply(x, dims=tuple(range(ndim))[::-1])


def _warn_0d(name: str, advice: str) -> None:
    warnings.warn(
        f"Tensor.{name} is deprecated on 0-D tensors. {advice}", UserWarning, stacklevel=3
    )


def _matrix_transposed(x: Tensor, name: str = "mT") -> Tensor:
    """The last two dimensions exchanged."""
    ndim = x.array.ndim
    if ndim == 1:
        raise RuntimeError(
            f"tensor.{name} is only supported on matrices or batches of matrices. Got 1-D tensor."
        )
    if ndim == 0:
        _warn_0d(
            name,
            "Consider using x.conj()."
            if name == "mH"
            else "This function is the identity in these cases.",
        )
        return View.apply(x, shape=())
    return Transpose.apply(x, dim0=ndim - 2, dim1=ndim - 1)


def _hermitian(x: Tensor) -> Tensor:
    """The matrix transposed and conjugated."""
    if x.array.ndim not in (0, 2):
        more = " For batches of matrices, consider using tensor.mH" if x.array.ndim > 2 else ""
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {x.array.ndim}-D "
            f"tensor.{more}"
        )
    if not x.array.ndim:
        _warn_0d("H", "Consider using x.conj().")
    return conjugate(_transposed(x))


install(
    T=property(_reversed_dims),
    mT=property(_matrix_transposed),
    H=property(_hermitian),
    mH=property(lambda x: conjugate(_matrix_transposed(x, "mH"))),
)


@export(method=True)
def adjoint(input: Tensor) -> Tensor:
    """Exchange the last two dimensions and conjugate."""
    return conjugate(_matrix_transposed(input, "adjoint()"))


@export(method=True, aliases=("moveaxis",))
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Move dimensions to other places; the others keep their order.

    Raises:
        RuntimeError: the numbers of places differ, or a dimension appears twice.

    Example:
        >>> rushlight.zeros(2, 3, 4).movedim(0, -1).shape
        torch.Size([3, 4, 2])
    """
    ndim = input.array.ndim
    froms = list(source) if isinstance(source, (tuple, list)) else [source]
    tos = list(destination) if isinstance(destination, (tuple, list)) else [destination]
    if len(froms) != len(tos):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({froms} dims) should contain "
            f"the same number of dims as destination ({tos} dims)"
        )
    moved, places = [wrap_dim(d, ndim) for d in froms], [wrap_dim(d, ndim) for d in tos]
    for name, given, found in (("source", froms, moved), ("destination", tos, places)):
        if len(set(found)) != len(found):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({given})")
    order: list[Any] = [None] * ndim
    for d, place in zip(moved, places, strict=True):
        if ndim:
            order[place] = d
    rest = iter([d for d in range(ndim) if d not in moved])
    return Permute.apply(input, dims=tuple([next(rest) if d is None else d for d in order]))


# --- the same in place -------------------------------------------------------------------------


def _reshaping_in_place(function: Callable[..., Tensor]) -> None:
    """Install the method that gives a tensor itself another shape: `squeeze_`, `t_`, ..."""
    label = function.__name__ + "_"

    @functools.wraps(function)
    def in_place(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.requires_grad and self.is_leaf and is_grad_enabled():
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation."
            )
        result = function(_twin(self), *args, **kwargs)
        self.array = result.array
        self._requires_grad, self._node, self._index = (
            result._requires_grad,
            result._node,
            result._index,
        )
        if self._view is not None:
            self._view = result._view
        bump(self)
        if self._view is not None:
            self._view.version = self._version
        return self

    in_place.__name__ = in_place.__qualname__ = label
    in_place.__doc__ = (
        f"In-place form of `{label[:-1]}`: gives this tensor the other shape; returns it."
    )
    setattr(Tensor, label, in_place)


def _twin(x: Tensor) -> Tensor:
    """Return another Tensor in the same place of the graph, over the same memory."""
    twin = wrap(x.array)
    twin._requires_grad, twin._node, twin._index = x.requires_grad, x._node, x._index
    twin._counter, twin._view = share_version(x), x._view
    return twin


for _function in (squeeze, unsqueeze, t, transpose):
    _reshaping_in_place(_function)
install(swapaxes_=Tensor.transpose_, swapdims_=Tensor.transpose_)


# --- broadcasting ------------------------------------------------------------------------------


@method
def expand(self: Tensor, *size: Any, implicit: bool = False, **named: Any) -> Tensor:
    """Repeat dimensions of extent 1 without copying; -1 keeps an extent.

    Args:
        self: the tensor.
        *size: the extents of the result; there may be more of them than dimensions.
        implicit: accepted for compatibility.
        **named: `size=` by keyword.

    Raises:
        RuntimeError: an extent other than 1 would change.

    Example:
        >>> rushlight.tensor([[1], [2]]).expand(2, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    shape = self.array.shape
    if named:
        size = by_name("expand", size, named, "size")
    elif not size and shape:
        raise TypeError('expand() missing 1 required positional arguments: "size"')
    wanted = list(sizes("expand", size)) if size else []
    extra = len(wanted) - len(shape)
    if extra < 0:
        raise RuntimeError(
            f"expand(torch.{self.dtype.type_name}Tensor{{{list(shape)}}}, size={wanted}): the "
            f"number of sizes provided ({len(wanted)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({len(shape)})"
        )
    for i, n in enumerate(wanted):
        have = shape[i - extra] if i >= extra else 1
        if n == -1 and i >= extra:
            wanted[i] = have
        elif n != have and (have != 1 or n < 0):
            raise _expand_error(wanted, shape, i, i - extra)
    return broadcast(self, tuple(wanted))


def _expand_error(wanted: list[int], shape: Shape, i: int, own: int) -> RuntimeError:
    if own < 0:
        return RuntimeError(
            f"The expanded size of the tensor ({wanted[i]}) isn't allowed in a leading, "
            f"non-existing dimension {i}"
        )
    return RuntimeError(
        f"The expanded size of the tensor ({wanted[i]}) must match the existing size "
        f"({shape[own]}) at "
        f"non-singleton dimension {i}.  Target sizes: {wanted}.  Tensor sizes: {list(shape)}"
    )


def broadcast(x: Tensor, shape: Shape) -> Tensor:
    """Return `x` broadcast to a shape that it fits."""
    # Where nothing is repeated the result stays writable.
    if prod(shape) == x.array.size:
        if x.array.shape != shape and not _is_viewable(x.array, shape):
            return BroadcastTo.apply(x, shape=shape)
        return Expand.apply(x, shape=shape)
    return BroadcastTo.apply(x, shape=shape)


class Expand(View):
    """y = x in an expanded shape that repeats nothing.  dL/dx = g in x's shape."""


@method
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """Expand to the shape of another tensor."""
    return expand(self, other.array.shape)


@export(method=True)
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """Broadcast to a shape without copying; the same as `Tensor.expand`."""
    return expand(input, size)


@export
def broadcast_shapes(*shapes: Any) -> Size:
    """Return the shape that these shapes broadcast to.

    Raises:
        RuntimeError: they do not fit together.

    Example:
        >>> rushlight.broadcast_shapes((2, 1), (3,))
        torch.Size([2, 3])
    """
    result: list[int] = []
    for number, given in enumerate(shapes):
        shape = [given] if hasattr(given, "__index__") else [as_index(n) for n in given]
        for n in shape:
            if n < 0:
                raise RuntimeError(
                    f"Trying to create tensor with negative dimension ({n}): "
                    f"({', '.join(map(str, shape))})"
                )
        result = [1] * (len(shape) - len(result)) + result
        for i in range(1, len(shape) + 1):
            if shape[-i] != 1 and result[-i] not in (1, shape[-i]):
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {shape[-i]} at {-i}! "
                    f"Mismatching argument at index {number} had {tuple(shape)}; but expected "
                    f"shape should be broadcastable to {result}"
                )
            if shape[-i] != 1:
                result[-i] = shape[-i]
    return Size(result)


def common_shape(*shapes: Shape) -> Shape:
    """Return the shape that operands broadcast to.

    Raises:
        RuntimeError: they do not fit together; torch's words for operators.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        pass
    result = shapes[0]
    for shape in shapes[1:]:
        width = max(len(result), len(shape))
        a, b = (1,) * (width - len(result)) + result, (1,) * (width - len(shape)) + shape
        for d in reversed(range(width)):
            if a[d] != b[d] and 1 not in (a[d], b[d]):
                raise RuntimeError(
                    f"The size of tensor a ({a[d]}) must match the size of tensor b ({b[d]}) at "
                    f"non-singleton dimension {d}"
                )
        result = tuple([n if m == 1 else m for m, n in zip(a, b, strict=True)])
    return result


@export
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Broadcast tensors against each other, without copying.

    Returns:
        Views; of a tensor that has the shape already, the tensor itself.

    Raises:
        RuntimeError: their shapes do not fit together.
    """
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    shape = common_shape(*[x.array.shape for x in given])
    return tuple([x if x.array.shape == shape else broadcast(x, shape) for x in given])
