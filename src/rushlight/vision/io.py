"""Image files as tensors, and back."""

from __future__ import annotations

import io
import os
from enum import Enum
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..backend.dtype import uint8
from .datasets.vision import image_from
from .transforms.functional import pil_to_tensor

__all__ = [
    "ImageReadMode",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "encode_jpeg",
    "encode_png",
    "read_file",
    "read_image",
    "write_file",
    "write_jpeg",
    "write_png",
]


class ImageReadMode(Enum):
    """The channels that an image is to have."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4


_PILLOW_MODES = {
    ImageReadMode.GRAY: "L",
    ImageReadMode.GRAY_ALPHA: "LA",
    ImageReadMode.RGB: "RGB",
    ImageReadMode.RGB_ALPHA: "RGBA",
}


def read_file(path: str | os.PathLike[str]) -> Tensor:
    """Return the bytes of a file as a uint8 tensor."""
    return wrap(np.fromfile(os.fspath(path), np.uint8))


def write_file(filename: str | os.PathLike[str], data: Tensor) -> None:
    """Write the bytes of a uint8 tensor to a file."""
    data.cpu().array.tofile(os.fspath(filename))


def decode_image(
    input: Tensor | str | os.PathLike[str],
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """Return an image of a file, or of its bytes, as a uint8 tensor (C, H, W).

    Args:
        input: a path, or the bytes.
        mode: the channels it is to have, or the mode's name.
        apply_exif_orientation: turn it as the camera that took it was held.

    Raises:
        RuntimeError: the bytes are not those of an image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    data = read_file(input) if not isinstance(input, Tensor) else input
    try:
        image: Any = Image.open(io.BytesIO(data.cpu().array.tobytes()))
        image.load()
    except UnidentifiedImageError:
        raise RuntimeError(
            "Unsupported image file. Only jpeg, png, webp and gif are currently supported."
        ) from None
    if apply_exif_orientation:
        image = ImageOps.exif_transpose(image)
    wanted = ImageReadMode[mode.upper()] if isinstance(mode, str) else mode
    if wanted is not ImageReadMode.UNCHANGED:
        image = image.convert(_PILLOW_MODES[wanted])
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):  # a palette, say
        image = image.convert("RGB")
    return pil_to_tensor(image)


read_image = decode_jpeg = decode_png = decode_image


def _encode(image: Tensor, format: str, **options: Any) -> Tensor:
    if image.dtype is not uint8 or image.ndim != 3 or image.shape[0] not in (1, 3):
        raise RuntimeError(
            f"write_{format}: expected a uint8 tensor (C, H, W) with 1 or 3 channels, got "
            f"{image.dtype} {tuple(image.shape)}"
        )
    array = image.cpu().array
    pixels = array[0] if array.shape[0] == 1 else np.ascontiguousarray(array.transpose(1, 2, 0))
    file = io.BytesIO()
    image_from(pixels).save(file, format=format, **options)
    return wrap(np.frombuffer(file.getvalue(), np.uint8).copy())


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """Return the bytes of a PNG file of an image (C, H, W)."""
    return _encode(input, "png", compress_level=compression_level)


def encode_jpeg(input: Tensor, quality: int = 75) -> Tensor:
    """Return the bytes of a JPEG file of an image (C, H, W)."""
    return _encode(input, "jpeg", quality=quality)


def write_png(input: Tensor, filename: str | os.PathLike[str], compression_level: int = 6) -> None:
    """Write an image (C, H, W) to a PNG file."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Tensor, filename: str | os.PathLike[str], quality: int = 75) -> None:
    """Write an image (C, H, W) to a JPEG file."""
    write_file(filename, encode_jpeg(input, quality))
