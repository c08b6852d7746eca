"""Losses that ask for a margin between what belongs together and what does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._tensor import Tensor, wrap
from ._autocast import autocast
from ._export import export
from ._loss import read_reduction, reduced
from .masking import where


def _margin(value: Tensor) -> Tensor:
    """max(value, 0)."""
    return value.clamp_min(0)


@export(functional=True)
@autocast("float32")
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, -target (input1 - input2) + margin)."""
    reduction = read_reduction(reduction, size_average, reduce)
    if not input1.array.ndim == input2.array.ndim == target.array.ndim:
        raise RuntimeError(
            "margin_ranking_loss: All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return reduced(_margin(-target * (input1 - input2) + margin), reduction)


@export(functional=True)
@autocast("float32")
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return x where target = 1, max(0, margin - x) where target = -1."""
    reduction = read_reduction(reduction, size_average, reduce)
    zero = wrap(np.zeros((), input.array.dtype))
    near = where(target != -1, input, zero)
    far = where(target != 1, _margin(margin - input), zero)
    return reduced(near + far, reduction)


@export(functional=True, public=False)
@autocast("float32")
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return log(1 + exp(-target input))."""
    from .activation import logsigmoid

    reduction = read_reduction(reduction, size_average, reduce)
    return reduced(-logsigmoid(target * input), reduction)


@export(functional=True)
@autocast("float32")
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return 1 - cos(x1, x2) where target = 1, max(0, cos(x1, x2) - margin) where target = -1."""
    reduction = read_reduction(reduction, size_average, reduce)
    expected = input1.array.ndim - 1
    if (
        target.array.ndim not in (0, 1)
        or input1.array.ndim not in (1, 2)
        or (target.array.ndim == 1) != (expected == 1)
    ):
        raise RuntimeError(
            f"cosine_embedding_loss: {expected}D target tensor expected for inputs of "
            f"{input1.ndim} dimensions, got {list(target.shape)}"
        )
    eps = 1e-12
    dot = (input1 * input2).sum(-1)
    square1, square2 = (input1 * input1).sum(-1) + eps, (input2 * input2).sum(-1) + eps
    cosine = dot / (square1 * square2).sqrt()
    zero = wrap(np.zeros((), input1.array.dtype))
    each = where(target == 1, 1 - cosine, zero) + where(
        target == -1, _margin(cosine - margin), zero
    )
    return reduced(each, reduction)


@export(functional=True)
@autocast("float32")
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin), d the p-norm distance.

    Reference:
        Balntas et al., "Learning local feature descriptors with triplets and shallow convolutional
        neural networks", 2016.
    """
    from .distance import pairwise_distance

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return pairwise_distance(a, b, p, eps)

    reduction = read_reduction(reduction, size_average, reduce)
    return _triplet(anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[..., Tensor],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.array.ndim == positive.array.ndim == negative.array.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced(_margin(near - far + margin), reduction)


@export(functional=True, public=False)
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[..., Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return the triplet loss for a distance of the user's own."""
    from .distance import pairwise_distance

    reduction = read_reduction(reduction, None, None)
    return _triplet(
        anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction
    )


@export(functional=True, public=False)
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over the classes of the binary cross-entropy of sigmoid(input)."""
    from .activation import logsigmoid

    reduction = read_reduction(reduction, size_average, reduce)
    each = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        each = each * weight
    return reduced(each.mean(-1), reduction)


@export(functional=True, public=False)
@autocast("float32")
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over other classes i of weight[t] max(0, margin - x[t] + x[i])^p."""
    reduction = read_reduction(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.array.ndim != 1:
        raise ValueError(
            f"multi_margin_loss: weight must be one-dimensional, got {list(weight.shape)}"
        )
    if weight is not None and weight.array.shape != (input.array.shape[-1],):
        raise RuntimeError(
            f"inconsistent weight size, expected {input.array.shape[-1]} but got "
            f"{list(weight.shape)}"
        )
    if target.array.dtype != np.int64:
        raise RuntimeError(
            "multi_margin_loss: expected scalar type Long for target but got "
            f"{target.dtype.type_name}"
        )
    x = input if input.array.ndim == 2 else input.reshape(1, -1)
    t = target.reshape(-1, 1)
    if t.array.shape[0] != x.array.shape[0]:
        raise RuntimeError(
            f"inconsistent target size, expected {list(x.shape[:1])} but got {list(target.shape)}"
        )
    each = _margin(margin - x.gather(1, t) + x)
    if p == 2:
        each = each * each
    if weight is not None:
        each = each * weight[t]
    others = np.ones(x.array.shape, x.array.dtype)
    np.put_along_axis(others, t.array, 0, 1)
    loss = (each * wrap(others)).sum(1) / x.array.shape[1]
    return reduced(loss if target.array.ndim else loss.reshape(()), reduction)


@export(functional=True, public=False)
@autocast("float32")
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of max(0, 1 - x[t] + x[i]) over targets t (up to a -1) and the others i."""
    reduction = read_reduction(reduction, size_average, reduce)
    if input.array.shape != target.array.shape or input.array.ndim > 2:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    x = input.reshape(-1, input.array.shape[-1] if input.array.ndim else 1)
    t = target.array.reshape(x.array.shape)
    valid = np.cumprod(t >= 0, axis=1).astype(bool)
    is_target = np.zeros(x.array.shape, bool)
    rows = np.arange(len(t))[:, None].repeat(t.shape[1], 1)
    is_target[rows[valid], t[valid]] = True
    picked = x.gather(1, wrap(np.where(valid, t, 0)))
    pairs = _margin(1 - picked.unsqueeze(2) + x.unsqueeze(1))
    mask = valid[:, :, None] & ~is_target[:, None, :]
    loss = (pairs * wrap(mask.astype(x.array.dtype))).sum((1, 2)) / x.array.shape[1]
    return reduced(loss if input.array.ndim == 2 else loss.reshape(()), reduction)
