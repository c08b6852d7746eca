"""Pairs of operators as one: what `rushlight.nn.fused` is made of.

The first half's result is not kept where the gradient can do without it, and the activation is
taken while the sum is still in registers, where the kernel does that.
"""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.mode import is_grad_enabled
from ..autograd.node import Op
from ..backend.array import array_module
from ..kernels import activation, conv as K, gemm, norm
from ._broadcast import sum_to
from .activation import gelu
from .casts import cast
from .conv import Conv, ConvGradBias, ConvGradInput, ConvGradWeight
from .matmul import Linear, MatMul
from .norm import _row, _standard_grad, _wide

Grads = tuple[Tensor | None, ...]


def _masked(g: Tensor, y: Tensor) -> Tensor:
    """Return g where the output was positive, 0 elsewhere."""
    if not is_grad_enabled():
        return wrap(activation.relu_grad(g.array, y.array))
    return g * wrap((y.array > 0).astype(y.array.dtype))


def _conv_grads(g: Tensor, x: Tensor, w: Tensor, edges: Any, options: dict[str, Any]) -> Grads:
    to_x, to_w, to_b = edges
    return (
        ConvGradInput.apply(g, w, input_shape=x.array.shape, **options) if to_x else None,
        ConvGradWeight.apply(g, x, weight_shape=w.array.shape, **options) if to_w else None,
        ConvGradBias.apply(g) if to_b else None,
    )


class ConvReLU(Op):
    """y = max(b + w * x, 0).  The gradients of Conv, with g set to 0 where y = 0."""

    autocast = "lower"

    def forward(ctx, x: Array, w: Array, b: Array | None, **options: Any) -> Array:
        y = K.conv_relu(x, w, b, **options)
        ctx.save(x, w, y)
        ctx.options = options
        return y

    def backward(ctx, g: Tensor) -> Grads:
        x, w, y = ctx.saved_tensors
        return _conv_grads(_masked(g, y), x, w, ctx.edges, ctx.options)


class ConvNormReLU(Op):
    """y = max(batch_norm(b + w * x), 0) with the statistics of the batch; returns them too."""

    nondifferentiable = (1, 2)

    def forward(
        ctx, x: Array, w: Array, b: Array | None, scale: Array, shift: Array, *, eps: float,
        **options: Any,
    ) -> tuple[Array, ...]:  # fmt: skip
        c = K.conv(x, w, b, **options)
        y, mean, rstd, var = norm.batch_norm(c, scale, shift, eps=eps, relu=True)
        if ctx.edges:
            ctx.save(x, w, b, scale, c, mean, rstd, y)
        ctx.options = options
        return y, mean, var

    def backward(ctx, g: Tensor, *_: Any) -> Grads:
        x, w, b, scale, c, mean, rstd, y = ctx.saved_tensors
        if is_grad_enabled():
            c = Conv.apply(x, w, b, **ctx.options)
            axes = (0, *range(2, c.ndim))
            g = _wide(_masked(g, y))
            row = _row(_wide(scale), c.ndim)
            gc, xhat = _standard_grad(g, _wide(c), mean, _row(rstd, c.ndim), row, axes)
            gc = cast(gc, x.dtype)
            g_scale, g_shift = (cast(t.sum(axes), scale.dtype) for t in (g * xhat, g))
        else:
            gc, g_scale, g_shift = map(
                wrap,
                norm.batch_norm_grad(
                    g.array, c.array, scale.array, mean.array, rstd.array, y.array, training=True
                ),
            )
        return (*_conv_grads(gc, x, w, ctx.edges[:3], ctx.options), g_scale, g_shift)


def _linear_grads(g: Tensor, x: Tensor, w: Tensor, edges: Any) -> Grads:
    rows = g.reshape(-1, g.array.shape[-1])
    to_x, to_w, to_b = edges
    return (
        MatMul.apply(rows, w).reshape(x.array.shape) if to_x else None,
        MatMul.apply(rows.t(), x.reshape(-1, x.array.shape[-1])) if to_w else None,
        rows.sum(0) if to_b else None,
    )


class LinearReLU(Op):
    """y = max(x w^T + b, 0).  The gradients of Linear, with g set to 0 where y = 0."""

    autocast = "lower"

    def forward(ctx, x: Array, w: Array, b: Array | None) -> Array:
        y = gemm.linear(x, w, b, "relu")
        ctx.save(x, w, y)
        return y

    def backward(ctx, g: Tensor) -> Grads:
        x, w, y = ctx.saved_tensors
        return _linear_grads(_masked(g, y), x, w, ctx.edges)


class LinearGELU(Op):
    """y = gelu(h), h = x w^T + b.  The gradients of Linear for g gelu'(h)."""

    autocast = "lower"

    def forward(ctx, x: Array, w: Array, b: Array | None, *, approximate: str) -> Array:
        ctx.approximate = approximate
        if not ctx.edges:
            return gemm.linear(x, w, b, "gelu" if approximate == "none" else "gelu_tanh")
        h = gemm.linear(x, w, b)
        ctx.save(x, w, b, h)
        return activation.gelu(h, approximate)

    def backward(ctx, g: Tensor) -> Grads:
        x, w, b, h = ctx.saved_tensors
        if not is_grad_enabled():
            slope = wrap(activation.gelu_grad(g.array, h.array, ctx.approximate))
            return _linear_grads(slope, x, w, ctx.edges)
        h = Linear.apply(x, w, b)
        from ..autograd import grad

        [gh] = grad(gelu(h, approximate=ctx.approximate), h, g, create_graph=True)
        return _linear_grads(gh, x, w, ctx.edges)


class AddReLU(Op):
    """z = max(x + y, 0).  dL/dx = dL/dy = g where z > 0, else 0."""

    def forward(ctx, x: Array, y: Array) -> Array:
        z = x + y
        z = array_module(z).maximum(z, 0, out=z)
        ctx.save(z)
        ctx.shapes = x.shape, y.shape
        return z

    def backward(ctx, g: Tensor) -> Grads:
        (z,) = ctx.saved_tensors
        g = _masked(g, z)
        return tuple(
            sum_to(g, shape) if edge else None
            for edge, shape in zip(ctx.edges, ctx.shapes, strict=True)
        )
