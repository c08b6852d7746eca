"""Cases of `ops/matmul.py`."""

from __future__ import annotations

import numpy as np

from . import COMPLEX, FLOATS, HALVES, INTS, Err, OpCase, S, lit

ALL_FLOATS = (*FLOATS, *HALVES)
REAL = (*INTS, *ALL_FLOATS)


def _added(product):
    return lambda c, *ab, beta=1, alpha=1: beta * c + alpha * product(*ab)


def _linear(x, w, b=None):
    y = x @ w.T
    return y if b is None else y + b


def _bilinear(a, b, w, bias=None):
    y = np.einsum("...i,oij,...j->...o", a, w, b)
    return y if bias is None else y + bias


CASES = [
    OpCase(
        "nn.functional.linear",
        [S((4, 3), (5, 3), (5,)), S((2, 4, 3), (5, 3)), S((3,), (5, 3), (5,)), S((2, 3), (3,))],
        _linear,
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((4, 2), (5, 3)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied"),
            Err(S((4, 3), (5, 3), (4,)), RuntimeError, "bias"),
            Err(S(3.0, (5, 3)), TypeError, "must be Tensor"),
        ],
    ),
    OpCase(
        "nn.functional.bilinear",
        [S((4, 3), (4, 2), (5, 3, 2), (5,))],
        _bilinear,
        errors=[
            Err(S((4, 3), (3, 2), (5, 3, 2)), RuntimeError, "batch dimensions do not match"),
            Err(S((4, 3), (4, 2), (5, 2, 2)), RuntimeError, "does not fit"),
        ],
    ),
    OpCase(
        "matmul",
        [
            S((3, 4), (4, 2)),
            S((4,), (4,)),
            S((4,), (4, 2)),
            S((3, 4), (4,)),
            S((2, 3, 4), (4, 2)),
            S((2, 1, 3, 4), (3, 4, 2)),
            S((4,), (2, 4, 3)),
        ],
        np.matmul,
        dtypes=REAL,
        method=True,
        low=-3,
        high=3,
        errors=[
            Err(S((3, 4), (3, 2)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied"),
            Err(S((), (3,)), RuntimeError, "at least 1D"),
        ],
    ),
    OpCase("matmul", [S((3, 4), (4, 2))], np.matmul, dtypes=COMPLEX, method=True),
    OpCase(
        "mm",
        [S((3, 4), (4, 2))],
        np.matmul,
        dtypes=ALL_FLOATS,
        method=True,
        errors=[
            Err(S((3, 4), (3, 2)), RuntimeError, "cannot be multiplied"),
            Err(S((3,), (3, 2)), RuntimeError, "must be a"),
        ],
    ),
    OpCase(
        "bmm",
        [S((2, 3, 4), (2, 4, 2))],
        np.matmul,
        dtypes=ALL_FLOATS,
        method=True,
        errors=[
            Err(S((2, 3, 4), (3, 4, 2)), RuntimeError, "Expected size for first two dimensions")
        ],
    ),
    OpCase(
        "mv",
        [S((3, 4), (4,))],
        np.matmul,
        method=True,
        errors=[Err(S((3, 4), (3,)), RuntimeError, "size mismatch")],
    ),
    OpCase(
        "dot",
        [S((4,), (4,))],
        np.dot,
        method=True,
        errors=[Err(S((2, 2), (4,)), RuntimeError, "1D tensors expected")],
    ),
    OpCase("vdot", [S((4,), (4,))], np.vdot, dtypes=(*FLOATS, *COMPLEX), method=True),
    OpCase(
        "inner",
        [S((2, 3, 4), (5, 4)), S((4,), (4,))],
        np.inner,
        method=True,
        errors=[Err(S((2, 3), (2, 4)), RuntimeError, "last dimension must match")],
    ),
    OpCase(
        "outer",
        [S((3,), (4,))],
        np.outer,
        method=True,
        errors=[Err(S((2, 2), (4,)), RuntimeError, "1-D tensor")],
    ),
    OpCase("ger", [S((3,), (4,))], np.outer, method=True),
    OpCase(
        "addmm",
        [S((3, 2), (3, 4), (4, 2)), S((2,), (3, 4), (4, 2), beta=0.5, alpha=2.0)],
        _added(np.matmul),
        method=True,
        inplace=True,
        dtypes=FLOATS,
        errors=[
            Err(S((3, 3), (3, 4), (4, 2)), RuntimeError, "must match the existing size"),
            Err(S((3, 2), (3, 4), (3, 2)), RuntimeError, "cannot be multiplied"),
        ],
    ),
    OpCase(
        "addmv",
        [S((3,), (3, 4), (4,)), S((3,), (3, 4), (4,), beta=0.5, alpha=2.0)],
        _added(np.matmul),
        method=True,
        inplace=True,
    ),
    OpCase("addr", [S((3, 4), (3,), (4,), alpha=2.0)], _added(np.outer), method=True, inplace=True),
    OpCase(
        "addbmm",
        [S((3, 2), (2, 3, 4), (2, 4, 2), beta=0.5)],
        _added(lambda a, b: np.matmul(a, b).sum(0)),
        method=True,
        inplace=True,
    ),
    OpCase(
        "baddbmm",
        [S((2, 3, 2), (2, 3, 4), (2, 4, 2), alpha=0.5)],
        _added(np.matmul),
        method=True,
        inplace=True,
    ),
    OpCase(
        "tensordot",
        [
            S((2, 3, 4), (3, 4, 5)),
            S((2, 3), (4, 5), dims=0),
            S((2, 3, 4), (4, 2, 5), dims=lit(([0, 2], [1, 0]))),
        ],
        lambda a, b, dims=2: np.tensordot(a, b, dims),
        errors=[
            Err(S((2, 3), (4, 5), dims=1), RuntimeError, "contracted dimensions need to match")
        ],
    ),
    OpCase(
        "einsum",
        [
            S("ij,jk->ik", (2, 3), (3, 4)),
            S("bij,bij->b", (2, 3, 4), (2, 3, 4)),
            S("ii->i", (3, 3)),
            S("...ij->...ji", (2, 3, 4)),
            S("i,j", (2,), (3,)),
        ],
        np.einsum,
        errors=[Err(S("ij,jk->ik", (2, 3), (4, 5)), RuntimeError, "einsum")],
    ),
    OpCase(
        "chain_matmul",
        [S((2, 3), (3, 4), (4, 2))],
        lambda *matrices: np.linalg.multi_dot(matrices),
    ),
    OpCase("kron", [S((2, 3), (3, 2)), S((3,), (2, 2))], np.kron, method=True),
]
