"""Subclasses of Tensor that keep their type, and `__torch_function__`, which lets them do more.

Every public function and method can be given a dispatcher that looks for arguments with a
`__torch_function__` of their own. Programs that define no such class never pay for it: the
dispatchers are put in place when the first one is defined, or a `TorchFunctionMode` is entered.
"""

from __future__ import annotations

import functools
import importlib
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ._tensor import Size, Tensor

__all__ = [
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "TorchFunctionMode",
    "get_overridable_functions",
    "handle_torch_function",
    "has_torch_function",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "resolve_name",
    "wrap_torch_function",
]

Function = Callable[..., Any]

_NAMESPACES = (
    "rushlight",
    "rushlight.nn.functional",
    "rushlight.linalg",
    "rushlight.fft",
    "rushlight.special",
)
# What describes or holds a tensor rather than computes with it is not dispatched.
_PLAIN_METHODS = frozenset({
    "__array__", "__array_wrap__", "__class__", "__deepcopy__", "__dir__", "__dlpack__",
    "__dlpack_device__", "__format__", "__getattr__", "__hash__", "__init__", "__init_subclass__",
    "__iter__", "__new__", "__reduce__", "__reduce_ex__", "__repr__", "__setstate__", "__str__",
    "__torch_function__", "_number", "as_subclass", "requires_grad_",
})  # fmt: skip
# Nor is what makes a tensor of anything, another library's tensors included.
_PLAIN_FUNCTIONS = frozenset({
    "as_tensor", "asarray", "from_dlpack", "from_numpy", "frombuffer", "is_storage", "is_tensor",
    "scalar_tensor", "tensor",
})  # fmt: skip
_TENSOR_PROPERTIES = ("H", "T", "data", "imag", "mH", "mT", "real")

_TENSORS_OWN = Tensor.__torch_function__.__func__  # type: ignore[attr-defined]

_subclasses_off: ContextVar[bool] = ContextVar("subclasses_off", default=False)
_modes: ContextVar[tuple[TorchFunctionMode, ...]] = ContextVar("function_modes", default=())
_installing = threading.RLock()  # a module that loads meanwhile may ask for the same
_installed = False
# Classes whose instances never handle a function: the usual arguments are told by one look.
_unaware: set[type] = {Tensor, bool, complex, float, int, str, type(None)}
_names: dict[Any, str] = {}
_operators: set[Function] = set()


# --- the default, and how to leave it -----------------------------------------------------------


def keep_type(
    cls: type[Tensor],
    func: Function,
    types: Iterable[type],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None,
) -> Any:
    """Run `func` on the tensors inside and give the results the class `cls`."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
    return _converted(result, cls)


def _converted(result: Any, cls: type[Tensor]) -> Any:
    if cls is Tensor:
        return result
    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)) and not isinstance(result, Size):
        parts = [_converted(part, cls) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


@contextmanager
def DisableTorchFunctionSubclass() -> Iterator[None]:
    """Within the context, instances of subclasses are treated as plain tensors."""
    token = _subclasses_off.set(True)
    try:
        yield
    finally:
        _subclasses_off.reset(token)


@contextmanager
def DisableTorchFunction() -> Iterator[None]:
    """Within the context, neither subclasses nor modes see functions."""
    token = _modes.set(())
    try:
        with DisableTorchFunctionSubclass():
            yield
    finally:
        _modes.reset(token)


def _disabled_torch_function_impl(
    cls: Any,
    func: Function,
    types: Iterable[type],
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Run `func` as if the class were plain Tensor; its results are plain."""
    with DisableTorchFunctionSubclass():
        return func(*args, **(kwargs or {}))


class TorchFunctionMode:
    """Within the context, `__torch_function__` of this object sees every function called.

    Example:
        >>> class Count(rushlight.overrides.TorchFunctionMode):
        ...     calls = 0
        ...     def __torch_function__(self, func, types, args=(), kwargs=None):
        ...         self.calls += 1
        ...         return func(*args, **(kwargs or {}))
        >>> with Count() as counter:
        ...     y = rushlight.ones(2).exp()
        >>> counter.calls
        2
    """

    def __torch_function__(
        self,
        func: Function,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Handle a call of `func`; a subclass overrides it."""
        raise NotImplementedError

    def __enter__(self) -> TorchFunctionMode:
        install()
        _modes.set((*_modes.get(), self))
        return self

    def __exit__(self, *exc: object) -> None:
        _modes.set(_modes.get()[:-1])


# --- dispatch -----------------------------------------------------------------------------------


def _overrides(argument: Any) -> bool:
    cls = type(argument)
    if cls is Tensor or isinstance(argument, type):
        return False
    handler = getattr(cls, "__torch_function__", None)
    if handler is None or issubclass(cls, TorchFunctionMode):
        return False
    root = cls.__module__.partition(".")[0]
    if not issubclass(cls, Tensor):
        return root != "torch"  # PyTorch's own tensors would hand the call back
    # The library's own classes, parameters say, compute as plain tensors unless they override it.
    # In a program that knows rushlight as torch, that is what their modules are called.
    if root not in ("rushlight", "torch") or getattr(handler, "__func__", None) is not _TENSORS_OWN:
        return True
    _unaware.add(cls)
    return False


def _overloaded(arguments: Iterable[Any]) -> list[Any]:
    """Return the arguments with an override, one of each class, subclasses first."""
    found: list[Any] = []
    for argument in arguments:
        if not _overrides(argument) or any(type(argument) is type(other) for other in found):
            continue
        place = len(found)
        for i, other in enumerate(found):
            if issubclass(type(argument), type(other)):
                place = i
                break
        found.insert(place, argument)
    return found


def _relevant(args: Iterable[Any]) -> Iterator[Any]:
    for argument in args:
        if isinstance(argument, (tuple, list)):
            yield from argument
        else:
            yield argument


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Tell whether an argument (or a mode) would handle a function itself."""
    if _modes.get():
        return True
    return not _subclasses_off.get() and any(map(_overrides, relevant_args))


def handle_torch_function(
    public_api: Function, relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """Let the arguments' `__torch_function__` compute `public_api(*args, **kwargs)`.

    Raises:
        TypeError: every one of them returned NotImplemented.
    """
    overloaded = [] if _subclasses_off.get() else _overloaded(relevant_args)
    classes = tuple(map(type, overloaded))
    modes = _modes.get()
    if modes:
        token = _modes.set(modes[:-1])  # the mode itself calls functions without being asked again
        try:
            result = modes[-1].__torch_function__(public_api, classes, args, kwargs)
        finally:
            _modes.reset(token)
        if result is not NotImplemented:
            return result
    for argument in overloaded:
        result = argument.__torch_function__(public_api, classes, args, kwargs)
        if result is not NotImplemented:
            return result
    if public_api in _operators:
        return NotImplemented  # Python's own message for operators is the clearer one
    refusals = "".join(f"\n  - tensor subclass {cls}" for cls in classes)
    raise TypeError(
        f"Multiple dispatch failed for '{resolve_name(public_api)}'; all __torch_function__ "
        f"handlers returned NotImplemented:\n{refusals}"
    )


def wrap_torch_function(dispatcher: Function) -> Callable[[Function], Function]:
    """Let a function of your own be handled by `__torch_function__` (decorator).

    Args:
        dispatcher: takes the function's arguments and returns those to look at.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return wrapped

    return decorate


def _dispatching(function: Function) -> Function:
    @functools.wraps(function)
    def dispatched(*args: Any, **kwargs: Any) -> Any:
        if not kwargs and _unaware.issuperset(map(type, args)) and not _modes.get():
            return function(*args)
        if _subclasses_off.get() and not _modes.get():
            return function(*args, **kwargs)
        relevant = [*_relevant(args), *_relevant(kwargs.values())]
        if has_torch_function(relevant):
            return handle_torch_function(dispatched, relevant, *args, **kwargs)
        return function(*args, **kwargs)

    return dispatched


# --- putting the dispatchers in place -----------------------------------------------------------


def install() -> None:
    """Give every public function and method its dispatcher; once."""
    global _installed
    with _installing:
        if _installed:
            return
        _installed = True
        dispatchers: dict[int, Function] = {}
        for namespace in _NAMESPACES:
            _install_functions(importlib.import_module(namespace), dispatchers)
        _install_methods(dispatchers)


def _dispatcher_of(function: Function, name: str, known: dict[int, Function]) -> Function:
    if id(function) not in known:
        known[id(function)] = _dispatching(function)
        _names[known[id(function)]] = name
    return known[id(function)]


def _install_functions(module: types.ModuleType, known: dict[int, Function]) -> None:
    dir(module)  # brings in what waits for its first use
    prefix = module.__name__.replace("rushlight", "torch", 1)
    for name, member in list(vars(module).items()):
        # Operators live in `ops`; what sets or asks for a state is left alone.
        if name in _PLAIN_FUNCTIONS or not isinstance(member, types.FunctionType):
            continue
        if ".ops." in member.__module__:
            setattr(module, name, _dispatcher_of(member, f"{prefix}.{name}", known))


def _install_methods(known: dict[int, Function]) -> None:
    for name in list(vars(Tensor)):
        if name in _PLAIN_METHODS or name.startswith("_check"):
            continue
        member = vars(Tensor)[name]
        if type(member).__name__ == "Waiting":
            member = getattr(Tensor, name)
        if isinstance(member, types.FunctionType):
            dispatcher = _dispatcher_of(member, f"torch.Tensor.{name.strip('_')}", known)
            if name.startswith("__"):
                dispatcher.__name__ = name.strip("_")  # `a + b` is a call of `add`
                _operators.add(dispatcher)
            setattr(Tensor, name, dispatcher)
        elif isinstance(member, property) and name in _TENSOR_PROPERTIES and member.fget:
            getter = _dispatcher_of(member.fget, f"torch.Tensor.{name}.__get__", known)
            setattr(Tensor, name, property(getter, member.fset, member.fdel, member.__doc__))


# --- what there is to override ------------------------------------------------------------------


def is_tensor_like(inp: Any) -> bool:
    """Tell whether an object is a Tensor or has a `__torch_function__`."""
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def get_overridable_functions() -> dict[Any, list[Function]]:
    """Return, for each namespace, the functions that `__torch_function__` sees."""
    install()
    found: dict[Any, list[Function]] = {}
    for namespace in (*map(importlib.import_module, _NAMESPACES), Tensor):
        found[namespace] = [f for f in vars(namespace).values() if _is_dispatcher(f)]
    return found


def _is_dispatcher(member: Any) -> bool:
    return isinstance(member, types.FunctionType) and member in _names


def resolve_name(f: Function) -> str | None:
    """Return the full name of an overridable function: `torch.exp`."""
    return _names.get(f) or getattr(f, "__qualname__", None)


def is_tensor_method_or_property(func: Function) -> bool:
    """Tell whether a function handed to `__torch_function__` is a member of Tensor."""
    members = {id(member) for member in vars(Tensor).values()}
    name = getattr(func, "__name__", "")
    return id(func) in members or name == "__get__"
