"""What `compile` makes of a module."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from .modules import Module

_OWN = frozenset({"_orig_mod"})


class OptimizedModule(Module):
    """A module around another, which it runs as it is.

    As in PyTorch it has the module's attributes and mode, and its states carry the prefix
    `_orig_mod.`, so that checkpoints of compiled models fit in both libraries.

    Args:
        mod: the module, afterwards `_orig_mod`.

    Example:
        >>> model = rushlight.compile(rushlight.nn.Linear(2, 1, bias=False))
        >>> list(model.state_dict()), model.in_features
        (['_orig_mod.weight'], 2)
    """

    _orig_mod: Module

    def __init__(self, mod: Module):
        super().__init__()
        self._modules["_orig_mod"] = mod

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module, its hooks included."""
        return self._modules["_orig_mod"](*args, **kwargs)

    @property
    def training(self) -> bool:
        """The mode of the module within."""
        return self._modules["_orig_mod"].training

    @training.setter
    def training(self, mode: bool) -> None:
        # Module.__init__ sets it before there is a module within.
        if self.__dict__.get("_modules"):
            self._modules["_orig_mod"].training = mode

    def __getattr__(self, name: str) -> Any:
        modules = self.__dict__.get("_modules")
        if not modules:  # while it is being made, or unpickled
            raise AttributeError(name)
        return modules["_orig_mod"] if name in _OWN else getattr(modules["_orig_mod"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN or hasattr(type(self), name) or not self.__dict__.get("_modules"):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        if hasattr(type(self), name):
            super().__delattr__(name)
        else:
            delattr(self._orig_mod, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._orig_mod)})

    def __len__(self) -> int:
        if isinstance(self._orig_mod, Sized):
            return len(self._orig_mod)
        raise TypeError(f"{type(self._orig_mod).__name__} does not support len()")

    def __reduce__(self) -> tuple[type[OptimizedModule], tuple[Module]]:
        return type(self), (self._orig_mod,)
