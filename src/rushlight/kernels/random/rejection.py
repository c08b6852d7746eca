"""Poisson, gamma, Dirichlet and binomial draws: as many random numbers each as it happens to need.

The numbers are PyTorch's, whose samplers run element by element: what one element uses decides
where the next begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from operator import length_hint

import numpy as np

from rushlight._typing import Array
from rushlight.kernels._float_errors import quiet
from rushlight.kernels.random.fill import uniform53
from rushlight.kernels.random.mt19937 import Stream

Uniform = Callable[[], float]
_THIRD = np.float32(1) / np.float32(3)
_SQUEEZE = float(np.float32(0.0331))
# log k! less Stirling's approximation, for k = 0 ... 9.
_STIRLING_TAIL = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509,
    0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720,
    0.00925546218271273, 0.00833056343336287,
)  # fmt: skip


class _Numbers:
    """Float64 uniform and normal numbers one at a time; uniforms are taken in blocks.

    `uniform()` is the next one of a generator: samplers spend their time on calling it. On leaving
    a `with` block the stream stands after the last number used.
    """

    BLOCK = 1024

    def __init__(self, stream: Stream):
        self.stream = stream
        self.before: Array = None
        self.block: Iterator[float] = iter(())
        self.uniform: Uniform = self._uniforms().__next__

    def __enter__(self) -> _Numbers:
        self.stream.lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        if self.before is not None:
            kept = self.stream.kept_normal
            self.stream.set_state(self.before)
            self.stream.words64(self.BLOCK - length_hint(self.block))
            self.stream.kept_normal = kept
        self.stream.lock.release()

    def _uniforms(self) -> Iterator[float]:
        while True:
            self.before = self.stream.get_state()
            self.block = iter(uniform53(self.stream, self.BLOCK).tolist())
            yield from self.block

    def normal(self) -> float:
        """Return a standard normal number: one of a pair, the other of which comes next."""
        stream = self.stream
        kept = stream.kept_normal
        if kept is not None:
            stream.kept_normal = None
            return kept
        angle = 2 * math.pi * self.uniform()
        radius = math.sqrt(-2 * math.log1p(-self.uniform()))
        stream.kept_normal = radius * math.sin(angle)
        return radius * math.cos(angle)


def _shaped(drawn: list[float], like: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(drawn, np.float64).astype(like.dtype).reshape(like.shape)


# --- Poisson ---


def poisson(rates: Array, stream: Stream) -> Array:
    """Return one Poisson number per rate, in the dtype of `rates`.

    Raises:
        RuntimeError: a rate is negative.
    """
    with _Numbers(stream) as numbers:
        each = rates.astype(np.float64).ravel().tolist()
        return _shaped([_poisson(rate, numbers.uniform) for rate in each], rates)


def _poisson(rate: float, uniform: Uniform) -> int:
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


# --- gamma and Dirichlet ---


def gamma(alpha: Array, stream: Stream) -> Array:
    """Return one number of the gamma distribution of rate 1 per shape parameter.

    Args:
        alpha: float32 or float64; where it is no shape parameter (NaN, negative) the result is NaN.
        stream: where the words come from.
    """
    with _Numbers(stream) as numbers:
        drawn = [_gamma(numbers, *each) for each in zip(*_gamma_constants(alpha), strict=True)]
    x = _shaped(drawn, alpha)
    return np.maximum(x, np.finfo(alpha.dtype).tiny, out=x)


def dirichlet(alpha: Array, stream: Stream) -> Array:
    """Return one point of the simplex per row of shape parameters: gammas over their sum."""
    gammas = gamma(alpha.astype(np.float64), stream)
    gammas /= gammas.sum(-1, keepdims=True)
    one = alpha.dtype.type(1)
    tiny = np.finfo(alpha.dtype).tiny
    return np.clip(gammas.astype(alpha.dtype), tiny, np.nextafter(one, 0 * one))


@quiet
def _gamma_constants(alpha: Array) -> tuple[list[float], ...]:
    """Return d and c of Marsaglia and Tsang for each element, and the power of its boost, or 0.

    They are computed in the precision of `alpha`, as PyTorch does.
    """
    alpha = alpha.ravel()
    boosted = alpha < 1
    power = np.where(boosted, 1 / alpha, 0)
    d = (np.where(boosted, alpha + 1, alpha) - alpha.dtype.type(_THIRD)).astype(np.float64)
    d[~(alpha >= 0)] = np.nan
    return d.tolist(), (1 / np.sqrt(9 * d)).tolist(), power.tolist()


def _gamma(numbers: _Numbers, d: float, c: float, power: float) -> float:
    """Draw one gamma number; shape parameters below 1 by way of one that is larger by 1.

    Reference: G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables",
    ACM TOMS 26 (2000).
    """
    if power == math.inf or c != c:
        return c if c != c else 0.0
    scale = (1 - numbers.uniform()) ** power if power else 1.0
    while True:
        y = 0.0
        while y <= 0:
            x = numbers.normal()
            y = 1 + c * x
        v = y * y * y
        u = 1 - numbers.uniform()
        xx = x * x
        if u < 1 - _SQUEEZE * xx * xx:
            return scale * d * v
        if math.log(u) < 0.5 * xx + d * (1 - v + math.log(v)):
            return scale * d * v


# --- binomial ---


@quiet
def binomial(count: Array, p: Array, stream: Stream) -> Array:
    """Return how many of `count` trials succeed with probability `p`, for two arrays of one dtype.

    The chances are computed in that dtype, as PyTorch does.
    """
    n, p = count.ravel(), p.ravel()
    flipped = p > 0.5
    q = np.where(flipped, (1 - p.astype(np.float64)).astype(p.dtype), p)
    spread = np.sqrt(n * q * (1 - q))
    constants = (n, q, n * q, spread, q / (1 - q), np.floor((n + 1) * q), np.log1p(-q))
    with _Numbers(stream) as numbers:
        drawn = [
            _binomial(numbers.uniform, *each)
            for each in zip(*(c.tolist() for c in constants), strict=True)
        ]
    successes = _shaped(drawn, n)
    return np.where(flipped & (n > 0), n - successes, successes).reshape(count.shape)


def _binomial(
    uniform: Uniform, n: float, p: float, mean: float, spread: float, odds: float, mode: float,
    log_miss: float,
) -> float:  # fmt: skip
    """Draw one binomial number for p <= 1/2."""
    if n <= 0 or p <= 0:
        return 0.0
    if not mean < math.inf:
        return math.nan
    if mean < 10:
        return _binomial_by_waiting(uniform, n, log_miss)
    return _binomial_by_rejection(uniform, n, p, mean, spread, odds, mode)


def _binomial_by_waiting(uniform: Uniform, n: float, log_miss: float) -> float:
    """Count the geometric waiting times that fit into n trials."""
    trials, successes = 0.0, 0.0
    while True:
        u = uniform()
        trials += math.ceil(math.log(u) / log_miss) if u else math.inf
        if trials > n:
            return successes
        successes += 1


def _binomial_by_rejection(
    uniform: Uniform, n: float, p: float, mean: float, spread: float, odds: float, mode: float
) -> float:
    """Draw by transformed rejection.

    Reference: W. Hörmann, "The generation of binomial random variates", Journal of Statistical
    Computation and Simulation 46 (1993), algorithm BTRS.
    """
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha = (2.83 + 5.1 / b) * spread
    accept_at_once = 0.92 - 4.2 / b
    while True:
        u = uniform() - 0.5
        v = uniform()
        margin = 0.5 - abs(u)
        if not margin:
            continue
        k = float(math.floor((2 * a / margin + b) * u + mean + 0.5))
        if not 0 <= k <= n:
            continue
        if (margin >= 0.07 and v <= accept_at_once) or not v:
            return k
        log_ratio = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
            + (n + 1) * math.log((n - mode + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + _stirling_tail(mode) + _stirling_tail(n - mode)
            - _stirling_tail(k) - _stirling_tail(n - k)
        )  # fmt: skip
        if math.log(v * alpha / (a / (margin * margin) + b)) <= log_ratio:
            return k


def _stirling_tail(k: float) -> float:
    if k < len(_STIRLING_TAIL):
        return _STIRLING_TAIL[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
