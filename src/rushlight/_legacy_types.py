"""The tensor types of older programs: `FloatTensor([1, 2])`, `isinstance(x, LongTensor)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._tensor import Size, Tensor, wrap
from .backend import cuda, dtype as dtypes
from .backend.device import set_default_device
from .backend.dtype import dtype
from .backend.storage import TypedStorage


class _TypeOfDtype(type):
    """Makes `isinstance` ask for the dtype, and a call make an ordinary Tensor."""

    dtype: dtype
    is_cuda = False

    def __instancecheck__(cls, value: object) -> bool:
        if not isinstance(value, Tensor) or not value._dense:
            return False
        return value.dtype is cls.dtype and (value.is_cuda if cls.is_cuda else value.is_cpu)

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        """Return an uninitialised tensor of the given sizes, or one of the given values."""
        if cls.is_cuda:
            _require_cuda(cls)
            return TYPES[cls.__name__](*data).to("cuda" if device is None else device)
        if len(data) == 1 and not isinstance(data[0], (int, Size)):
            source = data[0].array if isinstance(data[0], Tensor) else data[0]
            return wrap(np.array(source, dtype=cls.dtype.numpy))
        shape = data[0] if len(data) == 1 and isinstance(data[0], Size) else data or (0,)
        return wrap(np.empty(shape, dtype=cls.dtype.numpy))


def _require_cuda(cls: type) -> None:
    if not cuda.available():
        raise TypeError(
            f"type torch.cuda.{cls.__name__} not available. Torch not compiled with CUDA enabled."
        )


def _make(kind: dtype, module: str = "torch") -> Any:
    members = {
        "dtype": kind,
        "is_cuda": module == "torch.cuda",
        "__module__": module,
        "__doc__": f"Tensors of {kind}; `tensor(..., dtype=...)` is the way to make one.",
    }
    return _TypeOfDtype(f"{kind.type_name}Tensor", (), members)


TYPES = {
    f"{kind.type_name}Tensor": _make(kind)
    for kind in (
        dtypes.bool_, dtypes.uint8, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64,
        dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64,
    )
}  # fmt: skip
CUDA_TYPES = {name: _make(kind.dtype, "torch.cuda") for name, kind in TYPES.items()}


class _StorageOfDtype(_TypeOfDtype):
    """The same for storages."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, TypedStorage) and value.dtype is cls.dtype

    def __call__(cls, *content: Any, device: Any = None) -> Any:
        """Return an uninitialised storage of a size, or one of the given numbers."""
        return TypedStorage(*content, dtype=cls.dtype)


TYPES |= {
    f"{kind.type_name}Storage": _StorageOfDtype(
        f"{kind.type_name}Storage",
        (),
        {"dtype": kind, "__doc__": f"Storages of {kind}, of programs before PyTorch 2.0."},
    )
    for kind in (
        dtypes.bool_, dtypes.uint8, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64,
        dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64,
    )
}  # fmt: skip


def set_default_tensor_type(t: Any, /) -> None:
    """Set the default dtype by a tensor type or its name, such as `torch.DoubleTensor`.

    A type of `torch.cuda` makes the GPU the default device as well.

    Raises:
        TypeError: it is no floating point tensor type, or there is no GPU.
    """
    place, _, name = t.rpartition(".") if isinstance(t, str) else (t.__module__, "", t.__name__)
    if name not in TYPES:
        raise TypeError(f"invalid type object: {t!r}")
    if place == "torch.cuda":
        _require_cuda(CUDA_TYPES[name])
    dtypes.set_default_dtype(TYPES[name].dtype)
    set_default_device("cuda" if place == "torch.cuda" else None)
