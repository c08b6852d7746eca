"""Anomaly detection names the line of the forward pass."""

from __future__ import annotations

import linecache
import re
import warnings

import pytest

import rushlight


def faulty(x):
    return x.sqrt()  # the line to be named


@pytest.fixture
def record():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield lambda: "\n".join(str(w.message) for w in caught)


def test_nan_is_found_and_its_forward_line_named(record):
    x = rushlight.tensor([-1.0], requires_grad=True)
    with rushlight.autograd.set_detect_anomaly(True):
        y = faulty(x) * 2
        with pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th"):
            y.backward()
    text = record()
    assert "Error detected in SqrtBackward0" in text
    last = re.findall(r'File "(.*)", line (\d+), in (\w+)', text)[-1]
    assert last[0] == __file__
    assert last[2] == "faulty"
    assert "the line to be named" in linecache.getline(__file__, int(last[1]))


def test_an_error_of_a_users_function_is_traced(record):
    class Bad(rushlight.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            raise KeyError("planted")

    x = rushlight.ones(1, requires_grad=True)
    with rushlight.autograd.detect_anomaly():
        y = Bad.apply(x)
        with pytest.raises(KeyError, match="planted"):
            y.backward()
    assert "Anomaly Detection has been enabled" in record()
    assert "Error detected in BadBackward" in record()


def test_without_it_nothing_is_said_or_looked_for():
    x = rushlight.tensor([-1.0], requires_grad=True)
    faulty(x).backward()
    assert x.grad.isnan().all()
    assert not rushlight.is_anomaly_enabled()


def test_a_second_derivative_tells_of_the_first(record):
    x = rushlight.tensor([0.0], requires_grad=True)
    with rushlight.autograd.set_detect_anomaly(True):
        (g,) = rushlight.autograd.grad((x**1.5).sum(), x, create_graph=True)
        with pytest.raises(RuntimeError, match="nan"):
            (g.sqrt() * 0).backward()
    assert "Error detected in" in record()


def test_the_check_for_nan_can_be_off(T):
    x = T.tensor([-1.0], requires_grad=True)
    with T.autograd.set_detect_anomaly(True, check_nan=False):
        assert T.is_anomaly_enabled()
        assert not T.is_anomaly_check_nan_enabled()
        x.sqrt().backward()
    assert not T.is_anomaly_enabled()
