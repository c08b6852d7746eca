"""The meta device: arrays with a shape, strides and a dtype, but without values.

A meta array is a window on a large piece of reserved address space. The operating system gives it
no memory until somebody writes, and writes to meta arrays do nothing; so views and strides are
NumPy's own, and a kernel that looks at the values after all finds zeros.
"""

from __future__ import annotations

import contextlib
import math
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

NO_DATA = "Cannot copy out of meta tensor; no data!"

_LARGEST = 1 << 44
_ALIGNMENT = 64


class _Space:
    """The reserved addresses, handed out from front to back, again and again."""

    def __init__(self) -> None:
        self.memory: Any = None
        self.size = self.next = self.start = 0

    def reserve(self) -> None:
        """Reserve as much as the system allows."""
        size = _LARGEST
        while self.memory is None:
            with contextlib.suppress(OSError, ValueError, OverflowError):
                self.memory = _unbacked(size)
                self.size = size
            size //= 4
        self.start = int(np.frombuffer(self.memory, np.uint8).__array_interface__["data"][0])

    def take(self, nbytes: int) -> int | None:
        """Return where the next `nbytes` begin; None if there is no room for them at all."""
        if self.memory is None:
            self.reserve()
        if nbytes > self.size:
            return None
        begin = self.next if self.next + nbytes <= self.size else 0
        self.next = -(-(begin + nbytes) // _ALIGNMENT) * _ALIGNMENT
        return begin


def _unbacked(size: int) -> Any:
    import mmap

    flags = getattr(mmap, "MAP_NORESERVE", 0x4000) if hasattr(mmap, "MAP_PRIVATE") else 0
    if not flags:  # elsewhere a map of any size counts as used
        return mmap.mmap(-1, min(size, 1 << 20))
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | flags)


_space = _Space()
_lock = threading.Lock()
_alive = 0
_watcher: Callable[[bool], None] | None = None


def watch(function: Callable[[bool], None]) -> None:
    """Call `function` with whether there are meta arrays, each time that changes."""
    global _watcher
    _watcher = function


def _count(change: int) -> None:
    global _alive
    with _lock:
        before, _alive = _alive, _alive + change
        now = _alive
    if _watcher is not None and (before == 0) != (now == 0):
        _watcher(now > 0)


class MetaArray(np.ndarray[Any, Any]):
    """An array without values: what NumPy computes from it has a shape and a dtype only."""

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        """Return what a ufunc would, computed on single elements."""
        if out is not None:
            return out[0] if len(out) == 1 else out
        if method == "at":
            return None
        options.pop("where", None)
        if method == "__call__" and ufunc.signature is None:
            return _elementwise(ufunc, inputs, options)
        if method == "reduce":
            return _reduced(ufunc, *inputs, **options)
        if ufunc is np.matmul and method == "__call__":
            return _product(*inputs)
        with np.errstate(all="ignore"):
            return as_meta(getattr(ufunc, method)(*plain(inputs), **options))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Run any other function of NumPy on the zeros that the space reads as."""
        if func in _BY_VALUE:
            raise NotImplementedError(
                f"{func.__name__}: the shape of the result depends on values, which meta tensors "
                "do not have"
            )
        if isinstance(kwargs.get("out"), MetaArray):
            return kwargs["out"]
        if func in _ALIKE:
            return _alike(*args, **kwargs)
        if func is np.where and len(args) == 3:
            return meta_array(np.broadcast_shapes(*map(_shape, args)), _common_dtype(args[1:]))
        if func is np.concatenate:
            return _joined(*args, **kwargs)
        with np.errstate(all="ignore"):
            return as_meta(func(*plain(args), **plain(kwargs)))

    def __getitem__(self, key: Any) -> Any:
        """Return a view, or elements that an index picks; refuse a mask."""
        for part in key if isinstance(key, tuple) else (key,):
            if isinstance(part, np.ndarray) and part.dtype == bool and part.ndim:
                raise NotImplementedError(
                    "indexing by a mask: the shape of the result depends on values, which meta "
                    "tensors do not have"
                )
        return super().__getitem__(key)

    def nonzero(self) -> Any:
        """Refuse: how many there are depends on values."""
        return np.nonzero(self)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Do nothing: there is nothing to write to."""

    def fill(self, value: Any) -> None:
        """Do nothing, as above."""

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """Return an array of the same shape in another dtype."""
        same = options.get("copy", True) is False and np.dtype(dtype) == self.dtype
        return self if same else meta_array(self.shape, dtype, self.strides, self.itemsize)

    def copy(self, order: str = "C") -> MetaArray:  # type: ignore[override]
        """Return another array like this one."""
        keeps_order = order == "K" or (order == "A" and self.flags.f_contiguous)
        return meta_array(self.shape, self.dtype, self.strides if keeps_order else None)

    def reshape(self, *shape: Any, copy: bool | None = None, **options: Any) -> Any:
        """Return a view of another shape; where that cannot be, a new array."""
        given = shape[0] if len(shape) == 1 else shape
        try:
            return super().reshape(given, copy=False, **options)
        except ValueError:
            if copy is False:
                raise
            sizes = np.broadcast_to(np.zeros((), bool), self.shape).reshape(given, copy=False)
            return meta_array(sizes.shape, self.dtype)

    def take(  # type: ignore[override]  # without `out`
        self, indices: Any, axis: int | None = None, **options: Any
    ) -> Any:
        """Return the shape that elements at these places along an axis have."""
        left, right = ((), ()) if axis is None else (self.shape[:axis], self.shape[axis:][1:])
        return meta_array((*left, *_shape(indices), *right), self.dtype)

    def item(self, *args: Any) -> Any:
        """Refuse: there are no values."""
        raise RuntimeError("Tensor.item() cannot be called on meta tensors")

    def tolist(self) -> Any:
        """Refuse: there are no values."""
        raise NotImplementedError(NO_DATA)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return meta_array, (self.shape, self.dtype)


def meta_array(
    shape: Sequence[int], dtype: Any, strides: Sequence[int] | None = None, itemsize: int = 0
) -> MetaArray:
    """Return a new array without values.

    Args:
        shape: the extents.
        dtype: dtype of the elements it does not have.
        strides: strides of an array whose order of dimensions to take over.
        itemsize: bytes of that array's elements, if they differ from this one's.
    """
    kind, shape = np.dtype(dtype), tuple(int(n) for n in shape)
    begin = _space.take(kind.itemsize * math.prod(shape))
    if begin is None:  # larger than all there is: without strides of its own
        array = np.broadcast_to(np.zeros((), kind), shape).view(MetaArray)
    else:
        array = np.ndarray.__new__(
            MetaArray, shape, kind, _space.memory, begin, _ordered(shape, kind.itemsize, strides)
        )
    _count(1)
    weakref.finalize(array, _count, -1).atexit = False
    return array


def _ordered(
    shape: tuple[int, ...], itemsize: int, like: Sequence[int] | None
) -> tuple[int, ...] | None:
    """Return dense strides with the dimensions in the order of other strides."""
    if like is None:
        return None
    strides, step = [0] * len(shape), itemsize
    for axis in sorted(range(len(shape)), key=lambda i: (like[i], -i)):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return tuple(strides)


def plain(x: Any) -> Any:
    """Return meta arrays, also in tuples, lists and dictionaries, as ordinary ones, of zeros."""
    if isinstance(x, MetaArray):
        return x.view(np.ndarray)
    if isinstance(x, (tuple, list)) and any(isinstance(i, (np.ndarray, tuple, list)) for i in x):
        return type(x)(plain(item) for item in x)
    return {k: plain(v) for k, v in x.items()} if isinstance(x, dict) else x


def as_meta(result: Any) -> Any:
    """Return arrays, also in tuples and lists, as meta arrays: views as they are, others anew."""
    if isinstance(result, (tuple, list)):
        items = [as_meta(item) for item in result]
        return type(result)(*items) if hasattr(result, "_fields") else type(result)(items)
    if not isinstance(result, (np.ndarray, np.generic)) or isinstance(result, MetaArray):
        return result
    if isinstance(result, np.ndarray) and _is_reserved(result):
        return result.view(MetaArray)
    return meta_array(result.shape, result.dtype, result.strides or None)


def _is_reserved(x: np.ndarray[Any, Any]) -> bool:
    address = x.__array_interface__["data"][0]
    return bool(_space.start <= address < _space.start + _space.size)


# --- shapes -------------------------------------------------------------------------------------


def _single(x: Any) -> Any:
    return np.ones(1, x.dtype) if isinstance(x, np.ndarray) else x


def _shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, np.ndarray) else np.shape(x)


def _common_dtype(operands: Sequence[Any]) -> Any:
    return np.result_type(*(a if np.isscalar(a) else _single(a) for a in operands))


def _joined(parts: Sequence[Any], axis: int = 0, **_: Any) -> MetaArray:
    first = parts[0].shape
    axis %= len(first)
    extent = sum(part.shape[axis] for part in parts)
    return meta_array((*first[:axis], extent, *first[axis + 1 :]), _common_dtype(parts))


def _elementwise(ufunc: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        probe = ufunc(*map(_single, inputs), **options)
    shape = np.broadcast_shapes(*map(_shape, inputs))
    if isinstance(probe, tuple):
        return tuple(meta_array(shape, y.dtype) for y in probe)
    like = next((x for x in inputs if isinstance(x, MetaArray) and x.shape == shape), None)
    if like is None:
        return meta_array(shape, probe.dtype)
    return meta_array(shape, probe.dtype, like.strides, like.itemsize)


def _reduced(ufunc: Any, x: Any, axis: Any = 0, dtype: Any = None, **options: Any) -> Any:
    kind = ufunc.reduce(_single(x), dtype=dtype).dtype
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {a % x.ndim for a in axes} if x.ndim else set()
    keep = options.get("keepdims", False)
    shape = [1 if i in gone else n for i, n in enumerate(x.shape) if keep or i not in gone]
    return meta_array(shape, kind)


def _product(a: Any, b: Any) -> MetaArray:
    left = (1, *a.shape) if a.ndim == 1 else a.shape
    right = (*b.shape, 1) if b.ndim == 1 else b.shape
    if left[-1] != right[-2]:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit")
    rows = () if a.ndim == 1 else left[-2:-1]
    columns = () if b.ndim == 1 else right[-1:]
    batch = np.broadcast_shapes(left[:-2], right[:-2])
    return meta_array((*batch, *rows, *columns), np.result_type(a.dtype, b.dtype))


def _alike(x: Any, fill: Any = None, dtype: Any = None, shape: Any = None, **_: Any) -> MetaArray:
    if fill is not None and dtype is None and not np.isscalar(fill):
        dtype = fill  # empty_like(x, dtype): what is filled in plays no part
    kind = x.dtype if dtype is None else dtype
    if shape is None:
        return meta_array(x.shape, kind, x.strides, x.itemsize)
    return meta_array((shape,) if isinstance(shape, int) else shape, kind)


_BY_VALUE = (np.nonzero, np.flatnonzero, np.argwhere)
_ALIKE = (np.empty_like, np.zeros_like, np.ones_like, np.full_like)


class _Namespace:
    """NumPy for the meta device: what makes an array makes one without values."""

    def empty(self, shape: Any, dtype: Any = float, **_: Any) -> MetaArray:
        """Return an array of this shape."""
        return meta_array((shape,) if isinstance(shape, int) else shape, dtype)

    zeros = ones = empty

    def full(self, shape: Any, value: Any, dtype: Any = None, **_: Any) -> MetaArray:
        """Return an array of this shape, in the number's dtype unless one is given."""
        return self.empty(shape, np.asarray(value).dtype if dtype is None else dtype)

    @property
    def lib(self) -> Any:
        """Its `stride_tricks`, which look into an array's memory however it was made."""
        return self

    @property
    def stride_tricks(self) -> Any:
        """As above."""
        return self

    def as_strided(self, x: Any, shape: Any, strides: Any) -> Any:
        """Return a window on an array."""
        return np.lib.stride_tricks.as_strided(x, shape, strides).view(MetaArray)

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found):
            return found
        return lambda *args, **options: as_meta(found(*args, **options))


NAMESPACE: Any = _Namespace()
