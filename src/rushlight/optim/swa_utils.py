"""Averages of a model's parameters over its training: SWA and EMA."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..backend.dtype import int64
from ..nn.modules.batchnorm import _BatchNorm
from ..nn.modules.module import Module
from ..ops.from_data import tensor
from .lr_scheduler.base import LRScheduler, per_group
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Any], Tensor]
MultiAverage = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return a function for `AveragedModel`: decay * average + (1 - decay) * current.

    Raises:
        ValueError: `decay` lies outside [0, 1].
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return ema_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """Return `get_ema_avg_fn(decay)` for lists of tensors, which it updates in place.

    Raises:
        ValueError: `decay` lies outside [0, 1].
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(
        averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Any
    ) -> None:
        for a, c in zip(averaged, current, strict=True):
            if _is_inexact(a):
                a.lerp_(c, 1 - decay)
            else:
                a.copy_(a * decay + c * (1 - decay))

    return ema_update


def get_swa_avg_fn() -> Average:
    """Return a function for `AveragedModel`: the mean of everything so far, equally weighted."""

    @no_grad()
    def swa_update(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return averaged + (current - averaged) / (num_averaged + 1)

    return swa_update


def get_swa_multi_avg_fn() -> MultiAverage:
    """Return `get_swa_avg_fn()` for lists of tensors, which it updates in place."""

    @no_grad()
    def swa_update(
        averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Any
    ) -> None:
        for a, c in zip(averaged, current, strict=True):
            if _is_inexact(a):
                a.lerp_(c, 1 / (float(num_averaged) + 1))
            else:
                a.copy_(a + (c - a) / (num_averaged + 1))

    return swa_update


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def _is_inexact(x: Tensor) -> bool:
    return x.is_floating_point() or x.is_complex()


class AveragedModel(Module):
    """A copy of a model whose parameters are averages over the model's training.

    Args:
        model: the model; its copy becomes `module`.
        device: where the averages are kept; the model's own by default.
        avg_fn: `(average, current, number averaged) -> new average` of one parameter; the mean of
            all by default.
        multi_avg_fn: the same for lists of parameters of one device and dtype, in place.
        use_buffers: average the buffers too; otherwise they are copied.

    Raises:
        AssertionError: both functions are given.

    Example:
        >>> model = rushlight.nn.Linear(1, 1, bias=False)
        >>> averaged = rushlight.optim.swa_utils.AveragedModel(model)
        >>> for value in (1.0, 2.0, 6.0):
        ...     _ = rushlight.nn.init.constant_(model.weight, value)
        ...     averaged.update_parameters(model)
        >>> averaged.module.weight.item()
        3.0

    Reference:
        Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: MultiAverage | None = None,
        use_buffers: bool = False,
    ):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the averaged model."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the model's parameters into the averages; the first time, copy them."""
        pairs = [
            (average.detach(), current.detach().to(average.device))
            for average, current in zip(self._averaged(self), self._averaged(model), strict=False)
        ]
        if self.n_averaged == 0:
            for average, current in pairs:
                average.copy_(current)
        elif self.multi_avg_fn is not None:
            self._update_lists(pairs)
        else:
            avg_fn = self.avg_fn or get_swa_avg_fn()
            for average, current in pairs:
                average.copy_(avg_fn(average, current, self.n_averaged.to(average.device)))
        if not self.use_buffers:
            for ours, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                ours.detach().copy_(theirs.detach().to(ours.device))
        self.n_averaged += 1

    def _averaged(self, model: Module) -> Iterable[Tensor]:
        """Return what is averaged of this model or of the one it follows."""
        model = self.module if model is self else model
        if self.use_buffers:
            return itertools.chain(model.parameters(), model.buffers())
        return model.parameters()

    def _update_lists(self, pairs: list[tuple[Tensor, Tensor]]) -> None:
        lists: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
        for average, current in pairs:
            averages, currents = lists.setdefault((average.device, average.dtype), ([], []))
            averages.append(average)
            currents.append(current)
        assert self.multi_avg_fn is not None
        for (device, _), (averages, currents) in lists.items():
            self.multi_avg_fn(averages, currents, self.n_averaged.to(device))


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of a model's batch norms anew, in one pass over data.

    Args:
        loader: batches: tensors, or lists or tuples that begin with one.
        model: its forward is run on every batch in training mode.
        device: where the batches are moved to.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not norms:
        return
    was_training = model.training
    momenta = [norm.momentum for norm in norms]
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a mean over all batches
    for batch in loader:
        x = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(x if device is None else x.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Change each group's learning rate to a constant one, for the averaging phase.

    lr = a swa_lr + (1 - a) lr_0  with  u = t / anneal_epochs and a = u, or (1 - cos(pi u)) / 2

    Args:
        optimizer: whose groups' "lr" is set.
        swa_lr: the last learning rate; one, or one for each group.
        anneal_epochs: after how many steps it is reached.
        anneal_strategy: "cos" or "linear".
        last_epoch: the step to continue from; -1 to start.

    Raises:
        ValueError: the strategy is unknown, or the epochs are no integer of at least 0.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ):
        for rate, group in zip(
            per_group(optimizer, swa_lr, "swa_lr"), optimizer.param_groups, strict=True
        ):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Return the learning rates for this step, computed from those of the step before."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            target = group["swa_lr"]
            start = target if before == 1 else (group["lr"] - before * target) / (1 - before)
            rates.append(target * now + start * (1 - now))
        return rates

    def _share(self, step: int) -> float:
        """Return how much the last learning rate counts at a step."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t
