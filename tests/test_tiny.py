"""The smoke suite: a little of everything, in under five seconds. For every commit."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F


def test_arithmetic():
    x, y = rl.tensor([1.0, 2.0]), rl.tensor([3.0, 5.0])
    assert (x + y * 2 - x / y).tolist() == pytest.approx([7 - 1 / 3, 12 - 0.4])
    assert (x @ y).item() == 13
    assert (x.reshape(2, 1) * y).sum(dim=0).tolist() == [9, 15]
    assert x.exp().log().tolist() == pytest.approx([1, 2])


def test_printing():
    assert repr(rl.tensor([5.0, 4.0, 3.0])) == "tensor([5., 4., 3.])"
    assert repr(rl.ones(2, requires_grad=True) * 2) == "tensor([2., 2.], grad_fn=<MulBackward0>)"


def test_indexing_and_views():
    x = rl.arange(12).reshape(3, 4)
    assert x[1, 2].item() == 6
    assert x[:, ::2].tolist() == [[0, 2], [4, 6], [8, 10]]
    assert x[x > 9].tolist() == [10, 11]
    x[0] = 7
    assert x.view(-1)[:4].tolist() == [7] * 4
    assert x.t().shape == (4, 3)


def test_backward():
    x = rl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = (x * x).tanh().sum()
    y.backward()
    expected = 2 * np.array([1, 2, 3]) * (1 - np.tanh(np.array([1, 4, 9])) ** 2)
    assert x.grad.tolist() == pytest.approx(expected, abs=1e-6)


def test_second_order():
    x = rl.tensor(2.0, requires_grad=True)
    (g,) = rl.autograd.grad(x**3, x, create_graph=True)
    (gg,) = rl.autograd.grad(g, x)
    assert (g.item(), gg.item()) == (12, 12)


def test_in_place_is_watched():
    x = rl.ones(2, requires_grad=True)
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_random_numbers():
    rl.manual_seed(0)
    first = rl.rand(3)
    assert first.tolist() == pytest.approx([0.4962566, 0.7682218, 0.0884774])
    rl.manual_seed(0)
    assert rl.equal(rl.rand(3), first)


def test_numpy_shares_memory():
    array = np.zeros(3, np.float32)
    x = rl.from_numpy(array)
    x += 1
    assert array.tolist() == [1, 1, 1]
    assert np.shares_memory(x.numpy(), array)


def test_convolution_and_its_gradients():
    x = rl.randn(2, 3, 5, 5, dtype=rl.float64, requires_grad=True)
    w = rl.randn(4, 3, 3, 3, dtype=rl.float64, requires_grad=True)
    assert F.conv2d(x, w, padding=1).shape == (2, 4, 5, 5)
    assert rl.autograd.gradcheck(lambda x, w: F.conv2d(x[:1, :, :3, :3], w[:2]), (x, w))


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "NAdam"])
def test_a_network_learns(optimizer):
    rl.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.GELU(), nn.Linear(16, 2))
    x = rl.randn(64, 2)
    target = (x[:, 0] * x[:, 1] > 0).long()
    step = getattr(rl.optim, optimizer)(model.parameters(), lr=0.05)
    losses = []
    for _ in range(40):
        loss = F.cross_entropy(model(x), target)
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_modules():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    assert list(model.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    twin = copy.deepcopy(model)
    x = rl.rand(1, 1, 4, 4)
    assert rl.equal(twin(x), model(x))
    assert "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))" in repr(model)
    with pytest.raises(RuntimeError, match="size mismatch"):
        model.load_state_dict({**twin.state_dict(), "0.bias": rl.zeros(5)})


def test_save_and_load():
    file = io.BytesIO()
    rl.save({"w": rl.arange(3.0), "n": 1}, file)
    file.seek(0)
    found = rl.load(file)
    assert found["w"].tolist() == [0, 1, 2]
    assert found["n"] == 1


def test_data_loader():
    from rushlight.utils.data import DataLoader, TensorDataset

    data = TensorDataset(rl.arange(10), rl.arange(10) * 2)
    batches = list(DataLoader(data, batch_size=4, shuffle=True))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    assert sorted(rl.cat([x for x, _ in batches]).tolist()) == list(range(10))
    assert all((y == 2 * x).all() for x, y in batches)


def test_errors_name_the_shapes():
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        rl.ones(2, 3) @ rl.ones(2, 3)
    with pytest.raises(RuntimeError, match=r"must match the size of tensor b \(4\)"):
        rl.ones(3) + rl.ones(4)
