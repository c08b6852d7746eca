from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import rushlight

# Programs that the tests run, not tests.
collect_ignore = ["scripts"]

Check = Callable[..., str]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Run statements in a fresh interpreter, where no other test has imported torch.

    Their assertions have to hold; returns what they printed.
    """

    def run(source: str, *path: Path, **variables: str) -> str:
        (tmp_path / "check.py").write_text(textwrap.dedent(source))
        package = Path(rushlight.__file__).parent.parent
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, [*path, package])),
            "RUSHLIGHT_QUIET": "1",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "check.py"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    return run
