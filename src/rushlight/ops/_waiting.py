"""Methods of Tensor whose families load when one of them is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .._tensor import Tensor

_METHODS = {
    "elements": (
        "apply_", "const_data_ptr", "dim_order", "eig", "fill_diagonal_", "hardshrink",
        "hash_tensor", "is_distributed", "is_ipu", "polygamma_",
        "is_maia", "is_mps", "is_mtia", "is_vulkan", "is_xla", "is_xpu", "lstsq", "map2_", "map_",
        "module_load", "name", "nonzero_static", "record_stream", "resize", "resize_as", "solve",
        "symeig", "volatile",
    ),
    "linalg_cholesky": ("cholesky", "cholesky_inverse", "cholesky_solve"),
    "linalg_distances": ("corrcoef", "cov", "dist", "renorm", "renorm_"),
    "linalg_eigen": ("svd",),
    "linalg_lu": ("lu", "lu_solve"),
    "linalg_products": ("cross", "matrix_exp", "matrix_power"),
    "linalg_qr": ("geqrf", "orgqr", "ormqr", "qr"),
    "linalg_rank": ("pinverse",),
    "linalg_solve": ("det", "inverse", "logdet", "slogdet", "triangular_solve"),
    "lower_level": ("narrow_copy", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes"),
    "short_time_fourier": ("istft", "stft"),
    ".sparse": (
        "_indices", "_nnz", "_values", "ccol_indices", "coalesce", "col_indices", "crow_indices",
        "dense_dim", "indices", "is_coalesced", "row_indices", "smm", "sparse_dim", "sparse_mask",
        "sparse_resize_", "sparse_resize_and_clear_", "sspaddmm", "to_dense", "to_sparse",
        "to_sparse_bsc", "to_sparse_bsr", "to_sparse_coo", "to_sparse_csc", "to_sparse_csr",
        "values",
    ),
}  # fmt: skip


class Waiting:
    """Stands in for a method: loading its family puts the method itself in this place."""

    __slots__ = ("module", "name")

    def __init__(self, name: str, module: str):
        self.name, self.module = name, module

    def __get__(self, tensor: Tensor | None, owner: type[Tensor]) -> Any:
        import_module(f".{self.module}", __package__)
        return getattr(owner if tensor is None else tensor, self.name)


def sparse_package() -> Any:
    """Return `rushlight.sparse`, which loads with the first sparse tensor."""
    return import_module("..sparse", __package__)


for _module, _names in _METHODS.items():
    for _name in _names:
        setattr(Tensor, _name, Waiting(_name, _module))
