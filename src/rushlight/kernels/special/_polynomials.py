"""Orthogonal polynomials p_n(x) by their three-term recurrences, n and x arrays.

Reference:
    NIST Digital Library of Mathematical Functions, 18.9 (recurrence relations).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..._typing import Array
from ._chebyshev import in_float64

# (x, k, p_k, p_k-1) -> p_k+1
Recurrence = Callable[[Array, int, Array, Array], Array]


def _family(
    first: Callable[[Array], Array], following: Recurrence, shifted: bool = False
) -> Callable[..., Array]:
    """Return the function (x, n) -> p_n(x); 0 for n < 0."""

    @in_float64
    def evaluate(x: Array, n: Array) -> Array:
        x, n = np.broadcast_arrays(2 * x - 1 if shifted else x, np.trunc(n))
        earlier, latest = np.ones_like(x), first(x)
        y = np.where(n == 0, earlier, np.where(n == 1, latest, 0.0))
        for k in range(1, int(n.max(initial=0))):
            earlier, latest = latest, following(x, k, latest, earlier)
            y = np.where(n == k + 1, latest, y)
        return y

    return evaluate


def _chebyshev_step(x: Array, k: int, p: Array, before: Array) -> Array:
    return 2 * x * p - before


chebyshev_t = _family(lambda x: x, _chebyshev_step)
chebyshev_u = _family(lambda x: 2 * x, _chebyshev_step)
chebyshev_v = _family(lambda x: 2 * x - 1, _chebyshev_step)
chebyshev_w = _family(lambda x: 2 * x + 1, _chebyshev_step)
shifted_chebyshev_t = _family(lambda x: x, _chebyshev_step, shifted=True)
shifted_chebyshev_u = _family(lambda x: 2 * x, _chebyshev_step, shifted=True)
shifted_chebyshev_v = _family(lambda x: 2 * x - 1, _chebyshev_step, shifted=True)
shifted_chebyshev_w = _family(lambda x: 2 * x + 1, _chebyshev_step, shifted=True)
hermite_h = _family(lambda x: 2 * x, lambda x, k, p, before: 2 * (x * p - k * before))
hermite_he = _family(lambda x: x, lambda x, k, p, before: x * p - k * before)
laguerre_l = _family(
    lambda x: 1 - x, lambda x, k, p, before: ((2 * k + 1 - x) * p - k * before) / (k + 1)
)
legendre_p = _family(
    lambda x: x, lambda x, k, p, before: ((2 * k + 1) * x * p - k * before) / (k + 1)
)
