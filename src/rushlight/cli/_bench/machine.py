"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import platform

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
