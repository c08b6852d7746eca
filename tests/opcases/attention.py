"""Cases of `ops/attention.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, HALVES, Err, OpCase, S, ints


def _attention(q, k, v, attn_mask=None, is_causal=False, scale=None, enable_gqa=False):
    if enable_gqa:
        k, v = (np.repeat(t, q.shape[-3] // t.shape[-3], -3) for t in (k, v))
    scores = q @ np.swapaxes(k, -1, -2) * (1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    if attn_mask is not None:
        scores = (
            np.where(attn_mask, scores, -np.inf) if attn_mask.dtype == bool else scores + attn_mask
        )
    e = np.exp(scores - np.nan_to_num(scores.max(-1, keepdims=True), neginf=0.0))
    return e / np.maximum(e.sum(-1, keepdims=True), 1e-30) @ v


MASK = ints([[True, False, True], [False, False, False]], "bool")
Q, K, V = (2, 4, 2, 3), (2, 4, 3, 3), (2, 4, 3, 5)

CASES = [
    OpCase(
        "nn.functional.scaled_dot_product_attention",
        [
            S(Q, K, V),
            S((2, 3), (4, 3), (4, 5)),
            S(Q, K, V, MASK),
            S(Q, K, V, (2, 3)),
            S(Q, K, V, is_causal=True),
            S(Q, K, V, scale=0.3),
            S(Q, (2, 2, 3, 3), (2, 2, 3, 5), enable_gqa=True),
        ],
        _attention,
        dtypes=(*FLOATS, *HALVES),
        errors=[
            Err(
                S(Q, K, V, MASK, is_causal=True),
                RuntimeError,
                "attn_mask should not be set when is_causal=True",
            ),
            Err(S((3,), K, V), RuntimeError, "at least 2 dimensional"),
            Err(S(Q, (2, 4, 3, 2), V), RuntimeError, "same last dimension"),
            Err(S(Q, K, (2, 4, 2, 5)), RuntimeError, "same sequence length"),
            Err(S(Q, ints([[1.0]], "float64"), V), RuntimeError, "same dtype"),
            Err(S(Q, K, V, ints([[1, 0, 1]])), RuntimeError, "attn_mask dtype to be bool or float"),
            Err(
                S(Q, (2, 3, 3, 3), (2, 3, 3, 5), enable_gqa=True),
                RuntimeError,
                "must divide the number of heads",
            ),
        ],
    ),
]
