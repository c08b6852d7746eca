"""Cases of `ops/arithmetic.py` and `ops/division.py`."""

from __future__ import annotations

import numpy as np

from . import COMPLEX, FLOATS, HALVES, REAL, Err, OpCase, S, ints

EVERY = (*REAL, *HALVES)
BOOL = ints([True, False], "bool")
ZERO_DIVISION = Err(S(ints([1, 2]), ints([1, 0])), RuntimeError, "ZeroDivisionError")


def _away_from_zero(x):
    return np.where(x < 0, x - 1, x + 1).astype(x.dtype)


def _binary(name, ref, samples=(), **options):
    settings = {"dtypes": EVERY, "method": True, "inplace": True, "elementwise": True, **options}
    shapes = [S((3, 4), (3, 4)), S((2, 3, 4), (3, 1)), S((3, 4), ()), S((3,), 2), *samples]
    return OpCase(name, shapes, ref, **settings)


def _quotient(name, ref, **options):
    settings = {"prepare": _away_from_zero, "dtypes": FLOATS, **options}
    return _binary(name, ref, **settings)


CASES = [
    _binary(
        "add",
        lambda x, y, alpha=1: x + alpha * y,
        [S((3, 4), (4,), alpha=2), S((3, 4), 1.5)],
        errors=[
            Err(S((3,), "a"), TypeError, "unsupported operand"),
            Err(S(ints([1]), ints([2]), alpha=0.5), RuntimeError, "must not be a floating point"),
            Err(S((2, 3), (4,)), (RuntimeError, ValueError), "broadcast|must match"),
        ],
    ),
    _binary("add", np.add, dtypes=COMPLEX, inplace=False, differentiable=False),
    _binary(
        "sub",
        lambda x, y, alpha=1: x - alpha * y,
        [S((3, 4), (4,), alpha=2)],
        errors=[
            Err(S(BOOL, BOOL), RuntimeError, "with a bool tensor"),
            Err(S((2,), BOOL), RuntimeError, "with a bool tensor"),
            Err(S((2,), True), RuntimeError, "with a bool tensor"),
        ],
    ),
    OpCase("rsub", [S((3, 4), (3, 4)), S((3,), 2.0)], lambda x, y: y - x, method=True),
    _binary("mul", np.multiply, [S((3, 4), 1.5)]),
    _binary("mul", np.multiply, dtypes=COMPLEX, inplace=False, differentiable=False),
    _quotient(
        "div",
        lambda x, y, rounding_mode=None: np.true_divide(x, y),
        dtypes=(*FLOATS, *HALVES),
        errors=[Err(S((2,), (2,), rounding_mode="up"), RuntimeError, "rounding_mode to be one of")],
    ),
    _quotient("true_divide", np.true_divide),
    OpCase(
        "div",
        [S((3, 4), 0.3, rounding_mode="floor"), S((20,), (20,), rounding_mode="floor")],
        lambda x, y, rounding_mode: np.floor(x / y),
        prepare=_away_from_zero,
        rtol=0,
        errors=[Err(S(ints([1, 2]), 0, rounding_mode="floor"), RuntimeError, "ZeroDivisionError")],
    ),
    OpCase(
        "div",
        [S((20,), (20,), rounding_mode="trunc")],
        lambda x, y, rounding_mode: np.trunc(x / y),
        prepare=_away_from_zero,
        low=-9,
        high=9,
    ),
    _binary(
        "floor_divide",
        np.floor_divide,
        prepare=_away_from_zero,
        dtypes=FLOATS,
        low=-9,
        high=9,
        differentiable=False,
        errors=[ZERO_DIVISION],
    ),
    _binary(
        "remainder",
        np.remainder,
        prepare=_away_from_zero,
        dtypes=FLOATS,
        errors=[ZERO_DIVISION],
    ),
    _binary(
        "fmod",
        np.fmod,
        prepare=_away_from_zero,
        dtypes=FLOATS,
        errors=[ZERO_DIVISION],
    ),
    OpCase(
        "neg",
        [S((3, 4))],
        np.negative,
        dtypes=("int8", "int64", *FLOATS, *HALVES),
        method=True,
        inplace=True,
        elementwise=True,
        errors=[Err(S(BOOL), RuntimeError, "on a bool tensor"), Err(S(1.0), TypeError, "neg")],
    ),
    OpCase("positive", [S((3, 4))], np.positive, dtypes=REAL, method=True, elementwise=True),
    OpCase(
        "addcmul",
        [
            S((3, 4), (3, 4), (3, 4)),
            S((3, 4), (4,), (3, 1), value=-0.5),
            S((3,), (3,), (3,), value=2),
        ],
        lambda x, a, b, value=1: x + value * a * b,
        method=True,
        inplace=True,
        elementwise=True,
    ),
    OpCase(
        "addcdiv",
        [S((3, 4), (3, 4), (3, 4)), S((3, 4), (4,), (3, 1), value=-0.5)],
        lambda x, a, b, value=1: x + value * a / b,
        prepare=_away_from_zero,
        method=True,
        inplace=True,
        elementwise=True,
        errors=[
            Err(S((2,), ints([1, 2]), ints([1, 2])), RuntimeError, "Integer division with addcdiv")
        ],
    ),
    OpCase(
        "lerp",
        [
            S((3, 4), (3, 4), 0.3),
            S((3, 4), (4,), 0.8),
            S((3, 4), (3, 4), (3, 4)),
            S((3, 4), (3, 4), 1.0),
        ],
        lambda x, y, w: x + w * (y - x),
        dtypes=(*FLOATS, *HALVES),
        kinks=[0.5],
        method=True,
        inplace=True,
        elementwise=True,
        errors=[
            Err(S((2,), ints([1, 2]), 0.5), RuntimeError, "expected dtype torch.float32 for `end`")
        ],
    ),
]
