"""How the elements of a tensor are ordered in memory: memory formats and layouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import Array, Shape


class memory_format:
    """An order of the dimensions in memory, such as `rushlight.channels_last`."""

    __slots__ = ("_name", "rank")

    def __init__(self, name: str, rank: int | None = None):
        self._name = name
        self.rank = rank

    def __repr__(self) -> str:
        return "torch." + self._name

    def __reduce__(self) -> Any:
        return _format_of, (self._name,)


class layout:
    """How a tensor keeps its elements: `rushlight.strided`, or one of the sparse layouts."""

    __slots__ = ("_name",)

    def __init__(self, name: str):
        self._name = name

    def __repr__(self) -> str:
        return "torch." + self._name

    def __reduce__(self) -> Any:
        return _layout_of, (self._name,)


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last", rank=4)
channels_last_3d = memory_format("channels_last_3d", rank=5)
_LAST = {4: channels_last, 5: channels_last_3d}
_MODELS = {
    4: np.empty((2, 2, 2, 2)).transpose(0, 3, 1, 2),
    5: np.empty((2, 2, 2, 2, 2)).transpose(0, 4, 1, 2, 3),
}
strided = layout("strided")
sparse_coo, sparse_csr, sparse_csc = (
    layout("sparse_coo"),
    layout("sparse_csr"),
    layout("sparse_csc"),
)
sparse_bsr, sparse_bsc, jagged = layout("sparse_bsr"), layout("sparse_bsc"), layout("jagged")
SPARSE_LAYOUTS = (sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc)

FORMATS = {
    form._name: form
    for form in (contiguous_format, preserve_format, channels_last, channels_last_3d)
}


def _format_of(name: str) -> memory_format:
    return FORMATS[name]


LAYOUTS = {
    form._name: form
    for form in (strided, sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc, jagged)
}


def _layout_of(name: str) -> layout:
    return LAYOUTS[name]


def check_rank(form: memory_format, ndim: int) -> None:
    """Raise RuntimeError unless a tensor of `ndim` dimensions can have this format."""
    if form.rank is not None and form.rank != ndim:
        raise RuntimeError(f"required rank {form.rank} tensor to use {form._name} format")


def memory_order(form: memory_format, ndim: int) -> Shape:
    """Return the dimensions from the outermost to the innermost in memory."""
    if form.rank is None:
        return tuple(range(ndim))
    return (0, *range(2, ndim), 1)


def is_contiguous(x: Array, form: memory_format) -> bool:
    """Tell whether the elements of `x` lie in memory without gaps in the order of `form`."""
    if form.rank is None:
        return bool(x.flags.c_contiguous)
    if form.rank != x.ndim:
        return False
    return bool(x.transpose(memory_order(form, x.ndim)).flags.c_contiguous)


def is_channels_last(x: Array) -> bool:
    """Tell whether images (N, C, H, W) or volumes ask for channels-last results by their strides.

    This is the rule of PyTorch: strides grow from C over the last axes to N, and where an axis has
    length 1 its stride decides between the two formats. Elements may lie apart.
    """
    strides, ndim = x.strides, x.ndim
    if not 4 <= ndim <= 5 or strides[-1] < strides[1] or not strides[1]:
        return False
    shape, least = x.shape, 0
    for axis in (1, *range(ndim - 1, 1, -1), 0):
        stride, size = strides[axis], shape[axis]
        if not size or stride < least or (not axis and least == strides[1]):
            return False
        least = stride * size
    return True


def has_format(x: Array, last: bool) -> bool:
    """Tell whether `x` is dense, in channels-last order or in row-major order."""
    if not last:
        return bool(x.flags.c_contiguous)
    return is_channels_last(x) and is_contiguous(x, _LAST[x.ndim])


def in_format(x: Array, last: bool, *, copy: bool = False) -> Array:
    """Return `x` dense in channels-last or row-major order.

    It is `x` itself if that is so already and no copy is asked for.
    """
    if not copy and has_format(x, last):
        return x
    if not last:
        return x.copy(order="C")
    if type(x) is not np.ndarray:
        inner = x.ndim - 1
        y = x.transpose(0, *range(2, x.ndim), 1).copy(order="C")
        return y.transpose(0, inner, *range(1, inner))
    made = empty_channels_last(x.shape, x.dtype)
    np.copyto(made, x)
    return made


def empty_channels_last(shape: Shape, dtype: Any) -> Array:
    """Return new memory for `shape` (N, C, *S) in channels-last order.

    The array owns its memory, as a transposed view of another would not.
    """
    return np.empty_like(_MODELS[len(shape)], dtype, shape=shape)


def order_in_memory(x: Array) -> Shape:
    """Return the dimensions from the outermost to the innermost in memory.

    An expanded dimension, which has no place in memory, stays where it is among the others.
    """
    axes = list(range(x.ndim))
    if is_channels_last(x):
        return (0, *axes[2:], 1)
    if x.flags.c_contiguous or 0 in x.shape:
        return tuple(axes)
    strides = x.strides
    if 0 not in strides:
        return tuple(sorted(axes, key=lambda i: (-strides[i], i)))
    order = axes[::-1]
    for i in range(1, len(order)):
        inner = i
        for outer in range(i - 1, -1, -1):
            a, b = strides[order[outer]], strides[order[inner]]
            if not a or not b:
                continue
            if a <= b:
                break
            order[outer], order[inner] = order[inner], order[outer]
            inner = outer
    return tuple(order[::-1])
