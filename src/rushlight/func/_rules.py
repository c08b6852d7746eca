"""How operators run on a batch at once: rules for shapes, reductions, products, indices.

A rule gets (op, inputs, batched, ndims, params): the physical tensors, which of them have the batch
as their first dimension, how many dimensions a sample has, and the operator's parameters. It
returns the physical result, or NotImplemented, whereupon the operator runs sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .._tensor import Tensor
from ..ops.shape import reshape

Rule = Callable[[Any, list[Any], list[bool], list[int], dict[str, Any]], Any]


def size_of(inputs: list[Any], here: list[bool]) -> int:
    return next(len(x) for x, at in zip(inputs, here, strict=True) if at)


def padded(x: Tensor, ndim: int, rank: int) -> Tensor:
    """Return a batch with dimensions of 1 behind the first, so that samples have `rank`."""
    if ndim == rank:
        return x
    return x.reshape(x.shape[0], *(1,) * (rank - ndim), *x.shape[1:])


def everywhere(x: Tensor, at: bool, size: int) -> Tensor:
    """Return `x` with the batch as its first dimension, repeated if it has none."""
    return x if at else x.expand(size, *x.shape)


def elementwise(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Broadcast: the samples' dimensions have to line up from the right."""
    rank = max(ndims)
    aligned = zip(xs, here, ndims, strict=True)
    return op.apply(*[padded(x, n, rank) if at else x for x, at, n in aligned], **params)


_AXES = ("axis", "axes", "dim", "dims", "dim0", "dim1", "dim2")


def along_axes(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Count the axes of a single input from one further on."""
    ndim = ndims[0]
    if not ndim or not here[0] or any(here[1:]):
        return NotImplemented
    moved = dict(params)
    for name in _AXES:
        if name not in params:
            continue
        value = params[name]
        if value is None:
            if name != "axes":
                return NotImplemented  # of the flattened sample
            moved[name] = tuple(range(1, ndim + 1))
        elif isinstance(value, Iterable):
            moved[name] = tuple([d + 1 if d >= 0 else d for d in value])
        else:
            moved[name] = value + 1 if value >= 0 else value
    return op.apply(*xs, **moved)


def permute(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Keep the batch in front."""
    dims = [d % ndims[0] for d in params["dims"]]
    return op.apply(xs[0], dims=(0, *[d + 1 for d in dims]))


def to_shape(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Put the batch before the shape asked for."""
    shape = params["shape"]
    return reshape(xs[0], (xs[0].shape[0], *shape))


def broadcast(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Put the batch before the shape asked for, and ones between."""
    shape = params["shape"]
    x = padded(xs[0], ndims[0], len(shape))
    return op.apply(x, **params | {"shape": (x.shape[0], *shape)})


def basic_index(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Take everything of the batch."""
    return op.apply(xs[0], index=(slice(None), *params["index"]))


def copied(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Copy, unless the order of the sample's dimensions in memory matters."""
    return (
        op.apply(xs[0], **params) if isinstance(params.get("order", "K"), str) else NotImplemented
    )


def joined(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Join batches; what is no batch is joined to each sample."""
    size = size_of(xs, here)
    every = [everywhere(x, at, size) for x, at in zip(xs, here, strict=True)]
    return op.apply(*every, dim=params["dim"] + 1)


def gathered(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Look up in each sample with its own index."""
    if 0 in ndims:
        return NotImplemented
    return joined(op, xs, here, ndims, params)


def matmul(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Make matrices of vectors and let the batch be one more dimension of the product."""
    sides = []
    for position, (x, at, n) in enumerate(zip(xs, here, ndims, strict=True)):
        if n == 1:
            x, n = x.unsqueeze(-1 if position else -2), 2
        sides.append((x, at, n))
    rank = max(n for _, _, n in sides)
    y = op.apply(*[padded(x, n, rank) if at else x for x, at, n in sides])
    if ndims[1] == 1:
        y = y.squeeze(-1)
    return y.squeeze(-2 if ndims[1] != 1 else -1) if ndims[0] == 1 else y


def last_dimensions(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """The operator looks at the last dimensions only."""
    if any(here[1:]):
        return NotImplemented
    return op.apply(*xs, **params)


def looked_up(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """One table for all samples."""
    return NotImplemented if here[0] else op.apply(*xs, **params)


def on_matrices(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """The operator takes any number of matrices; line up those of several inputs."""
    rank = max(ndims)
    size = size_of(xs, here)
    every = zip(xs, here, ndims, strict=True)
    return op.apply(*[padded(everywhere(x, at, size), n, rank) for x, at, n in every], **params)


def pad(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Put nothing around the batch."""
    return op.apply(xs[0], **params | {"widths": ((0, 0), *params["widths"])})


def sum_to(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Sum each sample down to the shape asked for."""
    x, shape = xs[0], params["shape"]
    kept = (x.shape[0], *(1,) * (ndims[0] - len(shape)), *shape)
    return op.apply(x, shape=kept).reshape(x.shape[0], *shape)


def of_reduction(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Count the axes of the unreduced sample from one further on."""
    x, shape = xs[0], params["shape"]
    full, own = (shape, x.shape[1:]) if op.__name__ == "Spread" else (x.shape[1:], shape)
    axes = range(len(full)) if params["axes"] is None else params["axes"]
    axes = tuple([axis % len(full) + 1 for axis in axes])
    if not full or len(own) > len(full):
        return NotImplemented
    return op.apply(x, shape=(x.shape[0], *shape), axes=axes)


def written(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Write each sample into zeros of its own."""
    index = (slice(None), *params["index"])
    return op.apply(xs[0], shape=(xs[0].shape[0], *params["shape"]), index=index)


def at_places(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """The same places in each sample, as long as their axes are neighbours."""
    axes = params["axes"]
    if not here[0] or any(here[1:]) or not ndims[0] or max(axes) - min(axes) >= len(axes):
        return NotImplemented
    moved = params | {"axes": tuple([axis + 1 for axis in axes])}
    if "shape" in params:
        moved["shape"] = (xs[0].shape[0], *params["shape"])
    return op.apply(*xs, **moved)


def scattered(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Write into each sample by its own index."""
    if 0 in ndims:
        return NotImplemented
    size = size_of(xs, here)
    every = [everywhere(x, at, size) for x, at in zip(xs, here, strict=True)]
    return op.apply(
        *every, **params | {"dim": params["dim"] + 1 if params["dim"] >= 0 else params["dim"]}
    )


def repeated(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """One of the batch."""
    times = params["times"]
    return op.apply(padded(xs[0], ndims[0], len(times)), times=(1, *times))
