"""Compares what operators write: `out=` and in-place forms, their dtypes and their refusals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from bridge import differing, error_class, flatten, rebind, translate

import rushlight
from rushlight._tensor import Tensor, wrap

SAMPLES = 4

# torch itself writes beyond such a result's memory.
WRITES_BEYOND = {"nn.functional.avg_pool3d"}


def _attempt(call: Callable[[], Any]) -> tuple[Any, Exception | None, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except Exception as error:
            return None, error, []
    return result, None, [w.category.__name__ for w in caught if "resize" in str(w.message)]


def _contest(ours: Callable[[], Any], theirs: Callable[[], Any], values: bool) -> Iterator[str]:
    """Run both; say how the results, exceptions or warnings about resizing differ."""
    b, their_error, their_warnings = _attempt(theirs)
    a, our_error, our_warnings = _attempt(ours)
    if their_error is not None or our_error is not None:
        if their_error is None:
            yield f"{type(our_error).__name__}: {our_error} instead of a result"
        elif our_error is None:
            what = f"{type(their_error).__name__}: {str(their_error)[:120]}"
            yield f"nothing raised instead of {what}"
        elif type(our_error) is not error_class(type(their_error).__name__):
            yield (
                f"{type(our_error).__name__}: {our_error} instead of "
                f"{type(their_error).__name__}: {str(their_error)[:120]}"
            )
        return
    if len(our_warnings) != len(their_warnings):
        yield f"{len(our_warnings)} warnings about resizing instead of {len(their_warnings)}"
    for left, right in zip(flatten(a), flatten(b), strict=True):
        # What is written may have been computed in another dtype than it is stored in.
        what = differing(left, right, "loose", values=values)
        if what:
            yield what


def _outs(results: list[torch.Tensor]) -> Iterator[tuple[str, list[torch.Tensor]]]:
    """Yield tensors to write to, of the right and of wrong kinds."""
    yield "exact", [torch.zeros_like(r) for r in results]
    yield "empty", [r.new_empty(0) for r in results]
    yield (
        "strided",
        [
            torch.zeros([2 * n for n in r.shape], dtype=r.dtype)[(slice(None, None, 2),) * r.ndim]
            for r in results
        ],
    )
    yield "larger", [r.new_zeros((*r.shape, 2)) for r in results]
    for dtype in (torch.float64, torch.float32, torch.int64, torch.bool, torch.complex64):
        yield str(dtype), [torch.zeros(r.shape, dtype=dtype) for r in results]
    if all(r.is_floating_point() for r in results):
        yield "requires grad", [torch.zeros_like(r, requires_grad=True) for r in results]
    if all(r.ndim and r.shape[0] > 1 for r in results):
        yield "overlapping itself", [r.new_zeros(()).expand(r.shape) for r in results]


def check_out(
    function: Callable[..., Any], op: Any, dtype: torch.dtype, values: bool
) -> Iterator[str]:
    """Yield how the `out=` form of an operator differs from torch's."""
    if not op.supports_out:
        return
    for number, sample in enumerate(op.sample_inputs("cpu", dtype)):
        if number >= SAMPLES:
            return
        torch.manual_seed(42)
        result = op.op(sample.input, *sample.args, **sample.kwargs)
        results = list(flatten(result))
        if not all(isinstance(r, torch.Tensor) for r in results) or "out" in sample.kwargs:
            return
        for label, outs in _outs(results):
            if label == "overlapping itself" and op.name in WRITES_BEYOND:
                continue
            memo: dict[Any, Any] = {}
            given = [translate(v, memo) for v in (sample.input, sample.args, sample.kwargs)]
            mine = [translate(t, memo) for t in outs]
            single = isinstance(result, torch.Tensor)

            def theirs(outs: Any = outs, sample: Any = sample, single: bool = single) -> Any:
                torch.manual_seed(42)
                out = outs[0] if single else tuple(outs)
                op.op(sample.input, *sample.args, **sample.kwargs, out=out)
                return outs

            def ours(outs: Any = mine, given: Any = given, single: bool = single) -> Any:
                rushlight.manual_seed(42)
                out = outs[0] if single else tuple(outs)
                function(given[0], *given[1], **given[2], out=out)
                return outs

            for problem in _contest(ours, theirs, values):
                yield f"[{number}] out {label}: {problem}"


def _targets(x: torch.Tensor) -> Iterator[tuple[str, Callable[[], torch.Tensor]]]:
    """Yield what to write to in place, each as a function that makes it afresh."""
    yield "same", lambda: x.detach().clone()
    for dtype in (torch.int64, torch.bool, torch.float64, torch.complex64):
        yield str(dtype), lambda dtype=dtype: x.detach().to(dtype, copy=True)
    if x.ndim:
        yield "expanded", lambda: x.detach()[:1].clone().expand(3, *x.shape[1:])
    if x.is_floating_point():
        yield "leaf", lambda: x.detach().clone().requires_grad_()
        yield "0-d", lambda: x.detach().new_ones(())


def check_inplace(op: Any, dtype: torch.dtype) -> Iterator[str]:
    """Yield how the in-place method of an operator differs from torch's."""
    theirs = op.inplace_variant
    if theirs is None:
        return
    if not hasattr(theirs, "__name__"):  # an option of a function, as in F.relu(x, inplace=True)
        return
    if theirs.__name__ == "<lambda>":
        mine = rebind(theirs)
    else:
        mine = getattr(Tensor, theirs.__name__, None)
    if mine is None:
        yield f"no method {theirs.__name__}"
        return
    for number, sample in enumerate(op.sample_inputs("cpu", dtype)):
        if number >= SAMPLES:
            return
        if not isinstance(sample.input, torch.Tensor) or sample.broadcasts_input:
            continue
        for label, make in _targets(sample.input):
            memo: dict[Any, Any] = {}
            target = make()
            copy = translate(target, memo)
            if label == "expanded":
                # A view that rushlight made itself, of memory that may be written to.
                copy = wrap(copy.array[:1].copy()).expand(copy.shape)
            args, kwargs = translate(sample.args, memo), translate(sample.kwargs, memo)

            def run_theirs(target: Any = target, sample: Any = sample) -> Any:
                torch.manual_seed(42)
                return theirs(target, *sample.args, **sample.kwargs)

            def run_ours(target: Any = copy, args: Any = args, kwargs: Any = kwargs) -> Any:
                rushlight.manual_seed(42)
                return mine(target, *args, **kwargs)

            for problem in _contest(run_ours, run_theirs, True):
                yield f"[{number}] in place on {label}: {problem}"
