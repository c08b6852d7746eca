"""Boxes (left, top, right, bottom) and what detectors do with them."""

from __future__ import annotations

import numpy as np

from .. import nn
from .._tensor import Tensor, wrap
from ..backend.dtype import float32, float64
from ..ops.activation import sigmoid
from ..ops.joining import stack

__all__ = [
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "generalized_box_iou",
    "nms",
    "remove_small_boxes",
    "sigmoid_focal_loss",
]


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Keep the boxes that overlap no better one too much.

    Args:
        boxes: (N, 4).
        scores: (N); higher is better.
        iou_threshold: a box goes if its overlap with one that is kept, intersection over union,
            is larger.

    Returns:
        The indices of the boxes that are kept, best first.

    Raises:
        RuntimeError: the shapes do not fit.

    Example:
        >>> from rushlight.vision.ops import nms
        >>> boxes = rushlight.tensor([[0.0, 0, 2, 2], [0, 0, 2, 1.9], [3, 3, 4, 4]])
        >>> nms(boxes, rushlight.tensor([0.5, 0.9, 0.1]), 0.5)
        tensor([1, 2])
    """
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise RuntimeError(f"boxes should be a 2d tensor of shape (N, 4), got {tuple(boxes.shape)}")
    if scores.shape != boxes.shape[:1]:
        raise RuntimeError(
            "boxes and scores should have same number of elements in dimension 0, got "
            f"{boxes.shape[0]} and {tuple(scores.shape)}"
        )
    corners = boxes.detach().cpu().array
    order = scores.detach().cpu().argsort(descending=True, stable=True).array
    areas = (corners[:, 2:] - corners[:, :2]).prod(1)
    keep = []
    while order.size:
        best, rest = order[0], order[1:]
        keep.append(best)
        low = np.maximum(corners[best, :2], corners[rest, :2])
        high = np.minimum(corners[best, 2:], corners[rest, 2:])
        shared = (high - low).clip(0).prod(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            overlap = shared / (areas[best] + areas[rest] - shared)
        order = rest[~(overlap > iou_threshold)]
    return wrap(np.array(keep, np.int64)).to(boxes.device)


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """Apply `nms` among the boxes of each class (`idxs`) by itself."""
    if boxes.numel() == 0:
        return wrap(np.zeros(0, np.int64)).to(boxes.device)
    # Classes are moved apart, so that boxes of different ones never overlap.
    offsets = idxs.to(boxes) * (boxes.max() + 1)
    return nms(boxes + offsets[:, None], scores, iou_threshold)


def box_area(boxes: Tensor) -> Tensor:
    """Return the areas of boxes (..., 4)."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def _shared_and_union(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    low = boxes1[..., None, :2].maximum(boxes2[..., None, :, :2])
    high = boxes1[..., None, 2:].minimum(boxes2[..., None, :, 2:])
    size = _wide(high - low).clamp(min=0)
    shared = size[..., 0] * size[..., 1]
    areas = _wide(box_area(boxes1))[..., None] + _wide(box_area(boxes2))[..., None, :]
    return shared, areas - shared


def _wide(x: Tensor) -> Tensor:
    """Return half-precision numbers in float32: areas pass their range soon."""
    if not x.dtype.is_floating_point:
        return x.long() if x.dtype.itemsize < 8 else x
    return x if x.dtype in (float32, float64) else x.to(float32)


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Return intersection over union of all pairs.

    Shape:
        (N, 4) and (M, 4) to (N, M).

    Example:
        >>> from rushlight.vision.ops import box_iou
        >>> box_iou(rushlight.tensor([[0.0, 0, 2, 2]]), rushlight.tensor([[1.0, 0, 3, 2]]))
        tensor([[0.3333]])
    """
    shared, union = _shared_and_union(boxes1, boxes2)
    return shared / union


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Return intersection over union, less the share of the hull that neither box covers.

    Reference:
        Rezatofighi et al., "Generalized Intersection over Union", 2019.
    """
    shared, union = _shared_and_union(boxes1, boxes2)
    low = boxes1[..., None, :2].minimum(boxes2[..., None, :, :2])
    high = boxes1[..., None, 2:].maximum(boxes2[..., None, :, 2:])
    size = _wide(high - low).clamp(min=0)
    hull = size[..., 0] * size[..., 1]
    return shared / union - (hull - union) / hull


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Return boxes in another form.

    Args:
        boxes: (..., 4).
        in_fmt: "xyxy" (corners), "xywh" (corner and size), or "cxcywh" (middle and size).
        out_fmt: the same.

    Raises:
        ValueError: a form is unknown.
    """
    forms = ("xyxy", "xywh", "cxcywh")
    if in_fmt not in forms or out_fmt not in forms:
        raise ValueError(f"Unsupported Bounding Box Conversions for given in_fmt {in_fmt} and "
                         f"out_fmt {out_fmt}")  # fmt: skip
    if in_fmt == out_fmt:
        return boxes.clone()
    a, b, c, d = boxes.unbind(-1)
    if in_fmt == "xywh":
        a, b, c, d = a, b, a + c, b + d
    elif in_fmt == "cxcywh":
        a, b, c, d = a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d
    if out_fmt == "xywh":
        a, b, c, d = a, b, c - a, d - b
    elif out_fmt == "cxcywh":
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
    return stack([a, b, c, d], -1)


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Return boxes cut off at the edges of an image of `size` (H, W)."""
    height, width = size
    xs, ys = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return stack([xs, ys], boxes.ndim).reshape(boxes.shape)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """Return the indices of the boxes whose sides are at least `min_size` long."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    return (sizes >= min_size).all(1).nonzero()[:, 0]


def sigmoid_focal_loss(
    inputs: Tensor,
    targets: Tensor,
    alpha: float = 0.25,
    gamma: float = 2,
    reduction: str = "none",
) -> Tensor:
    """Return the cross entropy of yes-no questions, less of it for those answered well.

    Args:
        inputs: scores.
        targets: 0 or 1, of the same shape.
        alpha: weight of the 1s, and one minus that of the 0s; negative for none.
        gamma: the power by which good answers count less.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: `reduction` is another one.

    Reference:
        Lin et al., "Focal Loss for Dense Object Detection", 2017.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"Invalid Value for arg 'reduction': '{reduction} \n Supported reduction modes: "
            "'none', 'mean', 'sum'"
        )
    p = sigmoid(inputs)
    loss = nn.functional.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    right = p * targets + (1 - p) * (1 - targets)
    loss = loss * (1 - right) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return loss if reduction == "none" else getattr(loss, reduction)()
