"""Cases of `ops/creation.py`, `from_data.py`, `ranges.py` and `windows.py`."""

from __future__ import annotations

import numpy as np

import rushlight

from . import Err, OpCase, S, lit


def _made(name, samples, ref, errors=(), **options):
    """A case of a function that makes a tensor: no dtype of an input to vary, no gradient."""
    settings = {"dtypes": ("float32",), "differentiable": False, **options}
    return OpCase(name, samples, ref, errors=errors, **settings)


def _err(exception, match, *args, **kwargs):
    return Err(S(*args, **kwargs), exception, match)


def _arange(start, end=None, step=1):
    return np.arange(start, step=step) if end is None else np.arange(start, end, step)


def _triangle(function):
    def ref(row, col, offset=0):
        return np.stack(function(row, offset, col))

    return ref


def _cosines(*coefficients):
    def ref(n, **options):
        points = n if options.get("sym", not options.get("periodic", True)) else n + 1
        phase = 2 * np.pi * np.arange(n) / (points - 1)
        return sum((-1) ** i * a * np.cos(i * phase) for i, a in enumerate(coefficients))

    return ref


def _window(name, ref, samples=None):
    return _made(
        f"signal.windows.{name}",
        samples or [S(7, sym=True), S(6, sym=False)],
        ref,
        [
            _err(
                ValueError,
                "requires non-negative window length, got M=-1",
                -1,
                **(samples[0].kwargs if samples else {}),
            ),
            _err(
                ValueError,
                "expects float32 or float64",
                3,
                dtype=rushlight.int64,
                **(samples[0].kwargs if samples else {}),
            ),
        ],
        atol=1e-6,
    )


def _classic(name, ref):
    return _made(
        name,
        [S(6), S(7, periodic=False)],
        ref,
        [
            _err(RuntimeError, "requires non-negative window_length", -1),
            _err(RuntimeError, "expects floating point dtypes", 3, dtype=rushlight.int64),
        ],
        atol=1e-6,
    )


def _sized(name, value):
    return _made(
        name,
        [S(2, 3), S(lit((2, 0))), S(lit(()))],
        lambda *size: np.full(size[0] if isinstance(size[0], tuple) else size, value),
        [
            _err(RuntimeError, "negative dimension -1", 2, -1),
            _err(TypeError, "must be tuple of ints", 2.5),
            _err(
                TypeError,
                "missing 1 required positional",
            ),
        ],
    )


def _bessel(n, **options):
    return (
        np.kaiser(n, 12.0)
        if options.get("sym", options.get("periodic") is False)
        else np.kaiser(n + 1, 12.0)[:-1]
    )


CASES = [
    _made(
        "tensor",
        [S(lit([[1.0, 2.0], [3.0, 4.5]])), S(lit(2.5)), S(lit([]))],
        lambda x: np.asarray(x, float),
        [
            _err(
                ValueError,
                "expected sequence of length 3 at dim 1 \\(got 2\\)",
                lit([[1, 2, 3], [1, 2]]),
            ),
            _err(TypeError, "invalid data type 'str'", lit(["a"])),
            _err(RuntimeError, "Could not infer dtype of NoneType", lit(None)),
            _err(ValueError, "Overflow when unpacking long long", lit([2**63])),
            _err(RuntimeError, "without overflow", lit([300]), dtype=rushlight.uint8),
        ],
    ),
    _made("as_tensor", [S(lit([1.0, 2.0])), S(lit(np.ones(2, np.float32)))], np.asarray),
    _made(
        "asarray",
        [S(lit([1.0, 2.0])), S(lit(np.ones(2, np.float32)))],
        np.asarray,
        [_err(ValueError, "can't alias arbitrary sequence", lit([1, 2]), copy=False)],
    ),
    _made(
        "from_numpy",
        [S(lit(np.ones((2, 3), np.float32)))],
        np.asarray,
        [
            _err(TypeError, "expected np.ndarray \\(got list\\)", lit([1])),
            _err(
                ValueError,
                "strides in the given numpy array is negative|stride",
                lit(np.arange(3)[::-1]),
            ),
            _err(TypeError, "can't convert np.ndarray of type numpy.str_", lit(np.array(["a"]))),
        ],
    ),
    _made(
        "frombuffer",
        [
            S(lit(bytearray(8)), dtype=rushlight.int16),
            S(lit(bytearray(8)), dtype=rushlight.int16, count=1, offset=2),
        ],
        lambda b, dtype, count=-1, offset=0: np.frombuffer(b, np.int16, count, offset),
        [
            _err(ValueError, "must not be 0", lit(bytearray()), dtype=rushlight.int16),
            _err(
                ValueError,
                "must be a multiple of element size",
                lit(bytearray(3)),
                dtype=rushlight.int16,
            ),
        ],
    ),
    _made("scalar_tensor", [S(2.5)], np.asarray),
    _sized("zeros", 0.0),
    _sized("ones", 1.0),
    _made(
        "full",
        [S(lit((2, 3)), 7), S(lit(()), 1.5), S(lit((2,)), True)],
        np.full,
        [
            _err(RuntimeError, "without overflow", lit((2,)), 300, dtype=rushlight.uint8),
            _err(TypeError, "must be tuple of ints, not int", 3, 1),
        ],
    ),
    _made(
        "zeros_like",
        [S((2, 3))],
        np.zeros_like,
        [_err(TypeError, "must be Tensor, not list", lit([1]))],
    ),
    _made("ones_like", [S((2, 3))], np.ones_like),
    _made(
        "full_like",
        [S((2, 3), 2.5)],
        np.full_like,
        [_err(RuntimeError, "without overflow", (2,), 1e39)],
    ),
    _made("Tensor.new_tensor", [S((2,), lit([1.0, 2.0]))], lambda x, data: np.asarray(data)),
    _made("Tensor.new_zeros", [S((2,), 2, 3)], lambda x, *n: np.zeros(n)),
    _made("Tensor.new_ones", [S((2,), lit((2, 3)))], lambda x, n: np.ones(n)),
    _made("Tensor.new_full", [S((2,), lit((2, 3)), 5)], lambda x, n, v: np.full(n, float(v))),
    _made(
        "arange",
        [S(5), S(1, 10, 3), S(0, 1, 0.25), S(5, 0, -2), S(3, 3)],
        _arange,
        [
            _err(RuntimeError, "step must be nonzero", 0, 1, 0),
            _err(RuntimeError, "inconsistent with step sign", 5, 1),
            _err(RuntimeError, "unsupported range", 0, float("inf")),
        ],
    ),
    _made(
        "linspace",
        [S(0, 1, 5), S(3, -1, 4), S(1, 2, 1), S(1, 2, 0)],
        np.linspace,
        [_err(RuntimeError, "number of steps must be non-negative", 0, 1, -1)],
        rtol=1e-6,
    ),
    _made("logspace", [S(0, 2, 3), S(-1, 1, 4, base=2)], np.logspace, rtol=1e-6),
    _made(
        "eye",
        [S(3), S(2, 3), S(3, 0)],
        np.eye,
        [_err(RuntimeError, "n must be greater or equal to 0", -1)],
    ),
    _made("tril_indices", [S(3, 3), S(3, 4, 1), S(4, 2, -1)], _triangle(np.tril_indices)),
    _made("triu_indices", [S(3, 3), S(3, 4, 1), S(4, 2, -1)], _triangle(np.triu_indices)),
    _classic("hann_window", _cosines(0.5, 0.5)),
    _classic("hamming_window", _cosines(0.54, 0.46)),
    _classic("blackman_window", _cosines(0.42, 0.5, 0.08)),
    _classic("kaiser_window", _bessel),
    _classic("bartlett_window", lambda n, **o: np.bartlett(n) if o else np.bartlett(n + 1)[:-1]),
    _window("hann", _cosines(0.5, 0.5)),
    _window("hamming", _cosines(0.54, 0.46)),
    _window("blackman", _cosines(0.42, 0.5, 0.08)),
    _window("nuttall", _cosines(0.3635819, 0.4891775, 0.1365995, 0.0106411)),
    _window(
        "general_hamming",
        lambda n, alpha: _cosines(alpha, 1 - alpha)(n, sym=True),
        [S(7, alpha=0.6)],
    ),
    _window("general_cosine", lambda n, a: _cosines(*a)(n, sym=True), [S(7, a=[0.5, 0.3, 0.2])]),
    _window("bartlett", lambda n, sym: np.bartlett(n) if sym else np.bartlett(n + 1)[:-1]),
    _window("cosine", lambda n, sym: np.sin(np.pi * (np.arange(n) + 0.5) / (n if sym else n + 1))),
    _window(
        "gaussian",
        lambda n, std: np.exp(-(((np.arange(n) - (n - 1) / 2) / std) ** 2) / 2),
        [S(7, std=2.0)],
    ),
    _window(
        "exponential",
        lambda n, tau: np.exp(-np.abs(np.arange(n) - (n - 1) / 2) / tau),
        [S(7, tau=3.0)],
    ),
    _window("kaiser", _bessel),
]
