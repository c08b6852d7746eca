"""Cases of `ops/elementwise.py`, `trigonometry.py`, `rounding.py` and `elementwise_binary.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, HALVES, Err, OpCase, S, ints

ALL = (*FLOATS, *HALVES)


def _unary(name, ref, low=-2.0, high=2.0, **options):
    settings = {"dtypes": ALL, "method": True, "inplace": True, "elementwise": True, **options}
    errors = [Err(S(1.5), TypeError, name), *settings.pop("errors", ())]
    return OpCase(name, [S((3, 4)), S((7,))], ref, low=low, high=high, errors=errors, **settings)


def _complex(name, ref):
    values = ints([[0.5 + 1j, -2j], [-1.5 + 0.2j, 2 - 1j]], "complex128")
    return OpCase(name, [S(values)], ref, dtypes=("float64",), differentiable=False)


def _pair(name, ref, **options):
    settings = {"method": True, "inplace": True, "elementwise": True, **options}
    return OpCase(name, [S((3, 4), (3, 4)), S((2, 3, 4), (3, 1))], ref, **settings)


def _integers(name, ref):
    samples = [S(ints([[12, 18], [0, 7]]), ints([[8, 27], [5, 21]])), S(ints([4, 6, 9]), ints([6]))]
    errors = [Err(S((2,), (2,)), NotImplementedError, "not implemented for 'Float'")]
    return OpCase(
        name, samples, ref, dtypes=("int64",), method=True, differentiable=False, errors=errors
    )


def _rounded(name, ref):
    return _unary(
        name,
        ref,
        low=-4,
        high=4,
        kinks=np.arange(-4, 4.5, 0.5),
        dtypes=("int8", "uint8", "int64", *ALL),
        errors=[Err(S(ints([True], "bool")), NotImplementedError, "not implemented for 'Bool'")],
    )


CASES = [
    _unary("exp", np.exp),
    _unary("exp2", np.exp2),
    _unary("expm1", np.expm1),
    _unary("log", np.log, 0.1, 3),
    _unary("log2", np.log2, 0.1, 3),
    _unary("log10", np.log10, 0.1, 3),
    _unary("log1p", np.log1p, -0.9, 3),
    _unary("sqrt", np.sqrt, 0.1, 3),
    _unary("rsqrt", lambda x: 1 / np.sqrt(x), 0.1, 3),
    _unary("square", np.square),
    _unary("reciprocal", np.reciprocal, 0.2, 3),
    _unary("sin", np.sin),
    _unary("cos", np.cos),
    _unary("tan", np.tan, -1, 1),
    _unary("asin", np.arcsin, -0.9, 0.9),
    _unary("acos", np.arccos, -0.9, 0.9),
    _unary("atan", np.arctan),
    _unary("sinh", np.sinh),
    _unary("cosh", np.cosh),
    _unary("asinh", np.arcsinh),
    _unary("acosh", np.arccosh, 1.2, 4),
    _unary("atanh", np.arctanh, -0.9, 0.9),
    _unary("deg2rad", np.deg2rad, -180, 180),
    _unary("rad2deg", np.rad2deg, rtol=1e-4),
    *[
        _complex(n, getattr(np, n))
        for n in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh")
    ],
    _rounded("ceil", np.ceil),
    _rounded("floor", np.floor),
    _rounded("trunc", np.trunc),
    _rounded("round", np.rint),
    OpCase(
        "round",
        [S((20,), decimals=1), S((20,), decimals=-1)],
        lambda x, decimals: np.round(x, decimals),
        low=-40,
        high=40,
        # A difference quotient across a step of the rounding is no derivative.
        differentiable=False,
    ),
    _unary("frac", lambda x: x - np.trunc(x), kinks=[-1.0, 0.0, 1.0], dtypes=FLOATS),
    OpCase(
        "clamp",
        [S((4, 5), -0.5, 0.7), S((7,), min=0.1), S((7,), max=0.1), S((5,), 0.5, -0.5)],
        lambda x, min=-np.inf, max=np.inf: np.minimum(np.maximum(x, min), max),
        dtypes=ALL,
        kinks=[-0.5, 0.7, 0.1, 0.5],
        method=True,
        inplace=True,
        elementwise=True,
        errors=[
            Err(S((2,)), RuntimeError, "At least one of"),
            Err(S(ints([1j], "complex64"), 0, 1), RuntimeError, "complex"),
        ],
    ),
    OpCase(
        "clamp",
        [S((4, 5), (4, 5), (4, 5)), S((4, 5), (5,), (4, 1))],
        lambda x, low, high: np.minimum(np.maximum(x, low), high),
        method=True,
    ),
    OpCase(
        "clamp_min",
        [S((4, 5), 0.3)],
        np.maximum,
        kinks=[0.3],
        method=True,
        inplace=True,
        elementwise=True,
    ),
    OpCase(
        "clamp_max",
        [S((4, 5), 0.3)],
        np.minimum,
        kinks=[0.3],
        method=True,
        inplace=True,
        elementwise=True,
    ),
    _unary(
        "nan_to_num",
        lambda x: np.nan_to_num(x, posinf=np.finfo(np.float64).max),
        dtypes=FLOATS,
    ),
    OpCase(
        "pow",
        [
            S((3, 4), (3, 4)),
            S((3, 4), (4,)),
            S((5,), 2),
            S((5,), 3),
            S((5,), 0.5),
            S((5,), -1),
            S((5,), 1.7),
            S((5,), 0),
            S(2.5, (5,)),
        ],
        np.power,
        low=0.2,
        high=3,
        dtypes=ALL,
        inplace=True,
        elementwise=True,
        errors=[Err(S(ints([1, 2]), -1), RuntimeError, "Integers to negative integer powers")],
    ),
    OpCase(
        "pow",
        [S((3, 4), ints([[0, 1, 2, 3]])), S((6,), 2)],
        np.power,
        dtypes=("uint8", "int32", "int64"),
        differentiable=False,
    ),
    OpCase(
        "float_power",
        [S((3, 4), (3, 4)), S((5,), 2)],
        np.float_power,
        dtypes=("float64",),
        low=0.2,
        high=3,
        method=True,
    ),
    _pair("atan2", np.arctan2, kinks=[0.0]),
    _pair("hypot", np.hypot, kinks=[0.0]),
    _pair("logaddexp", np.logaddexp, inplace=False),
    _pair("logaddexp2", np.logaddexp2, inplace=False),
    _pair("copysign", np.copysign, kinks=[0.0]),
    # A step of one unit in the last place has no difference quotient.
    _pair("nextafter", np.nextafter, differentiable=False, dtypes=("float64",)),
    _pair("heaviside", np.heaviside, differentiable=False),
    _integers("gcd", np.gcd),
    _integers("lcm", np.lcm),
    _pair("ldexp", lambda x, e: x * 2.0**e),
    OpCase(
        "frexp",
        [S((7,))],
        np.frexp,
        kinks=[-1.0, -0.5, -0.25, -0.125, 0.0, 0.125, 0.25, 0.5, 1.0],
        method=True,
        errors=[Err(S(ints([1])), RuntimeError, "floating-point")],
    ),
]
