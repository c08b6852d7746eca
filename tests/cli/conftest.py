from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import rushlight

Launch = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command(tmp_path: Path) -> Launch:
    """Run `python -m rushlight WORDS` in an empty folder."""

    def run(*words: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        source = str(Path(rushlight.__file__).parent.parent)
        environment = {**os.environ, "PYTHONPATH": source, "RUSHLIGHT_QUIET": "1", **variables}
        return subprocess.run(
            [sys.executable, "-m", "rushlight", *words],
            cwd=tmp_path,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def launch(tmp_path: Path, command: Launch) -> Launch:
    """Write a script and run it: `launch(source, *arguments)`."""

    def run(source: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.py").write_text(textwrap.dedent(source))
        return command("run", "script.py", *arguments, **more)

    return run
