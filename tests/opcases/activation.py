"""Cases of `ops/activation.py` and `ops/softmax.py`."""

from __future__ import annotations

from math import erf

import numpy as np

from . import FLOATS, HALVES, Err, OpCase, S, ints

ALL_FLOATS = (*FLOATS, *HALVES)
_erf = np.vectorize(erf, otypes=[float])


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _softmax(x, dim):
    e = np.exp(x - x.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


def _activation(name, ref, samples=None, **options):
    options = {"dtypes": ALL_FLOATS, "elementwise": True, **options}
    return OpCase(f"nn.functional.{name}", samples or [S((3, 5)), S((40,))], ref, **options)


CASES = [
    OpCase(
        "relu",
        [S((3, 5)), S((40,))],
        lambda x: np.maximum(x, 0),
        dtypes=("uint8", "int64", *ALL_FLOATS),
        kinks=[0.0],
        method=True,
        inplace=True,
        elementwise=True,
        errors=[
            Err(S(ints([True], "bool")), RuntimeError, "Boolean inputs not supported for relu"),
            Err(S(3.0), TypeError, "relu"),
        ],
    ),
    OpCase(
        "sigmoid",
        [S((3, 5))],
        _sigmoid,
        dtypes=ALL_FLOATS,
        method=True,
        inplace=True,
        elementwise=True,
    ),
    OpCase(
        "tanh", [S((3, 5))], np.tanh, dtypes=ALL_FLOATS, method=True, inplace=True, elementwise=True
    ),
    _activation("gelu", lambda x: x * 0.5 * (1 + _erf(x / np.sqrt(2)))),
    _activation(
        "gelu",
        lambda x, approximate: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        [S((3, 5), approximate="tanh")],
        errors=[Err(S((3,), approximate="cubic"), RuntimeError, "none or tanh")],
    ),
    _activation("silu", lambda x: x * _sigmoid(x)),
    _activation("mish", lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    _activation(
        "leaky_relu",
        lambda x, s=0.01: np.where(x > 0, x, s * x),
        [S((3, 5)), S((4,), 0.2)],
        kinks=[0.0],
    ),
    _activation(
        "elu",
        lambda x, a=1.0: np.where(x > 0, x, a * np.expm1(x)),
        [S((3, 5)), S((4,), 0.5)],
        kinks=[0.0],
    ),
    _activation(
        "selu",
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
        kinks=[0.0],
    ),
    _activation(
        "celu", lambda x, a: np.where(x > 0, x, a * np.expm1(x / a)), [S((3, 5), 0.7)], kinks=[0.0]
    ),
    _activation("softplus", lambda x: np.log1p(np.exp(x))),
    _activation(
        "softplus",
        lambda x, b, t: np.where(x * b > t, x, np.log1p(np.exp(b * x)) / b),
        [S((40,), 3.0, 2.0)],
        kinks=[2 / 3],
    ),
    _activation("logsigmoid", lambda x: np.log(_sigmoid(x))),
    _activation("softsign", lambda x: x / (1 + np.abs(x)), kinks=[0.0], dtypes=FLOATS),
    _activation("tanhshrink", lambda x: x - np.tanh(x), dtypes=FLOATS),
    _activation("hardtanh", lambda x: np.clip(x, -1, 1), kinks=[-1.0, 1.0]),
    _activation("relu6", lambda x: np.clip(x, 0, 6), kinks=[0.0]),
    _activation(
        "hardsigmoid",
        lambda x: np.clip(x / 6 + 0.5, 0, 1),
        dtypes=FLOATS,
        low=-5,
        high=5,
        kinks=[-3.0, 3.0],
    ),
    _activation(
        "hardswish",
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
        dtypes=FLOATS,
        low=-5,
        high=5,
        kinks=[-3.0, 3.0],
    ),
    _activation("hardshrink", lambda x: np.where(np.abs(x) > 0.5, x, 0), kinks=[-0.5, 0.5]),
    _activation(
        "softshrink",
        lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
        kinks=[-0.5, 0.5],
        dtypes=FLOATS,
    ),
    _activation(
        "threshold", lambda x, t, v: np.where(x > t, x, v), [S((3, 5), 0.1, 20.0)], kinks=[0.1]
    ),
    OpCase(
        "nn.functional.glu",
        [S((3, 4)), S((4, 3), dim=0)],
        lambda x, dim=-1: np.split(x, 2, dim)[0] * _sigmoid(np.split(x, 2, dim)[1]),
        errors=[Err(S((3, 5)), RuntimeError, "Halving dimension must be even")],
    ),
    OpCase(
        "nn.functional.prelu",
        [S((3, 5), (1,)), S((2, 3, 4), (3,))],
        lambda x, w: np.where(
            x > 0, x, x * (w.reshape(-1, *(1,) * (x.ndim - 2)) if w.size > 1 else w)
        ),
        kinks=[0.0],
    ),
    OpCase(
        "softmax",
        [S((3, 5), dim=1), S((2, 3, 4), dim=0)],
        _softmax,
        dtypes=ALL_FLOATS,
        method=True,
        errors=[Err(S((2, 3), dim=2), IndexError, "Dimension out of range")],
    ),
    OpCase(
        "log_softmax",
        [S((3, 5), dim=1), S((2, 3, 4), dim=-2)],
        lambda x, dim: np.log(_softmax(x, dim)),
        dtypes=ALL_FLOATS,
        method=True,
    ),
    OpCase("nn.functional.softmin", [S((3, 5), dim=1)], lambda x, dim: _softmax(-x, dim)),
]
