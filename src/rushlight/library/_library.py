"""`Library`: a namespace that operators are defined in, or given kernels."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from . import _registry
from ._aten import aten
from ._overloads import OpOverload
from ._parser import parse_schema
from ._registry import Kernel
from ._tags import Tag, as_tags

_RESERVED = frozenset({"prim"})
_BUILT_IN = frozenset({"aten", "prims"})
_overriding_said = False


def fallthrough_kernel() -> None:
    """Stand for "nothing to do here" in `Library.impl`: a call goes on to the next kernel.

    Raises:
        NotImplementedError: it is called.
    """
    raise NotImplementedError("fallthrough_kernel() should never be called.")


class Library:
    """A namespace that operators are defined in, or given kernels.

    What a library has registered is taken back when the library is no longer referenced.

    Args:
        ns: the namespace.
        kind: "DEF" for the one library that defines a namespace's operators, "FRAGMENT" for one
            that adds to them, "IMPL" for one that only has kernels.
        dispatch_key: the key of kernels that name none.

    Raises:
        ValueError: the kind is unknown or the namespace reserved.
        RuntimeError: a second "DEF" of a namespace.

    Example:
        >>> lib = rushlight.library.Library("doc_library", "DEF")
        >>> lib.define("twice(Tensor x) -> Tensor")
        'twice'
        >>> lib.impl("twice", lambda x: x + x, "CompositeImplicitAutograd")
        >>> rushlight.ops.doc_library.twice(rushlight.ones(2))
        tensor([2., 2.])

    Reference:
        PyTorch, `torch.library.Library`.
    """

    _defining: weakref.WeakValueDictionary[str, Library] = weakref.WeakValueDictionary()

    def __init__(self, ns: str, kind: str, dispatch_key: str = ""):
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in _RESERVED:
            raise ValueError(
                f"{ns} is a reserved namespace. Please try creating a library with another name."
            )
        if kind == "DEF":
            if ns in _BUILT_IN or ns in self._defining:
                raise RuntimeError(
                    "Only a single TORCH_LIBRARY can be used to register the namespace "
                    f"{ns}; please put all of your definitions in a single TORCH_LIBRARY block.  "
                    "If you were trying to specify implementations, consider using "
                    "TORCH_LIBRARY_IMPL (which can be duplicated).  If you really intended to "
                    "define operators for a single namespace in a distributed way, you can use "
                    "TORCH_LIBRARY_FRAGMENT to explicitly indicate this."
                )
            self._defining[ns] = self
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key
        self._undo: list[Callable[[], None]] = []
        self._finalizer = weakref.finalize(self, _undo_all, self._undo)

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(
        self, schema: str, alias_analysis: str = "", *, tags: Tag | Sequence[Tag] = ()
    ) -> str:
        """Define an operator.

        Args:
            schema: `"name(Tensor x, int n=1) -> Tensor"`.
            alias_analysis: "" (the schema tells which memory is shared) or "CONSERVATIVE".
            tags: notes about the operator.

        Returns:
            The operator's name.

        Raises:
            RuntimeError: the schema cannot be read, or there is such an operator already.
        """
        if alias_analysis not in ("", "FROM_SCHEMA", "CONSERVATIVE"):
            raise RuntimeError(f"Invalid alias_analysis type {alias_analysis}")
        written = schema if "::" in schema.partition("(")[0] else f"{self.ns}::{schema}"
        parsed = parse_schema(written)
        if self.kind == "IMPL":
            raise RuntimeError(
                f'def("{schema.partition("(")[0]}"): Cannot define an operator inside of a '
                "TORCH_LIBRARY_IMPL block.  All def()s should be placed in the (unique) "
                "TORCH_LIBRARY block for their namespace."
            )
        namespace, _, name = parsed.name.partition("::")
        if namespace != self.ns:
            raise RuntimeError(
                f"Explicitly provided namespace ({namespace}) in schema string does not match "
                f"namespace of enclosing TORCH_LIBRARY block ({self.ns}).  Move this definition to "
                "the (unique) TORCH_LIBRARY block corresponding to this namespace (and consider "
                "deleting the namespace from your schema string.)"
            )
        if namespace == "aten" and aten(name) is not None:
            raise _registry.defined_twice(parsed)
        operator = _registry.define(parsed, as_tags(tags))
        operator.definition = repr(self)
        self._undo.append(lambda: _registry.undefine(operator))
        return name

    def impl(
        self,
        op_name: str | OpOverload,
        fn: Kernel,
        dispatch_key: str = "",
        *,
        with_keyset: bool = False,
        allow_override: bool = False,
    ) -> None:
        """Give an operator a kernel.

        Args:
            op_name: the operator's name within the namespace (or with it), or the overload.
            fn: the kernel, called with the arguments that differ from the schema's defaults.
            dispatch_key: "CPU", "CUDA", "Meta", "Autograd", "CompositeImplicitAutograd", ...
                Without one, here and in the library, "CompositeImplicitAutograd".
            with_keyset: pass the set of dispatch keys first; there is none here.
            allow_override: replace a kernel without a warning.

        Raises:
            TypeError: `fn` cannot be called.
            RuntimeError: a name or key of the wrong kind.
        """
        if not callable(fn):
            raise TypeError(
                f"Input function is required to be a callable but found type {type(fn)}"
            )
        if with_keyset:
            raise NotImplementedError("impl: with_keyset=True needs PyTorch's dispatch key sets")
        wanted = str(dispatch_key or self.dispatch_key or "CompositeImplicitAutograd")
        key = wanted.rpartition(".")[2]  # `DispatchKey.CPU` is as good as "CPU"
        qualname = self._qualname(op_name)
        if fn is fallthrough_kernel:
            _registry.check_key(key)
            return
        if not allow_override:
            _warn_of_override(qualname, key)
        self._undo.append(_registry.add_kernel(qualname, key, fn))

    def _qualname(self, op: Any) -> str:
        if isinstance(op, OpOverload):
            return op.name()
        if not isinstance(op, str):
            raise RuntimeError(
                "impl should be passed either a name or an OpOverload object as the first "
                f"argument, got {type(op)}"
            )
        return op if "::" in op else f"{self.ns}::{op}"

    def fallback(self, fn: Kernel, dispatch_key: str = "", *, with_keyset: bool = False) -> None:
        """Refuse: a kernel for all operators of a dispatch key needs PyTorch's dispatcher.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "Library.fallback: kernels belong to one operator each; use impl for every operator"
        )

    def _register_fake(self, op_name: str, fn: Kernel, _stacklevel: int = 1) -> None:
        operator = _registry.find(self._qualname(op_name))
        before, operator.fake = operator.fake, fn
        self._undo.append(lambda: setattr(operator, "fake", before))

    def _destroy(self) -> None:
        """Take back everything that was registered."""
        self._defining.pop(self.ns, None) if self.kind == "DEF" else None
        self._finalizer()


def _undo_all(undo: list[Callable[[], None]]) -> None:
    while undo:
        undo.pop()()


def _warn_of_override(qualname: str, key: str) -> None:
    global _overriding_said
    name, overload = _registry.split_name(qualname)
    operator = _registry.overloads_of(name).get(overload)
    if operator is None or key not in operator.kernels or _overriding_said:
        return
    _overriding_said = True
    warnings.warn(
        "Warning only once for all operators,  other operators may also be overridden.\n"
        "  Overriding a previously registered kernel for the same operator and the same dispatch "
        f"key\n  operator: {operator.schema}\n  dispatch key: {key}",
        UserWarning,
        stacklevel=3,
    )


@contextmanager
def _scoped_library(*args: Any, **kwargs: Any) -> Iterator[Library]:
    """Yield a library whose registrations end with the block."""
    made = Library(*args, **kwargs)
    try:
        yield made
    finally:
        made._destroy()
