"""Images in folders, one folder for each class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .vision import VisionDataset

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

Samples = list[tuple[str, int]]


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Tell whether a name ends in one of the extensions, in capitals or not."""
    return filename.lower().endswith(extensions)


def is_image_file(filename: str) -> bool:
    """Tell whether a name is that of an image."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def pil_loader(path: str | os.PathLike[str]) -> Any:
    """Read an image in colour."""
    from PIL import Image

    with open(path, "rb") as file:
        return Image.open(file).convert("RGB")


default_loader = pil_loader


def find_classes(directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
    """Return the names of the folders in order, and their numbers.

    Raises:
        FileNotFoundError: there are none.
    """
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(
    directory: str | os.PathLike[str],
    class_to_idx: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> Samples:
    """Return (path, label) of all files in the folders of the classes, and the folders inside.

    Args:
        directory: where the folders are.
        class_to_idx: their labels (default: what `find_classes` says).
        extensions: how names of files end that count, or
        is_valid_file: a function that tells it of a path.
        allow_empty: let a class have no files.

    Raises:
        ValueError: both or neither of `extensions` and `is_valid_file` are given.
        FileNotFoundError: a class has no files.
    """
    root = os.path.expanduser(directory)
    if class_to_idx is None:
        class_to_idx = find_classes(root)[1]
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError(
            "Both extensions and is_valid_file cannot be None or not None at the same time"
        )

    def counts(path: str) -> bool:
        if is_valid_file is not None:
            return is_valid_file(path)
        return has_file_allowed_extension(path, extensions)  # type: ignore[arg-type]

    samples: Samples = []
    empty = set(class_to_idx)
    for name in sorted(class_to_idx):
        for place, _, files in sorted(os.walk(os.path.join(root, name), followlinks=True)):
            paths = (os.path.join(place, file) for file in sorted(files))
            found = [(path, class_to_idx[name]) for path in paths if counts(path)]
            samples += found
            if found:
                empty.discard(name)
    if empty and not allow_empty:
        names = f"Found no valid file for the classes {', '.join(sorted(empty))}. "
        if extensions is not None:
            kinds = extensions if isinstance(extensions, str) else ", ".join(extensions)
            names += f"Supported extensions are: {kinds}"
        raise FileNotFoundError(names)
    return samples


class DatasetFolder(VisionDataset):
    """Files in folders: `root/class_x/name.ext`.

    Args:
        root: where the folders are.
        loader: reads a file.
        extensions: how names of files end that count, or
        transform: a function of the sample.
        target_transform: a function of the label.
        is_valid_file: a function that tells of a path whether it counts.
        allow_empty: let a class have no files.

    Attributes:
        classes: the names of the folders.
        class_to_idx: their labels.
        samples: (path, label) of each file.
        targets: the labels of the files.

    Raises:
        FileNotFoundError: there are no folders, or one has no files.
    """

    def __init__(
        self,
        root: str | Path,
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes, self.class_to_idx = self.find_classes(self.root)  # type: ignore[arg-type]
        self.samples = self.make_dataset(
            self.root,  # type: ignore[arg-type]
            self.class_to_idx,
            extensions,
            is_valid_file,
            allow_empty=allow_empty,
        )
        self.loader, self.extensions = loader, extensions
        self.targets = [label for _, label in self.samples]

    make_dataset = staticmethod(make_dataset)

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """Return the classes and their labels; a subclass may find others."""
        return find_classes(directory)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self._apply(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Images in folders: `root/dog/1.png`, `root/cat/1.png`; see `DatasetFolder`.

    Args:
        root: where the folders are.
        transform: a function of the image (a Pillow image).
        target_transform: a function of the label.
        loader: reads a file.
        is_valid_file: a function that tells of a path whether it counts.
        allow_empty: let a class have no files.
    """

    def __init__(
        self,
        root: str | Path,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ):
        super().__init__(
            root,
            loader,
            IMG_EXTENSIONS if is_valid_file is None else None,
            transform=transform,
            target_transform=target_transform,
            is_valid_file=is_valid_file,
            allow_empty=allow_empty,
        )
        self.imgs = self.samples
