"""Named results: `torch.return_types.max(values=..., indices=...)`."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any


class ReturnType(tuple[Any, ...]):
    """A tuple of tensors whose items have names; base of what `return_type` makes."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    def __new__(cls, *items: Any) -> Any:
        """Make it of one sequence, as torch's types are made, or of the items."""
        if len(items) == 1 and len(cls._fields) > 1:
            items = tuple(items[0])
        if len(items) != len(cls._fields):
            raise TypeError(
                f"{cls.__module__}.{cls.__name__}() takes a {len(cls._fields)}-sequence "
                f"({len(items)}-sequence given)"
            )
        return tuple.__new__(cls, items)

    def __repr__(self) -> str:
        items = ",\n".join(
            f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True)
        )
        return f"torch.return_types.{type(self).__name__}(\n{items})"

    def __reduce__(self) -> Any:
        return _rebuild, (type(self).__name__, tuple(self))


RETURN_TYPES: dict[str, type[ReturnType]] = {}


def return_type(name: str, *fields: str) -> type[ReturnType]:
    """Make (or return) the type of an operator's named results."""
    if name not in RETURN_TYPES:
        members: dict[str, Any] = {f: property(itemgetter(i)) for i, f in enumerate(fields)}
        members |= {"__slots__": (), "_fields": fields, "__module__": "torch.return_types"}
        members |= {
            "n_fields": len(fields),
            "n_sequence_fields": len(fields),
            "n_unnamed_fields": 0,
        }
        RETURN_TYPES[name] = type(name, (ReturnType,), members)
    return RETURN_TYPES[name]


def _rebuild(name: str, items: Iterable[Any]) -> Any:
    return RETURN_TYPES[name](items)
