"""Brightness, contrast, hue and their like: of Pillow images, and of tensors (..., C, H, W)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import nn
from ..._tensor import Tensor
from ...backend import dtype as dtypes
from ...ops.creation import ones_like
from ...ops.joining import stack
from ...ops.ranges import linspace
from ..datasets.vision import image_from
from ._geometry import get_dimensions, is_pil_image

# Shares of red, green and blue in the brightness that is seen.
_BRIGHTNESS = (0.2989, 0.587, 0.114)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Return an image without colour, in one channel or in three equal ones.

    Raises:
        ValueError: another number of channels is wanted.
    """
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    if is_pil_image(img):
        grey = img.convert("L")
        return grey.convert("RGB") if num_output_channels == 3 else grey
    if get_dimensions(img)[0] == 1:
        grey = img.clone()
    else:
        red, green, blue = img.unbind(-3)
        parts = _BRIGHTNESS[0] * red + _BRIGHTNESS[1] * green + _BRIGHTNESS[2] * blue
        grey = parts.to(img.dtype).unsqueeze(-3)
    if num_output_channels == 1:
        return grey
    return grey.expand(*img.array.shape[:-3], 3, *img.array.shape[-2:])


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Return a Pillow image without colour."""
    if not is_pil_image(img):
        raise TypeError("Input should be PIL Image")
    return rgb_to_grayscale(img, num_output_channels)


def _blend(img: Tensor, other: Any, ratio: float) -> Tensor:
    top = 1.0 if img.dtype.is_floating_point else dtypes.iinfo(img.dtype).max
    ratio = float(ratio)  # a whole number would leave bytes bytes
    mixed: Tensor = ratio * img + (1.0 - ratio) * other
    return mixed.clamp(0, top).to(img.dtype)


def _enhance(kind: str, img: Any, factor: float) -> Any:
    from PIL import ImageEnhance

    return getattr(ImageEnhance, kind)(img).enhance(factor)


def _check_factor(name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """Return an image `brightness_factor` times as bright."""
    if is_pil_image(img):
        return _enhance("Brightness", img, brightness_factor)
    _check_factor("brightness_factor", brightness_factor)
    return _blend(img, 0.0, brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """Return an image with its distance to its mean grey changed by a factor."""
    if is_pil_image(img):
        return _enhance("Contrast", img, contrast_factor)
    _check_factor("contrast_factor", contrast_factor)
    real = img.dtype if img.dtype.is_floating_point else dtypes.float32
    grey = rgb_to_grayscale(img).to(real)
    return _blend(img, grey.mean(dim=(-3, -2, -1), keepdim=True), contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """Return an image with its distance to its own grey changed by a factor."""
    if is_pil_image(img):
        return _enhance("Color", img, saturation_factor)
    _check_factor("saturation_factor", saturation_factor)
    if get_dimensions(img)[0] == 1:
        return img
    return _blend(img, rgb_to_grayscale(img), saturation_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """Return an image with all hues moved round the circle by `hue_factor` of a full turn.

    Raises:
        ValueError: the factor is not in [-0.5, 0.5].
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if is_pil_image(img):
        return _adjust_hue_pillow(img, hue_factor)
    if get_dimensions(img)[0] == 1:
        return img
    real = img if img.dtype.is_floating_point else _to_unit(img)
    hue, saturation, value = _hsv(real).unbind(-3)
    turned = _rgb(stack([(hue + hue_factor) % 1.0, saturation, value], -3))
    return turned if img.dtype.is_floating_point else _from_unit(turned, img.dtype)


def _to_unit(img: Tensor) -> Tensor:
    return img.to(dtypes.float32) / dtypes.iinfo(img.dtype).max


def _from_unit(img: Tensor, dtype: dtypes.dtype) -> Tensor:
    # The top of the range is cut into as many parts as there are numbers.
    return (img * (dtypes.iinfo(dtype).max + 1.0 - 1e-3)).to(dtype)


def _adjust_hue_pillow(img: Any, hue_factor: float) -> Any:
    if img.mode in ("L", "1", "I", "F"):
        return img
    from PIL import Image

    hue, saturation, value = img.convert("HSV").split()
    turned = np.array(hue, np.uint8) + np.int32(hue_factor * 255).astype(np.uint8)  # wraps round
    bands = (image_from(turned, "L"), saturation, value)
    return Image.merge("HSV", bands).convert(img.mode)


def _hsv(img: Tensor) -> Tensor:
    """Return hue, saturation and value of red, green and blue, all in [0, 1]."""
    red, green, blue = img.unbind(-3)
    high, low = img.amax(-3), img.amin(-3)
    grey, spread = high == low, high - low
    one = ones_like(high)
    saturation = spread / one.where(grey, high)
    divisor = one.where(grey, spread)
    r, g, b = ((high - part) / divisor for part in (red, green, blue))
    is_red, is_green = high == red, high == green
    hue = (
        is_red * (b - g)
        + (is_green & ~is_red) * (2.0 + r - b)
        + (~is_green & ~is_red) * (4.0 + g - r)
    )
    return stack([(hue / 6.0 + 1.0).fmod(1.0), saturation, high], -3)


def _rgb(img: Tensor) -> Tensor:
    """Return red, green and blue of hue, saturation and value."""
    hue, saturation, value = img.unbind(-3)
    sector = (hue * 6.0).floor()
    within = hue * 6.0 - sector
    sector = sector % 6
    p = (value * (1.0 - saturation)).clamp(0.0, 1.0)
    q = (value * (1.0 - saturation * within)).clamp(0.0, 1.0)
    t = (value * (1.0 - saturation * (1.0 - within))).clamp(0.0, 1.0)
    # What red, green and blue are in each of the six sectors of the circle.
    choices = ((value, q, p, p, t, value), (t, value, value, q, p, p), (p, p, t, value, value, q))
    parts = []
    for row in choices:
        part = row[0]
        for number, choice in enumerate(row[1:], 1):
            part = choice.where(sector == number, part)
        parts.append(part)
    return stack(parts, -3)


def adjust_gamma(img: Any, gamma: float, gain: float = 1.0) -> Any:
    """Return gain * x^gamma for values x in [0, 1].

    Raises:
        ValueError: gamma is negative.
    """
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    if is_pil_image(img):
        table = [int((255 + 1 - 1e-3) * gain * pow(v / 255.0, gamma)) for v in range(256)]
        bands = img.convert("RGB") if img.mode not in ("L", "RGB") else img
        return bands.point(table * len(bands.getbands())).convert(img.mode)
    real = img if img.dtype.is_floating_point else _to_unit(img)
    result = (gain * real**gamma).clamp(0, 1)
    return result if img.dtype.is_floating_point else _from_unit(result, img.dtype)


def invert(img: Any) -> Any:
    """Return the negative of an image."""
    if is_pil_image(img):
        from PIL import ImageOps

        return ImageOps.invert(img)
    return (1 if img.dtype.is_floating_point else dtypes.iinfo(img.dtype).max) - img


def solarize(img: Any, threshold: float) -> Any:
    """Return an image whose values from `threshold` on are inverted."""
    if is_pil_image(img):
        from PIL import ImageOps

        return ImageOps.solarize(img, threshold)  # type: ignore[arg-type]
    return invert(img).where(img >= threshold, img)


def posterize(img: Any, bits: int) -> Any:
    """Return an image of bytes that keeps only the first `bits` of each."""
    if is_pil_image(img):
        from PIL import ImageOps

        return ImageOps.posterize(img, bits)
    if img.dtype is not dtypes.uint8:
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")
    return img & -int(2 ** (8 - bits)) % 256


def autocontrast(img: Any) -> Any:
    """Return an image whose channels reach from darkest to brightest."""
    if is_pil_image(img):
        from PIL import ImageOps

        return ImageOps.autocontrast(img)
    top = 1.0 if img.dtype.is_floating_point else float(dtypes.iinfo(img.dtype).max)
    real = img.to(img.dtype if img.dtype.is_floating_point else dtypes.float32)
    low, high = real.amin((-2, -1), keepdim=True), real.amax((-2, -1), keepdim=True)
    flat = low == high
    scale = ones_like(low).where(flat, top / (high - low))
    low = low.masked_fill(flat, 0)
    return ((real - low) * scale).clamp(0, top).to(img.dtype)


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """Return an image with its distance to its own blur changed by a factor."""
    if is_pil_image(img):
        return _enhance("Sharpness", img, sharpness_factor)
    _check_factor("sharpness_factor", sharpness_factor)
    channels, h, w = get_dimensions(img)
    if h <= 2 or w <= 2:
        return img
    weight = ones_like(img[..., :1, :1, :1].reshape(-1)[:1], dtype=dtypes.float32)
    kernel = weight.expand(channels, 1, 3, 3).clone()
    kernel[..., 1, 1] = 5.0
    real = img.to(img.dtype if img.dtype.is_floating_point else dtypes.float32)
    batch = real.reshape(-1, channels, h, w)
    inner = nn.functional.conv2d(batch, (kernel / 13).to(batch.dtype), groups=channels)
    inner = inner.reshape(*img.array.shape[:-2], h - 2, w - 2)
    blurred = img.clone()
    rounded = inner if img.dtype.is_floating_point else inner.round()
    blurred[..., 1:-1, 1:-1] = rounded.to(img.dtype)
    return _blend(img, blurred, sharpness_factor)


def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """Return an image blurred by the normal distribution.

    Args:
        img: the image.
        kernel_size: (width, height) of the kernel, odd, or one number.
        sigma: deviations along x and y, or one number (default: 0.15 width + 0.35).

    Raises:
        ValueError: a size is even or not positive, or a deviation is not positive.
    """
    sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else [*kernel_size]
    sizes = sizes * 2 if len(sizes) == 1 else sizes
    if any(size % 2 == 0 or size < 1 for size in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {sizes}")
    if sigma is None:
        sigma = [size * 0.15 + 0.35 for size in sizes]
    deviations = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else [*map(float, sigma)]
    deviations = deviations * 2 if len(deviations) == 1 else deviations
    if any(deviation <= 0.0 for deviation in deviations):
        raise ValueError(f"sigma should have positive values. Got {deviations}")
    if is_pil_image(img):
        from .functional import pil_to_tensor, to_pil_image

        blurred = gaussian_blur(pil_to_tensor(img), sizes, deviations)
        return to_pil_image(blurred, img.mode)
    return _blur(img, sizes, deviations)


def _blur(img: Tensor, sizes: Sequence[int], deviations: Sequence[float]) -> Tensor:
    real = img if img.dtype.is_floating_point else img.to(dtypes.float32)
    columns, rows = (_bell(n, s, real.dtype) for n, s in zip(sizes, deviations, strict=True))
    channels = get_dimensions(img)[0]
    weight = (rows[:, None] * columns[None, :]).expand(channels, 1, -1, -1)
    batch = real.reshape(-1, channels, *real.array.shape[-2:])
    x, y = sizes[0] // 2, sizes[1] // 2
    padded = nn.functional.pad(batch, (x, x, y, y), mode="reflect")
    result = nn.functional.conv2d(padded, weight, groups=channels).reshape(img.array.shape)
    return result if img.dtype.is_floating_point else result.round().to(img.dtype)


def _bell(size: int, deviation: float, dtype: dtypes.dtype) -> Tensor:
    half = (size - 1) * 0.5
    values = (-0.5 * (linspace(-half, half, size, dtype=dtype) / deviation) ** 2).exp()
    return values / values.sum()
