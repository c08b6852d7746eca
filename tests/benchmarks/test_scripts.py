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
    assert text.count("| workload | ours | torch | torch / ours |") == 2
    assert "\n1 threads, 1 rounds\n" in text
    found = json.loads(file.read_text())
    assert set(found["threads"]) == {"1", "2"}
    assert min(found["threads"]["2"]["mlp"]["rushlight"]["times"]["step"]) > 0


def test_what_measures_pytorch_does_not_load_rushlight():
    code = "import benchmarks.report, _bench.steps, sys; assert 'rushlight' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_scaling(tmp_path):
    text = run(
        "scaling", "--workload", "mlp", "--batch", "1", "3", "--threads", "1", "2", *SMALL,
        "--markdown", "--json", str(tmp_path / "points.json"),
    )  # fmt: skip
    lines = [line for line in text.splitlines() if line.startswith("| mlp ")]
    assert [line.split(" | ")[1] for line in lines] == ["1", "3"]
    points = json.loads((tmp_path / "points.json").read_text())
    assert [(p["batch"], p["threads"]) for p in points] == [(1, 1), (1, 2), (3, 1), (3, 2)]


def test_scaling_puts_both_frameworks_side_by_side():
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks import scaling
    finally:
        sys.path.remove(str(ROOT))
    points = [
        {"workload": "w", "batch": 8, "threads": n, "contender": name, "seconds": [s, 2 * s]}
        for n, name, s in (
            (1, "rushlight", 0.004), (1, "torch", 0.008), (2, "rushlight", 0.002),
            (2, "torch", 0.006),
        )
    ]  # fmt: skip
    head, _, row = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in scaling.scaling_table(points, markdown=True).splitlines()
    )
    assert len(head) == len(row)
    assert row[:2] == ["w", "8"]
    assert row[2:5] == ["4.00 (6.00)", "8.00", "2.00 (2.00)"]
    assert row[5:] == ["2.00 (3.00)", "6.00", "3.00 (3.00)", "2.00"]
    broken = {**points[3], "seconds": [], "failure": "RuntimeError: no"}
    assert scaling.failures([*points[:3], broken]) == [
        "w, batch 8, 2 threads, torch: skipped, RuntimeError: no"
    ]


def test_kernels_and_overhead():
    text = run("kernels", *SMALL, "--only", "sigmoid", "--threads", "1", "--markdown")
    assert "| sigmoid 1 M, forward |" in text
    assert "Peaks: " in text


PAGE = """# Title
before
<!-- measured: matmul -->
old
<!-- end: matmul -->
between
<!-- measured: other -->
kept
<!-- end: other -->
"""


def test_report_writes_between_its_markers_only(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    run("report", "--only", "matmul", "--rounds", "1", "--without", "torch", "--page", str(page))
    text = page.read_text()
    assert text.startswith("# Title\nbefore\n<!-- measured: matmul -->\n")
    assert text.endswith(PAGE[PAGE.index("<!-- end: matmul") :])
    assert "| rushlight | " in text
    assert "\nold\n" not in text


def test_the_page_has_every_section():
    names = run("report", "--list").split()
    page = (ROOT / "docs" / "performance.md").read_text()
    for name in names:
        assert page.count(f"<!-- measured: {name} -->") == 1, name
        assert page.count(f"<!-- end: {name} -->") == 1, name
    assert page.count("<!-- measured: ") == len(names)


def test_report_names_a_section_the_page_lacks():
    words = [sys.executable, "-c", "from benchmarks import report; report.replace('', 'x', 'y')"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert "the page has no section x: expected <!-- measured: x -->" in done.stderr


def test_the_table_of_errors(torch):
    script = ROOT / "tests" / "oracle" / "kernel_accuracy.py"
    words = [sys.executable, str(script), "--only", "adaptive", "softmax 64x10", "--summary"]
    environment = {**os.environ, "PYTHONPATH": str(Path(rushlight.__file__).parents[1])}
    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["pools", "2"], ["softmaxes", "4"]]
    assert lines[-1].startswith("6 results, ")


def test_profile_step(tmp_path):
    file = tmp_path / "profile.json"
    words = ["--workload", "mlp", "--batch", "2", "--seconds", "0.01", "--json", str(file)]
    text = run("profile_step", *words)
    assert "\nmlp " in text
    assert "Peaks: " in text
    found = json.loads(file.read_text())
    assert found["profiles"]["mlp"]["step"] > 0
    text = run("profile_step", *words[:-2], "--shapes", "--markdown")
    assert "| gemm linear | 2x784, 512x784 |" in text
    assert "| step |" in text


GOALS = """<!-- measured: train-2 -->

| workload | torch / ours | best / ours |
|---|---:|---:|
| lenet | 3.20 (9.99) | 3.19 (9.99) |
| other | 1.00 (1.00) | |

<!-- end: train-2 -->
<!-- measured: train-1 -->

| workload | torch | best | best / ours |
|---|---:|---:|---:|
| lenet | 8.00 (9.00) | 6.00 (6.50) | 3.30 (3.00) |

<!-- end: train-1 -->
<!-- measured: profile -->

Peaks: many.

| workload | least, ms |
|---|---:|
| lenet | 2.00 |

<!-- end: profile -->
<!-- measured: matmul -->

| library | best, ms |
|---|---:|
| rushlight | 10.0 |
| torch | 25.0 |

| another | table |
|---|---|

<!-- end: matmul -->
<!-- measured: fused -->

| convolutions | network | framework | forward | backward |
|---|---|---|---:|---:|
| 2 | CNNFused | rushlight | 0.5 | 2.0 |
| 2 | CNNBaseline | torch | 1.0 | 1.0 |

<!-- end: fused -->
<!-- measured: targets -->
old
<!-- end: targets -->
"""


def test_targets_stand_beside_what_was_measured(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(GOALS)
    run("report", "--only", "targets", "--page", str(page))
    text = page.read_text()
    assert text.startswith(GOALS[: GOALS.index("old")])
    assert "\nold\n" not in text
    assert "| lenet | 3.2 | **3.20** |  | 4.0 | 3.2 | 3.19 | **3.30** | 3.0 |" in text
    assert "| 1024 x 1024 product | 1.9 | **2.50** |  |  | 1.9 | **2.50** |  |  |" in text
    assert "| CNNFused, 2 convolutions, forward | > 1 | **2.00** |  |  |  |  |  |  |" in text
    assert "| CNNFused, 2 convolutions, backward | > 1 | 0.50 |  |  |  |  |  |  |" in text
    assert "| gpt | 2 |  |  |  | 2 |  |  |  |" in text


def test_every_target_is_of_a_workload_that_is_measured():
    code = (
        "from benchmarks.targets import TARGETS; from _bench.workloads import USUAL; "
        "print(set(TARGETS) <= set(USUAL))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
