"""Adam for sparse gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor
from .optimizer import (
    Optimizer,
    check_lr,
    check_range,
    filled_like,
    sparse_gradient,
    written,
)


class SparseAdam(Optimizer):
    """Adam that moves only what the gradient holds, and the averages of that.

    m = m + (1 - b1) (g - m);  v = v + (1 - b2) (g^2 - v), where g has elements;
    p = p - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps), there too

    Args:
        params: dense parameters or groups; their gradients have to be sparse.
        lr: learning rate.
        betas: how much of the averages stays in a step.
        eps: keeps the division finite.
        maximize: ascend instead.

    Raises:
        ValueError: an option is out of range, or a parameter is sparse.

    Example:
        >>> table = rushlight.nn.Embedding(3, 1, _weight=rushlight.ones(3, 1), sparse=True)
        >>> optimizer = rushlight.optim.SparseAdam(table.parameters(), lr=0.5)
        >>> table(rushlight.tensor([1])).sum().backward()
        >>> optimizer.step()
        >>> table.weight.data
        tensor([[1.0000],
                [0.5000],
                [1.0000]])

    Reference:
        Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, maximize: bool = False,
    ):  # fmt: skip
        check_lr(lr)
        if not float(lr) > 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not float(eps) > 0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for i, beta in enumerate(betas):
            check_range(f"beta parameter at index {i}", beta, 0.0, 1.0)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        for places, what in (
            (self._places(lambda p: not p._dense), "Sparse params at indices {}: SparseAdam "
             "requires dense parameter tensors"),
            (self._places(lambda p: p.is_complex()), "Complex params at indices {}: SparseAdam "
             "does not support complex parameters"),
        ):  # fmt: skip
            if places:
                raise ValueError(what.format(places))

    def _places(self, holds: Callable[[Tensor], bool]) -> list[list[int]]:
        """Return group and number of each parameter of which `holds` is true."""
        return [
            [i, j]
            for i, group in enumerate(self.param_groups)
            for j, p in enumerate(group["params"])
            if holds(p)
        ]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss.

        Raises:
            RuntimeError: a gradient is dense.
        """
        loss = self._run_closure(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is None:
                    continue
                if p._grad._dense:
                    raise RuntimeError(
                        "SparseAdam does not support dense gradients, please consider Adam instead"
                    )
                self._sparse_step(p, group)
        return loss

    def _sparse_step(self, p: Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            state["step"] = 0
            state["exp_avg"], state["exp_avg_sq"] = filled_like(p, 0.0), filled_like(p, 0.0)
        state["step"] += 1
        places, g = sparse_gradient(p)
        if not g.size:
            return
        g = -g if group["maximize"] else g
        first, second = state["exp_avg"].array, state["exp_avg_sq"].array
        b1, b2 = group["betas"]
        first[places] += (g - first[places]) * (1 - b1)
        second[places] += (g * g - second[places]) * (1 - b2)
        denominator = np.sqrt(second[places]) + group["eps"]
        t = state["step"]
        # A rate that is a Tensor is computed with in its own precision.
        rate = float(group["lr"] * (1 - b2**t) ** 0.5 / (1 - b1**t))
        p.array[places] -= rate * first[places] / denominator
        written([p])
