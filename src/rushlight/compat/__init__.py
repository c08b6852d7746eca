"""Run unchanged PyTorch programs: `import torch` gives rushlight.

`rushlight run script.py` does it for a script. In a test suite or a notebook:

    import rushlight.compat
    rushlight.compat.install()          # or `with rushlight.compat.install():`, or in IPython
    import torch                        #    `%load_ext rushlight.compat`

`torch.nn` and `rushlight.nn` are then one module object, not two copies. Child processes that
this process starts get the same; no other process does. It works whether or not the real torch
is installed, but not once it is imported.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ._hook import PAGE, alias_of, child_environment, install, installed, uninstall

__all__ = ["child_environment", "explain", "install", "installed", "uninstall"]


def explain(error: BaseException) -> str | None:
    """Return a sentence where an uncaught error came from something rushlight lacks, else None.

    Python itself words the error of `from torch import name`, and that of a missing method.
    """
    if type(error) is ImportError and error.name is not None and alias_of(error.name):
        return f"this name of {alias_of(error.name)} is not in rushlight; see {PAGE}"
    owner = type(getattr(error, "obj", None))
    if issubclass(owner, ModuleType):  # the hook has said so already
        return None
    if isinstance(error, AttributeError) and _is_ours(owner):
        return f"{error.name!r} of {owner.__name__} is not in rushlight; see {PAGE}"
    return None


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in ("rushlight", "torch", "torchvision")


def load_ipython_extension(ipython: Any) -> None:
    """Install the hook: `%load_ext rushlight.compat`."""
    install()


def unload_ipython_extension(ipython: Any) -> None:
    """Take the hook out again: `%unload_ext rushlight.compat`."""
    uninstall()
