"""What an installation holds, and what `import rushlight` costs."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rushlight

PACKAGE = Path(rushlight.__file__).parent
# Small modules of the standard library; whatever NumPy and ml_dtypes load is there already.
ALLOWED = {"__future__", "_heapq", "atexit", "contextvars", "heapq", "operator", "threading"}
# Sub-packages that wait until they are used.
LATER = ["amp", "cli", "compat", "nn", "optim", "serialization", "utils", "vision"]


def _loaded(statement: str) -> set[str]:
    """Return the modules that a statement adds to those of NumPy and ml_dtypes."""
    code = (
        "import sys, numpy, ml_dtypes\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_import_loads_little():
    loaded = _loaded("import rushlight")
    foreign = {name for name in loaded if not name.startswith("rushlight")}
    assert foreign <= ALLOWED
    assert [name for name in LATER if f"rushlight.{name}" in loaded] == []
    assert "rushlight.ops.layers" not in loaded
    # A third of a millisecond each. Operators that are no methods can go to ops.layers.
    assert len(loaded) < 135


@pytest.mark.parametrize(
    "statement",
    [
        "import rushlight; rushlight.nn.Linear(2, 2)",
        "from rushlight import nn, optim; optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)",
        "import rushlight; rushlight.conv1d(rushlight.ones(1, 1, 3), rushlight.ones(1, 1, 2))",
        "from rushlight import embedding, hann_window, nn",
        "from rushlight import *; nn.Linear(2, 2)",
    ],
)
def test_what_waits_is_there_when_asked_for(statement):
    assert "rushlight.ops.layers" in _loaded(statement)


def test_dir_lists_what_waits():
    assert {"add", "conv2d", "embedding", "nn", "optim", "save"} <= set(dir(rushlight))


@pytest.mark.parametrize(
    "name", ["py.typed", "_tensor_methods.pyi", "vision/datasets/digits.npz", "__main__.py"]
)
def test_files_that_a_package_needs(name):
    assert (PACKAGE / name).is_file()


def test_metadata():
    try:
        found = importlib.metadata.distribution("rushlight")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("rushlight runs from its source tree")
    assert found.version == rushlight.__version__
    needed = {re.split(r"[^\w-]", r)[0] for r in found.requires or [] if "extra ==" not in r}
    assert needed == {"numpy", "ml_dtypes"}
