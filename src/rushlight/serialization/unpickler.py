"""Rebuild the objects of a pickle that may come from anybody.

A pickle is a program. This machine runs it without the pickle module and gives it little to work
with: names are looked up in an allow-list and never imported, only functions of that list are
called, containers are filled only if they are exactly a list, dict or set, and whatever else the
program tries is an `UnpicklingError`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

from .allowlist import Allowlist
from .limits import MAX_MARKS, MAX_MEMO, MAX_STACK, checked_keys
from .opcodes import instructions

_MAPPINGS = (dict, OrderedDict, Counter, defaultdict)


class SafeUnpickler:
    """Runs one pickle.

    Args:
        data: the bytes of the pickle, which may be followed by others.
        allowlist: what names stand for, and which of them may be called.
        persistent_load: turns the reference of a storage into the storage.
        encoding: how the strings of Python 2 are decoded; "bytes" keeps them as they are.
        start: where the pickle begins.

    After `load()`, `end` is the position behind the pickle.
    """

    def __init__(
        self,
        data: bytes | memoryview,
        allowlist: Allowlist,
        persistent_load: Callable[[Any], Any] | None = None,
        encoding: str = "utf-8",
        start: int = 0,
    ):
        self._data = memoryview(data)
        self._allowlist = allowlist
        self._persistent_load = persistent_load
        self._encoding = encoding
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._fence = 0
        self._memo: dict[int, Any] = {}
        self.end = start

    def load(self) -> Any:
        """Return the object that the pickle describes.

        Raises:
            UnpicklingError: the pickle is damaged, or asks for something that is not allowed.
        """
        stack = self._stack
        for name, argument, position in instructions(self._data, self.end):
            try:
                _STEPS[name](self, argument)
            except UnpicklingError:
                raise
            except Exception as error:
                if name == "BINPERSID":
                    raise  # a damaged entry of the archive, or a device that is not there
                raise UnpicklingError(
                    f"{name} at byte {position} failed ({type(error).__name__}: {error}); "
                    "the pickle is damaged or was not written by save"
                ) from error
            if len(stack) > MAX_STACK:
                raise UnpicklingError(f"The pickle's stack grows beyond {MAX_STACK} objects")
        self.end = position + 1
        if len(stack) != 1 or self._marks:
            raise UnpicklingError(f"STOP with {len(stack)} objects on the stack instead of one")
        return stack.pop()

    # --- the stack ---

    def _pop(self) -> Any:
        self._need(1)
        return self._stack.pop()

    def _top(self) -> Any:
        self._need(1)
        return self._stack[-1]

    def _need(self, count: int) -> None:
        if len(self._stack) - self._fence < count:
            raise UnpicklingError(
                "The pickle takes more objects off its stack than it has put there"
            )

    def _mark(self, _: None) -> None:
        if len(self._marks) >= MAX_MARKS:
            raise UnpicklingError(f"The pickle nests objects deeper than {MAX_MARKS} levels")
        self._marks.append(len(self._stack))
        self._fence = len(self._stack)

    def _pop_mark(self) -> list[Any]:
        if not self._marks:
            raise UnpicklingError("The pickle closes a group of objects that it has not opened")
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        self._fence = self._marks[-1] if self._marks else 0
        return items

    def _drop_group(self) -> None:
        self._pop_mark()

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _put(self, index: int) -> None:
        if len(self._memo) >= MAX_MEMO:
            raise UnpicklingError(f"The pickle remembers more than {MAX_MEMO} objects")
        self._memo[index] = self._top()

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise UnpicklingError(f"The pickle refers to object {index}, which it has not made")
        self._push(self._memo[index])

    # --- values ---

    def _string(self, raw: bytes) -> None:
        self._push(raw if self._encoding == "bytes" else raw.decode(self._encoding))

    def _tuple(self, count: int) -> None:
        self._need(count)
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def _append(self, items: list[Any]) -> None:
        target = self._top()
        if type(target) is not list:
            raise UnpicklingError(f"Can only append to lists, but got {type(target)}")
        target.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._top()
        if type(target) not in _MAPPINGS:
            raise UnpicklingError(
                "Can only SETITEM for dict, collections.OrderedDict, collections.Counter, "
                f"collections.defaultdict, but got {type(target)}"
            )
        _fill_dict(target, items)

    def _add_items(self, _: None) -> None:
        items = self._pop_mark()
        target = self._top()
        if type(target) is not set:
            raise UnpicklingError(f"Can only add items to sets, but got {type(target)}")
        target.update(checked_keys(items))

    def _set_item(self, _: None) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    # --- names, calls and objects ---

    def _stack_global(self, _: None) -> None:
        name, module = self._pop(), self._pop()
        if type(name) is not str or type(module) is not str:
            raise UnpicklingError("STACK_GLOBAL expects two strings")
        self._push(self._allowlist.find(module, name))

    def _reduce(self, _: None) -> None:
        arguments, function = self._pop(), self._pop()
        self._push(self._allowlist.call(function, _checked_arguments(arguments)))

    def _new_object(self, _: None) -> None:
        arguments, cls = self._pop(), self._pop()
        self._push(self._allowlist.new(cls, _checked_arguments(arguments), {}))

    def _new_object_ex(self, _: None) -> None:
        keywords, arguments, cls = self._pop(), self._pop(), self._pop()
        if type(keywords) is not dict:
            raise UnpicklingError(f"NEWOBJ_EX expects a dict of keywords, got {type(keywords)}")
        self._push(self._allowlist.new(cls, _checked_arguments(arguments), keywords))

    def _build(self, _: None) -> None:
        state = self._pop()
        self._allowlist.build(self._top(), state)

    def _persistent(self, _: None) -> None:
        reference = self._pop()
        named = type(reference) is tuple and reference and type(reference[0]) in (str, bytes)
        if not named or reference[0] not in ("storage", b"storage") or not self._persistent_load:
            raise UnpicklingError(
                f"Only persistent_load of storage is allowed, but got {type(reference)}"
            )
        self._push(self._persistent_load(reference))


def _checked_arguments(arguments: Any) -> tuple[Any, ...]:
    if type(arguments) is not tuple:
        raise UnpicklingError(f"A call expects a tuple of arguments, got {type(arguments)}")
    return arguments


def _fill_dict(target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise UnpicklingError("The pickle sets a key without a value")
    for key, value in zip(checked_keys(items[::2]), items[1::2], strict=True):
        target[key] = value
    return target


_Step = Callable[[SafeUnpickler, Any], None]


def _constant(value: Any) -> _Step:
    return lambda machine, _: machine._push(value)


_STEPS: dict[str, _Step] = {
    "PROTO": lambda machine, version: _check_protocol(version),
    "FRAME": lambda machine, length: None,
    "STOP": lambda machine, _: None,
    "MARK": SafeUnpickler._mark,
    "POP": lambda machine, _: machine._pop(),
    "POP_MARK": lambda machine, _: machine._drop_group(),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_LIST": lambda machine, _: machine._push([]),
    "EMPTY_DICT": lambda machine, _: machine._push({}),
    "EMPTY_SET": lambda machine, _: machine._push(set()),
    "INT": SafeUnpickler._push,
    "FLOAT": SafeUnpickler._push,
    "TEXT": SafeUnpickler._push,
    "BYTES": SafeUnpickler._push,
    "LONG": lambda machine, raw: machine._push(int.from_bytes(raw, "little", signed=True)),
    "BYTEARRAY": lambda machine, raw: machine._push(bytearray(raw)),
    "STRING": SafeUnpickler._string,
    "TUPLE": lambda machine, _: machine._push(tuple(machine._pop_mark())),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    "LIST": lambda machine, _: machine._push(machine._pop_mark()),
    "DICT": lambda machine, _: machine._push(_fill_dict({}, machine._pop_mark())),
    "FROZENSET": lambda machine, _: machine._push(frozenset(checked_keys(machine._pop_mark()))),
    "APPEND": lambda machine, _: machine._append([machine._pop()]),
    "APPENDS": lambda machine, _: machine._append(machine._pop_mark()),
    "SETITEM": SafeUnpickler._set_item,
    "SETITEMS": lambda machine, _: machine._set_items(machine._pop_mark()),
    "ADDITEMS": SafeUnpickler._add_items,
    "GET": SafeUnpickler._get,
    "PUT": SafeUnpickler._put,
    "MEMOIZE": lambda machine, _: machine._put(len(machine._memo)),
    "GLOBAL": lambda machine, names: machine._push(machine._allowlist.find(*names)),
    "STACK_GLOBAL": SafeUnpickler._stack_global,
    "REDUCE": SafeUnpickler._reduce,
    "NEWOBJ": SafeUnpickler._new_object,
    "NEWOBJ_EX": SafeUnpickler._new_object_ex,
    "BUILD": SafeUnpickler._build,
    "BINPERSID": SafeUnpickler._persistent,
}


def _check_protocol(version: int) -> None:
    if version > 5:
        raise UnpicklingError(f"unsupported pickle protocol: {version}")
