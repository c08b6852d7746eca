"""Adafactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..backend.dtype import finfo
from ..kernels.optim import matrix as K
from .optimizer import Optimizer, check_lr, count_step, real_arrays, written


class Adafactor(Optimizer):
    """Adam without momentum whose second mean is kept as a row and a column factor.

    With r and c the running row and column means of g^2, t^beta2_decay the weight of the newest,
    v = r c / mean(r) and u = g / sqrt(v):
    p = p - max(eps[1], rms(p)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / d)

    Args:
        params: parameters or groups; real.
        lr: the largest step, relative to the parameter's root mean square.
        beta2_decay: power of the step in the weight of the newest squares; at most 0.
        eps: the smallest root of v (the dtype's own epsilon if None), and the smallest scale.
        d: how large the root mean square of an update may be.
        weight_decay: shrink the parameter by `lr * weight_decay`.
        foreach: accepted; one step for each parameter is always taken.
        maximize: ascend instead.

    Reference:
        Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0,
        *, foreach: bool | None = None, maximize: bool = False,
    ):  # fmt: skip
        check_lr(lr, "Learning rate should be >= 0 but is")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        for i, value in enumerate(eps):
            if value is not None and not 0.0 <= value:
                raise ValueError(f"epsilon{i + 1} should be >= 0 but is: {value}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
            "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss.

        Raises:
            RuntimeError: a parameter is complex.
        """
        loss = self._run_closure(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is not None:
                    self._step(p, group)
        return loss

    def _step(self, p: Tensor, group: dict[str, Any]) -> None:
        if p.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        if p._grad is not None and not p._grad._dense:
            self._sparse_step(p, group)
        state = self.state[p]
        names = ("row_var", "col_var") if p.ndim > 1 else ("variance",)
        if not state:
            state["step"] = 0
            state.update((name, _start(p, name)) for name in names)
        step, lr = count_step(state), float(group["lr"])
        eps, smallest_scale = group["eps"]
        kernel = K.adafactor_ if p.ndim > 1 else K.adafactor_vector_
        kernel(
            *real_arrays([p]), *([state[name].array] for name in names),
            weight=step ** group["beta2_decay"], rate=min(lr, 1 / step**0.5),
            eps=finfo(p.dtype).eps if eps is None else eps, smallest_scale=smallest_scale,
            clip=group["d"], shrink=1 - lr * group["weight_decay"], maximize=group["maximize"],
        )  # fmt: skip
        written([p])


def _start(p: Tensor, name: str) -> Tensor:
    """Return zeros of the shape that a state of Adafactor has."""
    if name == "variance":
        return wrap(np.zeros_like(p.array))
    axis = slice(0, 1)
    return wrap(np.zeros_like(p.array[..., axis] if name == "row_var" else p.array[..., axis, :]))
