"""What layers do beyond calling their function: modes, in-place flags, tables, adaptive softmax."""

from __future__ import annotations

import math

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight._tensor import wrap


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU,
        nn.ReLU6,
        nn.SiLU,
        nn.Mish,
        nn.ELU,
        nn.CELU,
        nn.SELU,
        nn.LeakyReLU,
        nn.Hardtanh,
        nn.Hardsigmoid,
        nn.Hardswish,
        lambda inplace: nn.Threshold(0.1, 0.0, inplace),
    ],
)
def test_in_place_activation_overwrites_its_input(layer):
    x = wrap(np.array([-2.0, 0.5, 3.0], np.float32))
    expected = layer(inplace=False)(x).array.copy()
    y = layer(inplace=True)(x)
    assert y is x
    np.testing.assert_allclose(x.array, expected)


def test_in_place_activation_in_a_network_has_the_same_gradients():
    w = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    grads = []
    for inplace in (False, True):
        layer = nn.Linear(3, 4, bias=False)
        layer.weight.data.copy_(wrap(w))
        nn.Sequential(layer, nn.ReLU(inplace))(rushlight.ones(2, 3)).sum().backward()
        grads.append(layer.weight.grad.array)
    np.testing.assert_array_equal(*grads)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Dropout(),
        nn.Dropout1d(),
        nn.Dropout2d(),
        nn.Dropout3d(),
        nn.AlphaDropout(),
        nn.FeatureAlphaDropout(),
    ],
)
def test_dropout_does_nothing_in_evaluation(layer):
    shape = {"Dropout1d": (2, 3, 4), "Dropout3d": (2, 3, 2, 2, 2)}.get(
        type(layer).__name__, (2, 3, 4, 4)
    )
    x = rushlight.randn(*shape)
    assert layer.eval()(x) is x
    assert not np.array_equal(layer.train()(x).array, x.array)


def test_dropout_keeps_the_mean_and_zeroes_the_share():
    y = nn.Dropout(0.3)(rushlight.ones(200, 200)).array
    assert abs((y == 0).mean() - 0.3) < 0.01
    np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Dropout1d(), (8, 9, 5)),
        (nn.Dropout2d(), (8, 9, 5, 5)),
        (nn.Dropout3d(), (8, 9, 2, 3, 4)),
        (nn.Dropout3d(), (30, 2, 3, 4)),
    ],
)
def test_channel_dropout_zeroes_whole_channels(layer, shape):
    y = layer(rushlight.ones(*shape)).array
    spatial = tuple(
        range({"Dropout1d": -1, "Dropout2d": -2, "Dropout3d": -3}[type(layer).__name__], 0)
    )
    assert set(np.unique(y)) == {0.0, 2.0}
    np.testing.assert_array_equal(y.min(spatial), y.max(spatial))


def test_alpha_dropout_keeps_mean_and_variance():
    y = nn.AlphaDropout(0.2)(rushlight.randn(300, 300)).array
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02


def test_dropout_gradient_is_the_mask():
    x = rushlight.ones(50, requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.array, y.detach().array)


def test_embedding_padding_row_stays_zero_and_untrained():
    layer = nn.Embedding(5, 3, padding_idx=-2)
    assert layer.padding_idx == 3
    np.testing.assert_array_equal(layer.weight.detach().array[3], 0)
    layer(rushlight.tensor([3, 3, 1])).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.array, np.eye(5)[1][:, None] * np.ones(3))


def test_embedding_max_norm_shortens_the_rows_used():
    layer = nn.Embedding.from_pretrained(rushlight.full((3, 4), 2.0), max_norm=1.0)
    np.testing.assert_allclose(np.linalg.norm(layer(rushlight.tensor([1])).array), 1.0, rtol=1e-5)
    np.testing.assert_allclose(layer.weight.detach().array[[0, 2]], 2.0)
    np.testing.assert_allclose(np.linalg.norm(layer.weight.detach().array[1]), 1.0, rtol=1e-5)


def test_pretrained_tables_are_frozen_unless_told_otherwise():
    table = rushlight.randn(4, 2)
    assert not nn.Embedding.from_pretrained(table).weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    assert not nn.EmbeddingBag.from_pretrained(table).weight.requires_grad
    assert nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="max").weight.requires_grad


def test_adaptive_softmax_is_a_distribution():
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0)
    x = rushlight.randn(5, 8)
    logp = layer.log_prob(x).detach().array
    np.testing.assert_allclose(np.exp(logp).sum(1), 1, rtol=1e-5)
    target = rushlight.tensor([0, 4, 11, 2, 7])
    output, loss = layer(x, target)
    picked = logp[np.arange(5), target.array]
    np.testing.assert_allclose(output.detach().array, picked, rtol=1e-4)
    assert math.isclose(loss.item(), -picked.mean(), rel_tol=1e-5)
    np.testing.assert_array_equal(layer.predict(x).array, logp.argmax(1))
    alone, _ = layer(x[0], target[0])
    assert math.isclose(alone.item(), picked[0], rel_tol=1e-4)


def test_max_unpool_reverses_max_pool():
    x = wrap(np.random.default_rng(0).permutation(36).astype(np.float32).reshape(1, 1, 6, 6))
    y, indices = nn.MaxPool2d(2, return_indices=True)(x)
    back = nn.MaxUnpool2d(2)(y, indices, output_size=x.size()).array
    np.testing.assert_array_equal(back[back != 0], x.array[back != 0])
    assert (back != 0).sum() == 9


def test_weights_of_losses_move_with_the_module():
    loss = nn.CrossEntropyLoss(weight=rushlight.ones(3))
    assert list(loss.state_dict()) == ["weight"]
    assert loss.double().weight.dtype is rushlight.float64
    assert list(nn.BCEWithLogitsLoss(pos_weight=rushlight.ones(2)).state_dict()) == ["pos_weight"]


@pytest.mark.parametrize(
    ("flags", "reduction"),
    [
        ({"reduce": False}, "none"),
        ({"size_average": False}, "sum"),
        ({"size_average": True}, "mean"),
    ],
)
def test_superseded_flags_choose_the_reduction(flags, reduction):
    with pytest.warns(UserWarning, match=f"reduction='{reduction}'"):
        assert nn.MSELoss(**flags).reduction == reduction


def test_convolution_gradients_as_functions():
    rng = np.random.default_rng(0)
    x = wrap(rng.standard_normal((2, 4, 7, 6)))
    w = wrap(rng.standard_normal((6, 2, 3, 2)))
    x.requires_grad = w.requires_grad = True
    options = {"stride": 2, "padding": 1, "groups": 2}
    y = nn.functional.conv2d(x, w, **options)
    g = wrap(rng.standard_normal(tuple(y.shape)))
    y.backward(g)
    np.testing.assert_allclose(
        nn.grad.conv2d_input(x.shape, w.detach(), g, **options).array, x.grad.array
    )
    np.testing.assert_allclose(
        nn.grad.conv2d_weight(x.detach(), w.shape, g, **options).array, w.grad.array
    )
    with pytest.raises(RuntimeError, match="expected grad_output"):
        nn.grad.conv2d_input(x.shape, w, g)
