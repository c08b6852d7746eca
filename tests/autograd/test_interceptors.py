"""Interceptors see every operator, the newest first, and may answer in its place."""

from __future__ import annotations

import pytest

import rushlight
from rushlight.autograd import interception


@pytest.fixture
def intercept():
    added = []

    def add(interceptor):
        interception.add_interceptor(interceptor)
        added.append(interceptor)

    yield add
    for interceptor in added:
        interception.remove_interceptor(interceptor)
    assert interception.interceptors == ()


def test_the_newest_sees_an_operator_first(intercept):
    seen = []

    def watcher(label):
        def watch(op, inputs, params, proceed):
            seen.append((label, op.__name__))
            return proceed(op, inputs, params)

        return watch

    intercept(watcher("outer"))
    intercept(watcher("inner"))
    x = rushlight.ones(2, requires_grad=True)
    y = x.exp()
    assert seen == [("inner", "Exp"), ("outer", "Exp")]
    y.sum().backward()
    assert x.grad.tolist() == pytest.approx([2.718281828] * 2)


def test_an_interceptor_may_change_inputs_and_results(intercept):
    def doubling(op, inputs, params, proceed):
        if op.__name__ != "Exp":
            return proceed(op, inputs, params)
        return proceed(op, (inputs[0] * 0,), params) + 1

    intercept(doubling)
    assert rushlight.tensor([5.0]).exp().item() == 2.0


def test_operators_called_by_an_interceptor_are_seen_too(intercept):
    names = []

    def watch(op, inputs, params, proceed):
        names.append(op.__name__)
        if op.__name__ == "Exp":
            return inputs[0].sin()
        return proceed(op, inputs, params)

    intercept(watch)
    assert rushlight.zeros(1).exp().item() == 0.0
    assert names == ["Exp", "Sin"]


def test_errors_leave_the_chain_intact(intercept):
    intercept(lambda op, inputs, params, proceed: proceed(op, inputs, params))
    with pytest.raises(RuntimeError):
        rushlight.ones(2) + rushlight.ones(3)
    assert (rushlight.ones(2) + 1).tolist() == [2.0, 2.0]
