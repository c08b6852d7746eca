"""Transforms of images, under torchvision's names."""

from __future__ import annotations

from . import functional, v2
from ._classes import (
    Compose,
    ConvertImageDtype,
    InterpolationMode,
    Lambda,
    Normalize,
    PILToTensor,
    Resize,
    ToPILImage,
    ToTensor,
)

__all__ = [
    "Compose",
    "ConvertImageDtype",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Resize",
    "ToPILImage",
    "ToTensor",
    "functional",
    "v2",
]
