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


def broadcast_error(name: str, shapes: list[tuple[int, ...]]) -> RuntimeError:
    """Build the error for operands whose shapes do not broadcast."""
    ndim = max(map(len, shapes), default=0)
    for axis in range(-1, -ndim - 1, -1):
        extents = [shape[axis] for shape in shapes if len(shape) >= -axis and shape[axis] != 1]
        if len(set(extents)) > 1:
            return RuntimeError(
                f"The size of tensor a ({extents[0]}) must match the size of tensor b "
                f"({extents[1]}) at non-singleton dimension {ndim + axis} ({name}: shapes "
                f"{', '.join(str(list(shape)) for shape in shapes)})"
            )
    return RuntimeError(
        f"{name}: shapes {', '.join(str(list(shape)) for shape in shapes)} do not broadcast"
    )


def missing_extra(package: str, extra: str, needed_for: str) -> ImportError:
    """Build the error for a package that an extra would have installed."""
    return ImportError(
        f"{needed_for} needs the package '{package}': pip install 'rushlight[{extra}]'"
    )
