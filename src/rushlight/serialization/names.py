"""The classes and functions of rushlight that names in PyTorch's files stand for."""

from __future__ import annotations

import importlib
from typing import Any

from .._torch_names import our_module

# Where PyTorch's compiled functions say they live, and how their names begin there.
_COMPILED = {
    "torch._C._nn": ("torch.nn.functional", ""),
    "torch._C._special": ("torch.special", "special_"),
    "torch._C._fft": ("torch.fft", "fft_"),
    "torch._C._linalg": ("torch.linalg", "linalg_"),
}
_COMPILED_NAMES = {("torch.nn.functional", "log_sigmoid"): "logsigmoid"}

# What Python 2 called these modules; protocol 2 still writes those names.
_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_PYTHON_2_NAMES = {("builtins", "xrange"): "range"}


def python_3_name(module: str, name: str) -> tuple[str, str]:
    """Return today's name of a global that may have Python 2's."""
    module = _PYTHON_2.get(module, module)
    return module, _PYTHON_2_NAMES.get((module, name), name)


def find_ours(module: str, name: str) -> Any:
    """Return the class or function of rushlight that a name of PyTorch stands for.

    If the module does not exist here, or does not hold the name, the packages above it are asked:
    `torch.nn.modules.foo.Bar` is also found as `rushlight.nn.Bar`.

    Raises:
        AttributeError: rushlight has nothing of that name.
    """
    if module == "torch._C" and name in ("_VariableFunctionsClass", "_VariableFunctions"):
        return CompiledFunctions()
    wanted = f"{module}.{name}"
    module, name = _public_name(module, name)
    place = our_module(module)
    while place:
        try:
            return _attribute(importlib.import_module(place), name)
        except (ImportError, AttributeError):
            place = place.rpartition(".")[0]
    raise AttributeError(f"rushlight has no {wanted}, which the file refers to")


def _public_name(module: str, name: str) -> tuple[str, str]:
    if (module, name) == ("torch._C", "TensorBase"):
        return "torch", "Tensor"
    if module not in _COMPILED:
        return module, name
    module, prefix = _COMPILED[module]
    name = name.removeprefix(prefix)
    return module, _COMPILED_NAMES.get((module, name), name)


class CompiledFunctions:
    """What PyTorch's files take `torch.tanh` and other compiled functions out of, by `getattr`."""

    def __getattr__(self, name: str) -> Any:
        for place in ("rushlight", "rushlight.nn.functional"):
            found = getattr(importlib.import_module(place), name, None)
            if found is not None:
                return found
        raise AttributeError(f"rushlight has no torch.{name}, which the file refers to")


def _attribute(holder: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        holder = getattr(holder, part)
    return holder
