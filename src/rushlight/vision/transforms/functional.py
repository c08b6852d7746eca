"""The functions behind the transforms: Pillow images, arrays and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._tensor import Tensor, wrap
from ...backend import dtype as dtypes
from ...ops.resize import interpolate
from ._colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    adjust_sharpness,
    autocontrast,
    gaussian_blur,
    invert,
    posterize,
    rgb_to_grayscale,
    solarize,
    to_grayscale,
)
from ._geometry import (
    PILLOW_MODES,
    affine,
    center_crop,
    crop,
    erase,
    five_crop,
    get_dimensions,
    get_image_num_channels,
    get_image_size,
    hflip,
    is_pil_image,
    pad,
    rotate,
    ten_crop,
    vflip,
)

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "affine",
    "autocontrast",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "erase",
    "five_crop",
    "gaussian_blur",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "invert",
    "is_pil_image",
    "normalize",
    "pad",
    "pil_to_tensor",
    "posterize",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "solarize",
    "ten_crop",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]


def pil_to_tensor(pic: Any) -> Tensor:
    """Return a Pillow image as a uint8 tensor (C, H, W)."""
    if not is_pil_image(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    array = np.array(pic, copy=True)
    array = array[:, :, None] if array.ndim == 2 else array
    return wrap(np.ascontiguousarray(array.transpose(2, 0, 1)))


def to_tensor(pic: Any) -> Tensor:
    """Return an image (H, W) or (H, W, C) as a tensor (C, H, W); bytes become float32 in [0, 1].

    Raises:
        TypeError: `pic` is neither a Pillow image nor a NumPy array.
        ValueError: an array has not 2 or 3 dimensions.
    """
    if is_pil_image(pic):
        values = pil_to_tensor(pic).array
        if pic.mode == "1":
            return wrap(values.astype(np.float32))
    elif isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        shaped = pic[:, :, None] if pic.ndim == 2 else pic
        values = np.ascontiguousarray(shaped.transpose(2, 0, 1))
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    if values.dtype == np.uint8:
        real = dtypes.get_default_dtype().numpy
        return wrap(values.astype(real) / real.type(255))
    return wrap(values)


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """Return a tensor (C, H, W) or an array (H, W, C) as a Pillow image."""
    from ..datasets.vision import image_from

    if isinstance(pic, Tensor):
        array = pic.detach().cpu().array
        if array.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
        if array.dtype.kind == "f" and mode != "F":
            array = (array * 255).astype(np.uint8)
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
    elif isinstance(pic, np.ndarray):
        array = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    return image_from(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array, mode)


def normalize(
    tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False
) -> Tensor:
    """Return (x - mean) / std for each channel of (..., C, H, W).

    Raises:
        TypeError: the tensor does not hold floats.
        ValueError: a deviation is 0.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.dtype.is_floating_point:
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError(
            "Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = "
            f"{tensor.shape}"
        )
    kind = tensor.array.dtype
    centre, spread = np.asarray(mean, kind), np.asarray(std, kind)
    if (spread == 0).any():
        raise ValueError(
            f"std evaluated to zero after conversion to {tensor.dtype}, leading "
            "to division by zero."
        )
    result = tensor if inplace else tensor.clone()
    result.sub_(wrap(_per_channel(centre))).div_(wrap(_per_channel(spread)))
    return result


def _per_channel(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values.reshape(-1, 1, 1) if values.ndim == 1 else values


def _new_size(height: int, width: int, size: Any, max_size: int | None) -> tuple[int, int]:
    """Return the size of a resized image: an int is the length of the shorter side."""
    if not isinstance(size, int) and len(size) == 2:
        return int(size[0]), int(size[1])
    wanted = size if isinstance(size, int) else int(size[0])
    short, long = min(height, width), max(height, width)
    new_long = int(wanted * long / short)
    new_short = wanted
    if max_size is not None:
        if max_size <= wanted:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested size for the "
                f"smaller edge size = {size}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_long, new_short) if height > width else (new_short, new_long)


def resize(
    img: Any,
    size: Any,
    interpolation: Any = "bilinear",
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """Return an image in another size; a single number is the length of the shorter side."""
    mode = str(getattr(interpolation, "value", interpolation))
    if is_pil_image(img):
        height, width = _new_size(img.height, img.width, size, max_size)
        return img.resize((width, height), PILLOW_MODES[mode])
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    target = _new_size(img.array.shape[-2], img.array.shape[-1], size, max_size)
    batch = img.reshape(-1, *img.array.shape[-3:])
    whole = not img.dtype.is_floating_point
    values = batch.to(dtypes.float32) if whole else batch
    smooth = mode in ("bilinear", "bicubic")
    result = interpolate(
        values,
        target,
        mode=mode,
        align_corners=False if smooth else None,
        antialias=bool(antialias and smooth),
    )
    if whole:
        limits = dtypes.iinfo(img.dtype)
        result = result.round().clamp(limits.min, limits.max).to(img.dtype)
    return result.reshape(*img.array.shape[:-2], *target)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = "bilinear",
    antialias: bool | None = True,
) -> Any:
    """Return a part of an image in another size."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def convert_image_dtype(image: Tensor, dtype: dtypes.dtype = dtypes.float32) -> Tensor:
    """Return an image in another dtype, its values scaled from one range to the other."""
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    source = image.dtype
    if source is dtype:
        return image
    if source.is_floating_point:
        if dtype.is_floating_point:
            return image.to(dtype)
        top = dtypes.iinfo(dtype).max
        return (image * (top + 1.0 - 1e-3)).to(dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / dtypes.iinfo(source).max
    old, new = dtypes.iinfo(source).max, dtypes.iinfo(dtype).max
    if old > new:
        return image.div((old + 1) // (new + 1), rounding_mode="floor").to(dtype)
    return image.to(dtype) * ((new + 1) // (old + 1))
