"""Memory of this process in bytes: what it holds, and the most it held."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def resident() -> int:
    """Return the bytes this process holds in memory now, or the most it held so far, or 0."""
    return _from_status("VmRSS") or peak()


def peak() -> int:
    """Return the most bytes it held since `forget_peak`, or since its start where that failed."""
    found = _from_status("VmHWM")
    if found or os.name == "nt":
        return found
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    """Start the record anew from what is held now, where the system can (Linux)."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def _from_status(name: str) -> int:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(name)), 0)
