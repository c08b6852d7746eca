"""How layers and losses run on a batch at once: the batch becomes images, channels or rows."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from .._typing import Array
from ..autograd.node import Op
from ..kernels import gemm as K
from ..ops._broadcast import sum_to
from ..ops.complex import conj
from ..ops.matmul import MatMul
from ._rules import everywhere, padded, size_of


class RowsTimesWeight(Op):
    """y = x w^T for batches of matrices.  dL/dx = g w, dL/dw = g^T x, in the memory order of w."""

    def forward(ctx, x: Array, w: Array) -> Array:
        ctx.save_factors(x, w)
        ctx.shapes = x.shape, w.shape
        return K.matmul(x, w.swapaxes(-1, -2))

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, w = ctx.saved_tensors
        to_x, to_w = ctx.edges
        x_shape, w_shape = ctx.shapes
        gx = sum_to(MatMul.apply(g, conj(w)), x_shape) if to_x else None
        gw = sum_to(MatMul.apply(g.mT, conj(x)), w_shape) if to_w else None
        return gx, gw


def linear(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """One product if the weight is the same for all samples, else one for each."""
    x, w, b = xs
    if here == [True, False, False]:
        return op.apply(x, w, b)
    rank = max(ndims[0], 2)
    if ndims[0] == 1:
        x = x.unsqueeze(-2)
    x = padded(x, rank, rank) if here[0] else x
    w = padded(w, 2, rank) if here[1] else w
    y = RowsTimesWeight.apply(x, w)
    if b is not None:
        y = y + (padded(b, 1, rank) if here[2] else b)
    return y.squeeze(-2) if ndims[0] == 1 else y


def conv(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """The batch becomes images; filters that differ from sample to sample become groups."""
    x, w, b = xs
    if here == [True, False, False]:
        size, images = x.shape[:2]
        y = op.apply(x.reshape(size * images, *x.shape[2:]), w, b, **params)
        return y.reshape(size, images, *y.shape[1:])
    if params.get("transposed") or "groups" not in params:
        return NotImplemented
    size = size_of(xs, here)
    x, w = everywhere(x, here[0], size), everywhere(w, here[1], size)
    images, channels = x.shape[1:3]
    filters = w.shape[1]
    beside = x.transpose(0, 1).reshape(images, size * channels, *x.shape[3:])
    if b is not None:
        b = everywhere(b, here[2], size).reshape(size * filters)
    grouped = params | {"groups": size * params["groups"]}
    y = op.apply(beside, w.reshape(size * filters, *w.shape[2:]), b, **grouped)
    return y.reshape(images, size, filters, *y.shape[2:]).transpose(0, 1)


def image_wise(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """The batch becomes images."""
    if any(here[1:]) or not here[0] or ndims[0] < 2:
        return NotImplemented
    x = xs[0]
    size, images = x.shape[:2]
    result = op.apply(x.reshape(size * images, *x.shape[2:]), *xs[1:], **params)
    if isinstance(result, tuple):
        return tuple([y.reshape(size, images, *y.shape[1:]) for y in result])
    return result.reshape(size, images, *result.shape[1:])


def gradient_of_images(
    op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any
) -> Any:
    """The batch becomes images, also in the shape of the gradient."""
    shape = params["input_shape"]
    if not here[0] or len(shape) != ndims[0]:
        return NotImplemented
    size, images = xs[0].shape[:2]
    folded = []
    for x, at in zip(xs, here, strict=True):
        x = everywhere(x, at, size)
        folded.append(x.reshape(size * images, *x.shape[2:]))
    g = op.apply(*folded, **params | {"input_shape": (size * images, *shape[1:])})
    return g.reshape(size, *shape)


def gradient_of_conv_input(
    op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any
) -> Any:
    """The batch becomes images, for filters that are the same for all samples."""
    if here != [True, False]:
        return NotImplemented
    g, w = xs
    size, images = g.shape[:2]
    shape = params["input_shape"]
    folded = params | {"input_shape": (size * images, *shape[1:])}
    return op.apply(g.reshape(size * images, *g.shape[2:]), w, **folded).reshape(size, *shape)


def class_loss(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """The batch becomes rows; each sample's losses are then put together."""
    x, target, w = xs
    reduction = params["reduction"]
    if (w is not None and reduction == "mean") or here[2]:
        return NotImplemented
    size = size_of(xs, here)
    x, target = everywhere(x, here[0], size), everywhere(target, here[1], size)
    if ndims[0] == 1:
        each = op.apply(x, target, w, **params | {"reduction": "none"})
    else:
        rows = size * x.shape[1]
        each = op.apply(
            x.reshape(rows, *x.shape[2:]), target.reshape(rows, *target.shape[2:]), w,
            **params | {"reduction": "none"},
        ).reshape(target.shape)  # fmt: skip
    if reduction == "none":
        return each
    rest = tuple(range(1, each.ndim))
    total = each.sum(rest) if rest else each
    if reduction == "sum":
        return total
    counts = target != params["ignore_index"]
    return total / (counts.sum(rest) if rest else counts)
