"""Convolution, pooling, normalisation, softmax, loss, embedding: the native path and the reference.

Both are called directly, so a native path that always declined would fail here.
"""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.kernels import _native, conv, embedding, loss, norm, pool, softmax

pytestmark = pytest.mark.skipif(_native.core is None, reason="needs the native extension")


def normal(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32)


def conv_calls(x, w, stride=1, padding=0, dilation=1, groups=1):
    opts = {"stride": (stride,) * 2, "padding": (padding,) * 2, "dilation": (dilation,) * 2}
    opts["groups"] = groups
    x, w, b = normal(*x), normal(*w), normal(w[0])
    g = normal(*conv.conv.reference(x, w, **opts).shape)
    yield conv.conv, (x, w, b), opts
    yield conv.conv_relu, (x, w, b), opts
    yield conv.conv_grad_input, (g, w), opts | {"input_shape": x.shape}
    yield conv.conv_grad_weight, (g, x), opts | {"weight_shape": w.shape}
    yield conv.conv_grad_bias, (g,), {}


def pool_calls(shape, kernel, stride, padding=0):
    x, pair = normal(*shape), (kernel,) * 2
    opts = {"kernel": pair, "stride": (stride,) * 2, "padding": (padding,) * 2}
    once = {"dilation": (1, 1)}
    mean = {"count_include_pad": False, "divisor_override": None}
    y, offsets = pool.max_pool.reference(x, **opts, **once, ceil_mode=True)
    g = normal(*y.shape)
    yield pool.max_pool, (x,), opts | once | {"ceil_mode": True}
    yield pool.max_pool_grad, (g, offsets), opts | once | {"input_shape": shape}
    yield pool.avg_pool, (x,), opts | mean | {"ceil_mode": True}
    yield pool.avg_pool_grad, (g,), opts | mean | {"input_shape": shape}


def norm_calls(shape):
    x, g, w, b = normal(*shape), normal(*shape)[::-1].copy(), normal(shape[1]), normal(shape[1])
    y, mean, rstd, _ = norm.batch_norm.reference(x, w, b, eps=1e-5)
    yield norm.batch_norm, (x, w, b), {"eps": 1e-5}
    yield norm.batch_norm, (x, w, b), {"eps": 1e-5, "relu": True}
    yield norm.batch_norm_statistics, (x,), {"eps": 1e-5}
    yield norm.batch_norm_apply, (x, w, b, mean, rstd), {}
    yield norm.batch_norm_apply, (x, w, b, mean, rstd, g), {"relu": True}
    yield norm.batch_norm_grad, (g, x, w, mean, rstd), {"training": True}
    yield norm.batch_norm_grad, (g, x, w, mean, rstd, y), {"training": False}
    w, b = normal(*shape[2:]), normal(*shape[2:]) + 1
    axes = len(shape) - 2
    _, mean, rstd = norm.layer_norm.reference(x, w, b, axes=axes, eps=1e-5)
    yield norm.layer_norm, (x, w, b), {"axes": axes, "eps": 1e-5}
    yield norm.layer_norm_grad, (g, x, w, mean, rstd), {"axes": axes}


def row_calls(n, c):
    x, g = normal(n, c), normal(n, c)[::-1].copy()
    for name in ("softmax", "log_softmax"):
        y = getattr(softmax, name).reference(x, axis=1)
        yield getattr(softmax, name), (x,), {"axis": 1}
        yield getattr(softmax, name + "_grad"), (g, y), {"axis": 1}
    target = np.random.default_rng(0).integers(0, c, n)
    target[::5] = -100
    opts = {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.1}
    _, stats, total = loss.cross_entropy.reference(x, target, None, **opts)
    up = np.array(2, dtype=np.float32)
    yield loss.cross_entropy, (x, target, None), opts
    yield loss.cross_entropy_grad, (up, x, target, None, stats, total), opts
    index = np.random.default_rng(0).integers(0, 7, n)
    yield embedding.embedding, (normal(7, c), index), {}
    opts = {"rows": 7, "padding_idx": 2, "scale_grad_by_freq": True}
    yield embedding.embedding_grad, (g, index), opts


CALLS = [
    *conv_calls((9, 1, 28, 28), (6, 1, 5, 5)),
    *conv_calls((9, 6, 12, 12), (16, 6, 5, 5)),
    *conv_calls((2, 64, 8, 8), (128, 64, 3, 3), padding=1),
    *conv_calls((5, 96, 4, 4), (96, 96, 3, 3), padding=1),
    *conv_calls((3, 12, 9, 15), (12, 1, 3, 3), stride=2, padding=1, groups=12),
    *conv_calls((1, 4, 33, 40), (10, 2, 3, 3), stride=2, dilation=2, groups=2),
    *conv_calls((4, 20, 6, 6), (24, 20, 1, 1)),
    *pool_calls((4, 6, 24, 24), 2, 2),
    *pool_calls((4, 6, 9, 7), 2, 2),
    *pool_calls((3, 5, 19, 21), 3, 2, padding=1),
    *norm_calls((8, 6, 12, 12)),
    *norm_calls((40, 5, 3, 3)),
    *row_calls(300, 10),
    *row_calls(33, 1003),
]
IDS = [f"{i}-{call[0].__name__}" for i, call in enumerate(CALLS)]


def results(outcome):
    return outcome if isinstance(outcome, tuple) else (outcome,)


@pytest.fixture
def threads():
    before = _native.get_num_threads()
    yield _native.set_num_threads
    _native.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(("kernel", "args", "options"), CALLS, ids=IDS)
def test_native_equals_reference(kernel, args, options, count, threads):
    threads(count)
    want = results(kernel.reference(*args, **options))
    native = kernel.paths[np.ndarray]
    first, again = results(native(*args, **options)), results(native(*args, **options))
    for a, b, expected in zip(first, again, want, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a.dtype, a.shape) == (expected.dtype, expected.shape)
        size = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(a, expected, rtol=0, atol=5e-6 * size)


@pytest.mark.parametrize(("kernel", "args", "options"), CALLS, ids=IDS)
def test_native_declines_float64(kernel, args, options):
    wide = [a.astype(np.float64) if a is not None and a.dtype == np.float32 else a for a in args]
    assert kernel.paths[np.ndarray](*wide, **options) is NotImplemented


def test_native_leaves_wrong_indices_to_the_reference():
    for wrong in (-1, 7):
        index = np.array([0, wrong])
        assert embedding.embedding.paths[np.ndarray](normal(7, 4), index) is NotImplemented
        opts = {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.0}
        native = loss.cross_entropy.paths[np.ndarray]
        assert native(normal(2, 7), index, None, **opts) is NotImplemented
