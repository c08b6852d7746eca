"""The types of older programs: `torch.sparse.FloatTensor(indices, values, size)`."""

from __future__ import annotations

from typing import Any

from .._legacy_types import TYPES as _DENSE_TYPES
from .._tensor import Tensor
from ..backend.dtype import dtype
from ._create import sparse_coo_tensor
from ._tensor import SparseTensor


class _SparseType(type):
    """Makes `isinstance` ask for the dtype, and a call make coordinates and values."""

    dtype: dtype

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, SparseTensor) and value.is_sparse and value.dtype is cls.dtype

    def __call__(cls, *parts: Any) -> Tensor:
        """Return a tensor of given indices, values and size, or zeros of a size."""
        if not parts or isinstance(parts[0], int):
            parts = (tuple(parts) or (0,),)
        return sparse_coo_tensor(*parts, dtype=cls.dtype)


def _make(name: str, kind: dtype) -> Any:
    about = f"Sparse tensors of {kind}; `sparse_coo_tensor` is the way to make one."
    return _SparseType(name, (), {"dtype": kind, "__doc__": about})


TYPES = {
    name: _make(name, dense.dtype)
    for name, dense in _DENSE_TYPES.items()
    if name.endswith("Tensor")
}
