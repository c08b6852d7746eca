"""The import hook: `torch`, `torchvision` and their like name rushlight's own modules.

Child interpreters load this file by itself at start-up (`child/sitecustomize.py`), so it imports
nothing but the standard library; rushlight, and NumPy with it, come with the first `import torch`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# What each name stands for; the longest entry that fits wins, and what follows it is kept:
# torch.nn.functional is rushlight.nn.functional.
ALIASES = {
    "functorch": "rushlight.compat.functorch",
    "safetensors.torch": "rushlight.serialization.safetensors",
    "torch": "rushlight",
    "torch._C": "rushlight.compat.compiled_part",
    "torch._dynamo": "rushlight.compat.dynamo",
    "torch._dynamo.eval_frame": "rushlight.nn.optimized_module",
    "torch._functorch": "rushlight.func",
    "torch._inductor": "rushlight.compat.dynamo",
    "torch._ops": "rushlight.library._overloads",
    "torch._tensor_str": "rushlight.compat.tensor_str",
    "torch._vmap_internals": "rushlight.func",
    "torch.autograd.anomaly_mode": "rushlight.autograd.anomaly",
    "torch.autograd.grad_mode": "rushlight.autograd.mode",
    "torch.cuda.amp.autocast_mode": "rushlight.amp.device_switches",
    "torch.cuda.amp.grad_scaler": "rushlight.amp.grad_scaler",
    "torch.distributions.utils": "rushlight.distributions.parameters",
    "torch.functional": "rushlight",
    "torch.nn.modules.utils": "rushlight.nn.modules.tuples",
    "torch.optim.adamw": "rushlight.optim.adam",
    "torch.return_types": "rushlight.compat.return_types",
    "torch.storage": "rushlight.backend.storage",
    "torch.torch_version": "rushlight.version",
    "torch.utils._pytree": "rushlight.utils.pytree",
    "torch.utils.data._utils": "rushlight.utils.data",
    "torch.utils.hooks": "rushlight.autograd.hooks",
    "torch.utils.model_zoo": "rushlight.hub",
    "torchinfo": "rushlight.compat.torchinfo",
    "torchsummary": "rushlight.compat.torchsummary",
    "torchvision": "rushlight.vision",
    "torchvision.models.alexnet": "rushlight.vision.models.vgg",
    "torchvision.models.mobilenet": "rushlight.vision.models.mobilenetv2",
    "torchvision.utils": "rushlight.vision.grids",
}
# Packages that programs import from by file: a class may stand in another file there than here.
FILES = {
    "torch.nn.modules": "rushlight.nn",
    "torch.optim": "rushlight.optim",
    "torch.utils.data": "rushlight.utils.data",
}
ROOTS = tuple(name for name in ALIASES if "." not in name)
# Parts of rushlight that no torch name stands for. Programs do not look names up in them, so
# they are spared the `__getattr__` below, which slows every look-up in a module a little.
INTERNAL = {"backend", "cli", "compat", "kernels", "ops"}

PAGE = "docs/compatibility.md"
ENVIRONMENT_VARIABLE = "RUSHLIGHT_COMPAT"
CHILD_DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child")


def target_of(name: str) -> str | None:
    """Return the rushlight module that a name stands for: torch.nn -> rushlight.nn."""
    prefix, rest = name, ""
    while prefix:
        if prefix in ALIASES:
            return ALIASES[prefix] + rest
        prefix, dot, last = prefix.rpartition(".")
        rest = dot + last + rest
    return None


def alias_of(name: str) -> str | None:
    """Return the torch name of a public rushlight module: rushlight.nn -> torch.nn."""
    if name == "rushlight":
        return "torch"
    root, _, rest = name.partition(".")
    first, _, inner = rest.partition(".")
    if root != "rushlight" or first in INTERNAL or first.startswith("_"):
        return None
    if first == "vision":
        return f"torchvision.{inner}" if inner else "torchvision"
    return f"torch.{rest}"


class AliasLoader:
    """Puts an existing rushlight module under a second name; never makes a copy."""

    def __init__(self, hook: Hook, target: str):
        self.hook = hook
        self.target = target

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the real module. The import system gives it the alias's spec for a moment."""
        real = importlib.import_module(self.target)
        self.real_spec = real.__spec__
        return real

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own spec back: it has run long ago."""
        alias = module.__spec__.name  # type: ignore[union-attr]
        module.__spec__ = self.real_spec
        self.hook.adopt(module, alias)

    def get_code(self, name: str) -> Any:
        """Return the code for `python -m torch.some.module`."""
        spec = importlib.util.find_spec(self.target)
        return spec.loader.get_code(self.target)  # type: ignore[union-attr]


class Hook:
    """The finder at the front of `sys.meta_path`, and everything to undo when it leaves."""

    def __init__(self, report: Any = None):
        self.report = report
        self.undo: list[Callable[[], None]] = []
        self.adopted: set[int] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find `torch...` names; leave all others to the finders behind."""
        real = target_of(name)
        if real is None:
            return None
        if name in ALIASES:
            return ModuleSpec(name, AliasLoader(self, real))  # type: ignore[arg-type]
        found = importlib.util.find_spec(real)
        if found is None:
            if _is_import_statement():
                if self.report is not None:
                    self.report.missing_module(name)
                raise ModuleNotFoundError(
                    f"No module named {name!r} (not in rushlight; see {PAGE})", name=name
                )
            return None
        is_package = found.submodule_search_locations is not None
        return ModuleSpec(
            name,
            AliasLoader(self, real),  # type: ignore[arg-type]
            origin=found.origin,
            is_package=is_package,
        )

    def find_distributions(self, context: Any = None) -> Iterable[Any]:
        """Answer `importlib.metadata.version("torch")`."""
        from rushlight.compat.distribution import distributions

        return distributions(None if context is None else context.name)

    def adopt(self, module: ModuleType, alias: str) -> None:
        """Prepare a module that has just got a torch name, and all that came with it."""
        self._prepare(module, alias)
        self.adopt_loaded()

    def adopt_loaded(self) -> None:
        """Prepare every public module of rushlight that has been imported."""
        for name, loaded in list(sys.modules.items()):
            known_as = alias_of(name) if name.startswith("rushlight") else None
            if known_as is not None:
                self._prepare(loaded, known_as)

    def _prepare(self, module: ModuleType, alias: str) -> None:
        if id(module) in self.adopted or not isinstance(module, ModuleType):
            return
        self.adopted.add(id(module))
        # `inspect` and `typing` look a class's module up by the torch name that it gets here.
        sys.modules.setdefault(alias, module)
        self.set(module, "__getattr__", _missing_name(self, module, alias))
        if alias in ("torch", "torch.version", "torchvision"):
            from rushlight.version import torch_release

            self.set(module, "__version__", torch_release(alias.partition(".")[0]))
        if alias in ROOTS:
            self.set(module, "__name__", alias)  # libraries compare it
        if alias == "torch.distributions":  # and walk through this one's `__dict__`
            for name in vars(module)["__all__"]:
                getattr(module, name)
        from rushlight.compat.class_names import rename_classes

        self.undo.extend(rename_classes(module, alias))
        if self.report is not None:
            kind = module.__class__
            self.undo.append(lambda: setattr(module, "__class__", kind))
            self.report.watch(module, alias)

    def set(self, module: ModuleType, name: str, value: Any) -> None:
        """Set a module's attribute until the hook leaves."""
        names = vars(module)
        if name in names:
            before = names[name]
            self.undo.append(lambda: names.__setitem__(name, before))
        else:
            self.undo.append(lambda: names.pop(name, None))
        names[name] = value


def _is_import_statement() -> bool:
    """Tell whether the finder is asked by an import rather than by `importlib.util.find_spec`.

    An import deserves our words for what is missing; a question whether it is there, a plain no.
    """
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__") == "importlib._bootstrap":
        if frame.f_code.co_name == "_find_and_load_unlocked":
            return True
        frame = frame.f_back
    return False


def _missing_name(hook: Hook, module: ModuleType, alias: str) -> Callable[[str], Any]:
    """Make the `__getattr__` of a module: its own one first, then words for what is missing."""
    own = vars(module).get("__getattr__")

    def __getattr__(name: str) -> Any:
        if own is not None:
            try:
                value = own(name)
            except AttributeError as error:
                if error.name not in (None, name):
                    raise
            else:
                if isinstance(value, ModuleType) or _is_unnamed(value):
                    hook.adopt_loaded()
                return value
        if f"{alias}.{name}" in ALIASES:
            return importlib.import_module(f"{alias}.{name}")
        package = sys.modules.get(FILES.get(alias.rpartition(".")[0], ""))
        if name in getattr(package, "__all__", ()):
            return getattr(package, name)
        raise AttributeError(
            f"module {alias!r} has no attribute {name!r} (not in rushlight; see {PAGE})",
            name=name,
            obj=module,
        )

    return __getattr__


def _is_unnamed(value: Any) -> bool:
    """Tell whether a value is a class of ours that has not got its torch name yet."""
    return isinstance(value, type) and value.__module__.startswith("rushlight.")


def child_environment(environment: MutableMapping[str, str]) -> None:
    """Change environment variables so that a child interpreter installs the hook, too.

    `install` does this to `os.environ`; use it for a child that gets variables of its own. The
    child has to run in the same Python environment as this process; others are left alone.

    Args:
        environment: the variables the child will get, changed in place.
    """
    others = _python_path(environment)
    environment["PYTHONPATH"] = os.pathsep.join([CHILD_DIRECTORY, *others])
    environment[ENVIRONMENT_VARIABLE] = sys.prefix


def _clear_environment(environment: MutableMapping[str, str]) -> None:
    """Undo `child_environment`."""
    others = _python_path(environment)
    environment.pop(ENVIRONMENT_VARIABLE, None)
    environment["PYTHONPATH"] = os.pathsep.join(others)
    if not others:
        del environment["PYTHONPATH"]


def _python_path(environment: MutableMapping[str, str]) -> list[str]:
    """Return the entries of PYTHONPATH, ours left out."""
    value = environment.get("PYTHONPATH", "")
    return [entry for entry in value.split(os.pathsep) if entry != CHILD_DIRECTORY] if value else []


_installed: Hook | None = None


class Installation:
    """What `install` returns: used in a `with` statement, it uninstalls at the end."""

    def __init__(self, is_new: bool):
        self._is_new = is_new

    def __enter__(self) -> Installation:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._is_new:
            uninstall()


def installed() -> bool:
    """Tell whether `import torch` gives rushlight."""
    return _installed is not None


def install(*, children: bool = True, report: Any = None) -> Installation:
    """Let `import torch`, `import torchvision` and their like give rushlight.

    Args:
        children: pass it on to the Python processes that this process starts.
        report: a `rushlight.compat.report.Usage`, to collect the names that the program uses.

    Returns:
        A context manager that uninstalls at the end of its block (unless it was installed
        before the block already). It may be ignored.

    Raises:
        RuntimeError: the real torch, or another of the packages, is imported already.
    """
    global _installed
    if _installed is not None:
        return Installation(is_new=False)
    _refuse_real_torch()
    _installed = Hook(report)
    sys.meta_path.insert(0, _installed)
    if children:
        child_environment(os.environ)
        _installed.undo.append(lambda: _clear_environment(os.environ))
    return Installation(is_new=True)


def uninstall() -> None:
    """Undo `install`: the names give the real packages again, if there are any."""
    global _installed
    if _installed is None:
        return
    sys.meta_path.remove(_installed)
    for undo in reversed(_installed.undo):
        undo()
    for name in [name for name in sys.modules if target_of(name) is not None]:
        del sys.modules[name]
    _installed = None


def _refuse_real_torch() -> None:
    for name in ROOTS:
        module = sys.modules.get(name)
        if module is not None:
            version = getattr(module, "__version__", "unknown version")
            raise RuntimeError(
                f"the real {name} ({version}) is already imported in this process: "
                f"install rushlight.compat before the first `import {name}`, "
                "or start the program with `rushlight run`"
            )
