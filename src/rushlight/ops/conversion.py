"""Tensor.to, Tensor.float() and their kin; copies and memory formats."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

from .._tensor import Tensor, method
from ..backend import dtype as dtypes
from ..backend.device import as_device, device
from ..backend.dtype import dtype
from ..backend.memory_format import (
    check_rank,
    contiguous_format,
    is_contiguous as lies_contiguous,
    memory_format,
    preserve_format,
)
from ._arguments import check_dtype
from ._export import export
from .casts import cast, convert, copy_in

_TO_ORDER = ("device", "dtype", "non_blocking", "copy")


@method
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Return the tensor in a dtype, on a device or like another tensor; itself if it is so already.

    `to(dtype)`, `to(device)`, `to(device, dtype)` and `to(other)`, each also with the keywords
    `non_blocking`, `copy` (make a new tensor in any case) and `memory_format`.

    Raises:
        TypeError: the arguments fit none of these forms.

    Example:
        >>> rushlight.ones(2).to(rushlight.int32)
        tensor([1, 1], dtype=torch.int32)
    """
    if len(args) == 1 and not kwargs and isinstance(args[0], dtype):
        return _cast_by_user(self, args[0])
    given = read_to(args, kwargs)
    where, kind = given.get("device"), check_dtype("to", given.get("dtype"))
    source = self if kind is None else _discard_imaginary(self, kind)
    result = convert(
        source,
        kind,
        None if where is None else as_device(where),
        copy=bool(given.get("copy")) and source is self,
        form=given.get("memory_format"),
    )
    return result


def read_to(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Bring the forms of `to` to one: device, dtype, non_blocking, copy, memory_format."""
    kwargs = dict(kwargs)
    other = kwargs.pop("other", None)
    if args and isinstance(args[0], Tensor):
        other, args = args[0], args[1:]
        names: tuple[str, ...] = _TO_ORDER[2:]
    elif args and (isinstance(args[0], dtype) or args[0] in (float, int, bool, complex)):
        names = _TO_ORDER[1:]
    else:
        names = _TO_ORDER
    if other is not None:
        kwargs.update(device=other.device, dtype=other.dtype)
    unknown = kwargs.keys() - {*_TO_ORDER, "memory_format"}
    if len(args) > len(names) or unknown:
        raise TypeError(
            "to() received an invalid combination of arguments: expected (dtype), (device, dtype) "
            "or (other), with non_blocking, copy and memory_format"
        )
    return kwargs | dict(zip(names, args, strict=False))


def _discard_imaginary(x: Tensor, kind: dtype) -> Tensor:
    if x.dtype.is_complex and 0 < kind.kind < 3:
        warnings.warn(
            "Casting complex values to real discards the imaginary part", UserWarning, stacklevel=4
        )
    return x


def _cast_by_user(x: Tensor, kind: dtype) -> Tensor:
    if x.array.dtype.kind == "c":
        _discard_imaginary(x, kind)
    return cast(x, kind)


def _caster(name: str, kind: dtype) -> Callable[..., Tensor]:
    def to_kind(self: Tensor, memory_format: memory_format = preserve_format) -> Tensor:
        result = _cast_by_user(self, kind)
        return (
            result
            if memory_format is preserve_format
            else convert(result, None, None, form=memory_format)
        )

    to_kind.__name__ = to_kind.__qualname__ = name
    to_kind.__doc__ = f"Return the tensor in the dtype {kind}; itself if it has it already."
    return method(to_kind)


_CASTERS = {
    "float": dtypes.float32,
    "double": dtypes.float64,
    "half": dtypes.float16,
    "bfloat16": dtypes.bfloat16,
    "int": dtypes.int32,
    "long": dtypes.int64,
    "short": dtypes.int16,
    "char": dtypes.int8,
    "byte": dtypes.uint8,
    "bool": dtypes.bool_,
    "cfloat": dtypes.complex64,
    "cdouble": dtypes.complex128,
}
for _name, _kind in _CASTERS.items():
    _caster(_name, _kind)


@method
def __array_namespace__(self: Tensor, *, api_version: str | None = None) -> Any:
    """Return the functions for this tensor under the names of the Python array API standard.

    Raises:
        ValueError: `api_version` is none of "2021.12" to "2024.12".
    """
    versions = ("2021.12", "2022.12", "2023.12", "2024.12")
    if api_version is not None and api_version not in versions:
        raise ValueError(f"array API version {api_version!r} is not one of {', '.join(versions)}")
    return importlib.import_module("rushlight.array_api")


@method
def cpu(self: Tensor, memory_format: memory_format = preserve_format) -> Tensor:
    """Return the tensor in main memory; itself if it is there already."""
    return convert(self, None, device("cpu"), form=memory_format)


@method
def cuda(
    self: Tensor,
    device: Any = None,
    non_blocking: bool = False,
    memory_format: memory_format = preserve_format,
) -> Tensor:
    """Return the tensor on a CUDA device (the current one if none is given)."""
    return convert(self, None, as_device("cuda" if device is None else device), form=memory_format)


@method
def type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """Return the tensor's type name (`torch.FloatTensor`), or the tensor in another dtype.

    Args:
        self: the tensor.
        dtype: a dtype, or a type name such as "torch.LongTensor"; None asks for the name.
        non_blocking: accepted for compatibility.
    """
    if dtype is None:
        place = "" if self.is_cpu else f"{self.device.type}."
        return f"torch.{place}{self.dtype.type_name}Tensor"
    if isinstance(dtype, str):
        return _as_named_type(self, dtype)
    kind = dtype if isinstance(dtype, dtypes.dtype) else getattr(dtype, "dtype", dtype)
    if getattr(dtype, "is_cuda", False):
        return convert(self, kind, device("cuda"))
    return _cast_by_user(self, check_dtype("type", kind))  # type: ignore[arg-type]


def _as_named_type(x: Tensor, name: str) -> Tensor:
    parts = name.split(".")
    kinds = {d.type_name + "Tensor": d for d in dtypes.ALL}
    if (
        parts[0] not in ("torch", "rushlight")
        or parts[-1] not in kinds
        or parts[1:-1] not in ([], ["cuda"])
    ):
        raise ValueError(f"invalid type: '{name}'")
    where = device("cuda" if len(parts) == 3 else "cpu")
    return convert(x, kinds[parts[-1]], where)


@method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the tensor in the dtype and on the device of another."""
    return convert(self, other.dtype, other.device)


@export(method=True)
def clone(input: Tensor, *, memory_format: memory_format | None = preserve_format) -> Tensor:
    """Return a copy that stays in the graph.

    Args:
        input: the tensor.
        memory_format: order of the copy in memory; the default keeps that of `input`.

    Example:
        >>> x = rushlight.ones(2, requires_grad=True)
        >>> x.clone()
        tensor([1., 1.], grad_fn=<CloneBackward0>)
    """
    return copy_in(input, memory_format)


@method
def contiguous(self: Tensor, memory_format: memory_format = contiguous_format) -> Tensor:
    """Return the tensor with its elements in order in memory; itself if they are so already."""
    array = self.array
    if memory_format is contiguous_format and array.flags.c_contiguous:
        return self
    if memory_format is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    check_rank(memory_format, array.ndim)
    return self if lies_contiguous(array, memory_format) else copy_in(self, memory_format)


@method
def is_contiguous(self: Tensor, memory_format: memory_format = contiguous_format) -> bool:
    """Tell whether the elements lie in order in memory."""
    return lies_contiguous(self.array, memory_format)


@method
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """Return the tensor itself: rushlight's transfers need no page-locked memory."""
    return self


@method
def is_pinned(self: Tensor, device: Any = None) -> bool:
    """Tell whether the memory is page-locked: never."""
    return False
