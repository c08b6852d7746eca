"""`rushlight bench`: measurements anyone can repeat, each contender in a process of its own."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._bench import contenders, operators, results
from ._bench.machine import describe
from ._bench.processes import WorkerFailed, run_worker, usable_cores
from ._bench.workloads import OTHERS, USUAL, WORKLOADS, summary

_DESCRIPTION = """\
Measure rushlight on this machine, beside PyTorch and others where they are installed. Every
contender runs in a process of its own, one after the other, on the same data and threads."""

_EPILOG = """\
examples:
  rushlight bench train                  steps of whole networks, beside PyTorch
  rushlight bench kernels                single operators, and what the machine could do
  rushlight bench conv-relu              a fused Conv+ReLU against separate layers, on MNIST
  rushlight bench matmul                 a matrix product: NumPy, Numba, CuPy, rushlight
  rushlight bench extension              how long a C++ extension takes to build and to load

`rushlight bench conv-relu --help` explains one of them. Close other programs first; on a busy
machine compare ratios, not seconds."""

_TRAIN = """\
Time steps of training and inference of whole networks on random data. PyTorch, where installed,
takes turns with rushlight: as installed, with glibc told to keep freed memory, with channels
last, and compiled. A dash stands where one failed; the reason is below the tables. Compiling takes
half a minute for each workload: `--without torch-compile` saves it."""

_TRAIN_EXAMPLES = """examples:
  rushlight bench train --workload lenet gpt --rounds 3
  rushlight bench train --threads 1 --without torch-compile
  rushlight bench train --workload mlp --batch 16 --json mlp.json"""

_KERNELS = """\
Time single operators, forward and backward. Share is the time that the machine needs for the
arithmetic and the traffic, by its measured peaks, as a part of the time rushlight takes."""

_CONV_RELU = """\
Train 'n x (3x3 convolution of one channel, ReLU), max-pool, 196-64-10' on MNIST and show for an
epoch where the time goes. CNNBaseline has Conv2d and ReLU; CNNFused has the same weights and one
operator for both (rushlight.nn.fused). PyTorch, where installed, runs CNNBaseline."""

_MATMUL = """\
Multiply two square matrices in float32 and show the first call (which compiles, or starts threads)
and the best of the others."""

_EXTENSION = """\
Build a C++ extension (GELU against torch/extension.h) and load it: cold, with an empty cache, and
warm, in a new process with the library already built."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command's arguments."""
    made = _described(argparse.ArgumentParser, "rushlight bench", _DESCRIPTION, _EPILOG)
    commands = made.add_subparsers(dest="what", required=True, metavar="WHAT")

    train = commands.add_parser("train", help="steps of whole networks", **_text(_TRAIN))
    train.add_argument("--workload", nargs="+", choices=list(WORKLOADS), metavar="NAME",
                       default=list(WORKLOADS), help="see below (default: all)")  # fmt: skip
    train.add_argument("--batch", type=_positive, help="in place of the workload's own")
    train.add_argument("--seconds", type=float, default=1.0,
                       help="of timing for each contender and round (default: 1)")  # fmt: skip
    parts = (("workloads:", USUAL), ("other kinds of networks:", OTHERS))
    lists = [
        "\n".join([title, *(f"  {n:<21}{summary(n)}" for n in names)]) for title, names in parts
    ]
    train.epilog = "\n\n".join([*lists, _TRAIN_EXAMPLES])

    kernels = commands.add_parser("kernels", help="single operators", **_text(_KERNELS))
    kernels.add_argument("--only", nargs="+", metavar="TEXT", default=[],
                         help="operators whose name contains one of these")  # fmt: skip
    kernels.add_argument("--seconds", type=float, default=0.1,
                         help="of timing for each operator and round (default: 0.1)")  # fmt: skip

    conv = commands.add_parser(
        "conv-relu", help="a fused operator in training", **_text(_CONV_RELU)
    )
    conv.add_argument("--convs", type=_positive, nargs="+", default=[10, 2], metavar="N",
                      help="numbers of convolutions (default: 10 2)")  # fmt: skip
    conv.add_argument("--epochs", type=_positive, default=1, help="the last is shown (default: 1)")
    conv.add_argument("--images", type=_positive, help="take only so many (default: all 60,000)")
    conv.add_argument("--batch-size", type=_positive, default=64, help="default: 64")
    conv.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    conv.add_argument("--root", help="folder with MNIST/raw (default: $RUSHLIGHT_DATA, else ./data;"
                      " synthetic images where there is none)")  # fmt: skip

    matmul = commands.add_parser("matmul", help="a matrix product", **_text(_MATMUL))
    matmul.add_argument("-n", type=_positive, default=1024, help="rows and columns (default: 1024)")
    matmul.add_argument("--repeats", type=_positive, default=20, help="default: 20")

    commands.add_parser("extension", help="building a C++ extension", **_text(_EXTENSION))
    for command in commands.choices.values():
        command.add_argument("--threads", type=_positive, help="default: all cores")
        command.add_argument("--rounds", type=_positive, default=1,
                             help="measure so often, show the fastest (default: 1)")  # fmt: skip
        command.add_argument("--json", metavar="FILE", help="also write what was measured there")
        command.add_argument("--without", nargs="+", default=[], metavar="NAME",
                             help="contenders to leave out, e.g. torch")  # fmt: skip
    return made


def _described(kind: Any, name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    return kind(prog=name, epilog=epilog, **_text(description))


def _text(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def main(words: Sequence[str]) -> int:
    """Measure what the words name; return the exit code."""
    options = parser().parse_args(words)
    options.threads = options.threads or usable_cores()
    run = {
        "train": train,
        "kernels": kernels,
        "conv-relu": conv_relu,
        "matmul": matmul,
        "extension": extension,
    }[options.what]
    try:
        found = run(options)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except WorkerFailed as failure:
        print(f"rushlight bench: {failure}", file=sys.stderr)
        return 1
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1) + "\n")
    return 0


# --- contenders -------------------------------------------------------------------------------


def _installed(name: str, options: argparse.Namespace) -> bool:
    return name not in options.without and importlib.util.find_spec(name) is not None


def _fastest(rounds: list[dict[str, Any]], by: str) -> dict[str, Any]:
    return min(rounds, key=lambda found: found[by])


def _measure(worker: str, settings: dict[str, Any], title: str) -> dict[str, Any]:
    """Return what a worker measured; a failure says what was being measured."""
    try:
        return run_worker(worker, settings, title=title)
    except WorkerFailed as failure:
        raise WorkerFailed(f"{title} failed\n{failure}".rstrip()) from None


# --- what is measured -------------------------------------------------------------------------


_Rows = list[dict[str, Any]]


def train(options: argparse.Namespace) -> dict[str, dict[str, results.Measured]]:
    """Print the tables of the workloads; return every timing."""
    names = contenders.installed(contenders.USUAL, options.without)
    settings = {
        "threads": options.threads,
        "seconds": options.seconds,
        "batch": options.batch,
    }
    print(f"{describe()}\n{options.threads} threads\n")
    found = results.compare(options.workload, names, settings, options.rounds)
    print(results.ratio_table(found), end="\n\n")
    print(results.parts_table(found), end="\n\n")
    print("\n".join([*results.failures(found), results.EXPLANATION]))
    return found


def kernels(options: argparse.Namespace) -> operators.Results:
    """Print the table of the operators; return what it was made of."""
    names = contenders.installed((contenders.OURS, contenders.DEFAULT_TORCH), options.without)
    print(f"{describe()}\n{options.threads} threads\n")
    settings = {
        "threads": options.threads,
        "seconds": options.seconds,
        "only": options.only,
    }
    found = operators.compare(names, settings, options.rounds)
    print(operators.kernel_table(found))
    print("\n".join(["", *operators.failure_lines(found), operators.peak_line(found)]))
    print(operators.EXPLANATION)
    return found


def conv_relu(options: argparse.Namespace) -> _Rows:
    """Print the table of the fused operator; return its rows."""
    rows = []
    root = options.root or os.environ.get("RUSHLIGHT_DATA") or "data"
    folder = Path(root, "MNIST", "raw")
    settings = {
        "data": str(folder) if folder.is_dir() else None,
        "epochs": options.epochs,
        "images": options.images,
        "batch": options.batch_size,
        "device": options.device,
        "threads": options.threads,
    }
    contenders = [("CNNBaseline", "rushlight"), ("CNNFused", "rushlight")]
    if _installed("torch", options):
        contenders.append(("CNNBaseline", "torch"))
    source = "MNIST" if settings["data"] else "synthetic images (no MNIST found; see --root)"
    print(f"{source}, batch {options.batch_size}, {options.threads} threads, {options.device}\n")
    print(
        f"{'convs':>5}  {'network':<12}{'framework':<11}{'total':>9}{'forward':>10}{'backward':>10}"
        f"{'other':>9}{'accuracy':>10}"
    )
    for count in options.convs:
        for network, framework in contenders:
            title = f"{network} with {count} convolutions on {framework}"
            case = {"count": count, "network": network, "framework": framework}
            rounds = [
                _measure("conv_relu", {**settings, **case}, title) for _ in range(options.rounds)
            ]
            found = _fastest(rounds, "total")
            rows.append({**case, **found})
            times = "".join(
                f"{found[part]:>{width}.2f} s"
                for part, width in (("total", 7), ("forward", 8), ("backward", 8), ("other", 7))
            )
            print(f"{count:>5}  {network:<12}{framework:<11}{times}{found['accuracy']:>10.2%}")
    print("\nSeconds of the last epoch; accuracy on the test images.")
    return rows


def matmul(options: argparse.Namespace) -> _Rows:
    """Print the table of the matrix product; return its rows."""
    rows = []
    contenders = ["numpy", *(n for n in ("numba",) if _installed(n, options)), "rushlight"]
    contenders += [name for name in ("torch",) if _installed(name, options)]
    if _installed("cupy", options) and _has_gpu():
        contenders.append("cupy")
    n = options.n
    print(f"{n} x {n} times {n} x {n}, float32, {options.threads} threads\n")
    print(f"{'library':<11}{'first call':>12}{'best':>12}{'GFLOP/s':>10}")
    for name in contenders:
        if name in options.without:
            continue
        settings = {"n": n, "repeats": options.repeats, "threads": options.threads, "library": name}
        title = f"{name}, N = {n}"
        found = _fastest(
            [_measure("matmul", settings, title) for _ in range(options.rounds)], "best"
        )
        rows.append({"library": name, "n": n, **found})
        speed = 2e-9 * n**3 / found["best"]
        print(
            f"{name:<11}{1e3 * found['first']:>9.2f} ms{1e3 * found['best']:>9.2f} ms{speed:>10.1f}"
        )
    return rows


def _has_gpu() -> bool:
    from ..backend import cuda

    return cuda.available()


def extension(options: argparse.Namespace) -> _Rows:
    """Print the table of the extension's build; return its rows."""
    rows = []
    contenders = ["rushlight", *(n for n in ("torch",) if _installed(n, options))]
    print(f"{'framework':<11}{'cold build':>12}{'warm load':>12}{'import':>12}")
    for name in contenders:
        if name in options.without:
            continue
        rounds = [_built(name, options) for _ in range(options.rounds)]
        cold, warm = (_fastest([pair[i] for pair in rounds], "build") for i in (0, 1))
        rows.append({"framework": name, "cold": cold["build"], "warm": warm["build"]})
        times = (cold["build"], warm["build"], warm["import"])
        print(f"{name:<11}{''.join(f'{_seconds(t):>12}' for t in times)}")
    return rows


def _built(framework: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the seconds of a build with nothing kept, and of the next process."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"framework": framework, "folder": folder, "threads": options.threads}
        return [
            _measure("extension", settings, f"{framework}, {state} (PyTorch: half a minute)")
            for state in ("cold", "warm")
        ]


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1e3 * value:.1f} ms"
