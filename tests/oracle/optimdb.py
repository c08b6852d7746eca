"""Runs PyTorch's own optimizer configurations through rushlight and compares parameters and states.

    python tests/oracle/optimdb.py                # every optimizer
    python tests/oracle/optimdb.py Adam LBFGS     # by name

Each configuration runs on float32, on float64 and, where PyTorch supports it, on complex64; the
state then moves from each library to the other and training goes on. Needs torch (CPU); not part
of the test suite proper, which must pass without it.
"""

from __future__ import annotations

import copy
import re
import sys
import warnings
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

import rushlight

TOLERANCE = {"float32": 1e-6, "float64": 1e-12, "complex64": 1e-6}
# Muon iterates in bfloat16, where one rounding that differs is 2^-8 of a step; L-BFGS iterates
# twenty times in a step.
FACTORS = {"Muon": 10, "LBFGS": 10}
SHAPES = ((4, 3), (3, 5), (6, 2))


def translate(value: Any, T: Any) -> Any:
    """Turn torch tensors inside options or states into those of library T."""
    if isinstance(value, (torch.Tensor, rushlight.Tensor)):
        return T.tensor(value.detach().numpy().copy())
    if isinstance(value, dict):
        return {k: translate(v, T) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(translate(v, T) for v in value)
    return value


class Run:
    """One library's parameters and optimizer."""

    def __init__(self, T: Any, name: str, options: dict[str, Any], start: list[np.ndarray]):
        self.T = T
        self.options = translate(options, T)
        self.name = name
        self.parameters = [T.nn.Parameter(T.tensor(a.copy())) for a in start]
        self.optimizer = getattr(T.optim, name)(self.parameters, **self.options)

    def step(self, target: list[np.ndarray], scale: list[np.ndarray]) -> None:
        """Minimize a quartic around a target."""
        T = self.T

        def closure() -> Any:
            self.optimizer.zero_grad()
            loss = 0
            for p, t, s in zip(self.parameters, target, scale, strict=True):
                square = ((p - T.tensor(t)) * T.tensor(s)).abs() ** 2
                loss = loss + (square + 0.1 * square * square).sum()
            # The optimum stays where it is, so that nothing diverges.
            loss = -loss if self.options.get("maximize") else loss
            loss.backward()
            if self.name == "SparseAdam":
                for p in self.parameters:
                    p.grad = p.grad.to_sparse()
            return loss

        if self.name == "LBFGS":
            self.optimizer.step(closure)
        else:
            closure()
            self.optimizer.step()

    def arrays(self) -> list[np.ndarray]:
        """Return the parameters."""
        return [p.detach().numpy() for p in self.parameters]

    def swap_state(self, other: Run) -> dict[str, Any]:
        """Return the other's state as this library's."""
        return translate(copy.deepcopy(other.optimizer.state_dict()), self.T)


def difference(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """Return the largest difference relative to an array's largest element."""
    return max(
        float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(ours, theirs, strict=True)
    )


def states_differ(ours: Any, theirs: Any, where: str = "state_dict") -> str | None:
    """Compare keys, kinds, shapes and dtypes of state_dicts."""
    if isinstance(theirs, torch.Tensor):
        if not isinstance(ours, rushlight.Tensor):
            return f"{where}: {type(ours).__name__} instead of a Tensor"
        a, b = ((tuple(x.shape), str(x.dtype).split(".")[-1]) for x in (ours, theirs))
        return None if a == b else f"{where}: {a} instead of {b}"
    if isinstance(theirs, dict):
        if set(ours) != set(theirs):
            return f"{where}: keys {sorted(map(str, ours))} instead of {sorted(map(str, theirs))}"
        pairs = [(f"{where}[{k!r}]", ours[k], theirs[k]) for k in theirs]
    elif isinstance(theirs, (list, tuple)):
        if len(ours) != len(theirs):
            return f"{where}: {len(ours)} items instead of {len(theirs)}"
        pairs = [(f"{where}[{i}]", a, b) for i, (a, b) in enumerate(zip(ours, theirs, strict=True))]
    else:
        same = type(ours) is type(theirs) and (isinstance(theirs, float) or ours == theirs)
        return None if same else f"{where}: {ours!r} instead of {theirs!r}"
    return next(filter(None, (states_differ(a, b, w) for w, a, b in pairs)), None)


def compare(name: str, options: dict[str, Any], dtype: str) -> str | None:
    """Run ten steps in both libraries, then five more with states exchanged."""
    rng = np.random.default_rng(0)

    def draw() -> list[np.ndarray]:
        parts = [rng.standard_normal(s) for s in SHAPES]
        if dtype.startswith("complex"):
            parts = [p + 1j * rng.standard_normal(p.shape) for p in parts]
        return [p.astype(dtype) for p in parts]

    start, target = draw(), draw()
    scale = [(0.5 + rng.random(s)).astype(dtype) for s in SHAPES]
    ours, theirs = (Run(T, name, options, start) for T in (rushlight, torch))
    tolerance = TOLERANCE[dtype] * FACTORS.get(name, 1)
    for step in range(10):
        ours.step(target, scale)
        theirs.step(target, scale)
        found = difference(ours.arrays(), theirs.arrays())
        if not found <= tolerance:
            return f"step {step + 1}: parameters differ by {found:.1e}"
    problem = states_differ(ours.optimizer.state_dict(), theirs.optimizer.state_dict())
    if problem:
        return problem
    middle = theirs.arrays()
    resumed = [Run(T, name, options, middle) for T in (torch, rushlight, torch)]
    for run, source in zip(resumed, (theirs, theirs, ours), strict=True):
        run.optimizer.load_state_dict(run.swap_state(source))
        for _ in range(5):
            run.step(target, scale)
    for run, source in zip(resumed[1:], ("torch's", "rushlight's"), strict=True):
        found = difference(run.arrays(), resumed[0].arrays())
        if not found <= 5 * tolerance:
            return f"after loading {source} state: parameters differ by {found:.1e}"
    return None


def check_error(name: str, case: Any) -> str | None:
    """Raise what torch raises."""
    given = case.optimizer_error_input
    kwargs = {k: translate(v, rushlight) for k, v in given.kwargs.items()}
    memo: dict[int, Any] = {}

    def parameter(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            array = (value.to_dense() if value.is_sparse else value).detach().numpy()
            dense = rushlight.tensor(array)
            if value.is_sparse:
                return memo.setdefault(id(value), dense.to_sparse())
            made = rushlight.nn.Parameter(dense)
            if value.grad is not None:
                made.grad = rushlight.tensor(value.grad.numpy())
            return memo.setdefault(id(value), made)
        if isinstance(value, dict):
            return {k: parameter(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(parameter(v) for v in value)
        return value

    one = rushlight.nn.Parameter(rushlight.ones(1, 1))
    params = [one] if given.params is None else parameter(given.params)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            optimizer = getattr(rushlight.optim, name)(params, **kwargs)
            if case.error_on is OptimizerErrorEnum.STEP_ERROR:
                optimizer.step()
    except Exception as error:
        fits = isinstance(error, case.error_type) and re.search(case.error_regex, str(error))
        return None if fits else f"{type(error).__name__}: {error}"
    return "nothing raised"


def main() -> int:
    """Compare the optimizers named on the command line, or all."""
    warnings.simplefilter("ignore")
    failed = total = 0
    for info in optim_db:
        if sys.argv[1:] and info.name not in sys.argv[1:]:
            continue
        if not hasattr(rushlight.optim, info.name):
            print(f"{info.name}: missing")
            continue
        dtypes = ["float32", "float64"] + ["complex64"] * info.supports_complex
        for given in info.optim_inputs_func(device="cpu"):
            for dtype in dtypes:
                total += 1
                try:
                    problem = compare(info.name, given.kwargs, dtype)
                except Exception as error:
                    problem = f"{type(error).__name__}: {error}"
                failed += problem is not None
                if problem:
                    print(f"{info.name} {dtype} {given.desc} {given.kwargs}: {problem}"[:300])
        for case in info.optim_error_inputs_func("cpu", torch.float32):
            total += 1
            problem = check_error(info.name, case)
            failed += problem is not None
            if problem:
                print(f"{info.name} error '{case.optimizer_error_input.desc}': {problem}")
    print(f"{total - failed} of {total} agree")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
