"""Permutations, multinomial and Poisson draws from a stream, as PyTorch's CPU makes them."""

from __future__ import annotations

import math
from collections.abc import Callable

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


def poisson(rates: Array, stream: Stream) -> Array:
    """Return one Poisson number per rate, in the dtype of `rates`.

    Raises:
        RuntimeError: a rate is negative.
    """
    draws = _Uniforms(stream)
    with stream.lock:
        drawn = [_poisson(rate, draws) for rate in rates.astype(np.float64).ravel().tolist()]
        draws.give_back()
    return np.asarray(drawn, np.float64).astype(rates.dtype).reshape(rates.shape)


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


class _Uniforms:
    """Float64 uniforms one at a time, taken from the stream in blocks."""

    BLOCK = 1024

    def __init__(self, stream: Stream):
        self.stream = stream
        self.used = 0
        self.values: list[float] = []
        self.before: Array = None

    def __call__(self) -> float:
        if self.used == len(self.values):
            self.before = self.stream.get_state()
            self.values = uniform53(self.stream, self.BLOCK).tolist()
            self.used = 0
        self.used += 1
        return self.values[self.used - 1]

    def give_back(self) -> None:
        """Leave the stream where the last number used left it."""
        if self.values:
            self.stream.set_state(self.before)
            self.stream.words64(self.used)


def _poisson(rate: float, uniform: Callable[[], float]) -> int:
    """Draw one Poisson number: a product of uniforms, or from rate 10 on transformed rejection.

    Reference: W. Hörmann, "The transformed rejection method for generating Poisson random
    variables", Insurance: Mathematics and Economics 12 (1993), algorithm PTRS.
    """
    if not rate >= 0:
        raise RuntimeError(f"invalid Poisson rate, expected rate to be non-negative, got {rate:g}")
    if rate == 0:
        return 0
    if rate < 10:
        bound, product, count = math.exp(-rate), uniform(), 0
        while product > bound:
            product *= uniform()
            count += 1
        return count
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    accept_at_once = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = uniform() - 0.5
        v = uniform()
        margin = 0.5 - abs(u)
        k = math.floor((2 * a / margin + b) * u + rate + 0.43)
        if margin >= 0.07 and v <= accept_at_once:
            return k
        if k < 0 or (margin < 0.013 and v > margin):
            continue
        log_hat = math.log(v * inverse_alpha / (a / (margin * margin) + b))
        if log_hat <= k * math.log(rate) - rate - math.lgamma(k + 1):
            return k
