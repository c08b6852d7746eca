"""Steps whose length adapts to each element: RAdam, Adamax, Adadelta, Rprop; and averaged SGD.

The conventions are those of the package; these have no native version.
"""

from __future__ import annotations

from ...backend.array import array_module
from .._kernel import kernel
from . import Arrays, _average, _average_square, _each, _gradient, _scalars


@kernel
def radam_(
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
    step: float,
    decoupled: bool = False,
    maximize: bool = False,
) -> None:
    """RAdam. `step` counts from 1."""
    correction1, correction2 = 1 - beta1**step, 1 - beta2**step
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * step * beta2**step / correction2
    for p, g, mean, square in _each(params, grads, means, squares):
        s = _scalars(p)
        if decoupled and weight_decay != 0:
            p *= s(1 - lr * weight_decay)
        d = _gradient(p, g, 0.0 if decoupled else weight_decay, maximize)
        _average(mean, d, beta1)
        _average_square(square, d, beta2)
        update = mean / s(correction1) * s(lr)
        if length > 5.0:
            update *= s(correction2**0.5) / (array_module(p).sqrt(square) + s(eps))
            update *= s(rectification(length, limit))
        p -= update


def rectification(length: float, limit: float) -> float:
    """RAdam's correction of the adaptive rate for its variance: a factor below 1."""
    ratio = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
    return ratio**0.5


@kernel
def adamax_(
    params: Arrays,
    grads: Arrays,
    means: Arrays,
    norms: Arrays,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float = 0.0,
    step: float,
    maximize: bool = False,
) -> None:
    """Adamax. `step` counts from 1."""
    rate = lr / (1 - beta1**step)
    for p, g, mean, norm in _each(params, grads, means, norms):
        xp, s = array_module(p), _scalars(p)
        d = _gradient(p, g, weight_decay, maximize)
        _average(mean, d, beta1)
        norm[...] = xp.maximum(norm * s(beta2), xp.abs(d) + s(eps))
        p += s(-rate) * mean / norm


@kernel
def adadelta_(
    params: Arrays,
    grads: Arrays,
    squares: Arrays,
    deltas: Arrays,
    *,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Adadelta. `squares` and `deltas` average the squares of gradients and of updates."""
    for p, g, square, delta in _each(params, grads, squares, deltas):
        xp, s = array_module(p), _scalars(p)
        d = _gradient(p, g, weight_decay, maximize)
        _average_square(square, d, rho)
        update = xp.sqrt(delta + s(eps)) / xp.sqrt(square + s(eps)) * d
        _average_square(delta, update, rho)
        p -= s(lr) * update


@kernel
def rprop_(
    params: Arrays,
    grads: Arrays,
    previous: Arrays,
    sizes: Arrays,
    *,
    shrink: float,
    grow: float,
    smallest: float,
    largest: float,
    maximize: bool = False,
) -> None:
    """Rprop. An element whose gradient changed sign rests for one step."""
    for p, g, last, size in _each(params, grads, previous, sizes):
        xp, s = array_module(p), _scalars(p)
        d = _gradient(p, g, 0.0, maximize)
        agreement = d * last
        turned = agreement < 0
        size *= xp.where(agreement > 0, s(grow), xp.where(turned, s(shrink), s(1)))
        xp.clip(size, s(smallest), s(largest), out=size)
        last[...] = xp.where(turned, s(0), d)
        p -= xp.sign(last) * size


@kernel
def asgd_(
    params: Arrays,
    grads: Arrays,
    averages: Arrays,
    *,
    rate: float,
    decay: float,
    weight: float,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Averaged SGD. `weight` of the newest parameters in the averages; 1 restarts them."""
    for p, g, average in _each(params, grads, averages):
        s = _scalars(p)
        d = _gradient(p, g, weight_decay, maximize)
        p *= s(1 - decay * rate)
        p -= s(rate) * d
        if weight == 1:
            average[...] = p
        else:
            average += (p - average) * s(weight)
