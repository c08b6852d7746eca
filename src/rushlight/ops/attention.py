"""Attention: a weighted mean of values, the weights from products of queries and keys.

Without dropout, and unless the mask has a gradient, one operator does it (see `kernels/attention`);
second derivatives and everything else are put together from ordinary operators.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.mode import GRAD, read_mode
from ..autograd.node import Op
from ..backend.array import array_module
from ..kernels import attention as K
from ._autocast import autocast, is_on
from ._composed import composed_gradients
from ._export import export
from ._operands import not_a_tensor
from .dropout import dropout
from .joining import cat
from .matmul import linear, matmul
from .padding import pad
from .softmax import softmax


def _check(query: Any, key: Any, value: Any) -> None:
    if not (isinstance(query, Tensor) and isinstance(key, Tensor) and isinstance(value, Tensor)):
        named = enumerate((("query", query), ("key", key), ("value", value)), start=1)
        i, (label, t) = next((i, n) for i, n in named if not isinstance(n[1], Tensor))
        raise not_a_tensor("scaled_dot_product_attention", t, label, i)
    same = query.array.dtype == key.array.dtype == value.array.dtype
    if not same and not is_on(query):
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


def _bias(query: Tensor, attn_mask: Tensor | None, is_causal: bool) -> Tensor | None:
    """Return what is added to the scores: 0 and -inf for a mask of bools, or the mask itself."""
    if attn_mask is None:
        return None
    if is_causal:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )
    if attn_mask.array.dtype.kind != "b":
        if attn_mask.array.dtype not in (query.array.dtype, np.float32):
            raise RuntimeError(
                "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                f"attn_mask.dtype: {attn_mask.dtype.type_name} and query.dtype: "
                f"{query.dtype.type_name} instead."
            )
        return attn_mask
    return _as_bias(attn_mask.array, query)


def _as_bias(allowed: Array, query: Tensor) -> Tensor:
    xp = array_module(allowed)
    kind = query.array.dtype.type
    return wrap(xp.where(allowed, kind(0), kind(-np.inf)))


class Attention(Op):
    """y = w v with w = softmax(scale q k^T + bias).

    dL/dv = w^T g; with h = g v^T and s = scale w (h - w . h): dL/dq = s k, dL/dk = s^T q.
    """

    label = "ScaledDotProductAttention"
    scale: float
    causal: bool

    def forward(
        ctx, q: Array, k: Array, v: Array, bias: Array | None, *, scale: float, causal: bool
    ) -> Array:
        ctx.scale, ctx.causal = scale, causal
        y, lse = K.attention(q, k, v, bias, scale=scale, causal=causal)
        ctx.save(q, k, v, bias, lse)
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        if read_mode() == GRAD:
            return composed_gradients(ctx, ctx.composed, saved[:4], [g])
        options = {"scale": ctx.scale, "causal": ctx.causal}
        return *AttentionGrad.apply(g, *saved, **options), None

    def composed(ctx, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> tuple[Tensor]:
        return (_composed(q, k, v, bias, 0.0, ctx.causal, ctx.scale),)


class AttentionGrad(Op):
    """Gradients of q, k and v; they have none themselves (see `Attention.composed`)."""

    differentiable = False

    def forward(ctx, g: Array, *saved: Any, **options: Any) -> tuple[Array, Array, Array]:
        return K.attention_grad(g, *saved, **options)


def _composed(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout_p: float,
    is_causal: bool, scale: float,
) -> Tensor:  # fmt: skip
    """Attend with ordinary operators."""
    scores = matmul(query * scale, key.mT)
    if is_causal and not query.is_meta:
        xp = array_module(query.array)
        bias = _as_bias(xp.tri(*scores.array.shape[-2:], dtype=bool), query)
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


def _is_one_operator(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout_p: float
) -> bool:
    """Tell whether `Attention` can do it."""
    leading = query.array.shape[:-2]
    return (
        dropout_p == 0.0
        and leading == key.array.shape[:-2] == value.array.shape[:-2]
        and query.array.dtype == key.array.dtype == value.array.dtype
        and query.array.dtype.kind not in "cib"
        and (bias is None or not (bias.requires_grad or bias.array.ndim > query.array.ndim))
    )


@export(functional=True, public=False)
@autocast("lower")
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
    bias = _bias(query, attn_mask, is_causal)
    factor = 1.0 / math.sqrt(max(query.array.shape[-1], 1)) if scale is None else scale
    if _is_one_operator(query, key, value, bias, dropout_p):
        y: Tensor = Attention.apply(query, key, value, bias, scale=factor, causal=is_causal)
        return y
    return _composed(query, key, value, bias, dropout_p, is_causal, factor)


# --- several heads ---


def _check_mask_ndim(
    batched: bool, name: str, mask: Tensor | None, allowed: tuple[int, ...]
) -> None:
    if mask is None or mask.ndim in allowed:
        return
    kind = "batched (3-D)" if batched else "unbatched (2-D)"
    raise AssertionError(
        f"For {kind} `query`, expected `{name}` to be `None`"
        f"{', 2-D or 3-D' if len(allowed) > 1 else f' or {allowed[0]}-D'} but found "
        f"{mask.ndim}-D tensor instead"
    )


def _check_dims(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
) -> bool:
    """Raise unless the numbers of dimensions fit; return whether there is a batch."""
    if query.ndim not in (2, 3):
        raise AssertionError(
            "query should be unbatched 2D or batched 3D tensor but received "
            f"{query.ndim}-D query tensor"
        )
    batched = query.ndim == 3
    if key.ndim != query.ndim or value.ndim != query.ndim:
        kind = "batched (3-D)" if batched else "unbatched (2-D)"
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {query.ndim}-D but found "
            f"{key.ndim}-D and {value.ndim}-D tensors respectively"
        )
    _check_mask_ndim(batched, "key_padding_mask", key_padding_mask, (query.ndim - 1,))
    _check_mask_ndim(batched, "attn_mask", attn_mask, (2, 3))
    return batched


def _check_sizes(
    query: Tensor, key: Tensor, value: Tensor, embed_dim: int, num_heads: int, separate: bool
) -> None:
    given = query.array.shape[-1]
    if given != embed_dim:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim}, but got {given}")
    if embed_dim % num_heads:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if separate and key.array.shape[:2] != value.array.shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
        )
    if not separate and key.array.shape != value.array.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")


def additive_mask(mask: Tensor | None, name: str, dtype: Any) -> Tensor | None:
    """Return a mask as numbers to add to scores: bools, true where hidden, become -inf and 0."""
    if mask is None or mask.dtype.is_floating_point:
        return mask
    if mask.array.dtype.kind != "b":
        raise AssertionError(f"only bool and floating types of {name} are supported")
    zero = dtype.numpy.type(0)
    return wrap(array_module(mask.array).where(mask.array, dtype.numpy.type(-np.inf), zero))


def warn_mismatch(mask: Tensor | None, name: str, other: Tensor | None, other_name: str) -> None:
    """Warn, as torch does, about two masks of different dtypes."""
    if mask is not None and other is not None and mask.dtype != other.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for "
            "both instead.",
            stacklevel=3,
        )


def _project_packed(
    query: Tensor, key: Tensor, value: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, ...]:
    """Apply the three parts of one weight, in one product where inputs are the same tensor."""
    if query is key and key is value:
        return linear(query, weight, bias).chunk(3, -1)
    size = weight.array.shape[1]
    if key is value:
        w_q, w_kv = weight[:size], weight[size:]
        b_q, b_kv = (None, None) if bias is None else (bias[:size], bias[size:])
        return linear(query, w_q, b_q), *linear(key, w_kv, b_kv).chunk(2, -1)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    inputs = zip((query, key, value), weight.chunk(3), biases, strict=True)
    q, k, v = (linear(x, w, b) for x, w, b in inputs)
    return q, k, v


def _project_separately(
    inputs: tuple[Tensor, ...], weights: tuple[Tensor | None, ...], bias: Tensor | None
) -> tuple[Tensor, ...]:
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    projected = []
    for name, x, weight, own in zip("qkv", inputs, weights, biases, strict=True):
        if weight is None:
            raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        projected.append(linear(x, weight, own))
    return tuple(projected)


def _by_head(x: Tensor, heads: int) -> Tensor:
    """(S, B, E) as (B, heads, S, E / heads)."""
    steps, batch, size = x.array.shape
    return x.reshape(steps, batch, heads, size // heads).permute(1, 2, 0, 3)


def _static(x: Tensor, name: str, batch: int, heads: int, size: int) -> Tensor:
    for dim, expected in ((0, batch * heads), (2, size)):
        if x.array.shape[dim] != expected:
            raise AssertionError(
                f"expecting {name}.size({dim}) of {expected}, but got {x.array.shape[dim]}"
            )
    return x.reshape(batch, heads, -1, size)


def _mask_by_head(mask: Tensor | None, batch: int, heads: int, rows: int, columns: int) -> Any:
    """(L, S) or (B * heads, L, S) as (1 or B, 1 or heads, L, S)."""
    if mask is None:
        return None
    expected = (rows, columns) if mask.ndim == 2 else (batch * heads, rows, columns)
    if mask.array.shape != expected:
        raise RuntimeError(
            f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {expected}."
        )
    return mask.reshape(*((1, 1) if mask.ndim == 2 else (batch, heads)), rows, columns)


def _one_more(mask: Tensor | None) -> Tensor | None:
    """A mask with one more column, for a key that everything may see."""
    return None if mask is None else pad(mask, (0, 1))


def _merge(mask: Tensor | None, padding: Tensor | None, batch: int, columns: int) -> Tensor | None:
    """Add the mask of padded keys, (B, S), to a mask by head."""
    if padding is None:
        return mask
    for dim, expected in enumerate((batch, columns)):
        if padding.array.shape[dim] != expected:
            raise AssertionError(
                f"Expected key_padded_mask.shape[{dim}] to be {expected}, but got "
                f"{padding.array.shape[dim]}"
            )
    padding = padding.reshape(batch, 1, 1, columns)
    return padding if mask is None else mask + padding


@export(functional=True, public=False)
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attend with several heads, each to its own projection of queries, keys and values.

    Args:
        query: what is looked for.
        key: what is compared with it.
        value: what is averaged.
        embed_dim_to_check: the size E of a query.
        num_heads: number of heads.
        in_proj_weight: the projections of query, key and value below each other.
        in_proj_bias: their biases.
        bias_k: one more key, with `bias_v`.
        bias_v: one more value.
        add_zero_attn: add a key and a value of zeros.
        dropout_p: probability that a weight is zeroed.
        out_proj_weight: the projection of the result.
        out_proj_bias: its bias.
        training: whether there is dropout.
        key_padding_mask: true (or -inf) where a key is padding.
        need_weights: return the weights too.
        attn_mask: true (or -inf) where a key must not be seen; numbers are added to the scores.
        use_separate_proj_weight: use the three weights below instead of `in_proj_weight`.
        q_proj_weight: the projection of queries.
        k_proj_weight: the projection of keys.
        v_proj_weight: the projection of values.
        static_k: projected keys by head, (B * heads, S, E / heads), instead of `key`.
        static_v: projected values by head.
        average_attn_weights: return the mean of the weights over heads.
        is_causal: a hint that `attn_mask` lets each position see itself and those before it.

    Shape:
        query (L, B, E), key and value (S, B, E), each without B if there is no batch;
        key_padding_mask (B, S), attn_mask (L, S) or (B * heads, L, S); result (L, B, E), weights
        (B, L, S) or (B, heads, L, S).

    Raises:
        AssertionError: shapes do not fit.
        RuntimeError: the shape of `attn_mask` does not fit, or `is_causal` comes without it.

    Reference:
        Vaswani et al., "Attention Is All You Need", 2017.
    """
    batched = _check_dims(query, key, value, key_padding_mask, attn_mask)
    if not batched:
        query, key, value = _with_batch(query, key, value)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    warn_mismatch(key_padding_mask, "key_padding_mask", attn_mask, "attn_mask")
    padding = additive_mask(key_padding_mask, "key_padding_mask", query.dtype)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    # Without other masks the hint is enough.
    causal = is_causal and padding is None and not need_weights
    mask = None if causal else additive_mask(attn_mask, "attn_mask", query.dtype)
    rows, batch, size = query.array.shape
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    if use_separate_proj_weight:
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)
        q, k, v = _project_separately((query, key, value), weights, in_proj_bias)
    elif in_proj_weight is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    else:
        q, k, v = _project_packed(query, key, value, in_proj_weight, in_proj_bias)
    mask = _mask_by_head(mask, batch, num_heads, rows, key.array.shape[0])
    if (bias_k is None) != (bias_v is None):
        given, absent = ("bias_k", "bias_v") if bias_v is None else ("bias_v", "bias_k")
        raise AssertionError(f"{given} is set but {absent} is None")
    if bias_k is not None and bias_v is not None:
        for name, static in (("key", static_k), ("value", static_v)):
            if static is not None:
                raise AssertionError(f"bias cannot be added to static {name}.")
        k = cat([k, bias_k.expand(1, batch, -1)])
        v = cat([v, bias_v.expand(1, batch, -1)])
        mask, padding = _one_more(mask), _one_more(padding)
    per_head = size // num_heads
    q = _by_head(q, num_heads)
    k = (
        _by_head(k, num_heads)
        if static_k is None
        else _static(static_k, "static_k", batch, num_heads, per_head)
    )
    v = (
        _by_head(v, num_heads)
        if static_v is None
        else _static(static_v, "static_v", batch, num_heads, per_head)
    )
    if add_zero_attn:
        zero = k.new_zeros((batch, num_heads, 1, per_head))
        k, v = cat([k, zero], 2), cat([v, zero], 2)
        mask, padding = _one_more(mask), _one_more(padding)
    mask = _merge(mask, padding, batch, k.array.shape[2])
    p = dropout_p if training else 0.0
    if need_weights:
        seen, weights_by_head = _attend(q, k, v, mask, p)
        attention = weights_by_head.mean(1) if average_attn_weights else weights_by_head
    else:
        seen, attention = scaled_dot_product_attention(q, k, v, mask, p, causal), None
    joined = seen.permute(2, 0, 1, 3).reshape(rows * batch, size)
    y = linear(joined, out_proj_weight, out_proj_bias).reshape(rows, batch, -1)
    if batched:
        return y, attention
    return y.squeeze(1), None if attention is None else attention.squeeze(0)


def _with_batch(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Add a batch dimension; what is the same tensor stays the same tensor."""
    q = query.unsqueeze(1)
    k = q if key is query else key.unsqueeze(1)
    return q, k, k if value is key else value.unsqueeze(1)


def _attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float
) -> tuple[Tensor, Tensor]:
    """Return the weighted means of the values and the weights."""
    scores = matmul(q * math.sqrt(1.0 / q.array.shape[-1]), k.mT)
    weights = softmax(scores if mask is None else scores + mask, -1)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p)
    return matmul(weights, v), weights
