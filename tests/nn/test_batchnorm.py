"""Batch and instance normalisation: running statistics, modes, old states, lazy layers."""

from __future__ import annotations

import copy
from collections import OrderedDict

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight._tensor import wrap


def _batch(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 2 + 1


def test_training_moves_the_running_statistics():
    layer = nn.BatchNorm2d(3, momentum=0.25)
    x = _batch(0, 4, 3, 5, 5)
    layer(wrap(x))
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(layer.running_mean.array, 0.25 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.array, 0.75 + 0.25 * var, rtol=1e-5)
    assert layer.num_batches_tracked.item() == 1


def test_evaluation_uses_and_keeps_them():
    layer = nn.BatchNorm1d(3, affine=False).eval()
    layer.running_mean.fill_(2.0)
    layer.running_var.fill_(4.0)
    y = layer(rushlight.full((2, 3), 6.0))
    np.testing.assert_allclose(y.array, 2.0, rtol=1e-5)
    assert layer.running_mean.array[0] == 2.0
    assert layer.num_batches_tracked.item() == 0


def test_without_momentum_the_statistics_are_averages():
    layer = nn.BatchNorm1d(3, momentum=None)
    batches = [_batch(i, 8, 3) for i in range(4)]
    for x in batches:
        layer(wrap(x))
    expected = np.mean([x.mean(0) for x in batches], axis=0)
    np.testing.assert_allclose(layer.running_mean.array, expected, rtol=1e-4, atol=1e-6)


def test_without_tracking_every_mode_uses_the_batch():
    layer = nn.BatchNorm1d(3, track_running_stats=False)
    x = _batch(0, 8, 3)
    trained, evaluated = layer(wrap(x)), layer.eval()(wrap(x))
    np.testing.assert_array_equal(trained.detach().array, evaluated.detach().array)
    assert layer.running_mean is None
    assert list(layer.state_dict()) == ["weight", "bias"]


@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 5)])
def test_output_is_standardised(shape):
    y = nn.BatchNorm1d(3)(wrap(_batch(1, *shape))).detach().array
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axes), 1, rtol=1e-4)


def test_states_of_version_one_lack_the_counter():
    layer = nn.BatchNorm2d(3)
    layer(wrap(_batch(0, 2, 3, 4, 4)))
    state = OrderedDict((k, v) for k, v in layer.state_dict().items() if k != "num_batches_tracked")
    nn.BatchNorm2d(3).load_state_dict(state)
    state._metadata = OrderedDict({"": {"version": 2}})
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        nn.BatchNorm2d(3).load_state_dict(state)


def test_statistics_nobody_asked_for_are_refused():
    state = nn.InstanceNorm2d(3, track_running_stats=True).state_dict()
    del state._metadata
    with pytest.raises(RuntimeError, match="Unexpected running stats buffer"):
        nn.InstanceNorm2d(3).load_state_dict(state)


def test_reset_parameters_forgets_everything():
    layer = nn.BatchNorm1d(3)
    fresh = copy.deepcopy(layer.state_dict())
    layer(wrap(_batch(0, 4, 3)))
    layer.weight.data.fill_(5.0)
    layer.reset_parameters()
    for key, value in layer.state_dict().items():
        np.testing.assert_array_equal(value.array, fresh[key].array)


def test_statistics_stay_out_of_the_graph():
    layer = nn.BatchNorm1d(3)
    layer(rushlight.randn(4, 3, requires_grad=True)).sum().backward()
    assert not layer.running_mean.requires_grad
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_instance_norm_takes_unbatched_inputs():
    x = _batch(0, 1, 3, 4, 4)
    layer = nn.InstanceNorm2d(3)
    np.testing.assert_allclose(layer(wrap(x[0])).array, layer(wrap(x)).array[0], rtol=1e-6)


def test_instance_norm_of_other_channels_warns_without_weights():
    with pytest.warns(UserWarning, match="does not match num_features"):
        nn.InstanceNorm1d(3)(rushlight.randn(2, 4, 5))


def test_lazy_layers_take_their_size_from_a_state():
    lazy, source = nn.LazyBatchNorm2d(), nn.BatchNorm2d(5)
    source.running_mean.fill_(3.0)
    lazy.load_state_dict(source.state_dict())
    assert tuple(lazy.weight.shape) == (5,)
    assert lazy.running_mean.array[0] == 3.0


def test_lazy_instance_norm_counts_the_channels_of_unbatched_inputs():
    layer = nn.LazyInstanceNorm1d()
    assert tuple(layer(rushlight.randn(3, 7)).shape) == (3, 7)
    assert layer.num_features == 3


def test_double_precision_and_half_precision():
    x = _batch(0, 4, 3, 5, 5)
    wide = nn.BatchNorm2d(3, dtype=rushlight.float64)(wrap(x.astype(np.float64)))
    assert wide.dtype is rushlight.float64
    narrow = nn.BatchNorm2d(3)(wrap(x.astype(np.float16)))
    assert narrow.dtype is rushlight.float16
    np.testing.assert_allclose(narrow.detach().array, wide.detach().array, atol=5e-3)


def test_sync_batch_norm_in_one_process(T):
    net = T.nn.Sequential(T.nn.Conv2d(2, 3, 3), T.nn.BatchNorm2d(3), T.nn.BatchNorm2d(3).eval())
    before = net[1].weight
    x = T.randn(4, 2, 5, 5)
    twin = copy.deepcopy(net)
    converted = T.nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert converted[1].weight is before
    assert isinstance(converted[1], T.nn.SyncBatchNorm)
    assert [m.training for m in converted] == [True, True, False]
    assert repr(converted[1]) == repr(twin[1]).replace("BatchNorm2d", "SyncBatchNorm")
    assert list(converted.state_dict()) == list(twin.state_dict())
    assert T.equal(converted(x), twin(x))
    assert T.equal(converted[1].running_var, twin[1].running_var)
    with pytest.raises(ValueError, match="at least 2D"):
        T.nn.SyncBatchNorm(3)(T.ones(3))
