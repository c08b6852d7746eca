"""CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .download import fetch, md5_of
from .vision import VisionDataset, folder, image_from


class CIFAR10(VisionDataset):
    """Colour images, 32x32, of ten kinds of things: 50,000 to train on and 10,000 to test.

    Args:
        root: a folder that holds (or will hold) `cifar-10-batches-py/`.
        train: the training part, or the test part.
        transform: a function of the image (a Pillow image).
        target_transform: a function of the label (an int).
        download: fetch the archive if files are missing; every file's sum is checked.

    Attributes:
        data: all images, a uint8 array (N, 32, 32, 3).
        targets: all labels, a list.
        classes: the names of the labels.

    Raises:
        RuntimeError: the files are missing, or damaged.

    Reference:
        Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list: tuple[tuple[str, str], ...] = (
        ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
        ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
        ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
        ("data_batch_4", "634d18415352ddfa80567beed471001a"),
        ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
    )
    test_list = (("test_batch", "40351d587109b95175f43aff81a1287e"),)
    meta = ("batches.meta", "label_names", "5ff9c542aee3614f3951f8cda6e48888")

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                "Dataset not found or corrupted. You can use download=True to download it"
            )
        parts = [self._read(name) for name, _ in self.train_list if train]
        parts += [self._read(name) for name, _ in self.test_list if not train]
        pixels = np.concatenate([part["data"] for part in parts])
        self.data = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.targets = [
            label for part in parts for label in part.get("labels", part.get("fine_labels"))
        ]
        file, key, _ = self.meta
        self.classes: list[str] = self._read(file)[key]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    @property
    def _place(self) -> Path:
        return folder(self.root) / self.base_folder

    def _read(self, name: str) -> Any:
        # A pickle runs code; this one is the published file, byte for byte.
        return pickle.loads((self._place / name).read_bytes(), encoding="latin1")

    def _check_integrity(self) -> bool:
        file, _, total = self.meta
        wanted = (*self.train_list, *self.test_list, (file, total))
        return all(
            (self._place / name).exists() and md5_of(self._place / name) == md5
            for name, md5 in wanted
        )

    def download(self) -> None:
        """Fetch and unpack the archive, unless all files are there."""
        if self._check_integrity():
            return
        archive = folder(self.root) / self.filename
        fetch([self.url], archive, self.tgz_md5)
        with tarfile.open(archive) as tar:
            tar.extractall(folder(self.root), filter="data")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._apply(image_from(self.data[index]), self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """Tell the part."""
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """The same with a hundred kinds of things; see `CIFAR10` for the arguments."""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = (("train", "16019d7e3df5f24257cddd939b257f8d"),)
    test_list = (("test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),)
    meta = ("meta", "fine_label_names", "7973b15100ade9c7d40fb424638fde48")
