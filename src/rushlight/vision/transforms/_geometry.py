"""Flips, crops, pads, turns: of Pillow images, and of tensors (..., C, H, W)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import nn
from ..._tensor import Tensor, wrap
from ...backend import dtype as dtypes
from ...ops.creation import ones
from ...ops.from_data import tensor
from ...ops.joining import cat, stack
from ...ops.ranges import linspace
from ..datasets.vision import image_from

Padding = tuple[int, int, int, int]  # left, top, right, bottom


def is_pil_image(image: Any) -> bool:
    """Tell whether something is a Pillow image, without importing Pillow."""
    return hasattr(image, "getbands") and hasattr(image, "mode")


def _check(img: Any) -> None:
    if not is_pil_image(img) and not isinstance(img, Tensor):
        raise TypeError(f"img should be PIL Image. Got {type(img)}")


def get_dimensions(img: Any) -> list[int]:
    """Return an image's [channels, height, width].

    Raises:
        TypeError: it is neither a Pillow image nor a tensor.
    """
    if is_pil_image(img):
        return [len(img.getbands()), img.height, img.width]
    if isinstance(img, Tensor):
        shape = img.array.shape
        return [1 if len(shape) == 2 else shape[-3], shape[-2], shape[-1]]
    raise TypeError(f"Unexpected type {type(img)}")


def get_image_num_channels(img: Any) -> int:
    """Return how many channels an image has."""
    return get_dimensions(img)[0]


def get_image_size(img: Any) -> list[int]:
    """Return an image's [width, height]."""
    return get_dimensions(img)[:0:-1]


def hflip(img: Any) -> Any:
    """Return an image with left and right exchanged."""
    _check(img)
    return img.transpose(0) if is_pil_image(img) else img.flip(-1)


def vflip(img: Any) -> Any:
    """Return an image with top and bottom exchanged."""
    _check(img)
    return img.transpose(1) if is_pil_image(img) else img.flip(-2)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """Return a part of an image; what lies outside of it is 0."""
    _check(img)
    if is_pil_image(img):
        return img.crop((left, top, left + width, top + height))
    h, w = img.array.shape[-2:]
    right, bottom = left + width, top + height
    part = img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    missing = (max(min(right, 0) - left, 0), max(right - max(w, left), 0),
               max(min(bottom, 0) - top, 0), max(bottom - max(h, top), 0))  # fmt: skip
    return nn.functional.pad(part, missing) if any(missing) else part


def center_crop(img: Any, output_size: Any) -> Any:
    """Return the middle of an image, with a border of 0 if the image is smaller."""
    height, width = as_size(output_size)
    _, h, w = get_dimensions(img)
    if width > w or height > h:
        missing_w, missing_h = max(width - w, 0), max(height - h, 0)
        border = (missing_w // 2, missing_h // 2, (missing_w + 1) // 2, (missing_h + 1) // 2)
        img = pad(img, border)
        _, h, w = get_dimensions(img)
        if (width, height) == (w, h):
            return img
    return crop(img, round((h - height) / 2.0), round((w - width) / 2.0), height, width)


def as_size(size: Any) -> tuple[int, int]:
    """Return (height, width) of one number, of a sequence of one, or of two."""
    if isinstance(size, int):
        return size, size
    if len(size) not in (1, 2):
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    return int(size[0]), int(size[-1])


def _borders(padding: Any) -> Padding:
    if isinstance(padding, int):
        return (padding,) * 4
    if not isinstance(padding, (tuple, list)):
        raise TypeError("Got inappropriate padding arg")
    if len(padding) not in (1, 2, 4):
        raise ValueError(
            f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} "
            "element tuple"
        )
    left, top, right, bottom = (*padding, *padding, *padding, *padding)[:4]
    return left, top, right, bottom


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Return an image with a border.

    Args:
        img: the image.
        padding: its width: one number, (left and right, top and bottom), or
            (left, top, right, bottom).
        fill: the border's colour.
        padding_mode: "constant", "edge", "reflect" or "symmetric".

    Raises:
        ValueError: `padding` has another length, or the mode is unknown.
    """
    left, top, right, bottom = _borders(padding)
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    if is_pil_image(img):
        return _pad_pillow(img, (left, top, right, bottom), fill, padding_mode)
    if padding_mode == "symmetric":
        widths = [(0, 0)] * (img.ndim - 2) + [(top, bottom), (left, right)]
        return wrap(np.pad(img.detach().cpu().array, widths, mode="symmetric")).to(img.device)
    widths_last_first = (left, right, top, bottom)
    if padding_mode == "constant":
        value = fill[0] if isinstance(fill, (tuple, list)) else fill
        return nn.functional.pad(img, widths_last_first, value=float(value or 0))
    mode = {"edge": "replicate", "reflect": "reflect"}[padding_mode]
    real = img if img.dtype.is_floating_point else img.to(dtypes.float32)
    batch = real.reshape(-1, *real.array.shape[-3:])
    padded = nn.functional.pad(batch, widths_last_first, mode=mode)
    return padded.reshape(*img.array.shape[:-2], *padded.array.shape[-2:]).to(img.dtype)


def _pad_pillow(img: Any, borders: Padding, fill: Any, mode: str) -> Any:
    if mode == "constant":
        from PIL import ImageOps

        return ImageOps.expand(img, border=borders, fill=pillow_fill(fill, img))
    left, top, right, bottom = borders
    array = np.asarray(img)
    widths = [(top, bottom), (left, right), (0, 0)][: array.ndim]
    return image_from(np.pad(array, widths, mode=mode), None)  # type: ignore[call-overload]


def pillow_fill(fill: Any, img: Any) -> Any:
    """Return a colour as Pillow takes it: a number for each channel.

    Raises:
        ValueError: the colour has another number of channels.
    """
    channels = len(img.getbands())
    whole = float if img.mode == "F" else int
    if not isinstance(fill, (tuple, list)):
        value = whole(fill or 0)
        return value if channels == 1 else (value,) * channels
    if len(fill) not in (1, channels):
        raise ValueError(
            "The number of elements in 'fill' does not match the number of channels of the image "
            f"({len(fill)} != {channels})"
        )
    values = tuple(whole(v) for v in fill) * (channels if len(fill) == 1 else 1)
    return values[0] if channels == 1 else values


def five_crop(img: Any, size: Any) -> tuple[Any, ...]:
    """Return the four corners and the middle of an image.

    Raises:
        ValueError: the image is smaller.
    """
    height, width = as_size(size)
    _, h, w = get_dimensions(img)
    if width > w or height > h:
        raise ValueError(
            f"Requested crop size {(height, width)} is bigger than input size {(h, w)}"
        )
    corners = ((0, 0), (0, w - width), (h - height, 0), (h - height, w - width))
    crops = (crop(img, top, left, height, width) for top, left in corners)
    return (*crops, center_crop(img, (height, width)))


def ten_crop(img: Any, size: Any, vertical_flip: bool = False) -> tuple[Any, ...]:
    """Return the five crops of an image and of its mirror image."""
    mirrored = vflip(img) if vertical_flip else hflip(img)
    return five_crop(img, size) + five_crop(mirrored, size)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> Tensor:
    """Return an image with the part from row `i`, column `j` replaced by `v`."""
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}")
    img = img if inplace else img.clone()
    img[..., i : i + h, j : j + w] = v
    return img


# --- rotation and its like ---


def _pull_back(
    center: Sequence[float],
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
) -> list[float]:
    """Return the 2x3 matrix from places of the result to places of the image.

    The image is sheared, scaled and turned (degrees) about `center`, then moved.
    """
    turn, sx, sy = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    a = math.cos(turn - sy) / math.cos(sy)
    b = -a * math.tan(sx) - math.sin(turn)
    c = math.sin(turn - sy) / math.cos(sy)
    d = -c * math.tan(sx) + math.cos(turn)
    # The determinant of ((a, b), (c, d)) is 1.
    (m11, m12), (m21, m22) = (d / scale, -b / scale), (-c / scale, a / scale)
    (cx, cy), (tx, ty) = center, translate
    x, y = -cx - tx, -cy - ty
    return [m11, m12, m11 * x + m12 * y + cx, m21, m22, m21 * x + m22 * y + cy]


def _sampling_grid(matrix: list[float], size: tuple[int, int], result: tuple[int, int]) -> Tensor:
    """Return where in an image of `size` (in [-1, 1]) the pixels of the result come from."""
    (h, w), (oh, ow) = size, result
    xs = linspace(0.5 - ow * 0.5, ow * 0.5 - 0.5, ow).expand(oh, ow)
    ys = linspace(0.5 - oh * 0.5, oh * 0.5 - 0.5, oh).unsqueeze(-1).expand(oh, ow)
    base = stack([xs, ys, ones(oh, ow)], -1).view(oh * ow, 3)
    half = tensor([0.5 * w, 0.5 * h])
    theta = tensor(matrix).view(2, 3).T / half
    return (base @ theta).view(1, oh, ow, 2)


def _result_size(matrix: list[float], height: int, width: int) -> tuple[int, int]:
    """Return (height, width) of the box around a turned image."""
    corners = np.array([(x * 0.5 * width, y * 0.5 * height, 1) for x in (-1, 1) for y in (-1, 1)])
    places = corners.astype(np.float32) @ np.array(matrix, np.float32).reshape(2, 3).T
    # Corners that miss a whole pixel by rounding only stay on it.
    centre = np.array([width * 0.5, height * 0.5], np.float32)
    low, high = places.min(0) + centre, places.max(0) + centre
    low, high = (np.trunc(edge / 1e-4 + 0.5) * 1e-4 for edge in (low, high))
    w, h = np.ceil(high) - np.floor(low)
    return int(h), int(w)


def _resample(
    img: Tensor, matrix: list[float], result: tuple[int, int], mode: str, fill: Any
) -> Tensor:
    whole = not img.dtype.is_floating_point
    real = img.to(dtypes.float32) if whole else img
    batch = real.reshape(-1, *real.array.shape[-3:])
    n, (h, w) = batch.array.shape[0], batch.array.shape[-2:]
    grid = _sampling_grid(matrix, (h, w), result).to(batch.dtype).expand(n, -1, -1, -1)
    if fill is not None:
        batch = cat([batch, ones(n, 1, h, w, dtype=batch.dtype)], 1)
    out = nn.functional.grid_sample(batch, grid, mode, "zeros", align_corners=False)
    if fill is not None:
        covered, out = out[:, -1:], out[:, :-1]
        values = list(fill) if isinstance(fill, (tuple, list)) else [float(fill)]
        colour = tensor(values, dtype=out.dtype).view(1, -1, 1, 1).expand_as(out)
        if mode == "nearest":
            out = out.where(covered >= 0.5, colour)
        else:
            out = out * covered + (1.0 - covered) * colour
    out = out.round().to(img.dtype) if whole else out
    return out.reshape(*img.array.shape[:-2], *result)


def _mode_of(interpolation: Any) -> str:
    return str(getattr(interpolation, "value", interpolation))


PILLOW_MODES = {"nearest": 0, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5, "lanczos": 1}


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = "nearest",
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """Return an image turned against the clock.

    Args:
        img: the image.
        angle: in degrees.
        interpolation: "nearest" or "bilinear" (Pillow: also "bicubic").
        expand: make the result as large as the turned image.
        center: (x, y) of the point that stays (default: the middle).
        fill: the colour outside.
    """
    mode = _mode_of(interpolation)
    if is_pil_image(img):
        colour = pillow_fill(fill, img)
        return img.rotate(angle, PILLOW_MODES[mode], expand, center, fillcolor=colour)
    _, h, w = get_dimensions(img)
    middle = [0.0, 0.0] if center is None else [center[0] - w * 0.5, center[1] - h * 0.5]
    matrix = _pull_back(middle, -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    result = _result_size(matrix, h, w) if expand else (h, w)
    return _resample(img, matrix, result, mode, fill)


def affine(
    img: Any,
    angle: float,
    translate: Sequence[int],
    scale: float,
    shear: Any,
    interpolation: Any = "nearest",
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Any:
    """Return an image sheared, scaled, turned clockwise and moved.

    Args:
        img: the image.
        angle: in degrees.
        translate: by how many pixels to the right and down.
        scale: by which factor.
        shear: in degrees, along x, or along both axes.
        interpolation: "nearest" or "bilinear" (Pillow: also "bicubic").
        fill: the colour outside.
        center: (x, y) of the point that is turned about (default: the middle).

    Raises:
        ValueError: the scale is not positive.
    """
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    shears = [float(shear), 0.0] if isinstance(shear, (int, float)) else [*map(float, shear), 0.0]
    mode = _mode_of(interpolation)
    _, h, w = get_dimensions(img)
    if is_pil_image(img):
        middle = [w * 0.5, h * 0.5] if center is None else center
        matrix = _pull_back(middle, angle, translate, scale, shears)
        colour = pillow_fill(fill, img)
        return img.transform((w, h), 0, matrix, PILLOW_MODES[mode], fillcolor=colour)
    middle = [0.0, 0.0] if center is None else [center[0] - w * 0.5, center[1] - h * 0.5]
    moved = [float(t) for t in translate]
    return _resample(img, _pull_back(middle, angle, moved, scale, shears), (h, w), mode, fill)
