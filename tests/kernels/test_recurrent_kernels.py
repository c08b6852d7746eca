"""Native recurrent layers against the references, for batches whose sequences end early too."""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.kernels import recurrent as K

# Batch, hidden units, rows of each step, against the order of time.
CASES = [
    (64, 128, [64] * 6, False),
    (33, 8, [33] * 4, True),
    (5, 3, [5, 5, 3, 1], True),
    (20, 37, [20, 18, 18, 7, 2], False),
    (1, 16, [1] * 3, False),
    (7, 400, [7, 7], False),  # deeper than one block of the product
]

pytestmark = pytest.mark.skipif(
    np.ndarray not in K.lstm.paths, reason="the native extension is absent"
)


class Arrays:
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __call__(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def between_0_and_1(self, *shape):
        return self.rng.random(shape).astype(np.float32)


def compare(kernel, *args):
    """Run both on copies: results, and operands that they overwrite, have to agree."""
    runs = []
    for run in (kernel.reference, kernel.paths[np.ndarray]):
        own = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        result = run(*own)
        assert result is not NotImplemented
        results = result if isinstance(result, tuple) else (result,)
        runs.append([a for a in (*results, *own) if isinstance(a, np.ndarray)])
    for want, got in zip(*runs, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5 * np.abs(want).max(initial=1))


@pytest.mark.parametrize(("batch", "hidden", "sizes", "reverse"), CASES, ids=str)
def test_lstm(batch, hidden, sizes, reverse):
    a, rows = Arrays(), sum(sizes)
    w, order = a(4 * hidden, hidden) / hidden**0.5, (None, sizes, reverse)
    state, memory = a(batch, hidden), a(batch, hidden)
    compare(K.lstm, a(rows, 4 * hidden), state, memory, w, *order)
    of_rows = [a(rows, hidden) for _ in range(3)]
    compare(K.lstm_grad, a.between_0_and_1(rows, 4 * hidden), *of_rows, state, memory, w, *order)


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(("batch", "hidden", "sizes", "reverse"), CASES, ids=str)
def test_gru(batch, hidden, sizes, reverse, biased):
    a, rows = Arrays(), sum(sizes)
    w, state = a(3 * hidden, hidden) / hidden**0.5, a(batch, hidden)
    bias = a(3 * hidden) if biased else None
    compare(K.gru, a(rows, 3 * hidden), state, w, bias, sizes, reverse)
    of_rows = [a(rows, hidden) for _ in range(3)]
    gates = a.between_0_and_1(rows, 3 * hidden)
    compare(K.gru_grad, gates, *of_rows, state, w, sizes, reverse)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize(("batch", "hidden", "sizes", "reverse"), CASES, ids=str)
def test_simple(batch, hidden, sizes, reverse, nonlinearity):
    a, rows = Arrays(), sum(sizes)
    w, state = a(hidden, hidden) / hidden**0.5, a(batch, hidden)
    order = (w, nonlinearity, sizes, reverse)
    compare(K.simple, a(rows, hidden), state, *order)
    compare(K.simple_grad, a.between_0_and_1(rows, hidden) - 0.5, a(rows, hidden), state, *order)


@pytest.mark.parametrize(("batch", "hidden", "sizes", "reverse"), CASES, ids=str)
def test_previous(batch, hidden, sizes, reverse):
    a = Arrays()
    states, initial = a(sum(sizes), hidden), a(batch, hidden)
    before = K.previous(states, initial, sizes, reverse)
    current = initial.copy()
    for start, stop, n in K.steps(sizes, reverse):
        np.testing.assert_array_equal(before[start:stop], current[:n])
        current[:n] = states[start:stop]
