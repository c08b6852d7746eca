"""Exponential families: densities whose entropy follows from their normalizer."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..autograd import grad
from .distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """Distributions with a density exp(<t(x), theta> - F(theta) + k(x)).

    theta are the natural parameters, t(x) the sufficient statistic, F the log normalizer and k
    the carrier measure. A subclass gives `_natural_params`, `_log_normalizer` and
    `_mean_carrier_measure` = E[k(x)], and has the entropy F - <theta, grad F> - E[k(x)] by that.

    Reference: `torch.distributions.ExponentialFamily`; Nielsen and Nock, Entropies and
        cross-entropies of exponential families (2010).
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        """The natural parameters theta."""
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Tensor:
        """Return F(theta)."""
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        """E[k(x)]."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """Return the entropy in nats, of shape `batch_shape`."""
        params = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*params)
        slopes = grad(normalizer.sum(), params, create_graph=True)
        result = normalizer - self._mean_carrier_measure
        for param, slope in zip(params, slopes, strict=True):
            result = result - (param * slope).reshape((*self._batch_shape, -1)).sum(-1)
        return result
