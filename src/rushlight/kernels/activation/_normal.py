"""The error function and the normal distribution for array modules that lack them.

erfc(z) = exp(-z^2) t f(t) with t = 1 / (1 + z/2); f is smooth on [0, 1] and given by its Chebyshev
series, which meets double precision.
"""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from ...backend.array import array_module

# Computed with 40 digits for f on [0, 1].
_TAIL_SERIES = (
    *(0.5770337386164697, 0.3554369212704985, 0.06509515882878653, 0.003671142395836639),
    *(-0.0011128447433526325, -0.0001607582991537808, 3.278031574173137e-05),
    *(5.442441645505016e-06, -1.5154665553171482e-06, -1.4297608181169865e-07),
    *(8.234608827419493e-08, -1.2962846852306563e-09, -4.154721631015199e-09),
    *(6.347058278362811e-10, 1.4320822712256225e-10, -6.160390105204585e-11),
    *(2.0612138554721698e-12, 3.5714931488477042e-12, -8.586422843251796e-13),
    *(-6.14560021379063e-14, 7.418725748596617e-14, -1.2895042755032325e-14),
    *(-2.358726385710632e-15, 1.5729349381685912e-15, -2.2782966239546465e-16),
)
# Taylor: erf(x) = 2 / sqrt(pi) sum (-1)^n x^(2n+1) / (n! (2n+1)), for |x| < 1.
_TAYLOR_TERMS = 20


def _taylor_coefficients() -> list[float]:
    coefficients, factorial = [], 1.0
    for n in range(_TAYLOR_TERMS):
        factorial *= max(n, 1)
        coefficients.append(2 / np.sqrt(np.pi) * (-1) ** n / (factorial * (2 * n + 1)))
    return coefficients


_TAYLOR = _taylor_coefficients()


def _clenshaw(u: Array, series: tuple[float, ...]) -> Array:
    """The Chebyshev series at u in [-1, 1]."""
    older, newer = u * 0.0, u * 0.0
    for c in series[:0:-1]:
        older, newer = newer, 2 * u * newer - older + c
    return u * newer - older + series[0]


def _tail(z: Array) -> Array:
    """erfc(z) for z >= 0 in float64."""
    xp = array_module(z)
    z = xp.minimum(z, 40.0)
    t = 1 / (1 + z / 2)
    return xp.exp(-z * z) * t * _clenshaw(2 * t - 1, _TAIL_SERIES)


def erf(x: Array) -> Array:
    """2/sqrt(pi) times the integral of exp(-t^2) from 0 to x, in float64."""
    xp = array_module(x)
    x = x.astype(np.float64, copy=False)
    size = xp.abs(x)
    clipped = xp.minimum(size, 1.0)
    square, near = clipped * clipped, clipped * 0.0
    for c in _TAYLOR[::-1]:
        near = near * square + c
    return xp.copysign(xp.where(size < 1, near * clipped, 1 - _tail(size)), x)


def normal_cdf(x: Array) -> Array:
    """P(X <= x) of the standard normal distribution, in float64; precise in both tails."""
    xp = array_module(x)
    x = x.astype(np.float64, copy=False)
    half_tail = _tail(xp.abs(x) / np.sqrt(2)) / 2
    return xp.where(x > 0, 1 - half_tail, half_tail)


def normal_density(x: Array) -> Array:
    """exp(-x^2 / 2) / sqrt(2 pi) in float64."""
    x = x.astype(np.float64, copy=False)
    return array_module(x).exp(-x * x / 2) / np.sqrt(2 * np.pi)
