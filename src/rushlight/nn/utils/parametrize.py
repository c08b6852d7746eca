"""Parameters as functions of others: `register_parametrization(layer, "weight", Symmetric())`."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..._tensor import Tensor
from ...autograd.mode import no_grad
from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_caching = 0
_cache: dict[tuple[int, str], Tensor] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once within the context.

    Example:
        >>> layer = rushlight.nn.utils.parametrizations.weight_norm(rushlight.nn.Linear(2, 2))
        >>> with rushlight.nn.utils.parametrize.cached():
        ...     layer.weight is layer.weight
        True
        >>> layer.weight is layer.weight
        False
    """
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order, and the tensor or tensors they start from.

    These are `original`, or `original0`, `original1` ... if the `right_inverse` of the first one
    returns several.

    Args:
        modules: the parametrizations.
        original: the parameter or buffer that is parametrized.
        unsafe: do not check that dtype and shape are kept.
    """

    original: Tensor

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False):
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        start = self._start_from(original)
        self.is_tensor = isinstance(start, Tensor)
        self.ntensors = 1 if self.is_tensor else len(start)
        if self.is_tensor:
            if start.dtype != dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {dtype}\nright_inverse(original).dtype: {start.dtype}"
                )
            with no_grad():
                original.data = start.detach()
            _register(self, "original", original)
        else:
            self._take_several(start, original)
        if not unsafe:
            self._check_result(shape, dtype)

    def _start_from(self, original: Tensor) -> Any:
        value: Any = original
        with no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    continue
                try:
                    value = module.right_inverse(value)
                except NotImplementedError:
                    pass
        if not isinstance(value, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(value).__name__}"
            )
        return value

    def _take_several(self, start: Sequence[Any], original: Tensor) -> None:
        for i, part in enumerate(start):
            if not isinstance(part, Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                    f"tuple...). Got element {i} of the sequence with type {type(part).__name__}."
                )
            if isinstance(original, Parameter):
                part = Parameter(part, original.requires_grad)
            part.requires_grad_(original.requires_grad)
            _register(self, f"original{i}", part)

    def _check_result(self, shape: Any, dtype: Any) -> None:
        result = self()
        if not isinstance(result, Tensor):
            raise ValueError(
                f"A parametrization must return a tensor. Got {type(result).__name__}."
            )
        for what, was, is_now in (("dtype", dtype, result.dtype), ("shape", shape, result.shape)):
            if was != is_now:
                raise ValueError(
                    f"Registering a parametrization may not change the {what} of the tensor, "
                    f"unless `unsafe` flag is enabled.\nunparametrized {what}: {was}\n"
                    f"parametrized {what}: {is_now}"
                )

    def _originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Any) -> None:
        """Set the originals so that the parametrized tensor becomes `value`."""
        with no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            if self.is_tensor:
                self._set(self.original, value, "original", "`right_inverse` should return")
                return
            if not isinstance(value, Sequence):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors. "
                    f"Got {type(value).__name__}."
                )
            if len(value) != self.ntensors:
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors of length "
                    f"{self.ntensors}. Got a sequence of length {len(value)}."
                )
            for i, (part, original) in enumerate(zip(value, self._originals(), strict=True)):
                self._set(original, part, f"original{i}", f"element {i} of 'right_inverse' must be")

    @staticmethod
    def _set(original: Tensor, value: Any, name: str, expected: str) -> None:
        if not isinstance(value, Tensor):
            raise ValueError(f"{expected} a tensor. Got {type(value).__name__}")
        if value.dtype != original.dtype:
            raise ValueError(
                f"The tensor returned by `right_inverse` has dtype {value.dtype} while `{name}` "
                f"has dtype {original.dtype}"
            )
        original.data = value.detach()

    def forward(self) -> Tensor:
        """Return the parametrized tensor."""
        first, *others = self
        value = first(*self._originals())
        for module in others:
            value = module(value)
        return value


# --- the class of a parametrized module ---------------------------------------------------------


def _no_pickle(module: Module) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(). See:\n"
        "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
        "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
    )


def _deepcopy(module: Module, memo: dict[int, Any]) -> Module:
    plain = type_before_parametrizations(module)
    twin: Any = object.__new__(plain)
    memo[id(module)] = twin
    twin.__dict__ = copy.deepcopy(module.__dict__, memo)
    # A class of its own: taking the copy's parametrizations off must not touch the original's.
    _give_class(twin, plain)
    for name in twin.parametrizations:
        _add_property(type(twin), name)
    return twin


def _give_class(module: Module, plain: type[Module]) -> None:
    members = {
        "__getstate__": _no_pickle,
        "__deepcopy__": _deepcopy,
        "__module__": plain.__module__,
    }
    object.__setattr__(
        module, "__class__", type(f"Parametrized{plain.__name__}", (plain,), members)
    )


def _add_property(cls: type, name: str) -> None:
    def get(module: Module) -> Tensor:
        if not _caching:
            return module.parametrizations[name]()
        key = id(module), name
        value = _cache.get(key)
        if value is None:
            value = _cache[key] = module.parametrizations[name]()
        return value

    def set_(module: Module, value: Any) -> None:
        module.parametrizations[name].right_inverse(value)

    setattr(cls, name, property(get, set_))


# --- the public functions -----------------------------------------------------------------------


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Tell whether a module has parametrizations, of one tensor if it is named."""
    found = module.__dict__.get("_modules", {}).get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def type_before_parametrizations(module: Module) -> type:
    """Return the class that a module had before it was parametrized."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Make a parameter or buffer a function of an original: module.weight = f(original).

    The original is `module.parametrizations.weight.original`. More parametrizations of the same
    tensor compose. Assigning to the tensor goes through `right_inverse`, if `f` has that method.

    Args:
        module: the module, changed in place.
        tensor_name: name of a parameter or buffer.
        parametrization: a module that maps the original to the tensor.
        unsafe: do not check that dtype and shape are kept.

    Returns:
        The module.

    Raises:
        ValueError: no such tensor, or dtype or shape change.

    Example:
        >>> class Symmetric(rushlight.nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).T
        >>> layer = rushlight.nn.Linear(3, 3)
        >>> layer = rushlight.nn.utils.parametrize.register_parametrization(
        ...     layer, "weight", Symmetric()
        ... )
        >>> bool((layer.weight == layer.weight.T).all())
        True
        >>> list(layer.state_dict())
        ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_further(module, tensor_name, parametrization)
        present = module.parametrizations[tensor_name]
        present.append(parametrization)
        present.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        made = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _give_class(module, type(module))
            module.parametrizations = ModuleDict()
        _add_property(type(module), tensor_name)
        module.parametrizations[tensor_name] = made
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def _check_further(module: Module, name: str, parametrization: Any) -> None:
    """Check that one more parametrization keeps dtype and shape, there and back."""
    value = getattr(module, name)
    result = parametrization(value)
    _check_like(result, value, name, "Registering a parametrization", f"parametrization({name})")
    if hasattr(parametrization, "right_inverse"):
        back = parametrization.right_inverse(result)
        what = "parametrization.right_inverse"
        _check_like(back, value, name, what, "returned")


def _check_like(result: Any, value: Tensor, name: str, who: str, label: str) -> None:
    if not isinstance(result, Tensor):
        subject = "A parametrization" if who.startswith("Registering") else who
        raise ValueError(f"{subject} must return a tensor. Got {type(result).__name__}.")
    for what in ("dtype", "shape"):
        was, is_now = getattr(value, what), getattr(result, what)
        if was != is_now:
            raise ValueError(
                f"{who} may not change the {what} of the tensor, unless the `unsafe` flag is "
                f"enabled.\nmodule.{name}.{what}: {was}\n{label} {what}: {is_now}"
            )


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a parametrized tensor an ordinary parameter or buffer again.

    Args:
        module: the module, changed in place.
        tensor_name: the name of the tensor.
        leave_parametrized: keep its present value; False goes back to the original.

    Raises:
        ValueError: the tensor is not parametrized, or has several originals and
            `leave_parametrized` is False.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    present = module.parametrizations[tensor_name]
    if present.is_tensor:
        original = present.original
        if leave_parametrized:
            with no_grad():
                original.data = getattr(module, tensor_name).detach()
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    plain = type_before_parametrizations(module)
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations
        object.__setattr__(module, "__class__", plain)
    return module


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Copy parametrizations and their originals from one module to another of the same kind.

    Args:
        from_module: has the parametrizations.
        to_module: gets them; changed in place.
        tensor_name: only this tensor's.
    """
    if not is_parametrized(from_module):
        return to_module
    names = list(from_module.parametrizations) if tensor_name is None else [tensor_name]
    for name in names:
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach().clone()))
        for function in source:
            register_parametrization(to_module, name, copy.deepcopy(function), unsafe=source.unsafe)
        made = to_module.parametrizations[name]
        for new, old in zip(made._originals(), source._originals(), strict=True):
            new.data = old.detach().clone()
    return to_module
