"""What an operator takes and returns: types, arguments, aliases, and how a schema is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..backend.dtype import dtype

__all__ = ["AliasInfo", "Argument", "FunctionSchema", "SchemaType"]

# What schemas call the dtypes where they are written as numbers.
DTYPE_CODES = {
    0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32",
    7: "float64", 9: "complex64", 10: "complex128", 11: "bool", 15: "bfloat16",
}  # fmt: skip
_PYTHON_NAMES = {
    "SymInt": "int",
    "ScalarType": "int",
    "Layout": "int",
    "MemoryFormat": "int",
    "Scalar": "number",
}


@dataclass(frozen=True, repr=False)
class SchemaType:
    """A type of the schema language: `Tensor`, `int[2]`, `Tensor?`.

    Args:
        word: `"Tensor"`, `"int"`, ...; `"optional"` and `"list"` have an element.
        element: the type that an optional or a list holds.
        size: how many elements a list has, where the schema says so.
    """

    word: str
    element: SchemaType | None = None
    size: int | None = None

    def spelled(self, alias: str = "") -> str:
        """Return the type as a schema writes it, with the alias set after `Tensor`."""
        if self.element is None:
            return self.word + alias
        inner = self.element.spelled(alias)
        if self.word == "optional":
            return inner + "?"
        return f"{inner}[{'' if self.size is None else self.size}]"

    @property
    def annotation_str(self) -> str:
        """The type as messages write it: `Optional[Tensor]`."""
        if self.element is None:
            return _PYTHON_NAMES.get(self.word, self.word)
        outer = "Optional" if self.word == "optional" else "List"
        return f"{outer}[{self.element.annotation_str}]"

    @property
    def base(self) -> str:
        """The word for the innermost element."""
        return self.word if self.element is None else self.element.base

    def kind(self) -> str:
        """Return torch's name for this sort of type: `"OptionalType"`."""
        word = self.annotation_str.partition("[")[0]
        return f"{word[0].upper()}{word[1:]}Type"

    def __str__(self) -> str:
        return self.annotation_str

    __repr__ = __str__


@dataclass(frozen=True)
class AliasInfo:
    """Which memory an argument or a result may share, and whether the operator writes to it."""

    before_set: frozenset[str] = frozenset()
    after_set: frozenset[str] = frozenset()
    is_write: bool = False

    def __str__(self) -> str:
        before, after = ("|".join(sorted(names)) for names in (self.before_set, self.after_set))
        arrow = "" if after == before else f" -> {after}"
        return f"({before}{'!' if self.is_write else ''}{arrow})"


@dataclass(frozen=True)
class Argument:
    """One argument or result."""

    name: str
    type: SchemaType
    default_value: Any = None
    has_default: bool = False
    kwarg_only: bool = False
    alias_info: AliasInfo | None = None

    def has_default_value(self) -> bool:
        """Tell whether a call may leave the argument out."""
        return self.has_default

    @property
    def is_write(self) -> bool:
        """Whether the operator writes to the argument."""
        return self.alias_info is not None and self.alias_info.is_write

    @property
    def is_out(self) -> bool:
        """Whether this is where a call wants its result (`out=`)."""
        return self.kwarg_only and self.is_write

    @property
    def N(self) -> int | None:
        """The length of a list of fixed length."""
        return self.type.size

    @property
    def real_type(self) -> SchemaType:
        """The type itself; messages show a `SymInt` as `int`."""
        return self.type

    def __str__(self) -> str:
        written = self.type.spelled("" if self.alias_info is None else str(self.alias_info))
        if self.name:
            written += f" {self.name}"
        return f"{written}={self._default()}" if self.has_default else written

    def _default(self) -> str:
        value = self.default_value
        fixed = self.type.word == "list" and self.type.size is not None
        if fixed and self.type.base != "SymInt" and value and len(set(value)) == 1:
            value = value[0]
        return _literal(value)


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return repr(value).removesuffix("0") if repr(value).endswith(".0") else repr(value)
    if isinstance(value, dtype):
        name = str(value).removeprefix("torch.")
        return next((str(code) for code, known in DTYPE_CODES.items() if known == name), name)
    return str(value)


@dataclass(frozen=True, repr=False)
class FunctionSchema:
    """The signature of an operator; `str` writes it in the schema language.

    Example:
        >>> schema = rushlight.library.parse_schema("my::scale(Tensor x, float by=2) -> Tensor")
        >>> schema.name, [a.name for a in schema.arguments], schema.is_mutable
        ('my::scale', ['x', 'by'], False)
        >>> print(schema)
        my::scale(Tensor x, float by=2.) -> Tensor
    """

    name: str
    overload_name: str
    arguments: tuple[Argument, ...]
    returns: tuple[Argument, ...]
    is_vararg: bool = False
    is_varret: bool = False
    positional: tuple[Argument, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        positional = tuple(a for a in self.arguments if not a.kwarg_only)
        object.__setattr__(self, "positional", positional)

    @property
    def is_mutable(self) -> bool:
        """Whether the operator writes to any of its arguments."""
        return any(argument.is_write for argument in self.arguments)

    @property
    def written(self) -> set[str]:
        """The names of the arguments that the operator writes to."""
        return {argument.name for argument in self.arguments if argument.is_write}

    @property
    def is_functional(self) -> bool:
        """Whether it neither writes to its arguments nor returns their memory."""
        return not self.is_mutable and all(result.alias_info is None for result in self.returns)

    def __str__(self) -> str:
        overload = f".{self.overload_name}" if self.overload_name else ""
        return f"{self.name}{overload}({', '.join(self._arguments())}) -> {self._returns()}"

    __repr__ = __str__

    def _arguments(self) -> Iterator[str]:
        starred = False
        for argument in self.arguments:
            if argument.kwarg_only and not starred:
                starred = True
                yield "*"
            yield str(argument)
        if self.is_vararg:
            yield "..."

    def _returns(self) -> str:
        if self.is_varret:
            return "..."
        if len(self.returns) == 1:
            return str(self.returns[0])
        return f"({', '.join(map(str, self.returns))})"
