"""Runs PyTorch's own operator samples through rushlight and compares what comes out.

    python tests/oracle/opdb.py nn.functional.relu add      # by name, variants included
    python tests/oracle/opdb.py --tier 1 --dtype float32 float64
    python tests/oracle/opdb.py --tier 1 --errors --gradgrad --writes

For every sample: values, dtypes, shapes, requires_grad; the gradients of a random combination of
the outputs; with `--gradgrad` also second gradients, and `gradgradcheck` on small samples; with
`--errors` whether wrong arguments raise what torch raises; with `--writes` the `out=` and in-place
forms, with targets that do not fit among them. `tiers.txt` lists the operators by tier; a table by
tier ends the report.
Needs torch (CPU); not part of the test suite proper, which must pass without it.
"""

from __future__ import annotations

import argparse
import re
import sys
import traceback
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db

import rushlight
from rushlight._tensor import Tensor, wrap
from rushlight.autograd.gradcheck import GradcheckError

sys.path.insert(0, str(Path(__file__).parent))

from bridge import close, differing, error_class, find, flatten, rebind, to_array, translate
from writes import check_inplace, check_out

# Their values are whatever lies in memory.
UNINITIALIZED = {
    "empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "empty_permuted",
    "resize_", "resize_as_",
}  # fmt: skip

# Larger samples are compared with torch's second gradients, but not with finite differences.
CHECKED_ELEMENTS = 12
CHECKED_SAMPLES = 4

KINDS = ("forward", "gradient", "gradgrad", "errors", "out", "inplace")


@dataclass
class Outcome:
    """How one operator fared with one dtype."""

    name: str
    dtype: str
    samples: int = 0
    done: set[str] = field(default_factory=set)
    failures: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    error_cases: int = 0

    def ok(self, kind: str) -> bool:
        """Whether everything of one kind that was compared agreed."""
        return not self.failures.get(kind) and not self.failures.get("missing")


@dataclass
class Recorded:
    """One sample after it has run through both: what gradients need."""

    ours: list[Tensor]
    theirs: list[torch.Tensor]
    our_leaves: list[Tensor]
    their_leaves: list[torch.Tensor]
    dtype: str
    at_kink: bool = False  # there torch's second gradients are partly nan, ours 0


class Differs(Exception):
    """A result is not torch's."""

    def __init__(self, kind: str, what: str):
        super().__init__(what)
        self.kind = kind


def full_name(op: Any) -> str:
    """Return the name with its variant, as the tiers list it."""
    return op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")


def read_tiers() -> dict[int, set[str]]:
    """Read which operators make up each tier."""
    tiers: dict[int, set[str]] = {}
    for line in (Path(__file__).parent / "tiers.txt").read_text().splitlines():
        if line.startswith("# tier"):
            names = tiers.setdefault(int(line.split()[-1]), set())
        elif line:
            names |= set(line.split(": ", 1)[1].split())
    return tiers


def run_forward(function: Any, op: Any, sample: Any, dtype: str) -> Recorded:
    """Run one sample through both and compare the outputs."""
    memo: dict[int, Tensor] = {}
    given = [sample.input, sample.args, sample.kwargs]
    x, args, kwargs = (translate(v, memo) for v in given)
    leaves = [t for t in flatten(given) if isinstance(t, torch.Tensor) and t.requires_grad]
    torch.manual_seed(42)
    expected = op.op(sample.input, *sample.args, **sample.kwargs)
    rushlight.manual_seed(42)
    actual = function(x, *args, **kwargs)
    # What op_db differentiates: outputs that LAPACK fixes only up to a sign are left out.
    if sample.output_process_fn_grad.__name__ != "<lambda>" or op.name == "cholesky":
        process, ours_too = sample.output_process_fn_grad, sample.output_process_fn_grad
    else:
        process = sample.output_process_fn_grad
        ours_too = rebind(process)
    expected, actual = process(expected), ours_too(actual)
    theirs, ours = list(flatten(expected)), list(flatten(actual))
    if len(theirs) != len(ours):
        raise Differs("forward", f"{len(ours)} outputs instead of {len(theirs)}")
    roots, torch_roots = [], []
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        what = differing(a, b, dtype, values=op.name not in UNINITIALIZED)
        if what:
            raise Differs("forward", f"output {i}: {what}")
        if isinstance(b, torch.Tensor):
            if b.requires_grad != a.requires_grad:
                raise Differs(
                    "gradient",
                    f"output {i}: requires_grad {a.requires_grad}, not {b.requires_grad}",
                )
            if b.requires_grad:
                roots.append(a)
                torch_roots.append(b)
    at_kink = op.variant_test_name == "subgradients_at_zero"
    return Recorded(roots, torch_roots, [memo[id(t)] for t in leaves], leaves, dtype, at_kink)


def random_like(tensors: Iterable[torch.Tensor]) -> tuple[list[Tensor], list[torch.Tensor]]:
    """Make the same random tensors for both, in the shapes and dtypes given."""
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for t in tensors:
        g = rng.standard_normal(tuple(t.shape))
        g = (g + 1j * rng.standard_normal(tuple(t.shape))) if t.dtype.is_complex else g
        theirs.append(torch.as_tensor(np.asarray(g)).to(t.dtype))
        ours.append(wrap(to_array(theirs[-1])))
    return ours, theirs


def compare_gradients(run: Recorded, *, twice: bool) -> None:
    """Compare the gradients of a random combination of the outputs, and those of the gradients."""
    if not run.theirs or not run.their_leaves:
        return
    v, torch_v = random_like(run.theirs)
    for a, b in zip(v, torch_v, strict=True):
        a._requires_grad = twice
        b.requires_grad_(twice)
    torch_g = torch.autograd.grad(
        run.theirs, run.their_leaves, torch_v, allow_unused=True, create_graph=twice
    )
    g = rushlight.autograd.grad(run.ours, run.our_leaves, v, allow_unused=True, create_graph=twice)
    _compare_all(g, torch_g, run.dtype, "gradient")
    if not twice:
        return
    # Empty gradients are left out: torch gives nan where a sum over nothing is divided by zero.
    both = [
        (a, b) for a, b in zip(g, torch_g, strict=True)
        if a is not None and b is not None and b.requires_grad and b.numel()
    ]  # fmt: skip
    if not both:
        return
    for a, _ in both:
        if not a.requires_grad:
            raise Differs("gradgrad", "the gradient has no gradient")
    w, torch_w = random_like(b for _, b in both)
    try:
        torch_gg = torch.autograd.grad(
            [b for _, b in both], [*run.their_leaves, *torch_v], torch_w, allow_unused=True
        )
    except RuntimeError as error:
        if "is not implemented" in str(error):
            return
        raise
    gg = rushlight.autograd.grad([a for a, _ in both], [*run.our_leaves, *v], w, allow_unused=True)
    if run.at_kink:
        gg, torch_gg = zip(*map(_without_nan, gg, torch_gg), strict=True)
    _compare_all(gg, torch_gg, run.dtype, "gradgrad")


def _without_nan(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """Put zeros in both where torch's is nan."""
    if ours is None or theirs is None:
        return ours, theirs
    fine = ~theirs.isnan()
    return wrap(np.where(to_array(fine), ours.array, 0)), theirs.nan_to_num()


def _compare_all(ours: Any, theirs: Any, dtype: str, kind: str) -> None:
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a is None or b is None:
            # "No gradient" and a gradient of zeros say the same.
            if (a is not None and np.any(a.array)) or (b is not None and bool(b.any())):
                what = ["a tensor", "None"] if b is None else ["None", "a tensor"]
                raise Differs(kind, f"{kind} {i}: {what[0]} instead of {what[1]}")
            continue
        if tuple(a.shape) != tuple(b.shape) or str(a.dtype) != str(b.dtype):
            raise Differs(
                kind,
                f"{kind} {i}: {a.dtype}{tuple(a.shape)} instead of {b.dtype}{tuple(b.shape)}",
            )
        if not close(a.array, to_array(b), dtype, slack=30 if kind == "gradgrad" else 1):
            raise Differs(
                kind, f"{kind} {i}: {a.array.ravel()[:6]} instead of {to_array(b).ravel()[:6]}"
            )


def finite_differences(function: Any, sample: Any) -> None:
    """Run rushlight's own gradgradcheck on one sample."""
    memo: dict[int, Tensor] = {}
    given = [translate(v, memo) for v in (sample.input, sample.args, sample.kwargs)]
    leaves = [t for t in flatten(given) if isinstance(t, Tensor) and t.requires_grad]
    for t in leaves:
        t.array = np.ascontiguousarray(t.array).reshape(t.array.shape)
    process = rebind(sample.output_process_fn_grad)

    def call(*values: Tensor) -> Any:
        swapped = dict(zip(map(id, leaves), values, strict=True))

        def put(x: Any) -> Any:
            if isinstance(x, (list, tuple)):
                return type(x)(put(i) for i in x)
            if isinstance(x, dict):
                return {k: put(i) for k, i in x.items()}
            return swapped.get(id(x), x)

        rushlight.manual_seed(42)
        x, args, kwargs = put(given)
        result = process(function(x, *args, **kwargs))
        found = tuple(y for y in flatten(result) if isinstance(y, Tensor) and y.requires_grad)
        return found

    # Finite differences see nothing through a rounding to fewer digits.
    outputs = call(*leaves)
    if leaves and outputs and all(y.dtype.itemsize >= 8 and not y.isnan().any() for y in outputs):
        rushlight.manual_seed(0)
        try:
            rushlight.autograd.gradgradcheck(call, tuple(leaves), atol=1e-4)
        except GradcheckError as error:
            raise Differs("gradgrad", f"gradgradcheck: {str(error)[:200]}") from None


def _elements(sample: Any) -> int:
    tensors = flatten([sample.input, sample.args, sample.kwargs])
    return sum(t.numel() for t in tensors if isinstance(t, torch.Tensor) and t.requires_grad)


def check_errors(function: Any, op: Any, outcome: Outcome) -> None:
    """Run an operator's error inputs; note where the class of the exception is not torch's."""
    for case in op.error_inputs("cpu"):
        sample = case.sample_input
        try:
            op.op(sample.input, *sample.args, **sample.kwargs)
        except Exception as error:
            theirs = error
        else:
            continue
        outcome.error_cases += 1
        memo: dict[int, Tensor] = {}
        problem = None
        try:
            given = [translate(v, memo) for v in (sample.input, sample.args, sample.kwargs)]
            function(given[0], *given[1], **given[2])
        except Exception as error:
            want = error_class(type(theirs).__name__)
            if type(error) is not want:
                where = traceback.extract_tb(error.__traceback__)[-1]
                problem = f"{type(error).__name__}: {error} ({_place(where)})"
        else:
            problem = "nothing raised"
        if problem:
            outcome.failures["errors"].append(
                f"{_describe(sample)}: {problem} instead of {type(theirs).__name__}: "
                f"{str(theirs)[:150]}"
            )


def _place(where: traceback.FrameSummary) -> str:
    return f"{Path(where.filename).name}:{where.lineno}"


def _describe(sample: Any) -> str:
    return f"{_brief(sample.input)}, {_brief(sample.args)}, {_brief(sample.kwargs)}"[:200]


def _brief(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        return f"{kind}{list(value.shape)}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(_brief, value)) + ")"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_brief(v)}" for k, v in value.items()) + "}"
    return str(value)


def choose_dtype(op: Any, dtype: str) -> torch.dtype | None:
    """Return the dtype asked for; in place of float32 or float64 one that the operator takes."""
    wanted = getattr(torch, dtype)
    if wanted in op.dtypes:
        return wanted
    if dtype not in ("float32", "float64"):
        return None
    candidates = (torch.int64, torch.bool, torch.complex64, *op.dtypes)
    return next((d for d in candidates if d in op.dtypes), None)


def check(op: Any, dtype: str, options: argparse.Namespace) -> Outcome:
    """Compare all samples of one operator."""
    outcome = Outcome(full_name(op), dtype)
    try:
        function = find(op.name, op.op)
    except AttributeError:
        outcome.failures["missing"].append("not there")
        return outcome
    torch_dtype = choose_dtype(op, dtype)
    if torch_dtype is None:
        return outcome
    differentiable = op.supports_autograd and (
        torch_dtype.is_floating_point or torch_dtype.is_complex
    )
    twice = options.gradgrad and differentiable and op.supports_gradgrad
    outcome.done = {"forward"} | ({"gradient"} if differentiable else set())
    outcome.done |= {"gradgrad"} if twice else set()
    torch.manual_seed(0)
    checked = 0
    samples = op.sample_inputs("cpu", torch_dtype, requires_grad=differentiable)
    for number, sample in enumerate(samples):
        if number >= options.limit:
            break
        outcome.samples += 1
        kind = "forward"
        try:
            run = run_forward(function, op, sample, dtype)
            kind = "gradient"
            compare_gradients(run, twice=False) if not twice else None
            if twice:
                kind = "gradgrad"
                compare_gradients(run, twice=True)
                if (
                    dtype == "float64"
                    and checked < CHECKED_SAMPLES
                    and op.variant_test_name != "subgradients_at_zero"
                    and 0 < _elements(sample) <= CHECKED_ELEMENTS
                ):
                    checked += 1
                    finite_differences(function, sample)
            continue
        except Differs as difference:
            kind, problem = difference.kind, str(difference)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            problem = f"{type(error).__name__}: {error} ({_place(where)})"
        outcome.failures[kind].append(f"[{number}] {_describe(sample)}: {problem}"[:400])
    if options.writes:
        outcome.done |= {"out", "inplace"}
        plain = op.name not in UNINITIALIZED
        outcome.failures["out"] += check_out(function, op, torch_dtype, plain)
        outcome.failures["inplace"] += check_inplace(op, torch_dtype)
    if options.errors and op.error_inputs_func is not None:
        outcome.done.add("errors")
        check_errors(function, op, outcome)
    return outcome


def show(outcome: Outcome, verbose: bool) -> None:
    """Print what differs in one operator."""
    for kind, found in outcome.failures.items():
        if not found:
            continue
        total = {"errors": outcome.error_cases, "out": "?", "inplace": "?"}.get(
            kind, outcome.samples
        )
        print(f"{outcome.name} ({outcome.dtype}): {kind}, {len(found)} of {total}")
        for failure in found[: None if verbose else 3]:
            print(f"    {failure}")


def table(outcomes: list[Outcome], tiers: dict[int, set[str]]) -> None:
    """Print how many operators of each tier agree, and the names of those that do not."""
    groups: list[tuple[str, list[Outcome]]] = [
        (f"tier {number}", [o for o in outcomes if o.name in names])
        for number, names in tiers.items()
    ]
    listed = set().union(*tiers.values())
    groups.append(("others", [o for o in outcomes if o.name not in listed]))
    print(f"\n{'':10s}" + "".join(f"{k:>16s}" for k in KINDS) + f"{'error cases':>16s}")
    for label, group in groups:
        by_name: dict[str, list[Outcome]] = defaultdict(list)
        for o in group:
            by_name[o.name].append(o)
        if not by_name:
            continue
        cells = []
        for kind in KINDS:
            asked = [
                name
                for name, found in by_name.items()
                if any(kind in o.done or o.failures["missing"] for o in found)
            ]
            good = [n for n in asked if all(o.ok(kind) for o in by_name[n])]
            cells.append(f"{len(good)} of {len(asked)}" if asked else "-")
        cases = sum(o.error_cases for o in group)
        wrong = sum(len(o.failures.get("errors", ())) for o in group)
        cells.append(f"{cases - wrong} of {cases}" if cases else "-")
        print(f"{label:10s}" + "".join(f"{c:>16s}" for c in cells))
    for kind in ("missing", *KINDS):
        names = sorted({o.name for o in outcomes if o.failures.get(kind)})
        if names:
            print(f"{kind}: {', '.join(names)}")


def main() -> int:
    """Compare the operators named on the command line and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tier", type=int, nargs="+", help="all operators of these tiers")
    parser.add_argument("--list", type=Path, help="a file of names")
    parser.add_argument("--dtype", nargs="+", default=["float32"])
    parser.add_argument("--errors", action="store_true", help="also compare error inputs")
    parser.add_argument("--gradgrad", action="store_true", help="also compare second gradients")
    parser.add_argument("--writes", action="store_true", help="also compare out= and in-place")
    parser.add_argument("--limit", type=int, default=200, help="samples for each operator")
    parser.add_argument(
        "--verbose", action="store_true", help="show every failure, not the first three"
    )
    options = parser.parse_args()
    tiers = read_tiers()
    names = set(options.names)
    if options.list:
        names |= set(re.split(r"[,\s]+", options.list.read_text().strip()))
    for tier in options.tier or ():
        names |= tiers[tier]
    warnings.simplefilter("ignore")
    outcomes = []
    for op in op_db:
        if names and full_name(op) not in names and (options.tier or op.name not in names):
            continue
        for number, dtype in enumerate(options.dtype):
            once = argparse.Namespace(**vars(options))
            once.errors = options.errors and number == 0
            outcome = check(op, dtype, once)
            show(outcome, options.verbose)
            outcomes.append(outcome)
    table(outcomes, tiers)
    return 1 if any(f for o in outcomes for f in o.failures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
