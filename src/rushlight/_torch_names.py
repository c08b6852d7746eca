"""What PyTorch calls rushlight's classes and functions.

rushlight's packages have PyTorch's layout, so that most names only differ in their first word:
`rushlight.nn.modules.linear.Linear` is `torch.nn.modules.linear.Linear`.
"""

from __future__ import annotations

import importlib

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


def torch_name(module: str, name: str) -> tuple[str, str]:
    """Return the module and name under which PyTorch knows a class or function of rushlight.

    Names of other packages are returned as they are. Classes that `rushlight.compat` has renamed
    are recognised.
    """
    module = our_module(module) or module
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
