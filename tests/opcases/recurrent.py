"""Cases of the cells in `ops/recurrent.py`."""

from __future__ import annotations

import numpy as np

from . import Err, OpCase, S


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _gru(x, h, w_ih, w_hh, b_ih=0.0, b_hh=0.0):
    r, z, n = np.split(x @ w_ih.T + b_ih, 3, 1)
    from_r, from_z, from_n = np.split(h @ w_hh.T + b_hh, 3, 1)
    n = np.tanh(n + _sigmoid(r + from_r) * from_n)
    z = _sigmoid(z + from_z)
    return (1 - z) * n + z * h


def _simple(f):
    def cell(x, h, w_ih, w_hh, b_ih=0.0, b_hh=0.0):
        return f(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)

    return cell


X, H = (2, 3), (2, 4)


def _case(name, gates, ref):
    rows = gates * 4
    weights = (rows, 3), (rows, 4)
    return OpCase(
        name,
        [S(X, H, *weights, (rows,), (rows,)), S(X, H, *weights)],
        ref,
        low=-1.0,
        high=1.0,
        errors=[
            Err(S((2, 5), H, *weights), RuntimeError, "got 5 expected 3"),
            Err(S(X, (3, 4), *weights), RuntimeError, "doesn't match hidden0 batch size 3"),
            Err(S(X, (2, 5), *weights), RuntimeError, "hidden0 has inconsistent hidden_size"),
        ],
    )


CASES = [
    _case("gru_cell", 3, _gru),
    _case("rnn_tanh_cell", 1, _simple(np.tanh)),
    _case("rnn_relu_cell", 1, _simple(lambda a: np.maximum(a, 0))),
]
