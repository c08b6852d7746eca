"""Gamma, Dirichlet and binomial draws, and how the first two move with their parameters.

`rushlight.distributions` draws through these. The numbers are PyTorch's on the CPU.
"""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..backend.array import device_of, to_device, to_numpy
from ..kernels.random import implicit, rejection
from ..kernels.random.bounds import not_implemented
from ..kernels.random.mt19937 import Stream
from ..random import Generator
from ._arguments import require_tensor
from ._export import export
from ._sampling import stream_for
from .shape import broadcast_tensors

_DTYPES = (dtypes.float32, dtypes.float64)


class _Derivative(Op):
    """The derivative of a draw with respect to its parameter, which has none itself."""

    of: str

    def backward(ctx, g: Tensor) -> Any:
        raise NotImplementedError(f"the derivative for '{ctx.of}' is not implemented.")


class StandardGammaGrad(_Derivative):
    """y = dx/dalpha of a gamma number x of shape alpha, its quantile held."""

    of = "_standard_gamma_grad"

    def forward(ctx, alpha: Array, x: Array) -> Array:
        return implicit.gamma_derivative(alpha, x)


class DirichletGrad(_Derivative):
    """y = dx/dalpha / (1 - x) of a beta number x of shapes alpha and total - alpha."""

    of = "_dirichlet_grad"

    def forward(ctx, x: Array, alpha: Array, total: Array) -> Array:
        return implicit.beta_derivative(x, alpha, total)


class StandardGamma(Op):
    """x drawn with the density x^(alpha - 1) exp(-x) / Gamma(alpha).  dL/dalpha = g dx/dalpha."""

    def forward(ctx, alpha: Array, *, stream: Stream) -> Array:
        x = to_device(rejection.gamma(to_numpy(alpha), stream), device_of(alpha))
        ctx.save(alpha, x)
        return x

    def backward(ctx, g: Tensor) -> Tensor:
        alpha, x = ctx.saved_tensors
        return g * StandardGammaGrad.apply(alpha, x)


class SampleDirichlet(Op):
    """x drawn from the simplex, of density ~ prod x_i^(alpha_i - 1).

    A row of L/alpha is (dx_i/dalpha_i / (1 - x_i)) (g_i - <x, g>): what one part gains the others
    lose in proportion.
    """

    def forward(ctx, alpha: Array, *, stream: Stream) -> Array:
        x = to_device(rejection.dirichlet(to_numpy(alpha), stream), device_of(alpha))
        ctx.save(alpha, x)
        return x

    def backward(ctx, g: Tensor) -> Tensor:
        alpha, x = ctx.saved_tensors
        total = alpha.sum(-1, keepdim=True).expand(alpha.shape)
        return DirichletGrad.apply(x, alpha, total) * (g - (x * g).sum(-1, keepdim=True))


def _stream(name: str, kernel: str, input: Any, generator: Generator | None) -> Stream:
    require_tensor(name, input)
    if input.dtype not in _DTYPES:
        raise not_implemented(kernel, input.dtype)
    return stream_for(name, input.device, generator)


@export
def _standard_gamma(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw from the gamma distribution of rate 1, with gradients.

    Args:
        input: shape parameters, float32 or float64.
        generator: where the numbers come from; None: the default generator.

    Note:
        The gradient is exact to about eight digits; torch's differs from it by up to 1e-3.

    Reference: M. Figurnov, S. Mohamed and A. Mnih, "Implicit reparameterization gradients",
        NeurIPS 2018.
    """
    return StandardGamma.apply(
        input, stream=_stream("_standard_gamma", "gamma_cpu", input, generator)
    )


@export
def _standard_gamma_grad(input: Tensor, output: Tensor) -> Tensor:
    """Return the derivative of gamma numbers `output` with respect to their shapes `input`."""
    require_tensor("_standard_gamma_grad", input)
    return StandardGammaGrad.apply(*broadcast_tensors(input, output))


@export
def _sample_dirichlet(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw from the Dirichlet distribution, with gradients.

    Args:
        input: concentrations, float32 or float64, of shape (..., K).
        generator: where the numbers come from; None: the default generator.
    """
    return SampleDirichlet.apply(
        input, stream=_stream("_sample_dirichlet", "dirichlet", input, generator)
    )


@export
def _dirichlet_grad(x: Tensor, alpha: Tensor, total: Tensor) -> Tensor:
    """Return dx/dalpha / (1 - x) of Dirichlet numbers x, where the concentrations add up to total.

    Args:
        x: elements of points of the simplex.
        alpha: their concentrations.
        total: the sum of all concentrations of each point.
    """
    require_tensor("_dirichlet_grad", x)
    return DirichletGrad.apply(*broadcast_tensors(x, alpha, total))


@export
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw how many of `count` trials succeed with probability `prob`, elementwise.

    Args:
        count: numbers of trials, float32 or float64.
        prob: probabilities of the same dtype; they broadcast against `count`.
        generator: where the numbers come from; None: the default generator.

    Shape: the one `count` and `prob` broadcast to.

    Raises:
        RuntimeError: the dtypes differ or are not floating.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.binomial(rushlight.tensor([10.0, 100.0]), rushlight.tensor([0.0, 0.5]))
        tensor([ 0., 49.])
    """
    for name, parameter in (("count", count), ("prob", prob)):
        require_tensor("binomial", parameter)
        if not parameter.dtype.is_floating_point:
            raise RuntimeError(
                f"binomial only supports floating-point dtypes for {name}, got: "
                f"{parameter.dtype.type_name}"
            )
    if count.dtype is not prob.dtype:
        raise RuntimeError(
            f"Found dtype {prob.dtype.type_name} but expected {count.dtype.type_name}"
        )
    stream = _stream("binomial", "binomial_cpu", count, generator)
    n, p = broadcast_tensors(count.detach(), prob.detach())
    drawn = rejection.binomial(to_numpy(n.array), to_numpy(p.array), stream)
    return wrap(to_device(drawn, count.device))
