"""Transforms under the names of torchvision's second interface."""

from __future__ import annotations

from typing import Any

from ... import nn
from ..._tensor import Tensor
from . import functional as F
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
from ._random import (
    CenterCrop,
    FiveCrop,
    Pad,
    RandomAffine,
    RandomApply,
    RandomChoice,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomOrder,
    RandomResizedCrop,
    RandomRotation,
    RandomVerticalFlip,
    TenCrop,
)
from ._random_colour import (
    ColorJitter,
    GaussianBlur,
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomGrayscale,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)


class ToImage:
    """A Pillow image or an array (H, W, C) becomes a tensor (C, H, W) of the same dtype."""

    def __call__(self, pic: Any) -> Tensor:
        """Convert one image."""
        if isinstance(pic, Tensor):
            return pic
        if F.is_pil_image(pic):
            return F.pil_to_tensor(pic)
        import numpy as np

        from ..._tensor import wrap

        array = np.asarray(pic)
        array = array[:, :, None] if array.ndim == 2 else array
        return wrap(np.ascontiguousarray(array.transpose(2, 0, 1)))

    def __repr__(self) -> str:
        return "ToImage()"


class ToDtype(nn.Module):
    """Another dtype; with `scale`, values are scaled from one range to the other.

    Args:
        dtype: the dtype.
        scale: whether to scale.
    """

    def __init__(self, dtype: Any, scale: bool = False):
        super().__init__()
        self.dtype, self.scale = dtype, scale

    def forward(self, image: Any) -> Any:
        """Convert a tensor; anything else is passed on."""
        if not isinstance(image, Tensor):
            return image
        return F.convert_image_dtype(image, self.dtype) if self.scale else image.to(self.dtype)

    def extra_repr(self) -> str:
        """Describe the transform."""
        return f"scale={self.scale}"


__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "FiveCrop",
    "GaussianBlur",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomApply",
    "RandomAutocontrast",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomOrder",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSolarize",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
    "ToDtype",
    "ToImage",
    "ToPILImage",
    "ToTensor",
]
