"""A module compiled: wrapped, as checkpoints and programs expect it, and run as it is."""

from __future__ import annotations

import copy
import io

import pytest

import rushlight
from rushlight import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)
        self.width = 4

    def forward(self, x, scale=1.0):
        self.seen = x.shape
        return self.norm(self.fc(x)) * scale


@pytest.fixture
def pair():
    net = Net()
    return net, rushlight.compile(net)


def test_keys_names_and_repr_have_the_prefix(pair):
    net, made = pair
    assert list(made.state_dict()) == [f"_orig_mod.{key}" for key in net.state_dict()]
    assert next(n for n, _ in made.named_parameters()) == "_orig_mod.fc.weight"
    assert repr(made).startswith("OptimizedModule(\n  (_orig_mod): Net(")
    made.load_state_dict(copy.deepcopy(made.state_dict()))


def test_attributes_are_those_of_the_module_within(pair):
    net, made = pair
    assert made._orig_mod is net
    assert made.fc is net.fc
    assert made.width == 4
    made.width = 5
    made.extra = nn.Parameter(rushlight.ones(1))
    assert net.width == 5
    assert "extra" in dict(net.named_parameters())
    del made.extra
    assert not hasattr(net, "extra")
    assert not hasattr(made, "extra")
    assert "width" in dir(made)
    assert "state_dict" in dir(made)
    made(rushlight.ones(2, 3), scale=2.0)
    assert made.seen == net.seen == (2, 3)


def test_mode_and_dtype_reach_the_module_within(pair):
    net, made = pair
    assert made.eval() is made
    assert not net.training
    assert not net.norm.training
    assert made.train().training
    assert net.training
    made.double()
    assert net.fc.weight.dtype is rushlight.float64


def test_hooks_of_both_run_once(pair):
    net, made = pair
    seen = []
    made.register_forward_hook(lambda *_: seen.append("made"))
    net.register_forward_hook(lambda *_: seen.append("net"))
    made(rushlight.ones(2, 3))
    assert seen == ["net", "made"]


def test_length(pair):
    assert len(rushlight.compile(nn.Sequential(nn.ReLU(), nn.ReLU()))) == 2
    with pytest.raises(TypeError, match=r"Net does not support len\(\)"):
        len(pair[1])


def test_copies_and_files(pair):
    net, made = pair
    twin = copy.deepcopy(made)
    assert twin._orig_mod is not net
    assert rushlight.equal(twin.fc.weight, net.fc.weight)
    file = io.BytesIO()
    rushlight.save(rushlight.compile(nn.Linear(2, 2)), file)
    file.seek(0)
    assert type(rushlight.load(file, weights_only=False)._orig_mod) is nn.Linear


def test_disabled_leaves_the_module_alone(pair):
    net, _ = pair
    assert rushlight.compile(net, disable=True) is net
    assert rushlight.compile(disable=True)(net) is net


def test_keys_are_torchs(torch):
    theirs = torch.compile(torch.nn.Linear(2, 1), backend="eager").state_dict()
    assert list(rushlight.compile(nn.Linear(2, 1)).state_dict()) == list(theirs)
