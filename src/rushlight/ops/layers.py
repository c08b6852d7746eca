"""The operators of layers, losses, linear algebra and Fourier transforms: what loads late.

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
    fourier,
    grid,
    linalg_cholesky,
    linalg_distances,
    linalg_eigen,
    linalg_lu,
    linalg_norms,
    linalg_products,
    linalg_qr,
    linalg_rank,
    linalg_solve,
    loss,
    norm,
    padding,
    pool,
    recurrent,
    resize,
    short_time_fourier,
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
    "fourier",
    "grid",
    "linalg_cholesky",
    "linalg_distances",
    "linalg_eigen",
    "linalg_lu",
    "linalg_norms",
    "linalg_products",
    "linalg_qr",
    "linalg_rank",
    "linalg_solve",
    "loss",
    "norm",
    "padding",
    "pool",
    "recurrent",
    "resize",
    "short_time_fourier",
    "windows",
]
