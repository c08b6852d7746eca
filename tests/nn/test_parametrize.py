"""Parametrized, normalised, pruned and folded weights: all as PyTorch has them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import rushlight

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def values(module):
    return {k: v.detach().numpy().copy() for k, v in module.state_dict().items()}


def same(build, torch, tolerance=1e-5):
    """Compare what `build` returns, a dictionary of tensors or plain values, in both frameworks."""
    ours, theirs = build(rushlight), build(torch)
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        if hasattr(value, "numpy"):
            np.testing.assert_allclose(
                ours[name].detach().numpy(),
                value.detach().numpy(),
                atol=tolerance,
                rtol=1e-4,
                err_msg=name,
            )
        else:
            assert ours[name] == value, name


WRAPS = {
    "weight_norm": lambda u, m: u.parametrizations.weight_norm(m),
    "weight_norm of all": lambda u, m: u.parametrizations.weight_norm(m, dim=None),
    "spectral_norm": lambda u, m: u.parametrizations.spectral_norm(m, n_power_iterations=2),
    "orthogonal": lambda u, m: u.parametrizations.orthogonal(m),
    "cayley": lambda u, m: u.parametrizations.orthogonal(m, orthogonal_map="cayley"),
    "householder": lambda u, m: u.parametrizations.orthogonal(m, use_trivialization=False),
    "former weight_norm": lambda u, m: u.weight_norm(m),
    "former spectral_norm": lambda u, m: u.spectral_norm(m),
}


@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
@pytest.mark.parametrize("wrap", WRAPS)
def test_wrapped_layers_agree(wrap, shape, torch):
    def build(T):
        T.manual_seed(0)
        layer = WRAPS[wrap](T.nn.utils, T.nn.Linear(*shape))
        optimizer = T.optim.SGD(layer.parameters(), 0.1)
        x = T.randn(5, shape[0])
        for _ in range(3):
            optimizer.zero_grad()
            layer(x).pow(2).sum().backward()
            optimizer.step()
        layer.eval()
        return {
            "out": layer(x),
            "repr": repr(layer),
            "keys": list(layer.state_dict()),
            "names": [n for n, _ in layer.named_parameters()],
            "class": type(layer).__name__,
            **layer.state_dict(),
        }

    same(build, torch)


def test_convolutions_are_normalised(torch):
    def build(T):
        T.manual_seed(0)
        u = T.nn.utils
        conv = u.parametrizations.spectral_norm(T.nn.Conv2d(2, 3, 3))
        transposed = u.spectral_norm(T.nn.ConvTranspose2d(2, 3, 3))
        weighted = u.parametrizations.weight_norm(T.nn.Conv1d(2, 3, 3), dim=1)
        x = T.randn(1, 2, 6, 6)
        return {
            "a": conv(x),
            "b": transposed(x),
            "c": weighted(x[:, :, 0]),
            **weighted.state_dict(),
        }

    same(build, torch)


def test_states_travel(torch):
    for wrap in WRAPS:
        theirs = WRAPS[wrap](torch.nn.utils, torch.nn.Linear(4, 3)).eval()
        ours = WRAPS[wrap](rushlight.nn.utils, rushlight.nn.Linear(4, 3)).eval()
        ours.load_state_dict({k: rushlight.tensor(v) for k, v in values(theirs).items()})
        x = np.ones((2, 4), np.float32)
        expected = theirs(torch.tensor(x)).detach().numpy()
        np.testing.assert_allclose(ours(rushlight.tensor(x)).detach().numpy(), expected, atol=1e-5)


def test_former_weight_norm_states_load(T):
    T.manual_seed(0)
    former = T.nn.utils.weight_norm(T.nn.Linear(4, 3))
    layer = T.nn.utils.parametrizations.weight_norm(T.nn.Linear(4, 3))
    layer.load_state_dict(former.state_dict())
    assert T.allclose(layer(T.ones(1, 4)), former(T.ones(1, 4)))


class _Tools:
    def __init__(self, T):
        class Symmetric(T.nn.Module):
            def forward(self, x):
                return x.triu() + x.triu(1).T

            def right_inverse(self, x):
                return x.triu()

        class Double(T.nn.Module):
            def forward(self, x):
                return x * 2

        class Rank(T.nn.Module):
            def forward(self, a, b):
                return a @ b

            def right_inverse(self, w):
                return w[:, :1].clone(), w[:1].clone()

        class Shrink(T.nn.Module):
            def forward(self, x):
                return x[:1]

        self.Symmetric, self.Double, self.Rank, self.Shrink = Symmetric, Double, Rank, Shrink
        self.P = T.nn.utils.parametrize


def test_parametrizations_compose_and_leave(T):
    t = _Tools(T)
    layer = T.nn.Linear(3, 3)
    t.P.register_parametrization(layer, "weight", t.Symmetric())
    t.P.register_parametrization(layer, "weight", t.Double())
    assert t.P.is_parametrized(layer)
    assert t.P.is_parametrized(layer, "weight")
    assert not t.P.is_parametrized(layer, "bias")
    assert t.P.type_before_parametrizations(layer) is T.nn.Linear
    assert isinstance(layer, T.nn.Linear)
    weight = layer.weight.detach().clone()
    with pytest.raises(RuntimeError, match="right_inverse"):
        layer.weight = weight
    with pytest.raises(RuntimeError, match="state_dict"):
        pickle.dumps(layer)
    assert T.equal(copy.deepcopy(layer).weight, weight)
    t.P.remove_parametrizations(layer, "weight")
    assert type(layer) is T.nn.Linear
    assert T.equal(layer.weight, weight)
    assert [n for n, _ in layer.named_parameters()] == ["bias", "weight"]


def test_a_copy_is_independent():
    t = _Tools(rushlight)
    layer = rushlight.nn.Linear(3, 3)
    t.P.register_parametrization(layer, "weight", t.Symmetric())
    twin = copy.deepcopy(layer)
    t.P.remove_parametrizations(twin, "weight")
    assert layer.weight.shape == (3, 3)
    assert type(twin) is rushlight.nn.Linear


def test_assignment_goes_through_the_inverse(T):
    t = _Tools(T)
    layer = T.nn.Linear(3, 3)
    t.P.register_parametrization(layer, "weight", t.Symmetric())
    layer.weight = T.eye(3) * 4
    assert T.equal(layer.weight, T.eye(3) * 4)
    t.P.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert T.equal(layer.weight, T.eye(3) * 4)


def test_several_originals(T):
    t = _Tools(T)
    layer = T.nn.Linear(3, 2)
    t.P.register_parametrization(layer, "weight", t.Rank())
    assert list(layer.state_dict()) == [
        "bias", "parametrizations.weight.original0", "parametrizations.weight.original1",
    ]  # fmt: skip
    layer(T.ones(1, 3)).sum().backward()
    assert layer.parametrizations.weight.original1.grad.shape == (1, 3)
    with pytest.raises(ValueError, match="sequence of tensors"):
        t.P.remove_parametrizations(layer, "weight", leave_parametrized=False)
    t.P.remove_parametrizations(layer, "weight")
    assert isinstance(layer.weight, T.nn.Parameter)


def test_caching(T):
    t = _Tools(T)
    layer = t.P.register_parametrization(T.nn.Linear(3, 3), "weight", t.Double())
    with t.P.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight


def test_mistakes_are_told(T):
    t = _Tools(T)
    P, layer = t.P, T.nn.Linear(3, 3)
    with pytest.raises(ValueError, match="with name 'wait'"):
        P.register_parametrization(layer, "wait", t.Double())
    with pytest.raises(ValueError, match="may not change the shape"):
        P.register_parametrization(layer, "weight", t.Shrink())
    with pytest.raises(ValueError, match="does not have a parametrization"):
        P.remove_parametrizations(T.nn.Linear(2, 2), "weight")
    made = T.nn.utils.parametrizations
    with pytest.raises(ValueError, match="no parameter or buffer"):
        made.orthogonal(T.nn.Linear(2, 2), "wait")
    with pytest.raises(ValueError, match="Expected a matrix"):
        made.orthogonal(T.nn.Linear(2, 2), "bias")
    with pytest.raises(ValueError, match="orthogonal_map has to be"):
        made.orthogonal(T.nn.Linear(2, 2), orthogonal_map="cayleigh")
    with pytest.raises(ValueError, match="n_power_iterations"):
        made.spectral_norm(T.nn.Linear(2, 2), n_power_iterations=0)
    with pytest.raises(IndexError, match="Dimension out of range"):
        made.spectral_norm(T.nn.Linear(2, 2), dim=4)
    with pytest.raises(RuntimeError, match="two weight_norm hooks"):
        T.nn.utils.weight_norm(T.nn.utils.weight_norm(T.nn.Linear(2, 2)))
    with pytest.raises(ValueError, match="not found"):
        T.nn.utils.remove_spectral_norm(T.nn.Linear(2, 2))


def test_former_normalisations_can_be_removed(torch):
    def build(T):
        T.manual_seed(0)
        u = T.nn.utils
        a = u.remove_weight_norm(u.weight_norm(T.nn.Linear(4, 3)))
        b = u.remove_spectral_norm(u.spectral_norm(T.nn.Linear(4, 3)))
        return {**{f"a.{k}": v for k, v in a.state_dict().items()}, **b.state_dict()}

    same(build, torch)


def test_transfer(T):
    t = _Tools(T)
    a, b = T.nn.Linear(3, 3), T.nn.Linear(3, 3)
    t.P.register_parametrization(a, "weight", t.Symmetric())
    t.P.transfer_parametrizations_and_params(a, b)
    assert T.equal(a.weight, b.weight)


# --- folding, memory formats, calls with other tensors ------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
def test_folding(bias, torch):
    def build(T):
        T.manual_seed(0)
        conv, bn = T.nn.Conv2d(2, 3, 3, bias=bias), T.nn.BatchNorm2d(3)
        up = T.nn.ConvTranspose2d(2, 3, 3, bias=bias)
        linear, bn1 = T.nn.Linear(4, 3, bias=bias), T.nn.BatchNorm1d(3)
        x, y = T.randn(4, 2, 5, 5), T.randn(6, 4)
        bn(conv(x)), bn1(linear(y))
        for m in (conv, bn, up, linear, bn1):
            m.eval()
        u = T.nn.utils
        fused, fused_up = u.fuse_conv_bn_eval(conv, bn), u.fuse_conv_bn_eval(up, bn, True)
        fused_linear = u.fuse_linear_bn_eval(linear, bn1)
        assert T.allclose(fused(x), bn(conv(x)), atol=1e-5)
        assert T.allclose(fused_up(x), bn(up(x)), atol=1e-5)
        assert T.allclose(fused_linear(y), bn1(linear(y)), atol=1e-5)
        return {**fused.state_dict(), "up": fused_up.weight, "linear": fused_linear.bias}

    same(build, torch)


def test_folding_is_for_evaluation(T):
    with pytest.raises(AssertionError, match="only for eval"):
        T.nn.utils.fuse_conv_bn_eval(T.nn.Conv2d(1, 1, 1), T.nn.BatchNorm2d(1))


def test_skip_init(T):
    T.manual_seed(0)
    expected = T.rand(1)
    T.manual_seed(0)
    layer = T.nn.utils.skip_init(T.nn.Linear, 3, 2)
    assert layer.weight.shape == (2, 3)
    assert T.equal(T.rand(1), expected)
    with pytest.raises(RuntimeError, match="Expected a Module"):
        T.nn.utils.skip_init(int)


def test_functional_call(T):
    layer = T.nn.BatchNorm1d(2)
    mean = T.full((2,), 3.0)
    given = {"running_mean": mean, "weight": T.full((2,), 2.0)}
    T.nn.utils.stateless.functional_call(layer, given, T.ones(3, 2))
    assert given["running_mean"].tolist() == pytest.approx([2.8, 2.8])
    assert layer.running_mean.tolist() == [0.0, 0.0]


def test_memory_formats_of_weights(T):
    net = T.nn.Sequential(T.nn.Conv2d(4, 4, 3), T.nn.ReLU(), T.nn.ConvTranspose2d(4, 4, 3))
    T.nn.utils.convert_conv2d_weight_memory_format(net, T.channels_last)
    assert net[0].weight.stride() == (36, 1, 12, 4)
    assert net[2].weight.is_contiguous(memory_format=T.channels_last)
