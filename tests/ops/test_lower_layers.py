"""Layers under the names of PyTorch's lower level give torch's results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight

SHAPE = (2, 4, 5, 6)

LAYERS = {
    "affine_grid_generator": lambda M, x: M.affine_grid_generator(
        x.reshape(-1)[:12].reshape(2, 2, 3), (2, 1, 3, 4), True
    ),
    "grid_sampler": lambda M, x: M.grid_sampler(x, x[:, :1, :, :2], 0, 1, False),
    "grid_sampler_2d": lambda M, x: M.grid_sampler_2d(x, x[:, :1, :, :2], 1, 2, True),
    "grid_sampler_3d": lambda M, x: M.grid_sampler_3d(
        x[:, None], x[:, None, :1, :, :3], 0, 0, True
    ),
    "feature_dropout": lambda M, x: M.feature_dropout(x, 0.5, False),
    "feature_dropout_": lambda M, x: M.feature_dropout_(x, 1.0, True),
    "convolution": lambda M, x: M.convolution(
        x, x[:, :, :3, :3].clone(), None, (1, 2), (1, 1), (1, 1), False, (0, 0), 1
    ),
    "convolution transposed": lambda M, x: M.convolution(
        x, x[:, :2, :3, :3].repeat(2, 1, 1, 1), None, (2, 2), (1, 1), (1, 1), True, (1, 1), 1
    ),
    "native_layer_norm": lambda M, x: M.native_layer_norm(x, (5, 6), None, None, 1e-5),
    "native_group_norm": lambda M, x: M.native_group_norm(x, None, None, 2, 4, 30, 2, 1e-5),
    "hardshrink": lambda M, x: x.hardshrink(0.4),
    "polygamma_": lambda M, x: (x.abs() + 1).polygamma_(1),
    "facts": lambda M, x: M.tensor([x.is_distributed(), M.is_distributed(x)]),
}


@pytest.mark.parametrize("case", LAYERS)
def test_results_are_torchs(torch: Any, case: str) -> None:
    values = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    ours, theirs = (LAYERS[case](M, M.tensor(values)) for M in (rushlight, torch))
    pairs = zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]
    for a, b in pairs:
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)


def test_switches_by_their_older_names() -> None:
    rushlight.set_deterministic_debug_mode("warn")
    assert rushlight.get_deterministic_debug_mode() == 1
    assert rushlight.is_deterministic_algorithms_warn_only_enabled()
    rushlight.set_deterministic_debug_mode(0)
    assert not rushlight.are_deterministic_algorithms_enabled()
    with pytest.raises(RuntimeError, match="debug_mode"):
        rushlight.set_deterministic_debug_mode("often")


def test_storages_by_their_older_names() -> None:
    storage = rushlight.FloatStorage([1.0, 2.0])
    assert storage.dtype is rushlight.float32
    assert list(storage) == [1.0, 2.0]
    assert len(rushlight.LongStorage(3)) == 3
    assert isinstance(rushlight.ones(2).storage(), rushlight.FloatStorage)
    assert not isinstance(rushlight.ones(2).storage(), rushlight.LongStorage)


@pytest.mark.parametrize("align", [False, True])
def test_an_identity_map_has_torchs_slopes(torch, align):
    """Its positions are next to pixels, where the slope depends on how they are rounded."""
    results = []
    for library in (rushlight, torch):
        x = library.arange(28.0 * 28).reshape(1, 1, 28, 28).sin()
        theta = library.eye(2, 3)[None].requires_grad_()
        grid = library.nn.functional.affine_grid(theta, x.shape, align_corners=align)
        y = library.nn.functional.grid_sample(x, grid, align_corners=align)
        (y * x.cos()).sum().backward()
        results.append((grid.detach().numpy(), theta.grad.numpy()))
    (grid, slope), (their_grid, their_slope) = results
    np.testing.assert_array_equal(grid, their_grid)
    np.testing.assert_allclose(slope, their_slope, rtol=1e-3, atol=1e-2)
