"""Von Mises distributions of angles."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..backend.dtype import float64
from ..ops.bessel import i0e, i1e
from ..ops.creation import zeros
from ..ops.masking import where
from ..ops.sampling import rand
from . import constraints
from ._elementwise import Elementwise
from .distribution import _NO_SHAPE
from .parameters import broadcast_all

__all__ = ["VonMises"]


class VonMises(Elementwise):
    """The density exp(concentration cos(x - loc)) / (2 pi I0(concentration)) of angles x.

    Args:
        loc: the mean direction, any angle in radians.
        concentration: how narrow the distribution is; 1 / variance where that is small.
        validate_args: whether to check parameters and values.

    Note:
        I0 is computed to full precision; torch's is good to seven digits.

    Example:
        >>> from rushlight.distributions import VonMises
        >>> VonMises(rushlight.tensor(0.0), rushlight.tensor(1.0)).log_prob(rushlight.tensor(0.0))
        tensor(-1.0738)

    Reference: `torch.distributions.VonMises`.
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _parameters = ("loc", "concentration")

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """loc, the mean direction."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """1 - I1(concentration) / I0(concentration), 1 less the length of the mean direction."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw angles of [-pi, pi), without gradients.

        Reference: D. J. Best and N. I. Fisher, Efficient simulation of the von Mises distribution,
            Applied Statistics 28 (1979). All is done in float64: small concentrations need it.
        """
        shape = self._extended_shape(sample_shape)
        with no_grad():
            loc, concentration = self.loc.to(float64), self.concentration.to(float64)
            r = _proposal(concentration)
            angle = zeros(shape, dtype=float64, device=loc.device)
            done = angle > 0
            while not done.all():
                u1, u2, u3 = rand((3, *shape), dtype=float64, device=loc.device).unbind()
                z = (math.pi * u1).cos()
                cosine = (1 + r * z) / (r + z)
                c = concentration * (r - cosine)
                accept = (c * (2 - c) > u2) | ((c / u2).log() + 1 >= c)
                angle = where(accept, (u3 - 0.5).sign() * cosine.acos(), angle)
                done = done | accept
            return ((angle + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        log_i0 = i0e(self.concentration).log() + self.concentration
        return self.concentration * (value - self.loc).cos() - math.log(2 * math.pi) - log_i0


def _proposal(concentration: Tensor) -> Tensor:
    """Return the parameter of the wrapped Cauchy distribution that proposals come from."""
    tau = 1 + (1 + 4 * concentration.pow(2)).sqrt()
    rho = (tau - (2 * tau).sqrt()) / (2 * concentration)
    exact = (1 + rho.pow(2)) / (2 * rho)
    return where(concentration < 1e-5, concentration.reciprocal() + concentration, exact)
