"""Random images, for trying a program out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.sampling import randint, randn
from ...random import get_rng_state, manual_seed, set_rng_state
from .vision import VisionDataset, image_from


class FakeData(VisionDataset):
    """Random images with random labels, the same for the same index.

    Args:
        size: how many.
        image_size: (C, H, W).
        num_classes: how many labels.
        transform: a function of the image (a Pillow image).
        target_transform: a function of the label (an int).
        random_offset: added to the index to seed an image.
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        random_offset: int = 0,
    ):
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.size, self.num_classes, self.image_size = size, num_classes, image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        state = get_rng_state()
        manual_seed(index + self.random_offset)
        values = randn(*self.image_size)
        target = int(randint(0, self.num_classes, size=(1,)))
        set_rng_state(state)
        pixels = (values.array * 255).astype(np.int64).astype(np.uint8).transpose(1, 2, 0)
        image = image_from(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        return self._apply(image, target)

    def __len__(self) -> int:
        return self.size
