"""Runs when an interpreter starts with this directory on PYTHONPATH: in children of a process
in which `rushlight.compat` is installed. Installs the hook, then steps aside.
"""

import importlib
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_COMPAT = os.path.dirname(_HERE)


def _install_hook() -> None:
    """Install the hook from its file: importing the package would cost every child NumPy."""
    name = "rushlight.compat._hook"
    spec = importlib.util.spec_from_file_location(name, os.path.join(_COMPAT, "_hook.py"))
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    hook.install()
    if importlib.util.find_spec("rushlight") is None:
        sys.path.append(os.path.dirname(os.path.dirname(_COMPAT)))


def _run_hidden_sitecustomize() -> None:
    """Run the sitecustomize that would have run if this one were not in front of it."""
    sys.path[:] = [entry for entry in sys.path if entry != _HERE]
    own = sys.modules.pop("sitecustomize")
    try:
        importlib.import_module("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", own)


if __name__ == "sitecustomize":
    # Another Python environment's interpreter may have a torch of its own, and no rushlight.
    if os.environ.get("RUSHLIGHT_COMPAT") == sys.prefix:
        _install_hook()
    _run_hidden_sitecustomize()
