"""GradScaler grows, backs off and skips steps as PyTorch's does."""

from __future__ import annotations

import pickle

import pytest


def model(T):
    T.manual_seed(0)
    layer = T.nn.Linear(2, 1)
    return layer, T.optim.SGD(layer.parameters(), 0.1)


def test_the_scale_follows_what_happens(T):
    layer, optimizer = model(T)
    scaler = T.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
    scales, stepped = [], []
    for i in range(8):
        optimizer.zero_grad()
        x = T.ones(3, 2) * (float("inf") if i == 4 else 1.0)
        before = layer.bias.item()
        scaler.scale(layer(x).mean()).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
        stepped.append(layer.bias.item() != before)
    assert scales == [4.0, 8.0, 8.0, 16.0, 8.0, 8.0, 16.0, 16.0]
    assert stepped == [True, True, True, True, False, True, True, True]


def test_unscaled_gradients_can_be_clipped(T):
    layer, optimizer = model(T)
    scaler = T.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(layer(T.ones(1, 2)).sum()).backward()
    scaler.unscale_(optimizer)
    assert layer.bias.grad.item() == 1.0
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already been called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"after step"):
        scaler.unscale_(optimizer)
    scaler.update(32.0)
    assert scaler.get_scale() == 32.0


def test_outputs_may_be_nested(T):
    scaler = T.amp.GradScaler("cpu", init_scale=2.0)
    one = T.ones(1)
    scaled = scaler.scale([one, (one, one * 3)])
    assert type(scaled) is list
    assert [scaled[0].item(), scaled[1][0].item(), scaled[1][1].item()] == [2.0, 2.0, 6.0]
    with pytest.raises(ValueError, match="iterable"):
        scaler.scale(3)


def test_state_travels(T):
    scaler = T.amp.GradScaler("cpu", init_scale=8.0, growth_factor=3.0)
    state = scaler.state_dict()
    assert state == {
        "scale": 8.0,
        "growth_factor": 3.0,
        "backoff_factor": 0.5,
        "growth_interval": 2000,
        "_growth_tracker": 0,
    }
    other = T.amp.GradScaler("cpu")
    other.load_state_dict(state)
    assert other.state_dict() == state
    assert pickle.loads(pickle.dumps(scaler)).get_scale() == 8.0
    with pytest.raises(RuntimeError, match="empty"):
        other.load_state_dict({})


def test_a_scaler_that_is_off_passes_through(T):
    layer, optimizer = model(T)
    scaler = T.amp.GradScaler("cpu", enabled=False)
    y = layer(T.ones(1, 2)).sum()
    assert scaler.scale(y) is y
    y.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert (scaler.get_scale(), scaler.state_dict()) == (1.0, {})


def test_mistakes_are_told(T):
    _, optimizer = model(T)
    scaler = T.amp.GradScaler("cpu")
    with pytest.raises(AssertionError, match=r"_scale is None|No inf checks"):
        scaler.step(optimizer)
    with pytest.raises(AssertionError, match="growth factor"):
        T.amp.GradScaler("cpu", growth_factor=1.0)
    with pytest.raises(RuntimeError, match="Closure"):
        scaler.step(optimizer, closure=lambda: None)
