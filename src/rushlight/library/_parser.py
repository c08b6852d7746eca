"""The schema language: `ns::name.overload(Tensor(a!) x, int[2] n=1, *, float p=0.5) -> Tensor`."""

from __future__ import annotations

import ast
import re
from typing import Any, NoReturn

from ..backend import dtype as dtypes
from ..backend.device import device
from .schema import DTYPE_CODES, AliasInfo, Argument, FunctionSchema, SchemaType

__all__ = ["parse_schema"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?j?)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<ident>[A-Za-z_]\w*)
      | (?P<mark>->|::|\.\.\.|[()\[\]?!*,=|.:])
      | (?P<end>$)
      | (?P<bad>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_TYPES = frozenset({
    "Any", "Device", "Generator", "Layout", "MemoryFormat", "Scalar", "ScalarType", "Storage",
    "Stream", "SymInt", "Tensor", "bool", "complex", "float", "int", "str",
})  # fmt: skip
_WHOLE_NUMBERS = frozenset({"int", "SymInt", "ScalarType", "Layout", "MemoryFormat"})
_CONSTANTS = {"Mean": 1, "Sum": 2, "contiguous_format": 0, "strided": 0, "long": 4, "float": 6}


def parse_schema(text: str) -> FunctionSchema:
    """Read a schema.

    Args:
        text: the schema, with the operator's name.

    Raises:
        RuntimeError: it cannot be read; the message shows where.

    Example:
        >>> str(rushlight.library.parse_schema("f(Tensor(a!) x, int[2] n=1) -> ()"))
        'f(Tensor(a!) x, int[2] n=1) -> ()'
    """
    return _Parser(text).schema()


class _Parser:
    """Walks over the tokens of one schema."""

    def __init__(self, text: str):
        self.text = text
        self.place = 0
        self.advance()

    def advance(self) -> tuple[str, str]:
        """Step to the next token; return the one that was current."""
        before = getattr(self, "kind", ""), getattr(self, "token", "")
        match = _TOKEN.match(self.text, self.place)
        assert match is not None
        self.kind = match.lastgroup or "end"
        self.token = match.group(self.kind)
        self.start, self.place = match.start(self.kind), match.end()
        if self.kind == "bad":
            self.fail(f"expected a valid token but found '{self.token}' here:")
        return before

    def fail(self, complaint: str) -> NoReturn:
        """Raise an error that points at the current token."""
        marks = " " * self.start + "~" * len(self.token) + " <--- HERE\n" if self.token else ""
        raise RuntimeError(f"{complaint}\n{self.text}\n{marks}".rstrip("\n") + "\n")

    def expect(self, token: str) -> None:
        """Step over `token`, or fail."""
        if self.token != token:
            self.unexpected({"->": "arrow"}.get(token, token))
        self.advance()

    def unexpected(self, wanted: str) -> NoReturn:
        """Fail: something else was expected."""
        names = {"end": "eof", "mark": self.token}
        self.fail(f"expected {wanted} but found '{names.get(self.kind, self.kind)}' here:")

    def found(self, token: str) -> bool:
        """Step over `token` if it is there, and tell whether it was."""
        if self.kind in ("mark", "ident") and self.token == token:
            self.advance()
            return True
        return False

    def identifier(self) -> str:
        """Step over an identifier and return it."""
        if self.kind != "ident":
            self.unexpected("ident")
        return self.advance()[1]

    # --- the grammar ---

    def schema(self) -> FunctionSchema:
        """Read the whole text."""
        name, overload = self.name()
        if self.kind == "end":
            raise RuntimeError(
                "Tried to parse a function schema but only the operator name was given"
            )
        arguments, vararg = self.arguments()
        self.expect("->")
        returns, varret = self.returns()
        if self.kind != "end":
            self.unexpected("eof")
        made = FunctionSchema(name, overload, tuple(arguments), tuple(returns), vararg, varret)
        _check_defaults(made)
        return made

    def name(self) -> tuple[str, str]:
        """Read `ns::name.overload`."""
        name = self.identifier()
        while self.found("::"):
            name += f"::{self.identifier()}"
        return name, self.identifier() if self.found(".") else ""

    def arguments(self) -> tuple[list[Argument], bool]:
        """Read `(type name=default, *, ...)`."""
        self.expect("(")
        arguments: list[Argument] = []
        kwarg_only = False
        while not self.found(")"):
            if self.found("..."):
                self.expect(")")
                return arguments, True
            if self.found("*"):
                kwarg_only = True
            else:
                arguments.append(self.argument(kwarg_only))
            if self.token != ")":
                self.expect_between(")")
        return arguments, False

    def expect_between(self, closing: str) -> None:
        """Step over a comma; what else could stand there is the closing bracket."""
        if not self.found(","):
            self.unexpected(closing)

    def argument(self, kwarg_only: bool) -> Argument:
        """Read `type name=default`."""
        kind, alias = self.type()
        name = self.identifier()
        has_default = self.found("=")
        value = self.default(kind) if has_default else None
        return Argument(name, kind, value, has_default, kwarg_only, alias)

    def returns(self) -> tuple[list[Argument], bool]:
        """Read one type, or several in brackets, each perhaps named."""
        if self.found("..."):
            return [], True
        if not self.found("("):
            return [self.result()], False
        results = []
        while not self.found(")"):
            results.append(self.result())
            if self.token != ")":
                self.expect_between(")")
        return results, False

    def result(self) -> Argument:
        """Read `type`, or `type name`."""
        kind, alias = self.type()
        name = self.identifier() if self.kind == "ident" else ""
        return Argument(name, kind, alias_info=alias)

    def type(self) -> tuple[SchemaType, AliasInfo | None]:
        """Read a type with its alias set, lists and optionals."""
        if self.kind != "ident":
            self.unexpected("ident")
        if self.token not in _TYPES:
            self.fail(
                "\nunknown type specifier. Common valid schema types include Tensor, SymInt, int, "
                "float, bool, Scalar:"
            )
        kind = SchemaType(self.advance()[1])
        alias = self.alias() if self.token == "(" else None
        while self.token in ("[", "?"):
            if self.found("?"):
                kind = SchemaType("optional", kind)
                continue
            self.expect("[")
            size = int(self.advance()[1]) if self.kind == "number" else None
            self.expect("]")
            kind = SchemaType("list", kind, size)
            alias = self.alias() if self.token == "(" and alias is None else alias
        return kind, alias

    def alias(self) -> AliasInfo:
        """Read `(a!)`, `(a|b)` or `(a -> *)`."""
        self.expect("(")
        before = self.alias_set()
        is_write = self.found("!")
        after = self.alias_set() if self.found("->") else before
        self.expect(")")
        return AliasInfo(before, after, is_write)

    def alias_set(self) -> frozenset[str]:
        """Read `a`, `a|b` or `*`."""
        names = {"*"} if self.found("*") else {self.identifier()}
        while self.found("|"):
            names.add("*" if self.found("*") else self.identifier())
        return frozenset(names)

    # --- defaults ---

    def default(self, kind: SchemaType) -> Any:
        """Read the default value of an argument of the given type."""
        if kind.word == "optional":
            assert kind.element is not None
            return None if self.found("None") else self.default(kind.element)
        if kind.word == "list":
            return self.list_default(kind)
        if kind.word in ("Tensor", "Generator", "Storage", "Stream", "Any"):
            if not self.found("None"):
                self.unexpected("None")
            return None
        if kind.word == "str":
            if self.kind != "string":
                self.unexpected("string")
            return ast.literal_eval(self.advance()[1])
        if kind.word == "Device":
            return device(self.advance()[1].strip("'\""))
        return self.constant(kind.word)

    def list_default(self, kind: SchemaType) -> list[Any]:
        """Read `[1, 2]`, or for a list of fixed length one value that all elements get."""
        assert kind.element is not None
        if not self.found("["):
            if kind.size is None:
                self.unexpected("[")
            return [self.default(kind.element)] * kind.size
        values = []
        while not self.found("]"):
            values.append(self.default(kind.element))
            if self.token != "]":
                self.expect_between("]")
        return values

    def constant(self, kind: str) -> Any:
        """Read a number, a truth value or a dtype's name."""
        if self.kind == "ident" and self.token in ("True", "False"):
            return self.advance()[1] == "True"
        if self.kind == "ident" and self.token == "None":
            self.advance()
            return None
        if kind == "ScalarType" and self.kind == "ident" and self.token in dtypes.NAMES:
            return dtypes.NAMES[self.advance()[1]]
        if kind in _WHOLE_NUMBERS and self.kind == "ident" and self.token in _CONSTANTS:
            return _CONSTANTS[self.advance()[1]]
        if self.kind != "number":
            self.fail("\ninvalid numeric default value:")
        value = ast.literal_eval(self.advance()[1])
        if kind == "ScalarType" and value in DTYPE_CODES:
            return dtypes.NAMES[DTYPE_CODES[value]]
        return float(value) if kind == "float" else value


def _check_defaults(schema: FunctionSchema) -> None:
    seen = False
    for argument in schema.positional:
        if seen and not argument.has_default:
            raise RuntimeError(
                "Non-default positional argument follows default argument. Parameter "
                f"{argument.name} in {schema}"
            )
        seen = seen or argument.has_default
