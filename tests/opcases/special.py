"""Cases of `ops/special.py` and `ops/bessel.py`."""

from __future__ import annotations

import math

import numpy as np

from . import FLOATS, HALVES, Err, OpCase, S, ints

ALL = (*FLOATS, *HALVES)
_erf = np.vectorize(math.erf, otypes=[float])
_erfc = np.vectorize(math.erfc, otypes=[float])
_lgamma = np.vectorize(math.lgamma, otypes=[float])


def _unary(name, ref, low=-2.0, high=2.0, **options):
    everywhere = not name.startswith("special.")
    settings = {"dtypes": ALL, "method": everywhere, "inplace": everywhere, "elementwise": True}
    errors = [Err(S(0.5), TypeError, "must be Tensor")]
    return OpCase(
        name, [S((3, 4)), S((7,))], ref, low=low, high=high, errors=errors, **settings | options
    )


def _integral(density, lower):
    """The integral of a density up to x by Gauss and Legendre's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(200)

    def value(x):
        half = (np.asarray(x)[..., None] - lower) / 2
        return (density(lower + half * (nodes + 1)) * weights * half).sum(-1)

    return value


def _over_angles(integrand):
    """The mean of integrand(angle, x) over angles in [0, pi]: Bessel's integral form."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    angles = (nodes + 1) * np.pi / 2
    return lambda x: (integrand(angles, np.asarray(x)[..., None]) * weights).sum(-1) / 2


_i0 = _over_angles(lambda t, x: np.exp(x * np.cos(t)))
_i1 = _over_angles(lambda t, x: np.exp(x * np.cos(t)) * np.cos(t))
_j0 = _over_angles(lambda t, x: np.cos(x * np.sin(t)))
_j1 = _over_angles(lambda t, x: np.cos(t - x * np.sin(t)))


def _hyperbolic(order):
    """K(x) as the integral of exp(-x cosh t) cosh(order t) over t > 0."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    t = (nodes + 1) * 4
    return lambda x: (
        np.exp(-np.asarray(x)[..., None] * np.cosh(t)) * np.cosh(order * t) * weights * 4
    ).sum(-1)


def _digamma(x):
    """The sum of -1 / (x + k) after recurrence to large x, with two terms of Stirling's series."""
    shift = 4000
    steps = sum(1 / (x + k) for k in range(shift))
    big = x + shift
    return np.log(big) - 0.5 / big - 1 / (12 * big * big) - steps


def _zeta(s, q, terms=4000):
    total = sum((q + k) ** -s for k in range(terms))
    big = q + terms
    return total + big ** (1 - s) / (s - 1) + big**-s / 2 + s * big ** (-s - 1) / 12


def _ndtr(x):
    return _erfc(-x / math.sqrt(2)) / 2


def _polynomial(name, values):
    """A family of polynomials against NumPy's series of one term."""

    def ref(x, n):
        degrees = np.broadcast_to(n, x.shape).astype(int)
        rows = [values(np.eye(9)[d], x) for d in range(9)]
        return np.choose(degrees, rows)

    degrees = ints([0, 1, 2, 3, 4, 5, 6, 7])
    return OpCase(
        f"special.{name}",
        [S((2, 8), degrees), S((5,), 3)],
        ref,
        differentiable=False,
        low=-1,
        high=1,
    )


_P = np.polynomial


def _trigonometric(name, step, shifted=False):
    """A Chebyshev family in its trigonometric form, x = cos t."""

    def ref(x, n):
        return step(np.arccos(2 * x - 1 if shifted else x), np.broadcast_to(n, x.shape))

    low, high = (0.05, 0.95) if shifted else (-0.95, 0.95)
    samples = [S((2, 8), ints([0, 1, 2, 3, 4, 5, 6, 7])), S((5,), 3)]
    return OpCase(
        f"special.{name}",
        samples,
        ref,
        differentiable=False,
        low=low,
        high=high,
        rtol=1e-4,
        atol=1e-5,
    )


_KINDS = {
    "t": lambda t, n: np.cos(n * t),
    "u": lambda t, n: np.sin((n + 1) * t) / np.sin(t),
    "v": lambda t, n: np.cos((n + 0.5) * t) / np.cos(t / 2),
    "w": lambda t, n: np.sin((n + 0.5) * t) / np.sin(t / 2),
}

CASES = [
    _unary("erf", _erf),
    _unary("erfc", _erfc),
    _unary("special.erfcx", lambda x: np.exp(x * x) * _erfc(x), rtol=1e-4),
    _unary("special.ndtr", _ndtr),
    _unary("special.log_ndtr", lambda x: np.log(_ndtr(x)), -5, 5, dtypes=FLOATS),
    _unary("lgamma", _lgamma, 0.2, 9),
    _unary("digamma", _digamma, 0.3, 5),
    _unary("logit", lambda x: np.log(x / (1 - x)), 0.1, 0.9),
    OpCase(
        "logit",
        [S((5,), 0.2)],
        lambda x, e: np.log((c := np.clip(x, e, 1 - e)) / (1 - c)),
        low=0.01,
        high=0.99,
        kinks=[0.2, 0.8],
        method=True,
    ),
    _unary("sinc", np.sinc, kinks=[0.0]),
    _unary("special.entr", lambda x: -x * np.log(x), 0.1, 3),
    _unary("i0", _i0, -3, 3),
    _unary("special.i0e", lambda x: _i0(x) * np.exp(-np.abs(x)), -3, 3, kinks=[0.0]),
    _unary("special.i1", _i1, -3, 3, kinks=[0.0]),
    _unary("special.i1e", lambda x: _i1(x) * np.exp(-np.abs(x)), -3, 3, kinks=[0.0]),
    *[
        _unary(f"special.{name}", ref, low, 12, differentiable=False, dtypes=FLOATS)
        for name, ref, low in [
            ("bessel_j0", _j0, -12),
            ("bessel_j1", _j1, -12),
            ("modified_bessel_i0", _i0, -12),
            ("modified_bessel_i1", _i1, -12),
            ("modified_bessel_k0", _hyperbolic(0), 0.2),
            ("modified_bessel_k1", _hyperbolic(1), 0.2),
            ("scaled_modified_bessel_k0", lambda x: np.exp(x) * _hyperbolic(0)(x), 0.2),
            ("scaled_modified_bessel_k1", lambda x: np.exp(x) * _hyperbolic(1)(x), 0.2),
            ("spherical_bessel_j0", lambda x: np.sinc(x / np.pi), -12),
        ]
    ],
    # Values in tests/kernels/test_special_kernels.py; the functions below have no short reference.
    *[
        OpCase(
            f"special.{name}",
            [S((3, 4))],
            None,
            low=0.3,
            high=9,
            differentiable=False,
            elementwise=True,
        )
        for name in ("airy_ai", "bessel_y0", "bessel_y1")
    ],
    _unary("erfinv", None, -0.9, 0.9, dtypes=FLOATS),
    _unary("special.ndtri", None, 0.1, 0.9, dtypes=FLOATS),
    OpCase(
        "polygamma",
        [S(0, (3, 4)), S(1, (3, 4)), S(2, (3, 4)), S(3, (4,))],
        lambda n, x: (
            _digamma(x) if n == 0 else (-1) ** (n + 1) * math.factorial(n) * _zeta(n + 1.0, x)
        ),
        low=0.4,
        high=5,
        errors=[Err(S(-1, (2,)), RuntimeError, "negative n")],
    ),
    OpCase(
        "mvlgamma",
        [S((3, 4), 1), S((3, 4), 3)],
        lambda x, p: (
            sum(_lgamma(x - i / 2) for i in range(p)) + p * (p - 1) / 4 * math.log(math.pi)
        ),
        low=2.2,
        high=6,
        method=True,
        inplace=True,
        elementwise=True,
        errors=[Err(S((2,), 0), RuntimeError, "greater than or equal to 1")],
    ),
    OpCase(
        "igamma",
        [S(ints([0.5, 1.0, 2.5], "float64"), (4, 3))],
        lambda a, x: (
            _integral(lambda t: 2 * t * t ** (2 * a[..., None] - 2) * np.exp(-t * t), 0)(np.sqrt(x))
            / np.exp(_lgamma(a))
        ),
        low=0.2,
        high=5,
        dtypes=("float64",),
        method=True,
        # As in torch there is no gradient for the first argument.
        differentiable=False,
        errors=[Err(S((2,), 1.0), TypeError, "igamma")],
    ),
    OpCase(
        "igammac", [S((3, 4), (3, 4))], None, low=0.3, high=5, method=True, differentiable=False
    ),
    OpCase("special.zeta", [S(2.5, (3, 4)), S(4.0, (5,))], _zeta, low=0.4, high=5),
    OpCase(
        "xlogy",
        [S((3, 4), (3, 4)), S((3, 4), 2.0), S(2.0, (3, 4))],
        lambda x, y: x * np.log(y),
        low=0.1,
        high=3,
        dtypes=ALL,
        inplace=True,
        elementwise=True,
    ),
    OpCase(
        "special.xlog1py",
        [S((3, 4), (3, 4)), S((3, 4), 2.0), S(2.0, (3, 4))],
        lambda x, y: x * np.log1p(y),
        low=0.1,
        high=3,
    ),
    *[_trigonometric(f"chebyshev_polynomial_{k}", step) for k, step in _KINDS.items()],
    *[
        _trigonometric(f"shifted_chebyshev_polynomial_{k}", step, True)
        for k, step in _KINDS.items()
    ],
    _polynomial("hermite_polynomial_h", lambda c, x: _P.hermite.hermval(x, c)),
    _polynomial("hermite_polynomial_he", lambda c, x: _P.hermite_e.hermeval(x, c)),
    _polynomial("laguerre_polynomial_l", lambda c, x: _P.laguerre.lagval(x, c)),
    _polynomial("legendre_polynomial_p", lambda c, x: _P.legendre.legval(x, c)),
]
