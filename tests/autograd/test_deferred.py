"""Results that wait for the operator behind them: nothing but the time may tell."""

from __future__ import annotations

import copy
import io
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import rushlight
from rushlight import nn
from rushlight._deferred import deferring
from rushlight._tensor import waiting
from rushlight.kernels import _native
from rushlight.kernels._kernel import fast_paths_enabled
from rushlight.nn import functional as F

pytestmark = pytest.mark.skipif(
    _native.core is None or not fast_paths_enabled(),
    reason="on the reference kernels nothing ever waits",
)

SHAPE = (8, 16, 12, 12)  # enough elements to wait for


def activation(seed=0, grad=True):
    rushlight.manual_seed(seed)
    leaf = rushlight.randn(SHAPE, requires_grad=grad)
    return leaf, leaf * 1.5


def norm():
    rushlight.manual_seed(1)
    layer = nn.BatchNorm2d(16)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    return layer


def both_ways(program):
    """Run a program with and without waiting; the tensors it returns must have the same bits."""
    with deferring(False):
        want = program()
    with deferring(True):
        got = program()
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    return got


def test_batch_norm_waits_for_relu_and_the_sum_before_it():
    _, x = activation()
    layer = norm()
    y = layer(x)
    assert id(y) in waiting
    z = F.relu(y)
    assert id(y) in waiting
    assert id(z) not in waiting
    total = layer(x) + x
    assert id(total) in waiting
    assert y.sum() is not None
    assert id(y) not in waiting
    del total
    assert not waiting


def test_a_residual_is_taken_along_where_nothing_is_recorded():
    layer = norm().eval()
    with rushlight.no_grad():
        z = F.relu(activation(grad=False)[1])
        total = layer(z * 2) + z
        assert id(total) in waiting
        alias = z.numpy()
        assert id(total) not in waiting
        total = layer(z * 2) + z
        assert id(total) not in waiting
    assert alias.base is None


def test_what_nobody_asks_for_is_never_computed():
    _, x = activation()
    y = norm()(x)
    assert waiting
    del y
    assert not waiting


@pytest.mark.parametrize("grad", [True, False], ids=["recorded", "not recorded"])
@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
def test_values_and_gradients_are_those_without_waiting(train, grad):
    def program():
        layer = norm().train(train)
        results = []
        for _ in range(2):
            leaf, x = activation(grad=grad)
            with rushlight.set_grad_enabled(grad):
                z = F.relu(layer(F.relu(layer(x)) * 2) + x)
                results += [z, layer.running_mean.clone()]
                if grad:
                    (z * z).sum().backward()
                    results += [leaf.grad, layer.weight.grad.clone(), layer.bias.grad.clone()]
        return results

    both_ways(program)


def test_in_place_forms_are_taken_along_too():
    def program():
        leaf, x = activation()
        y = norm()(x)
        version = y._version
        y += x
        y = F.relu(y, inplace=True)
        assert y._version == version + 2
        assert type(y.grad_fn).__name__ == "ReLU"
        y.mean().backward()
        return y, leaf.grad

    both_ways(program)


def test_a_write_to_an_operand_comes_after_the_waiting_step():
    def program():
        _, x = activation(grad=False)
        y = norm()(x)
        x.add_(1)
        z = norm()(x) + x
        x.zero_()
        return y, F.relu(z), x

    both_ways(program)


def test_weights_and_running_statistics_may_change_meanwhile():
    def program():
        _, x = activation(grad=False)
        layer = norm()
        layer(x)
        layer.eval()
        y = layer(x)
        with rushlight.no_grad():
            layer.weight.mul_(3)
            layer.running_mean.add_(1)
        nn.init.zeros_(layer.bias)
        return (F.relu(y),)

    both_ways(program)


def test_memory_that_numpy_code_can_write_to_is_not_relied_on():
    def program():
        outside = np.random.default_rng(0).standard_normal(SHAPE, np.float32)
        before = outside.copy()
        y = norm()(rushlight.from_numpy(outside))
        outside[:] = 0
        y = F.relu(y)
        _, x = activation(grad=False)
        alias = x.numpy()
        z = norm()(x)
        alias[:] = 0
        _, x = activation(grad=False)
        with rushlight.no_grad():
            t = norm()(x) + rushlight.from_numpy(before)
        before[:] = 0
        x.numpy()[:] = 0
        return y, F.relu(z), F.relu(t)

    both_ways(program)


def test_hooks_see_the_gradient_at_their_place():
    def program():
        leaf, x = activation()
        seen = []
        y = norm()(x)
        y.register_hook(lambda g: seen.append(g.clone()))
        y.retain_grad()
        z = F.relu(y)
        z.register_hook(lambda g: g * 2)
        z.sum().backward()
        return (*seen, y.grad, y, leaf.grad)

    assert len(both_ways(program)) == 4


def test_a_gradient_changed_in_place_by_a_hook():
    def program():
        leaf, x = activation()
        z = F.relu(norm()(x))
        z.register_hook(lambda g: g.mul_(2))
        (z * z).sum().backward()
        return (leaf.grad,)

    both_ways(program)


def test_second_derivatives_and_repeated_passes():
    def program():
        leaf, x = activation()
        z = F.relu(norm()(x))
        [g] = rushlight.autograd.grad((z * z).sum(), leaf, create_graph=True)
        (g * g).sum().backward(retain_graph=True)
        first = leaf.grad.clone()
        leaf.grad = None
        z.sum().backward()
        return g, first, leaf.grad

    both_ways(program)


def test_saved_tensors_are_still_watched():
    _, x = activation()
    y = norm()(x)
    w = y * y
    y.relu_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        w.sum().backward()


def test_refusals_are_those_without_waiting():
    layer = norm()
    _, x = activation()
    with pytest.raises(RuntimeError, match=r"size|shape|broadcast"):
        layer(x) + rushlight.ones(5)
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'colour'"):
        _ = layer(x).colour
    with rushlight.inference_mode():
        y = layer(rushlight.randn(SHAPE))
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        y.relu_()


def test_a_waiting_tensor_is_a_tensor():
    _, x = activation(grad=False)
    layer = norm().requires_grad_(False)

    def fresh():
        y = layer(x)
        assert id(y) in waiting
        return y

    want = fresh() * 1
    assert type(fresh()) == rushlight.Tensor  # noqa: E721
    assert {rushlight.Tensor: 1}[type(fresh())] == 1
    assert type(fresh()).__name__ == "Tensor"
    assert fresh().shape == SHAPE
    assert fresh().dtype is rushlight.float32
    assert repr(fresh().detach()) == repr(want.detach())
    file = io.BytesIO()
    rushlight.save({"y": fresh()}, file)
    file.seek(0)
    copies = [
        copy.copy(fresh()), copy.deepcopy(fresh()), pickle.loads(pickle.dumps(fresh())),
        rushlight.load(file)["y"], fresh().clone(), fresh().detach(), fresh().data,
        nn.Parameter(fresh()).detach(), rushlight.from_numpy(fresh().numpy()),
    ]  # fmt: skip
    for other in copies:
        assert type(other) is rushlight.Tensor
        np.testing.assert_array_equal(other.numpy(), want.numpy())


def test_interceptors_see_finished_results():
    _, x = activation()
    layer = norm()
    with rushlight.autocast("cpu", dtype=rushlight.bfloat16):
        y = layer(x)
        assert id(y) not in waiting
    with pytest.warns(UserWarning, match="Anomaly"), rushlight.autograd.detect_anomaly():
        F.relu(layer(x)).sum().backward()


def test_many_threads_may_ask_at_once():
    _, x = activation(grad=False)
    layer = norm()
    with deferring(False):
        want = layer(x).detach().numpy()
    for _ in range(20):
        y = layer(x)
        found = []
        threads = [threading.Thread(target=lambda y=y, f=found: f.append(y.array)) for _ in "abcd"]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert all(a is y.array for a in found)
        np.testing.assert_array_equal(y.detach().numpy(), want)


STEPS = {
    "norm": lambda s: s.layer(s.x),
    "relu": lambda s: F.relu(s.x),
    "relu in place": lambda s: F.relu(s.x * 1, inplace=True),
    "add first": lambda s: s.x + s.first,
    "add twice": lambda s: s.x + s.x,
    "add in place": lambda s: s.x.clone().add_(s.first),
    "grow last": lambda s: s.last.add_(0.5) if s.last._node is not None else s.last,
    "norm + relu": lambda s: F.relu(s.layer(s.x)),
    "residual": lambda s: F.relu(s.layer(s.x) + s.last),
    "residual in place": lambda s: s.layer(s.x).add_(s.last).relu_(),
    "two norms": lambda s: F.relu(s.layer(s.x) + s.layer(s.last)),
    "view": lambda s: s.layer(s.x).view(-1).view(SHAPE),
    "scale": lambda s: s.x * 0.5,
    "look": lambda s: (s.x.sum().item(), s.x)[1],
    "eval": lambda s: (s.layer.train(not s.layer.training), s.x)[1],
    "keep": lambda s: (s.kept.append(s.x), s.x)[1],
}


class State:
    def __init__(self, grad):
        self.leaf, self.first = activation(grad=grad)
        self.x = self.last = self.first
        self.layer = norm()
        self.layer(self.first.detach())
        self.kept = []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=8), st.booleans())
def test_random_programs(names, grad):
    def program():
        state = State(grad)
        with rushlight.set_grad_enabled(grad):
            for name in names:
                state.x, state.last = STEPS[name](state), state.x
        results = [state.x, state.last, *state.kept]
        if grad:
            try:
                state.x.sum().backward()
                results += [state.leaf.grad, state.layer.weight.grad]
            except RuntimeError as error:  # a saved tensor was written to: so it must be twice
                results.append(rushlight.tensor([len(str(error).split("version")[0])]))
        return [r for r in results if r is not None]

    both_ways(program)
    assert not waiting
