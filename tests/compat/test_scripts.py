"""Programs as PyTorch users write them, unchanged: rushlight prints what PyTorch prints.

`scripts/NAME.out` is what PyTorch prints for `scripts/NAME.py` on a CPU. Where the two differ it is
in the last digits of a number: words have to be equal, numbers to 1e-3.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rushlight

SCRIPTS = Path(__file__).parent / "scripts"
NUMBER = re.compile(r"(-?\d+\.\d*(?:e[-+]?\d+)?)")

with_each = pytest.mark.parametrize("name", sorted(path.stem for path in SCRIPTS.glob("*.out")))


def output_of(*words: str, folder: Path) -> str:
    source = str(Path(rushlight.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": source, "RUSHLIGHT_QUIET": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_alike(found: str, expected: str) -> None:
    """Compare two outputs line by line: words exactly, numbers to 1e-3."""
    for ours, theirs in zip(found.splitlines(), expected.splitlines(), strict=True):
        # Every second piece is a number. A number may be printed one column wider.
        pieces, wanted = NUMBER.split(ours), NUMBER.split(theirs)
        words = [" ".join(piece.split()) for piece in pieces[::2]]
        assert words == [" ".join(piece.split()) for piece in wanted[::2]], (ours, theirs)
        numbers = [float(piece) for piece in pieces[1::2]]
        assert numbers == pytest.approx([float(piece) for piece in wanted[1::2]], 1e-3, 1e-3)


@with_each
def test_prints_what_pytorch_prints(name, tmp_path):
    found = output_of("-m", "rushlight", "run", str(SCRIPTS / f"{name}.py"), folder=tmp_path)
    assert_alike(found, (SCRIPTS / f"{name}.out").read_text())


def run_mnist(folder: Path, *arguments: str) -> str:
    script = str(SCRIPTS / "mnist_main.py")
    return output_of("-m", "rushlight", "run", script, *arguments, folder=folder)


def test_torchvision_program(tmp_path):
    pytest.importorskip("PIL")
    text = run_mnist(tmp_path, "--images", "70", "--epochs", "2", "--save-model", "mnist.pt")
    assert "torch 2.13.0 torchvision 0.28" in text
    assert text.count("Train Epoch: 1 [0/70 (0%)]\tLoss: ") == 1
    assert text.count("Test set: Average loss: ") == 2
    assert text.count("Total params: 149,") == 2  # torchsummary's table and torchinfo's
    state = rushlight.load(tmp_path / "mnist.pt")
    assert state["conv2.weight"].shape == (16, 8, 3, 3)


@pytest.mark.skipif("RUSHLIGHT_DATA" not in os.environ, reason="RUSHLIGHT_DATA is not set")
def test_torchvision_program_learns_mnist(tmp_path):
    pytest.importorskip("PIL")
    root = os.environ["RUSHLIGHT_DATA"]
    text = run_mnist(tmp_path, "--root", root, "--images", "6000", "--log-interval", "50")
    correct, count = re.search(r"Accuracy: (\d+)/(\d+)", text).groups()
    assert int(count) == 1000
    assert int(correct) > 850


@pytest.mark.slow
@with_each
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_pytorch_still_prints_that(name, tmp_path, torch_can_run):
    torch_can_run(SCRIPTS / f"{name}.py")
    found = output_of("-W", "ignore", str(SCRIPTS / f"{name}.py"), folder=tmp_path)
    assert_alike(found, (SCRIPTS / f"{name}.out").read_text())
