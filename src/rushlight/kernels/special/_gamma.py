"""The gamma function's logarithm and its derivatives, zeta, and incomplete gamma functions.

Reference:
    NIST Digital Library of Mathematical Functions: 5.11 (Stirling's series), 5.5 (recurrence and
    reflection), 8.11 and 8.9 (incomplete gamma functions), 25.11 (Hurwitz' zeta function).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..._typing import Array
from . import _tables as tables
from ._chebyshev import chebyshev, in_float64, polynomial

# B_2k / (2k (2k - 1)) and B_2k / (2k), k = 1..7, of Stirling's series and its derivative.
_LGAMMA_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_DIGAMMA_SERIES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
# B_2k / (2k)!, k = 1..10, of the Euler-Maclaurin formula.
_ZETA_SERIES = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000,
    1 / 74724249600, -3617 / 10670622842880000, 43867 / 5109094217170944000,
    -174611 / 802857662698291200000,
)  # fmt: skip
_MOST_TERMS = 5000


def _sin_pi(x: Array) -> Array:
    """sin(pi x) without the error of pi x for large x."""
    nearest = np.rint(x)
    return np.where(nearest % 2 == 0, 1, -1) * np.sin(np.pi * (x - nearest))


def _lgamma_positive(x: Array) -> Array:
    """Logarithm of gamma(x), x >= 1/2: a series on [1/2, 3], recurrence to 10, Stirling beyond."""
    factor, reduced = np.ones_like(x), np.minimum(x, 10)
    for _ in range(8):
        above = reduced > 3
        reduced = np.where(above, reduced - 1, reduced)
        factor = np.where(above, factor * reduced, factor)
    core = chebyshev(reduced, 0.5, 3, tables.LGAMMA_CORE)
    near = core * (reduced - 1) * (reduced - 2) + np.log(factor)
    big = np.maximum(x, 10)
    far = (big - 0.5) * np.log(big) - big + 0.5 * np.log(2 * np.pi)
    far = far + polynomial(1 / (big * big), _LGAMMA_SERIES) / big
    return np.where(np.isinf(x), np.inf, np.where(x < 10, near, far))


def _lgamma(x: Array) -> Array:
    positive = _lgamma_positive(np.where(x < 0.5, 1 - x, x))
    reflected = np.log(np.pi / np.abs(_sin_pi(x))) - positive
    y = np.where(x < 0.5, reflected, positive)
    pole = ((x <= 0) & (x == np.floor(x))) | np.isinf(x)
    return np.where(np.isnan(x), x, np.where(pole, np.inf, y))


@in_float64
def lgamma(x: Array) -> Array:
    """Logarithm of |gamma(x)|; infinite at 0, -1, -2, ..."""
    return _lgamma(x)


def _digamma_positive(x: Array) -> Array:
    """The derivative of ln gamma for x > 0: recurrence to 10, then the asymptotic series."""
    y = np.zeros_like(x)
    for _ in range(10):
        below = x < 10
        y = np.where(below, y - 1 / x, y)
        x = np.where(below, x + 1, x)
    square = 1 / (x * x)
    return y + np.log(x) - 0.5 / x - square * polynomial(square, _DIGAMMA_SERIES)


def _digamma(x: Array) -> Array:
    fraction = x - np.rint(x)
    positive = _digamma_positive(np.where(x < 0, 1 - x, x))
    y = np.where(x < 0, positive - np.pi / np.tan(np.pi * fraction), positive)
    y = np.where((x < 0) & (x == np.floor(x)), np.nan, y)
    return np.where(x == 0, np.copysign(np.inf, -x), y)


@in_float64
def digamma(x: Array) -> Array:
    """The derivative of ln gamma; NaN at -1, -2, ..., infinite at 0."""
    return _digamma(x)


def _zeta(s: Array, q: Array) -> Array:
    s, q = np.broadcast_arrays(s, q)
    total, base = np.zeros_like(q), np.where(np.isfinite(q), q, 1.0)
    base = np.maximum(base, -_MOST_TERMS)
    while (base <= 12).any():
        below = base <= 12
        total = np.where(below, total + np.power(base, -s), total)
        base = np.where(below, base + 1, base)
    last = np.power(base, -s)
    total = total + last * base / (s - 1) + last / 2
    factor = s * last / base
    for k, bernoulli in enumerate(_ZETA_SERIES):
        total = total + bernoulli * factor
        factor = factor * (s + 2 * k + 1) * (s + 2 * k + 2) / (base * base)
    total = np.where(np.isposinf(q), 0, np.where(np.isnan(q), np.nan, total))
    pole = (q <= 0) & (q == np.floor(q))
    total = np.where(pole, np.inf, np.where((q <= 0) & (s != np.floor(s)), np.nan, total))
    return np.where(s == 1, np.inf, np.where(s < 1, np.nan, total))


@in_float64
def zeta(s: Array, q: Array) -> Array:
    """Hurwitz' zeta function: the sum of (q + k)^-s over k >= 0."""
    return _zeta(s, q)


def polygamma(order: int, x: Array) -> Array:
    """The derivative of digamma of the given order."""
    return _polygamma_function(order)(x)


def _polygamma_function(order: int) -> Callable[[Array], Array]:
    if order == 0:
        return digamma

    @in_float64
    def derivative(x: Array) -> Array:
        s = np.full_like(x, order + 1)
        if order == 1:
            low = x < 0.5
            y = _zeta(s, np.where(low, 1 - x, x))
            return np.where(low, (np.pi / _sin_pi(x)) ** 2 - y, y)
        return (-1) ** (order + 1) * math.exp(math.lgamma(order + 1)) * _zeta(s, x)

    return derivative


def _gamma_fractions(a: Array, x: Array) -> tuple[Array, Array]:
    """P(a, x) by its power series and Q(a, x) by its continued fraction; each good on one side."""
    scale = np.exp(a * np.log(x) - x - _lgamma(a))
    term = total = 1 / a
    for k in range(1, _MOST_TERMS):
        term = term * x / (a + k)
        total = total + term
        if not (np.abs(term) > 1e-17 * np.abs(total))[x < a + 1].any():
            break
    tiny = 1e-300
    b = x + 1 - a
    c, d = np.full_like(x, 1 / tiny), 1 / np.where(b == 0, tiny, b)
    fraction = d
    for k in range(1, _MOST_TERMS):
        numerator = -k * (k - a)
        b = b + 2
        d = 1 / np.where((low := numerator * d + b) == 0, tiny, low)
        c = np.where((high := b + numerator / c) == 0, tiny, high)
        fraction = fraction * (c * d)
        if not (np.abs(c * d - 1) > 1e-16)[x >= a + 1].any():
            break
    return scale * total, scale * fraction


def _regularized(a: Array, x: Array, upper: bool) -> Array:
    a, x = np.broadcast_arrays(a, x)
    ordinary = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    safe_a, safe_x = np.where(ordinary, a, 1.0), np.where(ordinary, x, 1.0)
    lower_part, upper_part = _gamma_fractions(safe_a, safe_x)
    lower = np.where(safe_x < safe_a + 1, lower_part, 1 - upper_part)
    complement = np.where(safe_x < safe_a + 1, 1 - lower_part, upper_part)
    y = complement if upper else lower
    all_of_it, nothing = (0.0, 1.0) if upper else (1.0, 0.0)
    y = np.where((x == 0) | np.isposinf(a), nothing, y)
    y = np.where(((a == 0) & (x > 0)) | (np.isposinf(x) & np.isfinite(a)), all_of_it, y)
    wrong = (a < 0) | (x < 0) | ((a == 0) & (x == 0)) | (np.isinf(a) & np.isinf(x))
    return np.where(wrong | np.isnan(a) | np.isnan(x), np.nan, y)


@in_float64
def igamma(a: Array, x: Array) -> Array:
    """The regularised lower incomplete gamma function P(a, x)."""
    return _regularized(a, x, upper=False)


@in_float64
def igammac(a: Array, x: Array) -> Array:
    """The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x)."""
    return _regularized(a, x, upper=True)
