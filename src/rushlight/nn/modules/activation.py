"""Activation layers: the functions of `nn.functional` as modules."""

from __future__ import annotations

import warnings
from typing import Any

from ..._tensor import Tensor
from ...ops.creation import empty
from .. import functional as F, init
from ..parameter import Parameter
from .module import Module


def _join(description: str, inplace: bool) -> str:
    """Append `inplace=True`, where it is set, to what `extra_repr` shows."""
    if not inplace:
        return description
    return f"{description}, inplace=True" if description else "inplace=True"


class _InPlace(Module):
    """A layer whose only option is to overwrite its input."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Describe the layer."""
        return _join("", self.inplace)


class _Exponential(Module):
    """A layer whose negative part is an exponential of scale `alpha`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def extra_repr(self) -> str:
        """Describe the layer."""
        return _join(f"alpha={self.alpha}", self.inplace)


class _Shrink(Module):
    """A layer that sets elements up to `lambd` to zero."""

    def __init__(self, lambd: float = 0.5):
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """Describe the layer."""
        return str(self.lambd)


class _AlongDim(Module):
    """A layer that normalises along a dimension."""

    def __init__(self, dim: int | None = None):
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"dim={self.dim}"


class Threshold(Module):
    """y = x where x > threshold, else `value`.

    Args:
        threshold: the limit.
        value: what replaces elements that are not above it.
        inplace: overwrite the input.
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False):
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with small elements replaced."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return _join(f"threshold={self.threshold}, value={self.value}", self.inplace)


class ReLU(_InPlace):
    """y = max(x, 0).

    Args:
        inplace: overwrite the input.

    Example:
        >>> rushlight.nn.ReLU()(rushlight.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return max(x, 0)."""
        return F.relu(input, self.inplace)


class RReLU(Module):
    """y = x where x >= 0, else a x; in training a is drawn from U(lower, upper), else their mean.

    Args:
        lower: the smallest slope.
        upper: the largest slope.
        inplace: overwrite the input.

    Reference:
        Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network", 2015.
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False):
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with negative elements scaled."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return _join(f"lower={self.lower}, upper={self.upper}", self.inplace)


class Hardtanh(Module):
    """y = x limited to [min_val, max_val].

    Args:
        min_val: the lower limit.
        max_val: the upper limit.
        inplace: overwrite the input.
        min_value: superseded by `min_val`.
        max_value: superseded by `max_val`.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ):
        super().__init__()
        if min_value is not None:
            warnings.warn(
                "keyword argument `min_value` is deprecated and rename to `min_val`",
                FutureWarning,
                2,
            )
            min_val = min_value
        if max_value is not None:
            warnings.warn(
                "keyword argument `max_value` is deprecated and rename to `max_val`",
                FutureWarning,
                2,
            )
            max_val = max_value
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace
        if not min_val < max_val:
            raise AssertionError(
                f"max_val must be larger than min_val, got {min_val} and {max_val}"
            )

    def forward(self, input: Tensor) -> Tensor:
        """Return the limited input."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return _join(f"min_val={self.min_val}, max_val={self.max_val}", self.inplace)


class ReLU6(Hardtanh):
    """y = x limited to [0, 6].

    Args:
        inplace: overwrite the input.
    """

    def __init__(self, inplace: bool = False):
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return _join("", self.inplace)


class Sigmoid(Module):
    """y = 1 / (1 + exp(-x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Return sigmoid(x)."""
        return F.sigmoid(input)


class Hardsigmoid(Module):
    """y = x / 6 + 1 / 2 limited to [0, 1].

    Args:
        inplace: overwrite the input.
    """

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the piecewise linear sigmoid."""
        return F.hardsigmoid(input, self.inplace)


class Tanh(Module):
    """y = tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return tanh(x)."""
        return F.tanh(input)


class SiLU(_InPlace):
    """y = x sigmoid(x), also called Swish.

    Args:
        inplace: overwrite the input.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return x sigmoid(x)."""
        return F.silu(input, self.inplace)


class Mish(_InPlace):
    """y = x tanh(softplus(x)).

    Args:
        inplace: overwrite the input.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return x tanh(softplus(x))."""
        return F.mish(input, self.inplace)


class Hardswish(Module):
    """y = 0 where x <= -3, x where x >= 3, else x (x + 3) / 6.

    Args:
        inplace: overwrite the input.
    """

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the piecewise form of SiLU."""
        return F.hardswish(input, self.inplace)


class ELU(_Exponential):
    """y = x where x > 0, else alpha (exp(x) - 1).

    Args:
        alpha: the scale of the negative part.
        inplace: overwrite the input.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the exponential linear unit."""
        return F.elu(input, self.alpha, self.inplace)


class CELU(_Exponential):
    """y = x where x > 0, else alpha (exp(x / alpha) - 1).

    Args:
        alpha: the scale of the negative part.
        inplace: overwrite the input.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the continuously differentiable exponential linear unit."""
        return F.celu(input, self.alpha, self.inplace)


class SELU(_InPlace):
    """y = scale (x where x > 0, else alpha (exp(x) - 1)), which keeps mean 0 and variance 1.

    Args:
        inplace: overwrite the input.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the self-normalising exponential linear unit."""
        return F.selu(input, self.inplace)


class GLU(Module):
    """y = a sigmoid(b), where a and b are the halves of the input along `dim`.

    Args:
        dim: the dimension that is halved.
    """

    def __init__(self, dim: int = -1):
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return one half gated by the other."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"dim={self.dim}"


class GELU(Module):
    """y = x Phi(x), Phi the distribution function of the normal distribution.

    Args:
        approximate: "none", or "tanh" for the approximation by a tanh.
    """

    def __init__(self, approximate: str = "none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return x Phi(x)."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"approximate={self.approximate!r}"


class Hardshrink(_Shrink):
    """y = 0 where |x| <= lambd, else x.

    Args:
        lambd: the limit.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with small elements zeroed."""
        return F.hardshrink(input, self.lambd)


class LeakyReLU(Module):
    """y = x where x > 0, else negative_slope x.

    Args:
        negative_slope: the slope for negative elements.
        inplace: overwrite the input.
    """

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False):
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with negative elements scaled."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return _join(f"negative_slope={self.negative_slope}", self.inplace)


class LogSigmoid(Module):
    """y = log(sigmoid(x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Return log(sigmoid(x))."""
        return F.logsigmoid(input)


class Softplus(Module):
    """y = log(1 + exp(beta x)) / beta; x itself where beta x > threshold.

    Args:
        beta: the sharpness of the bend.
        threshold: above it the function is the identity.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        """Return the smooth form of max(x, 0)."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softshrink(_Shrink):
    """y = x moved towards 0 by lambd, 0 where |x| <= lambd.

    Args:
        lambd: the distance.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input shrunk towards 0."""
        return F.softshrink(input, self.lambd)


class PReLU(Module):
    """y = x where x > 0, else weight x, the weight learned.

    Args:
        num_parameters: 1 for one weight in all, or the number of channels.
        init: the weight to start with.
        device: where the weight is.
        dtype: dtype of the weight.

    Reference:
        He et al., "Delving Deep into Rectifiers", 2015.
    """

    weight: Tensor

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ):
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to what it started with."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with negative elements scaled by the weight."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"num_parameters={self.num_parameters}"


class Softsign(Module):
    """y = x / (1 + |x|)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return x / (1 + |x|)."""
        return F.softsign(input)


class Tanhshrink(Module):
    """y = x - tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return x - tanh(x)."""
        return F.tanhshrink(input)


class Softmin(_AlongDim):
    """y = softmax(-x) along a dimension.

    Args:
        dim: the dimension whose elements will sum to 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return softmax(-x)."""
        return F.softmin(input, self.dim)


class Softmax(_AlongDim):
    """y = exp(x) / sum(exp(x)) along a dimension.

    Args:
        dim: the dimension whose elements will sum to 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return softmax(x)."""
        return F.softmax(input, self.dim)


class Softmax2d(Module):
    """Softmax over the channels of images (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return softmax(x) over the channels."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3)


class LogSoftmax(_AlongDim):
    """y = log(softmax(x)) along a dimension.

    Args:
        dim: the dimension whose softmax sums to 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return log(softmax(x))."""
        return F.log_softmax(input, self.dim)


def __getattr__(name: str) -> Any:
    if name == "MultiheadAttention":  # PyTorch has it in this file
        from .multihead import MultiheadAttention

        return MultiheadAttention
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
