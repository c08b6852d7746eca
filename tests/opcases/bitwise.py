"""Cases of `ops/bitwise.py`; every integer dtype is checked in tests/ops/test_elementwise.py."""

from __future__ import annotations

import numpy as np

from . import Err, OpCase, S, ints

X = ints([[0, 1, 6], [-3, 5, -8]])
Y = ints([[3, 2, 5], [1, 0, 7]])
ROW = ints([1, 2, 3])
MASK = ints([True, False, True], "bool")


def _bitwise(name, ref, *samples):
    return OpCase(
        name,
        [S(X, Y), S(X, ROW), S(X, 3), *samples],
        ref,
        dtypes=("int64",),
        method=True,
        inplace=True,
        differentiable=False,
        errors=[Err(S((3,), (3,)), NotImplementedError, "not implemented for 'Float'")],
    )


CASES = [
    _bitwise("bitwise_and", np.bitwise_and, S(MASK, MASK)),
    _bitwise("bitwise_or", np.bitwise_or, S(MASK, MASK)),
    _bitwise("bitwise_xor", np.bitwise_xor, S(MASK, MASK)),
    _bitwise("bitwise_left_shift", np.left_shift),
    _bitwise("bitwise_right_shift", np.right_shift),
    OpCase(
        "bitwise_not",
        [S(X), S(MASK)],
        np.invert,
        dtypes=("int64",),
        method=True,
        inplace=True,
        differentiable=False,
        errors=[Err(S((3,)), NotImplementedError, "not implemented for 'Float'")],
    ),
]
