"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..kernels.optim import adaptive as K
from .optimizer import Optimizer, check_lr, check_range, written


class ASGD(Optimizer):
    """Stochastic gradient descent that keeps the average of the parameters, in state["ax"].

    p = (1 - lambd eta) p - eta g;  ax = ax + mu (p - ax);
    eta = lr / (1 + lambd lr t)^alpha;  mu = 1 / max(1, t - t0)

    Args:
        params: parameters or groups.
        lr: learning rate.
        lambd: how fast parameters and learning rate decay.
        alpha: power of the learning rate's decay.
        t0: the step at which averaging starts.
        weight_decay: added to the gradient times the parameter.
        foreach: accepted; one fused step is always taken.
        maximize: ascend instead.
        differentiable: record the step, so that gradients pass back through it.
        capturable: accepted.

    Reference:
        Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
        t0: float = 1e6, weight_decay: float = 0, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ):  # fmt: skip
        check_lr(lr)
        check_range("weight_decay value", weight_decay)
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            lr, decay = float(group["lr"]), group["lambd"]
            for step, params, lists in self._batches(group, ("ax",)):
                for p, *arrays in zip(params, *lists, strict=True):
                    rate, weight = self._scalars(p, lr)
                    K.asgd_(
                        *([a] for a in arrays), rate=float(rate.array), decay=decay,
                        weight=float(weight.array), weight_decay=group["weight_decay"],
                        maximize=group["maximize"],
                    )  # fmt: skip
                    # float32 even where a loaded state has become float64, as in PyTorch.
                    rate.array[...] = np.float32(lr / (1 + decay * lr * step) ** group["alpha"])
                    weight.array[...] = np.float32(1 / max(1, step - group["t0"]))
                written(params)
        return loss

    def _scalars(self, p: Tensor, lr: float) -> tuple[Tensor, Tensor]:
        """Return the parameter's learning rate and its weight in the average."""
        state = self.state[p]
        for name, start in (("eta", lr), ("mu", 1.0)):
            value = state.setdefault(name, start)
            if not isinstance(value, Tensor):
                state[name] = wrap(np.asarray(value, np.float32))
        return state["eta"], state["mu"]
