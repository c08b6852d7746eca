"""Layers beside PyTorch's: initial weights, printed form, states exchanged through files."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight._tensor import wrap


def _input(shape, seed=0):
    rng = np.random.default_rng(seed)
    if shape == "ids":
        return rng.integers(0, 9, (3, 5))
    return rng.standard_normal(shape).astype(np.float32)


def _pair(torch, layer, seed):
    name, args, kwargs, _ = layer
    torch.manual_seed(seed)
    rushlight.manual_seed(seed)
    return getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs)


def test_initial_weights_and_printed_form(torch, layer):
    ours, theirs = _pair(torch, layer, seed=7)
    assert repr(ours) == repr(theirs)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert ours.state_dict()._metadata == theirs.state_dict()._metadata
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(
            ours.state_dict()[key].array, value.numpy(), rtol=1e-6, atol=1e-7
        )


def test_their_state_in_our_layer(torch, layer, tmp_path):
    ours, theirs = _pair(torch, layer, seed=1)
    data = _input(layer[3])
    theirs(torch.from_numpy(data))  # moves running statistics
    torch.save(theirs.state_dict(), tmp_path / "state.pt")
    report = ours.load_state_dict(rushlight.load(tmp_path / "state.pt"))
    assert str(report) == "<All keys matched successfully>"
    with torch.no_grad():
        expected = theirs.eval()(torch.from_numpy(data)).numpy()
    actual = ours.eval()(wrap(data))
    np.testing.assert_allclose(actual.detach().array, expected, rtol=1e-4, atol=1e-5)


def test_our_state_in_their_layer(torch, layer, tmp_path):
    _, theirs = _pair(torch, layer, seed=1)
    ours, _ = _pair(torch, layer, seed=2)
    data = _input(layer[3])
    ours(wrap(data))
    rushlight.save(ours.state_dict(), tmp_path / "state.pt")
    theirs.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    with torch.no_grad():
        expected = theirs.eval()(torch.from_numpy(data)).numpy()
    actual = ours.eval()(wrap(data))
    np.testing.assert_allclose(actual.detach().array, expected, rtol=1e-4, atol=1e-5)


def test_training_steps_give_the_same_statistics_and_gradients(torch, layer):
    ours, theirs = _pair(torch, layer, seed=3)
    ours.load_state_dict({k: wrap(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    for step in range(3):
        data = _input(layer[3], seed=step)
        losses = (ours(wrap(data)) ** 2).sum(), (theirs(torch.from_numpy(data)) ** 2).sum()
        assert losses[0].requires_grad == losses[1].requires_grad
        for loss in losses if losses[0].requires_grad else ():
            loss.backward()
    for (name, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        np.testing.assert_allclose(p.grad.array, q.grad.numpy(), rtol=2e-3, atol=2e-3, err_msg=name)
    for (name, p), (_, q) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
        np.testing.assert_allclose(p.array, q.numpy(), rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("name", "args", "shape"),
    [
        ("LazyLinear", (3,), (2, 4)),
        ("LazyConv1d", (3, 2), (2, 4, 5)),
        ("LazyConv2d", (3, 2), (2, 4, 5, 5)),
        ("LazyConvTranspose2d", (3, 2), (2, 4, 5, 5)),
        ("LazyBatchNorm1d", (), (2, 4)),
        ("LazyBatchNorm2d", (), (2, 4, 5, 5)),
        ("LazyBatchNorm3d", (), (2, 4, 3, 3, 3)),
        ("LazyInstanceNorm2d", (), (2, 4, 5, 5)),
    ],
)
def test_lazy_layers_become_ordinary_ones(torch, name, args, shape):
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    assert repr(ours) == repr(theirs)
    torch.manual_seed(4)
    rushlight.manual_seed(4)
    data = _input(shape)
    expected, actual = theirs(torch.from_numpy(data)), ours(wrap(data))
    assert type(ours) is getattr(nn, name.removeprefix("Lazy"))
    assert repr(ours) == repr(theirs)
    np.testing.assert_allclose(
        actual.detach().array, expected.detach().numpy(), rtol=1e-4, atol=1e-5
    )
