"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._tensor import Tensor
from ..kernels import optim as K
from .optimizer import Optimizer, check_lr, check_range, written


def check_adam_options(lr: Any, betas: tuple[Any, Any], eps: float, weight_decay: float) -> None:
    """Check what the Adam family has in common.

    Raises:
        ValueError: an option lies outside its range.
    """
    check_lr(lr)
    check_range("epsilon value", eps)
    for i, beta in enumerate(betas):
        check_range(f"beta parameter at index {i}", beta, 0.0, 1.0, option=f"betas[{i}]")
    check_range("weight_decay value", weight_decay)


class Adam(Optimizer):
    """Adaptive steps from running means of the gradient and its square.

    m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
    p = p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the two means.
        eps: keeps the division finite.
        weight_decay: added to the gradient times the parameter.
        amsgrad: divide by the largest v so far.
        foreach: accepted; one fused step is always taken.
        maximize: ascend instead.
        capturable: accepted.
        differentiable: record the step, so that gradients pass back through it.
        fused: accepted; one fused step is always taken.
        decoupled_weight_decay: shrink the parameter instead, as AdamW.

    Reference:
        Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
        fused: bool | None = None, decoupled_weight_decay: bool = False,
    ):  # fmt: skip
        check_adam_options(lr, betas, eps, weight_decay)
        if len({isinstance(beta, Tensor) for beta in betas}) > 1:
            raise ValueError("betas must be either both floats or both Tensors")
        if foreach and not capturable:
            for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
                if isinstance(value, Tensor):
                    raise ValueError(
                        f"{name} as a Tensor is not supported for capturable=False and foreach=True"
                    )
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _sparse_step(self, p: Tensor, group: dict[str, Any]) -> None:
        raise RuntimeError(
            "Adam does not support sparse gradients, please consider SparseAdam instead"
        )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            names = (
                ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
                if group["amsgrad"]
                else ("exp_avg", "exp_avg_sq")
            )
            beta1, beta2 = group["betas"]
            for step, params, lists in self._batches(group, names):
                K.adam_(
                    *lists, lr=float(group["lr"]), beta1=float(beta1), beta2=float(beta2),
                    eps=group["eps"], weight_decay=group["weight_decay"], step=step,
                    maximize=group["maximize"], decoupled=group["decoupled_weight_decay"],
                )  # fmt: skip
                written(params)
        return loss


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter instead of entering the gradient.

    Reference:
        Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
        fused: bool | None = None,
    ):  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )  # fmt: skip
