"""Fused layers give the results, gradients and states of the layers they stand for."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.nn import fused

NETS = {
    "conv1d": (lambda: nn.Sequential(nn.Conv1d(2, 4, 3, padding=1), nn.ReLU()), (3, 2, 9)),
    "conv2d": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, groups=2), nn.ReLU()),
        (2, 2, 9, 9),
    ),
    "conv3d": (lambda: nn.Sequential(nn.Conv3d(1, 2, 2, bias=False), nn.ReLU()), (1, 1, 4, 4, 4)),
    "same": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3, padding="same"), nn.ReLU()), (1, 2, 5, 5)),
    "reflect": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), nn.ReLU()),
        (1, 2, 5, 5),
    ),
    "norm": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU()),
        (3, 2, 6, 6),
    ),
    "norm, bias": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, momentum=0.3), nn.ReLU()),
        (3, 2, 6, 6),
    ),
    "norm, averages": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, momentum=None), nn.ReLU()),
        (3, 2, 6, 6),
    ),
    "norm, batches": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, track_running_stats=False), nn.ReLU()
        ),
        (3, 2, 6, 6),
    ),
    "norm, no weights": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, affine=False), nn.ReLU()),
        (3, 2, 6, 6),
    ),
    "linear": (lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), (3, 4)),
    "gelu": (lambda: nn.Sequential(nn.Linear(4, 5), nn.GELU()), (2, 3, 4)),
    "gelu tanh": (lambda: nn.Sequential(nn.Linear(4, 5, bias=False), nn.GELU("tanh")), (3, 4)),
}


def _close(a, b, tolerance):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=tolerance, rtol=1e-4)


@pytest.mark.parametrize("dtype", [rushlight.float32, rushlight.float64])
@pytest.mark.parametrize("name", NETS)
def test_fused_nets_agree(name, dtype):
    build, shape = NETS[name]
    plain = build().to(dtype)
    joined = fused.fuse_modules(plain)
    assert type(joined[0]).__module__ == fused.__name__
    assert type(plain[0]).__module__ != fused.__name__
    tolerance = 1e-5 if dtype is rushlight.float32 else 1e-12
    x = rushlight.randn(*shape, dtype=dtype)
    for training in (True, True, False):
        results = []
        for net in (plain, joined):
            net.train(training).zero_grad()
            leaf = x.clone().requires_grad_()
            y = net(leaf)
            (y * y).sum().backward()
            with rushlight.no_grad():
                untracked = net(x)
            results.append((y, leaf.grad, untracked, *(p.grad for p in net.parameters())))
        for a, b in zip(*results, strict=True):
            _close(a, b, tolerance * 10)
        assert list(plain.state_dict()) == list(joined.state_dict())
        for a, b in zip(plain.state_dict().values(), joined.state_dict().values(), strict=True):
            _close(a, b, tolerance)


@pytest.mark.parametrize("name", ["conv2d", "norm, bias", "linear", "gelu", "gelu tanh"])
def test_second_derivatives(name):
    build, shape = NETS[name]
    net = fused.fuse_modules(build().double())
    x = rushlight.randn(*shape, dtype=rushlight.float64, requires_grad=True)
    names, parameters = zip(*net.named_parameters(), strict=True)

    def function(x, *values):
        return rushlight.func.functional_call(net, dict(zip(names, values, strict=True)), (x,))

    assert rushlight.autograd.gradcheck(function, (x, *parameters))
    assert rushlight.autograd.gradgradcheck(function, (x, *parameters))


def test_second_derivative_through_the_norm():
    build, shape = NETS["norm, bias"]
    plain = build().double()
    joined = fused.fuse_modules(plain)
    x = rushlight.randn(*shape, dtype=rushlight.float64, requires_grad=True)
    seen = []
    for net in (plain, joined):
        [g] = rushlight.autograd.grad(net(x).pow(2).sum(), x, create_graph=True)
        seen.append(rushlight.autograd.grad(g.pow(2).sum(), [x, *net.parameters()]))
    for a, b in zip(*seen, strict=True):
        _close(a, b, 1e-8)


def test_one_node_each():
    x = rushlight.randn(2, 2, 5, 5)
    net = fused.fuse_modules(NETS["norm"][0]())
    assert net(x).grad_fn.next_functions[0][0] is None
    assert fused.LinearReLU(3, 2)(rushlight.ones(1, 3)).grad_fn.next_functions[0][0] is None


def test_add_relu():
    layer = fused.AddReLU()
    x, y = (rushlight.randn(2, 3, dtype=rushlight.float64, requires_grad=True) for _ in range(2))
    _close(layer(x, y), (x + y).relu(), 0)
    assert rushlight.autograd.gradcheck(layer, (x, y))
    wide = rushlight.ones(2, 1, dtype=rushlight.float64, requires_grad=True)
    layer(x, wide).sum().backward()
    assert wide.grad.shape == (2, 1)


def test_named_layers():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn, self.act = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()
            self.head = nn.Sequential(nn.Linear(2, 2), nn.ReLU())

        def forward(self, x):
            return self.head(self.act(self.bn(self.conv(x))).mean((2, 3)))

    net, x = Net(), rushlight.randn(2, 1, 6, 6)
    joined = fused.fuse_modules(net, [["conv", "bn", "act"], ["head.0", "head.1"]], example=x)
    assert isinstance(joined.conv, fused.ConvBNReLU2d)
    assert isinstance(joined.act, nn.Identity)
    joined.load_state_dict(net.state_dict())
    with pytest.raises(NotImplementedError, match="Cannot fuse"):
        fused.fuse_modules(net, ["bn", "act"])


def test_copies_keep_their_own_norm():
    net = fused.fuse_modules(NETS["norm"][0](), inplace=True)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        twin(rushlight.randn(3, 2, 6, 6))
        assert twin[1].num_batches_tracked.item() == 1
        assert net[1].num_batches_tracked.item() == 0


def test_a_layer_of_its_own():
    layer = fused.ConvBNReLU2d(1, 2, 3, bias=False, eps=1e-3)
    assert list(layer.state_dict()) == [
        "weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var",
        "bn.num_batches_tracked",
    ]  # fmt: skip
    assert (layer(rushlight.randn(2, 1, 5, 5)) >= 0).all()


def test_layers_in_two_places_stay():
    shared = nn.Linear(3, 3)
    net = nn.Sequential(shared, nn.ReLU(), shared)
    x = rushlight.randn(2, 3)
    joined = fused.fuse_modules(net, example=x)
    assert type(joined[0]) is nn.Linear


def test_hooks_keep_layers_apart():
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    net[0].register_forward_hook(lambda *_: None)
    assert type(fused.fuse_modules(net)[1]) is nn.ReLU


def test_mixed_precision_and_mistakes():
    net = fused.fuse_modules(NETS["norm"][0]())
    with rushlight.autocast("cpu"):
        assert net(rushlight.randn(2, 2, 5, 5)).dtype is rushlight.bfloat16
    with pytest.raises(RuntimeError, match="channels"):
        net(rushlight.randn(2, 3, 5, 5))
    with pytest.raises(RuntimeError, match="Kernel size"):
        fused.ConvReLU2d(1, 1, 3)(rushlight.randn(1, 1, 2, 2))
