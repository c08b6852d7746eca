"""Cholesky's factorisation A = L L^H of positive definite matrices, and what is solved with it."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from . import _linalg
from ._autocast import autocast
from ._broadcast import sum_to
from ._export import export
from ._facade import facade
from ._linalg import as_matrix, as_square, raise_for, same_dtype
from ._return_types import return_type
from .diagonal import Tril
from .linalg_solve import check_rows, triangular

_NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the "
    "leading minor of order {} is not positive-definite)."
)


class Cholesky(Op):
    """A = L L^H.  dL/dA = the Hermitian part of L^-H P(L^H g) L^-1, P: the lower triangle with half
    the diagonal.
    """

    nondifferentiable = (1,)
    materialize = False
    label = "LinalgCholeskyEx"

    def forward(ctx, a: Array) -> tuple[Array, Array]:
        factor, info = _linalg.cholesky(a)
        ctx.save(factor)
        return factor, info

    def backward(ctx, g: Tensor, _: Any) -> Tensor:
        (factor,) = ctx.saved_tensors
        product = factor.mH @ g
        low = Tril.apply(product, diagonal=0, lower=True)
        # L^H g is made Hermitian from its lower triangle, whose diagonal counts once.
        strict = Tril.apply(product, diagonal=-1, lower=True)
        whole = (low + strict.mH + _real_diagonal_correction(low)) * 0.5
        left = triangular(factor.mH, whole, upper=True)
        return triangular(factor, left, upper=False, left=False)


def _real_diagonal_correction(low: Tensor) -> Tensor | int:
    """Return what makes the diagonal of a complex triangle real."""
    if low.array.dtype.kind != "c":
        return 0
    diagonal = low.diagonal(0, -2, -1)
    return ((diagonal.conj() - diagonal) * 0.5).diag_embed()


class CholeskySolve(Op):
    """X = (L L^H)^-1 B.  dL/dB = (L L^H)^-1 g, dL/dL = -(M + M^H) L with M = (dL/dB) X^H.

    As in torch the gradient of the triangle that is not looked at is not set to 0.
    """

    def forward(ctx, b: Array, factor: Array) -> Array:
        y = _linalg.solve_triangle(factor, b, False, False)
        x = _linalg.solve_triangle(_linalg.adjoint(factor), y, True, False)
        ctx.save(b, factor, x)
        return x

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        b, factor, x = ctx.saved_tensors
        to_b, to_factor = ctx.edges
        gb = CholeskySolve.apply(g, factor)
        gl = None
        if to_factor:
            product = gb @ x.mH
            gl = sum_to(-((product + product.mH) @ factor), factor.array.shape)
        return sum_to(gb, b.array.shape) if to_b else None, gl


def _factor(name: str, input: Any, upper: bool) -> tuple[Tensor, Tensor]:
    a = as_square(name, input)
    factor, info = Cholesky.apply(a.mH if upper else a)
    return factor.mH if upper else factor, info


@facade("linalg")
@autocast("float32")
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Return the lower triangular L with A = L L^H, or L^H if `upper`.

    Only one triangle of A is looked at.

    Raises:
        LinAlgError: a matrix is not positive definite.

    Example:
        >>> rushlight.linalg.cholesky(rushlight.tensor([[4.0, 2.0], [2.0, 5.0]]))
        tensor([[2., 0.],
                [1., 2.]])
    """
    factor, info = _factor("linalg.cholesky", A, upper)
    raise_for(info, "linalg.cholesky", _NOT_POSITIVE)
    return factor


@export(method=True, out=True, name="cholesky")
def _old_cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Return the Cholesky factor of positive definite matrices, see `linalg.cholesky`."""
    factor, info = _factor("cholesky", input, upper)
    raise_for(info, "cholesky", _NOT_POSITIVE)
    return factor


@facade("linalg")
@autocast("float32")
def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """Return (L, info): info is 0, or the order of the first leading minor that is not positive."""
    factor, info = _factor("linalg.cholesky_ex", A, upper)
    if check_errors:
        raise_for(info, "linalg.cholesky_ex", _NOT_POSITIVE)
    return return_type("linalg_cholesky_ex", "L", "info")(factor, info)


@export(method=True, out=True)
@autocast("float32")
def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """Return the X with A X = B, given the Cholesky factor L of A (its adjoint if `upper`)."""
    b, factor = as_matrix("cholesky_solve", B, "B"), as_square("cholesky_solve", L, "L")
    same_dtype("cholesky_solve", factor, b)
    check_rows("cholesky_solve", factor, b, True)
    return CholeskySolve.apply(b, factor.mH if upper else factor)


@export(method=True, out=True)
@autocast("float32")
def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """Return the inverse of A, given its Cholesky factor L (its adjoint if `upper`)."""
    factor = as_square("cholesky_inverse", L, "L")
    return cholesky_solve(wrap(_linalg.identity_like(factor.array)), factor, upper)
