"""The operators of layers and losses: the families that give Tensor no methods.

`rushlight.nn.functional` loads them, and so does asking `rushlight` for one of their names.
"""

from __future__ import annotations

from . import (
    attention,
    conv,
    ctc,
    distance,
    dropout,
    embedding,
    fold,
    grid,
    loss,
    norm,
    padding,
    pool,
    resize,
    windows,
)

__all__ = [
    "attention",
    "conv",
    "ctc",
    "distance",
    "dropout",
    "embedding",
    "fold",
    "grid",
    "loss",
    "norm",
    "padding",
    "pool",
    "resize",
    "windows",
]
