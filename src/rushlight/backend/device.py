"""Devices: where a tensor's array lives."""

from __future__ import annotations

import threading
from typing import Any

_TYPES = ("cpu", "cuda", "meta", "mps", "xla", "xpu")


class device:
    """A place that holds tensors: `device("cpu")`, `device("cuda:1")`, `device("cuda", 1)`.

    Used as a context manager it is the default device of tensors created inside.

    Example:
        >>> rushlight.device("cuda:1").index
        1
    """

    __slots__ = ("_outer", "index", "type")

    type: str
    index: int | None

    def __init__(self, type: str | int | device, index: int | None = None):
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        if isinstance(type, int):
            index, type = type, "cuda"
        if not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' must be str, int or device, not {type!r}")
        kind, colon, number = type.partition(":")
        if kind not in _TYPES:
            raise RuntimeError(
                f"Expected one of {', '.join(_TYPES)} device type at start of device string: {type}"
            )
        if colon:
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed: {type}"
                )
            if not number.isdigit() or (len(number) > 1 and number[0] == "0"):
                raise RuntimeError(f"Invalid device string: '{type}'")
            index = int(number)
        if index is not None and index < 0:
            raise RuntimeError(f"Device index must not be negative, got {index}")
        self.type, self.index = kind, index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        suffix = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{suffix})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (device, (str(self),))

    def __enter__(self) -> device:
        _defaults.stack.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _defaults.stack.pop()


class _Defaults(threading.local):
    def __init__(self) -> None:
        self.stack: list[device] = [CPU]


CPU = device("cpu")
META = device("meta")
_defaults = _Defaults()


def get_default_device() -> device:
    """Return the device that tensors are created on when none is given."""
    return _defaults.stack[-1]


def set_default_device(where: device | str | None) -> None:
    """Set the device that tensors are created on when none is given (None: the CPU)."""
    _defaults.stack[-1] = CPU if where is None else device(where)


def as_device(value: Any) -> device:
    """Turn a device, string, index or None (the default device) into a device."""
    if value is None:
        return _defaults.stack[-1]
    return value if isinstance(value, device) else device(value)
