"""The options of `linear_cross_entropy`."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...backend import dtype as dtypes

_POLICIES = ("auto", "accurate", "balanced", "compact")
_ACCUMULATED = (None, dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)


@dataclasses.dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How the logits are cut into pieces in torch; here they are made whole in any case.

    Args:
        allow_retain_graph: accepted; a second backward is always possible.
        batch_chunk_size: rows in a piece.
        chunking_method: "auto", "aspect_ratio", "aspect_ratio:N" or None.
        acc_policy: "auto", "accurate", "balanced" or "compact".
        acc_dtype: dtype of what is accumulated; None: the operator chooses.

    Raises:
        ValueError: an option is none of these.

    Example:
        >>> rushlight.nn.LinearCrossEntropyOptions(batch_chunk_size=16).acc_policy
        'auto'
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        if self.acc_policy not in _POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}")
        if not _is_method(self.chunking_method):
            raise ValueError(f"invalid chunking_method: {self.chunking_method!r}")
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}")
        if self.acc_dtype not in _ACCUMULATED:
            names = ", ".join(map(str, _ACCUMULATED))
            raise ValueError(f"acc_dtype must be one of {{{names}}}, got {self.acc_dtype!r}")


def _is_method(method: str | None) -> bool:
    if method is None or method in ("auto", "aspect_ratio"):
        return True
    name, _, factor = method.partition(":")
    return name == "aspect_ratio" and factor.isdigit() and int(factor) > 0
