"""Pictures for event files: arrays in any layout to 8-bit pixels to PNG."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def to_pixels(image: np.ndarray[Any, Any], dataformats: str) -> np.ndarray[Any, Any]:
    """Return an image, or a batch laid out as a grid, as uint8 of shape (H, W, C).

    Values of uint8 are taken as they are, any others as lying between 0 and 1. A single channel
    becomes three; NaN becomes 0.
    """
    layout = dataformats.upper()
    if len(set(layout)) != len(layout):
        raise AssertionError(f"add_image: a letter occurs twice in dataformats {dataformats!r}")
    if sorted(layout) not in (sorted("HW"), sorted("CHW"), sorted("NCHW")):
        raise ValueError(
            "add_image: expected dataformats to be an order of 'HW', 'CHW' or 'NCHW', "
            f"got {dataformats!r}"
        )
    if image.ndim != len(layout):
        raise AssertionError(
            f"add_image: expected {len(layout)} dimensions for dataformats {dataformats!r}, "
            f"got shape {image.shape}"
        )
    if "C" not in layout:
        image, layout = image[..., None], layout + "C"
    if "N" in layout:
        image = grid(image.transpose([layout.index(letter) for letter in "NHWC"]))
    else:
        image = image.transpose([layout.index(letter) for letter in "HWC"])
    if image.dtype != np.uint8:
        image = np.nan_to_num(np.clip(image.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def grid(images: np.ndarray[Any, Any], columns: int = 8) -> np.ndarray[Any, Any]:
    """Lay a batch (N, H, W, C) out row by row as one image."""
    count, height, width, channels = images.shape
    columns = max(1, min(count, columns))
    rows = -(-count // columns)
    cells: np.ndarray[Any, Any] = np.zeros((rows * columns, height, width, channels), images.dtype)
    cells[:count] = images
    cells = cells.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return cells.reshape(rows * height, columns * width, channels)


def encode_png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Encode uint8 pixels (H, W, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA."""
    height, width, channels = pixels.shape
    if channels not in _COLOR_TYPES or not pixels.size:
        raise ValueError(f"add_image: expected 1 to 4 channels and some pixels, got {pixels.shape}")
    # Every line begins with the number of its filter: 0, none.
    lines = np.zeros((height, 1 + width * channels), np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def figure_to_pixels(figure: Any, close: bool) -> np.ndarray[Any, Any]:
    """Draw a matplotlib figure off screen; returns uint8 of shape (H, W, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    pixels: np.ndarray[Any, Any] = np.array(canvas.buffer_rgba())[..., :3]
    if close:
        from matplotlib import pyplot

        pyplot.close(figure)
    return pixels
