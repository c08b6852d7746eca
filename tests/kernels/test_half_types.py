"""float16 and bfloat16 in memory: every value, every rounding, every layout of a conversion."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import reference_only
from rushlight.kernels.cast import copy_as

FLOAT32 = np.dtype(np.float32)
HALVES = [np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16)]
HALF = pytest.mark.parametrize("half", HALVES, ids=str)
PATH = pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])


def every_value(half):
    return np.arange(1 << 16, dtype=np.uint16).view(half)


def exact(x):
    """The value of float16 or bfloat16 bits, from the definition, in float64."""
    fraction_bits, bias = (7, 127) if x.dtype == HALVES[0] else (10, 15)
    bits = x.view(np.uint16).astype(np.int64)
    fraction = (bits & ((1 << fraction_bits) - 1)) / (1 << fraction_bits)
    exponent = (bits & 0x7FFF) >> fraction_bits
    finite = np.where(
        exponent == 0, np.ldexp(fraction, 1 - bias), np.ldexp(1 + fraction, exponent - bias)
    )
    special = np.where(fraction == 0, np.inf, np.nan)
    magnitude = np.where(exponent == 2 * bias + 1, special, finite)
    return np.copysign(magnitude, np.where(bits >> 15, -1.0, 1.0))


@PATH
@HALF
def test_every_half_widens_exactly(half, reference):
    x = every_value(half)
    with reference_only(reference), np.errstate(all="ignore"):
        wide = copy_as(x, FLOAT32)
    assert wide.dtype == FLOAT32
    np.testing.assert_array_equal(wide, exact(x))
    np.testing.assert_array_equal(np.signbit(wide), np.signbit(exact(x)))


@PATH
@HALF
def test_every_half_survives_the_way_there_and_back(half, reference):
    x = every_value(half)
    number = ~np.isnan(exact(x))
    with reference_only(reference), np.errstate(all="ignore"):
        back = copy_as(copy_as(x, FLOAT32), half)
    np.testing.assert_array_equal(back.view(np.uint16)[number], x.view(np.uint16)[number])
    assert np.isnan(exact(back)[~number]).all()


@PATH
@HALF
def test_rounding_is_to_nearest_and_ties_go_to_even(half, reference):
    ordered = every_value(half)[: 1 << 15]  # non-negative values in ascending order
    values = exact(ordered)
    finite = values[np.isfinite(values)]
    step = finite[-1] - finite[-2]
    below, above = (
        finite,
        np.append(finite[1:], finite[-1] + step),
    )  # the last step leads to infinity
    tie = ((below + above) / 2).astype(np.float32)
    results = np.append(finite[1:], np.inf)
    index = np.arange(len(finite))
    for x, upward in (
        (tie, index % 2 == 1),
        (np.nextafter(tie, np.float32(0)), np.zeros(len(finite), bool)),
        (np.nextafter(tie, np.float32(np.inf)), np.ones(len(finite), bool)),
    ):
        for sign in (1, -1):
            with reference_only(reference), np.errstate(all="ignore"):
                y = copy_as(sign * x, half)
            np.testing.assert_array_equal(exact(y), sign * np.where(upward, results, below))


@HALF
def test_infinities_nan_and_signed_zeros(half):
    x = np.array([np.inf, -np.inf, np.nan, -np.nan, 0.0, -0.0, 1e-45, -1e-45, 3.4e38], FLOAT32)
    y = exact(copy_as(x, half))
    np.testing.assert_array_equal(y[:6], x[:6])
    np.testing.assert_array_equal(np.signbit(y[4:8]), [False, True, False, True])
    assert y[8] == np.inf


def layouts(dtype):
    x = np.random.default_rng(0).standard_normal((3, 5, 4, 7)).astype(dtype)
    return {
        "rows": x,
        "transposed": x.transpose(2, 0, 3, 1),
        "channels last": np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
        "part": x[:, 1:4, :, 2:6],
        "steps": x[::2, :, ::-1, ::3],
        "expanded": np.broadcast_to(x[:, :1], x.shape),
        "0-d": x[0, 0, 0, 0].reshape(()),
        "empty": x[:, :0],
        "odd": x.reshape(-1)[1:20],
    }


@PATH
@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("layout", layouts(FLOAT32))
@HALF
def test_any_layout_converts_as_numpy_does(half, layout, rows, reference):
    for have, to in ((FLOAT32, half), (half, FLOAT32)):
        x = layouts(have)[layout]
        with reference_only(reference):
            y = copy_as(x, to, rows)
        want = x.astype(to, "C" if rows else "K")
        assert (y.dtype, y.shape, y.strides) == (to, want.shape, want.strides)
        np.testing.assert_array_equal(y, want)


@HALF
def test_large_arrays_convert_in_pieces(half):
    x = np.random.default_rng(1).standard_normal((300, 1001)).astype(FLOAT32)
    np.testing.assert_array_equal(copy_as(x, half), x.astype(half))
    np.testing.assert_array_equal(copy_as(x[:, ::2], half), x[:, ::2].astype(half))
    np.testing.assert_array_equal(copy_as(x.astype(half), FLOAT32), x.astype(half).astype(FLOAT32))


@pytest.mark.parametrize(
    ("have", "to"),
    [("f4", "f8"), ("i4", "f2"), ("f2", "i8"), ("f2", "f8"), ("f4", "f4"), ("f4", ">f2")],
)
def test_other_conversions_are_numpys(have, to):
    x = np.arange(5).astype(have)
    y = copy_as(x, np.dtype(to))
    assert y.dtype == np.dtype(to)
    assert y is not x
    np.testing.assert_array_equal(y, x.astype(to))
