"""The programs in examples/custom_operator agree with the library's own operators."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rushlight

FOLDER = Path(__file__).parents[2] / "examples" / "custom_operator"
pytestmark = pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")


def run(program: str, *words: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(rushlight.__file__).parents[1]),
        "RUSHLIGHT_QUIET": "1",
    }
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{program}.py"), *words],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def table(text: str, head: str) -> dict[str, list[str]]:
    """Return the columns by the first one's text, of the table whose head begins so."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(head))
    found = {}
    for line in lines[start + 1 :]:
        if not line:
            break
        assert len(line) == len(lines[start]), (lines[start], line)
        name, *columns = re.split(r"\s{2,}", line.strip())
        found[name] = columns
    return found


def test_gelu():
    text = run("gelu", "--size", "1000", "--train", "--epochs", "1")
    rows = table(text, "GELU")
    assert list(rows) == ["operators", "function", "cpp", "loop", "F.gelu"]
    for difference, of_gradients, _ in rows.values():
        assert float(difference) <= 1e-15
        assert float(of_gradients) <= 2e-15
    ((loss, right),) = table(text, "epoch").values()
    assert float(loss) < 2
    assert float(right.rstrip("%")) > 70


def test_kernels_of_conv_relu():
    rows = table(run("conv_relu", "--only", "kernels", "--size", "6"), "kernel")
    assert len(rows) == 5
    for difference, _ in rows.values():
        assert float(difference) <= 1e-5


def test_networks_of_conv_relu():
    rows = table(run("conv_relu", "--only", "networks", "--convs", "2", "--epochs", "1"), "network")
    assert list(rows) == ["baseline", "our operator", "library's"]
    losses = [float(row[0]) for row in rows.values()]
    assert losses == pytest.approx([losses[0]] * 3, abs=2e-3)


def test_dead_units_and_their_cure():
    rows = table(run("conv_relu", "--only", "dead", "--epochs", "2"), "ten convolutions")
    assert rows["as initialised"][0] == "0.0%"
    assert float(rows["Kaiming"][0].rstrip("%")) > 20
    assert float(rows["Kaiming"][1]) < float(rows["as initialised"][1])


def test_registered():
    text = run("registered")
    assert text.startswith("example::conv_relu(Tensor x, Tensor weight, Tensor bias) -> Tensor")
    assert text.count("SUCCESS") == 4
    assert "Expected a value of type 'Tensor' for argument 'bias' but instead found type" in text
    assert "(2, 4, 1, 8, 8)" in text


def test_the_page_names_each_program():
    page = (FOLDER.parent / "README.md").read_text()
    assert all(path.name in page for path in FOLDER.glob("*.py"))
