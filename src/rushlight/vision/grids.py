"""Many images in one, and images as files (`torchvision.utils`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..backend.dtype import uint8
from ..ops.joining import cat, stack
from .datasets.vision import image_from

__all__ = ["draw_bounding_boxes", "make_grid", "save_image"]


@no_grad()
def make_grid(
    tensor: Tensor | Sequence[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[int, int] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Put images of one size side by side, in rows.

    Args:
        tensor: (N, C, H, W), or a list of images; one channel is shown as grey.
        nrow: how many images stand in a row.
        padding: the width of the lines between them.
        normalize: map the values to [0, 1].
        value_range: the smallest and largest value, for `normalize` (default: those there are).
        scale_each: find them in each image rather than in all.
        pad_value: the colour of the lines.

    Returns:
        The grid (3, H', W'); a single image comes without lines.

    Raises:
        TypeError: it is neither a tensor nor a list of tensors.

    Example:
        >>> from rushlight.vision.grids import make_grid
        >>> make_grid(rushlight.zeros(10, 1, 28, 28), nrow=5).shape
        torch.Size([3, 62, 152])
    """
    images = _batch(tensor)
    if normalize:
        images = images.clone()
        if value_range is not None and not isinstance(value_range, tuple):
            raise TypeError("value_range has to be a tuple (min, max) if specified. min and max "
                            "are numbers")  # fmt: skip
        for part in images if scale_each else [images]:
            _to_unit(part, value_range)
    if images.shape[0] == 1:
        return images[0]
    count, channels, height, width = images.shape
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    height, width = height + padding, width + padding
    grid = images.new_full(
        (channels, height * rows + padding, width * columns + padding), pad_value
    )
    for i in range(count):
        top, left = i // columns * height + padding, i % columns * width + padding
        grid[:, top : top + height - padding, left : left + width - padding] = images[i]
    return grid


def _batch(given: Any) -> Tensor:
    """Return images as (N, 3, H, W)."""
    if not isinstance(given, Tensor):
        if not isinstance(given, list):
            raise TypeError(f"tensor or list of tensors expected, got {type(given)}")
        for item in given:
            if not isinstance(item, Tensor):
                raise TypeError(
                    f"tensor or list of tensors expected, got a list containing {type(item)}"
                )
        given = stack(given)
    if given.ndim == 2:
        given = given.unsqueeze(0)
    if given.ndim == 3:
        given = given.unsqueeze(0)
    return cat([given] * 3, 1) if given.shape[1] == 1 else given


def _to_unit(images: Tensor, limits: tuple[float, float] | None) -> None:
    low, high = limits or (float(images.min()), float(images.max()))
    images.clamp_(low, high).sub_(low).div_(max(high - low, 1e-5))


@no_grad()
def save_image(
    tensor: Tensor | Sequence[Tensor], fp: Any, format: str | None = None, **kwargs: Any
) -> None:
    """Write images, side by side if they are several, to a file.

    Args:
        tensor: values in [0, 1]; see `make_grid`.
        fp: a path or a file.
        format: the kind of file, where `fp` has no name that tells.
        kwargs: arguments of `make_grid`.
    """
    grid = make_grid(tensor, **kwargs)
    array = grid.mul(255).add_(0.5).clamp_(0, 255).permute(1, 2, 0).to("cpu", uint8).array
    image_from(np.ascontiguousarray(array)).save(fp, format=format)


@no_grad()
def draw_bounding_boxes(
    image: Tensor,
    boxes: Tensor,
    labels: Sequence[str | None] | None = None,
    colors: Any = None,
    fill: bool = False,
    width: int = 1,
) -> Tensor:
    """Return an image with boxes drawn on it.

    Args:
        image: bytes, or values in [0, 1], (3, H, W) or (1, H, W).
        boxes: (N, 4): left, top, right, bottom.
        labels: a text for each box.
        colors: one colour, or one for each box (default: red).
        fill: tint the inside.
        width: width of the lines.

    Raises:
        ValueError: there are more or fewer labels than boxes.
    """
    from PIL import ImageDraw

    from .transforms.functional import pil_to_tensor

    if labels is not None and len(labels) != len(boxes):
        raise ValueError(
            f"The number of boxes ({len(boxes)}) and labels ({len(labels)}) mismatch. "
            "Please specify labels for each box."
        )
    whole = image if image.dtype is uint8 else image.mul(255).to(uint8)
    array = whole.expand(3, -1, -1).permute(1, 2, 0).cpu().array
    picture = image_from(np.ascontiguousarray(array))
    pen = ImageDraw.Draw(picture, "RGBA" if fill else "RGB")
    for i, box in enumerate(boxes.tolist()):
        colour = colors[i] if isinstance(colors, list) else colors or "red"
        inside = (*colour, 100) if fill and not isinstance(colour, str) else None
        pen.rectangle(box, width=width, outline=colour, fill=inside)
        label = labels[i] if labels is not None else None
        if label is not None:
            pen.text((box[0] + width, box[1] + width), label, fill=colour)
    drawn = pil_to_tensor(picture)
    return drawn if image.dtype is uint8 else drawn.to(image.dtype) / 255
