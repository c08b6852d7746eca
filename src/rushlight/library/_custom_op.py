"""`custom_op`: an operator made of a Python function."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from . import _registration
from ._gradient import Gradient
from ._infer import infer_schema
from ._library import Library
from ._overloads import OpOverload, overload_for
from ._registry import Kernel, find
from ._tags import Tag, as_tags

_log = logging.getLogger(__name__)
_kept: dict[str, CustomOpDef] = {}


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Sequence[Tag] | None = None,
) -> Any:
    """Make an operator of a Python function (also as a decorator).

    The operator appears under `ops.<namespace>.<name>`. It must not return memory of its inputs,
    and is opaque to autograd until a gradient is registered.

    Args:
        name: `"namespace::name"`.
        fn: the function; its annotations become the schema.
        mutates_args: the names of the arguments that it writes to.
        device_types: the kinds of device it works on ("cpu", "cuda"); None for all.
        schema: the schema, `"(Tensor x) -> Tensor"`, instead of annotations.
        tags: notes about the operator.

    Returns:
        A `CustomOpDef`, which is called like the function.

    Raises:
        ValueError: the function's annotations make no schema, or `mutates_args` and `schema`
            differ.

    Example:
        >>> @rushlight.library.custom_op("doc_custom::cube", mutates_args=())
        ... def cube(x: rushlight.Tensor) -> rushlight.Tensor:
        ...     return rushlight.from_numpy(x.detach().numpy() ** 3)
        >>> def backward(ctx, grad):
        ...     (x,) = ctx.saved_tensors
        ...     return 3 * x**2 * grad
        >>> def setup_context(ctx, inputs, output):
        ...     ctx.save_for_backward(*inputs)
        >>> cube.register_autograd(backward, setup_context=setup_context)
        >>> x = rushlight.tensor([1.0, 2.0], requires_grad=True)
        >>> y = rushlight.ops.doc_custom.cube(x)
        >>> y.sum().backward()
        >>> y.detach(), x.grad
        (tensor([1., 8.]), tensor([ 3., 12.]))

    Reference:
        PyTorch, `torch.library.custom_op`.
    """

    def make(function: Callable[..., Any]) -> CustomOpDef:
        written = schema or infer_schema(function, mutates_args=mutates_args)
        namespace, operator_name = name.split("::")
        made = CustomOpDef(namespace, operator_name, written, function, tags)
        if schema is not None and made._opoverload._schema.written != set(mutates_args):
            made._lib._destroy()
            raise ValueError(
                f"Attempted to create a custom op with `mutates_args={mutates_args}` and "
                f"`schema={schema}. The schema suggests that the op mutates "
                f"{made._opoverload._schema.written or set()}which is different from what was "
                "provided to us in `mutates_args`. Please make these consistent."
            )
        made.register_kernel(device_types)(function)
        return made

    return make if fn is None else make(fn)


class CustomOpDef:
    """An operator made by `custom_op`, and what can be registered with it."""

    def __init__(
        self,
        namespace: str,
        name: str,
        schema: str,
        fn: Callable[..., Any],
        tags: Sequence[Tag] | None = None,
    ):
        self._namespace, self._name, self._schema, self._init_fn = namespace, name, schema, fn
        self.__doc__ = fn.__doc__
        earlier = _kept.get(self._qualname)
        if earlier is not None:  # a notebook's cell is run again
            earlier._lib._destroy()
        self._lib: Library = Library(namespace, "FRAGMENT")
        self._lib.define(name + schema, tags=[Tag.pt2_compliant_tag, *as_tags(tags)])
        self._operator = find(self._qualname)
        self._operator.definition = fn.__module__
        self._operator.checks_aliases = True
        self._operator.gradient = Gradient()
        if self._operator.schema.is_functional:
            self._check_keyword_tensors()
        self._operator.fake = self._no_fake
        self._kernels: dict[str | None, Kernel] = {}
        self._disabled: set[str] = set()
        _kept[self._qualname] = self

    def _check_keyword_tensors(self) -> None:
        schema = self._operator.schema
        if any(a.kwarg_only and a.type.base == "Tensor" for a in schema.arguments):
            self._lib._destroy()
            raise NotImplementedError(
                "custom_op with kwarg-only Tensor args. Please make your tensors not kwarg-only. "
                f"Got: {self._name}{self._schema}"
            )

    @property
    def _qualname(self) -> str:
        return f"{self._namespace}::{self._name}"

    @property
    def _opoverload(self) -> OpOverload:
        return overload_for(self._operator)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._opoverload(*args, **kwargs)

    def _no_fake(self, *args: Any, **kwargs: Any) -> NoReturn:
        name = getattr(self._init_fn, "__name__", self._name)
        raise RuntimeError(
            f"There was no fake impl registered for {self}. This is necessary for "
            f"torch.compile/export/fx tracing to work. Please use `{name}.register_fake` to add an "
            "fake impl."
        )

    def register_kernel(
        self, device_types: str | Sequence[str] | None, fn: Kernel | None = None, /
    ) -> Any:
        """Use another function on some kinds of device (also as a decorator).

        Args:
            device_types: "cpu", "cuda", several of them, or None for all others.
            fn: takes what the operator takes, returns what it returns.
        """

        def register(kernel: Kernel) -> Kernel:
            single = device_types is None or isinstance(device_types, str)
            for kind in [device_types] if single else device_types or ():
                self._register(None if kind == "default" else kind, kernel)  # type: ignore[arg-type]
            return kernel

        return register if fn is None else register(fn)

    def _register(self, kind: str | None, kernel: Kernel) -> None:
        key = _registration.key_of("default" if kind is None else kind)
        self._kernels[kind] = kernel

        def chosen(*args: Any, **kwargs: Any) -> Any:
            function = self._init_fn if kind in self._disabled else kernel
            return function(*args, **kwargs)

        self._lib.impl(self._name, chosen, key, allow_override=True)

    @contextmanager
    def set_kernel_enabled(self, device_type: str, enabled: bool = True) -> Iterator[None]:
        """Within the block, use the kernel of a kind of device or, if disabled, the function.

        Args:
            device_type: "cpu", "cuda", ...
            enabled: False to use the function that the operator was made of.
        """
        if device_type not in self._kernels:
            _log.warning(
                "Attempted to %s kernel for %s but no kernel was registered for this device type.",
                "enable" if enabled else "disable",
                device_type,
            )
        before = device_type in self._disabled
        (self._disabled.discard if enabled else self._disabled.add)(device_type)
        try:
            yield
        finally:
            (self._disabled.add if before else self._disabled.discard)(device_type)

    def register_fake(self, fn: Kernel, /) -> Kernel:
        """Register what tells shapes and dtypes of the results; see `library.register_fake`."""
        self._operator.fake = fn
        return fn

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Register how a gradient passes through; see `library.register_autograd`."""
        _registration.register_autograd(self, backward, setup_context=setup_context)

    def register_vmap(self, func: Callable[..., Any] | None = None) -> Any:
        """Register how a batch of samples is computed; see `library.register_vmap`."""
        return _registration.register_vmap(self, func)

    def register_autocast(self, device_type: str, cast_inputs: Any) -> None:
        """Register a dtype of the inputs under autocast; see `library.register_autocast`."""
        _registration.register_autocast(self, device_type, cast_inputs)

    def register_torch_dispatch(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: there is no `__torch_dispatch__`."""
        _registration.register_torch_dispatch(*args, **kwargs)
