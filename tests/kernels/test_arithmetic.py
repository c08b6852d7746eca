"""Arithmetic kernels: NumPy's values to the bit, whatever the operands."""

import numpy as np
import pytest

from rushlight.kernels import arithmetic as A

PAIRS = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.true_divide,
}
SPECIAL = np.float32(
    [0, -0.0, 1, -1.5, np.inf, -np.inf, np.nan, 1e-45, -1e-40, 3.4e38, 1e30, 1 / 3]
)


def values(shape, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, shape) * 10 ** rng.uniform(-20, 20, shape)
    return np.asarray(x, np.float32)


@pytest.fixture(params=PAIRS)
def pair(request):
    with np.errstate(all="ignore"):
        yield getattr(A, request.param), PAIRS[request.param]


def same(got, expected, *, strides=True):
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if strides:
        assert np.shape(got) == () or got.strides == expected.strides
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


@pytest.mark.parametrize(
    "shape", [(), (0,), (1,), (7,), (64,), (1001,), (3, 5), (2, 3, 4, 5), (70000,)]
)
def test_two_arrays(pair, shape):
    kernel, exact = pair
    x, y = values(shape), values(shape, 1)
    kept = x.copy(), y.copy()
    same(kernel(x, y), exact(x, y))
    same(kernel(x, x), exact(x, x))
    assert (x == kept[0]).all()
    assert (y == kept[1]).all()


def test_special_values(pair):
    kernel, exact = pair
    x, y = (np.ascontiguousarray(a) for a in np.broadcast_arrays(SPECIAL[:, None], SPECIAL))
    same(kernel(x, y), exact(x, y))
    for number in (0.0, -0.0, float("inf"), float("nan"), 1e-45, 1e300, -1e300, 0.1, 2, -3, True):
        same(kernel(x, number), exact(x, number))


def test_layouts(pair):
    kernel, exact = pair
    x, y = values((2, 4, 3, 5)), values((2, 4, 3, 5), 1)
    channels_last = [
        np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1) for a in (x, y)
    ]
    same(kernel(*channels_last), exact(*channels_last))
    same(kernel(channels_last[0], 2.5), exact(channels_last[0], 2.5))
    same(kernel(x, channels_last[1]), exact(x, channels_last[1]))
    for a, b in ((x[..., ::2], y[..., ::2]), (x.T, y.T), (x[::-1], y), (x, y[0]), (x[:1], y)):
        same(kernel(a, b), exact(a, b))
    swapped = x.astype(">f4")
    same(kernel(swapped, y), exact(swapped, y))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, np.uint8, np.complex64])
def test_other_types(pair, dtype):
    kernel, exact = pair
    x, y = np.arange(1, 9).astype(dtype), np.arange(8, 0, -1).astype(dtype)
    for a, b in ((x, y), (x, 2), (x, values(8)), (values(8), x)):
        got, expected = kernel(a, b), exact(a, b)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("number", [1 << 24, (1 << 24) + 1, 1 << 60, -(1 << 24) - 3])
def test_large_integers_are_rounded_as_by_numpy(pair, number):
    kernel, exact = pair
    x = values(9)
    same(kernel(x, number), exact(x, number))
    same(kernel(number, x), exact(number, x))
    same(kernel(x, np.float32(number)), exact(x, np.float32(number)))
    same(kernel(x, np.float64(number)), exact(x, np.float64(number)))


def test_shapes_that_do_not_fit(pair):
    kernel, exact = pair
    for call in (kernel, exact):
        with pytest.raises(ValueError, match="operands could not be broadcast"):
            call(values(3), values(4))
