"""Measurements beside PyTorch; each script says at its top how to run it.

What is measured comes with the package, because `rushlight bench` shows it too. It is loaded here
by its place, as the top-level package `_bench`, so that a process which measures PyTorch does not
load rushlight.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _load() -> None:
    folder = ROOT / "src" / "rushlight" / "cli" / "_bench"
    spec = importlib.util.spec_from_file_location(
        "_bench", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"no package in {folder}")
    sys.modules["_bench"] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)


_load()
