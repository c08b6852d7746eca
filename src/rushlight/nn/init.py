"""Initialising parameters, in place, with PyTorch's numbers for the same seed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..autograd.mode import no_grad
from ..backend.dtype import bool_
from ..ops.creation import empty_like, ones_like
from ..random import Generator

_LINEAR = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which an activation shrinks its input's standard deviation, inverted.

    Example:
        >>> rushlight.nn.init.calculate_gain("relu")
        1.4142135623730951
    """
    if nonlinearity in _LINEAR or nonlinearity == "sigmoid":
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ValueError(f"negative_slope {param} not a valid number")
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with draws from the uniform distribution on [a, b)."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with draws from the normal distribution."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with draws from the normal distribution limited to [a, b], by rejecting others."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
            "values may be incorrect.",
            stacklevel=2,
        )

    def cdf(x: float) -> float:
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    share = cdf((b - mean) / std) - cdf((a - mean) / std)
    with no_grad():
        if share > _NORMAL_PROPOSAL:
            low, high = tensor.new_tensor([a, b], device="cpu").double().tolist()
            _reject_normal(tensor, mean, std, low, high, generator)
        else:
            _reject_uniform(tensor, mean, std, a, b, generator)
    return tensor


# Below this share of the normal distribution in [a, b], uniform proposals are rejected less often.
_NORMAL_PROPOSAL = 0.3


def _reject_normal(
    x: Tensor, mean: float, std: float, low: float, high: float, generator: Generator | None
) -> None:
    x.normal_(mean, std, generator=generator)
    outside = (x < low) | (x > high)
    while outside.any():
        x.copy_(empty_like(x).normal_(mean, std, generator=generator).where(outside, x))
        outside = (x < low) | (x > high)


def _reject_uniform(
    x: Tensor, mean: float, std: float, a: float, b: float, generator: Generator | None
) -> None:
    """Keep a uniform draw with probability density(draw) / density(mode)."""
    mode = max(a, min(mean, b))
    peak = -0.5 * ((mode - mean) / std) ** 2
    pending = ones_like(x, dtype=bool_)
    while pending.any():
        draws = empty_like(x).uniform_(a, b, generator=generator)
        x.copy_(draws.where(pending, x))
        level = draws.sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(peak)
        pending = pending & (empty_like(x).uniform_(generator=generator).log_() > level)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with a number."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        return tensor.copy_(wrap(np.eye(*tensor.array.shape)))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution so that it passes on as many channels as it can."""
    shape = tensor.array.shape
    if len(shape) not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = shape[0] // groups
    values = np.zeros(shape, np.float64)
    centre = tuple(n // 2 for n in shape[2:])
    for g in range(groups):
        for d in range(min(per_group, shape[1])):
            values[(g * per_group + d, d, *centre)] = 1
    with no_grad():
        return tensor.copy_(wrap(values))


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Return the number of inputs and of outputs that one element of a weight connects."""
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _fan(tensor: Tensor, mode: str) -> int:
    modes = ("fan_in", "fan_out")
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {list(modes)}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill from U(-a, a), a = gain sqrt(6 / (fan_in + fan_out)).

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward networks",
        2010.
    """
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill from N(0, std^2), std = gain sqrt(2 / (fan_in + fan_out))."""
    return normal_(
        tensor, 0.0, gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor))), generator
    )


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill from U(-b, b), b = gain sqrt(3 / fan).

    Reference:
        He et al., "Delving Deep into Rectifiers", 2015.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill from N(0, std^2), std = gain / sqrt(fan)."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    """Return gain / sqrt(fan), or None for a tensor without elements."""
    if 0 in tensor.array.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    return calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with a (semi-)orthogonal matrix: the Q of a random matrix, signs made unique.

    Reference:
        Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning", 2013.
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.array.size == 0:
        return tensor
    rows = tensor.array.shape[0]
    columns = tensor.array.size // rows
    flat = wrap(np.empty((rows, columns), tensor.array.dtype))
    flat.normal_(0, 1, generator=generator)
    wide = flat.array.astype(np.float64)
    q, r = np.linalg.qr(wide.T if rows < columns else wide)
    q = q * np.sign(np.diag(r))
    with no_grad():
        return tensor.copy_(wrap((q.T if rows < columns else q).reshape(tensor.array.shape) * gain))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Fill from N(0, std^2), then zero a share of each column."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    from ..ops.sampling import randperm

    rows, columns = tensor.array.shape
    zeros = math.ceil(sparsity * rows)
    normal_(tensor, 0, std, generator)
    with no_grad():
        for column in range(columns):
            tensor[randperm(rows)[:zeros], column] = 0
    return tensor


def _legacy(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    old = function.__name__[:-1]

    def renamed(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{old}_`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    renamed.__name__ = old
    renamed.__doc__ = f"Deprecated name of `{old}_`."
    return renamed


uniform = _legacy(uniform_)
normal = _legacy(normal_)
constant = _legacy(constant_)
eye = _legacy(eye_)
dirac = _legacy(dirac_)
xavier_uniform = _legacy(xavier_uniform_)
xavier_normal = _legacy(xavier_normal_)
kaiming_uniform = _legacy(kaiming_uniform_)
kaiming_normal = _legacy(kaiming_normal_)
orthogonal = _legacy(orthogonal_)
sparse = _legacy(sparse_)
