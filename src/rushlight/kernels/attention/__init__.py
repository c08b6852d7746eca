"""Attention: softmax(scale Q K^T + bias) V, and its gradient.

Operands are q (..., L, E), k (..., S, E) and v (..., S, D) with the same leading axes; `bias`
broadcasts to (..., L, S). With `causal`, row i sees the keys up to i. Beside the result comes the
logarithm of the sum of each row's exponentials, (..., L): from it, the gradient makes the weights
again. A row that sees nothing gets 0.
"""

from __future__ import annotations

from ..._typing import Array
from ...backend.array import array_module
from .._kernel import add_native, kernel
from .._precision import widen


def _scores(q: Array, k: Array, bias: Array | None, scale: float, causal: bool) -> Array:
    xp = array_module(q)
    scores = q @ k.swapaxes(-1, -2) * scale
    if bias is not None:
        scores = scores + bias
    if causal:
        scores = xp.where(xp.tri(*scores.shape[-2:], dtype=bool), scores, -xp.inf)
    return scores.astype(q.dtype, copy=False)


@kernel
def attention(
    q: Array, k: Array, v: Array, bias: Array | None = None, *, scale: float, causal: bool
) -> tuple[Array, Array]:
    """Return the result and the logarithms of the sums."""
    xp = array_module(q)
    dtype = q.dtype
    q, k, v = widen(q), widen(k), widen(v)
    scores = _scores(q, k, bias, scale, causal)
    top = scores.max(-1, keepdims=True, initial=-xp.inf)
    top[xp.isneginf(top)] = 0
    weights = xp.exp(scores - top)
    total = weights.sum(-1, keepdims=True)
    blind = total == 0
    total[blind] = 1
    lse = top + xp.log(total)
    lse[blind] = xp.inf
    return (weights @ v / total).astype(dtype, copy=False), lse[..., 0]


@kernel
def attention_grad(
    g: Array, q: Array, k: Array, v: Array, bias: Array | None, lse: Array,
    *, scale: float, causal: bool,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Return the gradients of q, k and v for that of the result."""
    xp = array_module(q)
    dtypes = q.dtype, k.dtype, v.dtype
    g, q, k, v = (widen(x) for x in (g, q, k, v))
    weights = xp.exp(_scores(q, k, bias, scale, causal) - lse[..., None])
    # To sum 1 again: the rounding of large scores would come through the difference below.
    total = weights.sum(-1, keepdims=True)
    total[total == 0] = 1
    weights /= total
    to_weights = g @ v.swapaxes(-1, -2)
    inner = (weights * to_weights).sum(-1, keepdims=True)
    to_scores = weights * (to_weights - inner) * scale
    gradients = to_scores @ k, to_scores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ g
    gq, gk, gv = (x.astype(t, copy=False) for x, t in zip(gradients, dtypes, strict=True))
    return gq, gk, gv


add_native(__name__)
