"""What a tolerance for small singular values decides: rank, pseudo-inverse, least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend.array import array_module
from . import _linalg
from ._autocast import autocast
from ._export import export
from ._facade import facade
from ._linalg import as_matrix, as_square, same_dtype
from ._return_types import return_type
from .complex import Abs
from .linalg_eigen import SVD, EigenvaluesOnly, SingularValues, _not_converged
from .linalg_solve import is_vector_right_side
from .sampling import randn
from .shape import common_shape

_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


class PseudoInverse(Op):
    """P = A^+.

    dL/dA = -P^H g P^H + (1 - A P) g^H P P^H + P^H P g^H (1 - P A), where the rank is constant.
    """

    label = "LinalgPinv"

    def forward(ctx, a: Array, *, atol: Any, rtol: Any, hermitian: bool) -> Array:
        xp = array_module(a)
        try:
            u, s, vh = xp.linalg.svd(a, full_matrices=False, hermitian=hermitian)
        except np.linalg.LinAlgError:
            raise _not_converged("linalg.pinv", a) from None
        kept = s > _cutoff(s, atol, rtol)
        scale = xp.where(kept, 1 / xp.where(kept, s, s.dtype.type(1)), s.dtype.type(0))
        y = (_linalg.adjoint(vh) * scale[..., None, :]) @ _linalg.adjoint(u)
        ctx.save(a, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        a, p = ctx.saved_tensors
        ph, gh = p.mH, g.mH
        result = -(ph @ g @ ph)
        left, right = gh @ p @ ph, ph @ p @ gh
        return result + (left - a @ (p @ left)) + (right - (right @ p) @ a)


def _cutoff(s: Array, atol: Any, rtol: Any) -> Array:
    """Return for each matrix the size below which singular values (given) count as zero."""
    largest = s.max(-1, initial=0)
    limit = np.maximum(np.asarray(atol), np.asarray(rtol) * largest)
    return limit[..., None].astype(s.dtype, copy=False)


def _tolerances(name: str, a: Tensor, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """Return both tolerances as arrays, with torch's defaults."""
    given = []
    for label, value in (("atol", atol), ("rtol", rtol)):
        if isinstance(value, Tensor):
            if value.array.dtype.kind == "c":
                raise RuntimeError(f"{name}: {label} tensor of complex type is not supported.")
            value = value.array
        given.append(value)
    atol, rtol = given
    if rtol is None:
        default = np.finfo(a.array.dtype).eps * max(a.array.shape[-2:])
        rtol = default if atol is None else np.where(np.asarray(atol) > 0, 0, default)
    return 0.0 if atol is None else atol, rtol


@facade("linalg")
def pinv(
    A: Tensor,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Tensor:
    """Return the pseudo-inverse of Moore and Penrose.

    Args:
        A: matrices (m, n).
        rcond: an older name of `rtol`.
        hermitian: A is Hermitian; of its triangles only the lower one is looked at.
        atol: singular values up to this count as zero (a number, or a tensor for each matrix).
        rtol: the same, as a part of the largest (default: max(m, n) times the dtype's eps, or 0
            if `atol` is given).

    Shape:
        A (*, m, n); result (*, n, m).
    """
    return _pinv(A, atol, rcond if rtol is None else rtol, bool(hermitian))


def _pinv(input: Any, atol: Any, rtol: Any, hermitian: bool) -> Tensor:
    name = "linalg.pinv"
    a = as_square(name, input) if hermitian else as_matrix(name, input)
    atol, rtol = _tolerances(name, a, atol, rtol)
    return PseudoInverse.apply(a, atol=atol, rtol=rtol, hermitian=hermitian)


@export(method=True, out=True)
@autocast("float32")
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Return the pseudo-inverse, see `linalg.pinv`."""
    return _pinv(input, None, rcond, False)


@facade("linalg")
@autocast("float32")
def matrix_rank(
    A: Tensor,
    tol: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Tensor:
    """Return how many singular values are not zero, up to a tolerance.

    Args:
        A: matrices.
        tol: an older name of `atol` (which then has no relative part beside it).
        hermitian: A is Hermitian.
        atol: singular values up to this count as zero.
        rtol: the same, as a part of the largest; see `pinv`.

    Example:
        >>> rushlight.linalg.matrix_rank(rushlight.ones(3, 3))
        tensor(1)
    """
    name = "linalg.matrix_rank"
    a = as_square(name, A) if hermitian else as_matrix(name, A)
    if tol is not None:
        atol, rtol = tol, 0.0
    atol, rtol = _tolerances(name, a, atol, rtol)
    plain = a.detach()
    s = (
        Abs.apply(EigenvaluesOnly.apply(plain, lower=True))
        if hermitian
        else SingularValues.apply(plain)
    ).array
    return wrap(np.asarray((s > _cutoff(s, atol, rtol)).sum(-1)))


def _check_least_squares(a: Tensor, b: Any, driver: str | None) -> tuple[Tensor, bool]:
    name = "torch.linalg.lstsq"
    if not isinstance(b, Tensor) or not b.array.ndim:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    same_dtype(name, a, b)
    if driver is not None and driver not in _DRIVERS:
        raise RuntimeError(
            f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    vector = is_vector_right_side(a, b)
    columns = b.unsqueeze(-1) if vector else b
    if columns.array.shape[-2] != a.array.shape[-2]:
        axis = -1 if vector else -2
        raise RuntimeError(f"{name}: input.size(-2) should match other.size({axis})")
    return columns, vector


@facade("linalg", out=False)
@autocast("float32")
def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """Return (solution, residuals, rank, singular_values) of the least squares problem A X = B.

    Args:
        A: matrices (m, n).
        B: matrices (m, k), or one vector for each matrix of A; batch dimensions broadcast.
        rcond: singular values up to this part of the largest count as zero.
        driver: "gels", "gelsy" (default), "gelsd" or "gelss". All are computed by singular values;
            they say which results are filled: the rank except for "gels", the singular values for
            the last two, the residuals (if m > n and the rank is full) except for "gelsy".

    Raises:
        RuntimeError: shapes or dtypes do not fit, or the driver is unknown.
    """
    a = as_matrix("torch.linalg.lstsq", A, "input")
    columns, vector = _check_least_squares(a, B, driver)
    driver = driver or "gelsy"
    m, n = a.array.shape[-2:]
    batch = common_shape(a.array.shape[:-2], columns.array.shape[:-2])
    atol, rtol = _tolerances("torch.linalg.lstsq", a, None, rcond)
    inverse = PseudoInverse.apply(a, atol=atol, rtol=rtol, hermitian=False)
    solution = inverse @ columns
    s = SingularValues.apply(a.detach()).array
    rank = np.asarray((s > _cutoff(s, atol, rtol)).sum(-1))
    none = wrap(np.empty(0, s.dtype))
    residuals = Abs.apply(solution.reshape(-1)[:0])
    if m > n and driver != "gelsy" and (driver == "gels" or bool((rank == n).all())):
        residuals = Abs.apply(a @ solution - columns).square().sum(-2)
    no_rank = driver == "gels"
    ranks = wrap(np.empty(0, np.int64) if no_rank else np.broadcast_to(rank, batch).copy())
    values = none
    if driver in ("gelsd", "gelss"):
        values = wrap(np.broadcast_to(s, (*batch, s.shape[-1])).copy())
    result = return_type("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
    return result(solution.squeeze(-1) if vector else solution, residuals, ranks, values)


# --- randomised factorisations ---


def _approximate_basis(a: Tensor, q: int, niter: int) -> Tensor:
    """Return q orthonormal columns that nearly span those of A: of A times random vectors."""
    from .linalg_qr import QR

    random = randn(a.array.shape[-1], q, dtype=a.dtype)
    basis = QR.apply(a @ random, mode="reduced")[0]
    for _ in range(niter):
        basis = QR.apply(a.mH @ basis, mode="reduced")[0]
        basis = QR.apply(a @ basis, mode="reduced")[0]
    return basis


@export
def svd_lowrank(A: Tensor, q: int = 6, niter: int = 2, M: Tensor | None = None) -> Any:
    """Return (U, S, V) with A - M nearly U diag(S) V^H, of rank q, by random projections.

    Args:
        A: matrices (m, n).
        q: the rank, somewhat above that of A.
        niter: how often the basis is improved.
        M: a matrix to take off A first.

    Reference:
        Halko, Martinsson, Tropp, "Finding structure with randomness", 2011.
    """
    a = as_matrix("svd_lowrank", A)
    if M is not None:
        a = a - M
    wide = a.array.shape[-2] < a.array.shape[-1]
    a = a.mH if wide else a
    basis = _approximate_basis(a, q, niter)
    u, s, vh = SVD.apply(basis.mH @ a, full=False)
    u, v = basis @ u, vh.mH
    return (v, s, u) if wide else (u, s, v)


@export
def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """Return (U, S, V): the principal directions of the rows of A are the columns of V.

    Args:
        A: matrices (m, n), one observation a row.
        q: how many directions (default: up to 6).
        center: take the mean of the rows off first.
        niter: how often the basis is improved.

    Raises:
        ValueError: q or niter is out of range.
    """
    a = as_matrix("pca_lowrank", A)
    m, n = a.array.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(a - a.mean(-2, keepdim=True) if center else a, q, niter)
