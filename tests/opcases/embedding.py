"""Cases of `ops/embedding.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, HALVES, Err, OpCase, S, ints

ALL_FLOATS = (*FLOATS, *HALVES)


def _bags(index, weight, offsets=None, mode="mean", per_sample_weights=None, padding_idx=None):
    if offsets is None:
        bags = list(index)
        factors = [None] * len(bags) if per_sample_weights is None else list(per_sample_weights)
    else:
        bags, factors = np.split(index, offsets[1:]), [None] * len(offsets)
    rows = []
    for bag, factor in zip(bags, factors, strict=True):
        vectors = weight[bag] if factor is None else weight[bag] * factor[:, None]
        vectors = vectors[bag != padding_idx] if padding_idx is not None else vectors
        rows.append(
            getattr(np, mode)(vectors, axis=0) if len(vectors) else np.zeros(weight.shape[1])
        )
    return np.stack(rows)


INDICES = ints([[1, 0, 3], [3, 3, 2]])

CASES = [
    OpCase(
        "nn.functional.embedding",
        [S(INDICES, (4, 3)), S(ints(2), (4, 3)), S(ints([], "int32"), (4, 3))],
        lambda index, weight: weight[index.astype(np.int64)],
        dtypes=ALL_FLOATS,
        errors=[
            Err(S(ints([4]), (4, 3)), IndexError, "index out of range"),
            Err(S(ints([0.5], "float32"), (4, 3)), RuntimeError, "scalar types: Long, Int"),
            Err(S(ints([1]), (4,)), RuntimeError, "'weight' must be 2-D"),
            Err(
                S(ints([1]), (4, 3), 4), AssertionError, "Padding_idx must be within num_embeddings"
            ),
        ],
    ),
    OpCase(
        "nn.functional.embedding_bag",
        [
            S(INDICES, (4, 3)),
            S(INDICES, (4, 3), mode="sum"),
            S(INDICES, (4, 3), mode="max"),
            S(INDICES, (4, 3), mode="sum", per_sample_weights=(2, 3)),
            S(ints([1, 2, 2, 0, 3]), (4, 3), ints([0, 2, 2])),
            S(INDICES, (4, 3), padding_idx=3),
        ],
        _bags,
        errors=[
            Err(S(INDICES, (4, 3), ints([0])), ValueError, "offsets has to be None"),
            Err(S(ints([1]), (4, 3)), ValueError, "offsets has to be a 1D Tensor"),
            Err(S(ints([1]), (4, 3), ints([1])), RuntimeError, r"offsets\[0\] has to be 0"),
            Err(
                S(INDICES, (4, 3), mode="min"), ValueError, "mode has to be one of sum, mean or max"
            ),
            Err(
                S(INDICES, (4, 3), mode="max", per_sample_weights=(2, 3)),
                NotImplementedError,
                "only supported for mode='sum'",
            ),
        ],
    ),
    OpCase(
        "nn.functional.one_hot",
        [S(INDICES), S(ints([1, 0]), 5)],
        lambda index, n=-1: np.eye(index.max() + 1 if n == -1 else n, dtype=np.int64)[index],
        differentiable=False,
        errors=[
            Err(S(ints([-1])), RuntimeError, "Class values must be non-negative"),
            Err(S(ints([3]), 2), RuntimeError, "Class values must be smaller than num_classes"),
            Err(S(ints([1.0], "float32")), RuntimeError, "LongTensor"),
        ],
    ),
]
