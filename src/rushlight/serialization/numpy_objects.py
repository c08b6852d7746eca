"""NumPy's arrays, scalars and dtypes inside a file: numbers and strings only, sizes checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

import numpy as np

_KINDS = "biufcSU"  # numbers and text; never objects, records or user-defined types
_BYTE_ORDERS = ("<", ">", "=", "|")
_MAX_TEXT = 1 << 16


def _dtype(code: Any, align: Any = False, copy: Any = True) -> np.dtype[Any]:
    if type(code) is not str or code[:1] not in _KINDS or not code[1:].isdigit() or len(code) > 6:
        raise UnpicklingError(f"numpy.dtype({code!r}) is not allowed")
    if int(code[1:]) > _MAX_TEXT:
        raise UnpicklingError(f"numpy.dtype({code!r}) is too large")
    return np.dtype(code, copy=True)


def _empty_array(cls: Any, shape: Any = (0,), code: Any = b"b") -> np.ndarray[Any, Any]:
    # NumPy's pickles name ndarray and an empty shape here; the contents come with BUILD.
    if cls is not np.ndarray or shape != (0,):
        raise UnpicklingError(f"numpy _reconstruct of {cls} with shape {shape} is not allowed")
    return np.empty((0,), dtype=np.int8)


def _scalar(kind: Any, raw: Any = None) -> Any:
    if not _is_plain(kind) or not isinstance(raw, (bytes, bytearray)) or len(raw) != kind.itemsize:
        raise UnpicklingError(f"numpy scalar: expected a plain dtype and its bytes, got {kind}")
    return np.frombuffer(bytes(raw), dtype=kind)[0]


def _from_buffer(raw: Any, kind: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
    if order not in ("C", "F"):
        raise UnpicklingError(f"numpy _frombuffer: order {order!r} is not allowed")
    array: np.ndarray[Any, Any] = _filled(raw, kind, shape, order).copy(order=order)
    return array


def _is_plain(kind: Any) -> bool:
    return isinstance(kind, np.dtype) and kind.kind in _KINDS and kind.names is None


def _filled(raw: Any, kind: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
    """Return the array that these bytes are.

    Raises:
        UnpicklingError: the number of bytes is not what the shape and dtype need.
    """
    if (
        not _is_plain(kind)
        or not isinstance(raw, (bytes, bytearray))
        or type(shape) is not tuple
        or not all(type(extent) is int and extent >= 0 for extent in shape)
        or len(raw) != math.prod(shape) * kind.itemsize
    ):
        raise UnpicklingError("numpy array: its shape, dtype and bytes do not fit together")
    array: np.ndarray[Any, Any] = np.frombuffer(bytes(raw), dtype=kind)
    return array.reshape(shape, order=order)


def set_state(instance: Any, state: Any) -> bool:
    """Fill an array or set a dtype's byte order; False if `instance` is neither."""
    if type(instance) is np.ndarray:
        version, shape, kind, fortran, raw = state
        if version != 1 or type(fortran) is not bool or instance.size:
            raise UnpicklingError("numpy array: its state has an unknown version or comes twice")
        if isinstance(raw, str):  # Python 2 wrote bytes as text
            raw = raw.encode("latin1")
        _filled(raw, kind, shape, "C")
        instance.__setstate__((1, shape, kind, fortran, bytes(raw)))  # type: ignore[arg-type]
        return True
    if isinstance(instance, np.dtype):
        if (
            len(state) < 8
            or state[1] not in _BYTE_ORDERS
            or any(part is not None for part in state[2:5])
        ):
            raise UnpicklingError("numpy dtype: only plain dtypes are allowed")
        order = instance.newbyteorder(state[1])
        # The dtype was made for this pickle alone (copy=True), so it may be changed.
        instance.__setstate__(  # type: ignore[attr-defined]
            (3, state[1], None, None, None, *_sizes(order), 0)
        )
        return True
    return False


def _sizes(kind: np.dtype[Any]) -> tuple[int, int]:
    return (kind.itemsize, kind.alignment) if kind.kind in "SU" else (-1, -1)


CALLS: dict[str, tuple[Any, Callable[..., Any] | None]] = {
    "numpy.dtype": (np.dtype, _dtype),
    "numpy.ndarray": (np.ndarray, None),
}
for _package in ("numpy.core", "numpy._core"):
    CALLS[f"{_package}.multiarray._reconstruct"] = (_empty_array, _empty_array)
    CALLS[f"{_package}.multiarray.scalar"] = (_scalar, _scalar)
    CALLS[f"{_package}.numeric._frombuffer"] = (_from_buffer, _from_buffer)
