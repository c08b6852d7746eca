"""From a call to the values a kernel gets: matching arguments, converting each to its type."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..backend import dtype as dtypes
from ..backend.device import device
from ..backend.dtype import dtype
from ..backend.memory_format import layout, memory_format
from ..random import Generator
from .schema import DTYPE_CODES, Argument, FunctionSchema, SchemaType

Convert = Callable[[Any], Any]


class Signature:
    """A schema with what converts values to its types."""

    def __init__(self, schema: FunctionSchema):
        self.schema = schema
        self.converters = [converter(argument.type) for argument in schema.arguments]
        self.result_converters = [converter(result.type) for result in schema.returns]
        self.positional = len(schema.positional)

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
        """Return a value for each argument, converted to its type.

        Raises:
            RuntimeError: an argument is missing, unknown, given twice or of another type.
        """
        schema, arguments, count = self.schema, self.schema.arguments, len(args)
        if count + len(kwargs) > len(arguments) and not schema.is_vararg:
            raise RuntimeError(
                f"{schema.name}() expected at most {len(arguments)} argument(s) but received "
                f"{count + len(kwargs)} argument(s). Declaration: {schema}"
            )
        if count > self.positional:
            raise RuntimeError(
                f"{schema.name}() takes {self.positional} positional argument(s) but {count} "
                f"was/were given.  Declaration: {schema}"
            )
        values = [self._converted(place, value) for place, value in enumerate(args)]
        used = 0
        for place in range(count, len(arguments)):
            argument = arguments[place]
            if argument.name in kwargs:
                used += 1
                values.append(self._converted(place, kwargs[argument.name], named=True))
            elif argument.has_default:
                values.append(argument.default_value)
            else:
                raise RuntimeError(
                    f"{schema.name}() is missing value for argument '{argument.name}'. "
                    f"Declaration: {schema}"
                )
        if used < len(kwargs):
            raise self._not_used(kwargs)
        return values

    def _not_used(self, kwargs: dict[str, Any]) -> RuntimeError:
        schema = self.schema
        known = {argument.name for argument in schema.arguments}
        for name in kwargs:
            if name not in known:
                return RuntimeError(
                    f"Unknown keyword argument '{name}' for operator '{schema.name}'. "
                    f"Schema: {schema}"
                )
        twice = next(name for name in kwargs if name in known)
        return RuntimeError(
            f"Argument '{twice}' specified both as positional and keyword argument. "
            f"Schema: {schema}"
        )

    def _converted(self, place: int, value: Any, named: bool = False) -> Any:
        try:
            return self.converters[place](value)
        except _Mismatch as mismatch:
            argument = self.schema.arguments[place]
            where = "" if named else f"Position: {place}\n"
            raise RuntimeError(
                f"{self.schema.name}() Expected a value of type '{argument.type}' for argument "
                f"'{argument.name}' but instead found type '{type(value).__name__}'.\n{where}"
                f"Value: {value!r}\nDeclaration: {self.schema}\nCast error details: {mismatch}"
            ) from None

    def for_kernel(self, values: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return positional and keyword arguments of a kernel: those that are not the defaults.

        So a Python function whose own defaults are the schema's need not name all of them.
        """
        arguments, count = self.schema.arguments, self.positional
        args = list(values[:count])
        while args and _is_default(arguments[len(args) - 1], args[-1]):
            args.pop()
        if len(arguments) == count:
            return args, {}
        named = zip(arguments[count:], values[count:], strict=True)
        return args, {a.name: v for a, v in named if not _is_default(a, v)}

    def result(self, result: Any) -> Any:
        """Check what a kernel returned; return it as a caller gets it.

        Raises:
            RuntimeError: it is not what the schema declares.
            TypeError: one value where several are declared.
        """
        schema, count = self.schema, len(self.result_converters)
        if schema.is_varret:
            return result
        if count == 0:
            if result is not None:
                raise RuntimeError(
                    f"Expected the kernel for {schema.name} to return None but it returned "
                    f"something else instead: {type(result).__name__}"
                )
            return None
        if count == 1:
            return self._returned(0, result)
        if not isinstance(result, (tuple, list)):
            raise TypeError(
                f"Object of type '{type(result).__name__}' is not an instance of 'sequence'"
            )
        if len(result) != count:
            raise RuntimeError(
                f"{schema.name}: the kernel returned {len(result)} values, but the schema declares "
                f"{count}: {schema}"
            )
        return tuple([self._returned(place, value) for place, value in enumerate(result)])

    def _returned(self, place: int, value: Any) -> Any:
        try:
            return self.result_converters[place](value)
        except _Mismatch as mismatch:
            raise RuntimeError(f"{mismatch} (returned by the kernel of {self.schema})") from None


def _is_default(argument: Argument, value: Any) -> bool:
    if not argument.has_default:
        return False
    default = argument.default_value
    return value is default or (type(value) is type(default) and bool(value == default))


# --- one value ------------------------------------------------------------------------------------


class _Mismatch(Exception):
    """A value that cannot be converted to the declared type."""


@cache
def converter(kind: SchemaType) -> Convert:
    """Return the function that converts a value to a type."""
    if kind.word == "optional":
        assert kind.element is not None
        inner = converter(kind.element)
        return lambda value: None if value is None else inner(value)
    if kind.word == "list":
        assert kind.element is not None
        return _list_converter(converter(kind.element), kind)
    return _CONVERTERS.get(kind.word, _anything)


def _list_converter(convert: Convert, kind: SchemaType) -> Convert:
    repeated = kind.size if kind.base != "Tensor" else None

    def converted(value: Any) -> list[Any]:
        if isinstance(value, (list, tuple)):
            try:
                return [convert(item) for item in value]
            except _Mismatch:
                raise _no_cast(value) from None
        if repeated is not None:
            return [convert(value)] * repeated
        raise _no_cast(value)

    return converted


def _no_cast(value: Any) -> _Mismatch:
    return _Mismatch(f"Unable to cast Python instance of type {type(value)} to C++ type")


def _anything(value: Any) -> Any:
    return value


def _tensor(value: Any) -> Any:
    if isinstance(value, Tensor) or value is None:
        return value
    raise _Mismatch(f"Unable to cast {value} to Tensor")


def _item(value: Any) -> Any:
    """Return the number that a tensor of one element holds; other values as they are."""
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise _no_cast(value)
        return value.item()
    return value.item() if isinstance(value, np.generic) else value


def _int(value: Any) -> int:
    number = _item(value)
    if not hasattr(number, "__index__") or not -(2**63) <= (whole := number.__index__()) < 2**63:
        raise _no_cast(value)
    return int(whole)


def _float(value: Any) -> float:
    number = _item(value)
    if not isinstance(number, numbers.Real):
        raise _no_cast(value)
    return float(number)


def _bool(value: Any) -> bool:
    number = _item(value)
    if not isinstance(number, numbers.Real):
        raise _no_cast(value)
    return bool(number)


def _complex(value: Any) -> complex:
    number = _item(value)
    if not isinstance(number, numbers.Complex):
        raise _no_cast(value)
    return complex(number)


def _scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float, complex)):
        return value
    raise _Mismatch(f"Cannot cast {value} to number")


def _dtype(value: Any) -> Any:
    if isinstance(value, dtype):
        return value
    if type(value) is int and value in DTYPE_CODES:
        return dtypes.NAMES[DTYPE_CODES[value]]
    raise _no_cast(value)


def _device(value: Any) -> Any:
    if isinstance(value, (str, device)):
        return device(value)
    raise _no_cast(value)


def _exactly(cls: type) -> Convert:
    def checked(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        raise _no_cast(value)

    return checked


_CONVERTERS: dict[str, Convert] = {
    "Tensor": _tensor,
    "int": _int,
    "SymInt": _int,
    "float": _float,
    "bool": _bool,
    "complex": _complex,
    "str": _exactly(str),
    "Scalar": _scalar,
    "ScalarType": _dtype,
    "Device": _device,
    "Generator": _exactly(Generator),
    "Layout": _exactly(layout),
    "MemoryFormat": _exactly(memory_format),
}


def tensors_in(values: Sequence[Any]) -> list[Tensor]:
    """Return the tensors among values and in the lists among them."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += [item for item in value if isinstance(item, Tensor)]
    return found
