"""Activation kernels: accuracy of both paths against float64, special values, gradients."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import activation as A, fast_paths_enabled, reference_only

BOTH = pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])

# name, exact function, most ulp of the fast path, of the reference in float32
FORWARD = {
    "exp": (math.exp, 1.0, 3.0),
    "erf": (math.erf, 2.0, 0.6),
    "tanh": (math.tanh, 2.0, 2.0),
    "sigmoid": (lambda x: 1 / (1 + math.exp(-x)), 2.5, 4.0),
    "silu": (lambda x: x / (1 + math.exp(-x)), 3.5, 5.0),
    "elu": (lambda x: x if x > 0 else math.expm1(x), 3.0, 3.0),
    "softplus": (lambda x: math.log1p(math.exp(x)), 3.0, 5.0),
    "log_sigmoid": (lambda x: -math.log1p(math.exp(-x)), 3.0, 5.0),
}


def points() -> np.ndarray:
    rng = np.random.default_rng(0)
    parts = (
        rng.normal(0, 2, 8000),
        rng.uniform(-20, 20, 4000),
        rng.uniform(-1e-3, 1e-3, 500),
        10 ** rng.uniform(-30, 0, 200),
        np.linspace(-1.5, 1.5, 2001),
    )
    return np.concatenate(parts).astype(np.float32)


def ulps(got, exact):
    size = np.maximum(np.abs(exact), np.finfo(np.float32).tiny).astype(np.float32)
    return np.abs(got.astype(np.float64) - exact) / np.spacing(size)


@BOTH
@pytest.mark.parametrize("name", FORWARD)
def test_float32_is_accurate_to_the_last_bits(name, reference):
    exact, *limits = FORWARD[name]
    x = points()
    kernel = getattr(A, name)
    with reference_only(reference):
        y = kernel(x)
    assert y.dtype == np.float32
    expected = np.array([exact(float(v)) for v in x])
    assert ulps(y, expected).max() <= limits[reference or np.ndarray not in kernel.paths]


@pytest.mark.parametrize("name", FORWARD)
def test_float64_is_accurate(name):
    x = points()[::7].astype(np.float64)
    expected = [FORWARD[name][0](v) for v in x]
    np.testing.assert_allclose(getattr(A, name)(x), expected, rtol=2e-14)


def exact_gelu(x: float) -> float:
    return x * math.erfc(-x / math.sqrt(2)) / 2


def exact_gelu_tanh(x: float) -> float:
    u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return x / (1 + math.exp(-2 * u))


@BOTH
@pytest.mark.parametrize(("form", "exact"), [("none", exact_gelu), ("tanh", exact_gelu_tanh)])
def test_gelu(form, exact, reference):
    x = points()
    with reference_only(reference):
        y = A.gelu(x, approximate=form)
    expected = np.array([exact(float(v)) for v in x])
    assert ulps(y, expected)[x >= 0].max() <= 3
    # Below 0 the distribution function is exact to 2e-7 (2.8e-7 without fused multiply-add), so
    # the tail has no relative accuracy.
    assert (np.abs(y - expected) <= 2.8e-7 * np.abs(x) + 1e-12).all()


def numeric_slope(f, x):
    h = 1e-5
    return np.array([(f(float(v) + h) - f(float(v) - h)) / (2 * h) for v in x])


@BOTH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "exact", "from_output"),
    [
        ("tanh", math.tanh, True),
        ("sigmoid", FORWARD["sigmoid"][0], True),
        ("silu", FORWARD["silu"][0], False),
        ("gelu", exact_gelu, False),
        ("gelu_tanh", exact_gelu_tanh, False),
        ("leaky_relu", lambda x: x if x > 0 else 0.01 * x, False),
        ("relu", lambda x: max(x, 0.0), True),
    ],
)
def test_gradients_are_slopes(name, exact, from_output, dtype, reference):
    rng = np.random.default_rng(1)
    x = rng.normal(0, 2, 403).astype(dtype)
    g = rng.normal(size=403).astype(dtype)
    arguments = ("tanh",) if name == "gelu_tanh" else ()
    name = name.removesuffix("_tanh") if arguments else name
    with reference_only(reference):
        point = getattr(A, name)(x, *arguments) if from_output else x
        gx = getattr(A, name + "_grad")(g, point, *arguments)
    assert gx.dtype == dtype
    np.testing.assert_allclose(gx, g * numeric_slope(exact, x), atol=5e-6, rtol=1e-5)


@pytest.mark.parametrize(("name", "arguments"), [("silu", ()), ("gelu", ("tanh",))])
def test_slopes_are_precise_where_the_function_is_nearly_straight(name, arguments):
    kernel = getattr(A, name + "_grad")
    if np.ndarray not in kernel.paths or not fast_paths_enabled():
        pytest.skip("the reference computes 1 - s, as the formula says")
    x = np.linspace(2, 12, 2001, dtype=np.float32)
    exact = kernel(np.ones_like(x, np.float64), x.astype(np.float64), *arguments)
    np.testing.assert_allclose(kernel(np.ones_like(x), x, *arguments), exact, rtol=4e-7)


def test_the_slope_of_gelu_everywhere():
    x = np.linspace(-9, 9, 20001, dtype=np.float32)
    ones = np.ones(x.shape, np.float64)
    exact = A.gelu_grad(ones, x.astype(np.float64))
    np.testing.assert_allclose(A.gelu_grad(ones.astype(np.float32), x), exact, rtol=0, atol=4e-7)


SPECIAL = np.array([-np.inf, np.inf, np.nan, -1e30, 1e30, -200, 200, 0.0, -0.0], np.float32)


@BOTH
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", [0, np.inf, np.nan, 0, 1e30, 0, 200, 0, 0]),
        ("leaky_relu", [-np.inf, np.inf, np.nan, -1e28, 1e30, -2, 200, 0, 0]),
        ("exp", [0, np.inf, np.nan, 0, np.inf, 0, np.inf, 1, 1]),
        ("erf", [-1, 1, np.nan, -1, 1, -1, 1, 0, 0]),
        ("tanh", [-1, 1, np.nan, -1, 1, -1, 1, 0, 0]),
        ("sigmoid", [0, 1, np.nan, 0, 1, 0, 1, 0.5, 0.5]),
        ("silu", [np.nan, np.inf, np.nan, 0, 1e30, 0, 200, 0, 0]),
        ("gelu", [np.nan, np.inf, np.nan, 0, 1e30, 0, 200, 0, 0]),
        ("elu", [-1, np.inf, np.nan, -1, 1e30, -1, 200, 0, 0]),
        ("softplus", [0, np.inf, np.nan, 0, 1e30, 0, 200, math.log(2), math.log(2)]),
        ("log_sigmoid", [-np.inf, 0, np.nan, -1e30, 0, -200, 0, -math.log(2), -math.log(2)]),
        ("log1p", [np.nan, np.inf, np.nan, np.nan, math.log(1e30), np.nan, math.log(201), 0, 0]),
    ],
)
def test_special_values(name, expected, reference):
    with reference_only(reference), np.errstate(all="ignore"):
        y = getattr(A, name)(SPECIAL)
    np.testing.assert_allclose(y, np.array(expected, np.float32), rtol=1e-6)


@BOTH
def test_relu_gradient_passes_nan_and_stops_at_zero(reference):
    with reference_only(reference):
        gx = A.relu_grad(np.ones(4, np.float32), np.array([0, -1, np.nan, 2], np.float32))
    np.testing.assert_array_equal(gx, [0, 0, 1, 1])


@BOTH
def test_log1p(reference):
    x = np.concatenate(
        [points()[points() > -1], -1 + 2.0 ** np.arange(-24, 0), 10.0 ** np.arange(38)]
    )
    x = x.astype(np.float32)
    with reference_only(reference):
        y = A.log1p(x)
    assert ulps(y, np.log1p(x.astype(np.float64))).max() <= 2.0
    assert A.log1p(np.full(3, -1, np.float32)).tolist() == [-np.inf] * 3


@BOTH
def test_clamp(reference):
    x = np.array([-2, 0.5, 3, np.nan, np.inf, -np.inf], np.float32)
    with reference_only(reference):
        np.testing.assert_array_equal(A.clamp(x, -1, 1), [-1, 0.5, 1, np.nan, 1, -1])
        np.testing.assert_array_equal(
            A.clamp(x, 2, -np.inf), [-np.inf] * 3 + [np.nan] + [-np.inf] * 2
        )


@BOTH
def test_gradient_of_clamp_ends_at_the_limits(reference):
    y = np.array([-1, -0.999, 0, np.nan, 0.999, 1, 2, -np.inf] * 5, np.float32)
    g = np.arange(1, 41, dtype=np.float32)
    inside = np.array([False, True, True, True, True, False, False, False] * 5)
    with reference_only(reference):
        np.testing.assert_array_equal(A.clamp_grad(g, y, -1, 1), np.where(inside, g, 0))
        np.testing.assert_array_equal(A.clamp_grad(g, y, 1, -1), np.where(np.isnan(y), g, 0))


@BOTH
def test_options_of_elu_and_softplus(reference):
    x = np.linspace(-9, 9, 301, dtype=np.float32)
    wide = x.astype(np.float64)
    with reference_only(reference):
        scaled = A.elu(x, 1.67, 1.05, 0.8)
        sharp = A.softplus(x, 3.0, 10.0)
    below = 1.67 * 1.05 * np.expm1(0.8 * np.minimum(wide, 0))
    np.testing.assert_allclose(scaled, np.where(x > 0, 1.05 * wide, below), rtol=1e-6, atol=1e-7)
    soft = np.where(3 * wide > 10, wide, np.log1p(np.exp(3 * wide)) / 3)
    np.testing.assert_allclose(sharp, soft, rtol=4e-6)


def test_exp_reaches_the_subnormal_numbers():
    x = np.array([-88, -95, -103, -103.9, -104.5, 88.7, 88.8], np.float32)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(
            A.exp(x), np.exp(x.astype(np.float64)).astype(np.float32), rtol=0.5
        )


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 100])
def test_a_value_does_not_depend_on_its_place(n):
    x = points()[:100]
    for name in ("gelu", "tanh", "exp", "silu"):
        whole = getattr(A, name)(x)
        np.testing.assert_array_equal(getattr(A, name)(x[:n].copy()), whole[:n])


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("name", ["exp", "erf", "tanh", "sigmoid", "silu", "gelu", "relu"])
def test_half_precision_computes_in_float32(name, dtype):
    x = np.linspace(-3, 3, 50).astype(dtype)
    y = getattr(A, name)(x)
    assert y.dtype == x.dtype
    wide = getattr(A, name)(x.astype(np.float64))
    step = float(ml_dtypes.finfo(dtype).eps)
    np.testing.assert_allclose(y.astype(np.float64), wide, rtol=step, atol=1e-7)


def test_strided_inputs_and_integers():
    x = points()[:96].reshape(8, 12)
    packed = np.ascontiguousarray(x[:, ::3])
    np.testing.assert_allclose(A.gelu(x[:, ::3]), A.gelu(packed), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(A.relu(np.array([-2, 3])), [0, 3])
    assert A.relu(np.array([-2, 3], np.int8)).dtype == np.int8


@pytest.mark.parametrize("shift", [0, 1])
def test_results_larger_than_the_cache(shift):
    """They are stored past it, where that is possible: `shift` makes the address odd."""
    x = np.linspace(-3, 3, (8 << 20) + 21, dtype=np.float32)[shift:]
    y = A.relu(x)
    assert np.array_equal(y, np.maximum(x, 0))
    assert np.array_equal(A.relu_grad(x, y), np.where(y > 0, x, 0))
