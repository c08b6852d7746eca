"""Factors given before the tensors they scale, as programs written for older PyTorch do."""

from __future__ import annotations

import pytest

import rushlight

CALLS = {
    "add": lambda T, x, a, b, B: [T.add(x, 0.5, a), x.add(0.5, a), x.clone().add_(0.5, a)],
    "sub": lambda T, x, a, b, B: [T.sub(x, 2, a), x.sub(2, a), x.clone().sub_(2, a)],
    "addcmul": lambda T, x, a, b, B: [
        T.addcmul(x, 0.5, a, b), x.addcmul(0.5, a, b), x.clone().addcmul_(0.5, a, b),
    ],
    "addcdiv": lambda T, x, a, b, B: [
        T.addcdiv(x, -0.5, a, b), x.addcdiv(-0.5, a, b), x.clone().addcdiv_(-0.5, a, b),
    ],
    "addmm": lambda T, x, a, b, B: [
        T.addmm(0.5, x, 2, a, b), T.addmm(0.5, x, a, b), x.addmm(0.5, 2, a, b), x.addmm(2, a, b),
        x.clone().addmm_(0.5, 2, a, b), x.clone().addmm_(2, a, b),
    ],
    "addmv": lambda T, x, a, b, B: [
        T.addmv(0.5, x[0], 2, a, b[0]), x[0].addmv(2, a, b[0]), x[0].clone().addmv_(2, 3, a, b[0]),
    ],
    "addr": lambda T, x, a, b, B: [
        T.addr(0.5, x, 2, a[0], b[0]), x.addr(2, a[0], b[0]), x.clone().addr_(2, 3, a[0], b[0]),
    ],
    "addbmm": lambda T, x, a, b, B: [
        T.addbmm(0.5, x, 2, B, B), x.addbmm(2, B, B), x.clone().addbmm_(2, 3, B, B),
    ],
    "baddbmm": lambda T, x, a, b, B: [
        T.baddbmm(0.5, B, 2, B, B), B.baddbmm(2, B, B), B.clone().baddbmm_(2, 3, B, B),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore:(This|An) overload of:UserWarning")
def test_means_what_it_meant(torch, name):
    def results(T):
        x, a = T.arange(4.0).view(2, 2), T.full((2, 2), 2.0)
        b = x + 1
        return [y.tolist() for y in CALLS[name](T, x, a, b, T.stack([b, a, x]))]

    assert results(rushlight) == results(torch)


def test_a_warning_says_how_it_is_written_today():
    x = rushlight.ones(2)
    with pytest.warns(UserWarning, match="This overload of add_ is deprecated: give alpha by key"):
        x.add_(-0.1, x)
    with pytest.warns(UserWarning, match="addmm is deprecated: give beta, alpha by keyword"):
        rushlight.addmm(1, x, 1, rushlight.ones(2, 2), rushlight.ones(2, 2))


def test_gradients_flow():
    x = rushlight.ones(2, requires_grad=True)
    y = rushlight.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="deprecated"):
        rushlight.add(x, 3, y).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    "call", [
        lambda x: x.add(x, 0.5), lambda x: x.add_(x, 0.5), lambda x: x.addcmul(x, x, 0.5),
        lambda x: x.add(1, 2, x), lambda x: x.add_(1, 2, x),
        lambda x: rushlight.addmm(x, 1, x, x, 1),
    ],
)  # fmt: skip
def test_other_orders_mean_nothing(call):
    with pytest.raises(TypeError, match="positional argument"):
        call(rushlight.ones(2, 2))
