"""Clipping of gradients, and parameters as a vector."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight._tensor import wrap
from rushlight.nn import utils


def _parameters(scale=1.0, dtype=np.float32):
    rng = np.random.default_rng(0)
    made = []
    for shape in ((3, 4), (5,), ()):
        p = nn.Parameter(
            rushlight.zeros(shape, dtype=rushlight.float64 if dtype == np.float64 else None)
        )
        p.grad = wrap(np.asarray(rng.standard_normal(shape) * scale, dtype))
        made.append(p)
    return [*made, nn.Parameter(rushlight.zeros(2))]  # the last one has no gradient


def _flat(parameters):
    return np.concatenate([p.grad.array.reshape(-1) for p in parameters if p.grad is not None])


@pytest.mark.parametrize("norm_type", [1, 2, 3.5, float("inf")])
@pytest.mark.parametrize("scale", [0.01, 1.0, 1e20])
def test_clip_by_norm(norm_type, scale):
    parameters = _parameters(scale)
    before = _flat(parameters).astype(np.float64)
    total = utils.clip_grad_norm_(parameters, 1.0, norm_type)
    length = np.linalg.norm(before, norm_type)
    np.testing.assert_allclose(total.item(), length, rtol=1e-5)
    expected = before if length < 1 else before / (length + 1e-6)
    np.testing.assert_allclose(_flat(parameters), expected, rtol=1e-5)


def test_clip_one_tensor_and_in_place():
    p = _parameters()[0]
    memory = p.grad.array
    utils.clip_grad_norm_(p, 0.5)
    assert p.grad.array is memory
    np.testing.assert_allclose(np.linalg.norm(memory), 0.5, rtol=1e-5)


def test_clip_by_norm_refuses_nan_only_if_asked():
    parameters = _parameters()
    parameters[0].grad.array[0, 0] = np.nan
    with pytest.raises(RuntimeError, match="is non-finite, so it cannot be clipped"):
        utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert np.isnan(utils.clip_grad_norm_(parameters, 1.0).item())


def test_clip_by_value():
    parameters = _parameters()
    before = _flat(parameters)
    utils.clip_grad_value_(parameters, 0.3)
    np.testing.assert_allclose(_flat(parameters), np.clip(before, -0.3, 0.3))


def test_no_gradients_have_no_norm():
    assert utils.clip_grad_norm_([nn.Parameter(rushlight.zeros(2))], 1.0).item() == 0
    with pytest.warns(UserWarning, match="empty generator"):
        utils.clip_grad_norm_([], 1.0)


def test_total_norm_keeps_the_dtype():
    grads = [p.grad for p in _parameters(dtype=np.float64) if p.grad is not None]
    assert utils.get_total_norm(grads).dtype is rushlight.float64


def test_parameters_through_a_vector():
    model, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    vector = utils.parameters_to_vector(model.parameters())
    utils.vector_to_parameters(vector.detach(), twin.parameters())
    np.testing.assert_array_equal(twin.weight.detach().array, model.weight.detach().array)
    np.testing.assert_array_equal(twin.bias.detach().array, model.bias.detach().array)
    with pytest.raises(RuntimeError, match="more are needed"):
        utils.vector_to_parameters(vector[:3].detach(), twin.parameters())
    with pytest.raises(TypeError, match="list"):
        utils.vector_to_parameters([1.0], twin.parameters())
