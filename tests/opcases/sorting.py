"""Cases of `ops/sorting.py` and `searching.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, INTS, REAL, Err, OpCase, S, ints, lit

EDGES = ints([1.0, 3.0, 5.0], "float64")


def _case(name, samples, ref, errors=(), **options):
    settings = {"dtypes": FLOATS, "method": True, **options}
    return OpCase(name, samples, ref, errors=errors, **settings)


def _counting(name, samples, ref, errors=(), **options):
    return _case(name, samples, ref, errors, differentiable=False, **options)


def _err(exception, match, *args, **kwargs):
    return Err(S(*args, **kwargs), exception, match)


def _order(x, dim, descending=False):
    if descending:
        return x.shape[dim] - 1 - np.flip(np.argsort(np.flip(x, dim), dim, kind="stable"), dim)
    return np.argsort(x, dim, kind="stable")


def _sort(x, dim=-1, descending=False):
    if not x.ndim:
        return x, np.asarray(0)
    order = _order(x, dim, descending)
    return np.take_along_axis(x, order, dim), order


def _topk(x, k, dim=-1, largest=True):
    values, order = _sort(x, dim, largest)
    return np.take(values, range(k), dim), np.take(order, range(k), dim)


def _nth(x, n, dim, keepdim):
    values, order = _sort(x, dim)
    pick = [n] if keepdim else n
    return np.take(values, pick, dim), np.take(order, pick, dim)


def _kthvalue(x, k, dim=-1, keepdim=False):
    return _nth(x, k - 1, dim, keepdim)


def _median(x, dim=None, keepdim=False):
    if dim is None:
        return np.sort(x, None)[(x.size - 1) // 2]
    return _nth(x, (x.shape[dim] - 1) // 2, dim, keepdim)


def _quantile(x, q, dim=None, keepdim=False, interpolation="linear"):
    return np.quantile(x, q, axis=dim, keepdims=keepdim, method=interpolation)


def _mode(x, dim=-1):
    def of_row(row):
        values, counts = np.unique(row, return_counts=True)
        value = values[np.argmax(counts)]
        return value, np.flatnonzero(row == value)[-1]

    moved = np.moveaxis(x, dim, -1)
    found = [of_row(row) for row in moved.reshape(-1, moved.shape[-1])]
    values, places = (np.array(part).reshape(moved.shape[:-1]) for part in zip(*found, strict=True))
    return values, places


def _unique(x, sorted=True, return_inverse=False, return_counts=False, dim=None):
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim)
    inverse = inverse.reshape(x.shape if dim is None else -1)
    return (values, *[inverse] * return_inverse, *[counts] * return_counts)


def _runs(x, return_inverse=False, return_counts=False, dim=None):
    starts = np.flatnonzero(np.r_[True, x[1:] != x[:-1]])
    inverse = np.cumsum(np.r_[False, x[1:] != x[:-1]])
    return (
        x[starts],
        *[inverse] * return_inverse,
        *[np.diff(np.r_[starts, len(x)])] * return_counts,
    )


def _bincount(x, weights=None, minlength=0):
    return np.bincount(x, weights, minlength)


CASES = [
    _case(
        "sort",
        [S((3, 4)), S((3, 4), 0), S((3, 4), 1, True), S(())],
        _sort,
        [
            _err(IndexError, "Dimension out of range", (3,), 2),
            _err(TypeError, "must be Tensor", 1.0),
        ],
        dtypes=(*INTS, *FLOATS),
    ),
    _counting(
        "argsort",
        [S((3, 4)), S((3, 4), 0, True)],
        lambda x, *a: _sort(x, *a)[1],
        dtypes=("bool", *REAL),
    ),
    _case("msort", [S((4, 3))], lambda x: np.sort(x, 0), dtypes=REAL),
    _case(
        "topk",
        [S((3, 5), 2), S((3, 5), 2, 0, False), S((200,), 5), S((2, 150), 3, -1, False)],
        _topk,
        [_err(RuntimeError, "selected index k out of range", (3,), 4)],
    ),
    _case(
        "kthvalue",
        [S((3, 4), 2), S((3, 4), 1, 0, True)],
        _kthvalue,
        [
            _err(RuntimeError, "out of range for dimension 0", (3,), 4),
            _err(IndexError, "non-zero size", (0,), 1),
        ],
    ),
    _case(
        "median",
        [S((3, 4)), S((3, 4), 1), S((3, 5), 0, True)],
        _median,
        [_err(IndexError, "non-zero size", (2, 0), 1)],
    ),
    _case("nanmedian", [S((3, 4)), S((3, 5), 1)], _median),
    _case("mode", [S((3, 4)), S((3, 4), 0)], _mode),
    # With equal elements the gradient goes to one of them: no derivative to compare with.
    _counting("mode", [S(ints([[1.0, 2.0, 2.0], [3.0, 1.0, 3.0]], "float64"))], _mode),
    _case(
        "quantile",
        [
            S((3, 4), 0.3),
            S((3, 4), 0.25, 1),
            S((3, 4), 0.6, 0, True),
            S((5,), 0.3, interpolation="lower"),
            S((5,), 0.3, interpolation="higher"),
            S((6,), 0.3, interpolation="midpoint"),
            S((5,), 0.3, interpolation="nearest"),
        ],
        _quantile,
        [
            _err(RuntimeError, "must be in the range \\[0, 1\\]", (3,), 2.0),
            _err(RuntimeError, "must be either float or double", ints([1]), 0.5),
            _err(RuntimeError, "interpolation must be one of", (3,), 0.5, interpolation="cubic"),
        ],
    ),
    _case("nanquantile", [S((3, 4), 0.3), S((3, 4), 0.25, 1)], _quantile),
    _counting(
        "unique",
        [S((6,)), S((2, 3), True, True, True), S((3, 2), dim=0), S((3, 2), True, True, True, 1)],
        _unique,
        dtypes=REAL,
    ),
    _counting("unique_consecutive", [S((8,)), S((8,), True, True)], _runs, dtypes=INTS),
    _counting(
        "isin", [S((3, 4), (5,)), S((3,), (4,), invert=True)], np.isin, dtypes=INTS, method=False
    ),
    _counting(
        "bincount",
        [S(ints([1, 3, 1])), S(ints([1, 3, 1]), (3,)), S(ints([0]), minlength=4)],
        _bincount,
        [
            _err(RuntimeError, "1-d non-negative integral", ints([-1])),
            _err(RuntimeError, "same length", ints([1, 2]), (3,)),
            _err(NotImplementedError, "bincount_cpu", (3,)),
        ],
    ),
    _counting(
        "histc",
        [S((20,), 5, -2, 2), S((20,), 4)],
        lambda x, bins, *r: np.histogram(x, bins, r or None)[0].astype(float),
        [
            _err(RuntimeError, "bins must be > 0", (3,), 0),
            _err(RuntimeError, "max must be larger than min", (3,), 2, 3, 1),
        ],
    ),
    _counting(
        "histogram",
        [S((20,), 4, range=lit((-2.0, 2.0))), S((20,), 3, range=lit((-2.0, 2.0)), density=True)],
        lambda x, bins, range, density=False: np.histogram(x, bins, range, density=density),
    ),
    _counting(
        "histogramdd",
        [S((20, 2), lit([2, 3]), range=lit([-2.0, 2.0, -2.0, 2.0]))],
        lambda x, bins, range: (
            np.histogramdd(x, bins, [range[:2], range[2:]])[0],
            *np.histogramdd(x, bins, [range[:2], range[2:]])[1],
        ),
        method=False,
    ),
    _counting(
        "searchsorted",
        [
            S(EDGES, ints([3.0, 6.0], "float64")),
            S(EDGES, ints([3.0, 0.0], "float64"), right=True),
            S(EDGES, 4.0),
        ],
        lambda rows, x, right=False: np.searchsorted(rows, x, "right" if right else "left"),
        [
            _err(RuntimeError, "should have same dtype", (3,), ints([1])),
            _err(RuntimeError, "first N-1 dimensions", (2, 3), (1,)),
            _err(RuntimeError, "side can only be", (3,), (1,), side="middle"),
        ],
        method=False,
    ),
    _counting(
        "bucketize",
        [S(ints([3.0, 6.0], "float64"), EDGES)],
        lambda x, rows: np.searchsorted(rows, x),
        [_err(RuntimeError, "must be 1 dimension", (3,), (2, 2))],
        method=False,
    ),
]
