"""Orthogonal factorisations: A = Q R, and products of reflections."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend.array import array_module
from ._autocast import autocast
from ._export import export
from ._facade import facade
from ._linalg import as_matrix, same_dtype
from ._return_types import return_type
from .joining import cat
from .linalg_solve import triangle, triangular


class QR(Op):
    """A = Q R.  dL/dA = (g_Q + Q H(triu(g_R R^H - Q^H g_Q))) R^-H for a square R.

    H completes an upper triangle to a Hermitian matrix. Columns beyond a square R are Q times
    columns of R.
    """

    materialize = False
    label = "LinalgQr"

    def forward(ctx, a: Array, *, mode: str) -> tuple[Array, Array]:
        linalg = array_module(a).linalg
        ctx.mode = mode
        if mode == "r":
            return array_module(a).empty(0, a.dtype), linalg.qr(a, mode="r")
        q, r = linalg.qr(a, mode=mode)
        ctx.save(q, r)
        return q, r

    def backward(ctx, gq: Tensor | None, gr: Tensor | None) -> Tensor | None:
        if ctx.mode == "r":
            raise RuntimeError(
                "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
                "Please use linalg.qr(A, mode='reduced') if you are going to require gradients."
            )
        q, r = ctx.saved_tensors
        m, n = q.array.shape[-2], r.array.shape[-1]
        if ctx.mode == "complete" and m > n:
            raise RuntimeError(
                "The QR decomposition is not differentiable when mode='complete' and nrows > ncols"
            )
        if m >= n:
            return _through_square(q, r, gq, gr)
        # A = [X Y], R = [U V] with X = Q U and Y = Q V.
        g_beyond = None if gr is None else gr[..., :, m:]
        if g_beyond is not None:
            extra = (q @ r[..., :, m:]) @ g_beyond.mH
            gq = extra if gq is None else gq + extra
        square = None if gr is None else gr[..., :, :m]
        first = _through_square(q, r[..., :, :m], gq, square)
        rest = (
            first.new_zeros((*first.array.shape[:-1], n - m)) if g_beyond is None else q @ g_beyond
        )
        return cat([first, rest], -1)


def _through_square(q: Tensor, r: Tensor, gq: Tensor | None, gr: Tensor | None) -> Tensor:
    inner: Any = 0
    if gr is not None:
        inner = gr @ r.mH
    if gq is not None:
        inner = inner - q.mH @ gq
    whole = q @ _hermitian(triangle(inner, True))
    return triangular(r.mH, whole if gq is None else gq + whole, upper=False, left=False)


def _hermitian(upper: Tensor) -> Tensor:
    """Complete an upper triangle to a Hermitian matrix; the diagonal keeps its real part."""
    both = upper + upper.mH
    diagonal = both.diagonal(0, -2, -1)
    return both - (diagonal * 0.5).diag_embed()


def _factor(input: Any, mode: str) -> tuple[Tensor, Tensor]:
    a = as_matrix("linalg.qr", input)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            "or 'complete'"
        )
    q, r = QR.apply(a, mode=mode)
    return q, r


@facade("linalg")
@autocast("float32")
def qr(A: Tensor, mode: str = "reduced") -> Any:
    """Return (Q, R) with A = Q R, Q with orthonormal columns and R upper triangular.

    Args:
        A: matrices (m, n).
        mode: "reduced" for Q (m, k) and R (k, n) with k = min(m, n); "complete" for Q (m, m) and
            R (m, n); "r" for R alone, with an empty Q.

    Raises:
        RuntimeError: the mode is another.
    """
    q, r = _factor(A, mode)
    return return_type("linalg_qr", "Q", "R")(q, r)


@export(method=True, out=True, name="qr")
def _old_qr(input: Tensor, some: bool = True) -> Any:
    """Return (Q, R), reduced unless `some` is False; `linalg.qr` replaces it."""
    q, r = _factor(input, "reduced" if some else "complete")
    return return_type("qr", "Q", "R")(q, r)


class Reflections(Op):
    """LAPACK's form of Q R: R above the diagonal, the reflections below it, and their factors."""

    differentiable = False

    def forward(ctx, a: Array) -> tuple[Array, Array]:
        h, tau = array_module(a).linalg.qr(a, mode="raw")
        return h.swapaxes(-1, -2).copy(), tau


@export(method=True, out=True)
@autocast("float32")
def geqrf(input: Tensor) -> Any:
    """Return (a, tau): R above the diagonal of `a`, below it the reflections whose product is Q.

    See `linalg.householder_product`.
    """
    a, tau = Reflections.apply(as_matrix("geqrf", input, "input"))
    return return_type("geqrf", "a", "tau")(a, tau)


def _reflect(v: Tensor, tau: Tensor, x: Tensor) -> Tensor:
    """Return x - tau v (v^H x)."""
    return x - (tau[..., None, None] * v) @ (v.mH @ x)


def _vectors(a: Tensor) -> Tensor:
    one = array_module(a.array).eye(*a.array.shape[-2:], dtype=a.array.dtype)
    return triangle(a, False, 1) + wrap(one)


def _check_reflections(name: str, input: Any, tau: Any) -> tuple[Tensor, Tensor]:
    a = as_matrix(name, input, "input")
    m, n = a.array.shape[-2:]
    if m < n:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    if tau.array.ndim != a.array.ndim - 1 or tau.array.shape[:-1] != a.array.shape[:-2]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2]"
        )
    if tau.array.shape[-1] > n:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]"
        )
    same_dtype(name, a, tau)
    return a, tau


@facade("linalg")
@autocast("float32")
def householder_product(A: Tensor, tau: Tensor) -> Tensor:
    """Return the first n columns of (1 - tau_1 v_1 v_1^H) (1 - tau_2 v_2 v_2^H) ...

    Args:
        A: matrices (m, n), m >= n; v_i is column i below the diagonal, with a 1 on it.
        tau: the factors (k), k <= n.
    """
    return _product("torch.linalg.householder_product", A, tau)


def _product(name: str, A: Any, tau: Any) -> Tensor:
    a, tau = _check_reflections(name, A, tau)
    v = _vectors(a)
    m, n = a.array.shape[-2:]
    one = array_module(a.array).eye(m, n, dtype=a.array.dtype)
    q = wrap(one).expand(*a.array.shape)
    for i in reversed(range(tau.array.shape[-1])):
        q = _reflect(v[..., :, i : i + 1], tau[..., i], q)
    return q + a * 0 if not tau.array.shape[-1] else q


@export(method=True, out=True)
@autocast("float32")
def orgqr(input: Tensor, tau: Tensor) -> Tensor:
    """Return the product of reflections, see `linalg.householder_product`."""
    return _product("orgqr", input, tau)


@export(method=True, out=True)
@autocast("float32")
def ormqr(
    input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    """Multiply `other` by the whole product Q of reflections, without making Q.

    Args:
        input: the reflections, as `geqrf` gives them.
        tau: their factors.
        other: the matrices to multiply.
        left: Q other, or other Q if False.
        transpose: use Q^H.
    """
    a, x = as_matrix("ormqr", input, "input"), as_matrix("ormqr", other, "other")
    same_dtype("ormqr", a, x)
    if x.array.shape[-2 if left else -1] != a.array.shape[-2]:
        side = -2 if left else -1
        raise RuntimeError(
            f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2], got "
            f"{x.array.shape[side]} and {a.array.shape[-2]}"
        )
    if not left:
        return ormqr(input, tau, other.mH, True, not transpose).mH
    v = _vectors(a)
    places = range(tau.array.shape[-1])
    for i in places if transpose else reversed(places):
        factor = tau[..., i].conj() if transpose else tau[..., i]
        x = _reflect(v[..., :, i : i + 1], factor, x)
    return x
