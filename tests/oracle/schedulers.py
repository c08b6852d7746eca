"""Runs learning-rate schedules of PyTorch and of rushlight side by side.

    python tests/oracle/schedulers.py                # every schedule
    python tests/oracle/schedulers.py CyclicLR OneCycleLR

Fifty steps of each configuration, with two groups of different rates: rates and momenta after every
step, the schedule's state in the end; and, from the middle on, schedules that continue from the
other library's state. Needs torch (CPU); not part of the test suite proper, which must pass
without it.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch

import rushlight

STEPS, MIDDLE = 50, 20
# A schedule from `lr_scheduler` (L), `swa_utils` (S) and an optimizer.
Maker = Callable[[Any, Any, Any], Any]

SCHEDULES: dict[str, list[Maker]] = {
    "LambdaLR": [
        lambda L, S, o: L.LambdaLR(o, lambda t: 0.95**t),
        lambda L, S, o: L.LambdaLR(o, [lambda t: 1 / (t + 1), lambda t: min(1.0, t / 10)]),
    ],
    "MultiplicativeLR": [
        lambda L, S, o: L.MultiplicativeLR(o, lambda t: 0.95),
        lambda L, S, o: L.MultiplicativeLR(o, [lambda t: 0.9, lambda t: 1 - 1 / (t + 5)]),
    ],
    "StepLR": [lambda L, S, o: L.StepLR(o, 7), lambda L, S, o: L.StepLR(o, 1, gamma=0.97)],
    "MultiStepLR": [
        lambda L, S, o: L.MultiStepLR(o, [5, 30, 31]),
        lambda L, S, o: L.MultiStepLR(o, [3, 3, 40], gamma=0.5),
    ],
    "ConstantLR": [
        lambda L, S, o: L.ConstantLR(o),
        lambda L, S, o: L.ConstantLR(o, factor=0.5, total_iters=12),
    ],
    "LinearLR": [
        lambda L, S, o: L.LinearLR(o),
        lambda L, S, o: L.LinearLR(o, 0.01, 0.6, total_iters=33),
    ],
    "ExponentialLR": [lambda L, S, o: L.ExponentialLR(o, 0.9)],
    "PolynomialLR": [
        lambda L, S, o: L.PolynomialLR(o),
        lambda L, S, o: L.PolynomialLR(o, total_iters=45, power=2.0),
    ],
    "CosineAnnealingLR": [
        lambda L, S, o: L.CosineAnnealingLR(o, 50),
        lambda L, S, o: L.CosineAnnealingLR(o, T_max=7, eta_min=0.01),
    ],
    "CosineAnnealingWarmRestarts": [
        lambda L, S, o: L.CosineAnnealingWarmRestarts(o, 10),
        lambda L, S, o: L.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.001),
    ],
    "CyclicLR": [
        lambda L, S, o: L.CyclicLR(o, 0.01, 0.1, step_size_up=5),
        lambda L, S, o: L.CyclicLR(o, [0.01, 0.02], [0.1, 0.3], 6, 9, mode="triangular2"),
        lambda L, S, o: L.CyclicLR(o, 0.01, 0.1, 4, mode="exp_range", gamma=0.99),
        lambda L, S, o: L.CyclicLR(o, 0.01, 0.1, 4, cycle_momentum=False, scale_fn=_halve),
        lambda L, S, o: L.CyclicLR(o, 0.01, 0.1, 5, base_momentum=0.7, max_momentum=0.95),
    ],
    "OneCycleLR": [
        lambda L, S, o: L.OneCycleLR(o, max_lr=0.5, total_steps=STEPS + 1),
        lambda L, S, o: L.OneCycleLR(o, [0.5, 0.2], epochs=6, steps_per_epoch=10, pct_start=0.4),
        lambda L, S, o: L.OneCycleLR(o, 0.5, total_steps=60, anneal_strategy="linear"),
        lambda L, S, o: L.OneCycleLR(
            o, 0.5, 60, three_phase=True, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
    ],
    "ReduceLROnPlateau": [
        lambda L, S, o: L.ReduceLROnPlateau(o, patience=2),
        lambda L, S, o: L.ReduceLROnPlateau(o, "max", 0.5, 1, threshold_mode="abs", cooldown=3),
        lambda L, S, o: L.ReduceLROnPlateau(o, factor=0.2, patience=0, min_lr=[0.01, 0.001]),
    ],
    "SequentialLR": [
        lambda L, S, o: L.SequentialLR(
            o, [L.LinearLR(o, 0.1, total_iters=5), L.CosineAnnealingLR(o, 45)], milestones=[5]
        ),
        lambda L, S, o: L.SequentialLR(
            o, [L.ConstantLR(o, 0.1, 4), L.ExponentialLR(o, 0.9), L.StepLR(o, 3)], [4, 20]
        ),
    ],
    "ChainedScheduler": [
        lambda L, S, o: L.ChainedScheduler([L.ConstantLR(o, 0.1, 4), L.ExponentialLR(o, 0.95)]),
        lambda L, S, o: L.ChainedScheduler([L.StepLR(o, 9), L.CosineAnnealingLR(o, 30)], o),
    ],
    "SWALR": [
        lambda L, S, o: S.SWALR(o, swa_lr=0.05),
        lambda L, S, o: S.SWALR(o, [0.3, 0.001], anneal_epochs=20, anneal_strategy="linear"),
    ],
}
OPTIMIZERS = {
    "SGD": lambda T, groups: T.optim.SGD(groups, lr=0.1, momentum=0.9),
    "Adam": lambda T, groups: T.optim.Adam(groups, lr=0.1),
}


def _halve(cycle: float) -> float:
    return 0.5 ** (cycle - 1)


class Run:
    """One library's optimizer and schedule."""

    def __init__(self, T: Any, optimizer: str, make: Maker):
        groups = [
            {"params": [T.nn.Parameter(T.ones(2))]},
            {"params": [T.nn.Parameter(T.ones(3))], "lr": 0.02},
        ]
        self.optimizer = OPTIMIZERS[optimizer](T, groups)
        self.schedule = make(T.optim.lr_scheduler, T.optim.swa_utils, self.optimizer)

    def step(self, number: int) -> list[Any]:
        """Take one step; return the rates and momenta after it."""
        self.optimizer.step()
        if type(self.schedule).__name__ == "ReduceLROnPlateau":
            self.schedule.step(_metric(number))
        else:
            self.schedule.step()
        return [
            [group["lr"], group.get("momentum"), group.get("betas"), group.get("initial_lr")]
            for group in self.optimizer.param_groups
        ] + [self.schedule.get_last_lr()]

    def continue_from(self, other: Run) -> None:
        """Take over the other's position and rates."""
        self.schedule.load_state_dict(copy.deepcopy(other.schedule.state_dict()))
        for group, source in zip(
            self.optimizer.param_groups, other.optimizer.param_groups, strict=True
        ):
            group.update({k: v for k, v in source.items() if k != "params"})


def _metric(number: int) -> float:
    """Falls, stays, falls a little, rises."""
    return 1.0 / (1 + number) if number % 13 < 6 else 0.2 + 0.01 * (number % 5)


def plain(state: Any) -> Any:
    """Return a state without the objects that only one library has."""
    if isinstance(state, dict):
        return {k: plain(v) for k, v in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(plain(v) for v in state)
    return state if isinstance(state, (int, float, str, bool, type(None))) else type(state).__name__


def same(ours: Any, theirs: Any) -> bool:
    """Compare nested values; floats may differ in the last place."""
    if isinstance(theirs, dict):
        return set(ours) == set(theirs) and all(same(ours[k], theirs[k]) for k in theirs)
    if isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, float):
        return bool(ours == theirs or abs(ours - theirs) <= 1e-14 * max(1.0, abs(theirs)))
    return bool(ours == theirs)


def compare(optimizer: str, make: Maker) -> str | None:
    """Return the first difference, or None."""
    ours, theirs = Run(rushlight, optimizer, make), Run(torch, optimizer, make)
    resumed = Run(rushlight, optimizer, make), Run(torch, optimizer, make)
    for number in range(STEPS):
        if number == MIDDLE:
            resumed[0].continue_from(theirs)
            resumed[1].continue_from(ours)
        expected = theirs.step(number)
        runs = [ours, *resumed] if number >= MIDDLE else [ours]
        for run, what in zip(runs, ("", " after torch's state", " in torch"), strict=False):
            if not same(found := run.step(number), expected):
                return f"step {number + 1}{what}: {found} instead of {expected}"
    left, right = plain(ours.schedule.state_dict()), plain(theirs.schedule.state_dict())
    return None if same(left, right) else f"state: {left} instead of {right}"


def main() -> int:
    """Compare the schedules named on the command line, or all."""
    warnings.simplefilter("ignore")
    failed = total = 0
    for name, makers in SCHEDULES.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        for optimizer in OPTIMIZERS:
            for number, make in enumerate(makers):
                total += 1
                try:
                    problem = compare(optimizer, make)
                except Exception as error:
                    problem = f"{type(error).__name__}: {error}"
                failed += problem is not None
                if problem:
                    print(f"{name} {number} ({optimizer}): {problem}"[:700])
    print(f"{total - failed} of {total} agree")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
