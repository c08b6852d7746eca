"""Dual numbers: tangents that go along with a computation, as on PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight

forward_ad = rushlight.autograd.forward_ad


class World:
    def __init__(self, T):
        import importlib

        self.T, self.F = T, T.nn.functional
        self.ad = importlib.import_module(T.__name__ + ".autograd.forward_ad")
        self.x, self.v = T.tensor([1.0, 2.0, 3.0]), T.tensor([1.0, 0.0, -2.0])
        T.manual_seed(0)
        self.layer = T.nn.Linear(3, 2)

    def tangent(self, function):
        with self.ad.dual_level():
            found = self.ad.unpack_dual(function(self.ad.make_dual(self.x, self.v)))
        return [None if t is None else t.detach().numpy() for t in found]


def of_weights(m):
    """The derivative with respect to the tangent of what it is computed from."""
    scale = m.T.ones(3, requires_grad=True)
    with m.ad.dual_level():
        y = m.ad.make_dual(scale, m.v) ** 3
        tangent = m.ad.unpack_dual(y.sum()).tangent
    return m.T.autograd.grad(tangent, scale)[0].numpy()


def nested(m):
    with m.ad.dual_level(), m.ad.dual_level():
        pass


def of_two(m):
    with m.ad.dual_level():
        a, b = m.ad.make_dual(m.x, m.v), m.ad.make_dual(m.x, m.x)
        return m.ad.unpack_dual(a * b).tangent.numpy()


def made(m, *pair):
    with m.ad.dual_level():
        return m.ad.make_dual(*pair)


CASES = {
    "chain": lambda m: m.tangent(lambda x: x.sin() * x.sum()),
    "softmax": lambda m: m.tangent(lambda x: m.F.softmax(x, 0)[1:]),
    "module": lambda m: m.tangent(m.layer),
    "in place": lambda m: m.tangent(lambda x: x.clone().mul_(x)),
    "independent": lambda m: m.tangent(lambda x: m.x * 2),
    "detached": lambda m: m.tangent(lambda x: x.detach() * 2),
    "itself": lambda m: m.tangent(lambda x: x),
    "linear": lambda m: m.tangent(lambda x: x * 2),
    "two": of_two,
    "weights": of_weights,
    "nested": nested,
    "no level": lambda m: m.ad.make_dual(m.x, m.v),
    "unpacked outside": lambda m: m.ad.unpack_dual(m.x).tangent,
    "sizes": lambda m: made(m, m.x, m.v[:2]),
    "integers": lambda m: made(m, m.x.long(), m.v),
    "integer tangent": lambda m: made(m, m.x, m.v.long()),
    "exit": lambda m: m.ad.exit_dual_level(),
}


def outcome(case, T):
    try:
        return case(World(T))
    except Exception as error:
        return error


@pytest.mark.filterwarnings("ignore")  # PyTorch about itself
@pytest.mark.parametrize("name", CASES)
def test_the_same_as_pytorch(name, torch):
    ours, theirs = outcome(CASES[name], rushlight), outcome(CASES[name], torch)
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        assert type(ours) is type(theirs), (ours, theirs)
    elif theirs is None:
        assert ours is None
    else:
        assert [a is None for a in ours] == [b is None for b in theirs]
        for a, b in zip(ours, theirs, strict=True):
            if b is not None:
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_tangents_are_recorded_only_where_somebody_differentiates_them():
    x, v = rushlight.ones(2), rushlight.ones(2)
    w = rushlight.ones(2, requires_grad=True)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, v)
        assert not forward_ad.unpack_dual(dual * dual).tangent.requires_grad
        assert forward_ad.unpack_dual(dual * w).tangent.requires_grad


def test_a_level_ends_with_an_error_too():
    with pytest.raises(ZeroDivisionError), forward_ad.dual_level():
        raise ZeroDivisionError
    with forward_ad.dual_level():
        pass
