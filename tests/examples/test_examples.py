"""The examples run on small settings, say what their pages show, and agree with PyTorch."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rushlight

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = {
    "regression": ["--steps", "40"],
    "cross_validation": ["--folds", "3", "--epochs", "2", "--widths", "2", "32"],
    "distillation": ["--steps", "120"],
    "vae": ["--epochs", "4"],
    "dcgan": ["--epochs", "2"],
    "vision_transformer": ["--epochs", "2"],
    "char_gpt": ["--steps", "8", "--letters", "40"],
    "lstm_language_model": ["--epochs", "1", "--words", "6000", "--vocabulary", "300"],
    "resnet18_cifar10": ["--images", "64", "--epochs", "1", "--width", "8"],
}
NEED_DATA = {"char_gpt", "lstm_language_model", "resnet18_cifar10"}
# A net that learns from another's outputs, batch statistics of few images: rounding grows.
LOOSE = {"distillation": 5e-2, "resnet18_cifar10": 5e-2}
CHAOTIC = {"dcgan"}  # two nets against each other: soon only the first figures agree
NUMBER = re.compile(r"-?\d+\.\d+")
SPEED = re.compile(r"\s+[\d.]+$")


def run(*words: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(rushlight.__file__).parents[1]),
        "RUSHLIGHT_QUIET": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(params=SMALL)
def example(request) -> tuple[str, list[str]]:
    name = request.param
    if name in NEED_DATA:
        request.getfixturevalue("data_root")
    return name, [str(EXAMPLES / f"{name}.py"), *SMALL[name]]


def test_there_is_a_case_for_each():
    programs = {path.stem for path in EXAMPLES.glob("*.py")} - {"shared"}
    assert programs == set(SMALL)
    page = (EXAMPLES / "README.md").read_text()
    assert all(f"{name}.py" in page for name in programs)


def test_columns_line_up(example):
    """What stands under a head ends where the head ends."""
    name, words = example
    lines = run(*words).splitlines()
    heads = [n for n, line in enumerate(lines) if re.match(r"(epoch| *step|width|network) ", line)]
    assert heads or name == "regression", lines
    for n in heads:
        assert len(lines[n + 1]) == len(lines[n]), lines[n : n + 2]


@pytest.mark.slow
def test_prints_what_pytorch_prints(example, torch):
    name, words = example
    if name in CHAOTIC:
        pytest.skip("rounding decides what is printed")
    ours, theirs = (
        run(*words),
        run("-W", "ignore", str(Path(__file__).with_name("on_torch.py")), *words),
    )
    for found, wanted in zip(ours.splitlines(), theirs.splitlines(), strict=True):
        if name in ("char_gpt", "resnet18_cifar10"):  # the last column tells the speed
            found, wanted = SPEED.sub("", found), SPEED.sub("", wanted)
        assert NUMBER.sub("#", found) == NUMBER.sub("#", wanted)
        numbers = [float(n) for n in NUMBER.findall(found)]
        expected = [float(n) for n in NUMBER.findall(wanted)]
        assert numbers == pytest.approx(expected, rel=LOOSE.get(name, 2e-3), abs=2e-3)
