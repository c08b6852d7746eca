"""Corners of operators where only PyTorch's own answer says what is right."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
import rushlight.nn.functional as F


def integers(shape, dtype="int64", low=0, high=9, seed=0):
    values = np.random.default_rng(seed).integers(low, high, shape)
    return values.astype(dtype)


# Each takes a namespace (rushlight's or torch's) and a function that makes its tensors.
INTEGER_CALLS = {
    "addmm cuts fractions off": lambda t, x: t.addmm(
        x((2, 2)), x((2, 3)), x((3, 2)), beta=1.7, alpha=2.6
    ),
    "baddbmm cuts fractions off": lambda t, x: t.baddbmm(
        x((1, 2, 2)), x((1, 2, 3)), x((1, 3, 2)), beta=0.2, alpha=2.6
    ),
    "bilinear keeps the dtype": lambda t, x: t.nn.functional.bilinear(
        x((2, 3), "int32"), x((2, 4), "int32"), x((5, 3, 4), "int32")
    ),
    "avg_pool2d divides towards zero": lambda t, x: t.nn.functional.avg_pool2d(
        x((1, 1, 4, 4), low=-9), 2, divisor_override=-2
    ),
    "arange steps by integers": lambda t, x: t.arange(2.1, -2.9, -1.0, dtype=t.int32),
    "arange of fractions below one": lambda t, x: t.arange(0, 5, 0.9, dtype=t.int16),
    "clamp_min of booleans": lambda t, x: t.clamp_min(x((5,), "bool"), x((5,), "bool", seed=1)),
    "clamp_max of booleans": lambda t, x: t.clamp_max(x((5,), "bool"), x((5,), "bool", seed=1)),
}


@pytest.mark.parametrize("call", INTEGER_CALLS.values(), ids=INTEGER_CALLS)
def test_integers_and_booleans(torch, call):
    ours = call(rushlight, lambda *a, **k: rushlight.tensor(integers(*a, **k)))
    theirs = call(torch, lambda *a, **k: torch.tensor(integers(*a, **k)))
    assert str(ours.dtype) == str(theirs.dtype)
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(3, 5), (13, 9), (7, 7)])
def test_images_of_bytes_are_resampled_in_integers(torch, mode, align_corners, size):
    image = integers((2, 3, 7, 7), "uint8", 0, 256)
    ours = F.interpolate(rushlight.tensor(image), size, mode=mode, align_corners=align_corners)
    theirs = torch.nn.functional.interpolate(
        torch.tensor(image), size, mode=mode, align_corners=align_corners
    )
    # PyTorch rounds differently on CPUs without AVX2: one step at most.
    gap = np.abs(ours.numpy().astype(int) - theirs.numpy().astype(int))
    assert ours.dtype is rushlight.uint8
    assert gap.max() <= 1


def test_gradients_of_extremes_keep_half_precision():
    x = rushlight.ones(3, 1, dtype=rushlight.bfloat16, requires_grad=True)
    y = rushlight.ones(4, dtype=rushlight.bfloat16, requires_grad=True)
    rushlight.maximum(x, y).sum().backward()
    assert x.grad.dtype is rushlight.bfloat16
    assert x.grad.tolist() == [[2.0], [2.0], [2.0]]
    assert y.grad.tolist() == [1.5, 1.5, 1.5, 1.5]


def test_rms_norm_of_complex_numbers_uses_the_square(torch):
    values = np.random.default_rng(0).standard_normal((2, 2, 3)) + 0.5j
    x = rushlight.tensor(values, requires_grad=True)
    y = torch.tensor(values, requires_grad=True)
    ours = F.rms_norm(x, (3,), eps=0.5)
    theirs = torch.nn.functional.rms_norm(y, (3,), eps=0.5)
    ours.abs().sum().backward()
    theirs.abs().sum().backward()
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("order", [0.5, 1, 2, 3.5, float("inf")])
def test_second_gradients_of_a_norm_at_zero_are_finite(order):
    x = rushlight.zeros(3, dtype=rushlight.float64, requires_grad=True)
    v = rushlight.ones((), dtype=rushlight.float64, requires_grad=True)
    (g,) = rushlight.autograd.grad(rushlight.linalg.vector_norm(x, order), x, v, create_graph=True)
    gg = rushlight.autograd.grad(g.sum(), (x, v), allow_unused=True)
    assert all(t is None or t.isfinite().all() for t in gg)


def test_group_norm_of_nothing_has_second_gradients():
    x = rushlight.zeros(0, 4, 2, requires_grad=True)
    (g,) = rushlight.autograd.grad(F.group_norm(x, 2).sum(), x, create_graph=True)
    (gg,) = rushlight.autograd.grad(g.sum(), x)
    assert gg.shape == (0, 4, 2)


def test_output_padding_beyond_the_windows_has_second_gradients():
    x = rushlight.randn(1, 2, 4, 4, dtype=rushlight.float64, requires_grad=True)
    w = rushlight.randn(2, 1, 2, 3, dtype=rushlight.float64, requires_grad=True)
    options = {"stride": (3, 2), "padding": (1, 2), "output_padding": (2, 3), "dilation": (4, 4)}
    y = F.conv_transpose2d(x, w, **options)
    (gw,) = rushlight.autograd.grad(y, (w,), rushlight.randn_like(y), create_graph=True)
    assert gw.requires_grad
    (ggx,) = rushlight.autograd.grad(gw.square().sum(), x)
    assert ggx.shape == x.shape


@pytest.mark.parametrize(
    "name", ["detach", "detach_", "get_device", "is_inference", "is_signed", "zero_"]
)
def test_methods_that_are_functions_too(name):
    x = rushlight.ones(2)
    assert str(getattr(rushlight, name)(x)) == str(getattr(rushlight.ones(2), name)())
