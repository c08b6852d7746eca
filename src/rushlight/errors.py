"""Exceptions that are rushlight's own, and the words several operators share."""

from __future__ import annotations


class RushlightWarning(UserWarning):
    """Something works, but not as well as it could (a missing compiler, a slow path)."""


class OutOfMemoryError(RuntimeError):
    """The device has no memory left for an allocation."""


def wrap_dim(dim: int, ndim: int) -> int:
    """Return `dim` counted from the front.

    Raises:
        IndexError: `dim` lies outside [-ndim, ndim - 1] (a 0-d tensor counts as 1-d).
    """
    span = ndim or 1
    if -span <= dim < span:
        return dim + span if dim < 0 else dim
    raise IndexError(
        f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})"
    )


def missing_extra(package: str, extra: str, needed_for: str) -> ImportError:
    """Build the error for a package that an extra would have installed."""
    return ImportError(
        f"{needed_for} needs the package '{package}': pip install 'rushlight[{extra}]'"
    )
