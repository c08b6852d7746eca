"""What classes are called in a program that knows them as torch's.

`print(type(x))` says `<class 'torch.Tensor'>` there, a traceback `torch.OutOfMemoryError`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType

from .._torch_names import torch_name
from ._hook import alias_of, target_of


def rename_classes(module: ModuleType, alias: str) -> Iterator[Callable[[], None]]:
    """Give the classes of a public module their torch names; yield what takes each back.

    Args:
        module: a module of rushlight.
        alias: its torch name.
    """
    for name, cls in list(vars(module).items()):
        if isinstance(cls, type) and _belongs(cls, name, module, alias):
            before = cls.__module__
            cls.__module__ = _home(cls, alias)
            yield lambda cls=cls, before=before: setattr(cls, "__module__", before)  # type: ignore[misc]


def _belongs(cls: type, name: str, module: ModuleType, alias: str) -> bool:
    """Tell whether programs know a class by this module; `torch` also has those defined inside."""
    if alias == "torch" and cls.__module__.startswith("rushlight."):
        return alias_of(cls.__module__) is None and not name.startswith("_")
    return cls.__module__ == module.__name__


def _home(cls: type, alias: str) -> str:
    """Return the module where PyTorch has the class, if that finds it here, else `alias`."""
    home = torch_name(cls.__module__, cls.__qualname__)[0]
    known = sys.modules.get(target_of(home) or "")
    return home if getattr(known, cls.__qualname__, None) is cls else alias
