"""Permutations and multinomial draws from a stream, as PyTorch's CPU makes them."""

from __future__ import annotations

import numpy as np

from rushlight._typing import Array
from rushlight.kernels._float_errors import quiet
from rushlight.kernels._precision import widen
from rushlight.kernels.random import permutation_of
from rushlight.kernels.random.fill import exponential, uniform53
from rushlight.kernels.random.mt19937 import Stream

_LONG_PERMUTATION = (1 << 32) // 20
_ZERO_SUM = "invalid multinomial distribution (sum of probabilities <= 0)"


def permutation(n: int, stream: Stream) -> Array:
    """Return 0 ... n-1 (int64) in random order.

    Step i swaps entry i with one of the n - i entries from i on. PyTorch shuffles otherwise from
    2^32 / 20 entries on, where 32-bit words are too coarse; there the order is not PyTorch's.
    """
    if n < 2:
        return np.arange(n)
    short = n < _LONG_PERMUTATION
    with stream.lock:
        steps = stream.words32(n - 1) if short else stream.words64(n - 1)
    steps %= np.arange(n, 1, -1, dtype=steps.dtype)
    return permutation_of(steps)


def multinomial(weights: Array, count: int, replacement: bool, stream: Stream) -> Array:
    """Return `count` column indices (int64) per row of `weights`, drawn in proportion to them.

    Raises:
        RuntimeError: `weights` has a negative, infinite or NaN entry, or a row of zeros.
    """
    if count == 1 or not replacement:
        return _multinomial_race(weights, count, stream)
    rows = widen(weights).reshape(-1, weights.shape[-1])
    result = np.empty((len(rows), count), np.int64)
    with stream.lock:
        for row, chosen in zip(rows, result, strict=True):
            cumulative = _cumulative(row)
            found = np.searchsorted(cumulative, uniform53(stream, count))
            chosen[...] = np.minimum(found, len(row) - 1)
    return result.reshape(*weights.shape[:-1], count)


@quiet
def _multinomial_race(weights: Array, count: int, stream: Stream) -> Array:
    """Return the columns that win a race with exponential times: weight / time, largest first."""
    if not ((weights >= 0) & (weights < np.inf)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not (weights > 0).any(axis=-1).all():
        raise RuntimeError(_ZERO_SUM)
    times = np.empty_like(weights)
    exponential(times, stream)
    merit = weights / times
    if count == 1:
        return merit.argmax(axis=-1, keepdims=True)
    return np.argsort(-merit, axis=-1, kind="stable")[..., :count]


def _cumulative(weights: Array) -> Array:
    """Return the cumulative distribution of one row of weights."""
    if not (weights >= 0).all():
        raise RuntimeError("invalid multinomial distribution (encountering probability entry < 0)")
    if np.isinf(weights).any():
        raise RuntimeError(
            "invalid multinomial distribution (encountering probability entry = infinity or NaN)"
        )
    total = np.cumsum(weights)
    if not total[-1] > 0:
        raise RuntimeError(_ZERO_SUM)
    return total / total[-1]
