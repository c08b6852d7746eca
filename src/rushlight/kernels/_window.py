"""Sliding windows: what convolution and pooling have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module


def conv_output_size(
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """Number of windows along each axis: floor((size + 2p - d(k - 1) - 1) / s) + 1."""
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def pool_output_size(
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool = False,
) -> tuple[int, ...]:
    """Number of windows along each axis; with ceil_mode a last partial window counts too.

    A partial window must still start inside the input or its left padding.
    """
    if not ceil_mode:
        return conv_output_size(size, kernel, stride, padding, dilation)
    out = []
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        count = -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1
        out.append(count - 1 if (count - 1) * s >= n + p else count)
    return tuple(out)


def window_slices(
    kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], out: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Yield each position k inside the window, in scan order, and where all windows have it.

    `padded[(..., *slices)]` has the shape `out`: element k of every window.
    """
    for k in product(*map(range, kernel)):
        yield (
            k,
            tuple(
                slice(i * d, i * d + s * (n - 1) + 1 if n > 0 else 0, s)
                for i, s, d, n in zip(k, stride, dilation, out, strict=True)
            ),
        )


def padded_size(
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    out: Sequence[int],
    size: Sequence[int],
    padding: Sequence[int],
) -> tuple[int, ...]:
    """Extent that holds the input, its left padding and every window."""
    return tuple(
        max(n + p, (o - 1) * s + d * (k - 1) + 1)
        for k, s, d, o, n, p in zip(kernel, stride, dilation, out, size, padding, strict=True)
    )


def inner(size: Sequence[int], padding: Sequence[int]) -> tuple[slice, ...]:
    """The input's place inside its padded copy."""
    return tuple(slice(p, p + n) for n, p in zip(size, padding, strict=True))


def pad_spatial(x: Array, size: Sequence[int], padding: Sequence[int], value: float = 0) -> Array:
    """Copy x (N, C, *S) into an array of spatial extent `size`, `padding` elements in.

    Returns x itself where nothing is added.
    """
    if tuple(size) == tuple(x.shape[2:]):
        return x
    out = array_module(x).full((*x.shape[:2], *size), value, dtype=x.dtype)
    out[(..., *inner(x.shape[2:], padding))] = x
    return out


def lowest(dtype: np.dtype) -> float | int:
    """The value no element is smaller than: -inf, or the smallest integer."""
    return int(np.iinfo(dtype).min) if dtype.kind in "iu" else -np.inf
