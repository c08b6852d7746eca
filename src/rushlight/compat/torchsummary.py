"""The package torchsummary: `summary(model, (1, 28, 28))`."""

from __future__ import annotations

from typing import Any

from ..utils import summary as _tables

__all__ = ["summary"]


def summary(model: Any, input_size: Any, batch_size: int = -1, device: str = "cuda") -> None:
    """Print the layers of a model as they run; see `rushlight.utils.summary.summary`.

    Sizes leave the batch out. The model is run where it is, whatever `device` says.
    """
    _tables.summary(model, input_size, batch_size, style="torchsummary")
