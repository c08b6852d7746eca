"""What the losses share: the argument `reduction`."""

from __future__ import annotations

import warnings

from .._tensor import Tensor

_REDUCTIONS = ("none", "mean", "sum")


def legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """Translate torch's old pair of flags, with a warning."""
    reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{reduction}' "
        "instead.",
        stacklevel=5,
    )
    return reduction


def read_reduction(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """Return the reduction, from torch's legacy arguments if they are given."""
    if size_average is not None or reduce is not None:
        return legacy_reduction(size_average, reduce)
    if reduction not in _REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(each: Tensor, reduction: str) -> Tensor:
    """Return the mean or the sum of the losses of all samples, or the losses themselves."""
    if reduction == "mean":
        return each.mean()
    return each.sum() if reduction == "sum" else each
