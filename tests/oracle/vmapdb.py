"""Runs PyTorch's operator samples through vmap and compares with a loop over the samples.

    python tests/oracle/vmapdb.py                    # every operator that vmap runs as it is
    python tests/oracle/vmapdb.py add softmax
    python tests/oracle/vmapdb.py --tier 1 --gradients

Needs torch (CPU), for the samples only.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import Any

import numpy as np
import torch
from bridge import find, flatten, translate
from opdb import full_name, read_tiers
from torch.testing._internal.common_methods_invocations import op_db

import rushlight
from rushlight._tensor import Tensor, wrap
from rushlight.func import _tree
from rushlight.func._table import TRANSPARENT

SAMPLES = 12


def stacked(x: Tensor) -> Tensor:
    """Return three samples of a tensor's shape: the tensor, it reversed, it scaled."""
    a = x.array
    scaled = a if a.dtype.kind in "biu" else (a * a.dtype.type(0.5))
    return wrap(np.stack([a, a[::-1] if a.ndim else a, scaled]))


def compare(function: Any, args: Any, kwargs: Any, which: str) -> str | None:
    """Compare vmap with a loop; `which` tensors are batched: "all", "first" or "rest"."""
    leaves, rebuild = _tree.flatten((args, kwargs))
    tensors = [i for i, x in enumerate(leaves) if isinstance(x, Tensor)]
    chosen = {"all": tensors, "first": tensors[:1], "rest": tensors[1:]}[which]
    if not chosen:
        return None
    batches = {i: stacked(leaves[i]) for i in chosen}

    def call(*xs: Any) -> Any:
        values = list(leaves)
        for i, x in zip(chosen, xs, strict=True):
            values[i] = x
        new_args, new_kwargs = rebuild(values)
        return function(*new_args, **new_kwargs)

    try:
        rows = [list(flatten(call(*(batches[i][k] for i in chosen)))) for k in range(3)]
    except Exception:
        return None  # the reversed sample is no valid input
    if not all(isinstance(y, Tensor) for row in rows for y in row):
        return None
    if len({tuple(tuple(y.shape) for y in row) for row in rows}) > 1:
        return None
    result = list(flatten(rushlight.vmap(call)(*(batches[i] for i in chosen))))
    for position, y in enumerate(result):
        expected = np.stack([row[position].array for row in rows])
        if y.array.shape != expected.shape:
            return f"shape {y.array.shape} instead of {expected.shape}"
        if y.array.dtype != expected.dtype:
            return f"dtype {y.array.dtype} instead of {expected.dtype}"
        if not np.allclose(y.array, expected, rtol=1e-4, atol=1e-5, equal_nan=True):
            return "values differ"
    return None


def compare_pulls(function: Any, args: Any, kwargs: Any) -> str | None:
    """Compare vmap over cotangents with a loop over them."""
    leaves, rebuild = _tree.flatten((args, kwargs))
    chosen = [i for i, x in enumerate(leaves) if isinstance(x, Tensor) and x.is_floating_point()]
    if not chosen:
        return None

    def call(*xs: Any) -> Any:
        values = list(leaves)
        for i, x in zip(chosen, xs, strict=True):
            values[i] = x
        new_args, new_kwargs = rebuild(values)
        return [
            y
            for y in flatten(function(*new_args, **new_kwargs))
            if isinstance(y, Tensor) and y.is_floating_point() and y.requires_grad
        ]

    try:
        outputs, pull = rushlight.func.vjp(call, *(leaves[i] for i in chosen))
        batches = [stacked(rushlight.randn(y.shape, dtype=y.dtype)) for y in outputs]
        rows = [pull([b[k] for b in batches]) for k in range(3)]
    except Exception:
        return None
    if not outputs:
        return None
    result = rushlight.vmap(pull)(batches)
    for position, y in enumerate(result):
        expected = np.stack([row[position].array for row in rows])
        if y.array.shape != expected.shape:
            return f"gradient {position}: shape {y.array.shape} instead of {expected.shape}"
        if not np.allclose(y.array, expected, rtol=1e-4, atol=1e-5, equal_nan=True):
            return f"gradient {position}: values differ"
    return None


def main() -> int:
    """Compare the operators named on the command line, or all that run as they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tier", type=int, nargs="+", help="all operators of these tiers")
    parser.add_argument("--gradients", action="store_true", help="vmap over cotangents instead")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    tiers = read_tiers()
    listed = set().union(*(tiers[number] for number in options.tier or ()))
    agree = total = 0
    for op in op_db:
        short = op.name.split(".")[-1]
        if options.names and op.name not in options.names and short not in options.names:
            continue
        if listed and full_name(op) not in listed:
            continue
        if not options.names and not listed and short not in TRANSPARENT:
            continue
        dtype = torch.float32 if torch.float32 in op.dtypes else next(iter(op.dtypes))
        try:
            function = find(op.name, op.op)
        except AttributeError:
            continue
        problems = []
        for number, sample in enumerate(op.sample_inputs("cpu", dtype, requires_grad=False)):
            if number >= SAMPLES:
                break
            memo: dict[int, Tensor] = {}
            args, kwargs = (
                translate((sample.input, *sample.args), memo),
                translate(sample.kwargs, memo),
            )
            for which in ("pulls",) if options.gradients else ("all", "first", "rest"):
                try:
                    if options.gradients:
                        problem = compare_pulls(function, args, kwargs)
                    else:
                        problem = compare(function, args, kwargs, which)
                except Exception as error:
                    problem = f"{type(error).__name__}: {str(error)[:150]}"
                if problem:
                    problems.append(f"[{number}, {which}] {str(args)[:80]} {kwargs}: {problem}")
        total += 1
        agree += not problems
        for problem in problems[:2]:
            print(f"{op.name:30s} {problem}")
    print(f"{agree} of {total} operators agree with a loop")
    return 0 if agree == total else 1


if __name__ == "__main__":
    sys.exit(main())
