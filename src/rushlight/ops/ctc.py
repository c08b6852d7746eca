"""Connectionist temporal classification: the loss of a label sequence of unknown alignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ._autocast import autocast
from ._export import export
from ._loss import read_reduction
from ._operands import not_a_tensor, not_implemented


class CTCLoss(Op):
    """loss[n] = -log of the summed probability of all paths that spell target n.

    dL/dlogp[t, n, c] = g[n] (p[t, n, c] - the share of the paths that are at class c at time t).
    The p belongs to the log-softmax before: passing through its gradient it makes no difference.
    """

    label = "CtcLoss"
    autocast = "float32"

    def forward(
        ctx, logp: Array, *, labels: Array, frames: Array, lengths: Array, zero_infinity: bool
    ) -> Array:
        at = _scores_of(logp, labels)
        alpha = _forward_variables(at, labels, lengths)
        loss = -_last(alpha, frames, lengths)
        ctx.labels, ctx.frames, ctx.lengths = labels, frames, lengths
        ctx.zero_infinity = zero_infinity
        ctx.save(logp, alpha, loss)
        return np.where(np.isinf(loss), loss.dtype.type(0), loss) if zero_infinity else loss

    def backward(ctx, g: Tensor) -> Tensor:
        logp, alpha, loss = ctx.saved_tensors
        return CTCLossGrad.apply(
            g, logp, alpha, loss, labels=ctx.labels, frames=ctx.frames, lengths=ctx.lengths,
            zero_infinity=ctx.zero_infinity,
        )  # fmt: skip


class CTCLossGrad(Op):
    """The gradient of CTCLoss; it has none itself."""

    label = "CtcLossBackward"

    def forward(
        ctx,
        g: Array,
        logp: Array,
        alpha: Array,
        loss: Array,
        *,
        labels: Array,
        frames: Array,
        lengths: Array,
        zero_infinity: bool,
    ) -> Array:
        at = _scores_of(logp, labels)
        beta = _backward_variables(at, labels, frames, lengths)
        gx = np.exp(logp)
        rows = np.arange(len(labels))
        with np.errstate(invalid="ignore"):
            share = np.exp(alpha + beta - at + loss[:, None])  # (T, N, 2 S + 1)
        for s in range(labels.shape[1]):
            # One position of all targets at a time: the same class twice in a target then adds up.
            gx[:, rows, labels[:, s]] -= share[:, :, s]
        gx *= g[:, None]
        gx[np.arange(len(logp))[:, None] >= frames] = 0
        if zero_infinity:
            gx[:, np.isinf(loss)] = 0
        return gx

    def backward(ctx, gg: Tensor) -> Any:
        raise RuntimeError("ctc_loss: the second derivative is not implemented")


def _scores_of(logp: Array, labels: Array) -> Array:
    """(T, N, C) -> (T, N, 2 S + 1): the log-probability of each label of the extended targets."""
    return logp[:, np.arange(len(labels))[:, None], labels]


def _may_skip(labels: Array) -> Array:
    """Tell where a path may skip a position: not to a blank, not to the same label."""
    skip = np.zeros(labels.shape, bool)
    skip[:, 2:] = labels[:, 2:] != labels[:, :-2]
    return skip


def _log_sum(*terms: Array) -> Array:
    """log(sum exp), -inf where all terms are."""
    top = np.maximum.reduce(terms)
    base = np.where(np.isneginf(top), top.dtype.type(0), top)
    total = sum(np.exp(t - base) for t in terms)
    with np.errstate(divide="ignore"):
        return np.log(total) + base


def _forward_variables(at: Array, labels: Array, lengths: Array) -> Array:
    """alpha[t, n, s]: log-probability of all ways to be at position s at time t."""
    count, _, width = at.shape
    alpha = np.full(at.shape, -np.inf, at.dtype)
    if count:
        alpha[0, :, 0] = at[0, :, 0]
        if width > 1:
            alpha[0, :, 1] = np.where(lengths > 0, at[0, :, 1], -np.inf)
    skip = _may_skip(labels)
    one, two = (np.full(at.shape[1:], -np.inf, at.dtype) for _ in range(2))
    for t in range(1, count):
        before = alpha[t - 1]
        one[:, 1:] = before[:, :-1]
        two[:, 2:] = np.where(skip[:, 2:], before[:, :-2], -np.inf)
        alpha[t] = _log_sum(before, one, two) + at[t]
    return alpha


def _backward_variables(at: Array, labels: Array, frames: Array, lengths: Array) -> Array:
    """beta[t, n, s]: log-probability of all ways from position s at time t to the end."""
    beta = np.full(at.shape, -np.inf, at.dtype)
    rows = np.arange(at.shape[1])
    skip = _may_skip(labels)
    one, two = (np.full(at.shape[1:], -np.inf, at.dtype) for _ in range(2))
    after = np.full(at.shape[1:], -np.inf, at.dtype)
    for t in reversed(range(at.shape[0])):
        one[:, :-1] = after[:, 1:]
        two[:, :-2] = np.where(skip[:, 2:], after[:, 2:], -np.inf)
        beta[t] = _log_sum(after, one, two) + at[t]
        ends = rows[frames == t + 1]
        for last in (2 * lengths[ends], np.maximum(2 * lengths[ends] - 1, 0)):
            beta[t, ends, last] = at[t, ends, last]
        after = beta[t]
    return beta


def _last(alpha: Array, frames: Array, lengths: Array) -> Array:
    """Return the log-probability of each whole target."""
    if not len(alpha):
        return np.where(lengths == 0, 0, -np.inf).astype(alpha.dtype)
    rows = np.arange(len(lengths))
    final = alpha[np.maximum(frames, 1) - 1, rows]  # (N, 2 S + 1)
    end = final[rows, 2 * lengths]
    before = np.where(lengths > 0, final[rows, np.maximum(2 * lengths - 1, 0)], -np.inf)
    total = _log_sum(end, before.astype(alpha.dtype))
    nothing = np.where(lengths == 0, 0, -np.inf)
    return np.where(frames > 0, total, nothing).astype(alpha.dtype)


# --- arguments ---------------------------------------------------------------------------------


def _lengths(what: str, value: Any, batch: int) -> Array:
    array = value.array if isinstance(value, Tensor) else np.asarray(value)
    if array.size and array.dtype.kind not in "iu":
        raise RuntimeError(
            f"ctc_loss: {what} must be integral, got {getattr(value, 'dtype', array.dtype)}"
        )
    array = array.reshape(-1).astype(np.int64)
    if len(array) != batch:
        raise RuntimeError(f"{what} must be of size batch_size: expected {batch}, got {len(array)}")
    if (array < 0).any():
        raise RuntimeError(f"ctc_loss: Expected {what} to have value at least 0, got {array.min()}")
    return array


def _extended(targets: Tensor, lengths: Array, blank: int, classes: int) -> Array:
    """Return the targets with blanks between and around their labels: (N, 2 S + 1)."""
    array = targets.array
    longest = int(lengths.max(initial=0))
    labels = np.full((len(lengths), 2 * longest + 1), blank, np.int64)
    inside = np.arange(longest) < lengths[:, None]
    if array.ndim == 1:
        if array.size < lengths.sum():
            raise RuntimeError(
                f"ctc_loss: Expected targets to have {lengths.sum()} elements, the sum of "
                f"target_lengths, got {array.size}"
            )
        flat = array[: lengths.sum()]
    else:
        if array.shape[0] != len(lengths) or array.shape[1] < longest:
            raise RuntimeError(
                f"ctc_loss: Expected tensor to have size at least {longest} at dimension 1 and "
                f"{len(lengths)} at dimension 0, but got size {list(targets.shape)} for argument "
                "#2 'targets'"
            )
        flat = array[:, :longest][inside]
    if flat.size and not 0 <= flat.min() <= flat.max() < classes:
        raise RuntimeError(
            f"ctc_loss: targets must be classes in [0, {classes}), got {flat.min()}..{flat.max()}"
        )
    labels[:, 1::2][inside] = flat
    return labels


@export(functional=True)
@autocast("float32")
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return -log of the probability that frames spell their target, over all alignments.

    Args:
        log_probs: log-probabilities of the classes in each frame (after `log_softmax`).
        targets: the labels, padded to (N, S), or all one after the other.
        input_lengths: number of frames of each sequence.
        target_lengths: number of labels of each target.
        blank: the class that stands for no label.
        reduction: "mean" (of each loss divided by its target's length), "sum" or "none".
        zero_infinity: count targets that are too long for their frames as 0, without gradient.

    Shape:
        log_probs (T, N, C) or (T, C); result 0-d, or (N).

    Raises:
        RuntimeError: lengths, labels or blank do not fit.

    Note:
        As in PyTorch, the gradient presumes that `log_probs` comes from a log-softmax, and there is
        no second one.

    Reference:
        Graves, Fernandez, Gomez and Schmidhuber, "Connectionist Temporal Classification", 2006.
    """
    for position, (label, t) in enumerate(
        (("log_probs", log_probs), ("targets", targets)), start=1
    ):
        if not isinstance(t, Tensor):
            raise not_a_tensor("ctc_loss", t, label, position)
    if log_probs.array.dtype.itemsize == 2 and log_probs.dtype.is_floating_point:
        raise not_implemented("ctc_loss_cpu", log_probs)
    reduction = read_reduction(reduction, None, None)
    if log_probs.array.ndim not in (2, 3) or not log_probs.dtype.is_floating_point:
        raise RuntimeError(
            "ctc_loss: expected log_probs (T, N, C) or (T, C) of floating point numbers, got "
            f"{list(log_probs.shape)} of {log_probs.dtype}"
        )
    if targets.array.dtype.kind not in "iu" or targets.array.ndim not in (1, 2):
        raise RuntimeError(
            "ctc_loss: expected targets (N, S) or (sum of target_lengths) of int64 or int32, got "
            f"{list(targets.shape)} of {targets.dtype}"
        )
    batched = log_probs.array.ndim == 3
    logp = log_probs if batched else log_probs.unsqueeze(1)
    count, batch, classes = logp.array.shape
    if not 0 <= blank < classes:
        raise RuntimeError(
            f"blank must be in label range: expected 0 <= blank < {classes}, got {blank}"
        )
    frames = _lengths("input_lengths", input_lengths, batch)
    lengths = _lengths("target_lengths", target_lengths, batch)
    if (frames > count).any():
        raise RuntimeError(
            f"Expected input_lengths to have value at most {count}, but got value {frames.max()} "
            "(while checking arguments for ctc_loss)"
        )
    labels = _extended(targets, lengths, blank, classes)
    loss = CTCLoss.apply(
        logp, labels=labels, frames=frames, lengths=lengths, zero_infinity=zero_infinity
    )
    if reduction == "sum":
        return loss.sum()
    if reduction == "mean":
        return (loss / wrap(np.maximum(lengths, 1).astype(loss.array.dtype))).mean()
    return loss if batched else loss.squeeze(0)
