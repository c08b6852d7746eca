"""Bessel functions of orders 0 and 1, and Airy's function Ai.

Small arguments: a series of the function without its logarithm or pole. Large ones: the modulus
and phase of the asymptotic form, as series in 1/x.

Reference:
    NIST Digital Library of Mathematical Functions: 10.8, 10.17, 10.31, 10.40 (Bessel functions),
    9.7 (Airy functions).
"""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from . import _tables as tables
from ._chebyshev import chebyshev, in_float64

_ROOT_2 = np.sqrt(2.0)


def _scaled_i(order: int, x: Array) -> Array:
    """exp(-x) I(x) for x >= 0."""
    small, large = _series("I{}E_SMALL", order), _series("I{}E_LARGE", order)
    near = chebyshev(x, 0, 8, small) * (x if order else 1)
    far = chebyshev(8 / np.maximum(x, 8), 0, 1, large) / np.sqrt(np.maximum(x, 8))
    return np.where(x < 8, near, far)


def _series(name: str, order: int) -> tuple[float, ...]:
    return getattr(tables, name.format(order))


@in_float64
def i0e(x: Array) -> Array:
    """exp(-|x|) I0(x), the modified Bessel function of the first kind."""
    return _scaled_i(0, np.abs(x))


@in_float64
def i0(x: Array) -> Array:
    """I0(x), the modified Bessel function of the first kind."""
    return np.exp(np.abs(x)) * _scaled_i(0, np.abs(x))


@in_float64
def i1e(x: Array) -> Array:
    """exp(-|x|) I1(x), the modified Bessel function of the first kind."""
    return np.copysign(_scaled_i(1, np.abs(x)), x)


@in_float64
def i1(x: Array) -> Array:
    """I1(x), the modified Bessel function of the first kind."""
    return np.copysign(np.exp(np.abs(x)) * _scaled_i(1, np.abs(x)), x)


def _k(order: int, x: Array, scaled: bool) -> Array:
    small = np.minimum(x, 2)
    regular = chebyshev(small * small, 0, 4, _series("K{}_SMALL", order))
    logarithm = np.log(small / 2) * np.exp(small) * _scaled_i(order, small)
    near = regular / small + logarithm if order else regular - logarithm
    big = np.maximum(x, 2)
    far = chebyshev(2 / big, 0, 1, _series("K{}E_LARGE", order)) / np.sqrt(big)
    y = (
        np.where(x < 2, near * np.exp(small), far)
        if scaled
        else np.where(x < 2, near, far * np.exp(-big))
    )
    return np.where(x == 0, np.inf, np.where(x < 0, np.nan, y))


@in_float64
def k0(x: Array) -> Array:
    """K0(x), the modified Bessel function of the second kind."""
    return _k(0, x, scaled=False)


@in_float64
def k0e(x: Array) -> Array:
    """exp(x) K0(x)."""
    return _k(0, x, scaled=True)


@in_float64
def k1(x: Array) -> Array:
    """K1(x), the modified Bessel function of the second kind."""
    return _k(1, x, scaled=False)


@in_float64
def k1e(x: Array) -> Array:
    """exp(x) K1(x)."""
    return _k(1, x, scaled=True)


def _waves(order: int, x: Array) -> tuple[Array, Array]:
    """J and Y for x >= 8: (2 / (pi x))^(1/2) (P cos w - Q sin w) and (P sin w + Q cos w)."""
    x = np.maximum(x, 8)
    t = (8 / x) ** 2
    p, q = (
        chebyshev(t, 0, 1, _series("JY{}_P", order)),
        chebyshev(t, 0, 1, _series("JY{}_Q", order)) / x,
    )
    sin, cos = np.sin(x), np.cos(x)
    # w = x - pi/4 for order 0 and x - 3 pi/4 for order 1, without the error of the subtraction.
    cos_w, sin_w = ((sin - cos), -(sin + cos)) if order else ((cos + sin), (sin - cos))
    root = np.sqrt(1 / (np.pi * x))
    return root * (p * cos_w - q * sin_w), root * (p * sin_w + q * cos_w)


def _j(order: int, x: Array) -> Array:
    """J(x) for x >= 0."""
    small = np.minimum(x, 8)
    near = chebyshev(small * small, 0, 64, _series("J{}_SMALL", order)) * (small if order else 1)
    return np.where(np.isinf(x), 0, np.where(x < 8, near, _waves(order, x)[0]))


@in_float64
def j0(x: Array) -> Array:
    """J0(x), the Bessel function of the first kind."""
    return _j(0, np.abs(x))


@in_float64
def j1(x: Array) -> Array:
    """J1(x), the Bessel function of the first kind."""
    return np.copysign(1, x) * _j(1, np.abs(x))


def _y(order: int, x: Array) -> Array:
    small = np.minimum(x, 8)
    regular = chebyshev(small * small, 0, 64, _series("Y{}_SMALL", order))
    near = (regular / small if order else regular) + 2 / np.pi * np.log(small) * _j(order, small)
    y = np.where(np.isinf(x), 0, np.where(x < 8, near, _waves(order, x)[1]))
    return np.where(x == 0, -np.inf, np.where(x < 0, np.nan, y))


@in_float64
def y0(x: Array) -> Array:
    """Y0(x), the Bessel function of the second kind."""
    return _y(0, x)


@in_float64
def y1(x: Array) -> Array:
    """Y1(x), the Bessel function of the second kind."""
    return _y(1, x)


@in_float64
def spherical_j0(x: Array) -> Array:
    """sin(x) / x, by its power series near 0."""
    square = x * x
    series = 1 - square / 6 * (1 - square / 20 * (1 - square / 42))
    return np.where(np.isinf(x), 0, np.where(np.abs(x) < 0.1, series, np.sin(x) / x))


@in_float64
def airy_ai(x: Array) -> Array:
    """Ai(x)."""
    size = np.abs(x)
    z = 2 / 3 * size * np.sqrt(size)
    root = 1 / (np.sqrt(np.pi) * np.sqrt(np.sqrt(size)))
    decay = chebyshev(1 / z, 0, 3 / (2 * 2**1.5), tables.AIRY_DECAY) * np.exp(-z) * root / 2
    t = 1 / (z * z)
    end = 9 / (4 * 4**3)
    p, q = chebyshev(t, 0, end, tables.AIRY_P), chebyshev(t, 0, end, tables.AIRY_Q) / z
    sin, cos = np.sin(z), np.cos(z)
    wave = root * (p * (cos + sin) + q * (sin - cos)) / _ROOT_2
    low = chebyshev(x, -4, 0, tables.AIRY_MIDDLE_LOW)
    high = chebyshev(x, 0, 2, tables.AIRY_MIDDLE_HIGH)
    y = np.where(x < 0, np.where(x < -4, wave, low), np.where(x > 2, decay, high))
    return np.where(np.isinf(x), np.nan, y)
