"""What every test shares: seeds, the data folder, the oracle."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

import rushlight

# Scripts that compare with PyTorch by hand import it at the top; they hold no tests.
collect_ignore = ["oracle"]


@pytest.fixture(autouse=True)
def _seeds():
    rushlight.manual_seed(0)
    np.random.seed(0)


@pytest.fixture
def data_root() -> Path:
    """The folder with real data sets, in torchvision's layout."""
    root = os.environ.get("RUSHLIGHT_DATA")
    if not root:
        pytest.skip("set RUSHLIGHT_DATA to a folder with the data sets")
    return Path(root)


@pytest.fixture
def torch():
    """PyTorch, where it is installed: the oracle."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    return pytest.importorskip("torch")


@pytest.fixture(params=["rushlight", "torch"])
def T(request):
    """Either framework: what a test says of T, it says of PyTorch too (where that is installed)."""
    return rushlight if request.param == "rushlight" else request.getfixturevalue("torch")


@pytest.fixture
def torch_can_run():
    """Return what skips a test whose script needs more on PyTorch than is installed."""

    def check(script: Path) -> None:
        # PyTorch's SummaryWriter is TensorBoard's; rushlight has one of its own.
        for package in ("tensorboard", "torchvision"):
            if package in script.read_text() and importlib.util.find_spec(package) is None:
                pytest.skip(f"on PyTorch the script needs {package}, which is not installed")

    return check
