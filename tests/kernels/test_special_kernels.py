"""Special functions against identities, exact values and, where it is installed, PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rushlight.kernels import special as K

X = np.concatenate([np.linspace(-25, 25, 1001), np.linspace(-1.5, 1.5, 301)])
POSITIVE = np.concatenate([np.linspace(0.01, 3, 300), np.linspace(3, 60, 300)])


def _close(actual, expected, rtol=1e-12, atol=0.0):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def test_against_the_standard_library():
    _close(K.erfc(X), np.vectorize(math.erfc)(X), rtol=2e-13)
    _close(K.lgamma(POSITIVE), np.vectorize(math.lgamma)(POSITIVE), atol=1e-14)
    negative = -POSITIVE[::7] - 0.013
    _close(K.lgamma(negative), np.vectorize(math.lgamma)(negative), atol=1e-12)


def test_erfcx_continues_where_erfc_has_underflowed():
    _close(
        K.erfcx(np.array([50.0, 1e5, 1e200])),
        1 / (np.sqrt(np.pi) * np.array([50.0, 1e5, 1e200])),
        rtol=3e-4,
    )
    x = np.linspace(-5, 5, 101)
    _close(K.erfcx(x), np.exp(x * x) * np.vectorize(math.erfc)(x))


def test_inverses_invert():
    y = np.concatenate([np.linspace(-0.999, 0.999, 501), 10.0 ** -np.arange(1, 300, 7.0)])
    _close(np.vectorize(math.erf)(K.erfinv(y)), y, rtol=1e-14)
    p = np.concatenate([np.linspace(0.001, 0.999, 501), 10.0 ** -np.arange(1, 300, 7.0)])
    _close(K.ndtr(K.ndtri(p)), p, rtol=2e-13)
    x = np.linspace(-37, 5, 301)
    _close(K.log_ndtr(x), np.log(K.ndtr(x)), rtol=1e-11, atol=1e-15)


def test_inverses_at_and_beyond_their_ends():
    edge = np.array([-1.0, 1.0, 1.1, np.nan])
    np.testing.assert_array_equal(K.erfinv(edge), [-np.inf, np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(K.ndtri((edge + 1) / 2), [-np.inf, np.inf, np.nan, np.nan])


def test_digamma_and_its_derivatives_satisfy_their_recurrences():
    x = np.concatenate([POSITIVE, -POSITIVE[::5] - 0.017])
    _close(K.digamma(x + 1), K.digamma(x) + 1 / x, rtol=1e-9, atol=1e-11)
    for n in range(1, 5):
        step = (-1) ** n * math.factorial(n) / POSITIVE ** (n + 1)
        _close(K.polygamma(n, POSITIVE + 1) - K.polygamma(n, POSITIVE), step, rtol=1e-6, atol=1e-12)
    _close(K.digamma(np.array([1.0])), [-0.57721566490153286])
    _close(K.polygamma(1, np.array([1.0])), [np.pi**2 / 6])


def test_gamma_functions_at_their_poles():
    poles = np.array([0.0, -1.0, -2.0])
    np.testing.assert_array_equal(K.lgamma(poles), [np.inf] * 3)
    np.testing.assert_array_equal(K.digamma(np.array([0.0, -0.0, -1.0])), [-np.inf, np.inf, np.nan])


def test_zeta_at_known_points():
    s = np.array([2.0, 4.0, 1.0, 0.5])
    expected = [np.pi**2 / 6, np.pi**4 / 90, np.inf, np.nan]
    _close(K.zeta(s, np.ones(4)), expected)


def test_incomplete_gamma_functions():
    x = np.linspace(0.01, 40, 200)
    one = np.ones_like(x)
    _close(K.igamma(one, x), -np.expm1(-x))
    _close(K.igammac(0.5 * one, x), np.vectorize(math.erfc)(np.sqrt(x)), rtol=1e-11)
    a = np.linspace(0.1, 60, 200)
    _close(K.igamma(a, x) + K.igammac(a, x), one)
    np.testing.assert_array_equal(
        K.igamma(np.array([2.0, 0.0, -1.0, 1.0]), np.array([0.0, 1.0, 1.0, np.inf])),
        [0, 1, np.nan, 1],
    )


def test_wronskians_of_the_bessel_functions():
    x = POSITIVE
    _close(K.j1(x) * K.y0(x) - K.j0(x) * K.y1(x), 2 / (np.pi * x), rtol=1e-11)
    _close(K.i0e(x) * K.k1e(x) + K.i1e(x) * K.k0e(x), 1 / x)
    _close(K.i0(x[:400]), K.i0e(x[:400]) * np.exp(x[:400]))
    _close(K.k1(x), K.k1e(x) * np.exp(-x))


def test_bessel_functions_at_zero_and_beyond():
    zero = np.array([0.0, -1.0])
    np.testing.assert_array_equal(K.y0(zero), [-np.inf, np.nan])
    np.testing.assert_array_equal(K.k0(zero), [np.inf, np.nan])
    _close(K.j0(zero[:1]), [1])
    _close(K.j1(-POSITIVE), -K.j1(POSITIVE))


def test_airy_function_satisfies_its_equation():
    x = np.linspace(-9, 7, 81)
    h = 1e-3
    # Sixth-order difference quotient of the second derivative.
    weights = {0: -49 / 18, 1: 3 / 2, 2: -3 / 20, 3: 1 / 90}
    second = sum(
        w * (K.airy_ai(x + k * h) + K.airy_ai(x - k * h)) / (1 if k else 2)
        for k, w in weights.items()
    )
    _close(second / h**2, x * K.airy_ai(x), rtol=1e-6, atol=1e-7)
    _close(K.airy_ai(np.array([0.0])), [0.35502805388781724])


def test_result_has_the_dtype_of_the_input():
    for dtype in (np.float16, np.float32, np.float64):
        assert K.erfc(np.array([0.5], dtype)).dtype == dtype


ORACLES = {
    "erfc": "erfc", "erfcx": "erfcx", "ndtri": "ndtri", "log_ndtr": "log_ndtr", "i0e": "i0e",
    "digamma": "digamma", "i1": "i1", "k0": "modified_bessel_k0", "airy_ai": "airy_ai",
    "j1": "bessel_j1", "y0": "bessel_y0",
}  # fmt: skip


@pytest.mark.parametrize("name", ORACLES)
def test_against_torch(torch, name):
    x = np.linspace(0.02, 0.98, 97) if name == "ndtri" else np.linspace(0.05, 12, 240)
    expected = getattr(torch.special, ORACLES[name])(torch.tensor(x)).numpy()
    # torch's own Bessel functions are only good to 4e-7 around x = 5.
    tolerance = 1e-6 if name in ("j1", "y0") else 1e-9
    _close(getattr(K, name)(x), expected, rtol=1e-7, atol=tolerance)
