"""Cases of `ops/casts.py` and `conversion.py`."""

from __future__ import annotations

import ml_dtypes
import numpy as np

import rushlight

from . import COMPLEX, FLOATS, HALVES, INTS, REAL, Err, OpCase, S

EVERY = ("bool", *REAL, *HALVES, *COMPLEX)
_TARGETS = {
    "double": np.float64,
    "float": np.float32,
    "half": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "long": np.int64,
    "int": np.int32,
    "short": np.int16,
    "char": np.int8,
    "byte": np.uint8,
    "bool": np.bool_,
}


def _cast(name, target):
    return OpCase(
        f"Tensor.{name}",
        [S((3, 4)), S(())],
        lambda x: x.astype(target),
        dtypes=("bool", *INTS),
        differentiable=False,
        rtol=0,
        atol=0,
    )


CASES = [
    OpCase("clone", [S((3, 4)), S(())], np.copy, dtypes=EVERY, method=True, rtol=0, atol=0),
    OpCase("Tensor.contiguous", [S((3, 4))], np.ascontiguousarray, dtypes=EVERY, rtol=0, atol=0),
    OpCase("Tensor.cpu", [S((3, 4))], np.asarray, dtypes=EVERY, rtol=0, atol=0),
    OpCase("Tensor.type_as", [S((3, 4), (1,))], lambda x, y: x, dtypes=FLOATS, rtol=0, atol=0),
    OpCase(
        "Tensor.to",
        [S((3, 4), rushlight.float64), S((3, 4), "cpu", rushlight.float64)],
        lambda x, *to: x.astype(np.float64),
        dtypes=INTS,
        differentiable=False,
        errors=[
            Err(S((2,), "nowhere"), RuntimeError, "device"),
            Err(S((2,), 1, 2, 3, 4, 5), TypeError, "to\\(\\)"),
        ],
    ),
    *[_cast(name, target) for name, target in _TARGETS.items()],
]
