"""Linear equations: solve, inverse, determinant, triangular systems."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend.array import array_module
from . import _linalg
from ._autocast import autocast
from ._broadcast import sum_to
from ._export import export
from ._facade import facade
from ._linalg import as_matrix, as_square, raise_for, same_dtype
from ._return_types import return_type
from .complex import conjugate
from .diagonal import Tril, Triu

_SINGULAR = (
    "The diagonal element {} is zero, the inversion could not be completed because the input "
    "matrix is singular."
)


class Solve(Op):
    """X = A^-1 B.  dL/dB = A^-H g, dL/dA = -(dL/dB) X^H."""

    nondifferentiable = (1,)
    materialize = False
    label = "LinalgSolveEx"

    def forward(ctx, a: Array, b: Array) -> tuple[Array, Array]:
        x, info = _linalg.solve(a, b)
        ctx.save(a, b, x)
        return x, info

    def backward(ctx, g: Tensor, _: Any) -> tuple[Tensor | None, ...]:
        a, b, x = ctx.saved_tensors
        to_a, to_b = ctx.edges
        full = Solve.apply(a.mH, g)[0]
        ga = sum_to(-(full @ x.mH), a.array.shape) if to_a else None
        return ga, sum_to(full, b.array.shape) if to_b else None


class Inverse(Op):
    """Y = A^-1.  dL/dA = -Y^H g Y^H."""

    nondifferentiable = (1,)
    materialize = False
    label = "LinalgInvEx"

    def forward(ctx, a: Array) -> tuple[Array, Array]:
        y, info = _linalg.solve(a, _linalg.identity_like(a))
        ctx.save(y)
        return y, info

    def backward(ctx, g: Tensor, _: Any) -> Tensor:
        (y,) = ctx.saved_tensors
        return -(y.mH @ g @ y.mH)


class SolveTriangular(Op):
    """X = A^-1 B for triangular A.  dL/dB = A^-H g, dL/dA = the triangle of -(dL/dB) X^H."""

    label = "LinalgSolveTriangular"

    def forward(ctx, a: Array, b: Array, *, upper: bool, unit: bool) -> Array:
        ctx.upper, ctx.unit = upper, unit
        x = _linalg.solve_triangle(a, b, upper, unit)
        ctx.save(a, b, x)
        return x

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        a, b, x = ctx.saved_tensors
        to_a, to_b = ctx.edges
        full = SolveTriangular.apply(a.mH, g, upper=not ctx.upper, unit=ctx.unit)
        ga = None
        if to_a:
            ga = triangle(sum_to(-(full @ x.mH), a.array.shape), ctx.upper, int(ctx.unit))
        return ga, sum_to(full, b.array.shape) if to_b else None


def triangle(x: Tensor, upper: bool, without: int = 0) -> Tensor:
    """Return a triangle of matrices, without so many of its longest diagonals."""
    op = Triu if upper else Tril
    return op.apply(x, diagonal=without if upper else -without, lower=not upper)


class Determinant(Op):
    """y = det(A).  dL/dA = g times the conjugate of the cofactors."""

    label = "LinalgDet"

    def forward(ctx, a: Array) -> Array:
        y = np.asarray(array_module(a).linalg.det(a))
        ctx.save(a, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        a, y = ctx.saved_tensors
        if np.all(y.array):
            return (g * conjugate(y))[..., None, None] * Inverse.apply(a)[0].mH
        return g[..., None, None] * wrap(_cofactors(a.array))


def _cofactors(a: Array) -> Array:
    """Return the conjugate cofactors by singular values: nothing is divided by the determinant."""
    xp = array_module(a)
    u, s, vh = xp.linalg.svd(a)
    n = s.shape[-1]
    others = xp.where(xp.eye(n, dtype=bool), s.dtype.type(1), s[..., None, :]).prod(-1)
    phase = xp.conj(xp.linalg.det(u) * xp.linalg.det(vh))
    return phase[..., None, None] * ((u * others[..., None, :]) @ vh)


class SignLogDet(Op):
    """sign, log|det A|.  dL/dA = (g_log + i Im(g_sign conj(sign))) A^-H."""

    label = "LinalgSlogdet"

    def forward(ctx, a: Array) -> tuple[Array, Array]:
        sign, size = (np.asarray(y) for y in array_module(a).linalg.slogdet(a))
        ctx.save(a, sign)
        return sign, size

    def backward(ctx, g_sign: Tensor, g_log: Tensor) -> Tensor:
        a, sign = ctx.saved_tensors
        weight = g_log
        if a.array.dtype.kind == "c":
            weight = weight + 1j * (g_sign * conjugate(sign)).imag
        return weight[..., None, None] * Inverse.apply(a)[0].mH


# --- inverse ---


@facade("linalg")
@autocast("float32")
def inv(A: Tensor) -> Tensor:
    """Return the inverse of a square matrix, or of each of a batch.

    Raises:
        RuntimeError: the matrices are not square, or not floating point.
        LinAlgError: a matrix is singular.

    Example:
        >>> rushlight.linalg.inv(rushlight.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    result, info = Inverse.apply(as_square("linalg.inv", A))
    raise_for(info, "linalg.inv", _SINGULAR)
    return result


@export(method=True, out=True)
@autocast("float32")
def inverse(input: Tensor) -> Tensor:
    """Return the inverse of a square matrix, see `linalg.inv`."""
    result, info = Inverse.apply(as_square("linalg.inv", input))
    raise_for(info, "linalg.inv", _SINGULAR)
    return result


@facade("linalg")
@autocast("float32")
def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """Return (inverse, info): info is 0, or the first zero pivot of a singular matrix."""
    result, info = Inverse.apply(as_square("linalg.inv_ex", A))
    if check_errors:
        raise_for(info, "linalg.inv_ex", _SINGULAR)
    return return_type("linalg_inv_ex", "inverse", "info")(result, info)


# --- solve ---


def is_vector_right_side(a: Tensor, b: Tensor) -> bool:
    """Tell whether B holds one vector for each matrix of A."""
    return b.array.ndim == 1 or (
        a.array.ndim - 1 == b.array.ndim and b.array.shape == a.array.shape[:-1]
    )


def _solved(name: str, a: Any, b: Any, left: bool) -> tuple[Tensor, Tensor]:
    a = as_square(name, a)
    if not isinstance(b, Tensor) or not b.array.ndim:
        b = as_matrix(name, b, "B")
    same_dtype(name, a, b)
    if is_vector_right_side(a, b):
        if not left:
            raise RuntimeError(
                f"{name}: Vector broadcasting of the left hand side is not supported for left=False"
            )
        check_rows(name, a, b.unsqueeze(-1), True)
        x, info = Solve.apply(a, b.unsqueeze(-1))
        return x.squeeze(-1), info
    check_rows(name, a, b, left)
    if left:
        x, info = Solve.apply(a, b)
        return x, info
    x, info = Solve.apply(a.mT, b.mT)
    return x.mT, info


def check_rows(name: str, a: Tensor, b: Tensor, left: bool) -> None:
    """Refuse right sides that do not fit the matrices.

    Raises:
        RuntimeError: they do not.
    """
    (rows, columns), inner = a.array.shape[-2:], b.array.shape[-2 if left else -1]
    if columns != inner:
        equation = "AX = B" if left else "XA = B"
        m, n = b.array.shape[-2:]
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {equation} "
            f"({rows}x{columns} and {m}x{n})"
        )


@facade("linalg")
@autocast("float32")
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Return the X with A X = B, or X A = B if `left` is False.

    Args:
        A: square matrices.
        B: matrices, or one vector for each matrix of A; batch dimensions broadcast.
        left: on which side of X the matrix A stands.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        LinAlgError: a matrix is singular.

    Example:
        >>> A = rushlight.tensor([[2.0, 0.0], [0.0, 4.0]])
        >>> rushlight.linalg.solve(A, rushlight.tensor([2.0, 2.0]))
        tensor([1.0000, 0.5000])
    """
    x, info = _solved("linalg.solve", A, B, left)
    words = "The solver failed because the input matrix is singular."
    raise_for(info, "torch.linalg.solve", words)
    return x


@facade("linalg")
@autocast("float32")
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """Return (result, info): info is 0, or the first zero pivot of a singular matrix."""
    x, info = _solved("linalg.solve_ex", A, B, left)
    if check_errors:
        words = "The solver failed because the input matrix is singular."
        raise_for(info, "torch.linalg.solve_ex", words)
    return return_type("linalg_solve_ex", "result", "info")(x, info)


def triangular(a: Tensor, b: Tensor, upper: bool, left: bool = True, unit: bool = False) -> Tensor:
    """Solve with triangular A, for `solve_triangular` and the factorisations."""
    if left:
        return SolveTriangular.apply(a, b, upper=upper, unit=unit)
    return SolveTriangular.apply(a.mT, b.mT, upper=not upper, unit=unit).mT


@facade("linalg")
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """Return the X with A X = B (X A = B if not `left`) for triangular A.

    Args:
        A: matrices, of which only one triangle is looked at.
        B: matrices; batch dimensions broadcast.
        upper: whether that is the upper triangle.
        left: on which side of X the matrix A stands.
        unitriangular: take the diagonal of A to be 1.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    name = "linalg.solve_triangular"
    a, b = as_square(name, A), as_matrix(name, B, "B")
    same_dtype(name, a, b)
    check_rows(name, a, b, left)
    return triangular(a, b, upper, left, unitriangular)


@export(method=True, out=True)
@autocast("float32")
def triangular_solve(
    b: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> Any:
    """Return (solution, cloned_coefficient) of A X = b; `linalg.solve_triangular` replaces it."""
    name = "triangular_solve"
    a, b = as_square(name, A), as_matrix(name, b, "b")
    same_dtype(name, a, b)
    check_rows(name, a, b, True)
    used, side = (a.mT, not upper) if transpose else (a, upper)
    solution = triangular(used, b, side, unit=unitriangular)
    batch = solution.array.shape[:-2]
    coefficient = a.expand(*batch, *a.array.shape[-2:]).clone()
    result = return_type("triangular_solve", "solution", "cloned_coefficient")
    return result(solution, coefficient)


# --- determinant ---


@export(method=True, name="det")
def _det(input: Tensor) -> Tensor:
    """Return the determinant of a square matrix, see `linalg.det`."""
    return Determinant.apply(as_square("linalg.det", input))


@facade("linalg")
def det(A: Tensor) -> Tensor:
    """Return the determinant of a square matrix, or of each of a batch.

    Example:
        >>> rushlight.linalg.det(rushlight.tensor([[2.0, 1.0], [1.0, 3.0]])).round()
        tensor(5.)
    """
    return _det(A)


def _slogdet(input: Tensor, kind: str) -> Any:
    sign, size = SignLogDet.apply(as_square("linalg.slogdet", input))
    return return_type(kind, "sign", "logabsdet")(sign, size)


@facade("linalg")
def slogdet(A: Tensor) -> Any:
    """Return (sign, logabsdet): the sign of the determinant and the logarithm of its size.

    The sign of a singular matrix is 0 and its logarithm -inf.
    """
    return _slogdet(A, "linalg_slogdet")


@export(method=True, out=True, name="slogdet")
def _public_slogdet(input: Tensor) -> Any:
    """Return the sign and the logarithm of the determinant, see `linalg.slogdet`."""
    return _slogdet(input, "slogdet")


@export(method=True)
def logdet(input: Tensor) -> Tensor:
    """Return the logarithm of the determinant: NaN if that is negative, -inf if it is 0."""
    sign, size = SignLogDet.apply(as_square("logdet", input))
    if input.array.dtype.kind == "c":
        return size + sign.log()
    return size.masked_fill(sign == -1, np.nan)
