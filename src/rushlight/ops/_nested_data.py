"""From nested Python data to one array: the dtype rules of `rushlight.tensor`."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array, Shape
from ..backend import dtype as dtypes
from ..backend.array import to_numpy
from ..backend.dtype import dtype

_PURE = {int: 1, float: 2, bool: 0, complex: 3}  # Python's numbers and the kind of dtype they make


def from_numpy_array(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a NumPy array as one that can be a Tensor's, without copying.

    Raises:
        TypeError: its dtype has no counterpart.
        ValueError: it has negative strides or foreign byte order.
    """
    if not array.dtype.isnative and array.dtype.kind in "biufc":
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion "
            "between byte orders is currently not supported."
        )
    if array.dtype.num not in dtypes._BY_NUM:
        raise TypeError(
            "can't convert np.ndarray of type "
            f"{array.dtype.type.__module__}.{array.dtype.type.__name__}. The only supported types "
            "are: float64, float32, float16, bfloat16, complex64, complex128, int64, int32, "
            "int16, int8, uint64, uint32, uint16, uint8, and bool."
        )
    for step in array.strides:
        if step < 0:
            raise ValueError(
                "At least one stride in the given numpy array is negative, and tensors with "
                "negative strides are not currently supported. (You can probably work around this "
                "by making a copy of your array  with array.copy().)"
            )
    return array if type(array) is np.ndarray else array.view(np.ndarray)


def array_from(data: Any, to: dtype | None) -> np.ndarray[Any, Any]:
    """Copy numbers, nested sequences of numbers or a NumPy array into a new NumPy array.

    Args:
        data: what to copy; Tensors of one element may stand for numbers.
        to: the dtype of the result; None infers it.

    Raises:
        ValueError: the nesting is ragged, or an integer exceeds 64 bits.
        TypeError: an element is no number.
        RuntimeError: the dtype cannot be inferred, or cannot hold a value.
    """
    if isinstance(data, (np.ndarray, np.generic)):
        array = from_numpy_array(np.asarray(data))
        return array.astype(array.dtype if to is None else to.numpy, order="C")
    numbers, shape = _flatten(data)
    if numbers and type(numbers[0]) is np.ndarray:
        return _stacked(numbers, shape, to)
    return _to_array(numbers, to).reshape(shape)


def _flatten(data: Any) -> tuple[list[Any], Shape]:
    """Return the numbers in nested sequences in order, and the nesting's shape."""
    level: list[Any] = [data]
    shape: Shape = ()
    while level and _is_sequence(level[0]):
        kinds = set(map(type, level))
        if kinds == {np.ndarray}:
            break
        if not all(map(_is_sequence, level)):
            raise TypeError("not a sequence")
        extents = set(map(len, level))
        if len(extents) > 1:
            expected = len(level[0])
            got = next(len(item) for item in level if len(item) != expected)
            raise ValueError(
                f"expected sequence of length {expected} at dim {len(shape)} (got {got})"
            )
        shape += (extents.pop(),)
        level = list(chain.from_iterable(level))
    return level, shape


def _is_sequence(item: Any) -> bool:
    kind = type(item)
    if kind is list or kind is tuple:
        return True
    if kind in _PURE or isinstance(item, (str, bytes, dict, set)):
        return False
    if isinstance(item, np.ndarray):
        return item.ndim > 0
    if isinstance(item, Tensor):
        return False
    return hasattr(item, "__len__") and hasattr(item, "__getitem__")


def _stacked(arrays: list[Any], shape: Shape, to: dtype | None) -> Array:
    extents = {array.shape for array in arrays}
    if len(extents) > 1:
        expected = arrays[0].shape
        other = next(array.shape for array in arrays if array.shape != expected)
        axis = next((i for i, (a, b) in enumerate(zip(expected, other, strict=False)) if a != b), 0)
        raise ValueError(
            f"expected sequence of length {expected[axis]} at dim {len(shape) + axis} (got "
            f"{other[axis]})"
        )
    stacked = from_numpy_array(np.stack(arrays).reshape(shape + arrays[0].shape))
    return stacked if to is None else stacked.astype(to.numpy, copy=False)


def _to_array(numbers: list[Any], to: dtype | None) -> Array:
    kinds = set(map(type, numbers))
    if not kinds <= _PURE.keys():
        inferred = _inferred(numbers) if to is None else to
        numbers = [_number(x) for x in numbers]
    elif to is None:
        kind = max([_PURE[k] for k in kinds], default=2)
        inferred = dtypes.default_of_kind(kind)
    else:
        inferred = to
    return _converted(numbers, inferred)


def _inferred(numbers: list[Any]) -> dtype:
    """Return the dtype that holds numbers among which are NumPy's or Tensors of one element."""
    found: dtype | None = None
    for x in numbers:
        this = _dtype_of(x)
        found = this if found is None else dtypes.promote_types(found, this)
    assert found is not None
    return found


def _dtype_of(x: Any) -> dtype:
    if isinstance(x, Tensor):
        return x.dtype
    if isinstance(x, (np.generic, np.ndarray)):
        return dtypes.from_numpy(x.dtype)
    if isinstance(x, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(x).__name__}'")
    if isinstance(x, (bool, int, float, complex)):
        return dtypes.of_scalar(x)
    if isinstance(x, (list, tuple)):
        raise TypeError(f"'{type(x).__name__}' object cannot be interpreted as an integer")
    if hasattr(x, "__index__"):
        return dtypes.int64
    if hasattr(x, "__float__"):
        return dtypes.get_default_dtype()
    raise RuntimeError(f"Could not infer dtype of {type(x).__name__}")


def _number(x: Any) -> Any:
    if isinstance(x, Tensor):
        if x.array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return x.item()
    if isinstance(x, (np.generic, np.ndarray)):
        return to_numpy(x).item() if isinstance(x, np.ndarray) else x.item()
    if isinstance(x, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(x).__name__}'")
    if isinstance(x, (bool, int, float, complex)):
        return x
    if isinstance(x, (list, tuple)):
        raise TypeError(f"'{type(x).__name__}' object cannot be interpreted as an integer")
    return x.__index__() if hasattr(x, "__index__") else float(x)


def _converted(numbers: list[Any], to: dtype) -> Array:
    target = to.numpy
    if to.kind == 1:
        return _as_integers(numbers, to)
    if to.kind == 0:
        return np.array([bool(x) for x in numbers], dtype=target)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            wide = np.array(numbers, dtype=np.complex128 if to.is_complex else np.float64)
            return wide.astype(target, copy=False)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long") from None
    except TypeError:
        raise TypeError("must be real number, not complex") from None


def _as_integers(numbers: list[Any], to: dtype) -> Array:
    """Convert to an integer dtype; torch lets one turn of the unsigned range pass (-1 is 255)."""
    if set(map(type, numbers)) <= {int, bool}:
        try:
            return np.array(numbers, dtype=to.numpy)
        except OverflowError:
            pass
    limits = dtypes.iinfo(to)
    try:
        whole = [int(x) for x in numbers]
    except (ValueError, OverflowError):
        whole = [limits.max + 1]
    except TypeError:
        raise TypeError("must be real number, not complex") from None
    if whole:
        low, high = min(whole), max(whole)
        if low < (limits.min if to.is_signed else -limits.max) or high > limits.max:
            if to is dtypes.int64:
                raise ValueError("Overflow when unpacking long long")
            raise RuntimeError(f"value cannot be converted to type {to._name} without overflow")
        if low < limits.min:
            whole = [x % (limits.max + 1) for x in whole]
    return np.array(whole, dtype=to.numpy)
