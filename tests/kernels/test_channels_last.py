"""Channels-last images: native kernels against the reference, the order of results in memory."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight.backend.memory_format import (
    empty_channels_last,
    has_format,
    in_format,
    is_channels_last,
)
from rushlight.kernels import (
    _kernel,
    conv as conv_kernels,
    norm as norm_kernels,
    pool as pool_kernels,
)
from rushlight.nn import functional as F

# (N, C, H, W), O, window, stride, padding, dilation, groups
CONVOLUTIONS = [
    ((3, 5, 6, 7), 9, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((3, 17, 7, 9), 6, (1, 1), (2, 2), (0, 0), (1, 1), 1),
    ((2, 8, 6, 5), 4, (1, 1), (3, 2), (1, 1), (1, 1), 2),
    ((2, 3, 9, 8), 19, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 24, 9, 9), 33, (3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((2, 7, 11, 8), 5, (5, 2), (1, 3), (3, 0), (1, 1), 1),
    ((2, 6, 12, 13), 8, (3, 3), (2, 3), (2, 1), (2, 3), 1),
    ((2, 6, 12, 13), 8, (4, 3), (4, 2), (0, 1), (2, 2), 1),  # windows leave pixels out
    ((1, 3, 4, 4), 2, (2, 2), (1, 1), (3, 3), (1, 1), 1),  # more padding than window
    ((2, 40, 6, 6), 36, (3, 3), (1, 1), (1, 1), (1, 1), 2),
    ((2, 12, 6, 6), 6, (3, 3), (1, 1), (1, 1), (1, 1), 3),
    ((4, 33, 9, 10), 35, (3, 3), (1, 1), (1, 1), (1, 1), 1),  # Winograd
    ((4, 32, 10, 9), 40, (3, 3), (1, 1), (2, 0), (1, 1), 1),
    ((1, 400, 16, 16), 32, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 19, 9, 8), 19, (3, 3), (1, 1), (1, 1), (1, 1), 19),  # depthwise
    ((2, 16, 9, 12), 16, (3, 3), (2, 2), (1, 1), (1, 1), 16),
    ((2, 9, 11, 13), 9, (5, 5), (1, 1), (2, 2), (1, 1), 9),
    ((2, 9, 11, 13), 9, (5, 5), (2, 2), (4, 4), (1, 1), 9),
    ((2, 9, 11, 13), 9, (3, 3), (1, 1), (3, 4), (1, 1), 9),
    ((2, 10, 8, 9), 10, (3, 2), (1, 2), (0, 1), (2, 2), 10),
    ((2, 8, 3, 3), 8, (3, 3), (1, 1), (1, 1), (1, 1), 8),
    ((0, 4, 5, 5), 3, (3, 3), (1, 1), (1, 1), (1, 1), 1),
]
# (N, C, H, W), window, stride, padding, dilation, ceil_mode
POOLS = [
    ((2, 9, 6, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 16, 7, 5), (3, 3), (2, 2), (1, 1), (1, 1), True),
    ((2, 3, 9, 9), (3, 2), (1, 2), (1, 1), (2, 1), False),
    ((1, 8, 5, 5), (5, 5), (5, 5), (0, 0), (1, 1), False),
    ((0, 3, 4, 4), (2, 2), (2, 2), (0, 0), (1, 1), False),
]


def values(shape, seed=0):
    """Random float32 images, channels-last."""
    x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    made = empty_channels_last(x.shape, x.dtype)
    made[...] = x
    return made


def assert_like_reference(kernel, /, *args, rtol=2e-5, **options):
    """Compare a kernel on channels-last arrays with its reference on the same in C order."""
    actual = kernel(*args, **options)
    plain = [np.ascontiguousarray(a) if isinstance(a, np.ndarray) else a for a in args]
    expected = kernel.reference(*plain, **options)
    several = isinstance(actual, tuple)
    for ours, right in zip(
        actual if several else (actual,), expected if several else (expected,), strict=True
    ):
        assert ours.shape == right.shape
        assert ours.dtype == right.dtype
        scale = float(np.abs(right[np.isfinite(right)]).max(initial=1.0))
        np.testing.assert_allclose(ours, right, rtol=rtol, atol=rtol * scale)
        if ours.ndim == 4 and args[0].size:
            assert is_channels_last(ours)
    return actual


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution(case):
    shape, outputs, window, stride, padding, dilation, groups = case
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    x, w = values(shape), values((outputs, shape[1] // groups, *window), seed=1)
    b = np.random.default_rng(2).standard_normal(outputs).astype(np.float32)
    y = assert_like_reference(conv_kernels.conv, x, w, b, **options)
    assert_like_reference(conv_kernels.conv, x, w, None, **options)
    assert_like_reference(conv_kernels.conv_relu, x, w, b, **options)
    g = values(y.shape, seed=3)
    assert_like_reference(conv_kernels.conv_grad_input, g, w, input_shape=shape, **options)
    assert_like_reference(conv_kernels.conv_grad_weight, g, x, weight_shape=w.shape, **options)
    assert_like_reference(conv_kernels.conv_grad_bias, g)


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_pools(case):
    shape, *window, ceil_mode = case
    options = dict(zip(("kernel", "stride", "padding", "dilation"), window, strict=True))
    x = values(shape)
    if x.size:
        x[0, 0, 1, 1], x[0, 1, 0, 0] = np.nan, -np.inf
    y, offsets = assert_like_reference(pool_kernels.max_pool, x, ceil_mode=ceil_mode, **options)
    g = values(y.shape, seed=1)
    assert_like_reference(pool_kernels.max_pool_grad, g, offsets, input_shape=shape, **options)
    if options.pop("dilation") != (1, 1):
        return
    x = values(shape)
    for include in (False, True):
        counted = {**options, "count_include_pad": include, "divisor_override": None}
        assert_like_reference(pool_kernels.avg_pool, x, ceil_mode=ceil_mode, **counted)
        assert_like_reference(pool_kernels.avg_pool_grad, g, input_shape=shape, **counted)


def test_a_window_of_minus_infinity_is_won_by_its_first_element():
    x = in_format(np.full((1, 3, 4, 4), -np.inf, np.float32), last=True)
    options = dict.fromkeys(("kernel", "stride"), (3, 3)) | {
        "padding": (1, 1), "dilation": (1, 1), "ceil_mode": False,
    }  # fmt: skip
    assert_like_reference(pool_kernels.max_pool, x, **options)


@pytest.mark.parametrize("shape", [(4, 19, 5, 6), (3, 8, 7, 7), (2, 3, 40, 30), (5, 1, 3, 3)])
@pytest.mark.parametrize("affine", [False, True], ids=["plain", "affine"])
def test_batch_norm(shape, affine):
    x, g, residual = values(shape) + 100, values(shape, seed=1), values(shape, seed=2)
    x = in_format(x, last=True)
    rng = np.random.default_rng(3)
    w, b = rng.standard_normal((2, shape[1])).astype(np.float32) if affine else (None, None)
    mean, rstd, _ = assert_like_reference(norm_kernels.batch_norm_statistics, x, eps=1e-5)
    apply, args = norm_kernels.batch_norm_apply, (x, w, b, mean, rstd)
    assert_like_reference(apply, *args)
    y = assert_like_reference(apply, *args, residual, relu=True)
    for training in (False, True):
        for through in (None, y):
            assert_like_reference(
                norm_kernels.batch_norm_grad, g, x, w, mean, rstd, through, training=training,
                rtol=1e-4,
            )  # fmt: skip


def test_group_norm():
    x, g = values((3, 6, 5, 4)), values((3, 6, 5, 4), seed=1)
    _, mean, rstd = assert_like_reference(
        norm_kernels.group_norm, x, None, None, groups=2, eps=1e-5
    )
    assert_like_reference(norm_kernels.group_norm_grad, g, x, None, mean, rstd, groups=2)


def test_format_where_strides_leave_a_choice():
    shapes = [(2, 1, 5, 6), (2, 4, 1, 1), (1, 3, 5, 1), (2, 1, 1, 6), (1, 1, 4, 4)]
    for shape in shapes:
        plain = np.zeros(shape)
        last = in_format(plain, last=True, copy=True)
        assert has_format(last, last=True)
        assert not is_channels_last(plain)
        assert is_channels_last(rushlight.zeros_like(rushlight.from_numpy(last)).array)
        assert is_channels_last(rushlight.from_numpy(last).clone().array)
        assert is_channels_last(
            rushlight.from_numpy(plain).to(memory_format=rushlight.channels_last).array
        )
    assert not is_channels_last(np.zeros((2, 3, 4)))
    assert not is_channels_last(np.zeros((2, 0, 4, 4)))
    assert is_channels_last(in_format(np.zeros((2, 3, 2, 2, 2)), last=True))


OPERATORS = {
    "conv2d": lambda x: F.conv2d(x, rushlight.ones(5, 4, 3, 3), padding=1),
    "conv_transpose2d": lambda x: F.conv_transpose2d(
        x, rushlight.ones(4, 5, 3, 3), rushlight.ones(5), stride=2
    ),
    "max_pool2d": lambda x: F.max_pool2d(x, 2),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, 3),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 3),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "group_norm": lambda x: F.group_norm(x, 2),
    "relu": F.relu,
    "gelu": F.gelu,
    "add": lambda x: x + x,
    "scaled": lambda x: 2 * x - 1,
    "per channel": lambda x: x * rushlight.ones(4, 1, 1),
    "interpolate": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "dropout": lambda x: F.dropout(x, 0.5),
    "pad": lambda x: F.pad(x, (1, 1, 2, 2)),
    "cat": lambda x: rushlight.cat([x, x], 1),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
}


@pytest.mark.parametrize("fast", [False, True], ids=["reference", "native"])
@pytest.mark.parametrize("name", OPERATORS)
def test_results_and_gradients_are_channels_last(name, fast):
    with _kernel.reference_only(not fast):
        x = rushlight.from_numpy(values((2, 4, 6, 8))).requires_grad_()
        y = OPERATORS[name](x)
        assert is_channels_last(y.array)
        (y * y).sum().backward()
        assert is_channels_last(x.grad.array)
        plain = rushlight.from_numpy(np.ascontiguousarray(x.detach().array))
        assert not is_channels_last(OPERATORS[name](plain).array)


def test_a_channels_last_weight_is_enough():
    x, w = rushlight.randn(2, 4, 6, 6), rushlight.randn(5, 4, 3, 3)
    last = w.to(memory_format=rushlight.channels_last)
    y = F.conv2d(x, last)
    assert is_channels_last(y.array)
    np.testing.assert_allclose(y.array, F.conv2d(x, w).array, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_training_keeps_the_format_of_parameters(optimizer):
    """Ten steps of one net in both formats end with the same weights."""

    def trained(form):
        rushlight.manual_seed(0)
        nn = rushlight.nn
        net = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.Conv2d(8, 12, 1), nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4),
        )  # fmt: skip
        net = net.to(memory_format=form)
        options = {"lr": 0.01, "weight_decay": 0.01}
        step = getattr(rushlight.optim, optimizer)(net.parameters(), **options)
        x = rushlight.randn(4, 3, 12, 12).to(memory_format=form)
        for _ in range(10):
            step.zero_grad()
            F.cross_entropy(net(x), rushlight.arange(4)).backward()
            step.step()
        return net

    ours, plain = trained(rushlight.channels_last), trained(rushlight.contiguous_format)
    for p, q in zip(ours.parameters(), plain.parameters(), strict=True):
        assert p.grad.stride() == p.stride()
        assert is_channels_last(p.array) == (p.ndim == 4)
        np.testing.assert_allclose(p.detach().array, q.detach().array, rtol=1e-3, atol=1e-3)


def test_second_derivative_is_that_of_planes():
    def twice(form):
        x = rushlight.from_numpy(np.ascontiguousarray(values((2, 4, 6, 6))))
        w = rushlight.from_numpy(np.ascontiguousarray(values((5, 4, 3, 3), 1)))
        x, w = (t.to(memory_format=form).requires_grad_() for t in (x, w))
        y = F.avg_pool2d(F.conv2d(x, w, stride=2, padding=1), 2)
        (gx,) = rushlight.autograd.grad((y * y).sum(), x, create_graph=True)
        return rushlight.autograd.grad((gx * gx).sum(), (x, w))

    last, plain = twice(rushlight.channels_last), twice(rushlight.contiguous_format)
    for ours, right in zip(last, plain, strict=True):
        np.testing.assert_allclose(ours.array, right.array, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("layer", ["resnet", "mobile"])
def test_strides_of_whole_networks_are_those_of_torch(layer):
    torch = pytest.importorskip("torch")
    from rushlight.cli._bench import models

    def observed(T):
        net = (models.resnet18 if layer == "resnet" else models.ds_cnn)(T)
        net = net.to(memory_format=T.channels_last)
        seen = []
        for module in net.modules():
            if not list(module.children()):
                module.register_forward_hook(lambda m, i, y: seen.append(tuple(y.stride())))
        x = T.ones(2, 3, 32, 32).to(memory_format=T.channels_last)
        net(x).sum().backward()
        return seen + [tuple(p.grad.stride()) for p in net.parameters()]

    assert observed(rushlight) == observed(torch)
