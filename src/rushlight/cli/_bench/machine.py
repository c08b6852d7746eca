"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time

from .processes import usable_cores


def processor_name() -> str:
    """Return the processor's name as the system gives it."""
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def vector_width() -> str:
    """Return the widest vectors of the processor: AVX-512, AVX2, or what the system calls it."""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line.split() for line in file if line.startswith("flags")), [])
    except OSError:
        flags = []
    if "avx512f" in flags:
        return "AVX-512"
    return "AVX2" if "avx2" in flags else platform.machine()


def release(package: str) -> str | None:
    """Return the version of an installed package without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def describe() -> str:
    """Return a line for above a table: processor and releases."""
    packages = [f"{name} {version}" for name in ("torch", "numpy") if (version := release(name))]
    processor = f"{processor_name()}, {usable_cores()} cores, {vector_width()}"
    return f"{processor}; {', '.join(packages)}, Python {platform.python_version()}"


class Disturbance:
    """How much of the processors other programs took since this was made (Linux; else unknown)."""

    def __init__(self) -> None:
        self._start = time.monotonic(), _busy(), _own()

    def share(self) -> float | None:
        """Return it as a part of all cores: 0 on a quiet machine; None where nobody knows."""
        start, busy, own = self._start
        now = _busy()
        if busy is None or now is None:
            return None
        available = (time.monotonic() - start) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, (now - busy - (_own() - own)) / max(available, 1e-9)))


def _busy() -> float | None:
    """Return the seconds in which any core worked for anybody, or was taken away by the host."""
    try:
        with open("/proc/stat") as file:
            user, nice, system, _, _, irq, soft, steal = map(int, file.readline().split()[1:9])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    return sum(os.times()[:4])  # of this process and its finished children
