"""What every learning rate schedule does."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ..._tensor import Tensor
from ..optimizer import Optimizer


class LRScheduler:
    """Base class: a subclass defines `get_lr`, the learning rates after `last_epoch` steps.

    Args:
        optimizer: whose groups' "lr" is set.
        last_epoch: the step to continue from; -1 to start.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                initial = group["lr"]
                # A second schedule of the same optimizer starts from the same rate as the first.
                group.setdefault(
                    "initial_lr", initial.clone() if isinstance(initial, Tensor) else initial
                )
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming "
                    "scheduler with last_epoch >= 0.\nThis typically happens when creating a "
                    "scheduler without first having loaded the optimizer's state."
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._is_initial = True
        self._step_count = 0
        self._optimizer_steps = 0
        self._handle = optimizer.register_step_post_hook(self._count_step)
        self.step()
        self._is_initial = False

    def _count_step(self, *_: Any) -> None:
        self._optimizer_steps += 1

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer."""
        return {
            k: v
            for k, v in self.__dict__.items()
            if k not in ("optimizer", "_handle", "_optimizer_steps")
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """Return the learning rates that the last step has set."""
        return self._last_lr

    def get_lr(self) -> Sequence[Any]:
        """Return the learning rates for `last_epoch`."""
        raise NotImplementedError

    def step(self, epoch: int | None = None) -> None:
        """Take one step and set the learning rates."""
        if self._step_count == 1 and not self._is_initial and not self._optimizer_steps:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch "
                "1.1.0 and later, you should call them in the opposite order: `optimizer.step()` "
                "before `lr_scheduler.step()`.  Failure to do this will result in PyTorch "
                "skipping the first value of the learning rate schedule.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is None:
            self.last_epoch += 1
            values = self.get_lr()
        else:
            self.last_epoch = epoch
            closed = getattr(self, "_get_closed_form_lr", None)
            values = closed() if closed is not None else self.get_lr()
        self._set(values)

    def _set(self, values: Sequence[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(float(lr))
            else:
                group["lr"] = lr
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _current(self) -> list[Any]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _times(self, factor: float) -> list[Any]:
        return [lr * factor for lr in self._current()]


def per_group(optimizer: Optimizer, value: Any, name: str) -> list[Any]:
    """Return one value for each parameter group.

    Raises:
        ValueError: a list of another length was given.
    """
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"Expected {count} {name}, but got {len(value)}")
    return list(value)
