"""Activation checkpointing: keep nothing of a forward pass, compute it again for the gradient.

Chen et al., "Training deep nets with sublinear memory cost", 2016.
"""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from .. import random
from .._tensor import Tensor
from ..autograd import Function, backward, enable_grad, is_grad_enabled, no_grad
from ..autograd.graph import saved_tensors_hooks
from ..errors import RushlightWarning

__all__ = [
    "CheckpointError",
    "DefaultDeviceType",
    "checkpoint",
    "checkpoint_sequential",
    "detach_variable",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
]

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]
_debug: bool | None = None


class CheckpointError(RuntimeError):
    """The second forward pass did not save the tensors that the first one saved."""


class DefaultDeviceType:
    """The device type whose random state checkpoints restore where no argument tells it."""

    _type = "cuda"

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Set the device type."""
        DefaultDeviceType._type = device

    @staticmethod
    def get_device_type() -> str:
        """Return the device type."""
        return DefaultDeviceType._type


@contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Within the context, override the `debug` argument of `checkpoint` (None: do not)."""
    global _debug
    before, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = before


def noop_context_fn() -> Contexts:
    """Return two contexts that do nothing: the default `context_fn`."""
    return nullcontext(), nullcontext()


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the inputs with tensors taken out of the graph; they still require grad."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            f"Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )

    def detached(x: Any) -> Any:
        return x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x

    return tuple(map(detached, inputs))


class _RandomState:
    """The state of the random numbers at a moment, to return to for a while."""

    def __init__(self, preserve: bool):
        self.state = random.get_rng_state() if preserve else None

    @contextmanager
    def again(self) -> Iterator[None]:
        if self.state is None:
            yield
            return
        with random.fork_rng():
            random.set_rng_state(self.state)
            yield


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Run `function` without keeping what its gradient needs; it is run again to get that.

    Trades time for memory: between the passes only the arguments are kept.

    Args:
        function: any computation on tensors; it must do the same when it is run again.
        args: its arguments.
        use_reentrant: True: the second run is a reverse pass within the reverse pass, for which
            at least one argument must require grad; False (recommended; the default): saved
            tensors are replaced while the graph is recorded as ever.
        context_fn: returns two contexts, for the first run and for the second.
        determinism_check: "default" compares shapes, dtypes and devices of what both runs save;
            "none" does not.
        debug: an error shows which operators each run consisted of.
        early_stop: end the second run once all that is needed is known.
        kwargs: keyword arguments of `function`, and `preserve_rng_state` (default True): whether
            random numbers, dropout masks say, are the same in both runs.

    Returns:
        What `function` returns.

    Raises:
        CheckpointError: the second run differs from the first.

    Example:
        >>> layer = rushlight.nn.Linear(4, 4)
        >>> x = rushlight.ones(2, 4)
        >>> y = rushlight.utils.checkpoint.checkpoint(layer, x, use_reentrant=False)
        >>> y.sum().backward()
        >>> layer.bias.grad
        tensor([2., 2., 2., 2.])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant is None:
        use_reentrant = False
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        return _Reentrant.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ('default', 'none'), got {determinism_check!r}"
        )
    call = functools.partial(function, *args, **kwargs)
    if not is_grad_enabled():
        return call()
    show = debug if _debug is None else _debug
    run = _Checkpoint(
        call, context_fn(), _RandomState(preserve), determinism_check == "default", early_stop, show
    )
    return run.first()


# --- without reentrance: saved tensors replaced ------------------------------------------------


class _Place:
    """Stands in a node for the tensor that the second run will provide."""

    __slots__ = ("__weakref__", "position")

    def __init__(self, position: int):
        self.position = position


class _Enough(Exception):
    """Ends the second run: all that is needed has been saved."""


class _Checkpoint:
    """One checkpointed computation."""

    def __init__(
        self, call: Any, contexts: Contexts, randomness: _RandomState, check: bool,
        early_stop: bool, debug: bool,
    ):  # fmt: skip
        self.call, self.randomness, self.check = call, randomness, check
        self.early_stop, self.debug = early_stop, debug
        self.first_context, self.second_context = contexts
        self.described: list[Any] = []
        self.places: list[weakref.ref[_Place]] = []
        self.tensors: dict[int, Tensor] = {}

    def first(self) -> Any:
        """Run forward; nodes get places instead of tensors."""
        with saved_tensors_hooks(self._put, self._get), self.first_context:
            return self.call()

    def _put(self, tensor: Tensor) -> _Place:
        place = _Place(len(self.places))
        self.places.append(weakref.ref(place))
        self.described.append(_description(tensor))
        return place

    def _get(self, place: _Place) -> Tensor:
        if place.position not in self.tensors:
            self._run_again()
        # A node asks once in a pass that frees it; other passes run the function again.
        return self.tensors.pop(place.position)

    def _run_again(self) -> None:
        saved = 0

        def take(tensor: Tensor) -> Tensor:
            nonlocal saved
            position, saved = saved, saved + 1
            if position < len(self.places):
                self._compare(position, tensor)
                if self.places[position]() is not None:
                    self.tensors[position] = tensor
            if self.early_stop and saved == len(self.places):
                raise _Enough
            return tensor

        self.tensors.clear()
        with (
            self.randomness.again(),
            enable_grad(),
            saved_tensors_hooks(take, lambda tensor: tensor),
            self.second_context,
        ):
            try:
                self.call()
            except _Enough:
                return
        if saved != len(self.places):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\nNumber of tensors saved during forward: "
                f"{len(self.places)}\nNumber of tensors saved during recomputation: {saved}."
                + self._listing()
            )

    def _compare(self, position: int, tensor: Tensor) -> None:
        now = _description(tensor)
        if self.check and now != self.described[position]:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                "different metadata than during the forward pass.\n"
                f"tensor at position {position}:\nsaved metadata: {self.described[position]}\n"
                f"recomputed metadata: {now}" + self._listing()
            )

    def _listing(self) -> str:
        if not self.debug:
            return ""
        lines = [f"  {position}: {what}" for position, what in enumerate(self.described)]
        return "\nTensors saved during the original forward:\n" + "\n".join(lines)


def _description(tensor: Tensor) -> dict[str, Any]:
    return {"shape": tensor.shape, "dtype": tensor.dtype, "device": tensor.device}


# --- with reentrance: a reverse pass within the reverse pass -----------------------------------


class _Reentrant(Function):
    """y = function(*args), differentiated by running it again on detached arguments."""

    @staticmethod
    def forward(ctx: Any, function: Any, preserve: bool, *args: Any) -> Any:
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None",
                RushlightWarning,
                stacklevel=3,
            )
        ctx.function, ctx.randomness = function, _RandomState(preserve)
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.positions = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.positions))
        with no_grad():
            return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        args = list(ctx.others)
        for position, tensor in zip(ctx.positions, ctx.saved_tensors, strict=True):
            args[position] = tensor
        inputs = detach_variable(tuple(args))
        with ctx.randomness.again(), enable_grad():
            outputs = ctx.function(*inputs)
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        pairs = [
            (y, g)
            for y, g in zip(outputs, grads, strict=True)
            if isinstance(y, Tensor) and y.requires_grad
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        backward([y for y, _ in pairs], [g for _, g in pairs])
        return None, None, *(x.grad if isinstance(x, Tensor) else None for x in inputs)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Run a chain of modules, checkpointing it in `segments` pieces; the last is run as ever.

    Args:
        functions: a Sequential, or the modules in order.
        segments: the number of pieces.
        input: the argument of the first module.
        use_reentrant: as for `checkpoint`.
        kwargs: `preserve_rng_state`.

    Example:
        >>> model = rushlight.nn.Sequential(*(rushlight.nn.Linear(3, 3) for _ in range(4)))
        >>> x = rushlight.ones(2, 3)
        >>> run = rushlight.utils.checkpoint.checkpoint_sequential
        >>> rushlight.equal(run(model, 2, x, use_reentrant=False), model(x))
        True
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    modules = list(functions.children()) if hasattr(functions, "children") else list(functions)
    length = len(modules) // segments
    start = 0
    for _ in range(segments - 1):
        piece = functools.partial(_run_chain, modules[start : start + length])
        input = checkpoint(piece, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
        start += length
    return _run_chain(modules[start:], input)


def _run_chain(modules: Sequence[Callable[[Any], Any]], x: Any) -> Any:
    for module in modules:
        x = module(x)
    return x
