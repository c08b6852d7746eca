"""The names of classes and functions in PyTorch's files, and what they are called here.

rushlight's packages have PyTorch's layout, so that most names only differ in their first word:
`rushlight.nn.modules.linear.Linear` is written as `torch.nn.modules.linear.Linear`.
"""

from __future__ import annotations

import importlib
from typing import Any

# Where the first words differ in more than `rushlight` for `torch`; longest first.
_PREFIXES = (("rushlight.vision", "torchvision"), ("rushlight", "torch"))

# Classes that PyTorch keeps at its top level, wherever they are defined here.
_TOP_LEVEL = {
    "rushlight._tensor": ("Tensor", "Size"),
    "rushlight.backend.device": ("device",),
    "rushlight.backend.dtype": ("dtype", "finfo", "iinfo"),
    "rushlight.backend.memory_format": ("layout", "memory_format"),
}
_RENAMED = {
    "rushlight.autograd.mode": "torch.autograd.grad_mode",
    "rushlight.nn.modules.linear_loss": "torch.nn.modules.loss",
    "rushlight.nn.modules.multihead": "torch.nn.modules.activation",
    "rushlight.optim.adafactor": "torch.optim",
    "rushlight.optim.muon": "torch.optim",
    "rushlight.optim.sparse_adam": "torch.optim.sparse_adam",
    "rushlight.random": "torch._C",
}
# PyTorch has a file for each optimizer; these of its files hold something else.
_NOT_OPTIMIZERS = ("optimizer", "lr_scheduler", "swa_utils")

# Where functions of `rushlight.ops` are shown, the likeliest first.
_NAMESPACES = (".nn.functional", "", ".linalg", ".fft", ".special")

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


def torch_name(module: str, name: str) -> tuple[str, str]:
    """Return the module and name under which PyTorch knows a class or function of rushlight.

    Names of other packages are returned as they are.
    """
    if name in _TOP_LEVEL.get(module, ()):
        return "torch", name
    if module.startswith("rushlight.ops."):
        return _function_home(module, name), name
    if module in _RENAMED:
        return _RENAMED[module], name
    package, _, file = module.rpartition(".")
    if package == "rushlight.optim.lr_scheduler":  # one file in PyTorch
        return "torch.optim.lr_scheduler", name
    if package == "rushlight.optim" and file not in _NOT_OPTIMIZERS:
        return f"torch.optim.{name.lower()}", name
    for ours, theirs in _PREFIXES:
        if module == ours or module.startswith(ours + "."):
            return theirs + module[len(ours) :], name
    return module, name


def _function_home(module: str, name: str) -> str:
    """Return the namespace of PyTorch that shows a function of `rushlight.ops`."""
    for place in _NAMESPACES:
        found = getattr(importlib.import_module(f"rushlight{place}"), name, None)
        if getattr(found, "__module__", None) == module:
            return f"torch{place}"
    return "torch"


def our_module(module: str) -> str | None:
    """Return the rushlight module that stands for a module of PyTorch; None for other packages."""
    for ours, theirs in _PREFIXES:
        if module == theirs or module.startswith(theirs + "."):
            return ours + module[len(theirs) :]
    return None


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
