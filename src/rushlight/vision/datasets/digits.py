"""The digits that come with the package: 1,797 real ones, 8x8."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..._tensor import Tensor, wrap
from .vision import VisionDataset, image_from

_TEST_SHARE = 5  # every fifth digit is for testing


class Digits(VisionDataset):
    """Handwritten digits, 8x8 with 17 grey levels: 1,437 to train on and 360 to test.

    The test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI
    Machine Learning Repository, 1998, under CC BY 4.0; grey levels 0..16 are stretched to 0..255.

    Args:
        train: the training part, or the test part.
        transform: a function of the image (a Pillow image).
        target_transform: a function of the label (an int).

    Attributes:
        data: all images, uint8 (N, 8, 8).
        targets: all labels, int64 (N).

    Example:
        >>> len(rushlight.vision.datasets.Digits(train=False))
        360
    """

    classes = [str(digit) for digit in range(10)]

    def __init__(
        self,
        train: bool = True,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
    ):
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.train = train
        with np.load(Path(__file__).with_name("digits.npz")) as file:
            images, labels = file["images"], file["labels"]
        test = np.arange(len(labels)) % _TEST_SHARE == 0
        chosen = ~test if train else test
        stretched = np.round(images[chosen] * (255 / 16)).astype(np.uint8)
        self.data: Tensor = wrap(stretched)
        self.targets: Tensor = wrap(labels[chosen].astype(np.int64))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = image_from(self.data.array[index])
        return self._apply(image, int(self.targets.array[index]))

    def __len__(self) -> int:
        return len(self.data)
