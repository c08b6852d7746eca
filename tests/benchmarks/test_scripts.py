"""The scripts of `benchmarks/`, run as a user runs them, on the smallest of everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rushlight

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="an installed package")


def run(script: str, *words: str) -> str:
    source = str(Path(rushlight.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{script}", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": source, "RUSHLIGHT_QUIET": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SMALL = ("--contenders", "rushlight", "--rounds", "1", "--seconds", "0.01")


def test_compare_torch(tmp_path):
    file = tmp_path / "all.json"
    text = run(
        "compare_torch", "--workload", "mlp", *SMALL, "--batch", "2", "--warmup", "1", "--threads",
        "1", "2", "--markdown", "--json", str(file),
    )  # fmt: skip
    assert text.count("| workload | best torch | ours |") == 2
    assert "\n1 threads, 1 rounds\n" in text
    found = json.loads(file.read_text())
    assert set(found["threads"]) == {"1", "2"}
    assert min(found["threads"]["2"]["mlp"]["rushlight"]["times"]["step"]) > 0
