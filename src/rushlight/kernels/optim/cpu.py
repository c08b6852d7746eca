"""Native optimizer steps, one call for all parameters.

They take float32 arrays of any dense layout, a parameter, its gradient and its state the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._native import core
from . import Arrays, adagrad_, adam_, nadam_, nadam_rates, rmsprop_, sgd_

_NONE: tuple[()] = ()


def _for_numpy(step: Callable[..., Any]) -> Callable[..., Any]:
    """Decline lists of other arrays than NumPy's; the native code checks types and layout."""

    def checked(params: Arrays, *args: Any, **kwargs: Any) -> Any:
        if params and type(params[0]) is not np.ndarray:
            return NotImplemented
        return step(params, *args, **kwargs)

    return checked


@sgd_.fast(list)
@_for_numpy
def _sgd(
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
) -> Any:
    scalars = (lr, momentum, dampening, weight_decay, nesterov, maximize, first)
    return core.sgd_step(params, grads, _NONE if buffers is None else buffers, *scalars)


@adam_.fast(list)
@_for_numpy
def _adam(
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
) -> Any:
    lists = (params, grads, means, squares, _NONE if max_squares is None else max_squares)
    decay, shrink = (0.0, 1 - lr * weight_decay) if decoupled else (weight_decay, 1.0)
    rate, root = lr / (1 - beta1**step), (1 - beta2**step) ** 0.5
    return core.adam_step(*lists, beta1, beta2, eps, decay, shrink, rate, root, maximize)


@nadam_.fast(list)
@_for_numpy
def _nadam(
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
) -> Any:
    decay, shrink = (0.0, 1 - lr * weight_decay) if decoupled else (weight_decay, 1.0)
    rates = nadam_rates(lr, beta1, momentum_decay, step, mu_product)
    scalars = (beta1, beta2, eps, decay, shrink, *rates, 1 - beta2**step, maximize)
    return core.nadam_step(params, grads, means, squares, *scalars)


@rmsprop_.fast(list)
@_for_numpy
def _rmsprop(
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
) -> Any:
    state = (_NONE if x is None else x for x in (means, buffers))
    scalars = (lr, alpha, eps, weight_decay, momentum, maximize)
    return core.rmsprop_step(params, grads, squares, *state, *scalars)


@adagrad_.fast(list)
@_for_numpy
def _adagrad(
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
) -> Any:
    rate = lr / (1 + (step - 1) * lr_decay)
    return core.adagrad_step(params, grads, sums, rate, eps, weight_decay, maximize)
