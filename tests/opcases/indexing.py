"""Cases of `ops/indexing.py`, `gathering.py`, `index_ops.py` and `masking.py`."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from . import COMPLEX, FLOATS, HALVES, REAL, Err, OpCase, S, ints, lit

EVERY = ("bool", *REAL, *HALVES, *COMPLEX)
NUMBERS = (*REAL, *COMPLEX)
ROWS = ints([[0, 2, 1], [1, 0, 0]])
MASK = ints([[True, False, True], [False, False, True]], "bool")
FLOAT_INDEX = ints([0.0, 1.0], "float32")


def _case(name, samples, ref, errors=(), **options):
    settings = {"dtypes": EVERY, "method": True, "rtol": 1e-6, "atol": 1e-6, **options}
    return OpCase(name, samples, ref, errors=errors, **settings)


def _err(exception, match, *args, **kwargs):
    return Err(S(*args, **kwargs), exception, match)


def _grid(index, dim):
    grid = list(np.indices(index.shape))
    grid[dim] = index
    return tuple(grid)


def _written(x, place, values):
    y = x.copy()
    y[place] = values
    return y


def _scatter(x, dim, index, src):
    values = src if np.ndim(src) == 0 else src[tuple(map(slice, index.shape))]
    return _written(x, _grid(index, dim), values)


def _combined(ufunc, start=None):
    def ref(x, dim, index, src, reduce=None, *, include_self=True):
        y = x.copy()
        if not include_self:
            y[_grid(index, dim)] = start
        ufunc.at(y, _grid(index, dim), src[tuple(map(slice, index.shape))])
        return y

    return ref


def _mean(x, dim, index, src, reduce, *, include_self=True):
    total = _combined(np.add, 0)(x, dim, index, src, include_self=include_self)
    count = np.full(x.shape, float(include_self))
    np.add.at(count, _grid(index, dim), 1)
    return total / np.maximum(count, 1)


def _rows(x, dim, index):
    return (slice(None),) * (dim % x.ndim) + (index,)


def _index_add(x, dim, index, source, *, alpha=1):
    y = x.copy()
    np.add.at(y, _rows(x, dim, index), (alpha * source).astype(x.dtype))
    return y


def _index_reduce(x, dim, index, source, reduce, *, include_self=True):
    shape = [1] * x.ndim
    shape[dim] = -1
    spread = np.broadcast_to(index.reshape(shape), source.shape)
    return _combined(np.multiply, 1)(x, dim, spread, source, include_self=include_self)


def _put(x, index, source, accumulate=False):
    y = x.copy()
    if accumulate:
        np.add.at(y.reshape(-1), index, source)
    else:
        y.reshape(-1)[index] = source
    return y


def _masked_scatter(x, mask, source):
    return _written(x, mask, source.reshape(-1)[: mask.sum()])


def _extremum(name, ufunc, start):
    return _case(
        "scatter_reduce",
        [S((3, 3), 0, ROWS, (2, 3), name), S((3, 3), 0, ROWS, (2, 3), name, include_self=False)],
        _combined(ufunc, start),
        dtypes=FLOATS,
        inplace=True,
    )


def _segment_reduce(x, reduce, lengths=None, offsets=None, axis=0, initial=None):
    """Reduce slices one by one."""
    if axis:
        rows = [_segment_reduce(r, reduce, n) for r, n in zip(x, lengths, strict=True)]
        return np.stack(rows)
    edges = np.concatenate([[0], np.cumsum(lengths)]) if offsets is None else offsets
    begin = {} if initial is None else {"initial": initial}
    parts = [x[a:b] for a, b in pairwise(edges)]
    return np.stack([getattr(np, reduce)(part, axis=0, **begin) for part in parts])


CASES = [
    OpCase(
        "segment_reduce",
        [
            S((4, 2), "sum", lengths=ints([3, 0, 1])),
            S((4, 2), "mean", lengths=ints([1, 3])),
            S((4,), "max", offsets=ints([0, 2, 4])),
            S((2, 3), "prod", lengths=ints([[1, 2], [3, 0]]), axis=1),
            S((4,), "min", lengths=ints([4]), initial=-0.5),
        ],
        _segment_reduce,
        errors=[
            Err(S((3,), "sum"), RuntimeError, "must be defined"),
            Err(S((3,), "sum", lengths=ints([1, 1])), RuntimeError, "to sum to"),
            Err(S((3,), "sum", lengths=ints([4, -1])), RuntimeError, "negative"),
            Err(S((3,), "mode", lengths=ints([3])), RuntimeError, "reduce argument"),
        ],
    ),
    _case(
        "select",
        [S((2, 3), 1, -1), S((2, 3), 0, 1)],
        lambda x, dim, i: np.take(x, i, dim),
        [
            _err(IndexError, "index 5 out of range", (2, 3), 0, 5),
            _err(IndexError, "0-dim tensor", (), 0, 0),
        ],
    ),
    _case(
        "narrow",
        [S((4, 3), 0, 1, 2), S((4, 3), 1, -2, 2), S((4, 3), 0, 4, 0)],
        lambda x, dim, start, n: np.take(
            x,
            range(
                start % (x.shape[dim] + 1) if start >= 0 else start + x.shape[dim],
                (start if start >= 0 else start + x.shape[dim]) + n,
            ),
            dim,
        ),
        [
            _err(RuntimeError, "exceeds dimension size", (3,), 0, 1, 5),
            _err(IndexError, "start out of range", (3,), 0, 5, 1),
            _err(RuntimeError, "0-dim", (), 0, 0, 1),
        ],
    ),
    _case(
        "gather",
        [S((3, 3), 0, ROWS), S((2, 3), 1, ROWS), S((3, 3), 1, ints([[2], [0]])), S((), 0, ints(0))],
        lambda x, dim, i: np.asarray(
            x.reshape(np.atleast_1d(x).shape)[_grid(np.atleast_1d(i), dim)]
        ).reshape(i.shape),
        [
            _err(
                RuntimeError,
                "index 5 is out of bounds for dimension 0 with size 3",
                (3, 3),
                0,
                ints([[5]]),
            ),
            _err(RuntimeError, "same number of dimensions", (3, 3), 0, ints([0])),
            _err(RuntimeError, "no larger than self", (3, 3), 0, ints([[0, 0, 0, 0]])),
            _err(RuntimeError, "Expected dtype int32/int64", (3,), 0, FLOAT_INDEX),
        ],
    ),
    _case(
        "scatter",
        [
            S((3, 3), 0, ints([[0, 2, 1], [1, 0, 2]]), (2, 3)),
            S((2, 3), 1, ints([[0], [2]]), (2, 3)),
            S((3, 3), 0, ROWS, 1),
        ],
        _scatter,
        [
            _err(RuntimeError, "index 9 is out of bounds", (3,), 0, ints([9]), 1.0),
            _err(
                RuntimeError, "self.dtype to be equal to src.dtype", (3,), 0, ints([0]), ints([1])
            ),
            _err(RuntimeError, "no larger size than src", (3, 3), 0, ROWS, (1, 3)),
        ],
        inplace=True,
    ),
    _case(
        "scatter_add",
        [S((3, 3), 0, ROWS, (2, 3)), S((2, 3), 1, ROWS, (3, 4))],
        _combined(np.add),
        dtypes=NUMBERS,
        inplace=True,
    ),
    _case(
        "scatter_reduce",
        [S((3, 3), 0, ROWS, (2, 3), "sum"), S((3, 3), 0, ROWS, (2, 3), "sum", include_self=False)],
        _combined(np.add, 0),
        [_err(RuntimeError, "reduce argument must be either", (3,), 0, ints([0]), (1,), "max")],
        dtypes=FLOATS,
        inplace=True,
    ),
    _case(
        "scatter_reduce",
        [
            S((3, 3), 0, ROWS, (2, 3), "prod"),
            S((3, 3), 0, ROWS, (2, 3), "prod", include_self=False),
        ],
        _combined(np.multiply, 1),
        dtypes=FLOATS,
        inplace=True,
    ),
    _case(
        "scatter_reduce",
        [
            S((3, 3), 0, ROWS, (2, 3), "mean"),
            S((3, 3), 0, ROWS, (2, 3), "mean", include_self=False),
        ],
        _mean,
        dtypes=FLOATS,
        inplace=True,
    ),
    _extremum("amax", np.maximum, -np.inf),
    _extremum("amin", np.minimum, np.inf),
    _case(
        "index_select",
        [S((3, 2), 0, ints([2, 0, 2])), S((3, 2), -1, ints([1]))],
        lambda x, dim, i: np.take(x, i, dim),
        [
            _err(IndexError, "index out of range in self", (3,), 0, ints([5])),
            _err(IndexError, "supposed to be a vector", (3,), 0, ints([[1]])),
            _err(RuntimeError, "Expected dtype int32 or int64", (3,), 0, FLOAT_INDEX),
        ],
    ),
    _case(
        "index_add",
        [S((3, 2), 0, ints([2, 0, 2]), (3, 2)), S((2, 3), 1, ints([1]), (2, 1), alpha=2)],
        _index_add,
        [
            _err(RuntimeError, "Number of indices", (3, 2), 0, ints([0]), (2, 2)),
            _err(RuntimeError, "source tensor shape must match", (3, 2), 0, ints([0]), (1, 3)),
            _err(RuntimeError, "out of bounds", (3, 2), 0, ints([7]), (1, 2)),
        ],
        dtypes=NUMBERS,
        inplace=True,
    ),
    _case(
        "index_copy",
        [S((3, 2), 0, ints([2, 0]), (2, 2))],
        lambda x, dim, i, v: _written(x, _rows(x, dim, i), v),
        [_err(IndexError, "Number of indices", (3, 2), 0, ints([0, 1]), (1, 2))],
        inplace=True,
    ),
    _case(
        "index_fill",
        [S((3, 2), 0, ints([2, 0]), 1), S((2, 3), 1, ints([1, 1]), ())],
        lambda x, dim, i, v: _written(x, _rows(x, dim, i), v),
        [_err(RuntimeError, "0-dimensional value tensor", (3,), 0, ints([0]), (2,))],
        inplace=True,
    ),
    _case(
        "index_reduce",
        [
            S((3, 2), 0, ints([2, 0, 2]), (3, 2), "prod"),
            S((3, 2), 0, ints([2, 0, 2]), (3, 2), "prod", include_self=False),
        ],
        _index_reduce,
        dtypes=FLOATS,
        inplace=True,
    ),
    _case(
        "take",
        [S((2, 3), ints([[0, 5], [-1, 2]]))],
        np.take,
        [_err(IndexError, "tried to access index 50", (2, 3), ints([50]))],
    ),
    _case(
        "put",
        [S((2, 3), ints([0, 5]), (2,)), S((2, 3), ints([0, 0]), (2,), True)],
        _put,
        [_err(IndexError, "same number of elements", (2, 3), ints([0]), (2,))],
        dtypes=NUMBERS,
        inplace=True,
    ),
    _case(
        "take_along_dim",
        [S((2, 3), ints([[0], [2]]), 1), S((2, 3), ints([5, 0]))],
        lambda x, i, dim=None: np.take_along_axis(x, i, dim),
    ),
    _case(
        "masked_fill",
        [S((2, 3), MASK, 1), S((2, 3), ints([True, False, True], "bool"), ())],
        lambda x, m, v: _written(x, np.broadcast_to(m, x.shape), v),
        [
            _err(RuntimeError, "only supports boolean masks", (2,), ints([0, 1]), 1.0),
            _err(RuntimeError, "0-dimensional value tensor", (2, 3), MASK, (2,)),
            _err(RuntimeError, "without overflow", (2, 3), MASK, 1e39),
        ],
        inplace=True,
    ),
    _case(
        "masked_select",
        [S((2, 3), MASK), S((3,), MASK)],
        lambda x, m: np.broadcast_to(x, m.shape)[m],
        [_err(RuntimeError, "expected BoolTensor for mask", (2,), ints([0, 1]))],
    ),
    _case(
        "masked_scatter",
        [S((2, 3), MASK, (2, 2))],
        _masked_scatter,
        [_err(RuntimeError, "Number of elements of source < number of ones", (2, 3), MASK, (2,))],
        inplace=True,
    ),
    _case(
        "where",
        [S(MASK, (2, 3), (3,)), S(MASK, (), (2, 1))],
        np.where,
        [
            _err(RuntimeError, "expected condition to be a boolean tensor", (3,), (3,), (3,)),
            _err(RuntimeError, "must match the size of tensor b", MASK, (2, 4), (2, 4)),
        ],
        method=False,
    ),
    _case(
        "nonzero",
        [S((3, 4))],
        lambda x: np.argwhere(x),
        dtypes=("bool", *REAL),
        differentiable=False,
    ),
    _case(
        "argwhere",
        [S((3, 4))],
        lambda x: np.argwhere(x),
        dtypes=("bool", *REAL),
        differentiable=False,
    ),
    _case(
        "select_scatter",
        [S((2, 3), (3,), 0, 1)],
        lambda x, v, dim, i: _written(x, (1,), v),
        [_err(RuntimeError, "expected src to have a size equal", (2, 3), (2,), 0, 1)],
    ),
    _case(
        "slice_scatter",
        [S((4, 3), (2, 3), 0, 1, 3), S((4, 3), (2, 3), 0, 0, None, 2)],
        lambda x, v, dim, a, b, step=1: _written(x, slice(a, b, step), v),
    ),
    _case(
        "diagonal_scatter",
        [S((3, 3), (2,), 1)],
        lambda x, v, offset: _written(x, ([0, 1], [1, 2]), v),
    ),
    _case(
        "unravel_index",
        [S(ints([5, 11]), lit((3, 4)))],
        np.unravel_index,
        dtypes=("float32",),
        differentiable=False,
        method=False,
    ),
    _case("fill", [S((2, 3), 1.5)], lambda x, value: np.full_like(x, value), method=False),
]
