"""Fast paths for float32 serve float16 and bfloat16 too, rounding results once."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import activation, loss, norm, pool, softmax

SIZES = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)}
MEAN = {"count_include_pad": True, "divisor_override": None}
ENTROPY = {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.1}
WIDE = np.float32


def cases(half):
    rng = np.random.default_rng(0)

    def x(*shape, dtype=half):
        return rng.standard_normal(shape).astype(dtype)

    images, w, b = x(2, 3, 4, 4), x(3), x(3)
    target = np.array([0, 2, 1, 2])
    mean, rstd = x(3, dtype=WIDE), np.abs(x(3, dtype=WIDE))
    scores = x(4, 3)
    _, stats, total = loss.cross_entropy(scores, target, None, **ENTROPY)
    return [
        (activation.relu, (images,), {}),
        (activation.gelu, (images,), {}),
        (activation.gelu_grad, (images, x(2, 3, 4, 4)), {"approximate": "tanh"}),
        (activation.leaky_relu_grad, (images, x(2, 3, 4, 4)), {"slope": 0.1}),
        (activation.sigmoid_grad, (images, x(2, 3, 4, 4)), {}),
        (pool.max_pool, (images,), {**SIZES, "dilation": (1, 1), "ceil_mode": False}),
        (pool.avg_pool, (images,), {**SIZES, **MEAN, "ceil_mode": False}),
        (pool.avg_pool_grad, (x(2, 3, 2, 2),), {**SIZES, **MEAN, "input_shape": (2, 3, 4, 4)}),
        (softmax.log_softmax, (scores,), {"axis": 1}),
        (softmax.softmax_grad, (scores, x(4, 3)), {"axis": 1}),
        (norm.batch_norm, (images, w, b), {"eps": 1e-5}),
        (norm.batch_norm, (images, w.astype(WIDE), b.astype(WIDE)), {"eps": 1e-5}),
        (norm.batch_norm_grad, (images, images, w, mean, rstd), {"training": True}),
        (norm.batch_norm_grad, (images, images, w.astype(WIDE), mean, rstd), {"training": True}),
        (norm.batch_norm_grad, (images, images, None, mean, rstd), {"training": False}),
        (norm.batch_norm_grad, (images, images, w, mean, rstd, images), {"training": True}),
        (norm.batch_norm_apply, (images, w, b, mean, rstd, images), {"relu": True}),
        (norm.layer_norm, (scores, w, b), {"axes": 1, "eps": 1e-5}),
        (loss.cross_entropy, (scores, target, None), ENTROPY),
        (loss.cross_entropy_grad, (x(), scores, target, None, stats, total), ENTROPY),
    ]


@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("half", [ml_dtypes.bfloat16, np.float16], ids=["bfloat16", "float16"])
def test_half(number, half):
    kernel, operands, options = cases(half)[number]
    want, got = kernel.reference(*operands, **options), kernel(*operands, **options)
    if not isinstance(want, tuple):
        want, got = (want,), (got,)
    step = 2**-7 if half is ml_dtypes.bfloat16 else 2**-10
    for a, b in zip(want, got, strict=True):
        assert a.dtype == b.dtype
        a, b = a.astype(np.float64), b.astype(np.float64)
        np.testing.assert_allclose(b, a, rtol=2 * step, atol=step / 4)


MAPS = [activation.relu, activation.gelu, activation.tanh, activation.sigmoid, activation.silu]


@pytest.mark.parametrize("kernel", MAPS, ids=lambda k: k.__name__)
@pytest.mark.parametrize("half", [ml_dtypes.bfloat16, np.float16], ids=["bfloat16", "float16"])
def test_elementwise_results_are_those_of_float32_rounded(kernel, half):
    """At every length around the blocks in which half arrays are widened, and in other layouts."""
    x = np.random.default_rng(0).standard_normal(50_000).astype(half)
    grid = x[:4096].reshape(8, 16, 32)
    nan = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-40], half)
    parts = [x[:n] for n in (0, 1, 15, 2047, 2048, 2049, 6000, 50_000)]
    for part in (*parts, grid, grid.transpose(2, 0, 1), grid[:, ::2], nan, x[0].reshape(())):
        with np.errstate(all="ignore"):
            y = kernel(part)
            want = kernel(part.astype(np.float32)).astype(half)
        assert (y.dtype, y.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(y.astype(np.float32), want.astype(np.float32))


def test_operands_of_two_types_meet_in_float32():
    g = np.random.default_rng(0).standard_normal(100)
    x = g[::-1].astype(np.float32)
    for half in (ml_dtypes.bfloat16, np.float16):
        y = activation.gelu_grad(g.astype(half), x)
        want = activation.gelu_grad(g.astype(half).astype(np.float32), x).astype(half)
        assert y.dtype == half
        np.testing.assert_array_equal(y, want)
