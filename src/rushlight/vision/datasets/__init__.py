"""Image datasets."""

from __future__ import annotations

from .digits import Digits
from .fakedata import FakeData
from .mnist import KMNIST, MNIST, FashionMNIST
from .vision import VisionDataset

__all__ = ["MNIST", "Digits", "FakeData", "FashionMNIST", "KMNIST", "VisionDataset"]
