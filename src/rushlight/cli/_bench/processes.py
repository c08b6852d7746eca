"""Run a worker of this folder in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ERROR = re.compile(r"[\w.]*(Error|Exception)\b")
_HERE = Path(__file__).resolve().parent


class WorkerFailed(Exception):
    """A worker did not finish; the text is what it wrote to stderr."""

    @property
    def reason(self) -> str:
        """The line that names the error, else the last that says something."""
        lines = [line.strip() for line in str(self).splitlines() if line.strip()]
        named = [line for line in lines if _ERROR.match(line)]
        return [*lines, *named][-1] if lines else "no message"


def run_worker(
    worker: str,
    settings: Mapping[str, Any],
    *,
    title: str = "",
    environment: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Return what `worker` measured with these settings.

    Args:
        worker: the name of a module here.
        settings: its settings; `threads` is also given to every library that counts threads.
        title: shown on a terminal while it runs.
        environment: variables for this process alone.
        quiet: keep what it writes to stderr for the failure instead of showing it.

    Raises:
        WorkerFailed: it ended with an error.
    """
    threads = str(settings["threads"])
    show = sys.stderr.isatty()
    progress(title)
    done = subprocess.run(
        [sys.executable, str(_HERE), worker],
        input=json.dumps({**settings, "title": title}),
        stdout=subprocess.PIPE,
        stderr=None if show and not quiet else subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": _with_rushlight(os.environ.get("PYTHONPATH")),
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "NUMBA_NUM_THREADS": threads,
            **(environment or {}),
        },
    )
    progress("")
    if done.returncode:
        raise WorkerFailed(done.stderr or f"exit code {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _with_rushlight(path: str | None) -> str:
    return os.pathsep.join(filter(None, (str(_HERE.parents[2]), path)))


def progress(text: str) -> None:
    """Show what is going on, on a terminal; an empty text clears the line."""
    if sys.stderr.isatty():
        print(f"\r{'':<78}\r{text}", end="", file=sys.stderr, flush=True)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
