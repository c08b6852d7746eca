r"""How a gamma or beta number moves with its shape parameter while its quantile stays.

With the distribution function F(x; a) and its density p, dx/da = -(dF/da) / p. As

    dF/da = \int_0^x (log s - E log s) p(s) ds,        -dF/da = \int_x^oo (log s - E log s) p(s) ds

the derivative is an integral over either side of x of p(s) / p(x), for which no function with
overflow is needed. Where s = x exp(-t) (of odds, for the beta distribution) the integrand dies out
like exp(-r t) or faster, and double exponential quadrature gives about eight digits.

Reference: H. Takahasi and M. Mori, "Double exponential formulas for numerical integration",
Publications of RIMS 9 (1974).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.kernels._float_errors import quiet
from rushlight.kernels.special import digamma

_STEP = 0.15
_FIRST, _LAST = -24, 40  # nodes from 1e-16 to 400 times the scale


@functools.cache
def _nodes() -> tuple[tuple[float, float], ...]:
    """Return places and weights for an integral over t > 0: t = exp(w - exp(-w))."""
    w = _STEP * np.arange(_FIRST, _LAST + 1)
    t = np.exp(w - np.exp(-w))
    return tuple(zip(t.tolist(), (_STEP * t * (1 + np.exp(-w))).tolist(), strict=True))


def _integral(f: Callable[[Array], Array], scale: Array) -> Array:
    """Integrate f over t > 0, where f dies out within a few times `scale`."""
    total = 0.0
    for t, weight in _nodes():
        total = total + weight * f(t * scale)
    return total * scale


def _decay(xp: object, rate: Array, slope: Array, curvature: Array) -> Array:
    """Return the scale of exp(-slope t - curvature t^2 / 2 ...), which ends like exp(-rate t)."""
    return 1 / xp.where(rate > 1, abs(slope) + curvature**0.5, rate)  # type: ignore[attr-defined]


@quiet
def gamma_derivative(alpha: Array, x: Array) -> Array:
    """Return dx/dalpha of gamma numbers x of shapes alpha and rate 1; arrays of one shape."""
    xp = array_module(x)
    a, s = alpha.astype(np.float64), x.astype(np.float64)
    above = s > xp.maximum(a, 2)
    sign = xp.where(above, 1.0, -1.0)
    rate, excess = sign * a, xp.log(s) - digamma(a)

    def weighted(t: Array) -> Array:
        return (excess + sign * t) * xp.exp(rate * t - s * xp.expm1(sign * t))

    scale = _decay(xp, xp.where(above, 2, a), s - a, s)
    return (sign * s * _integral(weighted, scale)).astype(x.dtype)


@quiet
def beta_derivative(x: Array, alpha: Array, total: Array) -> Array:
    """Return dx/dalpha / (1 - x) of beta numbers x of shapes alpha and total - alpha."""
    xp = array_module(x)
    s, a, n = (array.astype(np.float64) for array in (x, alpha, total))
    low, high = n * s < 2, n * (1 - s) < 2
    # The side that is the smaller one, but a tail that ends like a power only if both do.
    above = xp.where(low != high, high, xp.where(low, s > 0.5, n * s > a))
    part, rate = xp.where(above, 1 - s, s), xp.where(above, n - a, a)
    excess, moves = xp.log(s) + digamma(n) - digamma(a), ~above

    def weighted(t: Array) -> Array:
        shrink = xp.log1p(part * xp.expm1(-t))
        return (excess - shrink - moves * t) * xp.exp(-rate * t - n * shrink)

    scale = _decay(xp, rate, n * s - a, n * s * (1 - s))
    return (xp.where(above, s, -s) * _integral(weighted, scale)).astype(x.dtype)
