"""Whole programs as PyTorch users write them, on real digits, run unchanged by rushlight.

`expected/NAME.out` is what PyTorch 2.13 prints on a CPU with the digits of the package. Numbers
have to agree to 1e-3. Where PyTorch is installed it is run too, on MNIST if RUSHLIGHT_DATA is set.
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

FOLDER = Path(__file__).parent
PACKAGE = Path(rushlight.__file__).parent
DIGITS = ["--digits", str(PACKAGE / "vision" / "datasets" / "digits.npz")]
NUMBER = re.compile(r"-?\d+\.\d*(?:e[-+]?\d+)?")
NAMES = sorted(path.stem for path in (FOLDER / "expected").glob("*.out"))
# Small parts of MNIST, for the comparison side by side.
ON_MNIST = {
    "blog_framework": ["--epochs", "1", "--images", "1600"],
    "fused_network": ["--images", "1600"],
    "gelu_report": ["--epochs", "1", "--images", "3200"],
    "notes_layers": ["--epochs", "1", "--images", "1600"],
    "notes_regression": ["--images", "1600"],
}

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
)


def run(*words: str, folder: Path) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(PACKAGE.parent),
        "RUSHLIGHT_QUIET": "1",
        # Small programs: beside other tests, a second thread waits more than it works.
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def with_rushlight(name: str, *arguments: str, folder: Path) -> str:
    script = str(FOLDER / "scripts" / f"{name}.py")
    return run("-m", "rushlight", "run", script, *arguments, folder=folder)


def with_torch(name: str, *arguments: str, folder: Path) -> str:
    return run("-W", "ignore", str(FOLDER / "scripts" / f"{name}.py"), *arguments, folder=folder)


def data_of(name: str) -> list[str]:
    source = (FOLDER / "scripts" / f"{name}.py").read_text()
    return DIGITS if "import handwriting" in source else []


def assert_alike(found: str, expected: str) -> None:
    for ours, theirs in zip(found.splitlines(), expected.splitlines(), strict=True):
        assert NUMBER.sub("#", ours) == NUMBER.sub("#", theirs)
        numbers, wanted = (
            [float(n) for n in NUMBER.findall(line.replace("inf", "1e300"))]
            for line in (ours, theirs)
        )
        assert numbers == pytest.approx(wanted, rel=1e-3, abs=1e-3), (ours, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_prints_what_pytorch_prints(name, tmp_path):
    if "from PIL" in (FOLDER / "scripts" / f"{name}.py").read_text():
        pytest.importorskip("PIL")
    found = with_rushlight(name, *data_of(name), folder=tmp_path)
    assert_alike(found, (FOLDER / "expected" / f"{name}.out").read_text())


@pytest.mark.slow
@needs_torch
@pytest.mark.parametrize("name", NAMES)
def test_pytorch_still_prints_that(name, tmp_path, torch_can_run):
    torch_can_run(FOLDER / "scripts" / f"{name}.py")
    found = with_torch(name, *data_of(name), folder=tmp_path)
    assert_alike(found, (FOLDER / "expected" / f"{name}.out").read_text())


@pytest.mark.slow
@needs_torch
@pytest.mark.parametrize("name", ON_MNIST)
def test_the_same_on_mnist(name, tmp_path, data_root, torch_can_run):
    torch_can_run(FOLDER / "scripts" / f"{name}.py")
    arguments = ["--root", str(data_root), *ON_MNIST[name]]
    found = with_rushlight(name, *arguments, folder=tmp_path)
    assert_alike(found, with_torch(name, *arguments, folder=tmp_path))


def test_expected_losses_fall():
    """The programs learn: what is compared is not noise around chance."""
    text = (FOLDER / "expected" / "notes_regression.out").read_text()
    losses = [float(n) for n in re.findall(r"softmax epoch \d loss (\S+)", text)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0]


def test_summaries_of_a_model(tmp_path):
    text = with_rushlight("summary_table", folder=tmp_path)
    assert text.count("Total params: 11,926") == 3
    assert "            Conv2d-1            [-1, 6, 28, 28]             156" in text
    assert "GELU-2             [4, 6, 28, 28]" in text
    assert text.endswith("11926\n11926 True\n")


def test_torchvision_on_clothes(tmp_path, data_root):
    text = with_rushlight("clothes_torchvision", "--root", str(data_root), folder=tmp_path)
    assert "torch.Size([1, 14, 14]) torch.float32 transforms agree True" in text
    assert "10000 Ankle boot" in text
    assert re.search(r"softmax first 2\.\d+ learns True", text)
    assert re.search(r"mlp first 2\.\d+ learns True", text)
