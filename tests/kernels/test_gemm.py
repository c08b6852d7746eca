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
        (90, 15, 130),  # dot products
        (30, 21, 900),
        (75, 1300, 2),  # sums of few rows
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


@pytest.mark.skipif(_native.core is None, reason="needs the native extension")
@pytest.mark.parametrize(
    ("m", "n", "k"), [(3, 40, 70), (1, 50, 9), (30, 70, 2), (64, 65, 700), (250, 33, 700)]
)
def test_products_are_added_to_what_is_there(m, n, k):
    a, b, c = normal(m, k), normal(k, n), normal(m, n)
    exact = product(a, b) + c
    for left, right in itertools.product(LAYOUTS, LAYOUTS):
        y = c.copy()
        _native.core.gemm(laid_out(a, left), laid_out(b, right), y, None, None, 0, True)
        close(y, exact, k)


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


def test_linear_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="mismatch"):
        linear(normal(3, 4), normal(5, 6))
    with pytest.raises(ValueError, match="broadcast"):
        linear(normal(3, 4), normal(5, 4), normal(6))


# ---- half operands: float32 sums, rounded once ----

HALVES = [np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16)]
HALF = pytest.mark.parametrize("half", HALVES, ids=str)


def close_half(y, exact, k, half):
    """Half a unit in the last place of the result, and what `close` allows a float32 sum."""
    assert y.dtype == half
    assert y.shape == exact.shape
    rounding = np.abs(exact) * float(ml_dtypes.finfo(half).eps) / 2 + 2.0**-25
    error = np.abs(y.astype(np.float64) - exact)
    assert (error <= rounding * 1.01 + 1e-5 * math.sqrt(k + 1)).all()


@BOTH
@HALF
@pytest.mark.parametrize(
    ("m", "n", "k"), [(1, 40, 9), (5, 4, 67), (7, 35, 16), (19, 17, 5), (50, 3, 8)]
)
def test_half_products_in_every_layout(half, m, n, k, reference):
    a, b = normal(m, k).astype(half), normal(k, n).astype(half)
    exact = product(a, b)
    for left, right in itertools.product(LAYOUTS, LAYOUTS):
        with reference_only(reference):
            y = matmul(laid_out(a, left), laid_out(b, right))
        close_half(y, exact, k, half)


@HALF
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [(97, 300, 321), (64, 120, 1283), (900, 40, 700), (20, 2100, 641), (3, 90, 5000)],
)
def test_half_products_beyond_one_block(half, m, n, k):
    a, b = normal(m, k).astype(half), normal(k, n).astype(half)
    exact = product(a, b)
    for left, right in (("rows", "columns"), ("columns", "rows"), ("gaps", "gaps")):
        close_half(matmul(laid_out(a, left), laid_out(b, right)), exact, k, half)


@HALF
@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 40), st.integers(0, 60), st.integers(0, 90), st.sampled_from(LAYOUTS), st.data()
)
def test_any_half_shape(half, m, n, k, left, data):
    right = data.draw(st.sampled_from(LAYOUTS))
    a, b = normal(m, k).astype(half), normal(k, n).astype(half)
    close_half(matmul(laid_out(a, left), laid_out(b, right)), product(a, b), k, half)


@BOTH
@HALF
@pytest.mark.parametrize(
    ("left", "right"),
    [((4,), (4,)), ((4,), (4, 5)), ((2, 3, 4), (4,)), ((2, 1, 3, 4), (6, 4, 5)),
     ((3, 4, 0), (0, 5)), ((0, 3, 4), (4, 5)), ((12, 40, 30), (12, 30, 50))],
)  # fmt: skip
def test_half_batches_broadcast(half, left, right, reference):
    a, b = normal(*left).astype(half), normal(*right).astype(half)
    with reference_only(reference):
        y = np.asarray(matmul(a, b))
    close_half(y, np.asarray(product(a, b)), a.shape[-1], half)


@BOTH
@HALF
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(7,), (1, 7), (2, 5, 7), (0, 7), (5, 0), (66, 400)])
def test_half_linear_with_every_epilogue(shape, activation, half, reference):
    x, w = normal(*shape).astype(half), normal(19, shape[-1]).astype(half)
    b, residual = normal(19).astype(half), normal(*shape[:-1], 19).astype(half)
    for bias, extra in itertools.product((None, b), (None, residual)):
        with reference_only(reference):
            y = linear(x, w, bias, activation, extra)
        exact = product(x, w.T)
        exact = exact if bias is None else exact + bias.astype(np.float64)
        exact = exact if extra is None else exact + extra.astype(np.float64)
        close_half(y, ACTIVATIONS[activation](exact) if exact.size else exact, shape[-1] + 1, half)


@BOTH
@HALF
def test_half_sums_are_float32(half, reference):
    a = np.ones((2, 5000), half)  # a bfloat16 sum would stop at 256
    with reference_only(reference):
        y = matmul(a, a.T)
    np.testing.assert_array_equal(y, np.full((2, 2), 5000).astype(half))


@HALF
def test_half_results_round_to_even_and_overflow_to_infinity(half):
    step = float(ml_dtypes.finfo(half).eps)
    a = np.ones((40, 2), half)
    odd = np.array([1 + step, step / 2], half)  # a tie above an odd value: up
    even = np.array([1, step / 2], half)  # a tie above an even one: down
    largest = np.full(2, ml_dtypes.finfo(half).max, half)
    y = matmul(a, np.stack([odd, even, largest, -largest], 1))
    want = np.array([1 + 2 * step, 1, np.inf, -np.inf])
    np.testing.assert_array_equal(y.astype(np.float64), np.broadcast_to(want, (40, 4)))


@HALF
def test_infinities_and_nan_in_half_products(half):
    a, b = normal(19, 37).astype(half), normal(37, 9).astype(half)
    a[1, 3], a[2, 36], b[36, 8] = np.inf, np.nan, np.inf
    with np.errstate(all="ignore"):
        expected = np.isfinite(product(a, b))
    for left, right in itertools.product(LAYOUTS, LAYOUTS):
        y = matmul(laid_out(a, left), laid_out(b, right)).astype(np.float64)
        np.testing.assert_array_equal(np.isfinite(y), expected)


def test_different_half_types_do_not_mix():
    a, b = normal(3, 4).astype(HALVES[0]), normal(4, 5).astype(HALVES[1])
    with reference_only():
        want = matmul(a, b)
    np.testing.assert_array_equal(matmul(a, b), want)


@pytest.mark.parametrize(("m", "n", "k"), [(33, 65, 129), (64, 100, 2000), (1, 70, 512)])
def test_bfloat16_errors_beside_torchs(m, n, k):
    torch = pytest.importorskip("torch")
    x, w, b = (normal(*shape).astype(HALVES[0]) for shape in ((m, k), (n, k), (n,)))
    exact = product(x, w.T) + b.astype(np.float64)
    theirs = torch.nn.functional.linear(
        *(torch.tensor(v.astype(np.float32)).bfloat16() for v in (x, w, b))
    )
    unit = np.exp2(np.floor(np.log2(np.maximum(np.abs(exact), 0.125))) - 7)
    error = np.abs(linear(x, w, b).astype(np.float64) - exact)
    assert (error <= np.abs(theirs.double().numpy() - exact) + unit / 2).all()
