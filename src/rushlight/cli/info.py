"""`rushlight info`: what this machine has, and what rushlight uses of it."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from ._bench.machine import processor_name, release
from ._bench.processes import usable_cores

_DESCRIPTION = """\
Show versions, processor, threads, kernels in use, memory pool and GPUs: what to look at when
something is slow, and what to put in a bug report."""

_EPILOG = """\
example:
  rushlight info                         the table
  RUSHLIGHT_KERNELS=reference rushlight info
                                         the table with every fast path switched off"""

# Optional packages, by the extra of rushlight that installs them.
_EXTRAS = {
    "vision": ("pillow",),
    "tensorboard": ("tensorboard",),
    "safetensors": ("safetensors",),
    "cuda12": ("cupy-cuda12x",),
    "cuda13": ("cupy-cuda13x",),
    "mpi": ("mpi4py",),
    "ray": ("ray",),
    "onnx": ("onnx",),
    "plot": ("matplotlib",),
}

_Rows = list[tuple[str, str]]


def main(words: Sequence[str]) -> int:
    """Print the table."""
    argparse.ArgumentParser(
        prog="rushlight info",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(words)
    sections = {
        "versions": _versions(),
        "extras": _extras(),
        "processor": _processor(),
        "engine": _engine(),
        "GPU": _gpu(),
    }
    print(_table(sections))
    return 0


def _table(sections: dict[str, _Rows]) -> str:
    width = max(len(name) for rows in sections.values() for name, _ in rows)
    lines = []
    for title, rows in sections.items():
        lines.append(title)
        for name, value in rows:
            head = f"  {name:<{width}}  "
            wrapped = textwrap.wrap(value, 100 - len(head), break_long_words=False)
            lines.append(head + f"\n{' ' * len(head)}".join(wrapped))
    return "\n".join(lines)


def _versions() -> _Rows:
    from ..version import TORCH_RELEASES, __version__

    folder = Path(__file__).parent.parent
    return [
        ("rushlight", f"{__version__}, in {folder}"),
        ("follows torch", TORCH_RELEASES["torch"].partition("+")[0]),
        ("Python", f"{platform.python_version()}, {sys.executable}"),
        ("NumPy", release("numpy") or "not installed"),
        ("ml_dtypes", release("ml_dtypes") or "not installed"),
        ("system", platform.platform()),
    ]


def _extras() -> _Rows:
    rows = []
    for extra, packages in _EXTRAS.items():
        found = [f"{name} {version}" for name in packages if (version := release(name))]
        rows.append((extra, ", ".join(found) or f"not installed: pip install 'rushlight[{extra}]'"))
    return rows


def _processor() -> _Rows:
    return [
        ("model", processor_name()),
        ("cores", f"{os.cpu_count()}, of which this process may use {usable_cores()}"),
    ]


def _engine() -> _Rows:
    from ..kernels import describe

    found = describe()
    extension = "loaded" if found["extension"] else f"missing: {found['reason']}"
    fast = sum(len(paths) > 1 for paths in found["kernels"].values())
    rows = [
        ("native extension", extension),
        ("capability level", found["level"]),
        ("threads", str(found["threads"])),
        ("kernels", f"{len(found['kernels'])}, of which {fast} have a fast path in use"),
    ]
    rows += [(f"  {family}", text) for family, text in _families(found["kernels"])]
    rows.append(("memory pool", _pool(found["pool"])))
    return rows


def _families(kernels: dict[str, list[str]]) -> _Rows:
    """Summarise the kernels of each family: which have a fast path, and how many do not."""
    families: dict[str, list[str]] = {}
    for name, paths in kernels.items():
        family, _, kernel = name.rpartition(".")
        families.setdefault(family, [])
        if len(paths) > 1:
            families[family].append(kernel)
    return [(family, " ".join(sorted(fast)) or "reference") for family, fast in families.items()]


def _pool(statistics: dict[str, int]) -> str:
    if not statistics:
        return "none: NumPy's own allocator"
    mib = {name: statistics[name] / 2**20 for name in ("limit", "cached")}
    return f"in use; keeps at most {mib['limit']:.0f} MiB for reuse ({mib['cached']:.1f} MiB now)"


def _gpu() -> _Rows:
    from ..backend import cuda

    if not cuda.available():
        return [("none", cuda.unavailable_reason())]
    rows = [("CUDA runtime", cuda.runtime_version() or "unknown")]
    for index in range(cuda.device_count()):
        found = cuda.properties(index)
        memory = f"{found.total_memory / 2**30:.0f} GiB"
        capability = f"capability {found.major}.{found.minor}"
        rows.append((f"cuda:{index}", f"{found.name}, {memory}, {capability}"))
    return rows
