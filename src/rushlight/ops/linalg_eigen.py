"""Eigenvalues and singular values."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.mode import GRAD, read_mode
from ..autograd.node import Op
from ..backend.array import array_module
from ._autocast import autocast
from ._export import export
from ._facade import facade
from ._linalg import LinAlgError, as_matrix, as_square
from ._return_types import return_type
from .casts import cast
from .complex import Real


def _not_converged(name: str, a: Array) -> LinAlgError:
    finite = bool(array_module(a).isfinite(a).all())
    reason = "is ill-conditioned" if finite else "contained non-finite values"
    return LinAlgError(
        f"{name}: The algorithm failed to converge because the input matrix {reason}."
    )


def _differences(values: Tensor) -> Tensor:
    """Return E with E_ij = v_j - v_i, and 1 on the diagonal."""
    n = values.array.shape[-1]
    one = array_module(values.array).eye(n, dtype=values.array.dtype)
    return values[..., None, :] - values[..., :, None] + wrap(one)


def _without_diagonal(x: Tensor) -> Tensor:
    return x - x.diagonal(0, -2, -1).diag_embed()


class Eigh(Op):
    """A = V diag(w) V^H.

    dL/dA = V (diag(g_w) + skew(V^H g_V) / E) V^H, skew(X) = (X - X^H) / 2, E_ij = w_j - w_i.
    """

    materialize = False
    label = "LinalgEigh"

    def forward(ctx, a: Array, *, lower: bool) -> tuple[Array, Array]:
        try:
            values, vectors = array_module(a).linalg.eigh(a, "L" if lower else "U")
        except np.linalg.LinAlgError:
            raise _not_converged("linalg.eigh", a) from None
        ctx.save(values, vectors)
        return values, vectors

    def backward(ctx, g_values: Tensor | None, g_vectors: Tensor | None) -> Tensor:
        values, v = ctx.saved_tensors
        if g_vectors is None:
            assert g_values is not None
            return (v * g_values[..., None, :]) @ v.mH
        inner = _without_diagonal(_skew(v.mH @ g_vectors)) * 0.5 / _differences(values)
        if g_values is not None:
            inner = inner + g_values.diag_embed()
        return v @ inner @ v.mH


class Eig(Op):
    """A V = V diag(w), columns of V of length 1.

    dL/dA = V^-H (diag(g_w) + (V^H g_V - V^H V diag(Re(V^H g_V))) / conj(E)) V^H.
    """

    materialize = False
    label = "LinalgEig"

    def forward(ctx, a: Array) -> tuple[Array, Array]:
        xp = array_module(a)
        if not xp.isfinite(a).all():
            raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")
        try:
            values, vectors = xp.linalg.eig(a)
        except np.linalg.LinAlgError:
            raise _not_converged("linalg.eig", a) from None
        to = np.result_type(a.dtype, np.complex64)
        values, vectors = values.astype(to, copy=False), vectors.astype(to, copy=False)
        ctx.real = a.dtype.kind != "c"
        ctx.save(values, vectors)
        return values, vectors

    def backward(ctx, g_values: Tensor | None, g_vectors: Tensor | None) -> Tensor:
        values, v = ctx.saved_tensors
        inner: Any = 0 if g_values is None else g_values.diag_embed()
        if g_vectors is not None:
            turned = v.mH @ g_vectors
            length = Real.apply(turned.diagonal(0, -2, -1))
            turned = turned - (v.mH @ v) * length[..., None, :]
            inner = inner + _without_diagonal(turned) / _differences(values).conj()
        from .linalg_solve import Solve

        result = Solve.apply(v.mH, inner @ v.mH)[0]
        return Real.apply(result) if ctx.real else result


class SVD(Op):
    """A = U diag(s) V^H.  dL/dA: see `_through_svd`."""

    materialize = False
    label = "LinalgSvd"

    def forward(ctx, a: Array, *, full: bool) -> tuple[Array, Array, Array]:
        try:
            u, s, vh = array_module(a).linalg.svd(a, full_matrices=full)
        except np.linalg.LinAlgError:
            raise _not_converged("linalg.svd", a) from None
        ctx.save(u, s, vh)
        return u, s, vh

    def backward(ctx, gu: Tensor | None, gs: Tensor | None, gvh: Tensor | None) -> Tensor:
        u, s, vh = ctx.saved_tensors
        k = s.array.shape[-1]
        # Columns beyond the k-th are any basis of what is left: nothing may depend on them.
        u, vh = u[..., :, :k], vh[..., :k, :]
        gu = None if gu is None else gu[..., :, :k]
        gvh = None if gvh is None else gvh[..., :k, :]
        return _through_svd(u, s, vh, gu, gs, gvh)


def _skew(x: Tensor) -> Tensor:
    return x - x.mH


def _through_svd(
    u: Tensor, s: Tensor, vh: Tensor, gu: Tensor | None, gs: Tensor | None, gvh: Tensor | None
) -> Tensor:
    """Return dL/dA = U (skew(U^H gU)/E S + S skew(V^H gV)/E + diag(gs)) V^H, with
    E_ij = s_j^2 - s_i^2, and the parts of gU and gV that U and V do not span.
    """
    row, column = s[..., None, :], s[..., :, None]
    if gu is None and gvh is None:
        assert gs is not None
        return (u * gs[..., None, :]) @ vh
    inner: Any = 0 if gs is None else gs.diag_embed()
    e = _differences(s * s)
    if gu is not None:
        turned = _skew(u.mH @ gu)
        inner = inner + _without_diagonal(turned) / e * row
        if turned.array.dtype.kind == "c":
            # The phase of each pair of vectors is free; a valid loss moves both alike.
            inner = inner + (turned.diagonal(0, -2, -1) / (2 * s)).diag_embed()
    if gvh is not None:
        inner = inner + column * (_without_diagonal(_skew(vh @ gvh.mH)) / e)
    result = cast(inner, u.dtype) @ vh
    m, k, n = u.array.shape[-2], s.array.shape[-1], vh.array.shape[-1]
    result = u @ result
    if gu is not None and m > k:
        result = result + ((gu - u @ (u.mH @ gu)) / row) @ vh
    if gvh is not None and n > k:
        result = result + (u / row) @ (gvh - (gvh @ vh.mH) @ vh)
    return result


class SingularValues(Op):
    """The singular values alone, where no gradient is wanted."""

    differentiable = False

    def forward(ctx, a: Array) -> Array:
        try:
            return array_module(a).linalg.svd(a, compute_uv=False)
        except np.linalg.LinAlgError:
            raise _not_converged("linalg.svdvals", a) from None


class EigenvaluesOnly(Op):
    """The eigenvalues alone of a Hermitian matrix, where no gradient is wanted."""

    differentiable = False

    def forward(ctx, a: Array, *, lower: bool) -> Array:
        try:
            return array_module(a).linalg.eigvalsh(a, "L" if lower else "U")
        except np.linalg.LinAlgError:
            raise _not_converged("linalg.eigvalsh", a) from None


def _records(x: Tensor) -> bool:
    return x.requires_grad and read_mode() == GRAD


def singular_values(a: Tensor) -> Tensor:
    """Return the singular values of checked matrices, largest first."""
    return SVD.apply(a, full=False)[1] if _records(a) else SingularValues.apply(a)


def hermitian_eigenvalues(a: Tensor, lower: bool = True) -> Tensor:
    """Return the eigenvalues of checked Hermitian matrices, smallest first."""
    if _records(a):
        return Eigh.apply(a, lower=lower)[0]
    return EigenvaluesOnly.apply(a, lower=lower)


# --- public functions ---


def _is_lower(uplo: str) -> bool:
    if not isinstance(uplo, str) or uplo.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {uplo}")
    return uplo.upper() == "L"


@facade("linalg")
@autocast("float32")
def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """Return (eigenvalues, eigenvectors) of a Hermitian matrix, the smallest value first.

    Args:
        A: Hermitian matrices, of which one triangle is looked at.
        UPLO: "L" for the lower triangle, "U" for the upper.

    Raises:
        LinAlgError: the iteration did not converge.

    Example:
        >>> rushlight.linalg.eigh(rushlight.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
        tensor([1., 2.])
    """
    values, vectors = Eigh.apply(as_square("linalg.eigh", A), lower=_is_lower(UPLO))
    return return_type("linalg_eigh", "eigenvalues", "eigenvectors")(values, vectors)


@facade("linalg")
@autocast("float32")
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues of a Hermitian matrix, see `eigh`."""
    return hermitian_eigenvalues(as_square("linalg.eigvalsh", A), _is_lower(UPLO))


@facade("linalg")
@autocast("float32")
def eig(A: Tensor) -> Any:
    """Return (eigenvalues, eigenvectors) of a square matrix, complex and in no order.

    Raises:
        RuntimeError: A holds infinities or NaN.
    """
    values, vectors = Eig.apply(as_square("linalg.eig", A))
    return return_type("linalg_eig", "eigenvalues", "eigenvectors")(values, vectors)


@facade("linalg")
@autocast("float32")
def eigvals(A: Tensor) -> Tensor:
    """Return the eigenvalues of a square matrix, complex and in no order."""
    return Eig.apply(as_square("linalg.eigvals", A))[0]


def _check_driver(driver: str | None) -> None:
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with "
            "cuSOLVER backend."
        )


@facade("linalg")
@autocast("float32")
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """Return (U, S, Vh) with A = U diag(S) Vh, the largest singular value first.

    Args:
        A: matrices (m, n).
        full_matrices: U (m, m) and Vh (n, n); else U (m, k) and Vh (k, n) with k = min(m, n).
        driver: None; others are for CUDA.

    Raises:
        LinAlgError: A holds infinities or NaN, or the iteration did not converge.
    """
    a = as_matrix("linalg.svd", A)
    _check_driver(driver)
    u, s, vh = SVD.apply(a, full=bool(full_matrices))
    return return_type("linalg_svd", "U", "S", "Vh")(u, s, vh)


@facade("linalg")
@autocast("float32")
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Return the singular values of a matrix, the largest first."""
    a = as_matrix("linalg.svd", A)
    _check_driver(driver)
    return singular_values(a)


@export(method=True, out=True, name="svd")
def _old_svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """Return (U, S, V) with A = U diag(S) V^H; `linalg.svd`, which gives V^H, replaces it."""
    a = as_matrix("linalg.svd", input)
    result = return_type("svd", "U", "S", "V")
    if not compute_uv:
        m, n = a.array.shape[-2:]
        batch = a.array.shape[:-2]
        return result(a.new_zeros((*batch, m, m)), singular_values(a), a.new_zeros((*batch, n, n)))
    u, s, vh = SVD.apply(a, full=not some)
    return result(u, s, vh.mH)
