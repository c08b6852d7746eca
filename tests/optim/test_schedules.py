"""Schedules at the edges: Tensor rates, warnings, errors, given epochs, nesting."""

from __future__ import annotations

import warnings

import pytest

import rushlight

MAKERS = {
    "cyclic": lambda L, o, **k: L.CyclicLR(o, 0.01, [0.1, 0.2], 4, **k),
    "one cycle": lambda L, o, **k: L.OneCycleLR(o, 0.1, total_steps=60, **k),
    "step": lambda L, o, **k: L.StepLR(o, 3, 0.5, **k),
    "cosine": lambda L, o, **k: L.CosineAnnealingLR(o, 7, 0.01, **k),
    "linear": lambda L, o, **k: L.LinearLR(o, 0.25, 1.0, 6, **k),
    "polynomial": lambda L, o, **k: L.PolynomialLR(o, 10, 2.0, **k),
    "restarts": lambda L, o, **k: L.CosineAnnealingWarmRestarts(o, 5, 2, 0.001, **k),
    "lambdas": lambda L, o, **k: L.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (t + 1)], **k),
}


def optimizer_of(T, tensor=False):
    """Return an optimizer with two groups of different rates."""
    rate = (lambda v: T.tensor(v)) if tensor else (lambda v: v)
    groups = [
        {"params": [T.nn.Parameter(T.ones(2))]},
        {"params": [T.nn.Parameter(T.ones(3))], "lr": rate(0.02)},
    ]
    return T.optim.SGD(groups, lr=rate(0.1), momentum=0.9)


def run(T, make, program, tensor=False):
    """Return the rates that a program gives, then its error and the first words of its warnings."""
    found = []
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            optimizer = optimizer_of(T, tensor)
            schedule = make(T.optim.lr_scheduler, optimizer)
            for _ in program(T, make, optimizer, schedule):
                found.append([float(group["lr"]) for group in optimizer.param_groups])
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            found.append((type(error).__name__, str(error)))
    kinds = [type(group["lr"]).__name__ for group in optimizer.param_groups]
    return found, kinds, [str(warning.message)[:90] for warning in seen]


def steps(T, make, optimizer, schedule):
    for _ in range(20):
        optimizer.step()
        schedule.step()
        yield


def given_epochs(T, make, optimizer, schedule):
    for epoch in (3, 1, 10, 2.5):
        optimizer.step()
        schedule.step(epoch)
        yield


def wrong_order(T, make, optimizer, schedule):
    for _ in range(2):
        schedule.step()
        yield
    schedule.get_lr()


def replaced_step(T, make, optimizer, schedule):
    optimizer.step = lambda: None
    schedule.step()
    yield


def continued(T, make, optimizer, schedule):
    for _ in range(7):
        optimizer.step()
        schedule.step()
    again = make(T.optim.lr_scheduler, optimizer, last_epoch=schedule.last_epoch)
    for _ in range(7):
        yield
        optimizer.step()
        again.step()


def continued_without_rates(T, make, optimizer, schedule):
    make(T.optim.lr_scheduler, optimizer_of(T), last_epoch=3)
    yield


PROGRAMS = [steps, given_epochs, wrong_order, replaced_step, continued, continued_without_rates]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", MAKERS)
def test_rates_warnings_and_errors_are_torchs(torch, name, program):
    ours, theirs = (run(T, MAKERS[name], program) for T in (rushlight, torch))
    for a, b in zip(ours[0], theirs[0], strict=True):
        assert a == (pytest.approx(b, rel=1e-9) if isinstance(b, list) else b)
    assert ours[1:] == theirs[1:]


@pytest.mark.parametrize("name", MAKERS)
def test_rates_that_are_tensors_stay_the_same_tensors(torch, name):
    ours, theirs = (run(T, MAKERS[name], steps, tensor=True) for T in (rushlight, torch))
    assert ours[0] == [pytest.approx(rates, rel=1e-5) for rates in theirs[0]]
    assert ours[1] == theirs[1] == ["Tensor", "Tensor"]


def test_last_rates_are_no_aliases():
    optimizer = optimizer_of(rushlight, tensor=True)
    schedule = rushlight.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    schedule.get_last_lr()[0].fill_(7.0)
    assert float(optimizer.param_groups[0]["lr"]) == pytest.approx(0.1)


def test_nested_schedules_begin_again(torch):
    def make(L, o, **k):
        inner = L.SequentialLR(
            o, [L.LinearLR(o, 0.1, 1.0, 3), L.CosineAnnealingWarmRestarts(o, 4)], [3]
        )
        return L.SequentialLR(o, [inner, L.ExponentialLR(o, 0.5)], [9], **k)

    ours, theirs = (run(T, make, steps, tensor=True) for T in (rushlight, torch))
    assert ours[0] == [pytest.approx(rates, rel=1e-5) for rates in theirs[0]]
    assert ours[2] == theirs[2]


BAD = {
    "no schedules": lambda L, o: L.SequentialLR(o, [], []),
    "none to chain": lambda L, o: L.ChainedScheduler([]),
    "a metric's": lambda L, o: L.SequentialLR(
        o, [L.ExponentialLR(o, 0.5), L.ReduceLROnPlateau(o)], [1]
    ),
    "too few": lambda L, o: L.SequentialLR(o, [L.ExponentialLR(o, 0.5)], [1]),
    "three tops": lambda L, o: L.CyclicLR(o, 0.01, [0.1, 0.2, 0.3], 4),
    "one function": lambda L, o: L.LambdaLR(o, [lambda t: 1.0]),
    "three floors": lambda L, o: L.ReduceLROnPlateau(o, min_lr=[0, 0, 0]),
    "no optimizer": lambda L, o: L.OneCycleLR(3, 0.1, total_steps=3),
    "a word": lambda L, o: L.CosineAnnealingWarmRestarts(o, 3, eta_min="low"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors(torch, name):
    messages = []
    for T in (rushlight, torch):
        with pytest.raises((ValueError, TypeError, AttributeError)) as caught:
            BAD[name](T.optim.lr_scheduler, optimizer_of(T))
        messages.append((caught.type, str(caught.value)))
    if name != "no optimizer":  # there torch trips over the missing attribute
        assert messages[0] == messages[1]
    assert messages[0][0] in (ValueError, TypeError)
