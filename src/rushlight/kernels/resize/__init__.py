"""Resampling to another size: nearest, linear and cubic, in one to three dimensions.

Every mode is separable: along one axis, output o is a weighted sum of a few inputs,

    y[o] = sum over t of weight[o, t] * x[index[o, t]]

so a mode is a table of taps per axis, and the gradient applies the transposed table.
x (N, C, *S), y and g (N, C, *OS); any float dtype (nearest: any dtype) and strides; new arrays.
float16 and bfloat16 are computed in float32. Positions are computed in the precision of x, so
that they fall on the same side of a pixel boundary as torch's.

Reference: Keys, "Cubic convolution interpolation for digital image processing", 1981.
"""

from __future__ import annotations

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.kernels._kernel import kernel
from rushlight.kernels._precision import compute_dtype, widen

Sizes = tuple[int, ...]
Taps = tuple[np.ndarray, np.ndarray]  # index (OS, T), weight (OS, T)


@kernel
def resize(
    x: Array,
    *,
    size: Sizes,
    mode: str,
    align_corners: bool = False,
    antialias: bool = False,
    scales: tuple[float | None, ...] | None = None,
) -> Array:
    """Resample x (N, C, *S) to (N, C, *size).

    `mode` is "nearest", "nearest-exact", "linear" or "cubic". `scales` holds the factor the
    caller asked for per axis; it takes the place of size / S where positions are computed.
    """
    tables = _tables(x.shape[2:], size, mode, align_corners, antialias, scales, x.dtype)
    if mode.startswith("nearest"):
        return _gather(x, tables)
    if x.dtype == np.uint8:
        return _apply_to_bytes(x, tables)
    return _apply(widen(x), tables).astype(x.dtype, copy=False)


@kernel
def resize_grad(
    g: Array,
    *,
    input_size: Sizes,
    mode: str,
    align_corners: bool = False,
    antialias: bool = False,
    scales: tuple[float | None, ...] | None = None,
) -> Array:
    """Gradient of `resize` by x: the same taps, transposed."""
    tables = _tables(input_size, g.shape[2:], mode, align_corners, antialias, scales, g.dtype)
    transposed = [_transpose(*taps, n) for taps, n in zip(tables, input_size, strict=True)]
    return _apply(widen(g), transposed).astype(g.dtype, copy=False)


def _gather(x: Array, tables: list[Taps]) -> Array:
    xp = array_module(x)
    for axis, (index, _) in enumerate(tables, start=2):
        x = xp.take(x, xp.asarray(index[:, 0]), axis=axis)
    return x


def _apply(x: Array, tables: list[Taps]) -> Array:
    """Apply one table per spatial axis, last axis first (the order torch's rounding suggests)."""
    xp = array_module(x)
    for axis in range(x.ndim - 1, 1, -1):
        index, weight = tables[axis - 2]
        shape = (-1, *(1,) * (x.ndim - 1 - axis))
        y = xp.zeros((*x.shape[:axis], index.shape[0], *x.shape[axis + 1 :]), dtype=x.dtype)
        for t in range(index.shape[1]):
            column = xp.asarray(weight[:, t].astype(x.dtype)).reshape(shape)
            y += xp.take(x, xp.asarray(index[:, t]), axis=axis) * column
        x = y
    return x


def _apply_to_bytes(x: Array, tables: list[Taps]) -> Array:
    """Apply the tables in integers, rounded to bytes after each axis, as torch does."""
    xp = array_module(x)
    for axis in range(x.ndim - 1, 1, -1):
        index, weight = tables[axis - 2]
        weight = weight.copy()
        for t in range(1, index.shape[1]):  # taps that fell on the same edge count as one
            same = index[:, t] == index[:, t - 1]
            weight[:, t] += np.where(same, weight[:, t - 1], 0)
            weight[same, t - 1] = 0
        # As many binary places as let the largest weight fit into 16 bits.
        places = max(p for p in range(1, 23) if int(0.5 + weight.max() * 2**p) < 2**15)
        whole = np.trunc(weight * 2.0**places + np.copysign(0.5, weight)).astype(np.int32)
        shape = (-1, *(1,) * (x.ndim - 1 - axis))
        y = xp.full((*x.shape[:axis], len(index), *x.shape[axis + 1 :]), 1 << places - 1, np.int32)
        for t in range(index.shape[1]):
            y += xp.take(x, xp.asarray(index[:, t]), axis=axis) * xp.asarray(whole[:, t]).reshape(
                shape
            )
        x = xp.clip(y >> places, 0, 255).astype(np.uint8)
    return x


def _transpose(index: np.ndarray, weight: np.ndarray, size: int) -> Taps:
    """The table that sends each output back to the inputs it came from."""
    used = weight.reshape(-1) != 0
    target = index.reshape(-1)[used]
    source = np.repeat(np.arange(index.shape[0]), index.shape[1])[used]
    order = np.argsort(target, kind="stable")
    target, source, value = target[order], source[order], weight.reshape(-1)[used][order]
    count = np.bincount(target, minlength=size)
    slot = np.arange(target.size) - np.repeat(np.cumsum(count) - count, count)
    width = max(1, int(count.max(initial=0)))
    back = np.zeros((size, width), dtype=np.int64)
    share = np.zeros((size, width), dtype=weight.dtype)
    back[target, slot] = source
    share[target, slot] = value
    return back, share


def _tables(
    size: Sizes,
    out: Sizes,
    mode: str,
    align_corners: bool,
    antialias: bool,
    scales: tuple[float | None, ...] | None,
    dtype: np.dtype,
) -> list[Taps]:
    factors = scales or (None,) * len(size)
    real = compute_dtype(dtype).type if dtype.kind not in "iub" else np.float64
    tables = []
    for n, o, factor in zip(size, out, factors, strict=True):
        if mode.startswith("nearest"):
            tables.append(_nearest(n, o, factor, real, exact=mode == "nearest-exact"))
            continue
        step = _step(n, o, align_corners, factor, real)
        if antialias:
            tables.append(_antialiased(n, o, step, mode, real))
        else:
            build = _linear if mode == "linear" else _cubic
            tables.append(build(n, o, step, align_corners))
    return tables


def _nearest(size: int, out: int, factor: float | None, real: type, *, exact: bool) -> Taps:
    step = _step(size, out, False, factor, real)
    position = np.arange(out, dtype=real) * step
    if exact:
        # Through the pixel centre and back with one rounding, as torch's fused multiply-add does:
        # near a boundary that rounding decides.
        centre: np.ndarray = ((np.arange(out) + 0.5) * np.float64(step) - 0.5).astype(real)
        position = np.maximum(centre, 0) + real(0.5)
    index = np.floor(position.astype(np.float32)).astype(np.int64)
    return np.minimum(index, size - 1)[:, None], np.ones((out, 1), dtype=np.float32)


def _step(
    size: int, out: int, align_corners: bool, factor: float | None, real: type
) -> np.floating:
    """Input pixels per output pixel."""
    if align_corners:
        return real(size - 1) / real(out - 1) if out > 1 else real(0)
    return real(1 / factor) if factor else real(size) / real(max(out, 1))


def _positions(out: int, step: np.floating, align_corners: bool) -> np.ndarray:
    at = np.arange(out, dtype=step.dtype)
    return at * step if align_corners else (at + step.dtype.type(0.5)) * step - step.dtype.type(0.5)


def _linear(size: int, out: int, step: np.floating, align_corners: bool) -> Taps:
    position = np.maximum(_positions(out, step, align_corners), 0)
    low = np.minimum(np.floor(position).astype(np.int64), size - 1)
    share = np.clip(position - low.astype(position.dtype), 0, 1)
    high = np.minimum(low + 1, size - 1)
    return np.stack([low, high], axis=1), np.stack([1 - share, share], axis=1)


def _cubic(size: int, out: int, step: np.floating, align_corners: bool) -> Taps:
    position = _positions(out, step, align_corners)
    low = np.minimum(np.floor(position).astype(np.int64), size - 1)
    share = np.clip(position - low.astype(position.dtype), 0, 1)
    taps = np.arange(-1, 3)
    distance = np.abs(share[:, None] - taps.astype(position.dtype))
    index = np.clip(low[:, None] + taps, 0, size - 1)
    return index, _cubic_weight(distance, -0.75).astype(position.dtype)


def _cubic_weight(distance: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic of |distance|; a = -0.75 is torch's, -0.5 Pillow's and the antialiased one's."""
    x = distance
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _antialiased(size: int, out: int, step: np.floating, mode: str, real: type) -> Taps:
    """Taps of a filter widened to the step, so that shrinking averages instead of skipping."""
    reach = (1 if mode == "linear" else 2) * max(step, real(1))
    shrink = real(1) / max(step, real(1))
    centre = step * (np.arange(out, dtype=real) + real(0.5))
    first = np.maximum((centre - reach + real(0.5)).astype(np.int64), 0)
    last = np.minimum((centre + reach + real(0.5)).astype(np.int64), size)
    taps = np.arange(max(1, int((last - first).max(initial=0))))
    index = first[:, None] + taps
    distance = np.abs((index.astype(real) - centre[:, None] + real(0.5)) * shrink)
    weight = np.maximum(1 - distance, 0) if mode == "linear" else _cubic_weight(distance, -0.5)
    weight = np.where(index < last[:, None], weight, 0)
    total = weight.sum(axis=1, keepdims=True)
    weight = np.divide(weight, total, out=weight, where=total != 0)
    return np.minimum(index, size - 1), weight.astype(real)
