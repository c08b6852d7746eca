"""`torch.ops`: namespaces, operators with their overloads, one overload."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from types import ModuleType
from typing import Any

from .._tensor import Tensor
from . import _registry
from ._arguments import tensors_in
from ._dispatch import call
from ._registry import Operator
from .schema import FunctionSchema

__all__ = ["OpOverload", "OpOverloadPacket", "ops"]


class OpOverload:
    """One overload of an operator: `torch.ops.my.sin.default`."""

    def __init__(self, packet: OpOverloadPacket, operator: Operator):
        self._packet = packet
        self._operator = operator
        self.__name__ = operator.label.partition(".")[2]
        self.__qualname__ = self.__name__
        self.__module__ = packet.__module__

    @property
    def _schema(self) -> FunctionSchema:
        return self._operator.schema

    @property
    def _overloadname(self) -> str:
        return self._operator.schema.overload_name or "default"

    @property
    def namespace(self) -> str:
        """The namespace's name."""
        return self._operator.schema.name.partition("::")[0]

    @property
    def overloadpacket(self) -> OpOverloadPacket:
        """The operator with all its overloads."""
        return self._packet

    @property
    def op(self) -> OpOverloadPacket:
        """The operator with all its overloads."""
        return self._packet

    @property
    def tags(self) -> list[Any]:
        """The notes that its definition gave."""
        return self._operator.tags

    def name(self) -> str:
        """Return the full name: `my::sin`, `my::sin.out`."""
        return self._operator.qualname

    def has_kernel_for_dispatch_key(self, key: Any) -> bool:
        """Tell whether a kernel is registered under a dispatch key."""
        return str(key).rpartition(".")[2] in self._operator.kernels

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return _called(self, self._operator, args, kwargs)

    def __deepcopy__(self, memo: Any) -> OpOverload:
        return self

    def __str__(self) -> str:
        return self._operator.label

    def __repr__(self) -> str:
        op, overload = self._operator.label.rsplit(".", 1)
        return f"<OpOverload(op='{op}', overload='{overload}')>"


def _called(function: Any, operator: Operator, args: tuple[Any, ...], kwargs: Any) -> Any:
    """Call an operator, unless a subclass of Tensor among the arguments computes it itself."""
    given = tensors_in((*args, *kwargs.values()))
    if any(type(x) is not Tensor and type(x).__torch_function__ is not _TENSORS_OWN for x in given):
        from .. import overrides

        if overrides.has_torch_function(given):
            if operator.batching is not None:
                from ._batching import call_batched

                return call_batched(operator, args, kwargs)
            return overrides.handle_torch_function(function, given, *args, **kwargs)
    return call(operator, operator.signature.bind(args, kwargs))


_TENSORS_OWN = Tensor.__torch_function__


class OpOverloadPacket:
    """An operator with its overloads: `torch.ops.my.sin`. A call takes the first that fits."""

    def __init__(self, qualname: str):
        namespace, _, name = qualname.partition("::")
        self._qualified_op_name = qualname
        self.__name__ = name
        self.__module__ = f"torch.ops.{namespace}"

    def overloads(self) -> list[str]:
        """Return the names of the overloads."""
        return [name or "default" for name in _registry.overloads_of(self._qualified_op_name)]

    def __getattr__(self, name: str) -> OpOverload:
        if name.startswith("__"):
            raise AttributeError(name)
        operator = _registry.overloads_of(self._qualified_op_name).get(
            "" if name == "default" else name
        )
        if operator is None:
            raise AttributeError(
                f"The underlying op of '{self}' has no overload name '{name}'", name=name, obj=self
            )
        return overload_for(operator)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.overloads()})

    def __iter__(self) -> Any:
        return iter(self.overloads())

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        found = list(_registry.overloads_of(self._qualified_op_name).values())
        if len(found) == 1:
            return _called(self, found[0], args, kwargs)
        refusals = []
        for operator in found:
            try:
                operator.signature.bind(args, kwargs)
            except RuntimeError as error:
                refusals.append(f"{error}\n")
            else:
                return _called(self, operator, args, kwargs)
        raise RuntimeError(
            "Overloaded torch operator invoked from Python failed to match any schema:\n"
            + "\n".join(refusals)
        )

    def __deepcopy__(self, memo: Any) -> OpOverloadPacket:
        return self

    def __str__(self) -> str:
        return self._qualified_op_name.replace("::", ".")

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"


@functools.cache
def packet_for(qualname: str) -> OpOverloadPacket:
    """Return the operator of a name: one object, whatever its overloads are at the time."""
    return OpOverloadPacket(qualname)


def overload_for(operator: Operator) -> OpOverload:
    """Return the one OpOverload of a registered operator."""
    if operator.overload is None:
        operator.overload = OpOverload(packet_for(operator.schema.name), operator)
    found: OpOverload = operator.overload
    return found


class _OpNamespace(ModuleType):
    """The operators of one namespace: `torch.ops.my`."""

    def __init__(self, name: str):
        super().__init__(f"torch.ops.{name}")
        self.name = name

    def __getattr__(self, name: str) -> Any:
        qualname = f"{self.name}::{name}"
        if _registry.overloads_of(qualname):
            return packet_for(qualname)
        if self.name == "aten" and not name.startswith("__"):
            from ._aten import aten

            found = aten(name)
            if found is not None:
                return found
        raise AttributeError(
            f"'_OpNamespace' '{self.name}' object has no attribute '{name}'", name=name, obj=self
        )

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *_registry.names_in(self.name)})

    def __repr__(self) -> str:
        return f"<module 'torch.ops.{self.name}' from 'torch.ops'>"


class _Ops:
    """What `torch.ops` finds: namespaces by name, and libraries of compiled operators."""

    def __init__(self) -> None:
        self.loaded_libraries: set[str] = set()
        self._namespaces: dict[str, _OpNamespace] = {}

    def namespace(self, name: str) -> _OpNamespace:
        """Return a namespace; like torch's, it need not have operators yet."""
        if name not in self._namespaces:
            self._namespaces[name] = _OpNamespace(name)
        return self._namespaces[name]

    def load_library(self, path: str | os.PathLike[str]) -> None:
        """Load a shared library; the operators that it registers appear under `torch.ops`.

        Raises:
            OSError: there is no such library, or it cannot be loaded.
        """
        resolved = os.path.realpath(path)
        flags = sys.getdlopenflags() if hasattr(sys, "getdlopenflags") else 0
        try:
            ctypes.CDLL(resolved, mode=flags | ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise OSError(f"Could not load this library: {resolved}") from error
        self.loaded_libraries.add(resolved)

    def import_module(self, module: str) -> None:
        """Import a Python module that defines operators."""
        __import__(module)


ops = _Ops()


def overload_of(op: Any, *, what: str = "op") -> OpOverload:
    """Return the OpOverload that a user means by a name, an overload, an operator or a definition.

    Raises:
        RuntimeError: it is none of these, or there is no such operator.
    """
    if isinstance(op, OpOverload):
        return op
    if isinstance(op, OpOverloadPacket):
        return op.default
    if hasattr(op, "_opoverload"):
        return op._opoverload
    if isinstance(op, str):
        return overload_for(_registry.find(op))
    raise RuntimeError(f"{what} should be a name or an OpOverload object, got {type(op)}")
