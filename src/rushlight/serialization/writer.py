"""Pickle objects under the names that PyTorch gives them, with the storages taken out.

A tensor is pickled as a call of PyTorch's rebuild function on a storage, its offset, size and
stride. The storage itself is replaced by a reference; its bytes are written apart, once, however
many views of it there are.
"""

from __future__ import annotations

import pickle
import warnings
from collections import OrderedDict
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from .._tensor import Size, Tensor
from .._torch_names import torch_name
from ..backend.device import device
from ..backend.dtype import dtype
from ..backend.memory_format import layout, memory_format
from ..backend.storage import Layout, TypedStorage, UntypedStorage, layout_of
from ..nn.parameter import Buffer, Parameter, is_lazy
from .locations import location_tag
from .storage_types import BY_DTYPE, UNTYPED, StorageType

# Turns the parts of a reference (type, key, location, length) into what the pickle holds.
MakeReference = Callable[..., tuple[Any, ...]]


class _Global(NamedTuple):
    """A function of PyTorch that is called when the file is loaded."""

    module: str
    name: str

    def __call__(self) -> None:
        """Never called: pickle insists that what a file calls is callable."""


_V2 = _Global("torch._utils", "_rebuild_tensor_v2")
_V3 = _Global("torch._utils", "_rebuild_tensor_v3")
_PARAMETER = _Global("torch._utils", "_rebuild_parameter")
_PARAMETER_WITH_STATE = _Global("torch._utils", "_rebuild_parameter_with_state")
_LAYOUT = _Global("torch.serialization", "_get_layout")
_SPARSE = _Global("torch._utils", "_rebuild_sparse_tensor")
_FROM_TYPE = _Global("torch._tensor", "_rebuild_from_type_v2")

# First words of the modules of our classes; torch's in a program that knows rushlight as torch.
_ROOTS = ("rushlight", "torch", "torchvision")
_PLAIN = frozenset({str, int, float, bool, type(None), dict, list, tuple, bytes, OrderedDict})


class StorageTable:
    """The storages that a pickle refers to, each with the key of its bytes."""

    def __init__(self, make_reference: MakeReference):
        self._make_reference = make_reference
        self.storages: dict[str, UntypedStorage] = {}
        self.element_sizes: dict[str, int] = {}
        self._keys: dict[UntypedStorage, str] = {}
        self._types: dict[str, StorageType] = {}

    def refer(self, storage: UntypedStorage, kind: StorageType) -> tuple[Any, ...]:
        """Return the reference to a storage that is read as elements of one type.

        Raises:
            RuntimeError: the storage was referred to with another type before.
        """
        key = self._keys.setdefault(storage, str(len(self._keys)))
        if self._types.setdefault(key, kind) is not kind and storage.nbytes():
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                "types"
            )
        self.storages[key] = storage
        self.element_sizes[key] = kind.dtype.itemsize
        count = storage.nbytes() // kind.dtype.itemsize
        return self._make_reference("storage", kind, key, location_tag(storage), count)


def make_pickler(pickle_module: Any, file: Any, protocol: int, table: StorageTable) -> Any:
    """Return a pickler of `pickle_module` that writes PyTorch's names and takes storages out."""
    # The C pickler cannot be told to write another name for a class; the Python one can.
    base = pickle._Pickler if pickle_module is pickle else pickle_module.Pickler

    class Pickler(base):  # type: ignore[misc, valid-type]
        def persistent_id(self, obj: Any) -> Any:
            if type(obj) is TypedStorage:
                return table.refer(obj.untyped(), BY_DTYPE.get(obj.dtype, UNTYPED))
            if type(obj) is UntypedStorage:
                return table.refer(obj, UNTYPED)
            return None

        def reducer_override(self, obj: Any) -> Any:
            return NotImplemented if type(obj) in _PLAIN else _reduce(obj)

        def save_global(self, obj: Any, name: str | None = None) -> None:
            found = _torch_global(obj)
            if found is None:
                super().save_global(obj, name)
            else:
                self._write_global(obj, *found)

        def _write_global(self, obj: Any, module: str, name: str) -> None:
            if self.proto >= 4:
                self.save(module)
                self.save(name)
                self.write(pickle.STACK_GLOBAL)
            else:
                self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
            self.memoize(obj)

    return Pickler(file, protocol=protocol)


def _torch_global(obj: Any) -> tuple[str, str] | None:
    """Return the module and name under which PyTorch knows an object; None if it does not."""
    if isinstance(obj, (_Global, StorageType)):
        return obj.module, obj.name
    if isinstance(obj, (dtype, memory_format)):
        return "torch", repr(obj).removeprefix("torch.")
    module, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", "")
    if not isinstance(module, str) or module.partition(".")[0] not in _ROOTS:
        return None
    found = torch_name(module, name)
    return None if found[0] == module else found


def _reduce(obj: Any) -> Any:
    """Return how to pickle what PyTorch pickles in its own way; NotImplemented for the rest."""
    if isinstance(obj, Tensor):
        return _reduce_tensor(obj)
    if isinstance(obj, (_Global, StorageType, dtype, memory_format)):
        return repr(obj)  # a text means "a global": save_global finds the name
    if isinstance(obj, (type, FunctionType, BuiltinFunctionType)):
        return NotImplemented if _torch_global(obj) is None else obj.__qualname__
    if type(obj) is Size:
        return Size, (tuple(obj),)
    if type(obj) is device:
        return device, (obj.type,) if obj.index is None else (obj.type, obj.index)
    if isinstance(obj, layout):
        return _LAYOUT, (repr(obj),)
    return NotImplemented


def _reduce_tensor(tensor: Tensor) -> tuple[Any, ...]:
    hooks = tensor._hooks
    for hook in hooks.before.values() if hooks else ():
        warnings.warn(f"backward hook {hook!r} on tensor will not be serialized", stacklevel=2)
    if is_lazy(tensor):
        return type(tensor), (tensor._requires_grad,)
    if type(tensor) is Parameter:
        data: tuple[Any, ...] = (tensor.data, tensor.requires_grad, OrderedDict())
        state = _state(tensor)
        return (_PARAMETER_WITH_STATE, (*data, state)) if state else (_PARAMETER, data)
    if not tensor._dense:
        from ..sparse import parts_for_file

        return _SPARSE, parts_for_file(tensor)
    function, arguments = _plain_tensor(tensor)
    state = _state(tensor)
    if type(tensor) is Buffer:  # in PyTorch, a plain tensor with a mark
        return _FROM_TYPE, (function, Tensor, arguments, {**(state or {}), "_is_buffer": True})
    if type(tensor) is Tensor and not state:
        return function, arguments
    return _FROM_TYPE, (function, type(tensor), arguments, state)


def _state(tensor: Tensor) -> dict[str, Any] | None:
    return tensor.__dict__ or None


def _plain_tensor(tensor: Tensor) -> tuple[_Global, tuple[Any, ...]]:
    layout = layout_of(tensor.array) or layout_of(tensor.array.copy())
    assert isinstance(layout, Layout)
    storage, offset, size, stride = layout
    typed = tensor.dtype in BY_DTYPE
    arguments: tuple[Any, ...] = (
        TypedStorage(wrap_storage=storage, dtype=tensor.dtype) if typed else storage,
        offset, size, stride, tensor.requires_grad, OrderedDict(),
    )  # fmt: skip
    return (_V2, arguments) if typed else (_V3, (*arguments, tensor.dtype))


def bytes_of(storage: UntypedStorage) -> memoryview:
    """Return the contents of a storage, without a copy if it is in main memory."""
    return np.ascontiguousarray(storage.cpu()._bytes).data
