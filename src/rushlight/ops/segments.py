"""Reductions of runs of neighbours: `segment_reduce`."""

from __future__ import annotations

import math

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..errors import wrap_dim
from ._arguments import require_tensor
from ._export import export
from ._operands import not_implemented
from .creation import full
from .gathering import scatter_reduce
from .masking import where

# For each reduction: its name among those of `scatter_reduce`, and its value over nothing.
_KINDS = {
    "sum": ("sum", 0.0),
    "mean": ("sum", 0.0),
    "prod": ("prod", 1.0),
    "max": ("amax", -math.inf),
    "min": ("amin", math.inf),
}


@export
def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Tensor:
    """Reduce each of a number of runs of neighbours along an axis to one element.

    Args:
        data: the elements.
        reduce: "sum", "mean", "max", "min" or "prod".
        lengths: how many elements each segment has; its last dimension is `axis`.
        indices: not supported, as in torch.
        offsets: where each segment begins, and where the last one ends, instead of `lengths`.
        axis: the axis of the segments.
        unsafe: do not check that the lengths add up to the axis.
        initial: what each segment begins with.

    Shape:
        data (*, N, ...), lengths (*, S), offsets (*, S + 1); result (*, S, ...).

    Raises:
        RuntimeError: neither lengths nor offsets are given, or they do not fit.

    Example:
        >>> x = rushlight.tensor([1.0, 2.0, 3.0, 4.0])
        >>> rushlight.segment_reduce(x, "sum", lengths=rushlight.tensor([3, 1]))
        tensor([6., 4.])
    """
    x = require_tensor("segment_reduce", data, "data")
    if reduce not in _KINDS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if x.array.dtype.kind not in "fV":
        raise not_implemented("_segment_reduce_cpu", x)
    axis = wrap_dim(axis, x.array.ndim)
    places, count = _places(x, lengths, offsets, axis, unsafe)
    shape = x.array.shape
    kind, neutral = _KINDS[reduce]
    # Elements of no segment meet in one more, which is cut off again.
    segments = count.shape[-1]
    base = full((*shape[:axis], segments + 1, *shape[axis + 1 :]), neutral, dtype=x.dtype)
    trailing = (1,) * (len(shape) - axis - 1)
    index = wrap(np.broadcast_to(places.reshape(*shape[: axis + 1], *trailing), shape))
    y = scatter_reduce(base, axis, index, x, kind).narrow(axis, 0, segments)
    return _begun(y, reduce, initial, wrap(count.reshape(*count.shape, *trailing)))


def _begun(y: Tensor, reduce: str, initial: float | None, count: Tensor) -> Tensor:
    """Let each segment begin with `initial`, and divide by its length for a mean."""
    if reduce == "mean":
        mean = (y if initial is None else y + initial) / count.clamp(min=1).to(y.dtype)
        return where(count == 0, math.nan if initial is None else initial, mean)
    if initial is None:
        return y
    if reduce == "sum":
        return y + initial
    if reduce == "prod":
        return y * initial
    return where(y < initial if reduce == "max" else y > initial, initial, y)


def _places(
    x: Tensor, lengths: Tensor | None, offsets: Tensor | None, axis: int, unsafe: bool
) -> tuple[Array, Array]:
    """Return the segment that each element along the axis belongs to, and the segments' lengths.

    Raises:
        RuntimeError: the lengths or offsets do not fit the data.
    """
    size = x.array.shape[axis]
    if lengths is not None:
        counts = _integers(lengths, "lengths", axis)
        if not unsafe:
            if (counts < 0).any():
                raise RuntimeError("lengths contains negative value!")
            if (counts.sum(-1) != size).any():
                raise RuntimeError(
                    "segment_reduce(): Expected all rows of lengths along axis to sum to "
                    "data.size(lengths.dim()-1) when !unsafe."
                )
        ends = counts.cumsum(-1)
        starts = np.zeros_like(ends[..., :1])
    elif offsets is not None:
        edges = _integers(offsets, "offsets", axis)
        starts, ends = edges[..., :1], edges[..., 1:]
        counts = np.diff(edges, axis=-1)
    else:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    if counts.shape[:-1] != x.array.shape[:axis]:
        raise RuntimeError(
            f"segment_reduce(): Expected lengths of shape {[*x.shape[:axis], '*']}, got "
            f"{list(counts.shape)}"
        )
    position = np.arange(size)
    places = np.empty((*ends.shape[:-1], size), np.int64)
    for row in np.ndindex(*ends.shape[:-1]):
        places[row] = np.searchsorted(ends[row], position, "right")
    return np.where(position < starts, counts.shape[-1], places), counts


def _integers(given: Tensor, label: str, axis: int) -> Array:
    if given.array.dtype.kind not in "iu":
        raise not_implemented("_segment_reduce_lengths_cpu_kernel1", given)
    if given.array.ndim != axis + 1:
        raise RuntimeError(
            f"segment_reduce(): Expected axis to be the last dimension of {label} but got {axis}."
        )
    return given.array.astype(np.int64)
