"""The release of rushlight, and the PyTorch release whose names and behaviour it follows.

`pyproject.toml` reads `__version__` from here. While `import torch` means rushlight
(`rushlight.compat`), `torch.__version__` is that of `TORCH_RELEASES` instead, so that a script's
version checks take the branch written for that PyTorch.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

__version__ = "0.1.0"

# The packages whose place rushlight takes for an unchanged PyTorch script, and which release of
# each its names and behaviour follow.
TORCH_RELEASES = {
    "torch": "2.13.0+rushlight",
    "torchinfo": "1.8.0+rushlight",
    "torchsummary": "1.5.1+rushlight",
    "torchvision": "0.28.0+rushlight",
}

# What `torch.version` answers besides `__version__`; `cuda` is found out when asked for.
debug = False
git_version = "unknown"
hip = None
rocm = None
xpu = None

_PATTERN = (
    r"v?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<stage>dev|a|b|rc|post)[-_.]?(?P<number>\d*))?"
    r"[^+]*(?:\+(?P<local>.*))?"
)
_STAGES = {"dev": -4, "a": -3, "b": -2, "rc": -1, None: 0, "post": 1}
_SortKey = tuple[tuple[int, ...], int, int, str]


def _sort_key(version: Any) -> _SortKey:
    """Return what orders versions: release, stage (dev < a < b < rc < final < post), local part.

    Raises:
        ValueError: `version` does not look like a version.
    """
    if isinstance(version, (tuple, list)):
        version = ".".join(map(str, version))
    match = re.fullmatch(_PATTERN, str(version).strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"not a version: {version!r}")
    release = tuple(int(part) for part in match["release"].split("."))
    while release and release[-1] == 0:
        release = release[:-1]
    stage = match["stage"].lower() if match["stage"] else None
    return release, _STAGES[stage], int(match["number"] or 0), match["local"] or ""


class TorchVersion(str):
    """A version string that compares as a version: with strings, tuples and `packaging`'s Version.

    Example:
        >>> version = rushlight.version.TorchVersion("2.13.0+rushlight")
        >>> version >= (2, 4), version > "2.9", version < "2.13.1"
        (True, True, True)
    """

    __slots__ = ()

    def _compare(self, other: Any, compare: Callable[[Any, Any], bool]) -> bool:
        try:
            return compare(_sort_key(self), _sort_key(other))
        except ValueError:
            return compare(str(self), str(other))

    def __eq__(self, other: object) -> bool:
        return self._compare(other, operator.eq)

    def __ne__(self, other: object) -> bool:
        return self._compare(other, operator.ne)

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, operator.lt)

    def __le__(self, other: Any) -> bool:
        return self._compare(other, operator.le)

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, operator.gt)

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, operator.ge)

    __hash__ = str.__hash__


def torch_release(package: str) -> TorchVersion:
    """Return the release of a package of `TORCH_RELEASES` that rushlight stands in for."""
    return TorchVersion(TORCH_RELEASES[package])


def __getattr__(name: str) -> Any:
    if name == "cuda":
        from .backend.cuda import runtime_version

        return runtime_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
