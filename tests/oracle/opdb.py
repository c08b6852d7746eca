"""Runs PyTorch's own operator samples through rushlight and compares what comes out.

    python tests/oracle/opdb.py nn.functional.relu add      # by name, variants included
    python tests/oracle/opdb.py --list names.txt            # names separated by commas or spaces
    python tests/oracle/opdb.py --dtype float64 --errors add --verbose

Needs torch (CPU); not part of the test suite proper, which must pass without it.
"""

from __future__ import annotations

import argparse
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db

import rushlight
from rushlight._tensor import Tensor, wrap

TOLERANCE = {"float32": (2e-4, 2e-5), "float64": (1e-7, 1e-8), "complex64": (2e-4, 2e-5)}


def to_array(t: torch.Tensor) -> np.ndarray:
    """Copy a torch tensor to NumPy, strides kept."""
    t = t.detach().resolve_conj().resolve_neg()
    if t.dtype is torch.bfloat16:
        return np.array(t.view(torch.int16).numpy()).view(ml_dtypes.bfloat16)
    source = t.numpy()
    if any(s < 0 for s in source.strides) or 0 in source.strides:
        return np.array(source)
    return np.array(source, order="K")


def translate(value: Any, memo: dict[int, Tensor]) -> Any:
    """Turn torch objects inside arguments into rushlight's."""
    if isinstance(value, torch.Tensor):
        if id(value) not in memo:
            tensor = wrap(to_array(value))
            tensor._requires_grad = value.requires_grad
            memo[id(value)] = tensor
        return memo[id(value)]
    if isinstance(value, torch.dtype):
        return getattr(rushlight, str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return rushlight.device(str(value))
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, (list, tuple)):
        items = [translate(v, memo) for v in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict):
        return {k: translate(v, memo) for k, v in value.items()}
    if value is torch.strided or isinstance(value, (torch.layout, torch.memory_format)):
        return getattr(rushlight, str(value).removeprefix("torch."))
    return value


def find(name: str) -> Any:
    """Return rushlight's function for an op_db name."""
    if name in WRAPPED:
        return WRAPPED[name]
    target: Any = rushlight
    for part in name.split("."):
        target = getattr(target, part, None)
        if target is None:
            break
    return target if target is not None else getattr(Tensor, name)


# op_db calls these through wrappers with another order of arguments.
WRAPPED = {
    "einsum": lambda tensors, equation: rushlight.einsum(equation, tensors),
    "nn.functional.embedding": lambda w, i, **k: rushlight.nn.functional.embedding(i, w, **k),
    "nn.functional.embedding_bag": lambda w, i, **k: rushlight.nn.functional.embedding_bag(
        i, w, **k
    ),
}


def flatten(result: Any) -> Iterator[Any]:
    """Yield the leaves of nested results in order."""
    if isinstance(result, (list, tuple)):
        for item in result:
            yield from flatten(item)
    elif result is not None:
        yield result


def close(ours: np.ndarray, theirs: np.ndarray, dtype: str) -> bool:
    """Tell whether two results agree within the dtype's tolerance."""
    if theirs.dtype.kind in "biu":
        return bool(np.array_equal(ours, theirs))
    rtol, atol = TOLERANCE.get(str(theirs.dtype), TOLERANCE.get(dtype, (2e-2, 2e-2)))
    wide = np.complex128 if theirs.dtype.kind == "c" else np.float64
    a, b = ours.astype(wide), theirs.astype(wide)
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=1.0)
    return bool(np.allclose(a, b, rtol=rtol, atol=atol * max(scale, 1.0), equal_nan=True))


@dataclass
class Outcome:
    """How one operator fared."""

    name: str
    samples: int = 0
    failures: list[str] = None  # type: ignore[assignment]
    missing: bool = False

    @property
    def passed(self) -> bool:
        """Whether every sample agreed."""
        return not self.missing and not self.failures


def compare_sample(function: Any, op: Any, sample: Any, dtype: str) -> str | None:
    """Run one sample through both; return what differs."""
    memo: dict[int, Tensor] = {}
    x, args, kwargs = (translate(v, memo) for v in (sample.input, sample.args, sample.kwargs))
    torch_leaves = [t for t in flatten([sample.input, sample.args, list(sample.kwargs.values())])
                    if isinstance(t, torch.Tensor) and t.requires_grad]  # fmt: skip
    # The seed that op_db's own wrappers of random operators set.
    torch.manual_seed(42)
    rushlight.manual_seed(42)
    expected = op.op(sample.input, *sample.args, **sample.kwargs)
    actual = function(x, *args, **kwargs)
    theirs, ours = list(flatten(expected)), list(flatten(actual))
    if len(theirs) != len(ours):
        return f"{len(ours)} outputs instead of {len(theirs)}"
    roots, torch_roots = [], []
    for i, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if not isinstance(b, torch.Tensor):
            if a != b and not (a != a and b != b):
                return f"output {i}: {a!r} instead of {b!r}"
            continue
        if not isinstance(a, Tensor):
            return f"output {i}: {type(a).__name__} instead of a Tensor"
        if str(a.dtype) != str(b.dtype):
            return f"output {i}: {a.dtype} instead of {b.dtype}"
        if tuple(a.shape) != tuple(b.shape):
            return f"output {i}: shape {tuple(a.shape)} instead of {tuple(b.shape)}"
        if not close(a.array, to_array(b), dtype):
            return (
                f"output {i}: values differ: {a.array.ravel()[:6]} instead of "
                f"{to_array(b).ravel()[:6]}"
            )
        if b.requires_grad != a.requires_grad:
            return f"output {i}: requires_grad {a.requires_grad} instead of {b.requires_grad}"
        if b.requires_grad:
            roots.append(a)
            torch_roots.append(b)
    return compare_gradients(op, sample, memo, torch_leaves, roots, torch_roots, dtype)


def compare_gradients(
    op: Any, sample: Any, memo: Any, leaves: Any, roots: Any, torch_roots: Any, dtype: str
) -> str | None:
    """Compare the gradients of the same random combination of the outputs."""
    if not roots or not leaves:
        return None
    if sample.output_process_fn_grad is not None and "linalg" in op.name:
        return (
            None  # gauge-dependent outputs: checked through invariants by the tests of the family
        )
    rng = np.random.default_rng(0)
    torch_grads, our_grads = [], []
    for b in torch_roots:
        g = rng.standard_normal(tuple(b.shape))
        g = (g + 1j * rng.standard_normal(tuple(b.shape))) if b.dtype.is_complex else g
        tensor = torch.as_tensor(np.asarray(g)).to(b.dtype)
        torch_grads.append(tensor)
        our_grads.append(wrap(to_array(tensor)))
    theirs = torch.autograd.grad(torch_roots, leaves, torch_grads, allow_unused=True)
    ours = rushlight.autograd.grad(
        roots, [memo[id(t)] for t in leaves], our_grads, allow_unused=True
    )
    for i, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if b is None or a is None:
            still_zero = (a is None or not np.any(a.array)) and (b is None or not bool(b.any()))
            if not still_zero:
                return (
                    f"gradient {i}: {'None' if a is None else 'a tensor'} instead of "
                    f"{'None' if b is None else 'one'}"
                )
            continue
        if tuple(a.shape) != tuple(b.shape) or str(a.dtype) != str(b.dtype):
            return f"gradient {i}: {a.dtype}{tuple(a.shape)} instead of {b.dtype}{tuple(b.shape)}"
        if not close(a.array, to_array(b), dtype):
            return f"gradient {i}: {a.array.ravel()[:6]} instead of {to_array(b).ravel()[:6]}"
    return None


def check_errors(function: Any, op: Any) -> list[str]:
    """Run an operator's error inputs; report other exception classes than torch's."""
    wrong = []
    for case in op.error_inputs("cpu"):
        sample = case.sample_input
        memo: dict[int, Tensor] = {}
        try:
            x, args, kwargs = (
                translate(v, memo) for v in (sample.input, sample.args, sample.kwargs)
            )
            function(x, *args, **kwargs)
        except Exception as error:
            if not isinstance(error, case.error_type):
                wrong.append(
                    f"error: {type(error).__name__} instead of {case.error_type.__name__}: {error}"
                )
        else:
            wrong.append(
                f"error: nothing raised instead of {case.error_type.__name__}: {case.error_regex}"
            )
    return wrong


def check(op: Any, dtype: str, errors: bool, limit: int) -> Outcome:
    """Compare all samples of one operator."""
    full = op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")
    outcome = Outcome(full, failures=[])
    try:
        function = find(op.name)
    except AttributeError:
        outcome.missing = True
        return outcome
    torch_dtype = getattr(torch, dtype)
    if torch_dtype not in op.dtypes:
        candidates = (torch.int64, torch.bool, torch.complex64, *op.dtypes)
        torch_dtype = next((d for d in candidates if d in op.dtypes), torch_dtype)
    wants_grad = torch_dtype.is_floating_point and op.supports_autograd
    torch.manual_seed(0)
    for number, sample in enumerate(op.sample_inputs("cpu", torch_dtype, requires_grad=wants_grad)):
        if number >= limit:
            break
        outcome.samples += 1
        try:
            problem = compare_sample(function, op, sample, dtype)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            problem = (
                f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            )
        if problem:
            arguments = re.sub(r"\s+", " ", f"{sample.args} {sample.kwargs}")[:120]
            shape = (
                tuple(sample.input.shape)
                if isinstance(sample.input, torch.Tensor)
                else sample.input
            )
            outcome.failures.append(
                f"[{number}] input {str(shape)[:60]} {arguments}: {problem}"[:400]
            )
    if errors and op.error_inputs_func is not None:
        outcome.failures += check_errors(function, op)
    return outcome


def main() -> int:
    """Compare the operators named on the command line and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", type=Path, help="a file of names")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--errors", action="store_true", help="also compare error inputs")
    parser.add_argument("--limit", type=int, default=200, help="samples for each operator")
    parser.add_argument(
        "--verbose", action="store_true", help="show every failure, not the first three"
    )
    options = parser.parse_args()
    names = set(options.names)
    if options.list:
        names |= set(re.split(r"[,\s]+", options.list.read_text().strip()))
    warnings.simplefilter("ignore")
    passed = total = 0
    for op in op_db:
        full = op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")
        if names and full not in names and op.name not in names:
            continue
        outcome = check(op, options.dtype, options.errors, options.limit)
        total += 1
        passed += outcome.passed
        if outcome.missing:
            print(f"{outcome.name:45s} missing")
        elif outcome.failures:
            print(f"{outcome.name:45s} {len(outcome.failures)} of {outcome.samples} samples differ")
            for failure in outcome.failures[: None if options.verbose else 3]:
                print(f"    {failure}")
    print(f"{passed} of {total} operators agree ({options.dtype})")
    return 0 if passed == total else 1


if __name__ == "__main__":
    sys.exit(main())
