"""Cases of `ops/shape.py`, `joining.py`, `rearranging.py`, `diagonal.py` and `strides.py`."""

from __future__ import annotations

import itertools

import numpy as np

from . import COMPLEX, FLOATS, HALVES, REAL, Err, OpCase, S, ints, lit

EVERY = ("bool", *REAL, *HALVES, *COMPLEX)
BAD_DIM = "Dimension out of range"


def _case(name, samples, ref, errors=(), **options):
    """A case of an operator that only moves elements: every dtype, exact in all of them."""
    settings = {
        "dtypes": EVERY,
        "method": not name.startswith("Tensor."),
        "rtol": 0,
        "atol": 0,
        **options,
    }
    return OpCase(name, samples, ref, errors=errors, **settings)


def _function(name, samples, ref, errors=(), **options):
    return _case(name, samples, ref, errors, method=False, **options)


def _err(exception, match, *args, **kwargs):
    return Err(S(*args, **kwargs), exception, match)


def _windows(x, dim, size, step):
    windows = np.lib.stride_tricks.sliding_window_view(x, size, dim)
    return windows[(slice(None),) * dim + (slice(None, None, step),)]


def _diag_embed(x, offset=0, dim1=-2, dim2=-1):
    side = x.shape[-1] + abs(offset)
    y = np.zeros((*x.shape[:-1], side, side), x.dtype)
    i = np.arange(x.shape[-1])
    y[..., i + max(-offset, 0), i + max(offset, 0)] = x
    return np.moveaxis(y, (-2, -1), (dim1, dim2))


def _split(x, sizes, dim=0):
    if not isinstance(sizes, (list, tuple)):
        return tuple(np.split(x, range(sizes, x.shape[dim], sizes), dim))
    return tuple(np.split(x, np.cumsum(sizes)[:-1], dim))


def _chunk(x, chunks, dim=0):
    return _split(x, -(-x.shape[dim] // chunks), dim)


def _unbind(x, dim=0):
    return tuple(np.moveaxis(x, dim, 0))


def _rows_of(choose):
    def ref(x, r=2, with_replacement=False):
        function = itertools.combinations_with_replacement if with_replacement else choose
        return np.array(list(function(x, r)), x.dtype)

    return ref


def _block_diag(*blocks):
    blocks = [np.atleast_2d(b) for b in blocks]
    y = np.zeros(np.sum([b.shape for b in blocks], axis=0), blocks[0].dtype)
    row = column = 0
    for b in blocks:
        y[row : row + b.shape[0], column : column + b.shape[1]] = b
        row, column = row + b.shape[0], column + b.shape[1]
    return y


CASES = [
    _case(
        "reshape",
        [S((3, 4), lit((2, 6))), S((3, 4), lit((-1,))), S((), lit((1,))), S((2, 0), lit((0, 5)))],
        np.reshape,
        [
            _err(RuntimeError, r"shape '\[5\]' is invalid for input of size 12", (3, 4), lit((5,))),
            _err(RuntimeError, "only one dimension can be inferred", (3, 4), lit((-1, -1))),
            _err(RuntimeError, "invalid shape dimension -3", (3, 4), lit((4, -3))),
            _err(RuntimeError, "is ambiguous", (0, 4), lit((-1, 0))),
            _err(TypeError, "must be Tensor, not float", 1.5, lit((1,))),
        ],
    ),
    _case(
        "flatten",
        [S((2, 3, 4)), S((2, 3, 4), 1), S((2, 3, 4), 0, 1), S(())],
        lambda x, a=0, b=-1: x.reshape(*x.shape[:a], -1, *(x.shape[b + 1 :] if b != -1 else ())),
        [
            _err(RuntimeError, "start_dim cannot come after end_dim", (2, 3), 1, 0),
            _err(IndexError, BAD_DIM, (2, 3), 0, 5),
        ],
    ),
    _case(
        "unflatten",
        [S((3, 8), 1, lit((2, -1))), S((3, 8), -1, lit((2, 2, 2)))],
        lambda x, dim, sizes: x.reshape(3, *sizes),
        [
            _err(RuntimeError, "don't multiply up to the size of dim 1", (3, 4), 1, lit((3, 2))),
            _err(RuntimeError, "sizes must be non-empty", (3, 4), 1, lit(())),
        ],
    ),
    _case("ravel", [S((2, 3)), S(())], np.ravel),
    _case(
        "squeeze",
        [S((2, 1, 3, 1)), S((2, 1, 3), 1), S((2, 1, 3), 0), S((1, 2, 1), lit((0, 2))), S((), 0)],
        lambda x, dim=None: np.squeeze(
            x,
            tuple(
                d
                for d in (range(x.ndim) if dim is None else np.atleast_1d(dim))
                if x.ndim and x.shape[d] == 1
            ),
        ),
        [
            _err(IndexError, BAD_DIM, (2, 1), 2),
            _err(RuntimeError, "appears multiple times", (1, 1), lit((0, 0))),
        ],
    ),
    _case(
        "unsqueeze",
        [S((2, 3), 0), S((2, 3), -1), S((2, 3), 1), S((), 0)],
        np.expand_dims,
        [_err(IndexError, r"range of \[-3, 2\], but got 3", (2, 3), 3)],
    ),
    _case(
        "permute",
        [S((2, 3, 4), lit((2, 0, 1))), S((2, 3, 4), lit((0, -1, 1)))],
        np.transpose,
        [
            _err(RuntimeError, "duplicate dims are not allowed", (2, 3), lit((0, 0))),
            _err(RuntimeError, "does not match the length", (2, 3), lit((0,))),
            _err(IndexError, BAD_DIM, (2, 3), lit((0, 5))),
        ],
    ),
    _case(
        "transpose",
        [S((2, 3, 4), 0, 2), S((2, 3), -1, 0), S((), 0, -1)],
        lambda x, a, b: np.swapaxes(x, a, b) if x.ndim else x,
        [_err(IndexError, BAD_DIM, (2, 3), 0, 2)],
    ),
    _case("swapaxes", [S((2, 3, 4), 0, 1)], np.swapaxes),
    _case(
        "t",
        [S((2, 3)), S((3,)), S(())],
        np.transpose,
        [_err(RuntimeError, "t\\(\\) expects a tensor with <= 2 dimensions", (2, 3, 4))],
    ),
    _case(
        "adjoint",
        [S((2, 3, 4))],
        lambda x: (
            np.conj(np.swapaxes(x, -1, -2)) if x.dtype.kind == "c" else np.swapaxes(x, -1, -2)
        ),
    ),
    _case(
        "movedim",
        [S((2, 3, 4), 0, -1), S((2, 3, 4), lit((0, 1)), lit((2, 0)))],
        np.moveaxis,
        [
            _err(RuntimeError, "repeated dim in `source`", (2, 3), lit((0, 0)), lit((0, 1))),
            _err(
                RuntimeError, "Invalid source or destination dims", (2, 3), lit((0, 1)), lit((0,))
            ),
        ],
    ),
    _case(
        "Tensor.expand",
        [S((3, 1), 3, 4), S((3, 1), lit((2, -1, 4))), S((), 3), S((2, 3), 2, 3)],
        lambda x, *size: np.broadcast_to(
            x, {(3, 4): (3, 4), ((2, -1, 4),): (2, 3, 4)}.get(size, size)
        ),
        [
            _err(RuntimeError, "must match the existing size", (3, 4), 2, 4),
            _err(RuntimeError, "leading, non-existing dimension 0", (3, 4), -1, 3, 4),
            _err(RuntimeError, "must be greater or equal to the number of dimensions", (3, 4), 4),
        ],
    ),
    _case("broadcast_to", [S((3, 1), lit((2, 3, 4)))], np.broadcast_to),
    _function(
        "broadcast_tensors",
        [S((3, 1), (4,))],
        np.broadcast_arrays,
        [_err(RuntimeError, "must match the size of tensor b", (3,), (4,))],
    ),
    _function(
        "cat",
        [S([(2, 3), (1, 3)]), S([(2, 3), (2, 1), (2, 2)], 1), S([(2, 3), (0,)])],
        lambda xs, dim=0: np.concatenate([x for x in xs if x.shape != (0,)], dim),
        [
            _err(ValueError, "non-empty list", lit([])),
            _err(
                RuntimeError, "Expected size 3 but got size 4 for tensor number 1", [(2, 3), (2, 4)]
            ),
            _err(RuntimeError, "same number of dimensions", [(2, 3), (2,)]),
            _err(RuntimeError, "zero-dimensional tensor", [(), ()]),
            _err(TypeError, "must be tuple of Tensors", (2, 3)),
        ],
    ),
    _function(
        "stack",
        [S([(2, 3), (2, 3)]), S([(2,), (2,)], 1), S([(), ()], -1)],
        lambda xs, dim=0: np.stack(xs, dim),
        [
            _err(RuntimeError, "equal size", [(2, 3), (2,)]),
            _err(RuntimeError, "non-empty", lit([])),
        ],
    ),
    _function("hstack", [S([(2, 3), (2, 1)]), S([(2,), (3,)]), S([(), ()])], np.hstack),
    _function("vstack", [S([(2, 3), (1, 3)]), S([(2,), (2,)])], np.vstack),
    _function("dstack", [S([(2, 3), (2, 3)]), S([(2,), (2,)])], np.dstack),
    _function("column_stack", [S([(2,), (2, 3)])], np.column_stack),
    _function("atleast_1d", [S(()), S((2,))], np.atleast_1d),
    _function("atleast_2d", [S(()), S((2,)), S((2, 3))], np.atleast_2d),
    _function("atleast_3d", [S(()), S((2,)), S((2, 3))], np.atleast_3d),
    _case(
        "unbind",
        [S((2, 3)), S((2, 3), -1)],
        _unbind,
        [_err(IndexError, "tensor has no dimensions", ())],
    ),
    _case(
        "split",
        [S((5, 2), 2), S((5, 2), lit([1, 4])), S((2, 4), 3, 1)],
        _split,
        [
            _err(RuntimeError, "sum exactly to 5", (5, 2), lit([1, 1])),
            _err(RuntimeError, "split_size can only be 0", (5,), 0),
            _err(RuntimeError, "at least a 1-dimensional", (), 1),
        ],
    ),
    _case("split_with_sizes", [S((5, 2), lit([1, 4]))], _split),
    _case(
        "chunk",
        [S((5, 2), 2), S((5, 2), 4), S((2, 6), 3, 1)],
        _chunk,
        [_err(RuntimeError, "greater than 0", (5,), 0)],
    ),
    _case(
        "tensor_split",
        [S((5, 2), 2), S((5, 4), lit((1, 3)), 1)],
        lambda x, how, dim=0: tuple(np.array_split(x, how, dim)),
        [_err(RuntimeError, "larger than 0", (5,), 0)],
    ),
    _case(
        "hsplit",
        [S((2, 4), 2), S((4,), lit((1,)))],
        lambda x, how: tuple(np.hsplit(x, how)),
        [_err(RuntimeError, "not divisible by the split_size 3", (2, 4), 3)],
    ),
    _case(
        "vsplit",
        [S((4, 2), 2)],
        lambda x, how: tuple(np.vsplit(x, how)),
        [_err(RuntimeError, "at least 2 dimension", (4,), 2)],
    ),
    _case("dsplit", [S((2, 2, 4), 2)], lambda x, how: tuple(np.dsplit(x, how))),
    _case(
        "Tensor.repeat",
        [S((2, 3), 2, 1), S((2,), 3, 2), S((2, 3), 0, 1)],
        lambda x, *n: np.tile(x, n),
        [_err(RuntimeError, "can not be smaller", (2, 3), 2)],
    ),
    _case("tile", [S((2, 3), lit((2,))), S((2,), lit((3, 2)))], np.tile),
    _case(
        "repeat_interleave",
        [S((2, 3), 2), S((2, 3), 2, 1), S((3, 2), ints([2, 0, 1]), 0)],
        np.repeat,
        [
            _err(RuntimeError, "repeats must have the same size", (3,), ints([1, 2]), 0),
            _err(RuntimeError, "non-negative", (3,), -1),
        ],
    ),
    _case(
        "flip",
        [S((2, 3), lit((0,))), S((2, 3), lit((0, -1)))],
        np.flip,
        [_err(RuntimeError, "appears multiple times", (2, 3), lit((0, 0)))],
    ),
    _case("fliplr", [S((2, 3))], np.fliplr, [_err(RuntimeError, "Input must be >= 2-d", (3,))]),
    _case("flipud", [S((2, 3))], np.flipud),
    _case(
        "rot90",
        [S((2, 3)), S((2, 3), 2), S((2, 3), -1), S((2, 3, 4), 1, lit((1, 2)))],
        lambda x, k=1, dims=(0, 1): np.rot90(x, k, dims),
        [_err(RuntimeError, "rotation dims to be different", (2, 3), 1, lit((0, 0)))],
    ),
    _case(
        "roll",
        [S((2, 3), 1), S((2, 3), lit((1, -1)), lit((0, 1)))],
        np.roll,
        [_err(RuntimeError, "shifts and dimensions must align", (2, 3), lit((1, 1)), 0)],
    ),
    _function(
        "meshgrid",
        [S((2,), (3,), indexing="ij"), S((2,), (3,), indexing="xy")],
        np.meshgrid,
        [_err(RuntimeError, "indexing must be one of", (2,), indexing="yx")],
    ),
    _function("block_diag", [S((2, 3), (3,), ())], _block_diag),
    _function(
        "cartesian_prod",
        [S((2,), (3,))],
        lambda a, b: np.stack([g.ravel() for g in np.meshgrid(a, b, indexing="ij")], 1),
    ),
    _case(
        "combinations",
        [S((4,)), S((4,), 3), S((3,), 2, True)],
        _rows_of(itertools.combinations),
        [_err(RuntimeError, "Expect a 1D vector", (2, 3))],
    ),
    _case(
        "Tensor.sum_to_size",
        [S((2, 3), 1, 3), S((2, 3), lit((3,)))],
        lambda x, *size: x.sum(0, keepdims=size == (1, 3)),
        dtypes=FLOATS,
        rtol=1e-6,
        atol=1e-6,
    ),
    _case(
        "diagonal",
        [S((3, 4)), S((3, 4), 1), S((3, 4), -1), S((2, 3, 4), 0, 2, 1), S((3, 4), 9)],
        lambda x, *a: np.diagonal(x, *a),
        [_err(RuntimeError, "cannot be identical", (2, 3), 0, 1, 1)],
    ),
    _case(
        "diag",
        [S((3,)), S((3, 4), 1), S((2,), -1)],
        np.diag,
        [_err(RuntimeError, "Supports 1D or 2D tensors", (2, 2, 2))],
    ),
    _case("diag_embed", [S((2, 3)), S((3,), 1), S((2, 3), 0, 0, 2)], _diag_embed),
    _case("diagflat", [S((2, 2)), S((2,), 1)], np.diagflat),
    _case(
        "tril",
        [S((3, 4)), S((2, 3, 3), 1), S((3, 3), -1)],
        np.tril,
        [_err(RuntimeError, "at least 2 dimensions", (3,))],
        inplace=True,
    ),
    _case("triu", [S((3, 4)), S((2, 3, 3), 1), S((3, 3), -1)], np.triu, inplace=True),
    _case(
        "trace",
        [S((3, 4))],
        np.trace,
        [_err(RuntimeError, "expected a matrix", (3,))],
        dtypes=FLOATS,
        rtol=1e-6,
    ),
    _case(
        "Tensor.unfold",
        [S((6,), 0, 3, 2), S((2, 5), 1, 2, 1), S((2, 5), 1, 2, 3)],
        _windows,
        [
            _err(RuntimeError, "maximum size for tensor at dimension 0", (3,), 0, 4, 1),
            _err(RuntimeError, "must be > 0", (3,), 0, 1, 0),
        ],
    ),
]
