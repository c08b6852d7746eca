"""Cases of `ops/complex.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, HALVES, REAL, Err, OpCase, S, ints

Z = ints([[0.5 + 1j, -2j, 1 + 0j], [-1.5 + 0.2j, 2 - 1j, 0.1 + 0.1j]], "complex128")


def _of_complex(name, ref, **options):
    # Gradients for complex inputs are checked in tests/ops/test_complex.py.
    return OpCase(name, [S(Z)], ref, dtypes=("float64",), differentiable=False, **options)


SIGNED = ("int8", "int16", "int32", "int64")

CASES = [
    OpCase(
        "abs",
        [S((3, 4))],
        np.abs,
        dtypes=(*SIGNED, *FLOATS, *HALVES),
        kinks=[0.0],
        method=True,
        inplace=True,
        elementwise=True,
        errors=[
            Err(S(-1.0), TypeError, "abs"),
            Err(S(ints([True], "bool")), NotImplementedError, "Bool"),
        ],
    ),
    OpCase(
        "sign",
        [S((3, 4))],
        np.sign,
        dtypes=(*REAL, *HALVES),
        kinks=[0.0],
        method=True,
        inplace=True,
        elementwise=True,
        errors=[Err(S(ints([1j], "complex64")), RuntimeError, "torch.sgn")],
    ),
    OpCase("sgn", [S((3, 4))], np.sign, kinks=[0.0], method=True, inplace=True, elementwise=True),
    OpCase("angle", [S((3, 4))], np.angle, kinks=[0.0], method=True, elementwise=True),
    OpCase(
        "complex",
        [S((3, 4), (3, 4)), S((3, 4), (4,))],
        lambda x, y: x + 1j * y,
        errors=[Err(S((2,), ints([1, 2])), RuntimeError, "Half, Float or Double")],
    ),
    OpCase("polar", [S((3, 4), (3, 4))], lambda r, a: r * np.exp(1j * a)),
    _of_complex(
        "view_as_real",
        lambda x: np.stack([x.real, x.imag], -1),
        errors=[Err(S((3,)), RuntimeError, "complex")],
    ),
    _of_complex("real", np.real),
    _of_complex("imag", np.imag, errors=[Err(S((3,)), RuntimeError, "non-complex")]),
    _of_complex("conj", np.conj, method=True),
    _of_complex("conj_physical", np.conj, method=True),
    _of_complex("resolve_conj", np.array, method=True),
    _of_complex("resolve_neg", np.array, method=True),
    _of_complex("is_conj", lambda x: False, method=True),
    _of_complex("is_neg", lambda x: False, method=True),
    _of_complex("abs", np.abs),
    _of_complex("sgn", lambda x: x / np.abs(x)),
    _of_complex("angle", np.angle),
]
