"""autocast: matrix products and convolutions in a lower precision, the rest as it needs to be."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from .. import _tensor
from ..autograd import mode
from ..autograd.interception import add_interceptor, remove_interceptor
from ..backend import dtype as dtypes
from ..backend.dtype import dtype as DType
from ..errors import RushlightWarning
from ..ops._autocast import State, intercept
from ..ops.casts import cast

F = TypeVar("F", bound=Callable[..., Any])

_DEVICES = ("cpu", "cuda")
_LOWER = {"cpu": (dtypes.bfloat16, dtypes.float16), "cuda": (dtypes.float16, dtypes.bfloat16)}
_defaults = {device: choices[0] for device, choices in _LOWER.items()}
_cache_enabled = True
_users = 0
_counting = threading.Lock()


# --- the state, under torch's names -------------------------------------------------------------


def is_autocast_available(device_type: str) -> bool:
    """Tell whether autocast knows a type of device."""
    return device_type in _DEVICES


def _known(device_type: str) -> str:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if device_type not in _DEVICES:
        raise RuntimeError(
            f"User specified an unsupported autocast device_type '{device_type}'; expected one of "
            f"{', '.join(_DEVICES)}"
        )
    return device_type


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Tell whether autocast is on for a type of device."""
    state, known = mode.autocast.get(), _known(device_type)
    return state is not None and known in state.dtypes


def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Switch autocast on or off for a type of device until it is set again."""
    if enabled is None:
        device_type, enabled = "cuda", device_type
    state = mode.autocast.get()
    lower = dict(state.dtypes) if state is not None else {}
    if enabled:
        lower[_known(device_type)] = _defaults[device_type]
    else:
        lower.pop(_known(device_type), None)
    _set(State(lower, state.casts if state is not None else {}) if lower else None)


def get_autocast_dtype(device_type: str) -> DType:
    """Return the lower dtype for a type of device."""
    state = mode.autocast.get()
    inside = None if state is None else state.dtypes.get(_known(device_type))
    return inside or _defaults[_known(device_type)]


def set_autocast_dtype(device_type: str, dtype: DType) -> None:
    """Set the lower dtype for a type of device."""
    _defaults[_known(device_type)] = dtype
    state = mode.autocast.get()
    if state is not None and device_type in state.dtypes:
        _set(State({**state.dtypes, device_type: dtype}, state.casts))


def is_autocast_cache_enabled() -> bool:
    """Tell whether parameters' copies are kept within a context."""
    state = mode.autocast.get()
    return _cache_enabled if state is None else state.casts is not None


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Choose whether parameters' copies are kept within a context."""
    global _cache_enabled
    _cache_enabled = enabled


def clear_autocast_cache() -> None:
    """Forget the parameters' copies."""
    state = mode.autocast.get()
    if state is not None and state.casts is not None:
        state.casts.clear()


def autocast_increment_nesting() -> int:
    """Count one more context; return how many there are."""
    _nesting.depth += 1
    return _nesting.depth


def autocast_decrement_nesting() -> int:
    """Count one context less; return how many there are."""
    _nesting.depth -= 1
    return _nesting.depth


class _Nesting(threading.local):
    depth = 0


_nesting = _Nesting()


def _set(state: State | None) -> None:
    """Make a state the current thread's; operators are looked at while any thread has one."""
    global _users
    was, is_now = mode.autocast.get() is not None, state is not None
    mode.autocast.set(state)
    with _counting:
        _users += is_now - was
        if is_now > was and _users == 1:
            add_interceptor(intercept)
        elif was > is_now and _users == 0:
            remove_interceptor(intercept)


# --- the context --------------------------------------------------------------------------------


class autocast:
    """Within the context, operators get their inputs in the dtype that suits them.

    Matrix products, convolutions and recurrent layers compute in the lower dtype; losses and other
    delicate operators in float32; all others in whatever comes. Put the forward pass and the loss
    inside, the reverse pass outside. Also a decorator.

    Args:
        device_type: "cpu" or "cuda".
        dtype: the lower dtype (default: bfloat16 on a CPU, float16 on a GPU).
        enabled: False switches autocast off inside.
        cache_enabled: keep a parameter's copy for all its uses within the outermost context.

    Raises:
        RuntimeError: the type of device is not known.

    Example:
        >>> layer, x = rushlight.nn.Linear(3, 2), rushlight.ones(1, 3)
        >>> with rushlight.autocast("cpu"):
        ...     y = layer(x)
        >>> y.dtype, layer.weight.dtype
        (torch.bfloat16, torch.float32)

    Reference: Micikevicius et al., "Mixed precision training", 2018.
    """

    def __init__(
        self,
        device_type: str,
        dtype: DType | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ):
        self.device = _known(device_type)
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = _cache_enabled if cache_enabled is None else cache_enabled
        self._enabled = enabled and self._supported()
        self._outer: list[State | None] = []

    def _supported(self) -> bool:
        if self.fast_dtype in _LOWER[self.device]:
            return True
        names = " and ".join(str(d) for d in _LOWER[self.device])
        warnings.warn(
            f"In {self.device.upper()} autocast, but the target dtype is not supported. Disabling "
            f"autocast.\n{self.device.upper()} Autocast only supports dtypes of {names} currently.",
            RushlightWarning,
            stacklevel=4,
        )
        return False

    def __enter__(self) -> autocast:
        outer = mode.autocast.get()
        lower = dict(outer.dtypes) if outer is not None else {}
        if self._enabled:
            lower[self.device] = self.fast_dtype
        else:
            lower.pop(self.device, None)
        # Copies live until the outermost context is left.
        shared = {} if outer is None or outer.casts is None else outer.casts
        self._outer.append(outer)
        _set(State(lower, shared if self._cache_enabled else None))
        return self

    def __exit__(self, *exc: object) -> None:
        _set(self._outer.pop())

    def __call__(self, function: F) -> F:
        """Run `function` within this context (decorator)."""

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return inside  # type: ignore[return-value]


# --- functions of the user ----------------------------------------------------------------------


def custom_fwd(fwd: Any = None, *, device_type: str, cast_inputs: DType | None = None) -> Any:
    """Decorate the `forward` of an autograd.Function for use under autocast.

    Args:
        fwd: the static method.
        device_type: the type of device it runs on.
        cast_inputs: cast floating point tensors to this dtype and run with autocast off; None: run
            with autocast as it is.
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    _known(device_type)

    @functools.wraps(fwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        args[0]._dtype = get_autocast_dtype(device_type)
        on = is_autocast_enabled(device_type)
        args[0]._fwd_used_autocast = on and cast_inputs is None
        if not on or cast_inputs is None:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(
                *_converted(args, device_type, cast_inputs),
                **_converted(kwargs, device_type, cast_inputs),
            )

    return decorated


def _converted(value: Any, device_type: str, to: DType) -> Any:
    """Return arguments with floating point tensors in another dtype; float64 stays."""
    if isinstance(value, _tensor.Tensor):
        eligible = value.dtype.is_floating_point and value.dtype is not dtypes.float64
        return cast(value, to) if eligible and value.device.type == device_type else value
    if isinstance(value, dict):
        return {key: _converted(item, device_type, to) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)([_converted(item, device_type, to) for item in value])
    return value


def custom_bwd(bwd: Any = None, *, device_type: str) -> Any:
    """Decorate the `backward` of an autograd.Function: autocast as it was in `forward`.

    Args:
        bwd: the static method.
        device_type: the type of device it runs on.
    """
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    _known(device_type)

    @functools.wraps(bwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        ctx = args[0]
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(*args, **kwargs)

    return decorated
