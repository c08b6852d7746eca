"""What image datasets share: a root folder and transforms."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...utils.data import Dataset


class VisionDataset(Dataset[Any]):
    """A dataset in a folder, with transforms for samples and targets.

    Args:
        root: the folder.
        transforms: a function of sample and target together, or
        transform: a function of the sample, and
        target_transform: a function of the target.
    """

    _repr_indent = 4

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Callable[..., Any] | None = None,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
    ):
        self.root = os.path.expanduser(root) if isinstance(root, str) else root
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError(
                "Only transforms or transform/target_transform can be passed as argument"
            )
        self.transform, self.target_transform, self.transforms = (
            transform,
            target_transform,
            transforms,
        )

    def _apply(self, sample: Any, target: Any) -> tuple[Any, Any]:
        if self.transforms is not None:
            pair: tuple[Any, Any] = self.transforms(sample, target)
            return pair
        if self.transform is not None:
            sample = self.transform(sample)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return sample, target

    def __len__(self) -> int:
        raise NotImplementedError

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"Root location: {self.root}")
        lines += [line for line in self.extra_repr().splitlines() if line]
        if self.transform is not None or self.target_transform is not None:
            own = ["StandardTransform"]
            for label, function in (
                ("Transform: ", self.transform),
                ("Target transform: ", self.target_transform),
            ):
                if function is not None:
                    first, *rest = repr(function).splitlines()
                    own.append(label + first)
                    own += [" " * len(label) + line for line in rest]
            lines.append("\n".join(own))  # torchvision indents the first of them only
        elif self.transforms is not None:
            lines.append(repr(self.transforms))
        return "\n".join(
            [f"Dataset {type(self).__name__}", *(" " * self._repr_indent + line for line in lines)]
        )

    def extra_repr(self) -> str:
        """Return further lines of the printed form."""
        return ""


def image_from(array: Any, mode: str | None = None) -> Any:
    """Return a Pillow image of a uint8 array.

    Raises:
        ImportError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        from ...errors import missing_extra

        raise missing_extra(
            "pillow", "vision", "image datasets without a tensor transform"
        ) from None
    return Image.fromarray(array, mode=mode) if mode else Image.fromarray(array)


def folder(root: Any) -> Path:
    """Return a dataset's root as a path.

    Raises:
        ValueError: there is none.
    """
    if root is None:
        raise ValueError("this dataset needs a root folder")
    return Path(root).expanduser()
