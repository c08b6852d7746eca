"""Tensors from data, from sizes and from ranges."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from .._tensor import Tensor, method, wrap
from .._typing import Array, Number, Shape
from ..backend import dtype as dtypes
from ..backend.array import to_device
from ..backend.device import as_device
from ..backend.dtype import dtype as DType
from ..backend.memory_format import check_rank, memory_format, memory_order, preserve_format
from ._arguments import (
    allocate,
    check_dtype,
    check_layout,
    finish,
    number_for,
    require_tensor,
    sizes,
)
from ._export import export
from ._from_data import array_from, from_numpy_array
from .casts import convert

# --- from data ---------------------------------------------------------------------------------


@export
def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Copy data into a new tensor without history.

    Args:
        data: a number, nested sequences of numbers, a NumPy array or a Tensor.
        dtype: dtype of the result; None infers it: NumPy data keeps its dtype, Python floats take
            the default dtype, integers int64.
        device: where the result lives; None: the default device (a Tensor's own).
        requires_grad: whether operations on the result are recorded.
        pin_memory: accepted for compatibility.

    Raises:
        ValueError: the nesting is ragged.
        TypeError: an element is no number.

    Example:
        >>> rushlight.tensor([[1, 2], [3, 4.5]])
        tensor([[1.0000, 2.0000],
                [3.0000, 4.5000]])
    """
    dtype = check_dtype("tensor", dtype)
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        return finish("tensor", _copied(data, dtype, device), None, requires_grad)
    return finish("tensor", _array_of(data, dtype, device), None, requires_grad)


def _copied(source: Tensor, dtype: DType | None, device: Any) -> Array:
    where = source.device if device is None else as_device(device)
    array = to_device(source.array, where)
    return array.astype(array.dtype if dtype is None else dtype.numpy, order="C")


def _array_of(data: Any, dtype: DType | None, device: Any) -> Array:
    where = as_device(device)
    if hasattr(data, "__cuda_array_interface__"):
        array = allocate(where, lambda xp: xp.array(data))
        return array if dtype is None else array.astype(dtype.numpy, copy=False)
    if hasattr(data, "__array__") and not isinstance(data, (np.ndarray, np.generic)):
        data = np.asarray(data)
    array = array_from(data, dtype)
    return array if where.type == "cpu" else to_device(array, where)


@export
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Turn data into a tensor, sharing memory and history where possible.

    A Tensor of the wanted dtype and device is returned itself; a NumPy array is shared.
    """
    dtype = check_dtype("as_tensor", dtype)
    if isinstance(data, Tensor):
        return convert(data, dtype, None if device is None else as_device(device))
    if isinstance(data, np.ndarray):
        shared = wrap(_shared(data))
        return convert(shared, dtype, as_device(device))
    return finish("as_tensor", _array_of(data, dtype, device), None, False)


@export
def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Turn an object into a tensor: a Tensor, NumPy array, buffer, DLPack capsule or numbers.

    Args:
        obj: the object.
        dtype: dtype of the result; None keeps or infers it.
        device: where the result lives.
        copy: True always copies; False raises ValueError where a copy would be needed; None
            copies only if needed.
        requires_grad: whether the result requires grad.
    """
    dtype = check_dtype("asarray", dtype)
    source = _alias(obj, dtype)
    if source is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence")
        return finish("asarray", _array_of(obj, dtype, device), None, requires_grad)
    result = convert(source, dtype, None if device is None else as_device(device))
    if copy is False and result is not source:
        raise ValueError(
            f"can't alias tensor with dtype '{source.dtype}' on {source.device} without a copy"
        )
    if copy and result is source:
        result = result.clone()
    if not requires_grad:
        return result.detach() if result.requires_grad else result
    return result.requires_grad_()


def _alias(obj: Any, dtype: DType | None) -> Tensor | None:
    """Return a tensor over the memory of `obj`, or None if it has none to share."""
    if isinstance(obj, Tensor):
        return obj
    if isinstance(obj, (np.ndarray, np.generic)):
        return wrap(_shared(np.asarray(obj)))
    if hasattr(obj, "__dlpack__"):
        return from_dlpack(obj)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return frombuffer(obj, dtype=dtype or dtypes.get_default_dtype())
    return None


def _shared(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if not array.flags.writeable and array.size:
        warnings.warn(
            "The given NumPy array is not writable, and tensors over it cannot be written to. Copy the "
            "array if you want to write.",
            UserWarning,
            stacklevel=3,
        )
    return from_numpy_array(array)


@export
def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """Return a tensor that shares the memory of a NumPy array.

    Raises:
        TypeError: not an array, or of a dtype without counterpart.
        ValueError: the array has negative strides.

    Example:
        >>> a = np.zeros(2)
        >>> rushlight.from_numpy(a)[0] = 5
        >>> a
        array([5., 0.])
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return wrap(_shared(ndarray))


@export
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a tensor over the memory of any object that speaks DLPack.

    Args:
        ext_tensor: an object with `__dlpack__` (another library's array).
        device: where the result lives; None keeps the object's device.
        copy: True always copies.
    """
    if isinstance(ext_tensor, Tensor):
        shared = wrap(ext_tensor.array)
    elif ext_tensor.__dlpack_device__()[0] == 1:
        shared = wrap(from_numpy_array(np.from_dlpack(ext_tensor)))
    else:
        shared = wrap(allocate(as_device("cuda"), lambda xp: xp.from_dlpack(ext_tensor)))
    moved = convert(shared, None, None if device is None else as_device(device))
    return moved.clone() if copy and moved is shared else moved


@export
def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """Return a 1-d tensor over the memory of an object with the buffer protocol.

    Args:
        buffer: the object (bytearray, memoryview, mmap, ...).
        dtype: how to read the bytes.
        count: number of elements; -1: as many as there are.
        offset: bytes to skip.
        requires_grad: whether the result requires grad.

    Raises:
        ValueError: the buffer is empty, too short, or not a whole number of elements.
    """
    kind = check_dtype("frombuffer", dtype)
    assert kind is not None
    view = memoryview(buffer)
    length, width = view.nbytes, kind.itemsize
    if length == 0 or count == 0:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({length} bytes) minus 1"
        )
    if count < 0 and (length - offset) % width:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple "
            f"of element size ({width})"
        )
    if count > 0 and offset + count * width > length:
        raise ValueError(
            f"requested buffer length ({count} * {width} bytes) after offset ({offset} bytes) must not "
            f"be greater than actual buffer length ({length} bytes)"
        )
    if view.readonly:
        warnings.warn(
            "The given buffer is not writable, and tensors over it cannot be written to. Copy the buffer "
            "if you want to write.",
            UserWarning,
            stacklevel=2,
        )
    raw = np.frombuffer(buffer, dtype=np.uint8)
    end = length if count < 0 else offset + count * width
    return finish("frombuffer", raw[offset:end].view(kind.numpy), None, requires_grad)


@export
def scalar_tensor(
    s: Number, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return a 0-d tensor of the default dtype (or `dtype`) that holds a number."""
    kind = check_dtype("scalar_tensor", dtype) or dtypes.get_default_dtype()
    return finish(
        "scalar_tensor",
        allocate(device, lambda xp: xp.asarray(np.asarray(s).astype(kind.numpy))),
        None,
        requires_grad,
    )


# --- from sizes --------------------------------------------------------------------------------

_Fill = Callable[[ModuleType, Shape, Any], Array]


def _factory(name: str, fill: _Fill, summary: str) -> Callable[..., Tensor]:
    """Make `zeros`, `ones` or `empty`: they differ only in how the memory is filled."""

    def create(
        *size: Any, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
        pin_memory: bool = False, requires_grad: bool = False, memory_format: Any = None, **other: Any,
    ) -> Tensor:  # fmt: skip
        shape = _size_argument(name, size, other)
        kind = check_dtype(name, dtype)
        check_layout(name, layout)
        if kind is None:
            kind = dtypes.get_default_dtype() if out is None else out.dtype
        if out is not None and device is None:
            device = out.device
        numpy_dtype = kind.numpy

        def make(xp: ModuleType) -> Array:
            return _in_format(xp, fill, shape, numpy_dtype, memory_format)

        return finish(name, allocate(device, make), out, requires_grad)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"""{summary}

    Args:
        *size: the extents, one by one or as one sequence.
        out: a tensor to write the result into.
        dtype: dtype of the result; None: the default dtype.
        layout: `rushlight.strided`.
        device: where the result lives; None: the default device.
        pin_memory: accepted for compatibility.
        requires_grad: whether operations on the result are recorded.
        memory_format: order of the dimensions in memory.

    Raises:
        RuntimeError: an extent is negative.
        TypeError: an extent is not an integer.
    """
    return export(create)  # type: ignore[no-any-return]


def _size_argument(name: str, size: tuple[Any, ...], other: dict[str, Any]) -> Shape:
    if "size" in other and not size:
        size = (other.pop("size"),)
    if other:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(other))}'")
    if not size:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    shape = sizes(name, size)
    _check_sizes(shape)
    return shape


def _check_sizes(shape: Shape) -> None:
    for extent in shape:
        if extent < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {extent}: {list(shape)}"
            )


def _in_format(
    xp: ModuleType, fill: _Fill, shape: Shape, d: Any, form: memory_format | None
) -> Array:
    if form is None or form.rank is None:
        return fill(xp, shape, d)
    check_rank(form, len(shape))
    order = memory_order(form, len(shape))
    array = fill(xp, tuple([shape[i] for i in order]), d)
    return array.transpose(sorted(range(len(shape)), key=order.__getitem__))


empty = _factory(
    "empty", lambda xp, n, d: xp.empty(n, d), "Return a tensor of these sizes, uninitialised."
)
zeros = _factory("zeros", lambda xp, n, d: xp.zeros(n, d), "Return a tensor of zeros.")
ones = _factory("ones", lambda xp, n, d: xp.ones(n, d), "Return a tensor of ones.")


@export
def full(
    size: Any, fill_value: Any, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return a tensor filled with one number.

    Args:
        size: the extents, a sequence.
        fill_value: the number (a 0-d Tensor may stand for it).
        out: a tensor to write the result into.
        dtype: dtype of the result; None: the number's.
        layout: `rushlight.strided`.
        device: where the result lives.
        pin_memory: accepted for compatibility.
        requires_grad: whether operations on the result are recorded.

    Example:
        >>> rushlight.full((2, 2), 7)
        tensor([[7, 7],
                [7, 7]])
    """
    if hasattr(size, "__index__"):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    shape = sizes("full", (size,))
    _check_sizes(shape)
    value = _number("full", fill_value, 2)
    kind = check_dtype("full", dtype)
    if kind is None:
        kind = dtypes.of_scalar(value) if out is None else out.dtype
    check_layout("full", layout)
    value = np.asarray(number_for(value, kind)).astype(kind.numpy)
    return finish(
        "full", allocate(device, lambda xp: xp.full(shape, value, kind.numpy)), out, requires_grad
    )


def _number(name: str, value: Any, position: int) -> Any:
    if isinstance(value, Tensor):
        if value.array.ndim:
            raise TypeError(
                f"{name}(): argument 'fill_value' (position {position}) must be Number, not Tensor"
            )
        return value.item()
    if not isinstance(value, (bool, int, float, complex, np.number, np.bool_)):
        raise TypeError(
            f"{name}(): argument 'fill_value' (position {position}) must be Number, not {type(value).__name__}"
        )
    return value


def _like(name: str, fill: _Fill, summary: str) -> Callable[..., Tensor]:
    """Make `zeros_like`, `ones_like` or `empty_like`."""

    def create(
        input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
        requires_grad: bool = False, memory_format: Any = preserve_format,
    ) -> Tensor:  # fmt: skip
        return _made_like(name, input, fill, dtype, layout, device, requires_grad, memory_format)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"""{summary}

    Args:
        input: the tensor to take after.
        dtype: dtype of the result; None: that of `input`.
        layout: `rushlight.strided`.
        device: where the result lives; None: where `input` does.
        pin_memory: accepted for compatibility.
        requires_grad: whether operations on the result are recorded.
        memory_format: order in memory; the default takes that of `input`.
    """
    return export(create)  # type: ignore[no-any-return]


def _made_like(
    name: str, input: Tensor, fill: _Fill, dtype: Any, layout: Any, device: Any, requires_grad: bool,
    form: memory_format | None,
) -> Tensor:  # fmt: skip
    source = require_tensor(name, input).array
    check_layout(name, layout)
    kind = check_dtype(name, dtype)
    numpy_dtype = source.dtype if kind is None else kind.numpy

    def make(xp: ModuleType) -> Array:
        if form is None or form is preserve_format:
            order = _order_of(source)
            array = fill(xp, tuple([source.shape[i] for i in order]), numpy_dtype)
            return array.transpose(sorted(range(len(order)), key=order.__getitem__))
        return _in_format(xp, fill, source.shape, numpy_dtype, form)

    array = allocate(input.device if device is None else device, make)
    return finish(name, array, None, requires_grad)


def _order_of(x: Array) -> Shape:
    """Return the dimensions from the outermost to the innermost in memory."""
    if x.flags.c_contiguous or 0 in x.shape or 0 in x.strides:
        return tuple(range(x.ndim))
    return tuple(sorted(range(x.ndim), key=lambda i: (-x.strides[i], i)))


empty_like = _like(
    "empty_like",
    lambda xp, n, d: xp.empty(n, d),
    "Return an uninitialised tensor of another one's sizes.",
)
zeros_like = _like(
    "zeros_like", lambda xp, n, d: xp.zeros(n, d), "Return zeros of another tensor's sizes."
)
ones_like = _like(
    "ones_like", lambda xp, n, d: xp.ones(n, d), "Return ones of another tensor's sizes."
)


@export
def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False, memory_format: Any = preserve_format,
) -> Tensor:  # fmt: skip
    """Return a tensor of another one's sizes filled with one number.

    The dtype is that of `input` unless given, whatever the number.
    """
    value = _number("full_like", fill_value, 2)

    def fill(xp: ModuleType, shape: Shape, d: Any) -> Array:
        return xp.full(shape, np.asarray(number_for(value, dtypes.from_numpy(d))).astype(d), d)

    return _made_like("full_like", input, fill, dtype, layout, device, requires_grad, memory_format)


@export
def empty_strided(
    size: Any, stride: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Return an uninitialised tensor with these extents and strides (counted in elements)."""
    shape, steps = sizes("empty_strided", (size,)), sizes("empty_strided", (stride,))
    if len(shape) != len(steps):
        raise RuntimeError(
            f"dimensionality of sizes ({len(shape)}) must match dimensionality of strides ({len(steps)})"
        )
    kind = check_dtype("empty_strided", dtype) or dtypes.get_default_dtype()
    span = 0 if 0 in shape else 1 + sum((n - 1) * step for n, step in zip(shape, steps))

    def make(xp: ModuleType) -> Array:
        flat = xp.empty(span, kind.numpy)
        width = kind.itemsize
        return xp.lib.stride_tricks.as_strided(flat, shape, tuple([step * width for step in steps]))

    return finish("empty_strided", allocate(device, make), None, requires_grad)


# --- Tensor.new_... ----------------------------------------------------------------------------


def _options_like(x: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    if options.get("dtype") is None:
        options["dtype"] = x.dtype
    if options.get("device") is None:
        options["device"] = x.device
    return options


@method
def new_tensor(self: Tensor, data: Any, **options: Any) -> Tensor:
    """Copy data into a new tensor of this tensor's dtype and device, unless others are given."""
    return tensor(data, **_options_like(self, options))


@method
def new_empty(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Return an uninitialised tensor of this tensor's dtype and device, unless others are given."""
    return empty(*size, **_options_like(self, options))


@method
def new_zeros(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Return zeros of this tensor's dtype and device, unless others are given."""
    return zeros(*size, **_options_like(self, options))


@method
def new_ones(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Return ones of this tensor's dtype and device, unless others are given."""
    return ones(*size, **_options_like(self, options))


@method
def new_full(self: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    """Return a filled tensor of this tensor's dtype and device, unless others are given."""
    return full(size, fill_value, **_options_like(self, options))


@method
def new_empty_strided(self: Tensor, size: Any, stride: Any, **options: Any) -> Tensor:
    """Return an uninitialised tensor with these strides, of this tensor's dtype and device."""
    return empty_strided(size, stride, **_options_like(self, options))


@method
def new(self: Tensor, *data: Any, device: Any = None) -> Tensor:
    """Return a tensor of this tensor's dtype: `x.new(2, 3)` uninitialised, `x.new([1, 2])` with values."""
    options = _options_like(self, {"device": device})
    if (
        len(data) == 1
        and not hasattr(data[0], "__index__")
        and not isinstance(data[0], (tuple, np.ndarray))
    ):
        return tensor(data[0], **options)
    return empty(*data or (0,), **options)


# --- ranges ------------------------------------------------------------------------------------


@export
def arange(
    start: Any, end: Any = None, step: Any = 1, *, out: Tensor | None = None, dtype: Any = None,
    layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return start, start + step, ... up to but without end.

    `arange(end)` starts at 0. With integers only the result is int64, else of the default dtype.

    Raises:
        RuntimeError: the step is zero or leads away from the end.

    Example:
        >>> rushlight.arange(1, 2.5, 0.5)
        tensor([1.0000, 1.5000, 2.0000])
    """
    if end is None:
        start, end = 0, start
    start, end, step = [_bound(x) for x in (start, end, step)]
    kind = check_dtype("arange", dtype) or (None if out is None else out.dtype)
    check_layout("arange", layout)
    if kind is None:
        whole = all(isinstance(x, (int, np.integer)) for x in (start, end, step))
        kind = dtypes.int64 if whole else dtypes.get_default_dtype()
    count = _range_length(start, end, step, kind)
    # torch steps in double precision whatever the dtype, and rounds each element once.
    wide = np.int64 if kind is dtypes.int64 else np.complex128 if kind.is_complex else np.float64

    def make(xp: ModuleType) -> Array:
        values = xp.arange(count, dtype=wide)
        values *= wide(step)
        values += wide(start)
        return values.astype(kind.numpy, copy=False)

    return finish("arange", allocate(device, make), out, requires_grad)


def _bound(x: Any) -> Any:
    return x.item() if isinstance(x, (Tensor, np.generic)) else x


def _range_length(start: Any, end: Any, step: Any, kind: DType) -> int:
    if kind is dtypes.bool_:
        raise NotImplementedError("\"arange_cpu\" not implemented for 'Bool'")
    if any(isinstance(x, complex) for x in (start, end, step)):
        raise RuntimeError("value cannot be converted to type double without overflow")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if kind is dtypes.int64 and math.isfinite(start) and math.isfinite(end):
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if kind is dtypes.int64:
        return -((start - end) // step)
    return math.ceil((end - start) / step)


@export(name="range")
def range_(
    start: Any, end: Any = None, step: Any = 1, *, out: Tensor | None = None, dtype: Any = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return start, start + step, ... up to and including end. Deprecated: use `arange`."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces values in "
        "[start, end).",
        UserWarning,
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    kind = check_dtype("range", dtype) or dtypes.get_default_dtype()
    count = math.floor((_bound(end) - _bound(start)) / _bound(step)) + 1
    values = np.float64(_bound(start)) + np.arange(count) * np.float64(_bound(step))
    return finish(
        "range",
        allocate(device, lambda xp: xp.asarray(values.astype(kind.numpy))),
        out,
        requires_grad,
    )


@export
def linspace(
    start: Any, end: Any, steps: int, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return `steps` evenly spaced numbers from start to end, both included.

    Raises:
        RuntimeError: `steps` is negative.

    Example:
        >>> rushlight.linspace(0, 1, 5)
        tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    kind = _spacing_dtype("linspace", dtype, out, start, end)
    start, end = _ends("linspace", start, end)
    count = _step_count(steps)

    def make(xp: ModuleType) -> Array:
        return _spaced(xp, start, end, count, kind).astype(kind.numpy, copy=False)

    return finish("linspace", allocate(device, make), out, requires_grad)


@export
def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, out: Tensor | None = None, dtype: Any = None,
    layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return base ** x for `steps` evenly spaced exponents x from start to end.

    Raises:
        RuntimeError: `steps` is negative.

    Example:
        >>> rushlight.logspace(0, 2, 3)
        tensor([  1.,  10., 100.])
    """
    kind = _spacing_dtype("logspace", dtype, out, start, end)
    start, end = _ends("logspace", start, end)
    count = _step_count(steps)

    def make(xp: ModuleType) -> Array:
        exponents = _spaced(xp, start, end, count, kind)
        return xp.power(exponents.dtype.type(base), exponents).astype(kind.numpy, copy=False)

    return finish("logspace", allocate(device, make), out, requires_grad)


def _spacing_dtype(name: str, dtype: Any, out: Tensor | None, *ends: Any) -> DType:
    kind = check_dtype(name, dtype)
    if kind is not None:
        return kind
    if out is not None:
        return out.dtype
    default = dtypes.get_default_dtype()
    return default.to_complex() if any(isinstance(_bound(x), complex) for x in ends) else default


def _ends(name: str, start: Any, end: Any) -> tuple[Any, Any]:
    for argument, x in (("start", start), ("end", end)):
        if isinstance(x, Tensor) and x.array.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got {argument} with "
                f"{x.array.ndim} dimension(s)."
            )
    return _bound(start), _bound(end)


def _step_count(steps: Any) -> int:
    if not hasattr(steps, "__index__"):
        raise TypeError(f"linspace(): argument 'steps' must be int, not {type(steps).__name__}")
    count = int(steps)
    if count < 0:
        raise RuntimeError("number of steps must be non-negative")
    return count


def _spaced(xp: ModuleType, start: Any, end: Any, count: int, kind: DType) -> Array:
    """Space evenly; the two halves count from their own end, so that both ends are exact.

    The step is rounded to the dtype and each element once, as torch's fused arithmetic does.
    """
    narrow = np.dtype(np.float32) if kind.itemsize < 4 and kind.kind == 2 else kind.numpy
    given: Any = narrow.type if kind.kind > 1 else np.float64
    wide: Any = np.complex128 if kind.is_complex else np.float64
    if count < 2:
        return xp.full((count,), start, dtype=wide)
    if kind.kind == 1:
        start, end = int(start), int(end)
    first, last = given(start), given(end)
    step = wide((last - first) / given(count - 1))
    places = xp.arange(count, dtype=np.float64)
    lower = wide(first) + step * places
    upper = wide(last) - step * (count - 1 - places)
    return xp.where(places < count // 2, lower, upper)


# --- identity and triangles --------------------------------------------------------------------


@export
def eye(
    n: int, m: int | None = None, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return an (n, m) matrix with ones on the diagonal and zeros elsewhere (m = n if not given)."""
    m = n if m is None else m
    for name, extent in (("n", n), ("m", m)):
        if extent < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {extent}")
    kind = check_dtype("eye", dtype) or (dtypes.get_default_dtype() if out is None else out.dtype)
    array = allocate(device, lambda xp: xp.eye(n, m).astype(kind.numpy, copy=False))
    return finish("eye", array, out, requires_grad)


def _triangle(
    name: str, row: int, col: int, offset: int, dtype: Any, device: Any, lower: bool
) -> Tensor:
    kind = check_dtype(name, dtype) or dtypes.int64
    if row < 0 or col < 0:
        extent, which = (row, "row") if row < 0 else (col, "col")
        raise RuntimeError(f"{which} must be non-negative, got {extent}")

    def make(xp: ModuleType) -> Array:
        i, j = xp.arange(row)[:, None], xp.arange(col)[None, :]
        inside = j - i <= offset if lower else j - i >= offset
        return xp.stack(xp.nonzero(inside)).astype(kind.numpy)

    return finish(name, allocate(device, make), None, False)


@export
def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
) -> Tensor:
    """Return the (2, n) indices of the lower triangle of a (row, col) matrix.

    Example:
        >>> rushlight.tril_indices(2, 2)
        tensor([[0, 1, 1],
                [0, 0, 1]])
    """
    return _triangle("tril_indices", row, col, offset, dtype, device, lower=True)


@export
def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
) -> Tensor:
    """Return the (2, n) indices of the upper triangle of a (row, col) matrix."""
    return _triangle("triu_indices", row, col, offset, dtype, device, lower=False)
