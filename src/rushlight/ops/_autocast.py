"""Mixed precision: the dtype that each operator gets its inputs in while autocast is on.

Policies stand with the operators: `autocast` of an Op (`autocast_cuda` where CUDA's list says
more), or this module's decorator where a function made of several operators has a policy.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .._tensor import Tensor
from ..autograd import interception, mode
from ..autograd.interception import Proceed
from ..backend import dtype as dtypes
from ..backend.dtype import dtype
from .casts import Cast, cast

F = TypeVar("F", bound=Callable[..., Any])
Casts = dict[tuple[int, dtype], tuple["weakref.ref[Tensor]", int, Tensor]]


class State:
    """What autocast does in a context: the lower dtype on each type of device.

    Attributes:
        dtypes: the lower dtype by type of device; a device that is not there is left alone.
        casts: the parameters' copies, made once for all contexts within the outermost one; None if
            no copies are kept.
    """

    __slots__ = ("casts", "dtypes")

    def __init__(self, lower: dict[str, dtype], casts: Casts | None):
        self.dtypes, self.casts = lower, casts


def is_on(x: Tensor) -> bool:
    """Tell whether operators on the tensor's device will cast their inputs."""
    state = mode.autocast.get()
    return state is not None and x.device.type in state.dtypes


def intercept(op: Any, inputs: tuple[Any, ...], params: Any, proceed: Proceed) -> Any:
    """Cast an operator's inputs as its policy says, then run it."""
    policy, on_cuda = op.autocast, getattr(op, "autocast_cuda", None)
    if policy or on_cuda:
        state = mode.autocast.get()
        if state is not None:
            inputs = _by_policy(state, policy, on_cuda, inputs)
    return proceed(op, inputs, params)


def autocast(policy: str | None, *, on_cuda: str | None = None) -> Callable[[F], F]:
    """Give a function made of several operators a policy of its own (decorator).

    The operators inside leave dtypes alone: None keeps a function as it is without autocast.
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def with_policy(*args: Any, **kwargs: Any) -> Any:
            state = mode.autocast.get()
            if state is None:
                return function(*args, **kwargs)
            values = _by_policy(state, policy, on_cuda, (*args, *kwargs.values()))
            args, named = values[: len(args)], values[len(args) :]
            token = mode.autocast.set(None)
            try:
                return function(*args, **dict(zip(kwargs, named, strict=True)))
            finally:
                mode.autocast.reset(token)

        return with_policy  # type: ignore[return-value]

    return decorate


def _by_policy(
    state: State, policy: str | None, on_cuda: str | None, inputs: tuple[Any, ...]
) -> tuple[Any, ...]:
    first = next((x for x in inputs if isinstance(x, Tensor)), None)
    if first is None:
        return inputs
    where = first.device.type
    lower = state.dtypes.get(where)
    if where == "cuda":
        policy = policy or on_cuda
    if lower is None or policy is None:
        return inputs
    if policy == "lower":
        target = lower
    elif policy == "float32":
        target = dtypes.float32
    else:
        target = _widest(inputs, lower)
    return tuple([_cast(state, x, target, policy) for x in inputs])


def _widest(inputs: Iterable[Any], lower: dtype) -> dtype:
    found = {x.dtype for x in inputs if isinstance(x, Tensor)}
    return dtypes.float32 if dtypes.float32 in found else lower


_ELIGIBLE = frozenset({dtypes.float16, dtypes.bfloat16, dtypes.float32})


def _cast(state: State, x: Any, to: dtype, policy: str) -> Any:
    """Return an input in another dtype; float64, integers and what is no tensor stay."""
    if not isinstance(x, Tensor):
        return x
    have = x.dtype
    if have is to or have not in _ELIGIBLE:
        return x
    if policy == "lower" and state.casts is not None and x._node is None and x._requires_grad:
        return _kept(state.casts, x, to)
    return _converted(x, to)


def _kept(casts: Casts, x: Tensor, to: dtype) -> Tensor:
    """Return a parameter's copy of another dtype, made once."""
    key = id(x), to
    found = casts.get(key)
    recorded = mode.is_grad_enabled()
    if found is not None and found[0]() is x and found[1] == x._version:
        if found[2]._requires_grad or not recorded:
            return found[2]
    copy = _converted(x, to)
    casts[key] = weakref.ref(x), x._version, copy
    return copy


def _converted(x: Tensor, to: dtype) -> Tensor:
    """Cast; if autocast is the only interceptor, nobody else asks to see it."""
    if len(interception.interceptors) == 1:
        result: Tensor = interception.run(Cast, (x,), {"dtype": to})
        return result
    return cast(x, to)
