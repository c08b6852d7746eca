"""Loading a library that has been built: as a module, or for what its static objects do."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import threading
from pathlib import Path
from types import ModuleType

_imported: dict[tuple[str, Path], ModuleType] = {}
_versions: dict[str, int] = {}
_lock = threading.Lock()


def load_module(name: str, library: Path) -> ModuleType:
    """Return the module of a library, imported if it is new to this process.

    Raises:
        ImportError: something is missing in it; the message says what.
    """
    with _lock:
        key = (name, library)
        if key not in _imported:
            _imported[key] = _import(name, library)
        return _imported[key]


def load_operators(library: Path) -> None:
    """Load a library that registers operators.

    Raises:
        OSError: it cannot be loaded.
    """
    from rushlight import ops

    with _lock:
        ops.load_library(library)


def _import(name: str, library: Path) -> ModuleType:
    """Import a library under the extension's name; a second version of it as `name_v1`."""
    loader = importlib.machinery.ExtensionFileLoader(name, str(library))
    spec = importlib.util.spec_from_file_location(name, library, loader=loader)
    try:
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        loader.exec_module(module)
    except ImportError as error:
        raise _explained(name, error) from None
    version = _versions.get(name, -1) + 1
    _versions[name] = version
    if version:
        module.__name__ = f"{name}_v{version}"
    return module


def _explained(name: str, error: ImportError) -> ImportError:
    """Return an import's error in the words of C++."""
    text = str(error)
    symbol = re.search(r"undefined symbol: (\w+)|symbol not found in flat namespace '_(\w+)'", text)
    if symbol is not None:
        what = (
            f"{_demangled(symbol[1] or symbol[2])} is declared, but no source or library defines it"
        )
    elif f"PyInit_{name}" in text:
        what = (
            "no source makes a Python module of that name: name the functions in load_inline's "
            "functions=, or write PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def(...); }"
        )
    else:
        return error
    return ImportError(f"extension '{name}': {what} ({text})", name=name, path=error.path)


def _demangled(symbol: str) -> str:
    """Return a symbol as C++ writes it, if the program that knows is installed."""
    import subprocess

    try:
        answer = subprocess.run(["c++filt", symbol], capture_output=True, text=True)
    except OSError:
        return symbol
    return answer.stdout.strip() or symbol
