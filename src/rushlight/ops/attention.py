"""Attention: a weighted mean of values, the weights from products of queries and keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ._export import export
from ._operands import not_a_tensor
from .dropout import dropout
from .matmul import matmul
from .softmax import softmax


def _check(query: Any, key: Any, value: Any) -> None:
    for position, (label, t) in enumerate(
        (("query", query), ("key", key), ("value", value)), start=1
    ):
        if not isinstance(t, Tensor):
            raise not_a_tensor("scaled_dot_product_attention", t, label, position)
    if not query.array.dtype == key.array.dtype == value.array.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype.type_name} key.dtype: {key.dtype.type_name} and value.dtype: "
            f"{value.dtype.type_name} instead."
        )
    if min(query.array.ndim, key.array.ndim, value.array.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be at least 2 dimensional, but got query.dim(): "
            f"{query.ndim}, key.dim(): {key.ndim} and value.dim(): {value.ndim} instead."
        )
    if query.array.shape[-1] != key.array.shape[-1]:
        raise RuntimeError(
            "scaled_dot_product_attention: query and key must have the same last dimension, got "
            f"query {list(query.shape)} and key {list(key.shape)}"
        )
    if key.array.shape[-2] != value.array.shape[-2]:
        raise RuntimeError(
            "scaled_dot_product_attention: key and value must have the same sequence length, got "
            f"key {list(key.shape)} and value {list(value.shape)}"
        )


def _shared_heads(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Repeat the heads of key and value until there are as many as the query has."""
    if query.array.ndim < 3:
        raise RuntimeError(
            "scaled_dot_product_attention: enable_gqa needs inputs with heads, (*, H, L, E)"
        )
    heads = query.array.shape[-3]
    repeated = []
    for label, t in (("key", key), ("value", value)):
        if t.array.ndim < 3 or heads % t.array.shape[-3]:
            raise RuntimeError(
                "Number of heads in key and value must divide the number of heads in query, got "
                f"query {list(query.shape)} and {label} {list(t.shape)}"
            )
        times = heads // t.array.shape[-3]
        repeated.append(t if times == 1 else t.repeat_interleave(times, -3))
    return repeated[0], repeated[1]


def _bias(query: Tensor, key: Tensor, attn_mask: Tensor | None, is_causal: bool) -> Tensor | None:
    """Return what is added to the scores: 0 and -inf for a mask of bools, or the mask itself."""
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError(
                "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
                "is_causal=True"
            )
        allowed = np.tri(query.array.shape[-2], key.array.shape[-2], dtype=bool)
    elif attn_mask is None:
        return None
    elif attn_mask.array.dtype.kind != "b":
        if attn_mask.array.dtype not in (query.array.dtype, np.float32):
            raise RuntimeError(
                "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                f"attn_mask.dtype: {attn_mask.dtype.type_name} and query.dtype: "
                f"{query.dtype.type_name} instead."
            )
        return attn_mask
    else:
        allowed = attn_mask.array
    zero = query.array.dtype.type(0)
    return wrap(np.where(allowed, zero, query.array.dtype.type(-np.inf)))


@export(functional=True, public=False)
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return softmax(query key^T scale + mask) value.

    Args:
        query: what is looked for.
        key: what is compared with it.
        value: what is averaged.
        attn_mask: bools, true where a key may be seen, or numbers added to the scores.
        dropout_p: probability that a weight is zeroed; give 0 in evaluation.
        is_causal: let each position see only itself and those before it.
        scale: factor of the scores (default: 1 / sqrt(E)).
        enable_gqa: let groups of the query's heads share the heads of key and value.

    Shape:
        query (*, L, E), key (*, S, E), value (*, S, V), attn_mask broadcastable to (*, L, S);
        result (*, L, V).

    Raises:
        RuntimeError: shapes or dtypes do not fit, or both a mask and `is_causal` are given.

    Note:
        A position that may see nothing gets 0.

    Example:
        >>> q, k = rushlight.zeros(1, 2), rushlight.ones(2, 2)
        >>> v = rushlight.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> rushlight.nn.functional.scaled_dot_product_attention(q, k, v)
        tensor([[0.5000, 0.5000]])

    Reference:
        Vaswani et al., "Attention Is All You Need", 2017.
    """
    _check(query, key, value)
    if enable_gqa:
        key, value = _shared_heads(query, key, value)
    bias = _bias(query, key, attn_mask, is_causal)
    factor = 1.0 / math.sqrt(max(query.array.shape[-1], 1)) if scale is None else scale
    scores = matmul(query * factor, key.mT)
    hidden = None
    if bias is not None:
        scores = scores + bias
        nothing = np.isneginf(bias.array).all(-1, keepdims=True)
        if nothing.any():
            # The softmax of a row of -inf would be NaN.
            hidden = wrap(nothing)
            scores = scores.masked_fill(hidden, 0.0)
    weights = softmax(scores, -1)
    if hidden is not None:
        weights = weights.masked_fill(hidden, 0.0)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p)
    return matmul(weights, value)
