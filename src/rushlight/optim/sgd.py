"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..autograd.mode import no_grad
from ..kernels import optim as K
from .optimizer import Optimizer, as_real, check_lr, check_range, real_arrays, written


class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    d = g + weight_decay p;  b = momentum b + (1 - dampening) d;  p = p - lr b,
    or p - lr (d + momentum b) with nesterov

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: weight of the running direction.
        dampening: how much less the gradient counts in it.
        weight_decay: weight of the squared norm of the parameters.
        nesterov: look ahead along the running direction.
        maximize: ascend instead.
        foreach: accepted; one fused step is always taken.
        differentiable: record the step, so that gradients pass back through it.
        fused: accepted; one fused step is always taken.

    Example:
        >>> p = rushlight.nn.Parameter(rushlight.ones(1))
        >>> optimizer = rushlight.optim.SGD([p], lr=0.5)
        >>> (p * 1.0).sum().backward()
        >>> optimizer.step()
        >>> p.data
        tensor([0.5000])

    Reference:
        Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None,
    ):  # fmt: skip
        check_lr(lr)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            params = []
            for p in group["params"]:
                if p._grad is not None and p._grad._dense:
                    params.append(p)
                elif p._grad is not None:
                    self._sparse_step(p, group)
            if not group["momentum"]:
                self._step(group, params, None, first=False)
                continue
            fresh = [p for p in params if self.state[p].get("momentum_buffer") is None]
            known = [p for p in params if self.state[p].get("momentum_buffer") is not None]
            for p in fresh:
                self.state[p]["momentum_buffer"] = wrap(np.empty_like(p.array))
            for some, first in ((fresh, True), (known, False)):
                buffers = [as_real(self.state[p]["momentum_buffer"].array) for p in some]
                self._step(group, some, buffers, first)
        return loss

    def _sparse_step(self, p: Tensor, group: dict[str, Any]) -> None:
        if group["fused"]:
            raise RuntimeError("`_fused_sgd` does not support sparse gradients")
        with no_grad():
            d: Any = p._grad
            d = -d if group["maximize"] else d
            if group["weight_decay"]:
                d = d.add(p, alpha=group["weight_decay"])  # raises: the sum is not sparse
            if group["momentum"]:
                state = self.state[p]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    buffer = state["momentum_buffer"] = d.clone()
                else:
                    buffer.mul_(group["momentum"]).add_(d, alpha=1 - group["dampening"])
                d = d.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer
            p.add_(d, alpha=-float(group["lr"]))

    def _step(self, group: dict[str, Any], params: list[Any], buffers: Any, first: bool) -> None:
        if not params:
            return
        K.sgd_(
            *real_arrays(params), buffers,
            lr=float(group["lr"]), momentum=group["momentum"], dampening=group["dampening"],
            weight_decay=group["weight_decay"], nesterov=group["nesterov"],
            maximize=group["maximize"], first=first,
        )  # fmt: skip
        written(params)
