"""Sizes, strides and storage of a tensor, and views that strides alone describe."""

from __future__ import annotations

from math import prod
from operator import index as as_index
from typing import Any

import numpy as np

from .._tensor import Size, Tensor, install, method
from .._typing import Array, Shape
from ..autograd.node import Op
from ..autograd.view import bump
from ..backend import dtype as dtypes
from ..backend.array import array_module
from ..backend.memory_format import strided
from ..backend.storage import Layout, TypedStorage, UntypedStorage, address_of, layout_of
from ..errors import wrap_dim
from ..kernels.scatter import add_at
from ._arguments import sizes
from ._export import export

# --- what there is to know ---------------------------------------------------------------------


@method
def size(self: Tensor, dim: int | None = None) -> Any:
    """Return the shape, or the extent of one dimension."""
    shape = self.array.shape
    return (
        Size(shape) if dim is None else shape[wrap_dim(dim, len(shape))] if shape else _no_dim(dim)
    )


def _no_dim(dim: int) -> int:
    wrap_dim(dim, 0)
    raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")


def _strides(x: Array) -> Shape:
    width, shape = x.itemsize, x.shape
    steps = [step // width for step in x.strides]
    if not x.size or 0 in steps:
        following = 1
        for d in reversed(range(len(shape))):
            # NumPy gives inserted dimensions, and those of empty arrays, strides of its own.
            if not x.size or (shape[d] == 1 and steps[d] == 0):
                steps[d] = following
            following = max(shape[d], 1) * steps[d]
    return tuple(steps)


@method
def stride(self: Tensor, dim: int | None = None) -> Any:
    """Return how many elements apart neighbours lie in each dimension, or in one."""
    steps = _strides(self.array)
    return steps if dim is None else steps[wrap_dim(dim, len(steps))] if steps else _no_dim(dim)


@method
def dim(self: Tensor) -> int:
    """Return the number of dimensions."""
    ndim: int = self.array.ndim
    return ndim


@method
def ndimension(self: Tensor) -> int:
    """Return the number of dimensions."""
    ndim: int = self.array.ndim
    return ndim


@export(method=True)
def numel(input: Tensor) -> int:
    """Return the number of elements."""
    count: int = input.array.size
    return count


@method
def nelement(self: Tensor) -> int:
    """Return the number of elements."""
    count: int = self.array.size
    return count


@method
def element_size(self: Tensor) -> int:
    """Return the bytes of one element."""
    width: int = self.array.itemsize
    return width


@method
def data_ptr(self: Tensor) -> int:
    """Return the address of the first element; 0 if there is none."""
    return address_of(self._exposed()) if self.array.size and not self.is_meta else 0


@method
def storage_offset(self: Tensor) -> int:
    """Return how many elements from the start of its storage the tensor begins."""
    return _layout(self.array).offset


@method
def untyped_storage(self: Tensor) -> UntypedStorage:
    """Return the memory that the tensor and its views share."""
    return UntypedStorage.of(self._exposed())


@method
def storage(self: Tensor) -> TypedStorage:
    """Return the memory that the tensor and its views share, read as elements of its dtype."""
    return TypedStorage(wrap_storage=UntypedStorage.of(self._exposed()), dtype=self.dtype)


@method
def get_device(self: Tensor) -> int:
    """Return the index of the CUDA device, -1 for main memory."""
    where = self.device
    return -1 if where.type == "cpu" else where.index or 0


@export(method=True)
def is_floating_point(input: Tensor) -> bool:
    """Tell whether the dtype is a floating point one."""
    return input.dtype.is_floating_point


@export(method=True)
def is_complex(input: Tensor) -> bool:
    """Tell whether the dtype is complex."""
    return input.dtype.is_complex


@method
def is_signed(self: Tensor) -> bool:
    """Tell whether the dtype has negative numbers."""
    return self.dtype.is_signed


@export(method=True)
def is_nonzero(input: Tensor) -> bool:
    """Tell whether the only element differs from zero.

    Raises:
        RuntimeError: there is more or less than one element.
    """
    return bool(input)


@export(method=True)
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors have the same shape."""
    return bool(input.array.shape == other.array.shape)


@method
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Tell whether two tensors are the same elements of the same memory."""
    a, b = self.array, tensor.array
    return a.shape == b.shape and a.strides == b.strides and address_of(a) == address_of(b)


@export
def is_tensor(obj: Any) -> bool:
    """Tell whether an object is a Tensor."""
    return isinstance(obj, Tensor)


@export
def is_storage(obj: Any) -> bool:
    """Tell whether an object is a storage."""
    return isinstance(obj, (UntypedStorage, TypedStorage))


@method
def __contains__(self: Tensor, element: Any) -> bool:
    if isinstance(element, Tensor):
        element = element.array
    elif not isinstance(element, (int, float, complex, np.generic)):
        raise RuntimeError(
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )
    return bool((self.array == element).any())


install(
    layout=property(lambda self: strided),
    is_sparse=property(lambda self: False),
    is_sparse_csr=property(lambda self: False),
    is_quantized=property(lambda self: False),
    is_meta=property(lambda self: self.device.type == "meta"),
    is_mkldnn=property(lambda self: False),
    is_nested=property(lambda self: False),
)


# --- views by strides --------------------------------------------------------------------------


def _layout(x: Array) -> Layout:
    found = layout_of(x)
    if found is None:
        raise RuntimeError("the tensor's memory has no offset and strides counted in elements")
    return found


class AsStrided(Op):
    """y = the elements at given strides of x's storage, in that memory.

    dL/dx = g added at the places in the storage, read where x lies. `source` is x's own offset,
    shape and strides: on another tensor of x's shape the same elements are found through it.
    """

    view = True

    def forward(
        ctx, x: Array, *, target: tuple[int, Shape, Shape], source: tuple[int, Shape, Shape]
    ) -> Array:
        ctx.target, ctx.source = target, source
        layout = layout_of(x)
        storage = layout.storage if layout is not None and layout[1:] == source else None
        if storage is None:
            storage = UntypedStorage.of(_storage_like(x, source, target))
        return storage.as_array(dtypes.from_numpy(x.dtype), target[0], target[1], target[2])

    def backward(ctx, g: Tensor) -> Tensor:
        return AsStridedGrad.apply(g, target=ctx.target, source=ctx.source)


class AsStridedGrad(Op):
    """y = zeros of a storage with g added at some strides, read at others.  dL/dg = the reverse."""

    label = "AsStridedBackward"

    def forward(
        ctx, g: Array, *, target: tuple[int, Shape, Shape], source: tuple[int, Shape, Shape]
    ) -> Array:
        ctx.target, ctx.source = target, source
        xp = array_module(g)
        flat = xp.zeros(max(_span(*target), _span(*source)), g.dtype)
        flat = add_at(flat, (_places(xp, *target).reshape(-1),), g.reshape(-1))
        places = _places(xp, *source)
        found = flat[places]
        if 0 in source[2]:
            # Several elements of x share one memory location: each gets its share of the gradient.
            count = add_at(
                xp.zeros(flat.shape, np.float64), (places.reshape(-1),), np.ones(places.size)
            )
            found = (found / count[places]).astype(g.dtype)
        return found

    def backward(ctx, gg: Tensor) -> Tensor:
        return AsStrided.apply(gg, target=ctx.target, source=ctx.source)


def _span(offset: int, shape: Shape, strides: Shape) -> int:
    if 0 in shape:
        return 0
    return 1 + offset + sum([(n - 1) * step for n, step in zip(shape, strides, strict=True)])


def _places(xp: Any, offset: int, shape: Shape, strides: Shape) -> Array:
    """Return the place in the storage of each element."""
    places = xp.full(shape, offset, dtype=np.int64)
    for d, (extent, step) in enumerate(zip(shape, strides, strict=True)):
        places += (xp.arange(extent) * step).reshape((extent,) + (1,) * (len(shape) - 1 - d))
    return places


def _storage_like(x: Array, source: Any, target: Any) -> Array:
    """Return a storage in which the elements of x lie at another tensor's offset and strides."""
    xp = array_module(x)
    flat = xp.zeros(max(_span(*source), _span(*target)), x.dtype)
    flat[_places(xp, *source)] = x
    return flat


@export(method=True)
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Return a view of the storage with given extents, strides and offset, counted in elements.

    Raises:
        RuntimeError: the view would reach beyond the storage, or a stride is negative.

    Example:
        >>> rushlight.arange(4).as_strided((3, 2), (1, 1))
        tensor([[0, 1],
                [1, 2],
                [2, 3]])
    """
    shape, steps = sizes("as_strided", (size,)), sizes("as_strided", (stride,))
    if len(shape) != len(steps):
        raise RuntimeError("mismatch in length of strides and shape")
    if min(steps, default=0) < 0:
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(steps)}"
        )
    own = _layout(input.array)
    offset = own.offset if storage_offset is None else as_index(storage_offset)
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    width = input.array.itemsize
    needed = _span(offset, shape, steps) * width
    if needed > own.storage.nbytes():
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(steps)}, storage offset {offset}, "
            f"and itemsize {width} requiring a storage size of {needed} are out of bounds for "
            f"storage of size {own.storage.nbytes()}"
        )
    source = own.offset, tuple(own.size), tuple(own.stride)
    return AsStrided.apply(input, target=(offset, shape, steps), source=source)


class Unfold(Op):
    """y = windows of x along a dimension, in x's memory.  dL/dx = the windows of g added up."""

    view = True

    def forward(ctx, x: Array, *, dim: int, size: int, step: int) -> Array:
        ctx.shape, ctx.window = x.shape, (dim, size, step)
        count = (x.shape[dim] - size) // step + 1
        shape = (*x.shape[:dim], count, *x.shape[dim + 1 :], size)
        strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1 :], x.strides[dim])
        return array_module(x).lib.stride_tricks.as_strided(x, shape, strides)

    def backward(ctx, g: Tensor) -> Tensor:
        return UnfoldGrad.apply(g, shape=ctx.shape, window=ctx.window)


class UnfoldGrad(Op):
    """y = the sum of overlapping windows.  dL/dg = the windows of the gradient."""

    label = "UnfoldBackward"

    def forward(ctx, g: Array, *, shape: Shape, window: tuple[int, int, int]) -> Array:
        ctx.window = dim, size, step = window
        y = array_module(g).zeros(shape, g.dtype)
        lead = (slice(None),) * dim
        stop = (g.shape[dim] - 1) * step + 1
        for i in range(size):
            y[(*lead, slice(i, i + stop, step))] += g[..., i]
        return y

    def backward(ctx, gg: Tensor) -> Tensor:
        dim, size, step = ctx.window
        return Unfold.apply(gg, dim=dim, size=size, step=step)


@method
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return windows of `size` places along a dimension, every `step` places, as a last dimension.

    The windows lie in the tensor's memory, where they overlap if `step` is below `size`.

    Raises:
        RuntimeError: the windows are larger than the dimension, or `step` is not positive.

    Example:
        >>> rushlight.arange(4).unfold(0, 2, 1)
        tensor([[0, 1],
                [1, 2],
                [2, 3]])
    """
    shape = self.array.shape
    dim = wrap_dim(dimension, len(shape))
    extent = shape[dim] if shape else 1
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > extent:
        raise RuntimeError(
            f"maximum size for tensor at dimension {dim} is {extent} but size is {size}"
        )
    if not shape:
        from .shape import reshape

        reshaped = reshape(self, (1,))
        return reshaped if size else reshaped.narrow(0, 0, 0)
    return Unfold.apply(self, dim=dim, size=size, step=step)


# --- other sizes in place ----------------------------------------------------------------------


@method
def resize_(self: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Give the tensor another shape in place; elements beyond its storage are uninitialised.

    Raises:
        RuntimeError: the tensor requires grad.
    """
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    shape = sizes("resize_", size) if size else ()
    if shape == self.array.shape:
        return self
    layout = _layout(self.array)
    count, width = prod(shape), self.array.itemsize
    if (layout.offset + count) * width <= layout.storage.nbytes():
        flat = layout.storage.as_array(self.dtype, layout.offset, (count,), (1,))
    else:
        flat = array_module(self.array).empty(count, self.array.dtype)
        have = layout.storage.nbytes() // width - layout.offset
        flat[:have] = layout.storage.as_array(self.dtype, layout.offset, (have,), (1,))
    self.array = flat.reshape(shape)
    bump(self)
    return self


@method
def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """Give the tensor another one's shape in place."""
    return resize_(self, *the_template.array.shape)


@method
def set_(
    self: Tensor, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None
) -> Tensor:
    """Make the tensor look at other memory: another tensor's, or a storage's at given strides."""
    if source is None:
        self.array = np.empty(0, self.array.dtype)
    elif isinstance(source, Tensor):
        self.array = source.array
    else:
        storage = getattr(source, "_untyped_storage", source)
        width = self.array.itemsize
        shape = (
            (storage.nbytes() // width - storage_offset,)
            if size is None
            else sizes("set_", (size,))
        )
        steps = _strides(np.empty(shape)) if stride is None else sizes("set_", (stride,))
        self.array = storage.as_array(self.dtype, storage_offset, shape, steps)
    bump(self)
    return self
