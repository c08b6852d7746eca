"""Cases of `ops/padding.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, HALVES, INTS, Err, OpCase, S, lit

_NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad(x, widths, mode="constant", value=0):
    pairs = [(0, 0)] * (x.ndim - len(widths) // 2) + list(
        zip(widths[::2], widths[1::2], strict=True)
    )[::-1]
    cut = x[
        tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, x.shape, strict=True))
    ]
    grown = [(max(a, 0), max(b, 0)) for a, b in pairs]
    if mode == "constant":
        return np.pad(cut, grown, constant_values=0 if value is None else value)
    return np.pad(cut, grown, mode=_NUMPY_MODES[mode])


CASES = [
    OpCase(
        "nn.functional.pad",
        [
            S((2, 3), lit((1, 2))),
            S((2, 3, 4), lit((1, 0, 2, 1)), "constant", 1.5),
            S((2, 4), lit((-1, 2))),
            S((2, 3, 4), lit((0, 0))),
        ],
        _pad,
        dtypes=(*FLOATS, *HALVES),
        errors=[
            Err(S((2, 3), lit((1,))), RuntimeError, "Padding length must be divisible by 2"),
            Err(S((3,), lit((1, 1, 1, 1))), RuntimeError, "two times the input dimension"),
            Err(S((3,), lit((-2, -2))), RuntimeError, "negative output size"),
            Err(S((2, 3), lit((1, 1)), "mirror"), NotImplementedError, "Unrecognised padding mode"),
        ],
    ),
    OpCase(
        "nn.functional.pad",
        [S((2, 3), lit((1, 2)), "constant", 7)],
        _pad,
        dtypes=(*INTS, "bool"),
        differentiable=False,
    ),
    OpCase(
        "nn.functional.pad",
        [
            S((1, 2, 5), lit((2, 1)), "reflect"),
            S((2, 4, 3), lit((2, 0, 1, 3)), "reflect"),
            S((1, 1, 3, 3, 3), lit((1, 1, 1, 1, 2, 0)), "reflect"),
        ],
        _pad,
        errors=[
            Err(
                S((1, 2, 3), lit((3, 0)), "reflect"),
                RuntimeError,
                "Padding size should be less than the corresponding input dimension",
            ),
            Err(
                S((3,), lit((1, 1)), "reflect"), NotImplementedError, "Only 2D, 3D, 4D, 5D padding"
            ),
        ],
    ),
    OpCase(
        "nn.functional.pad",
        [
            S((1, 2, 3), lit((4, 1)), "replicate"),
            S((1, 2, 3, 3), lit((2, 0, 1, 3)), "replicate"),
            S((1, 2, 4), lit((-1, 2)), "replicate"),
        ],
        _pad,
    ),
    OpCase(
        "nn.functional.pad",
        [S((1, 2, 5), lit((2, 5)), "circular"), S((1, 2, 3, 4), lit((1, 2, 3, 0)), "circular")],
        _pad,
        errors=[
            Err(
                S((1, 2, 3), lit((4, 0)), "circular"),
                RuntimeError,
                "wrapping around more than once",
            )
        ],
    ),
]
