"""The error function's complements and inverses, and the normal distribution.

Reference:
    M. M. Shepherd, J. G. Laframboise, Chebyshev approximation of (1 + 2x) exp(x^2) erfc x, Math.
    Comp. 36 (1981), for the form of the series; M. Abramowitz, I. A. Stegun, Handbook of
    Mathematical Functions, 26.2.23, for the first guess of the quantile.
"""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from ..activation._normal import erf as _erf
from . import _tables as tables
from ._chebyshev import chebyshev, in_float64, polynomial

_ROOT_2 = np.sqrt(2.0)
_ROOT_PI = np.sqrt(np.pi)


def _scaled_tail(x: Array) -> Array:
    """exp(x^2) erfc(x) for x >= 0."""
    t = 1 / (1 + x / 2)
    return np.where(x < 1e8, t * chebyshev(t, 0, 1, tables.ERFCX), 1 / (x * _ROOT_PI))


def _erfc(x: Array) -> Array:
    size = np.abs(x)
    tail = np.where(size < 30, np.exp(-size * size) * _scaled_tail(np.minimum(size, 30)), 0)
    return np.where(np.isnan(x), x, np.where(x < 0, 2 - tail, tail))


@in_float64
def erfc(x: Array) -> Array:
    """1 - erf(x), precise for large x."""
    return _erfc(x)


@in_float64
def erfcx(x: Array) -> Array:
    """exp(x^2) erfc(x)."""
    scaled = _scaled_tail(np.abs(x))
    return np.where(x < 0, 2 * np.exp(x * x) - scaled, scaled)


def _log_ndtr(x: Array) -> Array:
    z = -x / _ROOT_2
    far = np.log(_scaled_tail(np.abs(z)) / 2) - z * z
    return np.where(x < -1, far, np.log1p(-_erfc(-z) / 2))


@in_float64
def ndtr(x: Array) -> Array:
    """P(X <= x) of the standard normal distribution."""
    return _erfc(-x / _ROOT_2) / 2


@in_float64
def log_ndtr(x: Array) -> Array:
    """Logarithm of P(X <= x) for the standard normal distribution, precise for very negative x."""
    return _log_ndtr(x)


def _lower_quantile(p: Array) -> Array:
    """Solve P(X <= x) = p for 0 < p <= 1/2: Newton's method on the logarithm."""
    log_p = np.log(p)
    t = np.sqrt(-2 * log_p)
    guess = polynomial(t, (2.515517, 0.802853, 0.010328))
    x = guess / polynomial(t, (1.0, 1.432788, 0.189269, 0.001308)) - t
    for _ in range(3):
        value = _log_ndtr(x)
        log_density = -x * x / 2 - np.log(_ROOT_2 * _ROOT_PI)
        x = x - (value - log_p) * np.exp(value - log_density)
    return x


def _erfinv_near_zero(y: Array) -> Array:
    """Newton's method on erf, for |y| <= 1/2."""
    y = np.clip(y, -0.5, 0.5)
    x = y * _ROOT_PI / 2 * (1 + np.pi / 12 * y * y)
    for _ in range(4):
        x = x - (_erf(x) - y) * _ROOT_PI / 2 * np.exp(x * x)
    return x


def _erfinv(y: Array) -> Array:
    size = np.abs(y)
    tail = np.clip((1 - size) / 2, 1e-320, 0.25)
    x = np.where(size <= 0.5, _erfinv_near_zero(size), -_lower_quantile(tail) / _ROOT_2)
    x = np.where(size == 1, np.inf, np.where(size > 1, np.nan, x))
    return np.where(np.isnan(y), y, np.copysign(x, y))


@in_float64
def erfinv(y: Array) -> Array:
    """The x with erf(x) = y; infinite at -1 and 1, NaN beyond."""
    return _erfinv(y)


@in_float64
def ndtri(p: Array) -> Array:
    """The x with P(X <= x) = p of the standard normal distribution."""
    small = np.minimum(p, 1 - p)
    tail = _lower_quantile(np.clip(small, 1e-320, 0.25))
    x = np.where(small < 0.25, np.where(p < 0.5, tail, -tail), _ROOT_2 * _erfinv(2 * p - 1))
    x = np.where(p == 0, -np.inf, np.where(p == 1, np.inf, x))
    return np.where((p < 0) | (p > 1), np.nan, x)
