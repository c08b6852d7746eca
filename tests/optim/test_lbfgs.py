"""LBFGS: PyTorch's iterates, closures, line search, state."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import rushlight
from rushlight import optim

CONFIGURATIONS = [
    {},
    {"lr": 0.1, "max_iter": 5},
    {"history_size": 2},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "lr": 5.0, "max_iter": 3, "history_size": 3},
    {"line_search_fn": "strong_wolfe", "lr": 1e-3, "max_eval": 7},
    {"tolerance_change": 1e-3},
]


def rosenbrock(T, dtype="float64"):
    """Return a parameter in two parts, and its loss: Rosenbrock's function of four variables."""
    parts = [T.nn.Parameter(T.tensor(np.array(a, dtype))) for a in ([[-1.2, 1.0]], [-0.5, 2.0])]

    def loss():
        x = T.cat([p.reshape(-1) for p in parts])
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    return parts, loss


def closure_of(optimizer, loss, losses):
    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        losses.append(value.item())
        return value

    return closure


def minimize(T, options, steps, dtype="float64"):
    parts, loss = rosenbrock(T, dtype)
    optimizer = T.optim.LBFGS(parts, **options)
    losses = []
    for _ in range(steps):
        optimizer.step(closure_of(optimizer, loss, losses))
    return np.array(losses), optimizer


@pytest.mark.parametrize("options", CONFIGURATIONS)
def test_equal_to_torch(torch, options):
    """Every evaluation of the loss agrees, at trial points of the line search too."""
    steps = 1 if "line_search_fn" not in options else 3
    ours, optimizer = minimize(rushlight, options, steps)
    theirs, other = minimize(torch, options, steps)
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-12)
    mine = optimizer.state_dict()["state"][0]
    expected = other.state_dict()["state"][0]
    assert set(mine) == set(expected)
    assert (mine["func_evals"], mine["n_iter"]) == (expected["func_evals"], expected["n_iter"])


def test_finds_the_minimum():
    losses, _ = minimize(rushlight, {"line_search_fn": "strong_wolfe", "max_iter": 100}, 1)
    assert losses[-1] < 1e-8


def test_float32():
    losses, optimizer = minimize(rushlight, {"line_search_fn": "strong_wolfe"}, 5, "float32")
    assert losses[-1] < 1e-6
    assert optimizer.state_dict()["state"][0]["d"].dtype == rushlight.float32


def test_state_dict_continues_where_it_stopped():
    options = {"line_search_fn": "strong_wolfe", "max_iter": 4}
    whole, _ = minimize(rushlight, options, 4)
    parts, loss = rosenbrock(rushlight)
    losses = []
    optimizer = optim.LBFGS(parts, **options)
    for step in range(4):
        if step == 2:
            state = copy.deepcopy(optimizer.state_dict())
            optimizer = optim.LBFGS(parts, **options)
            optimizer.load_state_dict(state)
        optimizer.step(closure_of(optimizer, loss, losses))
    np.testing.assert_array_equal(losses, whole)


def test_parameters_without_gradient_stay():
    used, unused = (rushlight.nn.Parameter(rushlight.ones(2)) for _ in range(2))
    optimizer = optim.LBFGS([used, unused])
    optimizer.step(closure_of(optimizer, lambda: (used**2).sum(), []))
    np.testing.assert_allclose(used.detach().numpy(), 0, atol=1e-6)
    np.testing.assert_array_equal(unused.detach().numpy(), 1)


def test_stops_at_once_where_the_gradient_vanishes():
    p = rushlight.nn.Parameter(rushlight.zeros(2))
    optimizer = optim.LBFGS([p])
    losses = []
    optimizer.step(closure_of(optimizer, lambda: (p**2).sum(), losses))
    assert losses == [0.0]
    assert optimizer.state[p]["n_iter"] == 0


def test_errors():
    a, b = (rushlight.nn.Parameter(rushlight.ones(1)) for _ in range(2))
    with pytest.raises(ValueError, match="per-parameter options"):
        optim.LBFGS([{"params": [a]}, {"params": [b]}])
    with pytest.raises(TypeError, match="closure"):
        optim.LBFGS([a]).step()
    optimizer = optim.LBFGS([a], line_search_fn="weak_wolfe")
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optimizer.step(closure_of(optimizer, lambda: (a**2).sum(), []))
