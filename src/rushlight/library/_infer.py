"""The schema of a Python function, from its annotations."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any

from .._tensor import Tensor
from ..backend.device import device
from ..backend.dtype import dtype

_NUMBER = frozenset({int, float, bool})
_NAMES: dict[Any, str] = {
    Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str",
    dtype: "ScalarType", device: "Device",
}  # fmt: skip
_PARAMETERS = frozenset({
    "Tensor", "Tensor?", "Tensor[]", "Tensor?[]", "SymInt", "SymInt?", "SymInt[]", "SymInt[]?",
    "float", "float?", "float[]", "float[]?", "bool", "bool?", "bool[]", "bool[]?", "str", "str?",
    "Scalar", "Scalar?", "Scalar[]", "ScalarType", "ScalarType?", "Device", "Device?",
})  # fmt: skip
_RETURNS = frozenset({"Tensor", "Tensor[]", "SymInt", "float", "bool", "Scalar"})
_READABLE = {"SymInt": "int", "ScalarType": "torch.dtype", "Device": "torch.device"}


def infer_schema(
    prototype_function: Callable[..., Any],
    /,
    *,
    mutates_args: str | Iterable[str],
    op_name: str | None = None,
) -> str:
    """Write the schema of a function with annotated arguments and result.

    Args:
        prototype_function: the function. Arguments may be `Tensor`, `int`, `float`, `bool`, `str`,
            `Number` (`int | float | bool`), `dtype`, `device`, optionals of these, and lists.
        mutates_args: the names of the arguments it writes to, or "unknown" for all tensors.
        op_name: put in front of the schema.

    Returns:
        The schema, without a name unless `op_name` is given.

    Raises:
        ValueError: an annotation is missing or unsupported, or a name in `mutates_args` wrong.

    Example:
        >>> from rushlight import Tensor
        >>> def scale(x: Tensor, by: float = 2.0) -> Tensor:
        ...     return x * by
        >>> rushlight.library.infer_schema(scale, mutates_args=())
        '(Tensor x, float by=2.0) -> Tensor'

    Reference:
        PyTorch, `torch.library.infer_schema`.
    """
    return _Inference(prototype_function, mutates_args).schema(op_name)


class _Inference:
    """Reads one function."""

    def __init__(self, function: Callable[..., Any], mutates_args: str | Iterable[str]):
        if isinstance(mutates_args, str) and mutates_args != "unknown":
            raise ValueError(
                "mutates_args must either be a sequence of the names of the arguments that are "
                "mutated or the string 'unknown'. "
            )
        self.signature = inspect.signature(function)
        self.names = _known_names(function)
        self.mutates_args = mutates_args if mutates_args == "unknown" else set(mutates_args)

    def fail(self, complaint: str) -> typing.NoReturn:
        """Raise an error that shows the function's signature."""
        raise ValueError(
            f"infer_schema(func): {complaint} Got func with signature {self.signature})"
        )

    def schema(self, op_name: str | None) -> str:
        """Return the whole schema."""
        written, starred = [], False
        for index, (name, parameter) in enumerate(self.signature.parameters.items()):
            if parameter.kind not in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                self.fail("We do not support positional-only args, varargs, or varkwargs.")
            if parameter.kind is parameter.KEYWORD_ONLY and not starred:
                written.append("*")
                starred = True
            written.append(self.argument(index, name, parameter))
        if self.mutates_args != "unknown":
            unknown = set(self.mutates_args) - set(self.signature.parameters)
            if unknown:
                self.fail(
                    f"{unknown} in mutates_args were not found in the custom op's signature. "
                    "mutates_args should contain the names of all args that the custom op "
                    "mutates, or just the string 'unknown' if you don't know."
                )
        return f"{op_name or ''}({', '.join(written)}) -> {self.result()}"

    def argument(self, index: int, name: str, parameter: inspect.Parameter) -> str:
        """Return what the schema says of one parameter."""
        if parameter.annotation is parameter.empty:
            self.fail(f"Parameter {name} must have a type annotation.")
        annotation = self.evaluated(parameter.annotation)
        kind = _spelled(annotation)
        if kind not in _PARAMETERS:
            if typing.get_origin(annotation) is tuple:
                self.fail(
                    f"Parameter {name} has unsupported type {annotation}. We do not support Tuple "
                    "inputs in schema. As a workaround, please try to use List instead. "
                    f"{_valid(_PARAMETERS)}."
                )
            self.fail(f"Parameter {name} has unsupported type {annotation}. {_valid(_PARAMETERS)}.")
        written = self.marked(index, name, kind)
        if parameter.default is parameter.empty:
            return f"{written} {name}"
        return f"{written} {name}={self.default(name, parameter.default)}"

    def marked(self, index: int, name: str, kind: str) -> str:
        """Return a type, with its mark if the function writes to the argument."""
        if self.mutates_args == "unknown":
            writes = kind.startswith("Tensor")
        else:
            writes = name in self.mutates_args
        if not writes:
            return kind
        if not kind.startswith("Tensor"):
            self.fail(
                f"Parameter {name} is in mutable_args but only Tensors or collections of Tensors "
                "can be mutated"
            )
        return kind.replace("Tensor", f"Tensor(a{index}!)")

    def default(self, name: str, value: Any) -> str:
        """Return a default value as the schema writes it."""
        if value is None or isinstance(value, (int, float, bool)):
            return str(value)
        if isinstance(value, (str, device)):
            return f'"{value}"'
        if isinstance(value, dtype):
            return str(value).removeprefix("torch.")
        self.fail(f"Parameter {name} has an unsupported default value type {type(value)}.")

    def result(self) -> str:
        """Return what the schema says of the result."""
        annotation = self.signature.return_annotation
        if annotation is inspect.Signature.empty:
            self.fail("No return type annotation was provided. Please add one.")
        annotation = self.evaluated(annotation)
        if annotation is None or annotation is types.NoneType:
            return "()"
        if typing.get_origin(annotation) is not tuple:
            return self.one_result(annotation)
        parts = [self.one_result(part) for part in typing.get_args(annotation)]
        return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

    def one_result(self, annotation: Any) -> str:
        """Return the type of one result."""
        kind = _spelled(annotation)
        if kind not in _RETURNS or typing.get_origin(annotation) is collections.abc.Sequence:
            self.fail(f"Return has unsupported type {annotation}. {_valid(_RETURNS)}.")
        return kind

    def evaluated(self, annotation: Any) -> Any:
        """Return what an annotation that is a string stands for."""
        if not isinstance(annotation, str):
            return annotation
        try:
            return eval(annotation, self.names)  # what Python itself does with annotations
        except Exception:
            self.fail(f"Unsupported type annotation {annotation}. It is not a type.")


def _known_names(function: Callable[..., Any]) -> dict[str, Any]:
    plain = inspect.unwrap(function)
    return {**vars(typing), "Tensor": Tensor, **getattr(plain, "__globals__", {})}


def _valid(names: Iterable[str]) -> str:
    shown = sorted({_READABLE.get(name, name) for name in names})
    return f"The valid types are: {', '.join(shown)}"


def _spelled(annotation: Any) -> str:
    """Return a type as the schema language writes it; empty if it has no word for it."""
    if isinstance(annotation, type) and annotation in _NAMES:
        return _NAMES[annotation]
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _spelled_union(parts)
    if origin in (list, collections.abc.Sequence) and len(parts) == 1:
        inner = _spelled(parts[0])
        return f"{inner}[]" if inner else ""
    return ""


def _spelled_union(parts: tuple[Any, ...]) -> str:
    rest = [part for part in parts if part is not types.NoneType]
    mark = "?" if len(rest) < len(parts) else ""
    if frozenset(rest) == _NUMBER:
        return f"Scalar{mark}"
    inner = _spelled(rest[0]) if len(rest) == 1 else ""
    return f"{inner}{mark}" if inner else ""
