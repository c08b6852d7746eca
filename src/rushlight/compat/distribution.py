"""The packages that rushlight stands in for, as `importlib.metadata` sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution
from os import PathLike
from pathlib import Path
from typing import Any

from ..version import TORCH_RELEASES

PACKAGE = Path(__file__).parent.parent


class AliasDistribution(Distribution):
    """The record of an installed package that has a name and a version, and no files."""

    def __init__(self, name: str):
        self._name = name

    def read_text(self, filename: str | PathLike[str]) -> str | None:
        """Return a file of the record; there is only METADATA and top_level.txt."""
        if filename == "METADATA":
            version = TORCH_RELEASES[self._name]
            return f"Metadata-Version: 2.1\nName: {self._name}\nVersion: {version}\n"
        return f"{self._name}\n" if filename == "top_level.txt" else None

    def locate_file(self, path: str | PathLike[str]) -> Any:
        """Return the place of a file of the package."""
        return PACKAGE / path


def distributions(name: str | None) -> Iterator[AliasDistribution]:
    """Yield the record of package `name`, of all packages if it is None."""
    wanted = None if name is None else re.sub(r"[-_.]+", "-", name).lower()
    for known in TORCH_RELEASES:
        if wanted in (None, known):
            yield AliasDistribution(known)
