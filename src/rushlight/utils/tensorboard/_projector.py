"""Files for TensorBoard's embedding projector: vectors, labels and thumbnails."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from ._images import encode_png, grid, to_pixels

_CONFIG = "projector_config.pbtxt"


def write_embedding(
    log_dir: str,
    vectors: np.ndarray[Any, Any],
    labels: Sequence[Any] | None,
    images: np.ndarray[Any, Any] | None,
    header: Sequence[str] | None,
    tag: str,
    step: int,
) -> str:
    """Write one embedding's files and return its entry in the projector's configuration."""
    if vectors.ndim != 2:
        raise AssertionError(f"add_embedding: expected mat of shape (N, D), got {vectors.shape}")
    for what, rows in (("metadata", labels), ("label_img", images)):
        if rows is not None and len(rows) != len(vectors):
            raise AssertionError(
                f"add_embedding: expected {len(vectors)} rows of {what}, got {len(rows)}"
            )
    subdir = f"{step:05d}/{quote(tag, safe='')}"
    folder = os.path.join(log_dir, subdir)
    os.makedirs(folder, exist_ok=True)
    fields = {"tensor_name": f"{tag}:{step:05d}", "tensor_path": f"{subdir}/tensors.tsv"}
    _write_tsv(os.path.join(folder, "tensors.tsv"), vectors.tolist())
    if labels is not None:
        rows = [row if header else [row] for row in labels]
        _write_tsv(os.path.join(folder, "metadata.tsv"), [header, *rows] if header else rows)
        fields["metadata_path"] = f"{subdir}/metadata.tsv"
    entry = "".join(f"  {name}: {json.dumps(value)}\n" for name, value in fields.items())
    if images is not None:
        with open(os.path.join(folder, "sprite.png"), "wb") as file:
            file.write(encode_png(_sprite(images)))
        height, width = images.shape[2:]
        sizes = f"    single_image_dim: {width}\n    single_image_dim: {height}\n"
        path = json.dumps(f"{subdir}/sprite.png")
        entry += f"  sprite {{\n    image_path: {path}\n{sizes}  }}\n"
    return f"embeddings {{\n{entry}}}\n"


def write_config(log_dir: str, entries: Sequence[str]) -> None:
    """Write the configuration that lists every embedding in `log_dir`."""
    with open(os.path.join(log_dir, _CONFIG), "w", encoding="utf-8") as file:
        file.write("".join(entries))


def _write_tsv(path: str, rows: Sequence[Sequence[Any]]) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines("\t".join(map(str, row)) + "\n" for row in rows)


def _sprite(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Lay thumbnails (N, C, H, W) out in as many rows as columns, as the projector expects."""
    side = math.ceil(math.sqrt(len(images)))
    blank = np.zeros((side * side - len(images), *images.shape[1:]), images.dtype)
    sheet = grid(np.concatenate((images, blank)).transpose(0, 2, 3, 1), side)
    return to_pixels(sheet, "HWC")
