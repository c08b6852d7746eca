"""Bessel functions, Airy's function and orthogonal polynomials, all in `rushlight.special`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..kernels import special as K
from ._export import export
from ._special import real_float, real_floats, special
from ._unary import Unary, keep


class I0(Unary):
    """y = I0(x).  dL/dx = g I1(x)."""

    f = staticmethod(K.i0)

    def slope(ctx, x: Tensor) -> Tensor:
        return I1.apply(x)


class I0e(Unary):
    """y = exp(-|x|) I0(x).  dL/dx = g (i1e(x) - sign(x) y)."""

    f = staticmethod(K.i0e)

    def slope(ctx, x: Tensor) -> Tensor:
        return I1e.apply(x) - x.sign() * I0e.apply(x)


class I1(Unary):
    """y = I1(x).  dL/dx = g (I0(x) - y / x), g / 2 at 0."""

    f = staticmethod(K.i1)

    def slope(ctx, x: Tensor) -> Tensor:
        return I0.apply(x) - _half_at_zero(I1.apply(x), x)


class I1e(Unary):
    """y = exp(-|x|) I1(x).  dL/dx = g (i0e(x) - sign(x) y - y / x), g / 2 at 0."""

    f = staticmethod(K.i1e)

    def slope(ctx, x: Tensor) -> Tensor:
        y = I1e.apply(x)
        return I0e.apply(x) - x.sign() * y - _half_at_zero(y, x)


def _half_at_zero(y: Tensor, x: Tensor) -> Tensor:
    """Return y / x, with its limit 1/2 at x = 0."""
    zero = x.array == 0
    if not zero.any():
        return y / x
    half = np.where(zero, 0.5, 0).astype(x.array.dtype)
    return keep(y / x.masked_fill(x == 0, 1), ~zero) + wrap(half)


class Plain(Op):
    """y = a special function without gradient."""

    differentiable = False

    def forward(ctx, *arrays: Array, f: Callable[..., Array]) -> Array:
        return f(*arrays)


@export(method=True, out=True, inplace=True)
def i0(input: Tensor) -> Tensor:
    """Return I0, the modified Bessel function of the first kind of order 0.

    Example:
        >>> rushlight.i0(rushlight.tensor([0.0, 1.0]))
        tensor([1.0000, 1.2661])
    """
    return I0.apply(real_float(input, "i0"))


@special
def i0e(input: Tensor) -> Tensor:
    """Return exp(-|x|) I0(x)."""
    return I0e.apply(real_float(input, "i0e"))


@special
def i1(input: Tensor) -> Tensor:
    """Return I1, the modified Bessel function of the first kind of order 1."""
    return I1.apply(real_float(input, "i1"))


@special
def i1e(input: Tensor) -> Tensor:
    """Return exp(-|x|) I1(x)."""
    return I1e.apply(real_float(input, "i1e"))


@special
def bessel_j0(input: Tensor) -> Tensor:
    """Return J0, the Bessel function of the first kind of order 0; without gradient."""
    return Plain.apply(real_float(input, "bessel_j0"), f=K.j0)


@special
def bessel_j1(input: Tensor) -> Tensor:
    """Return J1, the Bessel function of the first kind of order 1; without gradient."""
    return Plain.apply(real_float(input, "bessel_j1"), f=K.j1)


@special
def bessel_y0(input: Tensor) -> Tensor:
    """Return Y0, the Bessel function of the second kind of order 0; without gradient."""
    return Plain.apply(real_float(input, "bessel_y0"), f=K.y0)


@special
def bessel_y1(input: Tensor) -> Tensor:
    """Return Y1, the Bessel function of the second kind of order 1; without gradient."""
    return Plain.apply(real_float(input, "bessel_y1"), f=K.y1)


@special
def modified_bessel_i0(input: Tensor) -> Tensor:
    """Return I0, the modified Bessel function of the first kind of order 0; without gradient."""
    return Plain.apply(real_float(input, "modified_bessel_i0"), f=K.i0)


@special
def modified_bessel_i1(input: Tensor) -> Tensor:
    """Return I1, the modified Bessel function of the first kind of order 1; without gradient."""
    return Plain.apply(real_float(input, "modified_bessel_i1"), f=K.i1)


@special
def modified_bessel_k0(input: Tensor) -> Tensor:
    """Return K0, the modified Bessel function of the second kind of order 0; without gradient."""
    return Plain.apply(real_float(input, "modified_bessel_k0"), f=K.k0)


@special
def modified_bessel_k1(input: Tensor) -> Tensor:
    """Return K1, the modified Bessel function of the second kind of order 1; without gradient."""
    return Plain.apply(real_float(input, "modified_bessel_k1"), f=K.k1)


@special
def scaled_modified_bessel_k0(x: Tensor) -> Tensor:
    """Return exp(x) K0(x); without gradient."""
    return Plain.apply(real_float(x, "scaled_modified_bessel_k0"), f=K.k0e)


@special
def scaled_modified_bessel_k1(x: Tensor) -> Tensor:
    """Return exp(x) K1(x); without gradient."""
    return Plain.apply(real_float(x, "scaled_modified_bessel_k1"), f=K.k1e)


@special
def spherical_bessel_j0(x: Tensor) -> Tensor:
    """Return the spherical Bessel function sin(x) / x; without gradient."""
    return Plain.apply(real_float(x, "spherical_bessel_j0"), f=K.spherical_j0)


@special
def airy_ai(x: Tensor) -> Tensor:
    """Return Ai, Airy's function of the first kind; without gradient."""
    return Plain.apply(real_float(x, "airy_ai"), f=K.airy_ai)


@special
def chebyshev_polynomial_t(input: Any, n: Any) -> Tensor:
    """Return T_n(x), the Chebyshev polynomial of the first kind; without gradient."""
    return Plain.apply(*real_floats("chebyshev_polynomial_t", input, n), f=K.chebyshev_t)


@special
def chebyshev_polynomial_u(input: Any, n: Any) -> Tensor:
    """Return U_n(x), the Chebyshev polynomial of the second kind; without gradient."""
    return Plain.apply(*real_floats("chebyshev_polynomial_u", input, n), f=K.chebyshev_u)


@special
def chebyshev_polynomial_v(input: Any, n: Any) -> Tensor:
    """Return V_n(x), the Chebyshev polynomial of the third kind; without gradient."""
    return Plain.apply(*real_floats("chebyshev_polynomial_v", input, n), f=K.chebyshev_v)


@special
def chebyshev_polynomial_w(input: Any, n: Any) -> Tensor:
    """Return W_n(x), the Chebyshev polynomial of the fourth kind; without gradient."""
    return Plain.apply(*real_floats("chebyshev_polynomial_w", input, n), f=K.chebyshev_w)


@special
def shifted_chebyshev_polynomial_t(input: Any, n: Any) -> Tensor:
    """Return T_n(2 x - 1), the shifted Chebyshev polynomial of the first kind."""
    return Plain.apply(
        *real_floats("shifted_chebyshev_polynomial_t", input, n), f=K.shifted_chebyshev_t
    )


@special
def shifted_chebyshev_polynomial_u(input: Any, n: Any) -> Tensor:
    """Return U_n(2 x - 1), the shifted Chebyshev polynomial of the second kind."""
    return Plain.apply(
        *real_floats("shifted_chebyshev_polynomial_u", input, n), f=K.shifted_chebyshev_u
    )


@special
def shifted_chebyshev_polynomial_v(input: Any, n: Any) -> Tensor:
    """Return V_n(2 x - 1), the shifted Chebyshev polynomial of the third kind."""
    return Plain.apply(
        *real_floats("shifted_chebyshev_polynomial_v", input, n), f=K.shifted_chebyshev_v
    )


@special
def shifted_chebyshev_polynomial_w(input: Any, n: Any) -> Tensor:
    """Return W_n(2 x - 1), the shifted Chebyshev polynomial of the fourth kind."""
    return Plain.apply(
        *real_floats("shifted_chebyshev_polynomial_w", input, n), f=K.shifted_chebyshev_w
    )


@special
def hermite_polynomial_h(input: Any, n: Any) -> Tensor:
    """Return H_n(x), the physicists' Hermite polynomial; without gradient."""
    return Plain.apply(*real_floats("hermite_polynomial_h", input, n), f=K.hermite_h)


@special
def hermite_polynomial_he(input: Any, n: Any) -> Tensor:
    """Return He_n(x), the probabilists' Hermite polynomial; without gradient."""
    return Plain.apply(*real_floats("hermite_polynomial_he", input, n), f=K.hermite_he)


@special
def laguerre_polynomial_l(input: Any, n: Any) -> Tensor:
    """Return L_n(x), the Laguerre polynomial; without gradient."""
    return Plain.apply(*real_floats("laguerre_polynomial_l", input, n), f=K.laguerre_l)


@special
def legendre_polynomial_p(input: Any, n: Any) -> Tensor:
    """Return P_n(x), the Legendre polynomial; without gradient."""
    return Plain.apply(*real_floats("legendre_polynomial_p", input, n), f=K.legendre_p)
