"""What a file may name, call, create and fill while it is loaded with `weights_only=True`.

The built-in list is one table, `_CALLS`, plus the rebuild functions of `rebuild.py`, the storage
types and the dtypes. Every entry that may be called has a function of ours that checks the
arguments first: `bytearray(10**12)` is harmless in a program, but not in a file.
Users add classes and functions they trust with `add_safe_globals`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from pickle import UnpicklingError
from typing import Any

from .._tensor import Size
from .._torch_names import torch_name
from ..backend import dtype as dtypes
from ..backend.device import device
from ..backend.memory_format import FORMATS, LAYOUTS, layout
from . import numpy_objects
from .limits import Budget, checked_keys
from .names import python_3_name
from .rebuild import TensorBuilder
from .storage_types import STORAGE_TYPES

# Nothing of these modules is ever loaded, not even if a user has allowed it.
BLOCKED_MODULES = ("sys", "os", "posix", "nt")

_user_globals: dict[str, Any] = {}


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Mark classes and functions as safe to load with `weights_only=True`.

    Args:
        safe_globals: classes or functions, or pairs of one and the full name that it has in the
            file (`(MyClass, "old_module.MyClass")`).

    Example:
        >>> class Options: ...
        >>> rushlight.serialization.add_safe_globals([Options])
        >>> rushlight.serialization.get_safe_globals() == [Options]
        True
        >>> rushlight.serialization.clear_safe_globals()
    """
    _user_globals.update((_global_name(item), item) for item in safe_globals)


def get_safe_globals() -> list[Any]:
    """Return what users have marked as safe."""
    return list(_user_globals.values())


def clear_safe_globals() -> None:
    """Forget what users have marked as safe."""
    _user_globals.clear()


class safe_globals:
    """Context manager that marks classes and functions as safe inside the block.

    Args:
        safe_globals: as for `add_safe_globals`.
    """

    def __init__(self, safe_globals: Iterable[Any]):
        self.safe_globals = list(safe_globals)

    def __enter__(self) -> None:
        self._outer = dict(_user_globals)
        add_safe_globals(self.safe_globals)

    def __exit__(self, *exc: object) -> None:
        _user_globals.clear()
        _user_globals.update(self._outer)


def _global_name(item: Any) -> str:
    if not isinstance(item, tuple):
        return ".".join(torch_name(item.__module__, item.__qualname__))
    if len(item) != 2:
        raise ValueError(
            "Expected tuple of length 2 (global, str of callable full path), but got tuple of "
            f"length: {len(item)}"
        )
    if not isinstance(item[1], str):
        raise TypeError(
            "Expected second item in tuple to be str of callable full path, but got: "
            f"{type(item[1])}"
        )
    return item[1]


# --- calls that files make, with their arguments checked ---


def _only(arguments: tuple[Any, ...], *types: Any) -> None:
    """Check that there are at most as many arguments as types, each of its type."""
    if len(arguments) > len(types) or not all(map(isinstance, arguments, types)):
        given = ", ".join(type(argument).__name__ for argument in arguments)
        raise UnpicklingError(f"arguments of type ({given}) are not allowed here")


def _ordered_dict(*arguments: Any) -> OrderedDict[Any, Any]:
    _only(arguments, (list, tuple, dict))
    return OrderedDict(_checked_dict(*arguments))


def _counter(*arguments: Any) -> Counter[Any]:
    _only(arguments, dict)
    return Counter(*arguments)


def _checked_dict(items: Any = ()) -> dict[Any, Any]:
    pairs = list(items.items() if isinstance(items, dict) else items)
    checked_keys([key for key, _ in pairs])
    return dict(pairs)


def _defaultdict(factory: Any = None, *rest: Any) -> defaultdict[Any, Any]:
    if factory not in (None, *_FACTORIES):
        raise UnpicklingError(f"a defaultdict of {factory} is not allowed")
    _only(rest, dict)
    return defaultdict(factory, *rest)


def _members(*arguments: Any) -> list[Any]:
    _only(arguments, (list, tuple, set, frozenset))
    return checked_keys([member for group in arguments for member in group])


def _bytearray(*arguments: Any) -> bytearray:
    if arguments and isinstance(arguments[0], str):
        return bytearray(_encode(*arguments))
    _only(arguments, (bytes, bytearray))
    return bytearray(*arguments)


def _bytes(*arguments: Any) -> bytes:
    _only(arguments, (bytes, bytearray))
    return bytes(*arguments)


def _encode(text: Any, encoding: Any = "utf-8") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise UnpicklingError(f"encoding {type(text).__name__} as {encoding} is not allowed")
    return text.encode(encoding)


def _complex(*arguments: Any) -> complex:
    _only(arguments, (int, float), (int, float))
    return complex(*arguments)


def _slice(*arguments: Any) -> slice:
    _only(arguments, (int, type(None)), (int, type(None)), (int, type(None)))
    return slice(*arguments)


def _range(*arguments: Any) -> range:
    _only(arguments, int, int, int)
    return range(*arguments)


def _size(*arguments: Any) -> Size:
    _only(arguments, (tuple, list))
    if not all(type(extent) is int for group in arguments for extent in group):
        raise UnpicklingError("torch.Size takes integers")
    return Size(*arguments)


def _device(*arguments: Any) -> device:
    _only(arguments, str, int)
    return device(*arguments)


def layout_named(name: Any) -> layout:
    """Return the layout that a file names.

    Raises:
        UnpicklingError: there is none of this name.
    """
    found = LAYOUTS.get(name.removeprefix("torch.")) if type(name) is str else None
    if found is None:
        raise UnpicklingError(f"there is no layout {name!r}")
    return found


_FACTORIES = (list, dict, set, int, float, str, bool, tuple, OrderedDict)

# Name in the file: the object it stands for, and the function that calls it (None: not callable).
_CALLS: dict[str, tuple[Any, Callable[..., Any] | None]] = {
    "collections.OrderedDict": (OrderedDict, _ordered_dict),
    "collections.Counter": (Counter, _counter),
    "collections.defaultdict": (defaultdict, _defaultdict),
    "builtins.set": (set, lambda *arguments: set(_members(*arguments))),
    "builtins.frozenset": (frozenset, lambda *arguments: frozenset(_members(*arguments))),
    "builtins.bytearray": (bytearray, _bytearray),
    "builtins.bytes": (bytes, _bytes),
    "builtins.complex": (complex, _complex),
    "builtins.slice": (slice, _slice),
    "builtins.range": (range, _range),
    "_codecs.encode": (_encode, _encode),
    "torch.Size": (Size, _size),
    "torch.device": (device, _device),
    "torch.serialization._get_layout": (layout_named, layout_named),
    **{repr(form): (form, None) for form in FORMATS.values()},
    **{
        f"builtins.{cls.__name__}": (cls, None)
        for cls in (list, dict, int, float, str, bool, tuple)
    },
    **numpy_objects.CALLS,
}


class Allowlist:
    """The names one load may use, built in or marked as safe by the user.

    Args:
        builder: rebuilds the tensors of this load.
        budget: what its calls may copy.
    """

    def __init__(self, builder: TensorBuilder, budget: Budget):
        self._budget = budget
        self._names: dict[str, Any] = {name: value for name, (value, _) in _CALLS.items()}
        self._calls: dict[int, Callable[..., Any]] = {
            id(value): call for value, call in _CALLS.values() if call is not None
        }
        for name, function in builder.functions().items():
            self._names[name] = function
            self._calls[id(function)] = function
        self._names |= builder.classes()
        self._names |= {repr(d): d for d in dtypes.ALL}
        self._names |= {f"{kind.module}.{kind.name}": kind for kind in STORAGE_TYPES.values()}
        # Old files say where a storage was twice: `torch.cuda.FloatStorage` at `cuda:0`.
        self._names |= {f"torch.cuda.{name}": kind for name, kind in STORAGE_TYPES.items()}
        self._trusted: dict[str, Any] = {}
        for name, item in _user_globals.items():
            self._trusted[name] = item[0] if isinstance(item, tuple) else item
        builder.trusted = tuple(self._trusted.values())

    def knows(self, module: str, name: str) -> bool:
        """Return whether a file may use this global."""
        try:
            self.find(module, name)
        except UnpicklingError:
            return False
        return True

    def find(self, module: str, name: str) -> Any:
        """Return what a global of the file stands for; nothing is imported."""
        module, name = python_3_name(module, name)
        path = f"{module}.{name}"
        if module.partition(".")[0] in BLOCKED_MODULES:
            raise UnpicklingError(
                f"Trying to load unsupported GLOBAL {path} whose module {module} is blocked."
            )
        for known in (self._names, self._trusted):
            if path in known:
                return known[path]
        short = path.removeprefix("builtins.")
        raise UnpicklingError(
            f"Unsupported global: GLOBAL {path} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{short}])` or the "
            f"`torch.serialization.safe_globals([{short}])` context manager to allowlist this "
            "global if you trust this class/function."
        )

    def _trusts(self, value: Any) -> bool:
        return any(value is item for item in self._trusted.values())

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """Call a function of the list."""
        checked = self._calls.get(id(function))
        if checked is None and not self._trusts(function):
            raise UnpicklingError(
                f"Trying to call reduce for unrecognized function {_describe(function)}"
            )
        self._budget.spend_on(arguments)
        return (checked or function)(*arguments)

    def new(self, cls: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Create an object of a class that the user trusts, or of one that has a checked call."""
        checked = self._calls.get(id(cls))
        self._budget.spend_on(arguments)
        if checked is not None and isinstance(cls, type):
            return checked(*arguments, **keywords)
        if isinstance(cls, type) and self._trusts(cls):
            return cls.__new__(cls, *arguments, **keywords)
        raise UnpicklingError(
            "Can only create new object for nn.Parameter or classes allowlisted via "
            f"`add_safe_globals` but got {_describe(cls)}"
        )

    def build(self, instance: Any, state: Any) -> None:
        """Give an object its state."""
        self._budget.spend_on(state if type(state) is tuple else ())
        if type(instance) is OrderedDict:
            _set_attributes(instance, state)
        elif numpy_objects.set_state(instance, state):
            return
        elif self._trusts(type(instance)):
            _set_trusted_state(instance, state)
        else:
            raise UnpicklingError(
                "Can only build OrderedDict, NumPy arrays or types allowlisted via "
                f"`add_safe_globals`, but got {type(instance)}"
            )


def _describe(value: Any) -> str:
    return repr(value) if isinstance(value, type) or callable(value) else repr(type(value))


def _set_attributes(instance: Any, state: Any) -> None:
    # A state dict carries `_metadata`; an attribute that hides a method is somebody's trick.
    for name in _names_of(state):
        if hasattr(type(instance), name):
            raise UnpicklingError(f"an attribute may not hide {type(instance).__name__}.{name}")
        setattr(instance, name, state[name])


def _names_of(state: Any) -> list[str]:
    if type(state) is not dict or not all(type(name) is str for name in state):
        raise UnpicklingError(f"BUILD expects a dict of attributes, got {type(state)}")
    return list(state)


def _set_trusted_state(instance: Any, state: Any) -> None:
    if hasattr(instance, "__setstate__"):
        instance.__setstate__(state)
        return
    slots: Any = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        instance.__dict__.update((name, state[name]) for name in _names_of(state))
    for name in _names_of(slots or {}):
        setattr(instance, name, slots[name])
