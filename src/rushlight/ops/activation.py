"""Activation functions with a node of their own.

A gradient is one kernel while nothing records it. When a second derivative is wanted, the same
formula is written with operators, which the graph can follow.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tensor import Tensor, method, wrap
from .._typing import Array
from ..autograd.mode import is_grad_enabled
from ..autograd.node import Op
from ..autograd.view import snapshot, write_
from ..backend.array import array_module
from ..kernels import activation as K
from ..kernels.random import fill
from ..random import generator_for
from ._autocast import autocast
from ._deferred import Gated, Normalised, may_wait, renew_
from ._export import export
from ._naming import named
from ._operands import as_float, not_a_tensor, not_implemented
from .masking import where

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


class ReLU(Op):
    """y = max(x, 0).  dL/dx = g where y > 0, else 0 (0 at x = 0)."""

    label = "Relu"
    absorbs = Normalised
    only_kernels = True

    def forward(ctx, x: Array | Normalised) -> Array:
        if x.dtype.kind == "b":
            raise RuntimeError("Boolean inputs not supported for relu")
        y = x.compute(relu=True) if type(x) is Normalised else K.relu(x)
        ctx.save(y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return ReLUGrad.apply(g, y)


class ReLUGrad(Op):
    """gx of ReLU, linear in g.  dL/dg = gg where y > 0."""

    label = "ThresholdBackward"
    only_kernels = True

    def forward(ctx, g: Array, y: Array) -> Array | Gated:
        ctx.save(y)
        return Gated(g, y) if not ctx.edges and may_wait(y) else K.relu_grad(g, y)

    def backward(ctx, gg: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return ReLUGrad.apply(gg, y), None


class HardTanh(Op):
    """y = min(max(x, low), high).  dL/dx = g where low < y < high, else 0."""

    label = "Hardtanh"

    def forward(ctx, x: Array, *, low: float, high: float) -> Array:
        ctx.low, ctx.high = low, high
        y = K.clamp(x, low, high)
        ctx.save(y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return HardTanhGrad.apply(g, y, low=ctx.low, high=ctx.high)


class HardTanhGrad(Op):
    """gx of HardTanh, linear in g.  dL/dg = gg where low < y < high."""

    label = "HardtanhBackward"

    def forward(ctx, g: Array, y: Array, *, low: float, high: float) -> Array:
        ctx.low, ctx.high = low, high
        ctx.save(y)
        return K.clamp_grad(g, y, low, high)

    def backward(ctx, gg: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return HardTanhGrad.apply(gg, y, low=ctx.low, high=ctx.high), None


class Sigmoid(Op):
    """y = 1 / (1 + exp(-x)).  dL/dx = g y (1 - y)."""

    def forward(ctx, x: Array) -> Array:
        y = K.sigmoid(x) if x.dtype.kind != "c" else 1 / (1 + np.exp(-x))
        ctx.save(y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        if not is_grad_enabled() and not y.dtype.is_complex:
            return wrap(K.sigmoid_grad(g.array, y.array))
        slope = y * (1 - y)
        return g * (slope.conj() if y.dtype.is_complex else slope)


class Tanh(Op):
    """y = tanh(x).  dL/dx = g (1 - y^2)."""

    def forward(ctx, x: Array) -> Array:
        y = K.tanh(x) if x.dtype.kind != "c" else np.tanh(x)
        ctx.save(y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        if not is_grad_enabled() and not y.dtype.is_complex:
            return wrap(K.tanh_grad(g.array, y.array))
        slope = 1 - y * y
        return g * (slope.conj() if y.dtype.is_complex else slope)


class SiLU(Op):
    """y = x s, s = sigmoid(x).  dL/dx = g s (1 + x (1 - s))."""

    label = "Silu"

    def forward(ctx, x: Array) -> Array:
        ctx.save(x)
        return K.silu(x) if x.dtype.kind != "c" else x / (1 + np.exp(-x))

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        if not is_grad_enabled() and not x.dtype.is_complex:
            return wrap(K.silu_grad(g.array, x.array))
        s = sigmoid(x)
        slope = s * (1 + x * (1 - s))
        return g * (slope.conj() if x.dtype.is_complex else slope)


class GELU(Op):
    """y = x Phi(x).  dL/dx = g (Phi(x) + x phi(x)); or the tanh approximation and its slope."""

    label = "Gelu"
    only_kernels = True

    def forward(ctx, x: Array, *, approximate: str) -> Array:
        ctx.save(x)
        ctx.approximate = approximate
        return K.gelu(x, approximate)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        if not is_grad_enabled():
            return wrap(K.gelu_grad(g.array, x.array, ctx.approximate))
        if ctx.approximate == "tanh":
            scale = math.sqrt(2 / math.pi)
            s = sigmoid(2 * scale * (x + 0.044715 * (x * x * x)))
            return g * (s + x * s * (1 - s) * (2 * scale) * (1 + 3 * 0.044715 * (x * x)))
        cdf = 0.5 * (1 + (x * math.sqrt(0.5)).erf())
        density = (-0.5 * (x * x)).exp() * (1 / math.sqrt(2 * math.pi))
        return g * (cdf + x * density)


class LeakyReLU(Op):
    """y = x where x > 0, else slope x.  dL/dx = g, or slope g."""

    label = "LeakyRelu"

    def forward(ctx, x: Array, *, slope: float) -> Array:
        ctx.save(x)
        ctx.slope = slope
        return K.leaky_relu(x, slope)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return LeakyReLUGrad.apply(g, x, slope=ctx.slope)


class LeakyReLUGrad(Op):
    """gx of LeakyReLU, linear in g."""

    label = "LeakyReluBackward"

    def forward(ctx, g: Array, x: Array, *, slope: float) -> Array:
        ctx.save(x)
        ctx.slope = slope
        return K.leaky_relu_grad(g, x, slope)

    def backward(ctx, gg: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return LeakyReLUGrad.apply(gg, x, slope=ctx.slope), None


class ELU(Op):
    """y = scale x where x > 0, else scale alpha (exp(k x) - 1).

    dL/dx = scale g where x > 0, else k scale alpha exp(k x) g.
    """

    label = "Elu"

    def forward(ctx, x: Array, *, alpha: float, scale: float, input_scale: float) -> Array:
        ctx.save(x)
        ctx.constants = alpha, scale, input_scale
        return K.elu(x, alpha, scale, input_scale)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        alpha, scale, input_scale = ctx.constants
        below = (x.clamp(max=0) * input_scale).exp() * (alpha * scale * input_scale)
        return g * where(x > 0, wrap(np.asarray(scale, x.array.dtype)), below)


class Softplus(Op):
    """y = log(1 + exp(beta x)) / beta, or x where beta x > threshold.

    dL/dx = g sigmoid(beta x), or g.
    """

    def forward(ctx, x: Array, *, beta: float, threshold: float) -> Array:
        ctx.save(x)
        ctx.constants = beta, threshold
        return K.softplus(x, beta, threshold)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        beta, threshold = ctx.constants
        scaled = x * beta
        return where(scaled > threshold, g, g * sigmoid(scaled))


class LogSigmoid(Op):
    """y = min(x, 0) - log(1 + exp(-|x|)).  dL/dx = g sigmoid(-x)."""

    label = "LogSigmoid"

    def forward(ctx, x: Array) -> Array:
        ctx.save(x)
        return K.log_sigmoid(x)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g * sigmoid(-x)


class Mask(Op):
    """y = x inside a set, a constant or 0 outside.  dL/dx = g where `inside` holds, else 0."""

    def forward(ctx, x: Array, inside: Array, outside: Any) -> Array:
        ctx.save(inside)
        return array_module(x).where(
            inside, x, x.dtype.type(outside) if np.isscalar(outside) else outside
        )

    def backward(ctx, g: Tensor) -> tuple[Tensor, None, None]:
        (inside,) = ctx.saved_tensors
        return Mask.apply(g, inside, 0), None, None


def _tensor(name: str, input: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    return input


def _floating(name: str, input: Any, inplace: bool = False) -> Tensor:
    """Return what an activation of floats computes from: a copy if it writes into its input."""
    x = _tensor(name, input)
    if x.array.dtype.kind in "iub":
        raise not_implemented(name, x)
    return snapshot(x) if inplace else x


def _finish(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    """Return the result, written into the input if asked to."""
    if not inplace:
        return result
    return write_(input, result)


@export(method=True, functional=True, inplace=True, saves_input=False)
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(x, 0) of each element. Its gradient at 0 is 0.

    Example:
        >>> rushlight.relu(rushlight.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    y = ReLU.apply(_tensor("relu", input))
    return renew_(input, y) if inplace else y


@method
def relu_(self: Tensor) -> Tensor:
    """Replace the elements of this tensor by max(x, 0)."""
    return relu(self, inplace=True)


@export(method=True, functional=True, inplace=True, out=True, saves_input=False)
def sigmoid(input: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-x)) of each element.

    Example:
        >>> rushlight.sigmoid(rushlight.tensor([0.0]))
        tensor([0.5000])
    """
    return Sigmoid.apply(as_float(input, "sigmoid"))


@export(method=True, functional=True, inplace=True, out=True, saves_input=False)
def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent of each element.

    Example:
        >>> rushlight.tanh(rushlight.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """
    return Tanh.apply(as_float(input, "tanh"))


@export(functional=True, public=False)
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return x Phi(x), Phi the standard normal distribution function.

    Args:
        input: any floating point tensor.
        approximate: "none" for the exact value, "tanh" for
            0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    Example:
        >>> rushlight.nn.functional.gelu(rushlight.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.0000,  0.8413])

    Reference:
        Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(
            f"gelu: approximate argument must be either none or tanh, got {approximate!r}"
        )
    return GELU.apply(_floating("gelu", input), approximate=approximate)


@export(functional=True, public=False)
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x sigmoid(x), also called swish.

    Reference:
        Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units", 2017.
    """
    return _finish(input, SiLU.apply(_floating("silu", input, inplace)), inplace)


@export(functional=True, public=False)
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x tanh(softplus(x)).

    Reference:
        Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.
    """
    x = _floating("mish", input, inplace)
    return _finish(input, x * tanh(softplus(x)), inplace)


@export(functional=True, public=False)
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return x where x > 0, else negative_slope x."""
    x = _floating("leaky_relu", input, inplace)
    return _finish(input, LeakyReLU.apply(x, slope=negative_slope), inplace)


@export(functional=True)
def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Return x where x > 0, else a x; a is drawn from U(lower, upper) (its mean if not training).

    Reference:
        Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network", 2015.
    """
    if lower > upper:
        raise RuntimeError(
            "rrelu: Lower bound should be less than or equal to the upper bound, got "
            f"{lower} > {upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    slope = np.ones_like(input.array)
    falling = input.array <= 0
    drawn = fill.uniform53(
        generator_for(input.device).stream, int(falling.sum()), upper - lower, lower
    )
    slope[falling] = drawn.astype(slope.dtype)
    return _finish(input, input * wrap(slope), inplace)


@export(functional=True, method=True)
@autocast("lower")
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return x where x > 0, else weight x, with one weight or one for each channel (axis 1).

    Reference:
        He et al., "Delving Deep into Rectifiers", 2015.
    """
    x = _tensor("prelu", input)
    if weight.array.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    if weight.array.size != 1:
        if not x.array.ndim:
            raise RuntimeError("prelu: Not allow zero-dim input tensor.")
        channels = x.array.shape[1] if x.array.ndim > 1 else 1
        if channels != weight.array.size:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.array.size} and channel size = {channels}."
            )
    if weight.array.dtype != x.array.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {x.dtype} and {weight.dtype}")
    if x.array.ndim > 1 and weight.array.ndim:
        weight = weight.reshape(1, -1, *(1,) * (x.array.ndim - 2))
    elif not x.array.ndim:
        weight = weight.reshape(())
    return named(where(x > 0, x, x * weight), "PreluKernel")


def _elu(
    input: Tensor, alpha: float, scale: float, input_scale: float, inplace: bool, name: str
) -> Tensor:
    result = ELU.apply(
        _floating(name, input, inplace), alpha=alpha, scale=scale, input_scale=input_scale
    )
    return _finish(input, result, inplace)


@export(functional=True, public=False)
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x where x > 0, else alpha (exp(x) - 1).

    Reference:
        Clevert, Unterthiner and Hochreiter, "Exponential Linear Units", 2015.
    """
    return _elu(input, alpha, 1.0, 1.0, inplace, "elu")


@export(functional=True)
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the self-normalising exponential linear unit: scale (x, or alpha (exp(x) - 1)).

    Reference:
        Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """
    return _elu(input, _SELU_ALPHA, _SELU_SCALE, 1.0, inplace, "selu")


@export(functional=True)
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x where x > 0, else alpha (exp(x / alpha) - 1).

    Reference:
        Barron, "Continuously Differentiable Exponential Linear Units", 2017.
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: celu: alpha cannot be 0")
    return _elu(input, alpha, 1.0, 1.0 / alpha, inplace, "celu")


@export(functional=True, public=False)
def softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    """Return log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""
    return Softplus.apply(_floating("softplus", input), beta=beta, threshold=threshold)


@export(functional=True, public=False)
def logsigmoid(input: Tensor) -> Tensor:
    """Return log(sigmoid(x)) of each element."""
    return LogSigmoid.apply(_floating("logsigmoid", input))


@export(functional=True, public=False)
def softsign(input: Tensor) -> Tensor:
    """Return x / (1 + |x|) of each element."""
    return input / (input.abs() + 1)


@export(functional=True, public=False)
def tanhshrink(input: Tensor) -> Tensor:
    """Return x - tanh(x) of each element."""
    return input - tanh(input)


@export(functional=True, public=False)
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """Return x limited to [min_val, max_val]. The gradient is 0 at the limits."""
    if min_val > max_val:
        raise ValueError(
            f"hardtanh: min_val cannot be greater than max_val, got {min_val} > {max_val}"
        )
    x = _tensor("hardtanh", input)
    if x.array.dtype.kind == "b":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if x.array.dtype.kind == "u" and (min_val < 0 or max_val < 0):
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    if x.array.dtype.char in "fd":
        y = HardTanh.apply(x, low=min_val, high=max_val)
        return renew_(input, y) if inplace else y
    inside = (x.array > min_val) & (x.array < max_val) | (x.array != x.array)
    # Not np.clip: for bfloat16 it returns float32.
    low, high = x.array.dtype.type(min_val), x.array.dtype.type(max_val)
    limits = np.minimum(np.maximum(x.array, low), high)
    return _finish(
        input, named(Mask.apply(x, wrap(np.asarray(inside)), limits), "Hardtanh"), inplace
    )


@export(functional=True, public=False)
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0, inplace)


@export(functional=True, public=False)
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x / 6 + 1 / 2 limited to [0, 1]."""
    x = _floating("hardsigmoid", input)
    return _finish(input, hardtanh(x + 3, 0.0, 6.0) / 6, inplace)


@export(functional=True, public=False)
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return 0 where x <= -3, x where x >= 3, else x (x + 3) / 6.

    Reference:
        Howard et al., "Searching for MobileNetV3", 2019.
    """
    x = _floating("hardswish", input, inplace)
    # Infinities are kept out of the parabola, whose slope they would make nan.
    inside = ~((x.array <= -3) | (x.array >= 3))
    bent = Mask.apply(x, wrap(np.asarray(inside)), 0)
    middle = bent * (bent + 3) / 6
    low = where(x <= -3, wrap(np.zeros((), x.array.dtype)), middle)
    return _finish(input, where(x >= 3, x, low), inplace)


@export(functional=True)
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return 0 where |x| <= lambd, else x."""
    x = _floating("hardshrink", input)
    inside = ~((x.array >= -lambd) & (x.array <= lambd))
    return Mask.apply(x, wrap(np.asarray(inside)), 0)


@export(functional=True, public=False)
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x - lambd where x > lambd, x + lambd where x < -lambd, else 0."""
    if not lambd >= 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    x = _floating("softshrink", input)
    shift = np.sign(x.array) * x.array.dtype.type(lambd)
    inside = ~((x.array >= -lambd) & (x.array <= lambd))
    return Mask.apply(x - wrap(np.asarray(shift)), wrap(np.asarray(inside)), 0)


@export(functional=True, inplace=True)
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return x where x > threshold, else `value`."""
    x = _tensor("threshold", input)
    inside = ~(x.array <= threshold)
    return _finish(input, Mask.apply(x, wrap(np.asarray(inside)), value), inplace)


@export(functional=True, public=False)
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return a sigmoid(b), where a and b are the halves of the input along a dimension.

    Reference:
        Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2016.
    """
    if not input.array.ndim:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if input.array.shape[dim] % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {input.array.shape[dim]}"
        )
    a, b = input.chunk(2, dim)
    return named(a * sigmoid(b), "Glu")


def _in_place_form(function: Any) -> None:
    """Add `nn.functional.NAME_`: the function with inplace=True."""

    def in_place(input: Tensor, *args: Any) -> Tensor:
        return function(input, *args, inplace=True)

    in_place.__doc__ = f"In-place form of `{function.__name__}`."
    export(functional=True, public=function in (selu, celu, rrelu), name=function.__name__ + "_")(
        in_place
    )


for _function in (leaky_relu, elu, selu, celu, hardtanh, rrelu):
    _in_place_form(_function)
