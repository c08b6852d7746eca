"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.mode import enable_grad
from ..backend.array import array_module
from ._line_search import Evaluation, strong_wolfe
from .optimizer import Optimizer, as_real, check_lr, written

# Pairs of steps and gradient changes with less curvature than this spoil the approximation.
_SMALLEST_CURVATURE = 1e-10


class LBFGS(Optimizer):
    """Newton steps whose inverse Hessian is approximated from the last steps and gradients.

    Args:
        params: parameters, or a single group.
        lr: length of the steps; the first trial with a line search.
        max_iter: iterations of one `step`.
        max_eval: calls of the closure in one `step`; 1.25 max_iter by default.
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when neither parameters nor loss change by more.
        history_size: how many steps the approximation remembers.
        line_search_fn: "strong_wolfe", or None for steps of length `lr`.

    Raises:
        ValueError: there are several groups, or the learning rate is negative.

    Note:
        `step` needs a closure that clears the gradients, computes the loss, calls `backward` and
        returns the loss.

    Example:
        >>> p = rushlight.nn.Parameter(rushlight.zeros(2))
        >>> target = rushlight.tensor([1.0, -2.0])
        >>> optimizer = rushlight.optim.LBFGS([p], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = ((p - target) ** 2).sum()
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure).item()
        5.0
        >>> bool((p - target).abs().max() < 1e-5)
        True

    Reference:
        Nocedal and Wright, "Numerical Optimization", 2006, chapters 3 and 7.
    """

    def __init__(
        self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ):  # fmt: skip
        check_lr(lr)
        defaults = {
            "lr": lr, "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
            "history_size": history_size, "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take up to `max_iter` steps.

        Args:
            closure: recomputes the loss and its gradients.

        Returns:
            The loss before the first step.

        Raises:
            TypeError: there is no closure.
            RuntimeError: the line search is unknown.
        """
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        with enable_grad():
            first_loss = closure()
        state["func_evals"] += 1
        gradient = self._flat_gradient()
        if not _largest(gradient) <= group["tolerance_grad"]:
            # Scalars are NumPy's, so that they have the parameters' precision throughout.
            memory = _Memory(state)
            calls = self._iterate(closure, memory, float(first_loss), gradient)
            state["func_evals"] += calls
            memory.save(state)
        return first_loss

    def _iterate(
        self, closure: Callable[[], Any], memory: _Memory, loss: float, gradient: Array
    ) -> int:
        """Take the steps; return how often the closure was called."""
        group, state = self.param_groups[0], self.state[self._params[0]]
        lr, smallest = _scalar_lr(group["lr"], gradient), group["tolerance_change"]
        evaluations = 0
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            fresh = state["n_iter"] == 1
            if fresh:
                memory.restart(gradient)
            else:
                memory.update(gradient, group["history_size"], state)
            memory.prev_flat_grad, memory.prev_loss = gradient.copy(), loss
            memory.t = min(1.0, 1.0 / abs(gradient).sum()) * lr if fresh else lr
            slope = gradient @ memory.d
            if slope > -smallest:
                break
            last = iteration == group["max_iter"]
            if group["line_search_fn"] is not None:
                budget = group["max_eval"] - 1 - evaluations
                found, calls = self._search(closure, memory, loss, gradient, slope, budget)
                memory.t, (loss, gradient) = found
                evaluations += calls
                self._move(memory.t, memory.d)
            else:
                self._move(memory.t, memory.d)
                if not last:
                    loss, gradient = self._evaluate(closure)
                    evaluations += 1
            if (
                last
                or evaluations + 1 >= group["max_eval"]
                or _largest(gradient) <= group["tolerance_grad"]
                or _largest(memory.d * memory.t) <= smallest
                or abs(loss - memory.prev_loss) < smallest
            ):
                break
        return evaluations

    def _search(
        self, closure: Callable[[], Any], memory: _Memory, loss: float, gradient: Array,
        slope: Any, budget: int,
    ) -> tuple[tuple[Any, Evaluation], int]:  # fmt: skip
        if self.param_groups[0]["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        before = [p.array.copy() for p in self._params]

        def at(t: Any) -> Evaluation:
            self._move(t, memory.d)
            result = self._evaluate(closure)
            for p, old in zip(self._params, before, strict=True):
                p.array[...] = old
            written(self._params)
            return result

        return strong_wolfe(at, memory.t, memory.d, loss, gradient, slope, budget)

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def _evaluate(self, closure: Callable[[], Any]) -> Evaluation:
        with enable_grad():
            loss = float(closure())
        return loss, self._flat_gradient()

    def _flat_gradient(self) -> Array:
        """Return all gradients in one new vector, zeros for parameters without."""
        parts = [
            as_real(np.zeros_like(p.array) if p._grad is None else _dense(p._grad)).reshape(-1)
            for p in self._params
        ]
        return array_module(parts[0]).concatenate(parts)

    def _move(self, t: Any, direction: Array) -> None:
        start = 0
        for p in self._params:
            target = as_real(p.array)
            part = direction[start : start + target.size].reshape(target.shape)
            target += part.dtype.type(t) * part
            start += target.size
        written(self._params)


class _Memory:
    """What L-BFGS keeps from step to step, under the names of its state."""

    _names = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")

    d: Array
    t: Any
    old_dirs: list[Array]
    old_stps: list[Array]
    ro: list[Any]
    H_diag: Any
    prev_flat_grad: Array
    prev_loss: float

    def __init__(self, state: dict[str, Any]):
        for name in self._names:
            setattr(self, name, _unwrapped(state.get(name)))

    def save(self, state: dict[str, Any]) -> None:
        """Write everything to the state, as Tensors."""
        state.update((name, _wrapped(getattr(self, name))) for name in self._names)

    def restart(self, gradient: Array) -> None:
        """Start from the direction of steepest descent."""
        self.d, self.H_diag = -gradient, 1
        self.old_dirs, self.old_stps, self.ro = [], [], []

    def update(self, gradient: Array, history_size: int, state: dict[str, Any]) -> None:
        """Learn from the last step, then multiply the gradient by the inverse Hessian."""
        change = gradient - self.prev_flat_grad
        moved = self.d * self.t
        curvature = change @ moved
        if curvature > _SMALLEST_CURVATURE:
            if len(self.old_dirs) == history_size:
                for kept in (self.old_dirs, self.old_stps, self.ro):
                    del kept[0]
            self.old_dirs.append(change)
            self.old_stps.append(moved)
            self.ro.append(1.0 / curvature)
            self.H_diag = curvature / (change @ change)
        self.d = self._times_inverse_hessian(-gradient, history_size, state)

    def _times_inverse_hessian(self, q: Array, history_size: int, state: dict[str, Any]) -> Array:
        """Run the two loops over the remembered pairs, newest to oldest and back."""
        pairs = list(zip(self.old_dirs, self.old_stps, self.ro, strict=True))
        weights: list[Any] = [None] * history_size
        for i in reversed(range(len(pairs))):
            change, moved, ro = pairs[i]
            weights[i] = (moved @ q) * ro
            q -= weights[i] * change
        q *= self.H_diag
        for weight, (change, moved, ro) in zip(weights, pairs, strict=False):
            q += (weight - (change @ q) * ro) * moved
        state["al"] = _wrapped(weights)
        return q


def _scalar_lr(lr: Any, gradient: Array) -> Any:
    """Return a learning rate as a scalar that does not widen the parameters' dtype."""
    if not isinstance(lr, Tensor):
        return lr
    dtype = min(lr.array.dtype, gradient.dtype, key=lambda dtype: dtype.itemsize)
    return dtype.type(lr.item())


def _largest(x: Array) -> Any:
    return abs(x).max()


def _wrapped(value: Any) -> Any:
    """Return arrays and NumPy scalars as Tensors, other values and None as they are."""
    if isinstance(value, list):
        return [_wrapped(v) for v in value]
    if value is None or type(value) in (int, float):
        return value
    return wrap(array_module(value).asarray(value))


def _unwrapped(value: Any) -> Any:
    """Return the arrays of Tensors, the scalars of 0-d ones; undo `_wrapped`."""
    if isinstance(value, list):
        return [_unwrapped(v) for v in value]
    if isinstance(value, Tensor):
        return value.array if value.ndim else value.array[()]
    return value


def _dense(grad: Tensor) -> Array:
    return grad.array if grad._dense else grad.to_dense().array
