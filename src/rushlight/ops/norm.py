"""Batch, instance, layer, group, RMS and local response normalisation, and normalize.

Each gradient is one fused kernel while nothing records it; when a second derivative is wanted, the
same formula is written with operators instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._deferred import take
from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.mode import is_grad_enabled
from ..autograd.node import Op
from ..autograd.view import bump
from ..backend.memory_format import is_channels_last
from ..kernels import norm as K
from ._deferred import Gated, Normalised, is_kept, may_wait
from ._export import export, into
from .casts import cast, to_format


def _row(v: Tensor, ndim: int) -> Tensor:
    """(C) -> (1, C, 1, ...), in at least float32."""
    return v.reshape(1, -1, *(1,) * (ndim - 2))


def _standard_grad(
    g: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, scale: Any, axes: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Return gx of y = xhat * scale, and xhat, written with operators (g and x already wide).

    Mean and deviation depend on x too: they are computed again here, so that differentiating this
    expression once more takes that into account.
    """
    centred = x - x.mean(axes, keepdim=True)
    var = (centred * centred).mean(axes, keepdim=True)
    eps = wrap(1.0 / (rstd.array * rstd.array) - var.array)
    inverse = (var + eps).rsqrt()
    xhat = centred * inverse
    u = g if scale is None else g * scale
    gx = inverse * (u - u.mean(axes, keepdim=True) - xhat * (u * xhat).mean(axes, keepdim=True))
    return gx, xhat


class BatchNorm(Op):
    """y = xhat w + b with the statistics of each channel over N and space."""

    label = "NativeBatchNorm"
    nondifferentiable = (1, 2)

    def forward(
        ctx, x: Array, w: Array | None, b: Array | None, *, eps: float
    ) -> tuple[Array | Normalised, ...]:
        if may_wait(x) and is_kept(ctx, 0, x, eps=eps):
            mean, rstd, var = K.batch_norm_statistics(x, eps=eps)
            y: Array | Normalised = Normalised(x, (w, b, mean, rstd))
        else:
            y, mean, rstd, var = K.batch_norm(x, w, b, eps=eps)
        ctx.save(x, w, mean, rstd)
        return y, mean, var

    def backward(ctx, g: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        x, w, mean, rstd = ctx.saved_tensors
        if not is_grad_enabled():
            gated = take(g, Gated)
            up, y = (_dense(g), None) if gated is None else (gated.g, gated.y)
            return _wrapped(
                K.batch_norm_grad(up, x.array, _raw(w), mean.array, rstd.array, y, training=True)
            )
        axes = (0, *range(2, x.ndim))
        wide, g = _wide(x), _wide(g)
        scale = None if w is None else _row(_wide(w), x.ndim)
        gx, xhat = _standard_grad(g, wide, mean, _row(rstd, x.ndim), scale, axes)
        dtype = x.dtype if w is None else w.dtype
        return cast(gx, x.dtype), cast((g * xhat).sum(axes), dtype), cast(g.sum(axes), dtype)


class BatchNormEval(Op):
    """y = (x - mean) / sqrt(var + eps) w + b with given statistics."""

    label = "NativeBatchNorm"

    def forward(
        ctx, x: Array, w: Array | None, b: Array | None, mean: Array, var: Array, *, eps: float
    ) -> Array | Normalised:
        waits = may_wait(x) and is_kept(ctx, 0, x, eps=eps)
        ctx.save(x, w, mean, var)
        ctx.eps = eps
        if waits:
            return Normalised(x, (w, b, mean, K.deviation(var, eps)))
        return K.batch_norm_eval(x, w, b, mean, var, eps=eps)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w, mean, var = ctx.saved_tensors
        axes = (0, *range(2, x.ndim))
        wide, g = _wide(x), _wide(to_format(g, is_channels_last(x.array)))
        rstd = _row((_wide(var) + ctx.eps).rsqrt(), x.ndim)
        xhat = (wide - _row(_wide(mean), x.ndim)) * rstd
        gx = g * rstd if w is None else g * (rstd * _row(_wide(w), x.ndim))
        dtype = x.dtype if w is None else w.dtype
        return (
            cast(gx, x.dtype),
            cast((g * xhat).sum(axes), dtype),
            cast(g.sum(axes), dtype),
            None,
            None,
        )


class LayerNorm(Op):
    """y = xhat w + b with the statistics of each sample over its last axes."""

    label = "NativeLayerNorm"
    autocast_cuda = "float32"

    def forward(ctx, x: Array, w: Array | None, b: Array | None, *, axes: int, eps: float) -> Array:
        y, mean, rstd = K.layer_norm(x, w, b, axes=axes, eps=eps)
        ctx.save(x, w, mean, rstd)
        ctx.axes = axes
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w, mean, rstd = ctx.saved_tensors
        if not is_grad_enabled():
            return _wrapped(
                K.layer_norm_grad(
                    _dense(g), x.array, _raw(w), mean.array, rstd.array, axes=ctx.axes
                )
            )
        last = tuple(range(x.ndim - ctx.axes, x.ndim))
        rows = tuple(range(x.ndim - ctx.axes))
        g = _wide(g)
        gx, xhat = _standard_grad(g, _wide(x), mean, rstd, None if w is None else _wide(w), last)
        dtype = x.dtype if w is None else w.dtype
        gw, gb = (g * xhat, g) if not rows else ((g * xhat).sum(rows), g.sum(rows))
        return cast(gx, x.dtype), cast(gw, dtype), cast(gb, dtype)


class GroupNorm(Op):
    """y = xhat w + b with the statistics of each group of channels of each sample."""

    label = "NativeGroupNorm"
    autocast_cuda = "float32"

    def forward(
        ctx, x: Array, w: Array | None, b: Array | None, *, groups: int, eps: float
    ) -> Array:
        y, mean, rstd = K.group_norm(x, w, b, groups=groups, eps=eps)
        ctx.save(x, w, mean, rstd)
        ctx.groups = groups
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w, mean, rstd = ctx.saved_tensors
        if not is_grad_enabled():
            return _wrapped(
                K.group_norm_grad(
                    _dense(g), x.array, _raw(w), mean.array, rstd.array, groups=ctx.groups
                )
            )
        g, shape = _wide(g), x.shape
        rows = (shape[0] * ctx.groups, math.prod(shape[1:]) // ctx.groups)
        u = g if w is None else g * _row(_wide(w), x.ndim)
        gx, xhat = _standard_grad(
            u.reshape(rows),
            _wide(x).reshape(rows),
            mean,
            rstd.reshape(-1, 1),
            None,
            (1,),
        )
        axes = (0, *range(2, x.ndim))
        dtype = x.dtype if w is None else w.dtype
        gw, gb = (g * xhat.reshape(shape)).sum(axes), g.sum(axes)
        return cast(gx.reshape(shape), x.dtype), cast(gw, dtype), cast(gb, dtype)


class RMSNorm(Op):
    """y = x / rms(x) w over the last axes."""

    label = "Mul"  # torch composes it on the CPU, and ends with this
    autocast_cuda = "float32"

    def forward(ctx, x: Array, w: Array | None, *, axes: int, eps: float) -> Array:
        y, rstd = K.rms_norm(x, w, axes=axes, eps=eps)
        ctx.save(x, w, rstd)
        ctx.axes, ctx.eps = axes, eps
        return y

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w, rstd = ctx.saved_tensors
        if not is_grad_enabled():
            return _wrapped(K.rms_norm_grad(_dense(g), x.array, _raw(w), rstd.array, axes=ctx.axes))
        last = tuple(range(x.ndim - ctx.axes, x.ndim))
        rows = tuple(range(x.ndim - ctx.axes))
        g, wide = _wide(g), _wide(x)
        inverse = ((wide * wide).mean(last, keepdim=True) + ctx.eps).rsqrt()
        xhat = wide * inverse
        u = g if w is None else g * _wide(w)
        gx = inverse * (u - xhat * (u * xhat).mean(last, keepdim=True))
        gw = g * xhat
        return cast(gx, x.dtype), cast(
            gw.sum(rows) if rows else gw, x.dtype if w is None else w.dtype
        )


def _wide(x: Tensor) -> Tensor:
    """Return half-precision tensors as float32, others unchanged."""
    from ..backend.dtype import float32

    return cast(x, float32) if x.array.itemsize == 2 else x


def _raw(w: Tensor | None) -> Array | None:
    return None if w is None else w.array


def _dense(g: Tensor) -> Array:
    return g.array


def _wrapped(arrays: tuple[Array, ...]) -> tuple[Tensor, ...]:
    return tuple([wrap(a) for a in arrays])


# --- public ------------------------------------------------------------------------------------


def _check_channel_vectors(name: str, channels: int, **vectors: Tensor | None) -> None:
    for label, v in vectors.items():
        if v is not None and v.array.shape != (channels,):
            raise RuntimeError(
                f"{name}: {label} should contain {channels} elements not {v.array.size}"
            )


def _update(running: Tensor | None, batch: Array, momentum: float) -> None:
    """running <- (1 - momentum) running + momentum batch, in place."""
    if running is not None:
        running.array[...] = (1 - momentum) * running.array + momentum * batch
        bump(running)


@export(functional=True)
def batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None,
    weight: Tensor | None = None, bias: Tensor | None = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each channel by the statistics of the batch (training) or by running ones.

    y = (x - mean) / sqrt(var + eps) weight + bias, with the biased variance; the running variance
    is updated with the unbiased one.

    Shape:
        input (N, C, ...); the statistics, weight and bias (C); result as input.

    Raises:
        ValueError: training with only one value per channel.

    Reference:
        Ioffe and Szegedy, "Batch Normalization", 2015.
    """
    x_shape = input.array.shape
    if input.array.size == 0:
        y = input.clone()
        y = y if weight is None else y * weight[0]
        return y if bias is None else y + bias[0]
    if len(x_shape) < 2:
        raise RuntimeError(
            f"batch_norm: expected input with at least 2 dimensions, got {list(x_shape)}"
        )
    channels = x_shape[1]
    _check_channel_vectors(
        "batch_norm",
        channels,
        weight=weight,
        bias=bias,
        running_mean=running_mean,
        running_var=running_var,
    )
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "batch_norm: running_mean and running_var must be defined in evaluation mode"
            )
        return BatchNormEval.apply(input, weight, bias, running_mean, running_var, eps=eps)
    count = input.array.size // max(channels, 1)
    if count <= 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    y, mean, var = BatchNorm.apply(input, weight, bias, eps=eps)
    _update(running_mean, mean.array, momentum)
    _update(running_var, var.array * (count / (count - 1)), momentum)
    return y


@export(functional=True)
def instance_norm(
    input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
    weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each channel of each sample by its own statistics (or by running ones).

    Shape:
        input (N, C, ...); the statistics, weight and bias (C); result as input.

    Reference:
        Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    n, channels, *space = input.array.shape
    count = int(np.prod(space))
    if count <= 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.shape}"
        )
    _check_channel_vectors("instance_norm", channels, weight=weight, bias=bias)
    if running_mean is not None or running_var is not None:
        flat = input.array.reshape(n, channels, count).astype(np.float64)
        _update(running_mean, flat.mean(2).mean(0), momentum)
        _update(running_var, flat.var(2, ddof=1).mean(0), momentum)
    return GroupNorm.apply(to_format(input, last=False), weight, bias, groups=channels, eps=eps)


def _normalized_axes(
    name: str, input: Tensor, normalized_shape: Sequence[int], **vectors: Tensor | None
) -> int:
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError(f"{name}: Expected normalized_shape to be at least 1-dimensional")
    for label, v in vectors.items():
        if v is not None and v.array.shape != shape:
            raise RuntimeError(
                f"{name}: Expected {label} to be of same shape as normalized_shape, but got "
                f"{label} of shape {list(v.array.shape)} and normalized_shape = {list(shape)}"
            )
    if input.array.shape[-len(shape) :] != shape:
        tail = ", ".join(map(str, shape))
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(shape)}, expected input with shape [*, "
            f"{tail}], but got input of size{list(input.array.shape)}"
        )
    return len(shape)


@export(functional=True)
def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
    bias: Tensor | None = None, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each sample over its last axes: y = (x - mean) / sqrt(var + eps) weight + bias.

    Shape:
        input (*, normalized_shape); weight and bias (normalized_shape); result as input.

    Raises:
        RuntimeError: the input does not end in `normalized_shape`.

    Reference:
        Ba, Kiros and Hinton, "Layer Normalization", 2016.
    """
    axes = _normalized_axes("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return LayerNorm.apply(input, weight, bias, axes=axes, eps=eps)


@export(functional=True)
def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Divide each sample by its root mean square over the last axes.

    y = x / sqrt(mean(x^2) + eps) weight

    `eps` defaults to the machine epsilon of the dtype the computation runs in.

    Shape:
        input (*, normalized_shape); weight (normalized_shape); result as input.

    Reference:
        Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
    """
    axes = _normalized_axes("rms_norm", input, normalized_shape, weight=weight)
    if eps is None:
        eps = float(np.finfo(np.float64 if input.array.dtype == np.float64 else np.float32).eps)
    if input.array.dtype.kind == "c":
        # The square, not the squared absolute value, as in torch.
        last = tuple(range(input.ndim - axes, input.ndim))
        y = input * ((input * input).mean(last, keepdim=True) + eps).rsqrt()
        return y if weight is None else y * weight
    return RMSNorm.apply(input, weight, axes=axes, eps=eps)


@export(functional=True)
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each sample over groups of channels.

    Shape:
        input (N, C, ...) with C divisible by num_groups; weight and bias (C); result as input.

    Raises:
        RuntimeError: C is not divisible by `num_groups`.

    Reference:
        Wu and He, "Group Normalization", 2018.
    """
    if input.array.ndim < 2:
        raise RuntimeError(
            f"group_norm: Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    channels = input.array.shape[1]
    if num_groups <= 0:
        raise RuntimeError(
            f"group_norm: Expected num groups to be greater than 0, got {num_groups}"
        )
    if channels % num_groups:
        raise RuntimeError(
            "group_norm: Expected number of channels in input to be divisible by num_groups, but "
            f"got input of shape {list(input.shape)} and num_groups={num_groups}"
        )
    _check_channel_vectors("group_norm", channels, weight=weight, bias=bias)
    return GroupNorm.apply(input, weight, bias, groups=num_groups, eps=eps)


@export(functional=True, public=False)
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divide by a power of the mean square over neighbouring channels.

    y = x / (k + alpha mean(x^2))^beta

    Shape:
        input (N, C, ...); result the same.

    Reference:
        Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep CNNs", 2012.
    """
    from .padding import pad
    from .pool import avg_pool2d, avg_pool3d

    if input.array.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)"
        )
    if input.array.size == 0:
        return input
    shape = input.array.shape
    around = (size // 2, (size - 1) // 2)
    if input.array.ndim == 3:
        square = pad((input * input).unsqueeze(1), (0, 0, *around))
        mean = avg_pool2d(square, (size, 1), stride=1).squeeze(1)
    else:
        square = (input * input).reshape(shape[0], 1, shape[1], shape[2], -1)
        square = pad(square, (0, 0, 0, 0, *around))
        mean = avg_pool3d(square, (size, 1, 1), stride=1).reshape(shape)
    return input / (mean * alpha + k).pow(beta)


@export(functional=True, public=False)
def normalize(
    input: Tensor,
    p: float = 2.0,
    dim: int | tuple[int, ...] = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """Divide by the p-norm along a dimension: y = x / max(norm(x, p), eps).

    Example:
        >>> rushlight.nn.functional.normalize(rushlight.tensor([[3.0, 4.0]]))
        tensor([[0.6000, 0.8000]])
    """
    length = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    result = input / length
    return result if out is None else into("normalize", out, result)
