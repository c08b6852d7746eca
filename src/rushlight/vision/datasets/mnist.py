"""MNIST and the datasets of the same form."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..._tensor import Tensor, wrap
from .download import fetch
from .idx import read_idx
from .vision import VisionDataset, folder, image_from

_FILES = {
    True: ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    False: ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


class MNIST(VisionDataset):
    """Handwritten digits, 28x28: 60,000 to train on and 10,000 to test.

    Args:
        root: a folder that holds (or will hold) `MNIST/raw/` with the four files, as torchvision's.
        train: the training part, or the test part.
        transform: a function of the image (a Pillow image).
        target_transform: a function of the label (an int).
        download: fetch what is missing; every file's sum is checked.

    Attributes:
        data: all images, uint8 (N, 28, 28).
        targets: all labels, int64 (N).

    Raises:
        RuntimeError: the files are missing, or damaged.

    Reference:
        LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998.
    """

    mirrors = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes = [
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four",
        "5 - five", "6 - six", "7 - seven", "8 - eight", "9 - nine",
    ]  # fmt: skip

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
        self.data, self.targets = self._load()

    @property
    def raw_folder(self) -> str:
        """The folder with the files."""
        return str(folder(self.root) / type(self).__name__ / "raw")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class."""
        return {name: i for i, name in enumerate(self.classes)}

    @property
    def train_labels(self) -> Tensor:
        """The labels; torchvision's older name."""
        return self.targets

    test_labels = train_labels

    @property
    def train_data(self) -> Tensor:
        """The images; torchvision's older name."""
        return self.data

    test_data = train_data

    def _path(self, name: str) -> Path | None:
        """Return where a file is, unpacked or gzipped."""
        raw = Path(self.raw_folder)
        return next((p for p in (raw / name, raw / f"{name}.gz") if p.exists()), None)

    def _load(self) -> tuple[Tensor, Tensor]:
        paths = [self._path(name) for name in _FILES[self.train]]
        if None in paths:
            missing = [n for n, p in zip(_FILES[self.train], paths, strict=True) if p is None]
            raise RuntimeError(
                f"Dataset not found in {self.raw_folder} (no {' and no '.join(missing)}). You can "
                "use download=True to download it"
            )
        images, labels = (read_idx(p) for p in paths if p is not None)
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise RuntimeError(
                f"{self.raw_folder}: expected images (N, H, W) and as many labels, got "
                f"{images.shape} and {labels.shape}"
            )
        return wrap(images), wrap(labels.astype("int64"))

    def download(self) -> None:
        """Fetch the files that are missing."""
        for name, md5 in self.resources:
            if self._path(name.removesuffix(".gz")) is None:
                fetch([mirror + name for mirror in self.mirrors], Path(self.raw_folder) / name, md5)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = image_from(self.data.array[index])
        return self._apply(image, int(self.targets.array[index]))

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """Tell which part this is."""
        return f"Split: {'Train' if self.train else 'Test'}"


class FashionMNIST(MNIST):
    """Pictures of clothes in MNIST's form; the arguments are those of `MNIST`.

    Reference:
        Xiao, Rasul and Vollgraf, "Fashion-MNIST", 2017.
    """

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]  # fmt: skip


class KMNIST(MNIST):
    """Cursive Japanese characters in MNIST's form; the arguments are those of `MNIST`.

    Reference:
        Clanuwat et al., "Deep Learning for Classical Japanese Literature", 2018.
    """

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
