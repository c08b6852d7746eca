"""The package torchinfo: `summary(model, input_size=(64, 1, 28, 28))`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..utils import summary as _tables
from ..utils.summary import ModelStatistics

__all__ = ["ModelStatistics", "summary"]


def summary(
    model: Any,
    input_size: Any = None,
    input_data: Any = None,
    batch_dim: int | None = None,
    cache_forward_pass: bool | None = None,
    col_names: Iterable[str] | None = None,
    col_width: int = 25,
    depth: int = 3,
    device: Any = None,
    dtypes: Sequence[Any] | None = None,
    mode: str | None = None,
    row_settings: Iterable[str] | None = None,
    verbose: int | None = None,
    **kwargs: Any,
) -> ModelStatistics:
    """Print a model as a tree of layers; see `rushlight.utils.summary.summary`.

    The arguments stand in torchinfo's order here, and sizes include the batch.
    """
    statistics = _tables.summary(
        model,
        input_size,
        device=device,
        input_data=input_data,
        batch_dim=batch_dim,
        col_names=col_names,
        col_width=col_width,
        depth=depth,
        dtypes=dtypes,
        mode=mode,
        row_settings=row_settings,
        verbose=verbose,
        cache_forward_pass=cache_forward_pass,
        style="torchinfo",
        **kwargs,
    )
    assert statistics is not None  # only torchsummary's style returns nothing
    return statistics
