"""Divergences of two distributions of different kinds.

KL(p || q) = -H(p) - E_p[log q]. Of p, the cross entropy with a given q needs little more than the
mean and the variance, so there is a function for each kind of q.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from .._tensor import Tensor
from ..ops.creation import full_like
from ..ops.special import xlogy
from ._kl_registry import register_kl
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .laplace import Laplace
from .normal import Normal
from .parameters import EULER
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform

F = TypeVar("F", bound=Callable[..., Any])

# Values of p that q cannot have: the divergence is infinite.
_NOT_COVERED = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}


def _infinite(p: Any, q: Any) -> Tensor:
    return full_like(p.mean, math.inf)


for _kind, _others in _NOT_COVERED.items():
    for _other in _others:
        register_kl(_kind, _other)(_infinite)


def _register(kind: type, *kinds_of_p: type) -> Callable[[F], F]:
    """Register a function for a kind of q and several of p."""

    def decorate(function: F) -> F:
        for kind_of_p in kinds_of_p:
            register_kl(kind_of_p, kind)(function)
        return function

    return decorate


# --- expectations ---


def _mean_log(p: Any) -> Tensor:
    """Return E[log x]."""
    if isinstance(p, Beta):
        return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    if isinstance(p, Exponential):
        return -p.rate.log() - EULER
    if isinstance(p, Pareto):
        return p.scale.log() + p.alpha.reciprocal()
    return _mean_log_between(p.low, p.high)


def _mean_log_between(low: Tensor, high: Tensor) -> Tensor:
    """Return the mean of log x over an interval."""
    return (xlogy(high, high) - xlogy(low, low)) / (high - low) - 1


def _log_mean_exp(p: Any, t: Tensor) -> Tensor:
    """Return log E[exp(-t x)]."""
    if isinstance(p, Exponential):
        return -(t / p.rate).log1p()
    if isinstance(p, Gamma):
        return -p.concentration * (t / p.rate).log1p()
    if isinstance(p, Normal):
        return 0.5 * (p.scale * t).pow(2) - p.loc * t
    width = (p.high - p.low) * t
    return (-(-width).expm1() / width).log() - p.low * t


def _with_moment(p: Any, order: int) -> tuple[Any, Tensor | None]:
    """Return where E[x^order] is infinite, and p with other parameters there.

    Only Pareto has such moments; computing with them would make the gradients NaN.
    """
    if not isinstance(p, Pareto):
        return p, None
    infinite = p.alpha <= order
    inside = Pareto(p.scale, p.alpha.masked_fill(infinite, order + 1.0), validate_args=False)
    return inside, infinite


def _infinite_where(result: Tensor, where: Tensor | None) -> Tensor:
    return result if where is None else result.masked_fill(where, math.inf)


# --- by the kind of q ---


@_register(Normal, Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform)
def _to_normal(p: Any, q: Normal) -> Tensor:
    p, infinite = _with_moment(p, 2)
    variance = q.scale.pow(2)
    distance = (p.variance + (p.mean - q.loc).pow(2)) / variance
    result = 0.5 * ((2 * math.pi * variance).log() + distance) - p.entropy()
    return _infinite_where(result, infinite)


@_register(Laplace, Normal)
def _normal_to_laplace(p: Normal, q: Laplace) -> Tensor:
    distance = p.loc - q.loc
    z = distance / p.scale
    bell = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.pow(2)).exp()
    mean_distance = bell + distance * (math.sqrt(0.5) * z).erf()
    return (2 * q.scale).log() + mean_distance / q.scale - p.entropy()


@_register(Exponential, Beta, ContinuousBernoulli, Gamma, Pareto)
def _to_exponential(p: Any, q: Exponential) -> Tensor:
    p, infinite = _with_moment(p, 1)
    return _infinite_where(q.rate * p.mean - q.rate.log() - p.entropy(), infinite)


@_register(Exponential, Uniform)
def _uniform_to_exponential(p: Uniform, q: Exponential) -> Tensor:
    return _infinite_where(_to_exponential(p, q), p.low < 0)


@_register(Gamma, Beta, Exponential, Pareto)
def _to_gamma(p: Any, q: Gamma) -> Tensor:
    p, infinite = _with_moment(p, 1)
    a = q.concentration
    cross = a.lgamma() - a * q.rate.log() - (a - 1) * _mean_log(p) + q.rate * p.mean
    return _infinite_where(cross - p.entropy(), infinite)


@_register(Gamma, Uniform)
def _uniform_to_gamma(p: Uniform, q: Gamma) -> Tensor:
    return _infinite_where(_to_gamma(p, q), p.low < 0)


@_register(Gumbel, Exponential, Gamma, Normal, Uniform)
def _to_gumbel(p: Any, q: Gumbel) -> Tensor:
    z = (p.mean - q.loc) / q.scale
    tail = (q.loc / q.scale + _log_mean_exp(p, q.scale.reciprocal())).exp()
    return q.scale.log() + z + tail - p.entropy()


@_register(Beta, Uniform)
def _uniform_to_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    slopes = (a - 1) * _mean_log(p) + (b - 1) * _mean_log_between(1 - p.high, 1 - p.low)
    return _infinite_where(norm - slopes - p.entropy(), (p.high > 1) | (p.low < 0))


@_register(Pareto, Uniform)
def _uniform_to_pareto(p: Uniform, q: Pareto) -> Tensor:
    cross = (q.alpha + 1) * _mean_log(p) - q.alpha.log() - q.alpha * q.scale.log()
    return _infinite_where(cross - p.entropy(), p.low < q.scale)


@_register(ContinuousBernoulli, Beta)
def _to_continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Tensor:
    cross = -p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()
    return cross - p.entropy()


@_register(ContinuousBernoulli, Uniform)
def _uniform_to_continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> Tensor:
    # As in PyTorch, infinite already where an end of the interval is 0 or 1.
    return _infinite_where(_to_continuous_bernoulli(p, q), (p.high >= 1) | (p.low <= 0))


@_register(Uniform, Beta)
def _to_uniform(p: Any, q: Uniform) -> Tensor:
    result = (q.high - q.low).log() - p.entropy()
    return _infinite_where(result, (q.low > 0) | (q.high < 1))


@_register(Uniform, ContinuousBernoulli)
def _continuous_bernoulli_to_uniform(p: ContinuousBernoulli, q: Uniform) -> Tensor:
    # As in PyTorch, infinite already where an end of the interval is 0 or 1.
    return _infinite_where((q.high - q.low).log() - p.entropy(), (q.low >= 0) | (q.high <= 1))


@_register(Poisson, Bernoulli)
def _bernoulli_to_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return q.rate - p.probs * q.rate.log() - p.entropy()
