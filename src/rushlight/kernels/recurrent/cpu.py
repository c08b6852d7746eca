"""Native float32 recurrent layers: registers the fast paths of `kernels.recurrent`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._typing import Array
from .. import recurrent as reference
from .._native import core

_FLOAT32 = np.dtype(np.float32)


def _like(x: Array, *shape: int) -> Array:
    return np.empty(shape, x.dtype)


@reference.lstm.fast(np.ndarray)
def _lstm(
    gates: Array, h: Array, c: Array, weight: Array, projection: Array | None,
    sizes: Sequence[int], reverse: bool,
) -> Any:  # fmt: skip
    if gates.dtype != _FLOAT32 or projection is not None:
        return NotImplemented
    rows, hidden = len(gates), c.shape[1]
    y, cells = _like(gates, rows, hidden), _like(gates, rows, hidden)
    weight = np.ascontiguousarray(weight)
    done = core.lstm_forward(gates, h, c, weight, np.array(sizes), y, cells, reverse)
    return done if done is NotImplemented else (y, cells)


@reference.lstm_grad.fast(np.ndarray)
def _lstm_grad(
    gates: Array, cells: Array, before: Array, grad: Array, dh: Array, dc: Array, weight: Array,
    projection: Array | None, sizes: Sequence[int], reverse: bool,
) -> Any:  # fmt: skip
    if gates.dtype != _FLOAT32 or projection is not None:
        return NotImplemented
    result = np.empty_like(gates)
    grad, weight = np.ascontiguousarray(grad), np.ascontiguousarray(weight)
    done = core.lstm_backward(
        gates, cells, before, grad, dh, dc, weight, np.array(sizes), result, reverse
    )
    return done if done is NotImplemented else (result, None, None)


@reference.gru.fast(np.ndarray)
def _gru(
    gates: Array, h: Array, weight: Array, bias: Array | None, sizes: Sequence[int], reverse: bool
) -> Any:
    if gates.dtype != _FLOAT32:
        return NotImplemented
    y = _like(gates, len(gates), h.shape[1])
    inner = np.empty_like(y)
    weight = np.ascontiguousarray(weight)
    bias = None if bias is None else np.ascontiguousarray(bias)
    done = core.gru_forward(gates, h, weight, bias, np.array(sizes), y, inner, reverse)
    return done if done is NotImplemented else (y, inner)


@reference.gru_grad.fast(np.ndarray)
def _gru_grad(
    gates: Array, inner: Array, before: Array, grad: Array, dh: Array, weight: Array,
    sizes: Sequence[int], reverse: bool,
) -> Any:  # fmt: skip
    if gates.dtype != _FLOAT32:
        return NotImplemented
    to_input, to_state = np.empty_like(gates), np.empty_like(gates)
    grad, weight = np.ascontiguousarray(grad), np.ascontiguousarray(weight)
    done = core.gru_backward(
        gates, inner, before, grad, dh, weight, np.array(sizes), to_input, to_state, reverse
    )
    return done if done is NotImplemented else (to_input, to_state)


@reference.simple.fast(np.ndarray)
def _simple(
    gates: Array, h: Array, weight: Array, nonlinearity: str, sizes: Sequence[int], reverse: bool
) -> Any:
    if gates.dtype != _FLOAT32:
        return NotImplemented
    weight = np.ascontiguousarray(weight)
    relu = nonlinearity == "relu"
    done = core.simple_forward(gates, h, weight, np.array(sizes), relu, reverse)
    return done if done is NotImplemented else gates


@reference.simple_grad.fast(np.ndarray)
def _simple_grad(
    outputs: Array, grad: Array, dh: Array, weight: Array, nonlinearity: str,
    sizes: Sequence[int], reverse: bool,
) -> Any:  # fmt: skip
    if outputs.dtype != _FLOAT32:
        return NotImplemented
    result = np.empty_like(outputs)
    outputs, grad = np.ascontiguousarray(outputs), np.ascontiguousarray(grad)
    weight, relu = np.ascontiguousarray(weight), nonlinearity == "relu"
    done = core.simple_backward(outputs, grad, dh, weight, np.array(sizes), result, relu, reverse)
    return done if done is NotImplemented else result
