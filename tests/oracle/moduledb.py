"""Runs PyTorch's own module samples through rushlight and compares the two.

    python tests/oracle/moduledb.py                 # every module rushlight has
    python tests/oracle/moduledb.py BatchNorm2d Linear --dtype float64

For each sample of torch's module_db and of more_modules.py, in training and in evaluation mode:
initial weights from the same seed, repr, keys of the state; then, with the state copied over, the
output, the gradients of inputs and parameters, and the state afterwards. Needs torch (CPU); not
part of the test suite.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import io
import sys
import traceback
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_modules import module_db

import rushlight
from rushlight._tensor import Tensor, wrap

sys.path.insert(0, str(Path(__file__).parent))

from more_modules import MORE
from opdb import close, flatten, to_array, translate


def translate_options(value: Any) -> Any:
    """Turn torch objects inside constructor arguments into rushlight's."""
    if inspect.isfunction(value) or inspect.isbuiltin(value):
        found = getattr(rushlight.nn.functional, value.__name__, None)
        return found or getattr(rushlight, value.__name__, value)
    if isinstance(value, dict):
        return {k: translate_options(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(translate_options(v) for v in value)
    if isinstance(value, torch.nn.Module):
        return through_file(value)
    if isinstance(value, torch.nn.LinearCrossEntropyOptions):
        names = (f.name for f in dataclasses.fields(value))
        return rushlight.nn.LinearCrossEntropyOptions(
            **translate_options({name: getattr(value, name) for name in names})
        )
    return translate(value, {})


def through_file(module: Any) -> Any:
    """Bring a module over with its options and weights."""
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return rushlight.load(file, weights_only=False)


def state_of(module: Any) -> dict[str, np.ndarray]:
    """Copy the state of a torch module into arrays."""
    return OrderedDict((k, to_array(v)) for k, v in module.state_dict().items() if not lazy(v))


def lazy(value: Any) -> bool:
    """Tell whether a torch tensor has no shape yet."""
    return isinstance(value, torch.nn.parameter.UninitializedTensorMixin)


def difference(ours: Any, theirs: Any, dtype: str, what: str) -> str | None:
    """Compare two nested results."""
    left, right = list(flatten(ours)), list(flatten(theirs))
    if len(left) != len(right):
        return f"{what}: {len(left)} parts instead of {len(right)}"
    for a, b in zip(left, right, strict=True):
        if not isinstance(b, torch.Tensor):
            if a != b:
                return f"{what}: {a!r} instead of {b!r}"
            continue
        if not isinstance(a, Tensor):
            return f"{what}: {type(a).__name__} instead of a Tensor"
        if str(a.dtype) != str(b.dtype) or tuple(a.shape) != tuple(b.shape):
            return f"{what}: {a.dtype}{tuple(a.shape)} instead of {b.dtype}{tuple(b.shape)}"
        if not close(a.array, to_array(b), dtype):
            return f"{what}: {a.array.ravel()[:5]} instead of {to_array(b).ravel()[:5]}"
    return None


def compare_new(ours: Any, theirs: Any, dtype: str) -> str | None:
    """Compare two modules just made: repr, keys, initial values."""
    if repr(ours) != repr(theirs):
        return f"repr: {ours!r} instead of {theirs!r}"
    left, right = ours.state_dict(), theirs.state_dict()
    if list(left) != list(right):
        return f"state keys: {list(left)} instead of {list(right)}"
    if left._metadata != right._metadata:
        return f"state versions: {dict(left._metadata)} instead of {dict(right._metadata)}"
    if [n for n, _ in ours.named_parameters()] != [n for n, _ in theirs.named_parameters()]:
        return "names of parameters differ"
    for key, value in right.items():
        if not lazy(value) and (problem := difference(left[key], value, dtype, f"initial {key}")):
            return problem
    return None


def compare_call(ours: Any, theirs: Any, forward: Any, dtype: str) -> str | None:
    """Compare outputs, gradients and the state afterwards for the same state before."""
    memo: dict[int, Tensor] = {}
    args, kwargs = translate(forward.args, memo), translate(forward.kwargs, memo)
    inputs = [t for t in flatten([forward.args, list(forward.kwargs.values())])
              if isinstance(t, torch.Tensor) and t.requires_grad]  # fmt: skip
    for t in inputs:
        t.retain_grad()
    torch.manual_seed(5)
    rushlight.manual_seed(5)
    try:
        expected = theirs(*forward.args, **forward.kwargs)
    except RuntimeError as error:  # samples that torch itself refuses
        return refusal(ours, args, kwargs, error)
    actual = ours(*args, **kwargs)
    if problem := difference(actual, expected, dtype, "output"):
        return problem
    roots = [t for t in flatten(expected) if isinstance(t, torch.Tensor) and t.requires_grad]
    our_roots = [t for t in flatten(actual) if isinstance(t, Tensor) and t.requires_grad]
    if len(roots) != len(our_roots):
        return f"{len(our_roots)} outputs with gradient instead of {len(roots)}"
    if roots:
        rng = np.random.default_rng(0)
        seeds = [torch.as_tensor(rng.standard_normal(tuple(r.shape))).to(r.dtype) for r in roots]
        torch.autograd.backward(roots, seeds)
        rushlight.autograd.backward(our_roots, [wrap(to_array(s)) for s in seeds])
        for i, t in enumerate(inputs):
            if problem := compare_gradient(memo[id(t)], t, dtype, f"gradient of input {i}"):
                return problem
        for (name, a), (_, b) in zip(
            ours.named_parameters(), theirs.named_parameters(), strict=True
        ):
            if problem := compare_gradient(a, b, dtype, f"gradient of {name}"):
                return problem
    left, right = ours.state_dict(), theirs.state_dict()
    for key, value in right.items():
        if problem := difference(left[key], value, dtype, f"{key} afterwards"):
            return problem
    return None if repr(ours) == repr(theirs) else f"repr: {ours!r} instead of {theirs!r}"


def refusal(ours: Any, args: Any, kwargs: Any, theirs: RuntimeError) -> str | None:
    """Compare a call with one that torch has refused."""
    try:
        ours(*args, **kwargs)
    except RuntimeError as error:
        return None if str(error) == str(theirs) else f"error {error} instead of {theirs}"
    return f"no error instead of {theirs}"


def compare_gradient(ours: Any, theirs: Any, dtype: str, what: str) -> str | None:
    """Compare two gradients; a missing one equals zero."""
    if ours.grad is None or theirs.grad is None:
        present = [g for g in (ours.grad, theirs.grad) if g is not None]
        return f"{what}: one is missing" if any(bool((g != 0).any()) for g in present) else None
    return difference(ours.grad, theirs.grad.to_dense(), dtype, what)


def check(info: Any, ours: type, dtype: str, training: bool) -> tuple[int, list[str]]:
    """Compare all samples of one module."""
    torch_dtype = getattr(torch, dtype)
    samples = info.module_inputs_func(
        info, device="cpu", dtype=torch_dtype, requires_grad=True, training=training
    )
    failures = []
    count = 0
    for number, sample in enumerate(samples):
        count += 1
        made = sample.constructor_input
        try:
            options = dict(made.kwargs)
            takes_dtype = "dtype" not in options and (
                "dtype" in inspect.signature(info.module_cls.__init__).parameters
                or issubclass(info.module_cls, torch.nn.RNNBase)
            )
            torch.manual_seed(number)
            theirs = info.module_cls(
                *made.args, **options, **({"dtype": torch_dtype} if takes_dtype else {})
            )
            rushlight.manual_seed(number)
            module = ours(
                *translate_options(made.args),
                **translate_options(options),
                **({"dtype": getattr(rushlight, dtype)} if takes_dtype else {}),
            )
            theirs.train(training)
            module.train(training)
            problem = compare_new(module, theirs, dtype)
            if not problem and sample.forward_input is not None:
                for p in theirs.buffers():  # statistics other than 0 and 1
                    if (
                        not lazy(p)
                        and p.is_floating_point()
                        and info.name.startswith(("nn.BatchNorm", "nn.Inst"))
                    ):
                        p.uniform_(0.5, 1.5)
                module.load_state_dict(
                    OrderedDict((k, wrap(v)) for k, v in state_of(theirs).items()), strict=False
                )
                problem = compare_call(module, theirs, sample.forward_input, dtype)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            problem = (
                f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            )
        if problem:
            arguments = " ".join(f"{made.args} {made.kwargs} {sample.desc}".split())[:100]
            failures.append(f"[{number}] {arguments}: {problem}"[:500])
    return count, failures


def main() -> int:
    """Compare the modules named on the command line (default: all) and print what differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--dtype", choices=("float32", "float64"), action="append")
    parser.add_argument(
        "--verbose", action="store_true", help="show every failure, not the first two"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    passed = total = samples = 0
    missing = []
    for info in [*module_db, *MORE]:
        name = info.name.removeprefix("nn.")
        if options.names and name not in options.names:
            continue
        ours = getattr(rushlight.nn, name, None)
        if ours is None:
            missing.append(name)
            continue
        for dtype in options.dtype or ("float32", "float64"):
            for training in (True, False) if info.train_and_eval_differ else (True,):
                count, failures = check(info, ours, dtype, training)
                samples += count
                total += 1
                passed += not failures
                if failures:
                    print(
                        f"{name} {dtype} {'train' if training else 'eval'}: {len(failures)} of "
                        f"{count} differ"
                    )
                    for failure in failures[: None if options.verbose else 2]:
                        print(f"    {failure}")
    print(
        f"{passed} of {total} runs agree ({samples} samples)"
        + (f"; missing: {', '.join(missing)}" if missing else "")
    )
    return 0 if passed == total else 1


if __name__ == "__main__":
    sys.exit(main())
