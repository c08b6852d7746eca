"""What is registered: operators by name, kernels by dispatch key, and who may take them back."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable
from typing import Any

from ._arguments import Signature
from ._parser import parse_schema
from .schema import FunctionSchema

Kernel = Callable[..., Any]

# Keys that choose a kernel. The others exist in PyTorch; a kernel under them is kept, never called.
HONOURED = frozenset({
    "CPU", "CUDA", "Meta", "CompositeImplicitAutograd", "CompositeExplicitAutograd",
    "CompositeExplicitAutogradNonFunctional", "Autograd", "AutogradCPU", "AutogradCUDA",
    "AutocastCPU", "AutocastCUDA",
})  # fmt: skip
_KEPT = frozenset({
    "ADInplaceOrView", "AutogradHPU", "AutogradMPS", "AutogradOther", "AutogradPrivateUse1",
    "AutogradXLA", "AutogradXPU", "BackendSelect", "Conjugate", "FuncTorchBatched",
    "Functionalize", "HIP", "HPU", "Lazy", "MPS", "MkldnnCPU", "Negative", "NestedTensorCPU",
    "NestedTensorCUDA", "PrivateUse1", "Python", "QuantizedCPU", "QuantizedCUDA", "SparseCPU",
    "SparseCUDA", "Tracer", "Undefined", "XLA", "XPU", "ZeroTensor",
})  # fmt: skip
BY_DEVICE = {"cpu": "CPU", "cuda": "CUDA", "meta": "Meta", "mps": "MPS", "xla": "XLA", "xpu": "XPU"}

_lock = threading.RLock()
_operators: dict[str, dict[str, Operator]] = {}  # "ns::name" -> overload -> operator
_kernels: dict[tuple[str, str], dict[str, Kernel]] = {}  # also of operators not yet defined


class CompiledKernel:
    """A kernel that has no defaults of its own: it gets every argument, by position."""

    def __init__(self, function: Kernel):
        self.function = function

    def __call__(self, *values: Any) -> Any:
        return self.function(*values)


class Operator:
    """One overload of an operator, as registered.

    Attributes:
        schema: what it takes and returns.
        kernels: what computes it, by dispatch key.
        fake: computes shapes and dtypes of the results.
        gradient: how a gradient passes through; see `_gradient.py`.
        batching: computes it for all samples of a `vmap`.
        casts: dtypes of the inputs under autocast, by kind of device.
        overload: the object that stands for it under `ops`.
        tags: notes about it, for programs that look.
        definition: where it was defined, for messages.
        checks_aliases: whether a result that shares memory with an input is refused.
    """

    def __init__(self, schema: FunctionSchema, tags: Iterable[Any] = ()):
        self.schema = schema
        self.signature = Signature(schema)
        self.kernels = _kernels.setdefault((schema.name, schema.overload_name), {})
        self.fake: Kernel | None = None
        self.gradient: Any = None
        self.batching: Kernel | None = None
        self.casts: dict[str, Any] = {}
        self.overload: Any = None
        self.tags = list(tags)
        self.definition: Any = None
        self.checks_aliases = False
        self.mutated = [i for i, a in enumerate(schema.arguments) if a.is_write]

    @property
    def qualname(self) -> str:
        """The name with namespace and overload."""
        overload = self.schema.overload_name
        return f"{self.schema.name}.{overload}" if overload else self.schema.name

    @property
    def label(self) -> str:
        """The name as programs write it: `my.sin.default`."""
        return f"{self.schema.name.replace('::', '.')}.{self.schema.overload_name or 'default'}"


def split_name(qualname: str) -> tuple[str, str]:
    """Return ("ns::name", overload) of a name.

    Raises:
        ValueError: it has no namespace.
    """
    namespace, colons, name = qualname.partition("::")
    if not colons or not namespace or not name or "::" in name:
        raise ValueError(
            f'Expected `qualname` to be of the form "namespace::name", but got {qualname}. The '
            "qualname passed to the torch.library APIs must consist of a namespace and a name, "
            "e.g. aten::sin"
        )
    name, _, overload = name.partition(".")
    return f"{namespace}::{name}", "" if overload == "default" else overload


def define(schema: FunctionSchema, tags: Iterable[Any] = ()) -> Operator:
    """Make an operator known.

    Raises:
        RuntimeError: there is one of that name already.
    """
    with _lock:
        overloads = _operators.setdefault(schema.name, {})
        if schema.overload_name in overloads:
            raise defined_twice(schema)
        made = overloads[schema.overload_name] = Operator(schema, tags)
    _publish(*schema.name.split("::"))
    return made


def defined_twice(schema: FunctionSchema) -> RuntimeError:
    """Return the error of a definition whose name is taken."""
    return RuntimeError(
        f"Tried to register an operator ({schema}) with the same name and overload name multiple "
        "times. Each overload's schema should only be registered with a single call to def()."
    )


def _publish(namespace: str, name: str) -> None:
    """Put an operator into the family of built-in ones that its namespace shares the name with.

    `rushlight.ops.fused` is a module of this package and, to users, a namespace like any other.
    """
    package = importlib.import_module("rushlight.ops")
    if package.is_family(namespace):
        family = importlib.import_module(f"{package.__name__}.{namespace}")
        own = importlib.import_module("rushlight.library").ops.namespace(namespace)
        if not hasattr(family, name):
            setattr(family, name, getattr(own, name))


def undefine(operator: Operator) -> None:
    """Forget an operator and its kernels."""
    with _lock:
        overloads = _operators.get(operator.schema.name, {})
        if overloads.get(operator.schema.overload_name) is operator:
            del overloads[operator.schema.overload_name]
            _kernels.pop((operator.schema.name, operator.schema.overload_name), None)
        if not overloads:
            _operators.pop(operator.schema.name, None)


def overloads_of(name: str) -> dict[str, Operator]:
    """Return the overloads of "ns::name"; empty if there is no such operator."""
    return _operators.get(name, {})


def names_in(namespace: str) -> list[str]:
    """Return the names of the operators of a namespace."""
    return [name.partition("::")[2] for name in _operators if name.startswith(f"{namespace}::")]


def namespaces() -> set[str]:
    """Return the namespaces that have operators."""
    return {name.partition("::")[0] for name in _operators}


def find(qualname: str) -> Operator:
    """Return an operator by its full name.

    Raises:
        RuntimeError: it does not exist.
    """
    name, overload = split_name(qualname)
    try:
        return _operators[name][overload]
    except KeyError:
        raise RuntimeError(f"operator {qualname} does not exist") from None


def check_key(key: str) -> None:
    """Refuse what is no dispatch key.

    Raises:
        RuntimeError: it is none.
    """
    if key not in HONOURED and key not in _KEPT:
        raise RuntimeError(f"could not parse dispatch key: {key}")


def add_kernel(qualname: str, key: str, kernel: Kernel) -> Callable[[], None]:
    """Register a kernel, also of an operator that is not defined yet; return what undoes it."""
    check_key(key)
    name, overload = split_name(qualname)
    with _lock:
        kernels = _kernels.setdefault((name, overload), {})
        before = kernels.get(key)
        kernels[key] = kernel

    def undo() -> None:
        with _lock:
            if kernels.get(key) is not kernel:
                return
            if before is None:
                del kernels[key]
            else:
                kernels[key] = before

    return undo


def register_native(
    namespace: str, schema_or_name: str, function: Kernel | None = None, dispatch_key: str = ""
) -> None:
    """Register what a compiled extension defines or implements.

    A text with brackets is a schema and defines the operator; a bare name belongs to an operator
    that is or will be defined. Definitions are replaced: a rebuilt library is loaded again.

    Args:
        namespace: the library's namespace.
        schema_or_name: `"scale(Tensor x, float by) -> Tensor"`, or `"scale"`, `"scale.overload"`.
        function: called with the arguments of the schema in their order; None only defines.
        dispatch_key: `"CPU"`, `"CUDA"`, `"Autograd"`, ...; empty means the kernel for everything.
    """
    text = schema_or_name if "::" in schema_or_name else f"{namespace}::{schema_or_name}"
    qualname = text
    if "(" in text:
        schema = parse_schema(text)
        qualname = f"{schema.name}.{schema.overload_name}" if schema.overload_name else schema.name
        with _lock:
            existing = overloads_of(schema.name).get(schema.overload_name)
            if existing is not None:
                undefine(existing)
            define(schema)
    if function is not None:
        key = dispatch_key or "CompositeImplicitAutograd"
        add_kernel(qualname, key, CompiledKernel(function))
