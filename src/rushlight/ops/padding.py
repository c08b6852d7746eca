"""Padding at the edges: constant, reflected, repeated, circular."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend.array import array_module
from ..backend.memory_format import in_format, is_channels_last
from ._autocast import autocast
from ._export import export
from ._operands import not_a_tensor
from .casts import to_format

Widths = tuple[tuple[int, int], ...]  # (before, after) for each axis; negative ones cut


class Pad(Op):
    """y = x with a constant around it (or cut).  dL/dx = the window of g, zeros where x was cut."""

    label = "ConstantPadNd"

    def forward(ctx, x: Array, *, widths: Widths, value: Any) -> Array:
        ctx.widths = widths
        y = array_module(x).full(
            [n + a + b for n, (a, b) in zip(x.shape, widths, strict=True)], value, x.dtype
        )
        y = in_format(y, is_channels_last(x))
        y[_inside(widths, y.shape)] = x[_inside([(-a, -b) for a, b in widths], x.shape)]
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        return Pad.apply(g, widths=tuple((-a, -b) for a, b in ctx.widths), value=0)


def _inside(widths: Any, shape: Any) -> tuple[slice, ...]:
    return tuple(slice(max(a, 0), n - max(b, 0)) for (a, b), n in zip(widths, shape, strict=True))


def _positions(mode: str, size: int, before: int, after: int) -> Array:
    """Return, for each position along a padded axis, the input position it shows."""
    if mode == "circular":
        # What negative widths cut off does not come back on the other side.
        kept = np.arange(max(-before, 0), size - max(-after, 0))
        return kept[np.arange(-max(before, 0), len(kept) + max(after, 0)) % len(kept)]
    at = np.arange(-before, size + after)
    if mode == "replicate":
        return np.clip(at, 0, size - 1)
    period = max(2 * (size - 1), 1)
    at = np.abs(at) % period
    return np.where(at >= size, period - at, at)


def _check_widths(mode: str, sizes: Sequence[int], widths: Sequence[tuple[int, int]]) -> None:
    for size, (before, after) in zip(sizes, widths, strict=True):
        if mode == "reflect" and (before >= size or after >= size):
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input "
                f"dimension, but got: padding ({before}, {after}) at dimension of size {size}"
            )
        if mode == "circular" and (before > size or after > size):
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if mode == "circular" and before + after + size < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension.")
        if size + before + after < 1:
            raise RuntimeError(
                f"pad: output of size {size + before + after} is too small (input {size}, padding "
                f"{before} and {after})"
            )


@export(functional=True, public=False)
def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Pad the last dimensions of a tensor.

    Args:
        input: the tensor.
        pad: (before, after) for the last dimension, then for the one before it, and so on; negative
            numbers cut.
        mode: "constant", "reflect", "replicate" or "circular".
        value: the constant (default 0).

    Example:
        >>> rushlight.nn.functional.pad(rushlight.ones(1, 2), (1, 1))
        tensor([[0., 1., 1., 0.]])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("pad", input)
    numbers = [int(n) for n in pad]
    if len(numbers) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    ndim, count = input.array.ndim, len(numbers) // 2
    if count > ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but "
            f"got padding length {len(numbers)} and input of dimension {ndim}"
        )
    last = [(numbers[2 * i], numbers[2 * i + 1]) for i in range(count)][::-1]
    if mode == "constant":
        for n, (a, b) in zip(input.array.shape[ndim - count :], last, strict=True):
            if n + a + b < 0 or n + min(a, 0) + min(b, 0) < 0:
                raise RuntimeError(
                    f"The input size {n}, plus negative padding {a} and {b} resulted in a "
                    "negative output size, which is invalid. Check dimension of your input."
                )
        widths = tuple([(0, 0)] * (ndim - count) + last)
        return Pad.apply(input, widths=widths, value=0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not (count + 1 <= ndim <= count + 2) or count not in (1, 2, 3):
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now"
        )
    sizes = input.array.shape[ndim - count :]
    _check_widths(mode, sizes, last)
    around = _repeat if mode == "circular" else _mirror
    return around(input, mode, list(enumerate(zip(sizes, last, strict=True), start=ndim - count)))


def _repeat(input: Tensor, mode: str, axes: Sequence[Any]) -> Tensor:
    result = input
    for axis, (size, (before, after)) in axes:
        if before or after:
            positions = _positions(mode, size, before, after)
            result = result.index_select(axis, wrap(positions))
    if mode != "circular" and is_channels_last(input.array):
        result = to_format(result, last=True)
    return result.clone() if result is input else result


_mirror = autocast("float32")(_repeat)
