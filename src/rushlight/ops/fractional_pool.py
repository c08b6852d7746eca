"""Fractional max-pooling: windows at random, roughly even distances."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ._autocast import autocast
from ._export import export
from .sampling import rand

_AXES = ("width", "height", "time")


def _starts(samples: Array, size: int, count: int, window: int) -> Array:
    """Return where the windows begin: steps of a length between two integers, shifted at random."""
    ends = np.full((*samples.shape, 1), size - window)
    if count == 1:
        return ends
    step = (size - window) / samples.dtype.type(count - 1)
    shifts = samples[..., None]
    places = np.arange(count - 1)
    begun = ((places + shifts) * step).astype(np.int64) - (shifts * step).astype(np.int64)
    return np.concatenate([begun, ends], axis=-1)


def _window_indices(starts: list[Array], kernel: Sequence[int], sizes: Sequence[int]) -> Array:
    """Return the flat places of all elements of all windows: (N, C, *counts, elements)."""
    dims = len(starts)
    flat: Any = 0
    for d, (begin, extent, size) in enumerate(zip(starts, kernel, sizes, strict=True)):
        shape = [1] * (2 * dims)
        shape[d], shape[dims + d] = begin.shape[-1], extent
        along = (begin[..., None] + np.arange(extent)).reshape(*begin.shape[:2], *shape)
        flat = flat * size + along
    return flat.reshape(*flat.shape[: 2 + dims], prod(kernel))


def _sizes(name: str, input: Tensor, dims: int, size: Any, ratio: Any) -> tuple[int, ...]:
    if size is None and ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if size is not None:
        return _each(size, dims)
    extents = input.array.shape[-dims:]
    return tuple([int(n * r) for n, r in zip(extents, _each(ratio, dims), strict=True)])


def _each(value: Any, dims: int) -> Any:
    return tuple(value) if isinstance(value, Sequence) else (value,) * dims


def _pool(
    dims: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any
) -> tuple[Tensor, Tensor]:
    name = f"fractional_max_pool{dims}d"
    if input.array.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}: expected {dims + 1}D or {dims + 2}D input, got {input.array.ndim}D"
        )
    counts = _sizes(name, input, dims, output_size, output_ratio)
    kernel = _each(kernel_size, dims)
    batch = input if input.array.ndim == dims + 2 else input.unsqueeze(0)
    x = batch.array
    if samples is None:
        samples = rand(x.shape[0], x.shape[1], dims, dtype=input.dtype)
    _check_samples(x, samples.array, dims)
    samples = samples[: x.shape[0]]
    shifts = samples.array.astype(np.float32) if x.dtype.kind == "V" else samples.array
    starts = []
    for d, (size, count, window) in enumerate(zip(x.shape[2:], counts, kernel, strict=True)):
        if count + window - 1 > size:
            raise RuntimeError(
                f"{name}(): pool {_AXES[dims - 1 - d]} {window} too large relative to input "
                f"{_AXES[dims - 1 - d]} {size}"
            )
        # Samples are for (width, height) of images, but for (time, height, width) of volumes.
        shift = shifts[..., d if dims == 3 else dims - 1 - d]
        starts.append(_starts(shift, size, count, window))
    places = _window_indices(starts, kernel, x.shape[2:])
    values = np.take_along_axis(_flat(x), _flat(places), axis=2)
    best = values.reshape(places.shape).argmax(axis=-1)[..., None]
    chosen = np.take_along_axis(places, best, axis=-1)[..., 0]
    indices = wrap(np.ascontiguousarray(_flat(chosen)))
    y = batch.flatten(2).gather(2, indices).reshape(chosen.shape)
    result = y, indices.reshape(chosen.shape)
    return result if batch is input else (result[0].squeeze(0), result[1].squeeze(0))


def _check_samples(x: Array, samples: Array, dims: int) -> None:
    if samples.dtype != x.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if samples.ndim != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions, got {samples.ndim}")
    count, channels, numbers = samples.shape
    if count < x.shape[0]:
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
    if channels != x.shape[1]:
        raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.")
    if numbers != dims:
        raise RuntimeError(f"Expect _random_samples.size(2) equals to {dims}; got {numbers}.")


def _flat(places: Array) -> Array:
    return places.reshape(*places.shape[:2], prod(places.shape[2:]))


@export(functional=True, public=False)
@autocast("float32")
def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return the maxima of windows that lie at random, roughly even distances.

    Args:
        input: the images.
        kernel_size: size of the windows.
        output_size: how many windows there are in each direction.
        output_ratio: that number as a fraction of the input's size.
        return_indices: also return where the maxima are, counted through each channel.
        _random_samples: numbers in [0, 1) that shift the windows, two for each channel.

    Shape:
        input (N, C, H, W) or (C, H, W).

    Raises:
        ValueError: neither a size nor a ratio is given.
        RuntimeError: windows do not fit.

    Reference:
        Graham, "Fractional Max-Pooling", 2014.
    """
    result = _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return result if return_indices else result[0]


@export(functional=True, public=False)
@autocast("float32")
def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return maxima as `fractional_max_pool2d` does, over windows of volumes.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W).
    """
    result = _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return result if return_indices else result[0]


@export(functional=True, public=False)
def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what `fractional_max_pool2d` returns, with the places of the maxima."""
    return _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)


@export(functional=True, public=False)
def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what `fractional_max_pool3d` returns, with the places of the maxima."""
    return _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)
