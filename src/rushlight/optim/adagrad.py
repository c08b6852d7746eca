"""Adagrad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..kernels import optim as K
from .optimizer import (
    Optimizer,
    as_real,
    check_lr,
    check_range,
    count_step,
    filled_like,
    sparse_gradient,
    written,
)


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients.

    s = s + g^2;  p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)

    Args:
        params: parameters or groups.
        lr: learning rate.
        lr_decay: how fast it falls.
        weight_decay: added to the gradient times the parameter.
        initial_accumulator_value: where the sum starts.
        eps: keeps the division finite.
        foreach: accepted; one fused step is always taken.
        maximize: ascend instead.
        differentiable: record the step, so that gradients pass back through it.
        fused: accepted; one fused step is always taken.

    Reference:
        Duchi, Hazan and Singer, "Adaptive Subgradient Methods", 2011.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ):  # fmt: skip
        check_lr(lr)
        check_range("lr_decay value", lr_decay)
        check_range("weight_decay value", weight_decay)
        check_range("initial_accumulator_value value", initial_accumulator_value)
        check_range("epsilon value", eps)
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        # Unlike the others, Adagrad has its state from the start.
        for group in self.param_groups:
            for p in group["params"]:
                start = filled_like(p, initial_accumulator_value)
                self.state[p] = {"step": wrap(np.zeros((), np.float32)), "sum": start}

    def share_memory(self) -> None:
        """Move the state to memory that other processes can map."""
        for state in self.state.values():
            state["sum"].share_memory_()

    def _sparse_step(self, p: Tensor, group: dict[str, Any]) -> None:
        if group["fused"]:
            raise RuntimeError("`fused` does not support sparse grad or complex param")
        if group["weight_decay"]:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        state = self.state[p]
        rate = float(group["lr"]) / (1 + (count_step(state) - 1) * group["lr_decay"])
        places, g = sparse_gradient(p)
        total = as_real(state["sum"].array)
        total[places] += g * g
        step = g / (np.sqrt(total[places]) + group["eps"])
        as_real(p.array)[places] += step * (rate if group["maximize"] else -rate)
        written([p])

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            for step, params, lists in self._batches(group, ("sum",)):
                K.adagrad_(
                    *lists, lr=float(group["lr"]), lr_decay=group["lr_decay"], eps=group["eps"],
                    weight_decay=group["weight_decay"], step=step, maximize=group["maximize"],
                )  # fmt: skip
                written(params)
        return loss
