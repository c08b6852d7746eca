"""Loss functions.

Class-index losses have fused kernels of their own; the others are compositions.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.mode import is_grad_enabled
from ..autograd.node import Op
from ..kernels import loss as K
from ..kernels.activation import log1p
from ._autocast import autocast
from ._export import export
from ._loss import read_reduction, reduced
from ._naming import named
from ._operands import not_a_tensor
from .casts import cast
from .masking import where
from .matmul import linear
from .softmax import log_softmax


class CrossEntropy(Op):
    """loss = -log softmax(x)[target], smoothed and weighted.

    dL/dx = g (softmax(x) - onehot(target)), smoothed and weighted likewise.
    """

    label = "NllLoss"
    autocast = "float32"

    def forward(ctx, x: Array, target: Array, w: Array | None, **options: Any) -> Array:
        loss, stats, total = K.cross_entropy(x, target, w, **options)
        ctx.save(x, target, w, stats, total)
        ctx.options = options
        return loss

    def backward(ctx, g: Tensor) -> Any:
        x, target, w, stats, total = ctx.saved_tensors
        if not is_grad_enabled():
            raw = None if w is None else w.array
            gx = K.cross_entropy_grad(
                g.array, x.array, target.array, raw, stats.array, total.array, **ctx.options
            )
            return wrap(gx), None, None
        return _cross_entropy_grad(g, x, target, w, total, **ctx.options), None, None


def _cross_entropy_grad(
    g: Tensor,
    x: Tensor,
    target: Tensor,
    w: Tensor | None,
    total: Tensor,
    *,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    """The gradient of CrossEntropy written with operators; q is the target's distribution."""
    axis = 0 if x.ndim == 1 else 1
    classes = x.array.shape[axis]
    counts = target.array != ignore_index
    safe = np.where(counts, target.array, 0)
    q = np.zeros(x.array.shape, np.float64)
    np.put_along_axis(q, np.expand_dims(safe, axis), 1 - label_smoothing, axis)
    q += label_smoothing / classes
    if w is not None:
        q *= w.array.reshape(-1, *(1,) * (x.ndim - 1 - axis))
    q *= np.expand_dims(counts, axis)
    q_tensor = wrap(q.astype(x.array.dtype))
    scale = g / cast(total, g.dtype) if reduction == "mean" else g
    if reduction == "none":
        scale = scale.unsqueeze(axis)
    p = log_softmax(x, axis).exp()
    return scale * (p * q_tensor.sum(axis, keepdim=True) - q_tensor)


class NLLLoss(Op):
    """loss = -w[target] logp[target].  dL/dlogp = -g w[target] at the target."""

    label = "NllLoss"
    autocast = "float32"

    def forward(ctx, logp: Array, target: Array, w: Array | None, **options: Any) -> Array:
        loss, total = K.nll_loss(logp, target, w, **options)
        ctx.save(target, w, total)
        ctx.options, ctx.shape = options, logp.shape
        return loss

    def backward(ctx, g: Tensor) -> Any:
        target, w, total = ctx.saved_tensors
        return (
            NLLLossGrad.apply(g, target, w, total, input_shape=ctx.shape, **ctx.options),
            None,
            None,
        )


class NLLLossGrad(Op):
    """glogp of NLLLoss, linear in g.  dL/dg = the same loss of gg."""

    label = "NllLossBackward"

    def forward(
        ctx,
        g: Array,
        target: Array,
        w: Array | None,
        total: Array,
        *,
        input_shape: Any,
        **options: Any,
    ) -> Array:
        ctx.save(target, w)
        ctx.options = options
        return K.nll_loss_grad(g, target, w, total, input_shape=input_shape, **options)

    def backward(ctx, gg: Tensor) -> Any:
        target, w = ctx.saved_tensors
        return NLLLoss.apply(gg, target, w, **ctx.options), None, None, None


# --- arguments ---------------------------------------------------------------------------------


def _warn_broadcast(name: str, input: Tensor, target: Tensor) -> None:
    if not isinstance(target, Tensor):
        raise not_a_tensor(name, target, "target", 2)
    if input.array.shape != target.array.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )


def _check_classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> None:
    """Check a class-index loss: input (N, C, ...) or (C), target (N, ...) or ()."""
    if target.array.dtype != np.int64:
        if target.array.dtype != np.uint8:
            raise RuntimeError(
                f"{name}: expected target of dtype torch.int64 (class indices), got {target.dtype}"
            )
    x_shape, t_shape = input.array.shape, target.array.shape
    if not x_shape:
        raise RuntimeError(f"{name}: input tensor should be 1D or 2D, got a 0-d tensor")
    expected = x_shape[:1] + x_shape[2:] if len(x_shape) > 1 else ()
    if t_shape != expected:
        if len(x_shape) > 1 and t_shape[:1] != x_shape[:1]:
            raise ValueError(
                f"Expected input batch_size ({x_shape[0]}) to match target batch_size "
                f"({t_shape[0] if t_shape else 0})."
            )
        raise RuntimeError(
            f"{name}: Expected target of shape {list(expected)} for input {list(x_shape)}, got "
            f"{list(t_shape)}"
        )
    classes = x_shape[1] if len(x_shape) > 1 else x_shape[0]
    if weight is not None and weight.array.shape != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no "
            f"classes but got weight tensor of shape: {list(weight.array.shape)}"
        )


# --- public ------------------------------------------------------------------------------------


@export(functional=True, public=False)
@autocast("float32")
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy between logits and classes (or class probabilities).

    loss[n] = -weight[t] log(softmax(x[n])[t]), t = target[n]; a mean divides by the summed weights.

    Args:
        input: the logits.
        target: class indices, or probabilities of the input's shape.
        weight: a factor for each class.
        ignore_index: a target that counts for nothing.
        reduction: "mean", "sum" or "none".
        label_smoothing: the share of each target spread evenly over the classes.
        size_average: superseded by `reduction`.
        reduce: superseded by `reduction`.

    Shape:
        input (N, C, d1, ...), (N, C) or (C); target (N, d1, ...), (N) or (), or as input;
        result 0-d, or as target.

    Raises:
        IndexError: a target is no class.

    Example:
        >>> logits = rushlight.tensor([[2.0, 0.0], [0.0, 2.0]])
        >>> rushlight.nn.functional.cross_entropy(logits, rushlight.tensor([0, 1]))
        tensor(0.1269)
    """
    reduction = read_reduction(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if not isinstance(target, Tensor):
        raise not_a_tensor("cross_entropy_loss", target, "target", 2)
    if input.array.shape == target.array.shape and target.array.dtype.kind not in "iub":
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    _check_classes("cross_entropy", input, target, weight)
    return CrossEntropy.apply(
        input,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    axis = 0 if input.ndim == 1 else 1
    classes = input.array.shape[axis]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    scores = log_softmax(input, axis) * target
    if weight is not None:
        scores = scores * weight.reshape(-1, *(1,) * (input.ndim - 1 - axis))
    each = -scores.sum(axis)
    if reduction == "mean":
        return each.sum() / (each.array.size if input.ndim > 1 else 1)
    return each.sum() if reduction == "sum" else each


@export(functional=True, public=False)
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """Return the cross-entropy between the logits x W^T + b and classes or probabilities.

    Args:
        input: the features.
        linear_weight: W; dimensions between its first and its last are those of the target.
        target: class indices, or probabilities of the logits' shape.
        linear_bias: b, in the shape of `linear_weight` without its last dimension.
        weight: a factor for each class.
        reduction: "mean", "sum" or "none".
        ignore_index: a class index that counts for nothing (-100 unless given).
        label_smoothing: the share of each target spread evenly over the classes.
        options: accepted for compatibility.

    Shape:
        input (N, D) or (D); linear_weight (C, D) or (C, d1, ..., D); target (N, d1, ...), (N), ()
        or as the logits; result 0-d, or as the target.

    Raises:
        RuntimeError: shapes do not fit, or `ignore_index` is given with probabilities.

    Note:
        The logits are always made whole: `options`, which cut them into pieces in torch, change
        nothing.

    Example:
        >>> x, w = rushlight.tensor([[1.0, 0.0]]), rushlight.eye(2)
        >>> rushlight.nn.functional.linear_cross_entropy(x, w, rushlight.tensor([0]))
        tensor(0.3133)
    """
    _check_linear(input, linear_weight, linear_bias)
    rows = linear_weight.flatten(0, -2)
    bias = None if linear_bias is None else linear_bias.flatten()
    logits = linear(input, rows, bias).unflatten(-1, linear_weight.shape[:-1])
    if ignore_index is None:
        ignore_index = -100
    elif target.array.shape == logits.array.shape and target.array.dtype.kind not in "iub":
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    return cross_entropy(
        logits,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _check_linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    ndim, shape = input.array.ndim, tuple(weight.shape)
    if ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {ndim}")
    if len(shape) < 2:
        raise RuntimeError(
            f"expected linear_weight with dimensionality at least 2, got {len(shape)}"
        )
    if input.array.shape[-1] != shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.array.shape[-1]} and {shape[-1]}, respectively"
        )
    if ndim == 1 and len(shape) > 2:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {shape} requires batched input, "
            f"(N, {shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
    if bias is not None and tuple(bias.shape) != shape[:-1]:
        raise RuntimeError(f"expected linear_bias shape {shape[:-1]}, got {tuple(bias.shape)}")


@export(functional=True, public=False)
@autocast("float32")
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood: -weight[t] input[t] for log-probabilities `input`.

    Shape:
        input (N, C, d1, ...), (N, C) or (C); target (N, d1, ...), (N) or ();
        result 0-d, or as target.
    """
    reduction = read_reduction(reduction, size_average, reduce)
    _check_classes("nll_loss", input, target, weight)
    return NLLLoss.apply(input, target, weight, ignore_index=ignore_index, reduction=reduction)


@export(functional=True, public=False)
@autocast("float32")
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the mean (or sum, or each) of (input - target)^2, weighted if `weight` is given."""
    reduction = read_reduction(reduction, size_average, reduce)
    _warn_broadcast("mse_loss", input, target)
    difference = input - target
    return named(_weighted(difference * difference, weight, reduction), "MseLoss")


def _weighted(each: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    if weight is None:
        return reduced(each, reduction)
    if weight.array.shape != each.array.shape:
        raise ValueError("Weights and input must have the same size.")
    each = each * weight
    return each.sum() / weight.sum() if reduction == "mean" else reduced(each, reduction)


@export(functional=True, public=False)
@autocast("float32")
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the mean (or sum, or each) of |input - target|, weighted if `weight` is given."""
    reduction = read_reduction(reduction, size_average, reduce)
    _warn_broadcast("l1_loss", input, target)
    return _weighted((input - target).abs(), weight, reduction)


@export(functional=True, public=False)
@autocast("float32")
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return d^2 / (2 beta) where d = |input - target| < beta, else d - beta / 2.

    Reference:
        Girshick, "Fast R-CNN", 2015.
    """
    reduction = read_reduction(reduction, size_average, reduce)
    _warn_broadcast("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    d = (input - target).abs()
    return named(
        reduced(where(d < beta, d * d * (0.5 / beta), d - 0.5 * beta), reduction), "SmoothL1Loss"
    )


@export(functional=True, public=False)
@autocast("float32")
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Return d^2 / 2 where d = |input - target| < delta, else delta (d - delta / 2).

    Reference:
        Huber, "Robust Estimation of a Location Parameter", 1964.
    """
    reduction = read_reduction(reduction, None, None)
    _warn_broadcast("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError(
            f"huber_loss does not support non-positive values for delta, got {delta}"
        )
    d = (input - target).abs()
    return named(
        _weighted(where(d < delta, d * d * 0.5, (d - 0.5 * delta) * delta), weight, reduction),
        "HuberLoss",
    )


@export(functional=True, public=False)
@autocast("float32")
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return -(t log p + (1 - t) log(1 - p)) for probabilities p, logarithms limited to -100.

    Raises:
        RuntimeError: a probability lies outside [0, 1], or the dtypes differ.
        ValueError: input and target differ in size.
    """
    reduction = read_reduction(reduction, size_average, reduce)
    if input.array.shape != target.array.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )
    if input.array.dtype != target.array.dtype:
        found, wanted = target.dtype.type_name, input.dtype.type_name
        raise RuntimeError(f"Found dtype {found} but expected {wanted}")
    if input.array.size and not bool(((input.array >= 0) & (input.array <= 1)).all()):
        raise RuntimeError("all elements of input should be between 0 and 1")
    each = BinaryCrossEntropy.apply(input, target)
    if weight is not None:
        each = cast(each * weight, input.dtype)
    return named(reduced(each, reduction), "BinaryCrossEntropy")


class BinaryCrossEntropy(Op):
    """y = -(t log p + (1 - t) log(1 - p)).

    dp = g (p - t) / max(p (1 - p), 1e-12), dt = g log((1 - p) / p).
    """

    autocast = "float32"

    def forward(ctx, p: Array, t: Array) -> Array:
        ctx.save(p, t)
        with np.errstate(divide="ignore"):
            yes = np.maximum(np.log(p), p.dtype.type(-100))
            no = np.maximum(log1p(-p), p.dtype.type(-100))
        return (t - 1) * no - t * yes

    def backward(ctx, g: Tensor) -> Any:
        p, t = ctx.saved_tensors
        to_p, to_t = ctx.edges
        gp = g * ((p - t) / (p * (1 - p)).clamp(min=1e-12)) if to_p else None
        gt = g * ((1 - p).log().clamp(min=-100) - p.log().clamp(min=-100)) if to_t else None
        return gp, gt


@export(functional=True, public=False)
@autocast("float32")
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return the binary cross-entropy of sigmoid(input), computed without overflow.

    loss = (1 - t) x + (1 + (pos_weight - 1) t) softplus(-x)

    Raises:
        ValueError: input and target differ in size.
    """
    from .activation import logsigmoid

    reduction = read_reduction(reduction, size_average, reduce)
    if input.array.shape != target.array.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    softplus = -logsigmoid(input)
    if pos_weight is not None:
        softplus = softplus * (1 + (pos_weight - 1) * target)
    each = (1 - target) * input + softplus
    return named(
        reduced(each if weight is None else each * weight, reduction),
        "BinaryCrossEntropyWithLogits",
    )


@export(functional=True)
@autocast("float32")
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Return the pointwise Kullback-Leibler divergence target (log target - input).

    Args:
        input: log-probabilities.
        target: probabilities, or log-probabilities with `log_target`.
        reduction: "mean", "sum", "none" or "batchmean" (the sum over the batch's size).
        log_target: whether the target is given as logarithm.
        size_average: superseded by `reduction`.
        reduce: superseded by `reduction`.
    """
    batchmean = reduction == "batchmean"
    reduction = read_reduction("sum" if batchmean else reduction, size_average, reduce)
    if log_target:
        each = target.exp() * (target - input)
    else:
        each = target.xlogy(target) - target * input
    result = reduced(each, reduction)
    return result / input.array.shape[0] if batchmean and input.array.ndim else result


@export(functional=True, public=False)
@autocast("float32")
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood of counts: exp(x) - t x, or x - t log(x + eps)."""
    reduction = read_reduction(reduction, size_average, reduce)
    each = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        each = each + where(target > 1, stirling, wrap(np.zeros((), target.array.dtype)))
    return reduced(each, reduction)


def _has_one_axis_of_one(shape: tuple[int, ...], full: tuple[int, ...]) -> bool:
    """Tell whether two shapes differ in one axis only, of size 1 in the first."""
    return len(shape) == len(full) and [a for a, b in zip(shape, full, strict=True) if a != b] == [
        1
    ]


@export(functional=True, public=False)
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood (log var + (input - target)^2 / var) / 2."""
    variance = var if isinstance(var, Tensor) else input * 0 + var
    if variance.array.size and float(variance.array.min()) < 0:
        raise ValueError("var has negative entry/entries")
    if variance.array.shape != input.array.shape:
        if input.array.shape[:-1] == variance.array.shape:
            variance = variance.unsqueeze(-1)
        elif not _has_one_axis_of_one(variance.array.shape, input.array.shape):
            raise ValueError("var is of incorrect size")
    reduction = read_reduction(reduction, None, None)
    limited = variance + (variance.detach().clamp(min=eps) - variance.detach())
    difference = input - target
    each = 0.5 * (limited.log() + difference * difference / limited)
    return reduced(each + 0.5 * math.log(2 * math.pi) if full else each, reduction)
