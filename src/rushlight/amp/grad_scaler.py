"""GradScaler: a loss scaled up, so that small gradients survive a 16-bit format."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..autograd.view import bump
from ..backend.dtype import float16
from ..errors import RushlightWarning
from ..kernels._float_errors import quiet

_READY, _UNSCALED, _STEPPED = range(3)


class _Progress:
    """How far an optimizer has come since the last `update`."""

    __slots__ = ("found_inf", "stage")

    def __init__(self) -> None:
        self.stage = _READY
        self.found_inf: bool | None = None


class GradScaler:
    """Scales the loss, unscales the gradients, skips steps whose gradients overflowed.

    The scale halves after a step with an infinity or NaN and doubles after `growth_interval` steps
    without.

    Args:
        device: "cuda" or "cpu".
        init_scale: the first scale.
        growth_factor: what the scale is multiplied by after enough good steps.
        backoff_factor: what it is multiplied by after a bad one.
        growth_interval: how many good steps are enough.
        enabled: False: every method passes through.

    Example:
        >>> layer = rushlight.nn.Linear(2, 1)
        >>> optimizer = rushlight.optim.SGD(layer.parameters(), 0.1)
        >>> scaler = rushlight.amp.GradScaler("cpu", init_scale=8.0)
        >>> scaler.scale(layer(rushlight.ones(1, 2)).sum()).backward()
        >>> layer.bias.grad
        tensor([8.])
        >>> scaler.step(optimizer)
        >>> scaler.update()
        >>> layer.bias.grad
        tensor([1.])

    Reference: Micikevicius et al., "Mixed precision training", 2018.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        self._device = device
        self._enabled = enabled
        if enabled and device == "cuda" and not _has_gpu():
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.",
                RushlightWarning,
                stacklevel=2,
            )
            self._enabled = False
        if not self._enabled:
            return
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._scale = float(init_scale)
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        self._has_scaled = False
        self._optimizers: dict[int, _Progress] = {}

    # --- a step ---

    def scale(self, outputs: Any) -> Any:
        """Return a tensor, or tensors in nested lists and tuples, times the scale."""
        if not self._enabled:
            return outputs
        self._has_scaled = True
        if isinstance(outputs, Tensor):
            factor = np.asarray(self._scale, np.float32)
            return outputs * wrap(factor).to(outputs.device)
        if isinstance(outputs, Iterable):
            parts = [self.scale(output) for output in outputs]
            return parts if isinstance(outputs, list) else tuple(parts)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _check_scaled(self, attempt: str) -> None:
        if not self._has_scaled:
            raise AssertionError(
                f"Attempted {attempt} but _scale is None.  This may indicate your script did not "
                "use scaler.scale(loss or outputs) earlier in the iteration."
            )

    def _progress(self, optimizer: Any) -> _Progress:
        return self._optimizers.setdefault(id(optimizer), _Progress())

    @quiet
    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the scale, to clip them for example.

        Raises:
            RuntimeError: called twice before `update`, or after `step`.
            ValueError: a gradient is float16.
        """
        if not self._enabled:
            return
        self._check_scaled("unscale_")
        progress = self._progress(optimizer)
        if progress.stage == _UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if progress.stage == _STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        progress.found_inf = self._unscale(optimizer)
        progress.stage = _UNSCALED

    def _unscale(self, optimizer: Any) -> bool | None:
        """Unscale in place; return whether an infinity or NaN was found, None without gradients."""
        found: bool | None = None
        inverse = 1.0 / self._scale
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                grad = parameter.grad
                if grad is None:
                    continue
                if grad.dtype is float16:
                    raise ValueError("Attempting to unscale FP16 gradients.")
                values = grad if grad._dense else grad._values()
                # A sum is finite unless something in it is not (or it overflows, a rare false
                # alarm that a closer look clears up).
                total = values.array.sum(dtype=np.float32) if values.array.size else np.float32(0)
                bad = not np.isfinite(total) and not bool(np.isfinite(values.array).all())
                found = bool(found) or bad
                values.array *= values.array.dtype.type(inverse)
                bump(values)
        return found

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Unscale (if that was not done yet) and step, unless a gradient is infinite or NaN.

        Args:
            optimizer: the optimizer.
            args: passed on to `optimizer.step`.
            kwargs: passed on to `optimizer.step`; `closure` is not supported.

        Returns:
            What `optimizer.step` returns; None for a step that was skipped.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check_scaled("step")
        progress = self._progress(optimizer)
        if progress.stage == _STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if progress.stage == _READY:
            self.unscale_(optimizer)
        if progress.found_inf is None:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = None if progress.found_inf else optimizer.step(*args, **kwargs)
        progress.stage = _STEPPED
        return result

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adapt the scale to what the steps since the last update met.

        Args:
            new_scale: set the scale to this instead.
        """
        if not self._enabled:
            return
        self._check_scaled("update")
        if new_scale is not None:
            self._scale = float(new_scale)
        else:
            checks = [p.found_inf for p in self._optimizers.values() if p.found_inf is not None]
            if not checks:
                raise AssertionError("No inf checks were recorded prior to update.")
            self._adapt(any(checks))
        self._optimizers = {}

    def _adapt(self, found_inf: bool) -> None:
        if found_inf:
            self._scale = float(np.float32(self._scale * self._backoff_factor))
            self._growth_tracker = 0
            return
        self._growth_tracker += 1
        if self._growth_tracker == self._growth_interval:
            grown = float(np.float32(self._scale) * np.float32(self._growth_factor))
            if np.isfinite(grown):
                self._scale = grown
            self._growth_tracker = 0

    # --- settings ---

    def is_enabled(self) -> bool:
        """Tell whether anything is scaled at all."""
        return self._enabled

    def get_scale(self) -> float:
        """Return the scale; 1.0 if nothing is scaled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """Return the growth factor."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set the growth factor."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """Return the backoff factor."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set the backoff factor."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """Return the growth interval."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set the growth interval."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        return self._growth_tracker if self._enabled else 0

    def state_dict(self) -> dict[str, Any]:
        """Return the state as a dictionary; empty if nothing is scaled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Return to a state from `state_dict`.

        Raises:
            RuntimeError: the state is empty: it was saved by a scaler that was not enabled.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._scale = float(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]

    def __getstate__(self) -> dict[str, Any]:
        if self._enabled and self._optimizers:
            raise AssertionError(
                "A GradScaler instance may only be pickled at the beginning of an iteration, or at "
                "the end after scaler.update()."
            )
        return self.__dict__.copy()


def _has_gpu() -> bool:
    from ..backend import cuda

    return cuda.available()
