"""Runs the examples in PyTorch's docstrings with rushlight in torch's place.

    python tests/oracle/docstrings.py --cache ~/docstrings.json        # everything
    python tests/oracle/docstrings.py --cache FILE --only nn.functional.relu Tensor.
    python tests/oracle/docstrings.py --cache FILE --table             # why examples are left out

Each example runs twice with torch, in processes of their own, from the same seed. Its statements
that finish and print the same both times are what rushlight has to repeat: numbers within the
precision they are printed with, everything else to the letter. Needs torch (CPU); `--cache` keeps
its side of the comparison, so that only the first run is slow.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import inspect
import io
import json
import os
import pickle
import re
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SECONDS = 60.0
# Differences as small as this are rounding: examples print the distance of two equal results.
NOISE = 1e-5

SPACES = (
    "torch", "torch.Tensor", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils",
    "torch.nn.utils.rnn", "torch.nn.utils.parametrize", "torch.nn.utils.parametrizations",
    "torch.nn.utils.prune", "torch.nn.utils.stateless", "torch.nn.grad", "torch.nn.attention",
    "torch.optim", "torch.optim.lr_scheduler", "torch.optim.swa_utils", "torch.linalg", "torch.fft",
    "torch.special", "torch.autograd", "torch.autograd.functional", "torch.autograd.graph",
    "torch.autograd.forward_ad", "torch.autograd.profiler", "torch.autograd.grad_mode",
    "torch.autograd.function", "torch.utils.data", "torch.utils.checkpoint", "torch.utils.dlpack",
    "torch.distributions", "torch.distributions.constraints", "torch.distributions.transforms",
    "torch.distributions.kl", "torch.func", "torch.amp", "torch.sparse", "torch.random",
    "torch.signal.windows", "torch.overrides", "torch.testing", "torch.serialization",
    "torch.backends", "torch.cuda", "torch.hub", "torch.futures", "torch.masked", "torch.jit",
    "torch.fx", "torch.export", "torch.compiler", "torch.nested", "torch.distributed",
    "torch.utils.benchmark", "torch.utils.tensorboard", "torch.multiprocessing",
)  # fmt: skip

# What rushlight leaves out on purpose: by the name of the object, then by the text of an example.
TOPICS = (
    ("jit", r"^torch\.jit\b"), ("fx", r"^torch\.fx\b"), ("export", r"^torch\.export\b"),
    ("compiler", r"^torch\.(compiler|compile|cond|while_loop)\b"), ("nested", r"^torch\.nested\b"),
    ("distributed", r"^torch\.distributed\b|DistributedDataParallel|DistributedSampler"),
    ("quantization", r"quantize|qint|q_(scale|zero|per)|int_repr"), ("hub", r"^torch\.hub\b"),
    ("masked", r"^torch\.masked\b"), ("data pipes", r"DataPipe|datapipe"),
    ("profiler", r"^torch\.autograd\.profiler\b"),
)  # fmt: skip
TEXTS = (
    ("jit", r"torch\.jit\b"), ("fx", r"torch\.fx\b|make_fx|functionalize\("),
    ("compiler", r"torch\.(_dynamo|compile|export)\b|aot_"),
    ("nested", r"nested_tensor|torch\.nested"), ("quantization", r"quantiz|quint8|qint"),
    ("distributed", r"torch\.distributed|dist\.init|rpc\."),
    ("data pipes", r"IterDataPipe|IterableWrapper|functional_datapipe"),
    ("private", r"torch\.(_C|_prims|_higher|utils\._)"),
)  # fmt: skip

PRELUDE = """
import math, os, sys, io, copy, random, tempfile, itertools
import numpy as np
import torch
from torch import nn, optim, autograd, Tensor, linalg
from torch.nn import functional as F
from torch.nn import init
from torch.nn.parameter import Parameter
"""

NUMBER = re.compile(
    r"(?:(?<![\w.])[-+]?|(?<=[\d.])[-+])(?:\d+\.?\d*(?:[eE][+-]?\d+)?|inf|nan)j?(?!\w)"
)


# ---------------------------------------------------------------------------- collecting


def statements(doc: str) -> list[str]:
    """Return the statements behind the prompts of a docstring, each on its own."""
    segments: list[list[str]] = [[]]
    for line in doc.splitlines():
        text = line.strip()
        if text.startswith((">>>", "...")):
            segments[-1].append(
                text[3:].removeprefix(" ")
                if text[:3] == ">>>"
                else "\0" + text[3:].removeprefix(" ")
            )
        elif segments[-1]:
            segments.append([])
    found: list[str] = []
    for segment in segments:
        found += _parsed("\n".join(segment).replace("\0", "")) or _units(segment)
    return found


def _parsed(source: str) -> list[str]:
    with warnings.catch_warnings(), contextlib.suppress(SyntaxError, ValueError):
        warnings.simplefilter("ignore")
        tree = ast.parse(textwrap.dedent(source))
        return [ast.unparse(node) for node in tree.body]
    return []


def _units(segment: list[str]) -> list[str]:
    """Parse prompt by prompt what does not parse together; drop what is no Python."""
    units: list[str] = []
    for line in segment:
        if line.startswith("\0") and units:
            units[-1] += "\n" + line[1:]
        else:
            units.append(line.lstrip("\0"))
    return [statement for unit in units for statement in _parsed(unit)]


def documented(space: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the public names of a module or class with their docstrings; classes with methods."""
    names = getattr(space, "__all__", None) or dir(space)
    for name in sorted(set(names) | {n for n in dir(space) if not n.startswith("_")}):
        value = getattr(space, name, None)
        if name.startswith("_") or inspect.ismodule(value) or value is None:
            continue
        home = getattr(value, "__module__", None) or "torch"
        if not str(home).startswith("torch") or (name.endswith("Tensor") and name != "Tensor"):
            continue
        doc = getattr(value, "__doc__", None)
        if isinstance(doc, str) and ">>>" in doc:
            yield f"{path}.{name}", doc
        if inspect.isclass(value) and not inspect.isclass(space) and name != "Tensor":
            for inner, method in vars(value).items():
                doc = getattr(getattr(method, "__func__", method), "__doc__", None)
                if not inner.startswith("_") and isinstance(doc, str) and ">>>" in doc:
                    yield f"{path}.{name}.{inner}", doc


def collect() -> list[dict[str, Any]]:
    """Return every example: where it stands, its statements, why it is out of scope if it is."""
    seen: set[str] = set()
    cases = []
    for path in SPACES:
        try:
            space = importlib.import_module(path)
        except ModuleNotFoundError:
            parent, _, name = path.rpartition(".")
            space = getattr(importlib.import_module(parent), name, None)
        for name, doc in documented(space, path):
            body = statements(doc)
            key = "\n".join(body)
            if key and key not in seen:
                seen.add(key)
                cases.append({"space": path, "name": name, "body": body, "topic": topic(name, key)})
    return cases


def topic(name: str, text: str) -> str | None:
    """Return the subject that puts an example out of scope, if there is one."""
    for label, pattern in TOPICS:
        if re.search(pattern, name):
            return label
    for label, pattern in TEXTS:
        if re.search(pattern, text):
            return label
    return None


# ---------------------------------------------------------------------------- running


def execute(body: list[str], space: str) -> list[list[str | None]]:
    """Run statements as an interactive session would; return (error, printed text) of each."""
    import torch

    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(PRELUDE, scope)
    if space not in ("torch", "torch.Tensor"):  # their examples use the names of their own module
        with contextlib.suppress(ImportError):
            module = importlib.import_module(space)
            listed = getattr(module, "__all__", None) or dir(module)
            for name in listed:
                if not name.startswith("_") and hasattr(module, name):
                    scope.setdefault(name, getattr(module, name))
    torch.manual_seed(0)
    scope["random"].seed(0)
    scope["np"].random.seed(0)
    results: list[list[str | None]] = []
    for source in body:
        out = io.StringIO()
        error = None
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            try:
                exec(compile(source + "\n", "<example>", "single"), scope)
            except BaseException as raised:
                error = f"{type(raised).__name__}: {raised}"[:300]
        results.append([error, re.sub(r"0x[0-9a-f]{6,}", "0x0", out.getvalue())])
    return results


def isolated(body: list[str], space: str) -> list[list[str | None]]:
    """Run statements in a child process; a crash or a hang counts as an error of them all."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with contextlib.suppress(BaseException):
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                data = pickle.dumps(execute(body, space))
            with os.fdopen(writer, "wb") as file:
                file.write(data)
        os._exit(0)
    os.close(writer)
    data, limit = b"", time.monotonic() + SECONDS
    while time.monotonic() < limit:
        if select.select([reader], [], [], max(0.0, limit - time.monotonic()))[0]:
            part = os.read(reader, 1 << 16)
            if not part:
                break
            data += part
    os.close(reader)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return pickle.loads(data) if data else [["crash or timeout", ""] for _ in body]


def work(side: str, source: str, target: str) -> None:
    """Run the examples in one file, with torch or rushlight, and write what came to another."""
    warnings.simplefilter("ignore")
    if side == "rushlight":
        compat = importlib.import_module("rushlight.compat")
        compat.install()
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    exec(PRELUDE, {})  # so that the examples' processes find it loaded
    pairs = json.loads(Path(source).read_text())
    Path(target).write_text(json.dumps([isolated(body, space) for body, space in pairs]))


def run(side: str, cases: list[dict[str, Any]], processes: int = 2) -> list[Any]:
    """Run examples in a few processes at once."""
    pairs = [([*_accepted(case)], case["space"]) for case in cases]
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for index in range(processes):
            source, target = Path(folder, f"in{index}"), Path(folder, f"out{index}")
            source.write_text(json.dumps(pairs[index::processes]))
            command = [sys.executable, __file__, "--work", side, str(source), str(target)]
            jobs.append((subprocess.Popen(command, stdin=subprocess.DEVNULL), target))
        results: list[Any] = [None] * len(pairs)
        for index, (job, target) in enumerate(jobs):
            if job.wait():
                raise SystemExit(f"the process that runs {side} failed")
            results[index::processes] = json.loads(target.read_text())
    return results


def _accepted(case: dict[str, Any]) -> Iterator[str]:
    """Leave out, for rushlight, the statements that torch raised an error for."""
    errors = case.get("errors") or [None] * len(case["body"])
    for source, error in zip(case["body"], errors, strict=True):
        yield source if error is None else "pass"


# ---------------------------------------------------------------------------- comparing


def same(ours: str, theirs: str) -> bool:
    """Compare two texts: numbers within printed precision, the rest exactly."""
    ours, theirs = _neutral(ours), _neutral(theirs)
    if ours == theirs:
        return True
    x, y = list(NUMBER.finditer(ours)), list(NUMBER.finditer(theirs))
    if len(x) != len(y) or _frame(ours) != _frame(theirs):
        return False
    a, b = ([_value(m[0]) for m in found] for found in (x, y))
    finite = [abs(v) for v in b if abs(v) < float("inf")]
    scale = max(finite, default=0.0) if "e-" in theirs or "e+" in theirs else 1.0
    integral = [re.fullmatch(r"-?\d+", m[0]) is not None for m in y]
    allowed = max(1.1e-4 * scale, NOISE)
    return all(
        p == q or (p != p and q != q) or (not whole and abs(p - q) <= 2e-4 * abs(q) + allowed)
        for p, q, whole in zip(a, b, integral, strict=True)
    )


def _neutral(text: str) -> str:
    """Without the names of modules of objects that print their address, and of built-ins."""
    text = re.sub(r"<built-in (?:method|function) (\w+)[^>]*>", r"<function \1 at 0x0>", text)
    text = re.sub(r"<[\w.]+\.(\w+) object at 0x0>", r"<\1 object>", text)
    return text.replace("rushlight", "torch")


def _frame(text: str) -> str:
    return re.sub(r"\s+", "", NUMBER.sub("#", text))


def _value(text: str) -> float:
    return float(text.rstrip("j"))


def compare(case: dict[str, Any], ours: list[list[str | None]]) -> str | None:
    """Return the first difference between torch's and rushlight's results, or None."""
    for source, index in ((case["body"][i], i) for i in case["checked"]):
        theirs, (error, text) = case["printed"][index], ours[index]
        if re.search(r"\bempty\w*\([^)]*\)+$|new_empty", source):  # whatever lies in memory
            text, theirs = NUMBER.sub("#", text or ""), NUMBER.sub("#", theirs)
        if error is not None:
            return f"{source.splitlines()[0][:90]}  ->  {error}"
        if not same(text or "", theirs):
            shown = f"{_indent(text or '')}\n      torch:\n{_indent(theirs)}"
            return f"{source.splitlines()[0][:90]}\n{shown}"
    return None


def _indent(text: str) -> str:
    lines = text.rstrip().splitlines() or ["(nothing)"]
    return textwrap.indent("\n".join(lines[:12]), "        ")


# ---------------------------------------------------------------------------- reporting


def torch_side() -> list[dict[str, Any]]:
    """Collect the examples and find out what they print with torch."""
    cases = collect()
    within = [case for case in cases if case["topic"] is None]
    first, second = (run("torch", within) for _ in range(2))
    for case, one, two in zip(within, first, second, strict=True):
        case["printed"] = [text for _, text in one]
        case["errors"] = [error for error, _ in one]
        steady = [
            i for i, (a, b) in enumerate(zip(one, two, strict=True)) if a[0] is None and a == b
        ]
        case["checked"] = steady
        case["topic"] = None if _says_something(case) else _reason(case, one, two)
    return cases


def _says_something(case: dict[str, Any]) -> bool:
    trivial = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return any(not isinstance(ast.parse(case["body"][i]).body[0], trivial) for i in case["checked"])


def _reason(case: dict[str, Any], one: list[Any], two: list[Any]) -> str:
    errors = [error for error, _ in one if error]
    if any(re.search(r"CUDA|cuda|MPS|XPU|xpu", error) for error in errors):
        return "needs an accelerator"
    if errors:
        kinds = Counter(error.partition(":")[0] for error in errors)
        return f"torch raises {kinds.most_common(1)[0][0]}"
    return "not deterministic" if one != two else "only definitions"


def report(cases: list[dict[str, Any]], only: list[str], quiet: bool) -> None:
    """Run what is in scope with rushlight; print shares and first differences."""
    chosen = [
        case for case in cases
        if case["topic"] is None and (not only or any(word in case["name"] for word in only))
    ]  # fmt: skip
    tally: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for case, ours in zip(chosen, run("rushlight", chosen), strict=True):
        difference = compare(case, ours)
        tally[case["space"]][0] += difference is None
        tally[case["space"]][1] += 1
        if difference is not None and not quiet:
            print(f"{case['name']}\n      {difference}")
    rows = {**tally, "all": [sum(row[k] for row in tally.values()) for k in (0, 1)]}
    print(f"\n{'namespace':<32}{'same':>6}{'of':>6}")
    for space, (good, total) in rows.items():
        print(f"{space:<32}{good:>6}{total:>6}{good / max(total, 1):>9.1%}")


def table(cases: Iterable[dict[str, Any]]) -> None:
    """Print why examples are out of scope."""
    reasons = Counter(case["topic"] for case in cases if case["topic"])
    print("left out because of" + " " * 13 + "examples")
    for reason, count in reasons.most_common():
        print(f"{reason:<34}{count:>6}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cache", type=Path, help="keeps torch's side of the comparison")
    parser.add_argument("--only", nargs="+", default=[], help="parts of names")
    parser.add_argument("--table", action="store_true", help="only say why examples are left out")
    parser.add_argument("--quiet", action="store_true", help="only the shares")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*options.work)
        return
    warnings.simplefilter("ignore")
    if options.cache and options.cache.exists():
        cases = json.loads(options.cache.read_text())
    else:
        cases = torch_side()
        if options.cache:
            options.cache.write_text(json.dumps(cases))
    if not options.table:
        report(cases, options.only, options.quiet)
    if options.table or not options.only:
        table(cases)


if __name__ == "__main__":
    main()
