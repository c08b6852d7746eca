"""Muon."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .._tensor import wrap
from ..kernels.optim import matrix as K
from .optimizer import Optimizer, check_lr, real_arrays, written

_SCALES: dict[str, Callable[[int, int], float]] = {
    "original": lambda rows, columns: max(1, rows / columns) ** 0.5,
    "match_rms_adamw": lambda rows, columns: 0.2 * max(rows, columns) ** 0.5,
}


def _scaled(lr: Any, scale: Callable[[int, int], float], rows: int, columns: int) -> float:
    return float(lr * scale(rows, columns))


class Muon(Optimizer):
    """Momentum whose direction has all singular values brought near 1; for matrices only.

    b = momentum b + (1 - momentum) g;  d = orthogonalized b, with nesterov of the mean of g and b;
    p = (1 - lr weight_decay) p - lr scale d

    Args:
        params: parameters or groups; real, of two dimensions. Vectors and embeddings belong into
            another optimizer.
        lr: learning rate.
        weight_decay: how much a step of size 1 shrinks the parameter.
        momentum: decay of the mean of the gradient.
        nesterov: look ahead along the mean.
        ns_coefficients: of the Newton-Schulz polynomial a x + b x^3 + c x^5.
        eps: smallest norm to divide by.
        ns_steps: how often the polynomial is applied; less than 100.
        adjust_lr_fn: the scale: "original" (None too), sqrt(max(1, rows / columns)), or
            "match_rms_adamw", 0.2 sqrt(max(rows, columns)), which suits learning rates of AdamW.

    Reference:
        Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None,
    ):  # fmt: skip
        check_lr(lr, "Learning rate should be >= 0 but is")
        if not 0.0 <= momentum:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn is not None and adjust_lr_fn not in _SCALES:
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{p.size()}"
                    )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss.

        Raises:
            RuntimeError: a parameter is complex.
            ValueError: too many steps, or not three coefficients.
        """
        loss = self._run_closure(closure)
        for group in self.param_groups:
            params = [p for p in group["params"] if p._grad is not None]
            if any(p.is_complex() for p in params):
                raise RuntimeError("Muon does not support complex parameters")
            for p in params:
                if p._grad is not None and not p._grad._dense:
                    self._sparse_step(p, group)
            if group["ns_steps"] >= 100:
                raise ValueError(
                    "Number of steps must be less than 100 for computational efficiency"
                )
            if len(group["ns_coefficients"]) != 3:
                raise ValueError("Coefficients must be a tuple of exactly 3 values")
            for p in params:
                if "momentum_buffer" not in self.state[p]:
                    self.state[p]["momentum_buffer"] = wrap(np.zeros_like(p.array))
            # A learning rate that is a Tensor is multiplied in its own precision.
            lr, scale = group["lr"], _SCALES[group["adjust_lr_fn"] or "original"]
            K.muon_(
                *real_arrays(params),
                [self.state[p]["momentum_buffer"].array for p in params],
                rate=partial(_scaled, lr, scale), shrink=float(1 - lr * group["weight_decay"]),
                momentum=group["momentum"], nesterov=group["nesterov"],
                coefficients=group["ns_coefficients"], steps=group["ns_steps"], eps=group["eps"],
            )  # fmt: skip
            written(params)
        return loss
