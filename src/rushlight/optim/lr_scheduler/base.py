"""What every learning rate schedule does."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from ..._tensor import Tensor
from ..optimizer import Optimizer

_HOW_TO = "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
_EPOCH_IS_DEPRECATED = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if "
    "epoch is different from None, the closed form is used instead of the new chainable form, "
    "where available."
)


class LRScheduler:
    """Base class: a subclass defines `get_lr`, the learning rates after `last_epoch` steps.

    Args:
        optimizer: whose groups' "lr" is set.
        last_epoch: the step to continue from; -1 to start.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                # A second schedule of the same optimizer starts from the same rate as the first.
                group.setdefault("initial_lr", _copy(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming "
                    "scheduler with last_epoch >= 0.\nThis typically happens when:\n"
                    "1. You're trying to resume training from a checkpoint but haven't properly "
                    "loaded the optimizer state\n"
                    "2. You're using last_epoch >= 0 for a fresh training run (not recommended)"
                )
        self.base_lrs = [_copy(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        _watch_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the learning rates to begin with."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

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
        if self._step_count == 1:
            self._warn_of_order()
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch(stacklevel=3)
        self._update_lr(epoch)

    def _warn_of_order(self) -> None:
        if vars(self.optimizer).get("step") is not vars(self.optimizer).get("_watched_step"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler "
                "initialization. Please, make sure to call `optimizer.step()` before "
                f"`lr_scheduler.step()`. See more details at {_HOW_TO}",
                UserWarning,
                stacklevel=3,
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch "
                "1.1.0 and later, you should call them in the opposite order: `optimizer.step()` "
                "before `lr_scheduler.step()`.  Failure to do this will result in PyTorch "
                f"skipping the first value of the learning rate schedule. See more details at "
                f"{_HOW_TO}",
                UserWarning,
                stacklevel=3,
            )

    def _update_lr(self, epoch: int | None = None) -> None:
        """Set the learning rates for the next step, or for a given one."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
        self._set(self._rates(closed or self.get_lr))

    def _rates(self, rates: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        self._get_lr_called_within_step = True
        try:
            return rates()
        finally:
            self._get_lr_called_within_step = False

    def _set(self, values: Sequence[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_rate(group, lr)
        self._last_lr = self._current()

    def _warn_outside_step(self) -> None:
        """Say what a program that calls `get_lr` itself wants to call."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def _current(self) -> list[Any]:
        return [_copy(group["lr"]) for group in self.optimizer.param_groups]

    def _times(self, factor: float) -> list[Any]:
        return [lr * factor for lr in self._current()]


def check_optimizer(optimizer: Any) -> None:
    """Check that a schedule has been given an optimizer.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def warn_of_epoch(stacklevel: int) -> None:
    """Warn that `step` was told the epoch."""
    warnings.warn(_EPOCH_IS_DEPRECATED, UserWarning, stacklevel=stacklevel + 1)


def set_rate(group: dict[str, Any], lr: Any) -> None:
    """Set a group's learning rate; one that is a Tensor stays the same Tensor."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(float(lr))
    else:
        group["lr"] = lr


def per_group(optimizer: Optimizer, value: Any, name: str) -> list[Any]:
    """Return one value for each parameter group.

    Raises:
        ValueError: a list of another length was given.
    """
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [_copy(value) for _ in range(count)]
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {count}."
        )
    return [_copy(v) for v in value]


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _watch_steps(optimizer: Optimizer) -> None:
    """Note on the optimizer that it has taken a step, for the schedules to see."""
    if "_opt_called" not in vars(optimizer):
        optimizer._opt_called = False  # type: ignore[attr-defined]
        optimizer._watched_step = vars(optimizer).get("step")  # type: ignore[attr-defined]
        optimizer.register_step_pre_hook(_note_step)


def _note_step(optimizer: Any, *_: Any) -> None:
    optimizer._opt_called = True
