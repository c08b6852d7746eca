"""One optimizer step over lists of arrays, in place.

Each kernel takes lists of equal length: parameters, gradients, then the state arrays, one of each
per parameter and of its shape. Hyper-parameters are Python floats. The operations come in the order
of PyTorch's single-tensor implementation; float16 and bfloat16 are computed in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..._typing import Array
from ...backend.array import array_module
from .._kernel import add_native, kernel
from .._precision import compute_dtype

Arrays = Sequence[Array]


def _scalars(x: Array) -> Callable[[float], Any]:
    """Python floats as scalars of the type x is computed in, so that arrays keep that type."""
    return compute_dtype(x.dtype).type


def _each(*lists: Arrays) -> Iterator[tuple[Array, ...]]:
    """The arrays of each parameter in the type they are computed in, written back afterwards."""
    for arrays in zip(*lists, strict=True):
        wide = tuple(a.astype(compute_dtype(a.dtype), copy=False) for a in arrays)
        yield wide
        for a, w in zip(arrays, wide, strict=True):
            if a is not w:
                a[...] = w.astype(a.dtype)


def _gradient(p: Array, g: Array, weight_decay: float, maximize: bool) -> Array:
    if maximize:
        g = -g
    return g + _scalars(p)(weight_decay) * p if weight_decay != 0 else g


def _average(mean: Array, g: Array, beta: float) -> None:
    """mean += (1 - beta) (g - mean)"""
    mean += _scalars(mean)(1 - beta) * (g - mean)


def _average_square(square: Array, g: Array, beta: float) -> None:
    """square = beta square + (1 - beta) g^2"""
    s = _scalars(square)
    square *= s(beta)
    square += s(1 - beta) * g * g


@kernel
def sgd_(
    params: Arrays,
    grads: Arrays,
    buffers: Arrays | None,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    first: bool = False,
) -> None:
    """Stochastic gradient descent; `buffers` is None if momentum is 0.

    `first`: the buffers hold nothing yet and become the gradients, without dampening.
    """
    for p, g, *state in _each(params, grads, *([] if buffers is None else [buffers])):
        s = _scalars(p)
        d = _gradient(p, g, weight_decay, maximize)
        if state:
            (buffer,) = state
            if first:
                buffer[...] = d
            else:
                buffer *= s(momentum)
                buffer += s(1 - dampening) * d
            d = d + s(momentum) * buffer if nesterov else buffer
        p -= s(lr) * d


@kernel
def adam_(
    params: Arrays,
    grads: Arrays,
    means: Arrays,
    squares: Arrays,
    max_squares: Arrays | None = None,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float = 0.0,
    step: float,
    decoupled: bool = False,
    maximize: bool = False,
) -> None:
    """Adam; AdamW with `decoupled`; AMSGrad with `max_squares`. `step` counts from 1."""
    root_correction = (1 - beta2**step) ** 0.5
    rate = lr / (1 - beta1**step)
    more = [] if max_squares is None else [max_squares]
    for p, g, mean, square, *largest in _each(params, grads, means, squares, *more):
        xp, s = array_module(p), _scalars(p)
        if decoupled:
            p *= s(1 - lr * weight_decay)
        d = _gradient(p, g, 0.0 if decoupled else weight_decay, maximize)
        _average(mean, d, beta1)
        _average_square(square, d, beta2)
        used = square
        if largest:
            used = largest[0]
            used[...] = xp.maximum(used, square)
        p += s(-rate) * mean / (xp.sqrt(used) / s(root_correction) + s(eps))


@kernel
def nadam_(
    params: Arrays,
    grads: Arrays,
    means: Arrays,
    squares: Arrays,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    step: float,
    mu_product: float,
    decoupled: bool = False,
    maximize: bool = False,
) -> None:
    """NAdam. `mu_product` is the product of `nadam_mu` over all steps up to this one."""
    correction = 1 - beta2**step
    from_gradient, from_mean = nadam_rates(lr, beta1, momentum_decay, step, mu_product)
    for p, g, mean, square in _each(params, grads, means, squares):
        xp, s = array_module(p), _scalars(p)
        if decoupled:
            p *= s(1 - lr * weight_decay)
        d = _gradient(p, g, 0.0 if decoupled else weight_decay, maximize)
        _average(mean, d, beta1)
        _average_square(square, d, beta2)
        root = xp.sqrt(square / s(correction)) + s(eps)
        p += s(from_gradient) * d / root
        p += s(from_mean) * mean / root


def nadam_mu(beta1: float, momentum_decay: float, step: float) -> float:
    """The momentum of NAdam's step number `step`."""
    return beta1 * (1.0 - 0.5 * 0.96 ** (step * momentum_decay))


def nadam_rates(
    lr: float, beta1: float, momentum_decay: float, step: float, mu_product: float
) -> tuple[float, float]:
    """The factors of gradient and mean in NAdam's update."""
    mu = nadam_mu(beta1, momentum_decay, step)
    mu_next = nadam_mu(beta1, momentum_decay, step + 1)
    return -lr * (1.0 - mu) / (1.0 - mu_product), -lr * mu_next / (1.0 - mu_product * mu_next)


@kernel
def rmsprop_(
    params: Arrays,
    grads: Arrays,
    squares: Arrays,
    means: Arrays | None = None,
    buffers: Arrays | None = None,
    *,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    maximize: bool = False,
) -> None:
    """RMSprop; centered with `means`, with momentum if `buffers` are given."""
    more = [x for x in (means, buffers) if x is not None]
    for p, g, square, *state in _each(params, grads, squares, *more):
        xp, s = array_module(p), _scalars(p)
        d = _gradient(p, g, weight_decay, maximize)
        _average_square(square, d, alpha)
        if means is None:
            root = xp.sqrt(square) + s(eps)
        else:
            mean = state[0]
            _average(mean, d, alpha)
            root = xp.sqrt(square - mean * mean) + s(eps)
        if buffers is None:
            p += s(-lr) * d / root
        else:
            buffer = state[-1]
            buffer *= s(momentum)
            buffer += d / root
            p += s(-lr) * buffer


@kernel
def adagrad_(
    params: Arrays,
    grads: Arrays,
    sums: Arrays,
    *,
    lr: float,
    lr_decay: float = 0.0,
    eps: float,
    weight_decay: float = 0.0,
    step: float,
    maximize: bool = False,
) -> None:
    """Adagrad. `step` counts from 1."""
    rate = lr / (1 + (step - 1) * lr_decay)
    for p, g, total in _each(params, grads, sums):
        s = _scalars(p)
        d = _gradient(p, g, weight_decay, maximize)
        total += d * d
        p += s(-rate) * d / (array_module(p).sqrt(total) + s(eps))


add_native(__name__)
