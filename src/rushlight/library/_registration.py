"""The functions that register something with an operator by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..backend.device import device
from . import _registry
from ._gradient import Gradient
from ._library import Library
from ._overloads import OpOverload, OpOverloadPacket, overload_of
from ._registry import BY_DEVICE, Kernel
from ._tags import Tag

# Libraries of the functions below: what these register stays.
_kept: dict[str, Library] = {}


def _library_for(namespace: str, lib: Library | None) -> Library:
    if lib is not None:
        return lib
    if namespace not in _kept:
        _kept[namespace] = Library(namespace, "FRAGMENT")
    return _kept[namespace]


def define(
    qualname: str | Library,
    schema: str,
    alias_analysis: str = "",
    *,
    lib: Library | None = None,
    tags: Tag | Sequence[Tag] = (),
) -> Any:
    """Define an operator by its full name.

    An older form, `@define(lib, schema)`, also takes the decorated function as a kernel.

    Args:
        qualname: `"namespace::name"`.
        schema: `"(Tensor x) -> Tensor"`, without the name.
        alias_analysis: of the older form.
        lib: the library that owns the definition; without one it stays.
        tags: notes about the operator.

    Raises:
        ValueError: the name has no namespace, or the schema a name.

    Example:
        >>> rushlight.library.define("doc_define::twice", "(Tensor x) -> Tensor")
        >>> rushlight.library.impl("doc_define::twice", "cpu", lambda x: x + x)
        >>> rushlight.ops.doc_define.twice(rushlight.ones(2))
        tensor([2., 2.])

    Reference:
        PyTorch, `torch.library.define`.
    """
    if isinstance(qualname, Library):
        return _impl_in(qualname, qualname.define(schema, alias_analysis, tags=tags), "")
    if not isinstance(qualname, str):
        raise ValueError(
            "define(qualname, schema): expected qualname to be instance of str, got "
            f"{type(qualname)}"
        )
    _registry.split_name(qualname)
    namespace, _, name = qualname.partition("::")
    if not schema.lstrip().startswith("("):
        raise ValueError(
            'define(qualname, schema, ...): expected schema to look like e.g. "(Tensor x) -> '
            f'Tensor" but got "{schema}"'
        )
    _library_for(namespace, lib).define(name + schema.lstrip(), tags=tags)
    return None


def impl(
    qualname: str | Library,
    types: str | Iterable[str],
    func: Any = None,
    *,
    lib: Library | None = None,
) -> Any:
    """Give an operator a kernel for one or more kinds of device (also as a decorator).

    An older form, `@impl(lib, name, dispatch_key)`, decorates a kernel of a library.

    Args:
        qualname: `"namespace::name"`.
        types: "cpu", "cuda", several of them, or "default" for all.
        func: the kernel.
        lib: the library that owns the kernel; without one it stays.

    Raises:
        RuntimeError: a kind of device that there is not.
    """
    if isinstance(qualname, Library):
        return _impl_in(qualname, str(types), func or "")
    name = qualname
    _registry.split_name(name)
    keys = sorted({key_of(kind) for kind in ([types] if isinstance(types, str) else types)})

    def register(kernel: Kernel) -> None:
        library = _library_for(name.partition("::")[0], lib)
        for key in keys:
            library.impl(name, kernel, key, allow_override=True)

    return register if func is None else register(func)


def _impl_in(lib: Library, name: str, dispatch_key: str) -> Callable[[Kernel], Kernel]:
    def register(kernel: Kernel) -> Kernel:
        lib.impl(name, kernel, dispatch_key)
        return kernel

    return register


def key_of(kind: str) -> str:
    """Return the dispatch key of a kind of device."""
    if kind == "default":
        return "CompositeExplicitAutograd"
    return BY_DEVICE.get(device(kind).type, "")


def register_kernel(
    op: Any,
    device_types: str | Sequence[str] | None,
    func: Kernel | None = None,
    /,
    *,
    lib: Library | None = None,
) -> Any:
    """Give an operator a kernel for one or more kinds of device (also as a decorator).

    Args:
        op: its name, overload, or the object that `custom_op` made.
        device_types: "cpu", "cuda", several of them; None for all.
        func: the kernel.
        lib: the library that owns the kernel; without one it stays.
    """
    if hasattr(op, "register_kernel"):
        return op.register_kernel(device_types, func)
    types = "default" if device_types is None else device_types

    def register(kernel: Kernel) -> Kernel:
        impl(_named(op), types, kernel, lib=lib)
        return kernel

    return register if func is None else register(func)


def _named(op: Any) -> str:
    if isinstance(op, str):
        return op
    if isinstance(op, (OpOverload, OpOverloadPacket)):
        return overload_of(op).name()
    raise ValueError(f"expected op to be a name, an OpOverload or a CustomOpDef, got {type(op)}")


def register_fake(
    op: Any,
    func: Kernel | None = None,
    /,
    *,
    lib: Library | None = None,
    _stacklevel: int = 1,
    allow_override: bool = False,
) -> Any:
    """Tell shapes and dtypes of an operator's results without computing (also as a decorator).

    Args:
        op: its name, overload, or the object that `custom_op` made.
        func: takes the operator's arguments, on the `meta` device; returns empty results.
        lib: the library that owns the registration; without one it stays.
        allow_override: replace an earlier one; here that is always allowed.

    Raises:
        RuntimeError: there is no such operator.
    """
    if hasattr(op, "register_fake"):
        return op.register_fake if func is None else op.register_fake(func)

    def register(fake: Kernel) -> Kernel:
        qualname = _named(op)
        _registry.split_name(qualname)
        _library_for(qualname.partition("::")[0], lib)._register_fake(qualname, fake)
        return fake

    return register if func is None else register(func)


def register_autograd(
    op: Any,
    backward: Callable[..., Any],
    /,
    *,
    setup_context: Callable[..., Any] | None = None,
    lib: Library | None = None,
) -> None:
    """Tell how a gradient passes through an operator.

    Args:
        op: its name, overload, or the object that `custom_op` made.
        backward: `backward(ctx, *grads)` returns a gradient, or None, for each argument that is
            not keyword-only; for a list of tensors a list.
        setup_context: `setup_context(ctx, inputs, output)` saves what `backward` needs, with
            `ctx.save_for_backward` or as attributes. If the operator has keyword-only arguments,
            `setup_context(ctx, inputs, keyword_only_inputs, output)`.
        lib: the library that owns the registration; without one it stays.

    Raises:
        RuntimeError: the operator writes to its arguments or returns their memory.
        NotImplementedError: a tensor is a keyword-only argument.
    """
    overload = op._opoverload if hasattr(op, "_opoverload") else overload_of(op)
    operator, schema = overload._operator, overload._schema
    if not schema.is_functional:
        raise RuntimeError(
            f"Cannot register autograd formula for non-functional operator {op} with schema "
            f"{schema}. Please create a functional operator and register an autograd formula for "
            "that."
        )
    if any(a.kwarg_only and a.type.base == "Tensor" for a in schema.arguments):
        raise NotImplementedError(
            f"register_autograd with kwarg-only Tensor args. In the original definition of the op, "
            f"please make your tensors not kwarg-only. Got: {schema}"
        )
    before, operator.gradient = operator.gradient, Gradient(backward, setup_context)
    if lib is not None:
        lib._undo.append(lambda: setattr(operator, "gradient", before))


def register_vmap(
    op: Any, func: Callable[..., Any] | None = None, /, *, lib: Library | None = None
) -> Any:
    """Tell how an operator runs on a batch of samples under `vmap` (also as a decorator).

    Without a rule it runs sample by sample.

    Args:
        op: its name, overload, or the object that `custom_op` made.
        func: `func(info, in_dims, *args)` returns `(output, out_dims)`; `info.batch_size` is the
            number of samples, `in_dims` tells for each argument where its batch dimension is.
        lib: the library that owns the registration; without one it stays.
    """

    def register(rule: Callable[..., Any]) -> None:
        overload = op._opoverload if hasattr(op, "_opoverload") else overload_of(op)
        operator = overload._operator
        before, operator.batching = operator.batching, rule
        if lib is not None:
            lib._undo.append(lambda: setattr(operator, "batching", before))

    return register if func is None else register(func)


def register_autocast(
    op: Any, device_type: str, cast_inputs: Any, /, *, lib: Library | None = None
) -> None:
    """Let an operator get its floating-point tensors in a dtype while autocast is on.

    Args:
        op: its name, overload, or the object that `custom_op` made.
        device_type: "cpu" or "cuda".
        cast_inputs: the dtype.
        lib: the library that owns the registration; without one it stays.

    Raises:
        ValueError: another kind of device.
    """
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if device(device_type).type not in ("cpu", "cuda"):
        raise ValueError(f"Unknown device type: {device_type}")
    overload = op._opoverload if hasattr(op, "_opoverload") else overload_of(op)
    casts = overload._operator.casts
    casts[device_type] = cast_inputs
    if lib is not None:
        lib._undo.append(lambda: casts.pop(device_type, None))


def register_torch_dispatch(*args: Any, **kwargs: Any) -> None:
    """Refuse: there is no `__torch_dispatch__`; use `__torch_function__` (`overrides`).

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(
        "register_torch_dispatch: rushlight has no __torch_dispatch__; give your subclass of "
        "Tensor a __torch_function__, which sees calls of operators too"
    )


def triton_op(*args: Any, **kwargs: Any) -> Any:
    """Refuse: Triton kernels are not supported; see `rushlight.utils.cpp_extension` for CUDA.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(
        "triton_op: Triton kernels are not supported; write the kernel in CUDA "
        "(utils.cpp_extension) and register it with custom_op"
    )


def wrap_triton(*args: Any, **kwargs: Any) -> Any:
    """Refuse: Triton kernels are not supported; see `triton_op`.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("wrap_triton: Triton kernels are not supported; see triton_op")
