"""Cases of `ops/distance.py`."""

from __future__ import annotations

import numpy as np

from . import Err, OpCase, S


def _cosine(a, b, dim=1, eps=1e-8):
    return (a * b).sum(dim) / (np.linalg.norm(a, axis=dim) * np.linalg.norm(b, axis=dim))


def _pdist(x, p=2.0):
    return np.array(
        [np.linalg.norm(x[i] - x[j], p) for i in range(len(x)) for j in range(i + 1, len(x))]
    )


CASES = [
    OpCase(
        "pairwise_distance",
        [S((4, 3), (4, 3)), S((3,), (3,), p=1.0), S((4, 3), (1, 3), p=3.0, keepdim=True)],
        lambda a, b, p=2.0, eps=1e-6, keepdim=False: np.linalg.norm(
            a - b + eps, p, -1, keepdims=keepdim
        ),
    ),
    OpCase("cosine_similarity", [S((4, 3), (4, 3)), S((2, 3, 4), (3, 4), dim=-1)], _cosine),
    OpCase(
        "pdist",
        [S((4, 3)), S((4, 3), p=1.0)],
        _pdist,
        errors=[
            Err(S((3,)), RuntimeError, "pdist only supports 2D tensors, got: 1D"),
            Err(S((3, 2), p=-1.0), RuntimeError, "non-negative p"),
        ],
    ),
]
