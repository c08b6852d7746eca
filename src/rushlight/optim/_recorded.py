"""Steps that are recorded: `differentiable=True`, for gradients through an optimizer's steps.

Each function is the formula of one optimizer, written with operators: it takes the parameter's
value, its gradient, its state (of which it replaces the entries), the group's options, and the
number of the step. What it returns is written into the parameter, recorded as any other write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..autograd.mode import enable_grad
from ..kernels.optim import nadam_mu, nadam_rates
from ..kernels.optim.adaptive import rectification
from ..ops.compare import maximum
from ..ops.complex import view_as_complex, view_as_real
from ..ops.creation import ones_like
from ..ops.masking import where
from .optimizer import filled_like

State = dict[str, Any]
Options = dict[str, Any]


def sgd(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of SGD."""
    d = _decayed(g, p, o)
    if o["momentum"]:
        buffer = state.get("momentum_buffer")
        # The first buffer is outside the graph, as in torch.
        state["momentum_buffer"] = buffer = (
            d.detach().clone()
            if buffer is None
            else o["momentum"] * buffer + (1 - o["dampening"]) * d
        )
        d = d + o["momentum"] * buffer if o["nesterov"] else buffer
    return p - o["lr"] * d


def adam(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of Adam or AdamW."""
    beta1, beta2 = o["betas"]
    p, d = _shrunk_or_decayed(p, g, o)
    mean, square = _means(state, d, beta1, beta2)
    if o["amsgrad"]:
        square = state["max_exp_avg_sq"] = maximum(state["max_exp_avg_sq"], square)
    # A Tensor here: torch, too, computes the corrections of a recorded step in float32.
    step = state["step"].detach().clone()
    correction1, correction2 = 1 - beta1**step, 1 - beta2**step
    return p - o["lr"] / correction1 * mean / (square.sqrt() / correction2.sqrt() + o["eps"])


def nadam(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of NAdam."""
    beta1, beta2 = o["betas"]
    p, d = _shrunk_or_decayed(p, g, o)
    mean, square = _means(state, d, beta1, beta2)
    product = state.get("mu_product")
    product = ones_like(state["step"]) if product is None else product
    state["mu_product"] = product = product * nadam_mu(beta1, o["momentum_decay"], t)
    by_gradient, by_mean = nadam_rates(o["lr"], beta1, o["momentum_decay"], t, float(product))
    root = (square / (1 - beta2**t)).sqrt() + o["eps"]
    return p + by_gradient * d / root + by_mean * mean / root


def radam(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of RAdam."""
    beta1, beta2 = o["betas"]
    p, d = _shrunk_or_decayed(p, g, o)
    mean, square = _means(state, d, beta1, beta2)
    correction2 = 1 - beta2**t
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * t * beta2**t / correction2
    update = mean / (1 - beta1**t) * o["lr"]
    if length > 5.0:
        update = update * correction2**0.5 / (square.sqrt() + o["eps"])
        update = update * rectification(length, limit)
    return p - update


def adamax(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of Adamax."""
    beta1, beta2 = o["betas"]
    d = _decayed(g, p, o)
    state["exp_avg"] = mean = _average(state["exp_avg"], d, beta1)
    state["exp_inf"] = norm = maximum(state["exp_inf"] * beta2, d.abs() + o["eps"])
    return p - o["lr"] / (1 - beta1**t) * mean / norm


def adadelta(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of Adadelta."""
    rho, eps = o["rho"], o["eps"]
    d = _decayed(g, p, o)
    state["square_avg"] = square = _average(state["square_avg"], d * d, rho)
    update = (state["acc_delta"] + eps).sqrt() / (square + eps).sqrt() * d
    state["acc_delta"] = _average(state["acc_delta"], update * update, rho)
    return p - o["lr"] * update


def adagrad(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of Adagrad."""
    d = _decayed(g, p, o)
    state["sum"] = total = state["sum"] + d * d
    return p - o["lr"] / (1 + (t - 1) * o["lr_decay"]) * d / (total.sqrt() + o["eps"])


def rmsprop(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of RMSprop."""
    d = _decayed(g, p, o)
    state["square_avg"] = square = _average(state["square_avg"], d * d, o["alpha"])
    if o["centered"]:
        state["grad_avg"] = mean = _average(state["grad_avg"], d, o["alpha"])
        square = square - mean * mean
    update = d / (square.sqrt() + o["eps"])
    if o["momentum"] > 0:
        update = o["momentum"] * state["momentum_buffer"] + update
        state["momentum_buffer"] = update
    return p - o["lr"] * update


def rprop(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of Rprop."""
    (shrink, grow), (smallest, largest) = o["etas"], o["step_sizes"]
    agreement = (g * state["prev"]).detach()
    factor = where(agreement > 0, grow, where(agreement < 0, shrink, 1.0)).to(p.dtype)
    state["step_size"] = size = (state["step_size"] * factor).clamp(smallest, largest)
    state["prev"] = d = where(agreement < 0, 0.0, g)
    return p - d.sign() * size


def asgd(p: Tensor, g: Tensor, state: State, o: Options, t: float) -> Tensor:
    """Return the parameter after a step of averaged SGD."""
    lr, decay = float(o["lr"]), o["lambd"]
    rate, weight = float(state.get("eta", np.float32(lr))), float(state.get("mu", 1.0))
    d = _decayed(g, p, o)
    p = p * (1 - decay * rate) - rate * d
    average = state["ax"]
    state["ax"] = p if weight == 1 else average + (p - average) * weight
    state["eta"] = _float32(lr / (1 + decay * lr * t) ** o["alpha"])
    state["mu"] = _float32(1 / max(1, t - o["t0"]))
    return p


def _float32(value: float) -> Tensor:
    return wrap(np.asarray(value, np.float32))


def _decayed(g: Tensor, p: Tensor, o: Options) -> Tensor:
    """Return the gradient with that of the squared norm added."""
    decay = o["weight_decay"]
    return g + decay * p if isinstance(decay, Tensor) or decay != 0 else g


def _shrunk_or_decayed(p: Tensor, g: Tensor, o: Options) -> tuple[Tensor, Tensor]:
    """Return parameter and gradient, one of which the weight decay has changed."""
    if o["decoupled_weight_decay"]:
        return p * (1 - o["lr"] * o["weight_decay"]), g
    return p, _decayed(g, p, o)


def _average(mean: Tensor, x: Tensor, beta: Any) -> Tensor:
    return beta * mean + (1 - beta) * x


def _means(state: State, d: Tensor, beta1: Any, beta2: Any) -> tuple[Tensor, Tensor]:
    """Move the means of gradient and squared gradient on, and return them."""
    state["exp_avg"] = _average(state["exp_avg"], d, beta1)
    state["exp_avg_sq"] = _average(state["exp_avg_sq"], d * d, beta2)
    return state["exp_avg"], state["exp_avg_sq"]


Step = Callable[[Tensor, Tensor, State, Options, float], Tensor]

_STEPS: dict[str, tuple[Step, tuple[str, ...]]] = {
    "ASGD": (asgd, ("ax",)),
    "Adadelta": (adadelta, ("square_avg", "acc_delta")),
    "Adagrad": (adagrad, ("sum",)),
    "Adam": (adam, ("exp_avg", "exp_avg_sq")),
    "Adamax": (adamax, ("exp_avg", "exp_inf")),
    "NAdam": (nadam, ("exp_avg", "exp_avg_sq")),
    "RAdam": (radam, ("exp_avg", "exp_avg_sq")),
    "RMSprop": (rmsprop, ("square_avg",)),
    "Rprop": (rprop, ("prev", "step_size")),
    "SGD": (sgd, ()),
}  # further entries depend on options: see _begin


def recorded_step(optimizer: Any, group: Options) -> None:
    """Take one step of a group of an optimizer, so that gradients can pass back through it."""
    kind = next(c.__name__ for c in type(optimizer).__mro__ if c.__name__ in _STEPS)
    step, names = _STEPS[kind]
    with enable_grad():
        for p in group["params"]:
            if p.grad is None:
                continue
            state = optimizer.state.get(p, {})
            _begin(p, state, names, group)
            _update(p, state, group, step, _count(state) if names else 0.0)
            if state:
                optimizer.state[p] = state


def _begin(p: Tensor, state: State, names: tuple[str, ...], o: Options) -> None:
    """Make the entries of the state that a first step needs."""
    if o.get("amsgrad"):
        names = (*names, "max_exp_avg_sq")
    if o.get("centered"):
        names = (*names, "grad_avg")
    if "alpha" in o and o.get("momentum", 0) > 0:
        names = (*names, "momentum_buffer")
    for name in names:
        if name not in state:
            state[name] = filled_like(p, float(o["lr"]) if name == "step_size" else 0.0)


def _count(state: State) -> float:
    step = state.get("step", 0)
    state["step"] = step + 1 if isinstance(step, Tensor) else _float32(step + 1)
    return float(state["step"])


def _update(p: Tensor, state: State, o: Options, step: Step, t: float) -> None:
    """Write the parameter's next value into it; complex ones are pairs of real numbers."""
    g = p.grad
    assert g is not None
    before = p.clone()
    if not p.is_complex():
        p.copy_(step(before, -g if o["maximize"] else g, state, o, t))
        return
    g = view_as_real(g)
    own = {k: view_as_real(v) if _is_complex(v) else v for k, v in state.items()}
    after = step(view_as_real(before), -g if o["maximize"] else g, own, o, t)
    p.copy_(view_as_complex(after))
    state.update(
        (k, view_as_complex(v) if _is_complex(state.get(k)) or v.ndim > p.ndim else v)
        for k, v in own.items()
    )


def _is_complex(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_complex()
