"""`rushlight bench`: tables of small measurements, help, mistakes."""

from __future__ import annotations

import json
import shutil

import pytest

from rushlight import cli
from rushlight.cli import bench


def rows(text: str, head: str) -> list[list[str]]:
    """Return the words of each line of the table whose head begins so."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.lstrip().startswith(head))
    found = []
    for line in lines[start + 1 :]:
        if not line:
            break
        found.append(line.split())
    return found


def test_conv_relu(command, tmp_path):
    done = command(
        "bench", "conv-relu", "--convs", "3", "2", "--images", "192", "--without", "torch",
        "--root", "nowhere", "--threads", "1", "--json", "rows.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "synthetic images (no MNIST found; see --root), batch 64, 1 threads, cpu" in done.stdout
    found = rows(done.stdout, "convs")
    assert [row[:3] for row in found] == [
        [count, network, "rushlight"]
        for count in ("3", "2")
        for network in ("CNNBaseline", "CNNFused")
    ]
    for row in found:
        total, *parts = (float(word) for word in row[3:] if word[0].isdigit() and "%" not in word)
        assert total == pytest.approx(sum(parts), abs=0.021)  # each is rounded
    assert found[0][-1] == found[1][-1]  # the same weights, the same results
    written = json.loads((tmp_path / "rows.json").read_text())
    assert [f"{100 * row['accuracy']:.2f}%" for row in written] == [row[-1] for row in found]


def test_the_columns_line_up(command):
    done = command("bench", "matmul", "-n", "32", "--repeats", "2", "--without", "torch", "cupy")
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()[2:]
    assert [line.split()[0] for line in lines if "numba" not in line] == ["numpy", "rushlight"]
    assert {len(line) for line in lines} == {len(head)}


def test_train(command, tmp_path):
    done = command(
        "bench", "train", "--workload", "mlp", "gpt_inference", "--without", "torch", "--batch",
        "2", "--seconds", "0.01", "--threads", "1", "--rounds", "2", "--json", "all.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [row[0] for row in rows(done.stdout, "workload")] == ["mlp", "gpt_inference"]
    found = json.loads((tmp_path / "all.json").read_text())
    times = found["mlp"]["rushlight"]["times"]
    assert set(times) == {"forward", "backward", "optimizer", "step"}
    assert len(times["step"]) >= 10  # at least five in each round
    assert set(found["gpt_inference"]["rushlight"]["times"]) == {"step"}
    assert len(found["mlp"]["rushlight"]["memory"]) == 2


def test_kernels(command):
    done = command(
        "bench", "kernels", "--only", "matmul 64x120", "relu 1", "--without", "torch",
        "--seconds", "0.01", "--threads", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout, "operator")
    assert [" ".join(row[:3]) for row in found] == ["relu 1 M,", "matmul 64x120x256, forward"]
    assert all(row[-1].endswith("%") for row in found)
    assert "Peaks: " in done.stdout


@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
def test_extension(command):
    done = command("bench", "extension", "--without", "torch")
    assert done.returncode == 0, done.stderr
    ((name, *times),) = rows(done.stdout, "framework")
    assert name == "rushlight"
    assert len(times) == 6  # a number and its unit: cold build, warm load, import


def test_a_contender_that_fails(command):
    done = command("bench", "conv-relu", "--convs", "2", "--images", "64", "--device", "nonsense")
    assert done.returncode == 1
    assert "rushlight bench: CNNBaseline with 2 convolutions on rushlight failed" in done.stderr
    assert "nonsense" in done.stderr


@pytest.mark.parametrize("what", ["", "train", "kernels", "conv-relu", "matmul", "extension"])
def test_help_teaches(what, capsys):
    with pytest.raises(SystemExit) as end:
        bench.main([*([what] if what else []), "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "usage: rushlight bench" in text
    assert "rushlight bench matmul" in text or "default:" in text


def test_help_of_train_lists_the_workloads_in_a_hundred_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        bench.main(["train", "--help"])
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split(maxsplit=1) for line in lines if line.startswith("  ")]
    described = {words[0]: words[1] for words in listed if len(words) == 2}
    assert described["gpt_tokens_inference"].startswith("GPT with a key-value cache")
    assert lines.index("other kinds of networks:") > lines.index("workloads:")
    assert described.keys() >= bench.WORKLOADS.keys()
    assert max(map(len, lines)) <= 100
    assert any("--without torch-compile" in line for line in lines)


def test_nothing_to_measure(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["bench"])
    assert end.value.code == 2
    assert "WHAT" in capsys.readouterr().err
