"""Cases of `ops/linalg_*.py`.

Functions that look at one triangle only, and those whose vectors are free up to a factor, have
their gradients checked in tests/ops/test_linalg.py.
"""

from __future__ import annotations

import numpy as np

from . import FLOATS, INTS, Err, OpCase, S, ints, lit

F64 = ("float64",)


def _regular(x):
    """Make square matrices safely invertible; leave others alone."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return x
    return (x + 5 * np.eye(x.shape[-1])).astype(x.dtype)


def _positive(x):
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return x
    return (x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])).astype(x.dtype)


NOT_SQUARE = Err(S((2, 3)), RuntimeError, "must be batches of square matrices")
VECTOR = Err(S((3,)), RuntimeError, "must have at least 2 dimensions")
NO_TENSOR = Err(S(1.0), TypeError, "must be Tensor")
SINGULAR = Err(S(ints([[1, 2], [2, 4]], "float32")), RuntimeError, "singular")
BAD = [NOT_SQUARE, VECTOR, NO_TENSOR]
SQUARES = [S((3, 3)), S((2, 3, 3))]
MATRICES = [S((4, 3)), S((3, 4)), S((2, 3, 3))]


def _square(name, ref, samples=SQUARES, errors=BAD, **options):
    options = {"prepare": _regular, "rtol": 1e-4, "atol": 1e-5} | options
    return OpCase(name, samples, ref, errors=errors, **options)


def _structured(name, ref, samples=SQUARES, errors=BAD, **options):
    return _square(
        name, ref, samples, errors, **({"prepare": _positive, "differentiable": False} | options)
    )


def _lu(a):
    """Eliminate with row exchanges, one matrix at a time."""
    m, n = a.shape[-2:]
    packed, pivots = np.array(a), np.zeros((*a.shape[:-2], min(m, n)), np.int32)
    for place in np.ndindex(*a.shape[:-2]):
        x = packed[place]
        for j in range(min(m, n)):
            p = j + int(np.abs(x[j:, j]).argmax())
            pivots[place][j] = p + 1
            x[[j, p]] = x[[p, j]]
            x[j + 1 :, j] /= x[j, j]
            x[j + 1 :, j + 1 :] -= np.outer(x[j + 1 :, j], x[j, j + 1 :])
    return packed, pivots


def _plu(a):
    packed, pivots = _lu(a)
    k = pivots.shape[-1]
    lower = np.tril(packed[..., :k], -1) + np.eye(a.shape[-2], k)
    upper = np.triu(packed[..., :k, :])
    p = np.zeros((*a.shape[:-2], a.shape[-2], a.shape[-2]))
    for place in np.ndindex(*a.shape[:-2]):
        order = np.arange(a.shape[-2])
        for j, q in enumerate(pivots[place] - 1):
            order[[j, q]] = order[[q, j]]
        p[place][order, np.arange(a.shape[-2])] = 1
    return p, lower, upper


def _solve(a, b, left=True):
    if b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1]):
        return np.linalg.solve(a, b[..., None])[..., 0]
    if left:
        return np.linalg.solve(a, b)
    return np.linalg.solve(a.swapaxes(-1, -2), b.swapaxes(-1, -2)).swapaxes(-1, -2)


def _triangular(a, b, upper, left=True, unitriangular=False):
    a = np.triu(a) if upper else np.tril(a)
    if unitriangular:
        np.einsum("...ii->...i", a)[...] = 1
    return _solve(a, b, left)


def _symmetric(x):
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return x
    return (x + np.swapaxes(x, -1, -2) + 9 * np.eye(x.shape[-1])).astype(x.dtype)


def _ldl(a):
    """Eliminate a symmetric matrix whose diagonal is large: blocks of one row, no exchanges."""
    lower = np.linalg.cholesky(a)
    root = np.einsum("...ii->...i", lower)
    packed = np.tril(lower / root[..., None, :], -1) + root[..., None] ** 2 * np.eye(a.shape[-1])
    order = np.arange(1, a.shape[-1] + 1, dtype=np.int32)
    return packed, np.broadcast_to(order, a.shape[:-1])


def _ldl_solve(packed, pivots, b):
    """Solve with the factors of exchanges that are none."""
    d = np.einsum("...ii->...i", packed)[..., None, :]
    lower = np.tril(packed, -1) + np.eye(packed.shape[-1])
    return np.linalg.solve((lower * d) @ lower.swapaxes(-1, -2), b)


def _exp(a):
    """Sum the series of a matrix that is scaled down, and square it up again."""
    a = a / 2.0**10
    term = total = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for k in range(1, 20):
        term = term @ a / k
        total = total + term
    for _ in range(10):
        total = total @ total
    return total


def _cdist(x, y, p=2.0):
    return np.linalg.norm(x[..., :, None, :] - y[..., None, :, :], p, axis=-1)


def _renorm(x, p, dim, maxnorm):
    axes = tuple(d for d in range(x.ndim) if d != dim)
    n = (np.abs(x) ** p).sum(axes, keepdims=True) ** (1 / p)
    return x * np.where(n > maxnorm, maxnorm / (n + 1e-7), 1)


def _norm(x, ord=None, dim=None, keepdim=False):
    return np.linalg.norm(x, ord, dim, keepdim)


def _matrix_norm(x, ord="fro", dim=(-2, -1), keepdim=False):
    return np.linalg.norm(x, ord, dim, keepdim)


def _vander(x, N=None):
    n = x.shape[-1] if N is None else N
    return x[..., None] ** np.arange(n)


def _cov(x, correction=1, fweights=None, aweights=None):
    return np.cov(x, ddof=correction, fweights=fweights, aweights=aweights)


A_LU, PIVOTS = _lu(np.array([[1.0, 4, 2], [3, 1, 0], [2, 2, 5]]))
REFLECTIONS = np.linalg.qr(np.arange(12.0).reshape(4, 3) % 5, mode="raw")


def _reflected(h, tau):
    q = np.eye(h.shape[0])
    for i, t in enumerate(tau):
        v = np.concatenate([np.zeros(i), [1], h[i + 1 :, i]])
        q = q @ (np.eye(len(v)) - t * np.outer(v, v))
    return q


EQUATIONS = [
    S((3, 3), (3, 2)),
    S((3, 3), (3,)),
    S((2, 3, 3), (3, 2)),
    S((2, 3, 3), (2, 3)),
    S((3, 3), (2, 3, 1)),
    S((3, 3), (2, 3), left=False),
]
MISFIT = Err(S((2, 2), (3, 2)), RuntimeError, "Incompatible shapes")

EQUATION_CASES = [
    _square("linalg.inv", np.linalg.inv, errors=[*BAD, SINGULAR]),
    _square("inverse", np.linalg.inv, method=True),
    _square("linalg.inv_ex", lambda a: (np.linalg.inv(a), np.zeros(a.shape[:-2], "int32"))),
    _square("linalg.solve", _solve, EQUATIONS, [MISFIT]),
    _square("linalg.solve_ex", None, EQUATIONS, [MISFIT]),
    _square(
        "linalg.solve_triangular",
        _triangular,
        [
            S((3, 3), (3, 2), upper=True),
            S((2, 3, 3), (3, 2), upper=False),
            S((3, 3), (2, 3), upper=True, left=False),
            S((3, 3), (3, 2), upper=False, unitriangular=True),
        ],
        [Err(S((2, 2), (3, 2), upper=True), RuntimeError, "Incompatible shapes")],
        low=-0.5,
        high=0.5,
    ),
    _square(
        "triangular_solve",
        lambda b, a, upper=True, transpose=False: (
            np.linalg.solve(
                (np.triu(a) if upper else np.tril(a)).T if transpose else np.triu(a), b
            ),
            a,
        ),
        [S((3, 2), (3, 3)), S((3, 2), (3, 3), False, True)],
        [Err(S((3, 2), (2, 2)), RuntimeError, "Incompatible shapes")],
        method=True,
    ),
    _square("linalg.det", np.linalg.det),
    _square("det", np.linalg.det, method=True),
    _square("linalg.slogdet", lambda a: tuple(np.linalg.slogdet(a))),
    _square("slogdet", lambda a: tuple(np.linalg.slogdet(a)), method=True),
    _square("logdet", lambda a: np.linalg.slogdet(a)[1], method=True),
    _square(
        "linalg.tensorinv",
        lambda a, ind=2: np.linalg.tensorinv(a, ind),
        [S((2, 3, 6)), S((6, 3, 2), ind=1)],
        [Err(S((2, 3), ind=1), RuntimeError, "to satisfy the requirement")],
        low=0.3,
        prepare=None,
        second=False,  # ill-conditioned numerically; the same operators as inv
    ),
    _square(
        "linalg.tensorsolve",
        lambda a, b, dims=None: np.linalg.tensorsolve(a, b, dims),
        [S((2, 3, 6), (2, 3)), S((6, 2, 3), (6,))],
        [Err(S((2, 3), (2,)), RuntimeError, "to satisfy the requirement")],
        prepare=None,
        second=False,  # ill-conditioned numerically; the same operators as solve
    ),
]

FACTOR_CASES = [
    _structured("linalg.cholesky", np.linalg.cholesky),
    _structured("cholesky", np.linalg.cholesky, method=True),
    _structured(
        "linalg.cholesky_ex", lambda a: (np.linalg.cholesky(a), np.zeros(a.shape[:-2], "int32"))
    ),
    _structured(
        "cholesky_inverse",
        lambda a: np.linalg.inv(np.tril(a) @ np.tril(a).swapaxes(-1, -2)),
        prepare=_regular,
        method=True,
    ),
    _structured(
        "cholesky_solve",
        lambda b, a: np.linalg.solve(np.tril(a) @ np.tril(a).T, b),
        [S((3, 2), (3, 3))],
        [Err(S((2, 2), (3, 3)), RuntimeError, "Incompatible shapes")],
        prepare=_regular,
        method=True,
    ),
    *[
        _structured(f"linalg.{name}", ref, prepare=_symmetric)
        for name, ref in [("ldl_factor", _ldl), ("ldl_factor_ex", None)]
    ],
    OpCase(
        "linalg.ldl_solve",
        [
            S((3, 3), ints([1, 2, 3], "int32"), (3, 2)),
            S((2, 3, 3), ints([[1, 2, 3]] * 2, "int32"), (3, 1)),
        ],
        _ldl_solve,
        prepare=_symmetric,
        differentiable=False,
        rtol=1e-4,
        errors=[
            Err(S((2, 3), ints([1, 2]), (2, 1)), RuntimeError, "square"),
            Err(S((2, 2), ints([1]), (2, 1)), RuntimeError, "pivots with shape"),
            Err(S((2, 2), ints([1, 2]), (3, 1)), RuntimeError, "Incompatible matrix sizes"),
        ],
    ),
    _square("linalg.lu_factor", _lu, [*MATRICES, S((3, 3))], [VECTOR, NO_TENSOR]),
    _square("linalg.lu_factor_ex", None, MATRICES, [VECTOR, NO_TENSOR]),
    _square("linalg.lu", _plu, MATRICES, [VECTOR, NO_TENSOR]),
    _square("lu", _lu, MATRICES, [VECTOR, NO_TENSOR], method=True),
    _square(
        "lu_unpack",
        None,
        [S((3, 3), ints(PIVOTS, "int32"))],
        [Err(S((3, 3), ints(PIVOTS)), RuntimeError, "torch.int32")],
    ),
    _square(
        "linalg.lu_solve",
        None,
        [
            S((3, 3), ints(PIVOTS, "int32"), (3, 2)),
            S((3, 3), ints(PIVOTS, "int32"), (2, 3), left=False),
            S((3, 3), ints(PIVOTS, "int32"), (2, 3, 2), adjoint=True),
        ],
        [Err(S((3, 3), ints(PIVOTS, "int32"), (2, 2)), RuntimeError, "Incompatible shapes")],
    ),
    _square(
        "lu_solve",
        lambda b, *_: np.linalg.solve(np.array([[1.0, 4, 2], [3, 1, 0], [2, 2, 5]]), b),
        [S((3, 2), ints(A_LU, "float64"), ints(PIVOTS, "int32"))],
        [],
        dtypes=F64,
        method=True,
    ),
    OpCase("linalg.qr", [*MATRICES, S((4, 3), "r")], None, differentiable=False,
           errors=[VECTOR, Err(S((3, 3), "full"), RuntimeError, "unrecognized mode")]),
    OpCase("linalg.qr", MATRICES, None),
    OpCase("qr", MATRICES, None, method=True, errors=[VECTOR]),
    OpCase("geqrf", MATRICES, None, differentiable=False, method=True, errors=[VECTOR]),
    OpCase(
        "linalg.householder_product",
        [S((4, 3), (3,)), S((2, 3, 3), (2, 2))],
        None,
        errors=[Err(S((2, 3), (2,)), RuntimeError, "greater than or equal")],
    ),
    OpCase("orgqr", [S((4, 3), (3,))], lambda a, t: _reflected(a, t)[:, :3], method=True),
    OpCase(
        "ormqr",
        [S((4, 3), (3,), (4, 2)), S((4, 3), (3,), (2, 4), False, True)],
        lambda a, t, x, left=True, transpose=False: (
            _reflected(a, t) @ x if left else x @ _reflected(a, t).T
        ),
        method=True,
        errors=[Err(S((4, 3), (3,), (3, 2)), RuntimeError, "must be equal")],
    ),
]  # fmt: skip

SPECTRAL_CASES = [
    _structured("linalg.eigh", None),
    _structured("linalg.eigvalsh", lambda a: np.linalg.eigvalsh(a)),
    _square("linalg.eig", None, differentiable=False),
    _square("linalg.eigvals", None, differentiable=False),
    OpCase("linalg.svd", MATRICES, None, differentiable=False, errors=[VECTOR, NO_TENSOR]),
    OpCase("svd", MATRICES, None, differentiable=False, method=True, errors=[VECTOR]),
    OpCase(
        "linalg.svdvals",
        MATRICES,
        lambda a: np.linalg.svd(a, compute_uv=False),
        second=False,  # passes through free vectors; checked as a sum in test_linalg.py
        errors=[VECTOR],
    ),
    OpCase("linalg.pinv", MATRICES, np.linalg.pinv, rtol=1e-3, atol=1e-4, errors=[VECTOR]),
    OpCase("pinverse", [S((4, 3))], np.linalg.pinv, rtol=1e-3, atol=1e-4, method=True),
    OpCase("linalg.matrix_rank", MATRICES, np.linalg.matrix_rank, differentiable=False,
           errors=[VECTOR, Err(S((2, 3), hermitian=True), RuntimeError, "square")]),
    OpCase(
        "linalg.lstsq",
        [S((4, 3), (4, 2), driver="gels"), S((4, 3), (4, 2)), S((2, 3, 3), (2, 3))],
        None,
        errors=[
            Err(S((4, 3), (3, 2)), RuntimeError, "should match"),
            Err(S((4, 3), (4, 2), driver="best"), RuntimeError, "driver"),
        ],
    ),
    _square(
        "linalg.cond",
        np.linalg.cond,
        [S((3, 3)), S((2, 3, 3), "fro"), S((3, 3), 1), S((3, 3), "nuc")],
        [VECTOR, Err(S((2, 2), "max"), RuntimeError, "invalid norm type")],
        second=False,  # passes through free vectors
    ),
]  # fmt: skip

NORM_CASES = [
    OpCase(
        "linalg.vector_norm",
        [S((3, 4), dim=1), S((5,), 3), S((2, 3), 1, 0, True), S((4,), float("inf"))],
        lambda x, ord=2, dim=None, keepdim=False: np.linalg.norm(x, ord, dim, keepdim),
        low=0.5,
        errors=[Err(S((2,), "fro"), TypeError, "must be Number")],
    ),
    OpCase(
        "linalg.matrix_norm",
        [S((3, 4)), S((2, 3, 4), "nuc"), S((3, 4), 1), S((3, 4), -1),
         S((3, 2, 4), float("inf"), lit((0, 2)), True)],
        _matrix_norm,
        low=0.5,
        second=False,  # the nuclear norm passes through free vectors
        errors=[VECTOR, Err(S((2, 2), 3), RuntimeError, "Order 3 not supported")],
    ),
    OpCase(
        "linalg.norm",
        [S((4,)), S((3, 4), "fro"), S((2, 3), 1, dim=1), S((3, 4), 1)],
        _norm,
        low=0.5,
        errors=[Err(S((2, 2, 2), 2), RuntimeError, "must be 1D or 2D")],
    ),
    OpCase("cdist", [S((3, 4), (5, 4)), S((2, 3, 4), (2, 4), 1.0), S((30, 2), (2, 2))], _cdist,
           rtol=1e-4, atol=1e-4,
           errors=[Err(S((2, 3), (2, 4)), RuntimeError, "same number of columns"),
                   Err(S((2, 3), (2, 3), -1.0), RuntimeError, "non-negative")]),
    OpCase("dist", [S((3, 4), (4,)), S((3,), (3,), 1)],
           lambda x, y, p=2: np.linalg.norm((x - y).ravel(), p), method=True),
    OpCase("renorm", [S((3, 4), 2, 0, 1.0), S((2, 3, 2), 1, 1, 1.5)], _renorm, method=True,
           inplace=True, errors=[Err(S((3,), 2, 0, 1.0), RuntimeError, "at least 2 dimensions"),
                                 Err(S((3, 3), 0, 0, 1.0), RuntimeError, "non-positive-norm")]),
]  # fmt: skip

PRODUCT_CASES = [
    OpCase(
        "linalg.multi_dot",
        [S([(2, 3), (3, 4), (4, 2)]), S([(3,), (3, 4), (4, 2), (2,)])],
        np.linalg.multi_dot,
        errors=[
            Err(S([(2, 3)]), RuntimeError, "at least 2 tensors"),
            Err(S([(2, 3), (2, 3)]), RuntimeError, "cannot be multiplied"),
        ],
    ),
    _square("linalg.matrix_power", np.linalg.matrix_power,
            [S((3, 3), 3), S((2, 3, 3), -2), S((3, 3), 0), S((3, 3), 1)],
            [Err(S((2, 3), 2), RuntimeError, "square"), Err(S((2, 2), 0.5), TypeError, "int")]),
    _square("matrix_power", np.linalg.matrix_power, [S((3, 3), 5)], [], method=True),
    _square("linalg.matrix_exp", _exp, prepare=None),
    _square("matrix_exp", _exp, prepare=None, method=True),
    OpCase("linalg.cross", [S((4, 3), (4, 3)), S((1, 3), (2, 3)), S((3, 2), (3, 2), dim=0)],
           lambda x, y, dim=-1: np.cross(x, y, axis=dim), dtypes=(*INTS[1:], *FLOATS),
           errors=[Err(S((2,), (2,)), RuntimeError, "must have length 3"),
                   Err(S((3,), (2, 3)), RuntimeError, "same number of dimensions")]),
    OpCase("cross", [S((4, 3), (4, 3)), S((3, 2), (3, 2), 0)],
           lambda x, y, dim=-1: np.cross(x, y, axis=dim), method=True,
           errors=[Err(S((2, 2), (2, 2)), RuntimeError, "no dimension of size 3")]),
    OpCase("linalg.vecdot", [S((4, 3), (4, 3)), S((3, 2), (3, 2), dim=0)],
           lambda x, y, dim=-1: (x * y).sum(dim)),
    OpCase("linalg.vander", [S((3,)), S((2, 3), N=4)], _vander, dtypes=(*INTS, *FLOATS),
           errors=[Err(S((3,), N=1), RuntimeError, "greater than 1")]),
    OpCase("vander", [S((4,)), S((3,), 2, True)],
           lambda x, N=None, increasing=False: np.vander(x, N, increasing),
           errors=[Err(S((2, 2)), RuntimeError, "one-dimensional")]),
    OpCase("cov", [S((3, 5)), S((5,)), S((2, 4), correction=0),
                   S((2, 3), fweights=ints([1, 2, 1]), aweights=ints([0.5, 1, 2], "float64"))],
           _cov, method=True, dtypes=F64,
           errors=[Err(S((2, 2, 2)), RuntimeError, "two or fewer dimensions"),
                   Err(S((2, 3), fweights=ints([1])), RuntimeError, "same numel")]),
    OpCase("corrcoef", [S((3, 5))], np.corrcoef, method=True, second=False,
           rtol=1e-4),  # clamped to [-1, 1], where the diagonal lies
]  # fmt: skip

CASES = [*EQUATION_CASES, *FACTOR_CASES, *SPECTRAL_CASES, *NORM_CASES, *PRODUCT_CASES]
