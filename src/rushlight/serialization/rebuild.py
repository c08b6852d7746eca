"""Turn what a file says about a tensor (storage, offset, size, stride) into a Tensor.

Everything a file says is checked against the storage before an array is made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap, wrap_as
from ..backend.array import array_module, to_device
from ..backend.device import device
from ..backend.dtype import dtype
from ..backend.memory_format import layout, sparse_coo
from ..backend.storage import TypedStorage, UntypedStorage
from ..nn.parameter import Buffer, Parameter
from .limits import Budget

_MAX_DIMS = 64  # NumPy's limit

_UNSUPPORTED = {
    "_rebuild_qtensor": "quantized tensors",
    "_rebuild_nested_tensor": "nested tensors",
    "_rebuild_meta_tensor_no_storage": "tensors on the meta device",
    "_rebuild_wrapper_subclass": "wrapper subclasses of tensors",
}


def _is_shape(value: Any) -> bool:
    return type(value) in (tuple, list) and all(type(part) is int and part >= 0 for part in value)


def array_in_storage(storage: UntypedStorage, d: dtype, offset: Any, size: Any, stride: Any) -> Any:
    """Return the array that lies in a storage at this place.

    Raises:
        UnpicklingError: offset, size and stride are malformed or reach beyond the storage.
    """
    if type(offset) is not int or offset < 0 or not _is_shape(size) or not _is_shape(stride):
        raise UnpicklingError("tensor: offset, size and stride must be non-negative integers")
    if len(size) != len(stride) or len(size) > _MAX_DIMS:
        raise UnpicklingError(
            f"tensor: {len(size)} sizes and {len(stride)} strides do not go together"
        )
    # Python's integers do not overflow, however large the file's are.
    last = offset + sum((extent - 1) * step for extent, step in zip(size, stride, strict=True))
    needed = 0 if 0 in size else (last + 1) * d.itemsize
    if needed > storage.nbytes():
        raise UnpicklingError(
            f"tensor: size {tuple(size)}, stride {tuple(stride)} and offset {offset} of {d} need a "
            f"storage of {needed} bytes, but it has {storage.nbytes()}"
        )
    if 0 in size:
        return array_module(storage._bytes).empty(size, dtype=d.numpy)
    return storage.as_array(d, offset, tuple(size), tuple(stride))


class TensorBuilder:
    """PyTorch's rebuild functions, for one load.

    Args:
        place: gives the device for the device that the file names.
        budget: what may be copied.
    """

    def __init__(self, place: Callable[[str], device], budget: Budget):
        self._place = place
        self._budget = budget
        # Tensor subclasses that the user marked as safe; None allows every class.
        self.trusted: tuple[Any, ...] | None = ()
        # Work that has to wait until the storages are filled; None if they are from the start.
        self.late: list[Callable[[], None]] | None = None

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return the rebuild functions by the names they have in files."""
        own = (
            self._rebuild_tensor, self._rebuild_tensor_v2, self._rebuild_tensor_v3,
            self._rebuild_parameter, self._rebuild_parameter_with_state,
            self._rebuild_device_tensor_from_numpy, self._rebuild_device_tensor_from_cpu_tensor,
            self._rebuild_sparse_tensor,
        )  # fmt: skip
        found: dict[str, Callable[..., Any]] = {f"torch._utils.{f.__name__}": f for f in own}
        found["torch._utils._rebuild_xla_tensor"] = self._rebuild_device_tensor_from_numpy
        found["torch._tensor._rebuild_from_type_v2"] = self._rebuild_from_type_v2
        for name, what in _UNSUPPORTED.items():
            found[f"torch._utils.{name}"] = _refuse(what)
        self._functions = tuple(found.values())
        return found

    def classes(self) -> dict[str, type[Tensor]]:
        """Return the tensor classes that a file may name."""
        return {"torch.Tensor": Tensor, "torch.nn.parameter.Parameter": Parameter}

    def _rebuild_tensor(self, storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
        if not isinstance(storage, TypedStorage):
            raise UnpicklingError(f"tensor: expected a storage, got {type(storage)}")
        return wrap(array_in_storage(storage.untyped(), storage.dtype, offset, size, stride))

    def _rebuild_tensor_v2(
        self, storage: Any, offset: Any, size: Any, stride: Any,
        requires_grad: Any, backward_hooks: Any, metadata: Any = None,
    ) -> Tensor:  # fmt: skip
        tensor = self._rebuild_tensor(storage, offset, size, stride)
        return self._finish(tensor, requires_grad, metadata)

    def _rebuild_tensor_v3(
        self, storage: Any, offset: Any, size: Any, stride: Any,
        requires_grad: Any, backward_hooks: Any, d: Any, metadata: Any = None,
    ) -> Tensor:  # fmt: skip
        if not isinstance(storage, TypedStorage) or not isinstance(d, dtype):
            raise UnpicklingError("tensor: expected a storage and a dtype")
        array = array_in_storage(storage.untyped(), d, offset, size, stride)
        return self._finish(wrap(array), requires_grad, metadata)

    def _rebuild_parameter(self, data: Any, requires_grad: Any, backward_hooks: Any) -> Tensor:
        if not isinstance(data, Tensor):
            raise UnpicklingError(f"Parameter: expected a tensor, got {type(data)}")
        return Parameter(data, bool(requires_grad))

    def _rebuild_parameter_with_state(
        self, data: Any, requires_grad: Any, backward_hooks: Any, state: Any
    ) -> Tensor:
        return _set_state(self._rebuild_parameter(data, requires_grad, backward_hooks), state)

    def _rebuild_device_tensor_from_numpy(
        self, data: Any, d: Any, where: Any, requires_grad: Any
    ) -> Tensor:
        if not isinstance(data, np.ndarray):
            raise UnpicklingError(f"tensor: expected a NumPy array, got {type(data)}")
        return self._rebuild_device_tensor_from_cpu_tensor(wrap(data), d, where, requires_grad)

    def _rebuild_device_tensor_from_cpu_tensor(
        self, data: Any, d: Any, where: Any, requires_grad: Any
    ) -> Tensor:
        if not isinstance(data, Tensor) or not isinstance(d, dtype):
            raise UnpicklingError("tensor: expected a tensor and a dtype")
        self._budget.spend(data.array.size * d.itemsize)
        array = to_device(data.array.astype(d.numpy), self._place(str(where)))
        return self._finish(wrap(array), requires_grad, None)

    def _rebuild_sparse_tensor(self, form: Any, parts: Any) -> Tensor:
        from ..sparse import rebuild, validate

        if not isinstance(form, layout) or type(parts) is not tuple or not 3 <= len(parts) <= 4:
            raise UnpicklingError("sparse tensor: expected a layout and its parts")
        count = 2 if form is sparse_coo else 3
        if not all([isinstance(part, Tensor) for part in parts[:count]]):
            raise UnpicklingError("sparse tensor: expected indices and values that are tensors")
        if not _is_shape(tuple(parts[count])):
            raise UnpicklingError("sparse tensor: the size must be non-negative integers")
        tensor = rebuild(form, parts)

        def check() -> None:
            try:
                validate(tensor)
            except (RuntimeError, ValueError, IndexError) as error:
                raise UnpicklingError(f"sparse tensor: {error}") from None

        check() if self.late is None else self.late.append(check)
        return tensor

    def _rebuild_from_type_v2(self, function: Any, cls: Any, arguments: Any, state: Any) -> Tensor:
        if not any(function is known for known in self._functions) or type(arguments) is not tuple:
            raise UnpicklingError("_rebuild_from_type_v2: expected a rebuild function")
        allowed = self.trusted is None or any(cls is known for known in self.trusted)
        if cls not in (Tensor, Parameter) and not (allowed and issubclass(cls, Tensor)):
            raise UnpicklingError(f"_rebuild_from_type_v2: {cls} is not an allowed class")
        plain = function(*arguments)
        if cls is Tensor and type(state) is dict and state.pop("_is_buffer", False):
            cls = Buffer
        if type(plain) is not cls:
            tensor = wrap_as(cls, plain.array)
            tensor.requires_grad = plain.requires_grad
            plain = tensor
        return _set_state(plain, state)

    def _finish(self, tensor: Tensor, requires_grad: Any, metadata: Any) -> Tensor:
        if metadata:
            self._apply_metadata(tensor, metadata)
        if requires_grad:
            tensor.requires_grad = True
        return tensor

    def _apply_metadata(self, tensor: Tensor, metadata: Any) -> None:
        # PyTorch delays conjugation and negation and marks the tensor; here it is done at once.
        if type(metadata) is not dict or not set(metadata) <= {"conj", "neg"}:
            raise UnpicklingError(f"tensor: unknown metadata of type {type(metadata)}")
        # An expanded tensor can be larger than any memory.
        self._budget.spend(tensor.nbytes)
        source, result = tensor.array, tensor.array.copy()

        def apply() -> None:
            result[...] = source.conj() if metadata.get("conj") else source
            result[...] = -result if metadata.get("neg") else result

        apply() if self.late is None else self.late.append(apply)
        tensor.array = result


def _set_state(tensor: Tensor, state: Any) -> Tensor:
    """Set the attributes that the user gave the tensor; they may not hide the tensor's own."""
    parts = state if type(state) is tuple else (state,)
    for part in parts:
        for name, value in (part or {}).items():
            if type(name) is not str or hasattr(Tensor, name):
                raise UnpicklingError(f"tensor: an attribute may not hide {name!r}")
            tensor.__dict__[name] = value
    return tensor


def _refuse(what: str) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise UnpicklingError(f"The file holds {what}, which rushlight does not have")

    return refuse
