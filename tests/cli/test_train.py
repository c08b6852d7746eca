"""`rushlight train`: it learns, resumes, survives interruption and explains itself."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import pytest

import rushlight


def command(*words):
    return [sys.executable, "-m", "rushlight", "train", *words]


def run(folder, *words, **options):
    return subprocess.run(
        command(*words),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


def accuracies(text):
    """The test accuracy of each epoch in the table."""
    rows = re.findall(r"^ +\d+ +[\d.]+ +[\d.]+% +([\d.]+)%", text, re.MULTILINE)
    return [float(row) for row in rows]


def test_it_learns_and_resumes_to_the_same_numbers(tmp_path):
    whole = run(tmp_path, "lenet5", "--epochs", "4", "--threads", "1")
    assert whole.returncode == 0, whole.stderr
    assert accuracies(whole.stdout)[-1] > 85
    half = run(tmp_path, "lenet5", "--epochs", "2", "--threads", "1", "--save", "half.pt")
    assert half.returncode == 0, half.stderr
    rest = run(
        tmp_path, "lenet5", "--epochs", "4", "--threads", "1", "--save", "half.pt", "--resume"
    )
    assert accuracies(rest.stdout) == accuracies(whole.stdout)


def test_the_checkpoint_is_pytorchs(tmp_path, torch):
    assert run(tmp_path, "lenet5", "--epochs", "1").returncode == 0
    state = torch.load(tmp_path / "lenet5.pt")
    assert state["model"]["features.0.weight"].shape == (6, 1, 5, 5)
    assert state["history"][0]["number"] == 1


# A shell that starts this suite in the background hands on a SIGINT that is ignored.
_INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from rushlight.cli import main
sys.exit(main())
"""


def test_interrupted_it_leaves_a_checkpoint_to_go_on_from(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTIBLE, "train", "lenet5", "--epochs", "1000"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "lenet5.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert "--resume lenet5.pt" in errors
    history = rushlight.load(tmp_path / "lenet5.pt")["history"]
    assert len(history) >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume", "absent.pt"], "no checkpoint absent.pt"),
        (["--data", "mnist", "--root", "/dev/null"], "rushlight train: "),
        (["--device", "cuda:99"], "rushlight train: "),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path, words, message):
    found = run(tmp_path, "lenet5", *words)
    assert found.returncode == 1
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_a_damaged_checkpoint_is_refused(tmp_path):
    assert run(tmp_path, "lenet5", "--epochs", "1").returncode == 0
    path = tmp_path / "lenet5.pt"
    path.write_bytes(path.read_bytes()[:-1000])
    found = run(tmp_path, "lenet5", "--resume")
    assert found.returncode == 1
    assert "cannot resume from lenet5.pt" in found.stderr


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    assert run(tmp_path, "lenet5", "--epochs", "1", "--optimizer", "SGD").returncode == 0
    found = run(tmp_path, "lenet5", "--resume")
    assert found.returncode == 1
    assert "was trained with --optimizer SGD, not NAdam" in found.stderr


def test_tensorboard_log(tmp_path):
    assert run(tmp_path, "lenet5", "--epochs", "1", "--logdir", "runs").returncode == 0
    assert list((tmp_path / "runs").glob("events.out.tfevents.*"))


def test_help_teaches(tmp_path):
    found = run(tmp_path, "--help")
    assert found.returncode == 0
    assert "rushlight train lenet5 --data mnist" in found.stdout
