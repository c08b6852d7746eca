"""Cases of `ops/compare.py`."""

from __future__ import annotations

import numpy as np

from . import COMPLEX, HALVES, REAL, Err, OpCase, S, ints


def _relation(name, ref, **options):
    settings = {"dtypes": REAL, "method": True, "differentiable": False, "elementwise": True}
    samples = [S((3, 4), (3, 4)), S((3, 4), (4,)), S((20,), 1), S((20,), 0.5)]
    errors = [Err(S(2, (3,)), TypeError, name), Err(S((3,), None), TypeError, "unsupported")]
    return OpCase(name, samples, ref, errors=errors, **settings | options)


def _test(name, ref, **options):
    settings = {"dtypes": (*REAL, *COMPLEX), "method": True, "differentiable": False}
    errors = [Err(S(1.0), TypeError, name)]
    return OpCase(name, [S((3, 4))], ref, errors=errors, **settings | options)


def _logic(name, ref):
    samples = [S((3, 4), (3, 4)), S((3, 4), ints([1, 0, 0, 1], "bool"))]
    return OpCase(
        name, samples, ref, dtypes=REAL, method=True, differentiable=False, elementwise=True
    )


def _larger(name, ref, **options):
    return OpCase(
        name,
        [S((3, 4), (3, 4)), S((2, 3, 4), (3, 1))],
        ref,
        dtypes=(*REAL, *HALVES),
        method=True,
        elementwise=True,
        errors=[Err(S((2,), 1.0), TypeError, name)],
        **options,
    )


CASES = [
    _relation("eq", np.equal),
    _relation("ne", np.not_equal),
    _relation("lt", np.less),
    _relation("le", np.less_equal),
    _relation("gt", np.greater),
    _relation("ge", np.greater_equal),
    OpCase(
        "isclose",
        [S((3, 4), (3, 4)), S((3, 4), (3, 4), 0.5, 0.5), S((3, 4), (3, 4), atol=1.0)],
        np.isclose,
        method=True,
        differentiable=False,
        errors=[
            Err(S((2,), ints([1, 2])), RuntimeError, "Float did not match Long"),
            Err(S((2,), (2,), rtol=-1.0), RuntimeError, "rtol must be greater"),
        ],
    ),
    OpCase(
        "allclose",
        [S((3,), (3,)), S((3,), (3,), atol=9.0)],
        np.allclose,
        method=True,
        differentiable=False,
    ),
    OpCase(
        "equal", [S((3,), (3,)), S((3,), (2,))], np.array_equal, method=True, differentiable=False
    ),
    _test("isnan", np.isnan),
    _test("isinf", np.isinf),
    _test("isfinite", np.isfinite),
    _test("isposinf", np.isposinf, dtypes=REAL),
    _test("isneginf", np.isneginf, dtypes=REAL),
    OpCase(
        "isreal",
        [S((3, 4))],
        np.isreal,
        dtypes=(*REAL, *COMPLEX),
        method=True,
        differentiable=False,
    ),
    OpCase(
        "signbit",
        [S((3, 4))],
        lambda x: x < 0,
        dtypes=REAL,
        method=True,
        differentiable=False,
        errors=[Err(S(ints([1j], "complex64")), RuntimeError, "complex")],
    ),
    _logic("logical_and", np.logical_and),
    _logic("logical_or", np.logical_or),
    _logic("logical_xor", np.logical_xor),
    OpCase(
        "logical_not",
        [S((3, 4))],
        np.logical_not,
        dtypes=(*REAL, *HALVES),
        method=True,
        differentiable=False,
        elementwise=True,
    ),
    _larger("maximum", np.maximum),
    _larger("minimum", np.minimum),
    _larger("fmax", np.fmax),
    _larger("fmin", np.fmin),
]
