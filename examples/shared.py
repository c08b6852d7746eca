"""What the examples share: where data are, and pictures in a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

INK = " .:-=+*#%@"


def data_file(*parts: str) -> Path:
    """Return a file below the folder that RUSHLIGHT_DATA names."""
    root = os.environ.get("RUSHLIGHT_DATA")
    if not root or not Path(root, *parts).exists():
        name = "/".join(parts)
        sys.exit(f"this example reads {name}: put it into a folder and set RUSHLIGHT_DATA to that")
    return Path(root, *parts)


def pictures(images) -> str:
    """Draw grey images (N, H, W) in 0..1 side by side, a character per pixel, doubled in width."""
    levels = (images.clamp(0, 1) * (len(INK) - 1)).round().long()
    rows = levels.transpose(0, 1).tolist()  # (H, N, W)
    return "\n".join(
        "  ".join("".join(2 * INK[level] for level in line) for line in row) for row in rows
    )
