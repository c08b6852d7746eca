"""vmap gives what a loop over the samples gives, by rule or sample by sample."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight import vmap
from rushlight.func import _table, grad
from rushlight.func._batched import Batched

F = rushlight.nn.functional


def loop(function, *batches):
    rows = [function(*(batch[k] for batch in batches)) for k in range(len(batches[0]))]
    return rushlight.stack(rows)


FUNCTIONS = {
    "broadcast": lambda a, b: a + b * 2,
    "reduce": lambda a, b: a.sum(-1, keepdim=True) - b.mean() + a.amax() + a.var(0).sum(),
    "matrix": lambda a, b: (a @ b).tanh() + (b @ a.T @ a).sum(),
    "shapes": lambda a, b: a.reshape(4, 3).transpose(0, 1).flatten(1).unsqueeze(0).squeeze(0)[1:],
    "join": lambda a, b: rushlight.cat([a, rushlight.stack([b, b * 2])], 0).permute(1, 0),
    "softmax": lambda a, b: F.softmax(a, 0) @ F.log_softmax(b, -1),
    "split": lambda a, b: a.chunk(2, 1)[1] * a.split(1)[0][:, :2] + a.unbind(0)[0][0],
    "norms": lambda a, b: F.layer_norm(a, (4,), b, b) + a.norm(dim=1)[:, None],
    "loop": lambda a, b: rushlight.linalg.svdvals(a).sum() + rushlight.sort(b)[0][1],
    "convolve": lambda a, b: F.conv1d(a[None], b[:3].reshape(1, 3, 1)),
    "filters": lambda a, b: F.conv2d(a[None, None], b.reshape(1, 1, 2, 2), b[:1]),
    "pad": lambda a, b: F.pad(a, (1, 2), value=3.0).roll(1, -1) * F.pad(b, (2, 1)),
    "order": lambda a, b: a.sort(1, descending=True)[0] + b.topk(2)[0].sum() + a.median(0)[0],
    "solve": lambda a, b: rushlight.linalg.solve(a @ a.T + 3 * rushlight.eye(3), a[:, 0]) * b[0],
    "invert": lambda a, b: rushlight.linalg.inv(a @ a.T + rushlight.eye(3)).tril() + b[:3].exp(),
    "places": lambda a, b: a[:, [0, 2, 0]].tile(2, 1) * b[rushlight.tensor([1, 0, 3])],
    "classes": lambda a, b: F.cross_entropy(a, rushlight.tensor([3, -100, 0]), label_smoothing=0.1)
    + F.nll_loss(b.log_softmax(0), rushlight.tensor(2)),
    "repeat": lambda a, b: a.repeat(2, 1, 2) * b.repeat(2),
    "fourier": lambda a, b: rushlight.fft.rfft(a).abs() + rushlight.fft.fft(b).real[:3],
    "resize": lambda a, b: F.interpolate(a[None], size=8, mode="linear") * b.sum(),
    "pool": lambda a, b: F.max_pool1d(a[None], 2) + F.avg_pool1d(a[None], 2),
}  # fmt: skip


@pytest.fixture
def batches():
    return rushlight.randn(5, 3, 4), rushlight.randn(5, 4)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients_are_those_of_a_loop(name, batches):
    function = FUNCTIONS[name]
    found = vmap(function)(*batches)
    expected = loop(function, *batches)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)

    leaves = [b.clone().requires_grad_() for b in batches]
    zeros = {"allow_unused": True, "materialize_grads": True}
    ours = rushlight.autograd.grad(vmap(function)(*leaves).pow(2).sum(), leaves, **zeros)
    theirs = rushlight.autograd.grad(loop(function, *leaves).pow(2).sum(), leaves, **zeros)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_batch_and_one_constant(name, batches):
    a, b = batches
    function = FUNCTIONS[name]
    found = vmap(function, in_dims=(0, None))(a, b[0])
    expected = loop(lambda x: function(x, b[0]), a)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)
    found = vmap(function, in_dims=(None, 0))(a[0], b)
    expected = loop(lambda y: function(a[0], y), b)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)


def test_common_operators_run_on_the_whole_batch():
    calls = []

    def count(op, inputs, params, proceed):
        if not any(isinstance(x, Batched) for x in inputs):
            calls.append(op.__name__)
        return proceed(op, inputs, params)

    rushlight.autograd.interception.add_interceptor(count)
    try:
        w = rushlight.randn(6, 4)
        vmap(lambda x: F.relu(F.linear(x, w)).softmax(-1).sum())(rushlight.randn(100, 4))
    finally:
        rushlight.autograd.interception.remove_interceptor(count)
    assert len(calls) < 20


def test_a_sample_looks_like_a_sample():
    seen = []

    def look(x):
        seen.append((x.shape, x.dtype, x.dim(), x.size(0), x.device.type, len(x)))
        return x

    vmap(look)(rushlight.zeros(7, 3, 2))
    assert seen == [((3, 2), rushlight.float32, 2, 3, "cpu", 3)]


def test_nothing_is_left_behind_after_an_error():
    with pytest.raises(ZeroDivisionError):
        vmap(lambda x: x / (1 // 0))(rushlight.ones(2))
    assert rushlight.autograd.interception.interceptors == ()
    rushlight.rand(2)
    assert vmap(lambda x: x * 2)(rushlight.ones(2)).tolist() == [2.0, 2.0]


def test_every_rule_names_an_operator():
    from rushlight.autograd.node import Op
    from rushlight.ops import layers  # noqa: F401  (so that all operators are defined)

    def below(cls):
        return {cls.__name__}.union(*map(below, cls.__subclasses__()))

    assert set(_table._RULES) <= below(Op)


def test_per_sample_gradients_of_a_users_function():
    class Cube(rushlight.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * g

    x = rushlight.tensor([1.0, 2.0, 3.0])
    assert vmap(grad(lambda v: Cube.apply(v).sum()))(x).tolist() == [3.0, 12.0, 27.0]


def test_functions_kept_from_before_the_first_vmap_are_right_too():
    import subprocess
    import sys

    program = (
        "import rushlight as r\n"
        "f = r.nn.functional.hardsigmoid\n"
        "x = r.tensor([[-8.0, 1.0, 2.0], [2.0, 1.0, -8.0]])\n"
        "print(r.equal(r.vmap(f)(x), f(x)), r.equal(r.vmap(lambda v: f(v) * 2)(x), f(x) * 2))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_code_that_computes_with_arrays_runs_sample_by_sample(batches):
    a, b = batches

    def halved_where_large(x, y):
        large = rushlight.from_numpy((x.array > 0.5).astype("float32"))
        return x * large / 2 + y

    found = vmap(halved_where_large)(a, b)
    assert rushlight.allclose(found, loop(halved_where_large, a, b))


LAYER = rushlight.nn.LSTM(4, 4, num_layers=2, dropout=0.5)


def attention_with_dropout(q):
    return F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)


def recurrent_with_dropout(q):
    return LAYER(q)[0]


def noise_for_arrays(q):
    return rushlight.from_numpy(q.array * 0) + rushlight.rand(4)


@pytest.mark.parametrize(
    "function", [attention_with_dropout, recurrent_with_dropout, noise_for_arrays]
)
def test_numbers_drawn_deep_inside(function):
    q = rushlight.ones(2, 3, 4)
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(function)(q)
    same = vmap(function, randomness="same")(q)
    assert rushlight.equal(same[0], same[1])
    different = vmap(function, randomness="different")(q)
    assert different.shape == (2, 3, 4)
    assert not rushlight.equal(different[0], different[1])


def test_per_sample_gradients_of_weights_are_contiguous():
    layer = rushlight.nn.Linear(3, 5)
    params = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(params, x):
        return rushlight.func.functional_call(layer, params, (x,)).pow(2).sum()

    once = rushlight.func.vmap(rushlight.func.grad(loss), in_dims=(None, 0))
    found = once(params, rushlight.randn(7, 2, 3))["weight"]
    assert found.stride() == (15, 3, 1)
    twice = rushlight.func.vmap(once, in_dims=(None, 0))
    assert twice(params, rushlight.randn(4, 7, 2, 3))["weight"].stride() == (105, 15, 3, 1)
