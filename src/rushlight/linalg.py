"""rushlight.linalg: linear algebra, with the names of `torch.linalg`."""

from __future__ import annotations

from ._tensor import Tensor
from .ops._export import public_names as _public_names
from .ops._linalg import LinAlgError
from .ops.diagonal import diagonal as _diagonal
from .ops.linalg_cholesky import (
    cholesky,
    cholesky_ex,
)
from .ops.linalg_eigen import (
    eig,
    eigh,
    eigvals,
    eigvalsh,
    svd,
    svdvals,
)
from .ops.linalg_ldl import ldl_factor, ldl_factor_ex, ldl_solve
from .ops.linalg_lu import (
    lu,
    lu_factor,
    lu_factor_ex,
    lu_solve,
)
from .ops.linalg_norms import (
    cond,
    matrix_norm,
    norm,
    vector_norm,
)
from .ops.linalg_products import (
    cross,
    matrix_exp,
    matrix_power,
    multi_dot,
    tensorinv,
    tensorsolve,
    vander,
    vecdot,
)
from .ops.linalg_qr import (
    householder_product,
    qr,
)
from .ops.linalg_rank import (
    lstsq,
    matrix_rank,
    pinv,
)
from .ops.linalg_solve import (
    det,
    inv,
    inv_ex,
    slogdet,
    solve,
    solve_ex,
    solve_triangular,
)

matmul = _public_names()["matmul"]


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return a diagonal of matrices, see `rushlight.diagonal`."""
    return _diagonal(A, offset, dim1, dim2)


__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "ldl_factor",
    "ldl_factor_ex",
    "ldl_solve",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]
