"""rushlight.sparse: tensors that store only some of their elements, with torch's names."""

from __future__ import annotations

from typing import Any

from .._tensor import install as _install
from ..overrides import install as _install_dispatchers
from . import _arithmetic, _convert, _in_place, _info, _products, _reduce, _shape
from ._create import (
    check_sparse_tensor_invariants,
    spdiags,
)
from ._create import (
    parts_for_file as parts_for_file,
)
from ._create import (
    rebuild as rebuild,
)
from ._create import (
    sparse_bsc_tensor as sparse_bsc_tensor,
)
from ._create import (
    sparse_bsr_tensor as sparse_bsr_tensor,
)
from ._create import (
    sparse_compressed_tensor as sparse_compressed_tensor,
)
from ._create import (
    sparse_coo_tensor as sparse_coo_tensor,
)
from ._create import (
    sparse_csc_tensor as sparse_csc_tensor,
)
from ._create import (
    sparse_csr_tensor as sparse_csr_tensor,
)
from ._create import (
    validate as validate,
)
from ._create import (
    zeros as zeros,
)
from ._gradients import (
    as_sparse_gradcheck,
)
from ._gradients import (
    embedding_gradient as embedding_gradient,
)
from ._gradients import (
    gather_gradient as gather_gradient,
)
from ._gradients import (
    through_values as through_values,
)
from ._info import COPIES as _COPIES
from ._legacy import TYPES as _TYPES
from ._products import hspmm as hspmm
from ._products import sampled_addmm
from ._products import smm as smm
from ._products import sparse_addmm as addmm
from ._products import sparse_mm as mm
from ._products import spmm as spmm
from ._products import sspaddmm as sspaddmm
from ._reduce import log_softmax, softmax
from ._reduce import sparse_sum as sum
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
