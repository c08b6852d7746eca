"""Cases of `ops/reduction.py`, `moments.py`, `extrema.py`, `scan.py` and `vector_norm.py`."""

from __future__ import annotations

import numpy as np

from . import COMPLEX, FLOATS, HALVES, REAL, Err, OpCase, S, ints, lit

ALL = (*FLOATS, *HALVES)
EVERY = (*REAL, *HALVES)
BOTH = lit((0, 2))
BAD_DIM = Err(S((2, 3), 5), IndexError, "Dimension out of range")
TWICE = Err(S((2, 3), lit((0, 0))), RuntimeError, "appears multiple times")
NO_TENSOR = Err(S(1.5), TypeError, "must be Tensor, not float")

_OVER = [
    S((3, 4)),
    S((2, 3, 4), 1),
    S((2, 3, 4), BOTH),
    S((2, 3, 4), -1, True),
    S((2, 3), dim=lit((0, 1)), keepdim=True),
]


def _over(function):
    """A NumPy reduction with torch's argument names."""
    return lambda x, dim=None, keepdim=False: function(x, axis=dim, keepdims=keepdim)


def _reduction(name, function, **options):
    settings = {"dtypes": ALL, "method": True, "errors": [BAD_DIM, TWICE, NO_TENSOR], **options}
    return OpCase(name, _OVER, _over(function), **settings)


def _logsumexp(x, dim, keepdim=False):
    return np.log(np.exp(x).sum(axis=dim, keepdims=keepdim))


def _var(x, dim=None, unbiased=None, keepdim=False, correction=1):
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return np.var(x, axis=dim, ddof=correction if unbiased in (None, True) else 0, keepdims=keepdim)


def _std(*args, **kwargs):
    return np.sqrt(_var(*args, **kwargs))


def _with_mean(function):
    def both(x, dim=None, unbiased=None, keepdim=False, correction=1):
        axis = None if isinstance(dim, bool) else dim
        return function(x, dim, unbiased, keepdim, correction), x.mean(axis=axis, keepdims=keepdim)

    return both


def _along(values, indices):
    def both(x, dim=None, keepdim=False):
        if dim is None:
            return values(x)
        return values(x, axis=dim, keepdims=keepdim), indices(x, axis=dim, keepdims=keepdim)

    return both


def _cumulative_extremum(function, better):
    def both(x, dim):
        y = function.accumulate(x, axis=dim)
        moved = np.moveaxis(x, dim, -1)
        index = np.zeros(moved.shape, np.int64)
        for place in np.ndindex(moved.shape):
            row, i = moved[place[:-1]], place[-1]
            index[place] = max(range(i + 1), key=lambda j, row=row: (better * row[j], j))
        return y, np.moveaxis(index, -1, dim)

    return both


def _norm(x, p="fro", dim=None, keepdim=False):
    order = 2 if p == "fro" else p
    size = np.abs(x)
    if order == np.inf:
        return size.max(axis=dim, keepdims=keepdim)
    if order == -np.inf:
        return size.min(axis=dim, keepdims=keepdim)
    if order == 0:
        return (x != 0).sum(axis=dim, keepdims=keepdim).astype(x.dtype)
    return (size**order).sum(axis=dim, keepdims=keepdim) ** (1 / order)


_MOMENTS = [
    S((3, 4)),
    S((3, 4), False),
    S((2, 3, 4), 1),
    S((2, 3, 4), BOTH, keepdim=True),
    S((5, 4), 0, correction=2),
]
_ALONG = [S((3, 4)), S((3, 4), 0), S((2, 3, 4), -1, True)]
_SCAN = [S((5,), 0), S((3, 4), 1), S((3, 4), -2)]

CASES = [
    _reduction("sum", np.sum, dtypes=EVERY, rtol=1e-4),
    _reduction("sum", np.sum, dtypes=COMPLEX, differentiable=False, method=False),
    OpCase("sum", [S(ints([True, True, False], "bool"))], np.sum, differentiable=False),
    _reduction(
        "mean",
        np.mean,
        errors=[BAD_DIM, Err(S(ints([1, 2])), RuntimeError, "could not infer output dtype")],
    ),
    _reduction(
        "amax",
        np.max,
        dtypes=EVERY,
        errors=[BAD_DIM, Err(S((0, 3)), RuntimeError, "numel\\(\\) == 0")],
    ),
    _reduction(
        "amin", np.min, dtypes=EVERY, errors=[Err(S((0, 3), 0), IndexError, "non-zero size")]
    ),
    _reduction("nansum", np.nansum),
    _reduction("nanmean", np.nanmean),
    _reduction("all", np.all, dtypes=("bool", "int64", *FLOATS), differentiable=False),
    _reduction("any", np.any, dtypes=("bool", "int64", *FLOATS), differentiable=False),
    OpCase("_is_all_true", [S((3, 4)), S(())], np.all, dtypes=("bool",), differentiable=False),
    OpCase("all", [S(ints([1, 2], "uint8"))], lambda x: np.uint8(x.all()), differentiable=False),
    OpCase(
        "count_nonzero",
        [S((3, 4)), S((2, 3, 4), 1), S((2, 3, 4), BOTH)],
        lambda x, dim=None: np.count_nonzero(x, axis=dim),
        dtypes=("bool", "int64", *FLOATS),
        method=True,
        differentiable=False,
    ),
    OpCase(
        "prod",
        [S((3, 4)), S((3, 4), 0), S((3, 4), 1, True)],
        _over(np.prod),
        dtypes=("int32", "int64", *FLOATS),
        method=True,
        errors=[Err(S((2, 3), lit((0, 1))), TypeError, "must be int")],
    ),
    # A zero among the factors: the gradient cannot divide by it.
    OpCase(
        "prod",
        [S((3, 4)), S((3, 4), 1)],
        _over(np.prod),
        prepare=lambda x: np.where(x > 1.2, 0.0, x),
    ),
    OpCase(
        "logsumexp",
        [S((3, 4), 1), S((2, 3, 4), BOTH), S((3, 4), 0, True)],
        _logsumexp,
        dtypes=ALL,
        method=True,
    ),
    OpCase(
        "var",
        _MOMENTS,
        _var,
        dtypes=ALL,
        method=True,
        errors=[Err(S(ints([1, 2])), RuntimeError, "std and var only")],
    ),
    OpCase("std", _MOMENTS, _std, dtypes=ALL, method=True),
    OpCase("var_mean", _MOMENTS, _with_mean(_var)),
    OpCase("std_mean", _MOMENTS, _with_mean(_std)),
    OpCase("max", [S((3, 4), (4,))], np.maximum, dtypes=EVERY, method=True),
    OpCase("min", [S((3, 4), (4,))], np.minimum, dtypes=EVERY, method=True),
    OpCase(
        "max",
        _ALONG,
        _along(np.max, np.argmax),
        method=True,
        errors=[Err(S((0,)), RuntimeError, "numel")],
    ),
    OpCase(
        "min",
        _ALONG,
        _along(np.min, np.argmin),
        method=True,
        errors=[Err(S((0, 2), 0), IndexError, "non-zero")],
    ),
    OpCase(
        "argmax",
        _ALONG,
        _over(np.argmax),
        method=True,
        differentiable=False,
        errors=[Err(S(ints([True], "bool")), RuntimeError, "bool input")],
    ),
    OpCase("argmin", _ALONG, _over(np.argmin), method=True, differentiable=False),
    OpCase(
        "aminmax",
        [S((3, 4)), S((3, 4), dim=1), S((3, 4), dim=0, keepdim=True)],
        lambda x, dim=None, keepdim=False: (
            x.min(dim, keepdims=keepdim),
            x.max(dim, keepdims=keepdim),
        ),
        method=True,
    ),
    OpCase("cummax", _SCAN, _cumulative_extremum(np.maximum, 1), method=True),
    OpCase("cummin", _SCAN, _cumulative_extremum(np.minimum, -1), method=True),
    OpCase("cumsum", _SCAN, lambda x, dim: np.cumsum(x, dim), dtypes=("int64", *ALL), method=True),
    OpCase(
        "cumprod", _SCAN, lambda x, dim: np.cumprod(x, dim), dtypes=("int64", *FLOATS), method=True
    ),
    OpCase(
        "cumprod",
        _SCAN,
        lambda x, dim: np.cumprod(x, dim),
        prepare=lambda x: np.where(x > 0.8, 0.0, x),
    ),
    OpCase(
        "logcumsumexp",
        _SCAN,
        lambda x, dim: np.logaddexp.accumulate(x, dim),
        method=True,
        rtol=1e-4,
    ),
    OpCase(
        "diff",
        [S((5,)), S((3, 5), 2), S((3, 5), 1, 0), S((3, 5), 1, -1, (3, 1), (3, 2))],
        lambda x, n=1, dim=-1, prepend=None, append=None: np.diff(
            x,
            n,
            dim,
            **{k: v for k, v in (("prepend", prepend), ("append", append)) if v is not None},
        ),
        method=True,
        errors=[Err(S(()), RuntimeError, "at least one-dimensional")],
    ),
    OpCase(
        "trapezoid",
        [S((5,)), S((3, 5), dx=0.5), S((3, 5), (5,)), S((3, 5), dim=0)],
        lambda y, x=None, dx=1.0, dim=-1: np.trapezoid(y, x, dx, dim),
    ),
    OpCase("trapz", [S((5,))], np.trapezoid),
    OpCase(
        "cumulative_trapezoid",
        [S((3, 5)), S((3, 5), (5,))],
        lambda y, x=None: np.cumsum(
            (y[..., 1:] + y[..., :-1]) / 2 * (1 if x is None else np.diff(x)), -1
        ),
    ),
    OpCase(
        "gradient",
        [S((6,)), S((4, 5), dim=1), S((6,), spacing=0.5, edge_order=2)],
        lambda x, spacing=1, dim=None, edge_order=1: np.gradient(
            x, spacing, axis=dim, edge_order=edge_order
        ),
        errors=[Err(S((1,)), RuntimeError, "edge_order\\+1")],
    ),
    OpCase(
        "norm",
        [
            S((3, 4)),
            S((3, 4), 1),
            S((3, 4), 3, 1),
            S((3, 4), 2, lit((0, 1)), True),
            S((3, 4), np.inf),
            S((3, 4), -np.inf, 0),
            S((3, 4), 0, 1),
            S((3, 4), 1.5),
        ],
        _norm,
        dtypes=ALL,
        kinks=[0.0],
        method=True,
        # The difference quotient of a difference quotient is too coarse for the split powers.
        errors=[
            Err(S(ints([1, 2])), RuntimeError, "floating point or complex"),
            Err(S((2, 2), "max"), RuntimeError, "valid string"),
        ],
    ),
]
