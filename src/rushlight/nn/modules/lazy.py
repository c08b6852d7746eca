"""Modules that learn the shape of their parameters from the first input."""

from __future__ import annotations

from typing import Any

from ..parameter import is_lazy
from .module import Module


class LazyModuleMixin(Module):
    """Adds to a Module: uninitialised parameters that the first forward call materialises.

    A subclass sets `cls_to_become`, the class it turns into, and defines `initialize_parameters`.
    """

    cls_to_become: Any = None

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._load_hook = self.register_load_state_dict_pre_hook(_materialize_from)
        self._first_call = self.register_forward_pre_hook(_infer_parameters, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes, from the first input."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self) -> bool:
        """Tell whether a parameter or buffer has no shape yet."""
        stores = (*self._parameters.values(), *self._buffers.values())
        return any(is_lazy(value) for value in stores)


def _infer_parameters(module: Any, args: Any, kwargs: Any) -> None:
    """On the first call: materialise, and become an ordinary module."""
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    module._first_call.remove()
    module._load_hook.remove()
    del module._first_call, module._load_hook
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become


def _materialize_from(module: Any, state_dict: Any, prefix: str, *rest: Any) -> None:
    """Before loading: give lazy parameters the shapes found in the state."""
    for store in (module._parameters, module._buffers):
        for name, value in store.items():
            key = prefix + name
            if key in state_dict and is_lazy(value) and not is_lazy(state_dict[key]):
                value.materialize(state_dict[key].shape)
