"""Cases of `ops/masked.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, INTS, Err, OpCase, S, ints

# Two rows of three; the second row of the column mask is left out whole.
SOME = ints([[True, False, True], [False, True, True]], "bool")
ROW = ints([True, False, True], "bool")

# Two elements are left at least: one has no variance.
SPREAD = [S((2, 3), 1, mask=SOME), S((2, 3), mask=ROW), S((2, 3), 1, mask=SOME, keepdim=True)]


def _kept(x, mask, value):
    return x if mask is None else np.where(mask, x, value)


def _filled(function, value):
    """A reduction of x with `value` where the mask is False."""

    def ref(x, dim=None, mask=None, keepdim=False):
        return function(_kept(x, mask, value), axis=dim, keepdims=keepdim)

    return ref


def _nan(function, **options):
    """A reduction that NumPy has for NaN as well."""

    def ref(x, dim=None, mask=None, keepdim=False):
        return function(_kept(x, mask, np.nan), axis=dim, keepdims=keepdim, **options)

    return ref


def _along(function, value):
    return lambda x, dim, mask=None: function(_kept(x, mask, value), axis=dim)


def _softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _log_softmax(x, axis):
    with np.errstate(divide="ignore"):
        return np.log(_softmax(x, axis))


def _norm(x, ord, dim=None, mask=None):
    return (np.abs(_kept(x, mask, 0)) ** ord).sum(dim) ** (1 / ord)


def _normalized(x, ord, dim, mask=None):
    y = _kept(x, mask, 0)
    return y / (np.abs(y) ** ord).sum(dim, keepdims=True) ** (1 / ord)


def _median(x, dim=-1, mask=None):
    ranked = np.sort(_kept(x, mask, np.inf), axis=dim)
    count = x.shape[dim] if mask is None else np.broadcast_to(mask, x.shape).sum(dim)
    middle = np.broadcast_to((count - 1) // 2, np.delete(x.shape, dim))
    return np.take_along_axis(ranked, np.expand_dims(middle, dim), dim).squeeze(dim)


def _case(name, ref, samples=None, order=(), **options):
    samples = samples or [
        S((2, 3), 1, mask=SOME),
        S((2, 3), mask=ROW),
        S((2, 3), 0, mask=SOME, keepdim=True),
        S((2, 3), 1),
    ]
    errors = [
        Err(S((3,), *order, 0, mask=SOME), IndexError, "higher than of the input"),
        Err(S((2, 2), *order, 0, mask=SOME), RuntimeError, "expand"),
    ]
    return OpCase(f"masked.{name}", samples, ref, errors=errors, **options)


def _along_case(name, ref, **options):
    return _case(
        name, ref, [S((2, 3), 1, mask=SOME), S((2, 3), 1, mask=ROW), S((4,), 0)], **options
    )


def _logaddexp(x, y, input_mask=None, other_mask=None):
    return np.logaddexp(_kept(x, input_mask, -np.inf), _kept(y, other_mask, -np.inf))


CASES = [
    _case("sum", _filled(np.sum, 0), dtypes=(*INTS, *FLOATS)),
    _case("prod", _filled(np.prod, 1), dtypes=FLOATS),
    _case("mean", _nan(np.nanmean)),
    _case("var", _nan(np.nanvar, ddof=1), SPREAD),
    _case("std", _nan(np.nanstd, ddof=1), SPREAD),
    _case("amax", _filled(np.max, -np.inf)),
    _case("amin", _filled(np.min, np.inf)),
    _case("argmax", _filled(np.argmax, -np.inf), differentiable=False),
    _case("argmin", _filled(np.argmin, np.inf), differentiable=False),
    _case("median", _median, [S((2, 3), 1, mask=SOME), S((3, 4)), S((2, 3), 0, mask=SOME)]),
    _case(
        "norm",
        _norm,
        order=(2.0,),
        samples=[S((2, 3), 2.0, 1, mask=SOME), S((2, 3), 3.0, mask=ROW), S((3,), 1.0)],
        low=0.2,
    ),
    _case(
        "normalize",
        _normalized,
        [S((2, 3), 2.0, 1, mask=SOME), S((2, 3), 1.0, 0)],
        order=(2.0,),
        low=0.2,
    ),
    _along_case("cumsum", _along(np.cumsum, 0)),
    _along_case("cumprod", _along(np.cumprod, 1)),
    _along_case("softmax", _along(_softmax, -np.inf)),
    # Where the mask is False the result is -inf, which no finite difference can be taken of.
    _along_case("log_softmax", _along(_log_softmax, -np.inf), differentiable=False),
    OpCase("masked.log_softmax", [S((3, 4), 0)], _along(_log_softmax, -np.inf)),
    _along_case("softmin", lambda x, dim, mask=None: _softmax(-_kept(x, mask, np.inf), dim)),
    _case("logsumexp", lambda x, dim=None, mask=None, keepdim=False: np.log(
        np.exp(_kept(x, mask, -np.inf)).sum(dim, keepdims=keepdim))),
    OpCase("masked.logaddexp", [S((2, 3), (2, 3), input_mask=SOME), S((2, 3), (3,))], _logaddexp),
]  # fmt: skip
