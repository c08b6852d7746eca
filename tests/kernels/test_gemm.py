"""Matrix products against float64: shapes around every block size, strides, batches, epilogues."""

from __future__ import annotations

import itertools
import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from rushlight.kernels import _native, reference_only
from rushlight.kernels.gemm import linear, matmul

rng = np.random.default_rng(0)
BOTH = pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


def close(y, exact, k):
    assert y.dtype == np.float32
    assert y.shape == exact.shape
    np.testing.assert_allclose(y, exact, atol=2e-6 * math.sqrt(k + 1) * 4, rtol=1e-5)


def product(a, b):
    return np.matmul(a.astype(np.float64), b.astype(np.float64))


def laid_out(x, how):
    """The same values: in C order, transposed in memory, or with gaps and reversed."""
    if how == "rows":
        return x
    if how == "columns":
        return np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)
    spread = np.zeros((*x.shape[:-2], 2 * x.shape[-2], 3 * x.shape[-1]), x.dtype)
    view = spread[..., ::-2, ::3]
    view[...] = x
    return view


LAYOUTS = ("rows", "columns", "gaps")


@pytest.mark.parametrize("k", [1, 5, 16, 67])
@pytest.mark.parametrize(
    ("m", "n"), list(itertools.product((1, 2, 6, 7, 19), (1, 4, 8, 15, 17, 35)))
)
def test_small_shapes_in_every_layout(m, n, k):
    a, b = normal(m, k), normal(k, n)
    exact = product(a, b)
    for left, right in itertools.product(LAYOUTS, LAYOUTS):
        close(matmul(laid_out(a, left), laid_out(b, right)), exact, k)


@pytest.mark.parametrize(
    ("m", "n", "k"),
    [
        (130, 70, 700),
        (97, 300, 321),
        (64, 120, 256),
        (300, 33, 320),
        (3200, 40, 30),
        (20, 2100, 40),
        (192, 65, 43),  # the most rows that one task takes, and one more
        (193, 65, 43),
        (600, 70, 33),  # rows of A^T far apart
        (70, 270, 650),
    ],
)
def test_shapes_beyond_one_block(m, n, k):
    a, b = normal(m, k), normal(k, n)
    exact = product(a, b)
    for left, right in (
        ("rows", "columns"),
        ("rows", "rows"),
        ("columns", "rows"),
        ("gaps", "gaps"),
    ):
        close(matmul(laid_out(a, left), laid_out(b, right)), exact, k)


@pytest.fixture
def set_threads():
    before = _native.get_num_threads()
    yield _native.set_num_threads
    _native.set_num_threads(before)


@pytest.mark.skipif(_native.core is None, reason="needs the native extension")
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [
        (64, 384, 128),
        (7, 900, 500),
        (150, 20, 2000),  # fewer panels of B than threads
        (2, 30, 9000),
        (700, 330, 350),
        (1200, 10, 640),
        (1, 5000, 300),
    ],
)
def test_threads_do_not_change_a_bit(m, n, k, set_threads):
    a, b = normal(m, k), normal(k, n)
    exact = product(a, b)
    for left, right in itertools.product(LAYOUTS[:2], LAYOUTS[:2]):
        x, w = laid_out(a, left), laid_out(b, right)
        set_threads(1)
        alone = matmul(x, w)
        close(alone, exact, k)
        for threads in (2, 3, 7):
            set_threads(threads)
            np.testing.assert_array_equal(matmul(x, w), alone)


def cut(data, rows, columns):
    """A matrix of this shape from within a larger one: any steps, either axis first in memory."""
    steps = [data.draw(st.sampled_from([1, 1, 2, -1])) for _ in range(2)]
    margins = [data.draw(st.integers(0, 9)) for _ in range(2)]
    room = [
        max(1, size) * abs(step) + margin
        for size, step, margin in zip((rows, columns), steps, margins, strict=True)
    ]
    swap = data.draw(st.booleans())
    x = normal(*(room[::-1] if swap else room))
    x = (x.T if swap else x)[:: steps[0], :: steps[1]]
    return x[:rows, :columns]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 220), st.integers(0, 90), st.integers(0, 340), st.data())
def test_any_shape_and_strides(m, n, k, data):
    a, b = cut(data, m, k), cut(data, k, n)
    close(matmul(a, b), product(a, b), k)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 20), st.integers(0, 40), st.integers(0, 90), st.data())
def test_any_small_shape_and_strides(m, n, k, data):
    a, b = cut(data, m, k), cut(data, k, n)
    close(matmul(a, b), product(a, b), k)


@BOTH
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((4,), (4,)),
        ((4,), (4, 5)),
        ((3, 4), (4,)),
        ((4,), (2, 4, 5)),
        ((2, 3, 4), (4,)),
        ((2, 3, 4), (4, 5)),
        ((3, 4), (2, 4, 5)),
        ((2, 3, 4), (2, 4, 5)),
        ((2, 1, 3, 4), (6, 4, 5)),
        ((1, 3, 4), (7, 4, 5)),
        ((0, 3, 4), (4, 5)),
        ((2, 3, 0), (0, 5)),
        ((12, 40, 30), (12, 30, 50)),
    ],
)
def test_broadcasting_is_numpys(left, right, reference):
    a, b = normal(*left), normal(*right)
    with reference_only(reference):
        y = matmul(a, b)
    exact = product(a, b)
    assert np.shape(y) == np.shape(exact)
    np.testing.assert_allclose(y, exact, atol=5e-5)


def test_attention_heads_are_not_copied_wrongly():
    q = normal(2, 9, 3, 8).transpose(0, 2, 1, 3)  # (B, H, L, D) from (B, L, H, D)
    k = normal(2, 11, 3, 8).transpose(0, 2, 1, 3)
    close(matmul(q, k.swapaxes(-1, -2)), product(q, k.swapaxes(-1, -2)), 8)


def test_a_broadcast_axis_of_stride_zero():
    a = np.broadcast_to(normal(5, 6), (4, 5, 6))
    b = normal(4, 6, 7)
    close(matmul(a, b), product(a, b), 6)


@pytest.mark.parametrize("bad", [((3, 4), (5, 4)), ((2, 3, 4), (3, 4, 5)), ((4,), (5,))])
def test_shapes_that_do_not_fit_raise_as_numpy_does(bad):
    with pytest.raises(ValueError, match=r"mismatch|broadcast"):
        matmul(*(normal(*s) for s in bad))


@pytest.mark.parametrize("dtype", [np.float64, np.complex64, np.int64, np.uint8])
def test_other_types_are_numpys(dtype):
    a, b = (rng.integers(0, 5, s).astype(dtype) for s in ((3, 4), (4, 5)))
    y = matmul(a, b)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, np.matmul(a, b))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_types_are_summed_in_float32(dtype):
    a = np.ones((2, 5000), dtype)  # a bfloat16 sum would stop at 256
    y = matmul(a, a.T)
    assert y.dtype == dtype
    assert float(y[0, 0]) == pytest.approx(5000, rel=float(ml_dtypes.finfo(dtype).eps))


def test_infinities_and_nan_stay_where_they_belong():
    a, b = normal(5, 37), normal(37, 9)
    a[1, 3], a[2, 36], b[36, 8] = np.inf, np.nan, np.inf
    with np.errstate(all="ignore"):
        expected = np.isfinite(product(a, b))
    for left, right in itertools.product(LAYOUTS, LAYOUTS):
        y = matmul(laid_out(a, left), laid_out(b, right))
        np.testing.assert_array_equal(np.isfinite(y), expected)
        one_row = matmul(laid_out(a, left)[:1], laid_out(b, right))
        np.testing.assert_array_equal(np.isfinite(one_row), expected[:1])


def test_inputs_are_not_written_to():
    a, b = normal(70, 90), normal(90, 80)
    copies = a.copy(), b.copy()
    matmul(a, b)
    np.testing.assert_array_equal(a, copies[0])
    np.testing.assert_array_equal(b, copies[1])


# ---- linear ----

ACTIVATIONS = {
    "none": lambda v: v,
    "relu": lambda v: np.maximum(v, 0),
    "gelu": lambda v: v * (1 + np.vectorize(math.erf)(v / math.sqrt(2))) / 2,
    "gelu_tanh": lambda v: v * (1 + np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) / 2,
}


@BOTH
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(7,), (1, 7), (5, 7), (2, 5, 7), (0, 7), (66, 400)])
def test_linear_with_every_epilogue(shape, activation, reference):
    x, w = normal(*shape), normal(19, shape[-1])
    b, residual = normal(19), normal(*shape[:-1], 19)
    for bias, extra in itertools.product((None, b), (None, residual)):
        with reference_only(reference):
            y = linear(x, w, bias, activation, extra)
        exact = product(x, w.T)
        exact = exact if bias is None else exact + bias
        exact = exact if extra is None else exact + extra
        exact = ACTIVATIONS[activation](exact) if exact.size else exact
        assert y.shape == exact.shape
        np.testing.assert_allclose(y, exact, atol=2e-5 * math.sqrt(shape[-1]))


def test_linear_takes_views():
    x, w, b = normal(4, 12)[:, ::2], normal(6, 9).T[::2], normal(10)[::2]
    x = x[:, :6]
    w = np.ascontiguousarray(w).repeat(1, axis=0)
    np.testing.assert_allclose(linear(x, w, b), product(x, w.T) + b, atol=1e-5)


def test_linear_in_half_precision():
    x, w, b = (normal(*s).astype(ml_dtypes.bfloat16) for s in ((3, 8), (5, 8), (5,)))
    y = linear(x, w, b, "relu")
    assert y.dtype == ml_dtypes.bfloat16
    wide = linear(*(v.astype(np.float64) for v in (x, w, b)), "relu")
    np.testing.assert_allclose(y.astype(np.float64), wide, rtol=1e-2, atol=1e-2)


def test_linear_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="mismatch"):
        linear(normal(3, 4), normal(5, 6))
    with pytest.raises(ValueError, match="broadcast"):
        linear(normal(3, 4), normal(5, 4), normal(6))
