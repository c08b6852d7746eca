"""rushlight.sparse: tensors that store only some of their elements, with torch's names."""

from __future__ import annotations

from typing import Any

from .._tensor import install as _install
from ..overrides import install as _install_dispatchers
from . import _arithmetic, _convert, _in_place, _info, _products, _reduce, _shape
from ._create import (
    check_sparse_tensor_invariants,
    parts_for_file as parts_for_file,
    rebuild as rebuild,
    sparse_bsc_tensor as sparse_bsc_tensor,
    sparse_bsr_tensor as sparse_bsr_tensor,
    sparse_compressed_tensor as sparse_compressed_tensor,
    sparse_coo_tensor as sparse_coo_tensor,
    sparse_csc_tensor as sparse_csc_tensor,
    sparse_csr_tensor as sparse_csr_tensor,
    spdiags,
    validate as validate,
    zeros as zeros,
)
from ._gradients import (
    as_sparse_gradcheck,
    embedding_gradient as embedding_gradient,
    gather_gradient as gather_gradient,
    through_values as through_values,
)
from ._info import COPIES as _COPIES
from ._legacy import TYPES as _TYPES
from ._products import (
    hspmm as hspmm,
    sampled_addmm,
    smm as smm,
    sparse_addmm as addmm,
    sparse_mm as mm,
    spmm as spmm,
    sspaddmm as sspaddmm,
)
from ._reduce import log_softmax, softmax, sparse_sum as sum
from ._rules import RULES, install_methods
from ._tensor import SparseTensor

__all__ = [
    "addmm",
    "as_sparse_gradcheck",
    "check_sparse_tensor_invariants",
    "log_softmax",
    "mm",
    "sampled_addmm",
    "softmax",
    "spdiags",
    "sum",
]

# What dense tensors have too: the way here, and questions that they answer with an error.
_OF_DENSE_TENSORS = (
    "_indices", "_nnz", "_values", "ccol_indices", "coalesce", "col_indices", "crow_indices",
    "dense_dim", "indices", "is_coalesced", "row_indices", "smm", "sparse_dim", "sparse_mask",
    "sparse_resize_", "sparse_resize_and_clear_", "sspaddmm", "to_dense", "to_sparse",
    "to_sparse_bsc", "to_sparse_bsr", "to_sparse_coo", "to_sparse_csc", "to_sparse_csr",
    "values",
)  # fmt: skip

dsmm = spmm
_with_rules = (_arithmetic, _convert, _in_place, _info, _products, _reduce, _shape)

install_methods(SparseTensor)
_install(**{name: RULES[name] for name in _OF_DENSE_TENSORS})
_install_dispatchers()


def __getattr__(name: str) -> Any:
    if name in _TYPES or name in _COPIES:
        return _TYPES.get(name) or _COPIES[name]
    raise AttributeError(
        f"module 'torch.sparse' has no attribute '{name}' (not in rushlight; see "
        "docs/compatibility.md)"
    )
