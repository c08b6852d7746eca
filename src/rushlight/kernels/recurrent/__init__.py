"""Recurrent layers: one layer in one direction over a whole batch of sequences.

The elements of all sequences stand below each other, step by step: `sizes[t]` rows at step t, one
for each sequence that still runs. The sizes never grow, so the sequences that run are always the
first ones of the state, and a step in either direction changes no other rows of it.

`gates` are the products with the input, bias included; they are overwritten by the activated
gates, which the gradient needs.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..._typing import Array
from ...backend.array import array_module
from .._kernel import add_native, kernel


def steps(sizes: Sequence[int], reverse: bool) -> list[tuple[int, int, int]]:
    """Return (first row, row after the last, number of rows) of each step, in running order."""
    spans = []
    start = 0
    for n in sizes:
        spans.append((start, start + n, n))
        start += n
    return spans[::-1] if reverse else spans


def previous(states: Array, initial: Array, sizes: Sequence[int], reverse: bool) -> Array:
    """Return for each row the state that its step began with."""
    xp = array_module(states)
    before = xp.empty_like(states)
    batch = len(initial)
    if len(states) == batch * len(sizes):  # all run to the end
        if reverse:
            before[:-batch], before[-batch:] = states[batch:], initial
        else:
            before[:batch], before[batch:] = initial, states[:-batch]
        return before
    current = initial.copy()
    for start, stop, n in steps(sizes, reverse):
        before[start:stop] = current[:n]
        current[:n] = states[start:stop]
    return before


def _sigmoid(x: Array) -> None:
    """Replace x by 1 / (1 + exp(-x))."""
    xp = array_module(x)
    xp.negative(x, out=x)
    xp.exp(x, out=x)
    x += 1
    xp.reciprocal(x, out=x)


@kernel
def lstm(
    gates: Array,
    h: Array,
    c: Array,
    weight: Array,
    projection: Array | None,
    sizes: Sequence[int],
    reverse: bool,
) -> tuple[Array, Array]:
    """Run an LSTM; returns the outputs and the cell states of all rows.

    gates (N, 4H) in the order input, forget, cell, output; h (B, P) and c (B, H) become the final
    states; weight (4H, P); projection (P, H) or None, then P = H.
    """
    xp = array_module(gates)
    hidden = c.shape[1]
    outputs = xp.empty((len(gates), h.shape[1]), gates.dtype)
    cells = xp.empty((len(gates), hidden), gates.dtype)
    across = weight.T
    for start, stop, n in steps(sizes, reverse):
        a = gates[start:stop]
        a += h[:n] @ across
        _sigmoid(a[:, : 2 * hidden])
        candidate = a[:, 2 * hidden : 3 * hidden]
        xp.tanh(candidate, out=candidate)
        _sigmoid(a[:, 3 * hidden :])
        cell = cells[start:stop]
        xp.multiply(a[:, hidden : 2 * hidden], c[:n], out=cell)
        cell += a[:, :hidden] * candidate
        c[:n] = cell
        y = xp.tanh(cell)
        y *= a[:, 3 * hidden :]
        outputs[start:stop] = y if projection is None else y @ projection.T
        h[:n] = outputs[start:stop]
    return outputs, cells


@kernel
def lstm_grad(
    gates: Array,
    cells: Array,
    before: Array,
    grad: Array,
    dh: Array,
    dc: Array,
    weight: Array,
    projection: Array | None,
    sizes: Sequence[int],
    reverse: bool,
) -> tuple[Array, Array | None, Array | None]:
    """Return the gradients of the products (N, 4H) and, with a projection, of its input and output.

    before: the cell states that the steps began with; grad: of the outputs; dh, dc: of the final
    states, they become those of the initial states.
    """
    xp = array_module(gates)
    rows, hidden = cells.shape
    by_gate = gates.reshape(rows, 4, hidden)
    i, f, g, o = (by_gate[:, k] for k in range(4))
    squashed = xp.tanh(cells)
    to_cell = o * (1 - squashed * squashed)
    # What a gate's gradient is a multiple of: dc for the first three, dh for the last.
    result = xp.empty_like(by_gate)
    result[:, 0] = g * i * (1 - i)
    result[:, 1] = before * f * (1 - f)
    result[:, 2] = i * (1 - g * g)
    result[:, 3] = squashed * o * (1 - o)
    flat = result.reshape(rows, 4 * hidden)
    projected = None if projection is None else xp.empty_like(grad)
    for start, stop, n in steps(sizes, not reverse):
        d = dh[:n] + grad[start:stop]
        if projection is not None and projected is not None:
            projected[start:stop] = d
            d = d @ projection
        cell = d * to_cell[start:stop]
        cell += dc[:n]
        step = result[start:stop]
        step[:, :3] *= cell[:, None]
        step[:, 3] *= d
        xp.multiply(cell, f[start:stop], out=dc[:n])
        dh[:n] = flat[start:stop] @ weight
    return flat, projected, None if projection is None else o * squashed


@kernel
def gru(
    gates: Array,
    h: Array,
    weight: Array,
    bias: Array | None,
    sizes: Sequence[int],
    reverse: bool,
) -> tuple[Array, Array]:
    """Run a GRU; returns the outputs of all rows and the state's part in the candidate.

    gates (N, 3H) in the order reset, update, candidate; h (B, H) becomes the final state; weight
    (3H, H); bias (3H,) of the products with the state.
    """
    xp = array_module(gates)
    hidden = h.shape[1]
    outputs = xp.empty((len(gates), hidden), gates.dtype)
    inner = xp.empty_like(outputs)
    across = weight.T
    for start, stop, n in steps(sizes, reverse):
        a = gates[start:stop]
        product = h[:n] @ across
        if bias is not None:
            product += bias
        inner[start:stop] = product[:, 2 * hidden :]
        a[:, : 2 * hidden] += product[:, : 2 * hidden]
        _sigmoid(a[:, : 2 * hidden])
        candidate = a[:, 2 * hidden :]
        candidate += a[:, :hidden] * inner[start:stop]
        xp.tanh(candidate, out=candidate)
        y = h[:n] - candidate
        y *= a[:, hidden : 2 * hidden]
        y += candidate
        outputs[start:stop] = y
        h[:n] = y
    return outputs, inner


@kernel
def gru_grad(
    gates: Array,
    inner: Array,
    before: Array,
    grad: Array,
    dh: Array,
    weight: Array,
    sizes: Sequence[int],
    reverse: bool,
) -> tuple[Array, Array]:
    """Return the gradients of the products with the input and with the state, (N, 3H) each.

    before: the states that the steps began with; grad: of the outputs; dh: of the final state, it
    becomes that of the initial one.
    """
    xp = array_module(gates)
    rows, hidden = before.shape
    by_gate = gates.reshape(rows, 3, hidden)
    r, z, candidate = (by_gate[:, k] for k in range(3))
    # All three are multiples of dh.
    to_input = xp.empty_like(by_gate)
    to_input[:, 2] = (1 - z) * (1 - candidate * candidate)
    to_input[:, 1] = (before - candidate) * z * (1 - z)
    to_input[:, 0] = to_input[:, 2] * inner * r * (1 - r)
    to_state = to_input.copy()
    to_state[:, 2] *= r
    flat = to_state.reshape(rows, 3 * hidden)
    for start, stop, n in steps(sizes, not reverse):
        d = dh[:n] + grad[start:stop]
        to_input[start:stop] *= d[:, None]
        to_state[start:stop] *= d[:, None]
        d *= z[start:stop]
        d += flat[start:stop] @ weight
        dh[:n] = d
    return to_input.reshape(rows, 3 * hidden), flat


@kernel
def simple(
    gates: Array,
    h: Array,
    weight: Array,
    nonlinearity: str,
    sizes: Sequence[int],
    reverse: bool,
) -> Array:
    """Run a layer with one gate; returns the outputs, which take the place of `gates`.

    gates (N, H); h (B, H) becomes the final state; weight (H, H); nonlinearity "tanh" or "relu".
    """
    xp = array_module(gates)
    across = weight.T
    for start, stop, n in steps(sizes, reverse):
        a = gates[start:stop]
        a += h[:n] @ across
        if nonlinearity == "tanh":
            xp.tanh(a, out=a)
        else:
            xp.maximum(a, 0, out=a)
        h[:n] = a
    return gates


@kernel
def simple_grad(
    outputs: Array,
    grad: Array,
    dh: Array,
    weight: Array,
    nonlinearity: str,
    sizes: Sequence[int],
    reverse: bool,
) -> Array:
    """Return the gradients of the products, (N, H); dh becomes that of the initial state."""
    xp = array_module(outputs)
    if nonlinearity == "tanh":
        result = 1 - outputs * outputs
    else:
        result = (outputs > 0).astype(outputs.dtype)
    for start, stop, n in steps(sizes, not reverse):
        d = result[start:stop]
        d *= dh[:n] + grad[start:stop]
        xp.matmul(d, weight, out=dh[:n])
    return result


add_native(__name__)
