"""Batch normalisation folded into the layer before it, for evaluation."""

from __future__ import annotations

import copy
from typing import TypeVar

from ..._tensor import Tensor
from ...ops.creation import ones_like, zeros_like
from ..modules.batchnorm import _BatchNorm
from ..modules.module import Module
from ..parameter import Parameter

__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]

M = TypeVar("M", bound=Module)


def _statistics(layer: Module, bn: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Return the running mean and variance that are folded in."""
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    return bn.running_mean, bn.running_var


def fuse_conv_bn_eval(conv: M, bn: _BatchNorm, transpose: bool = False) -> M:
    """Return a convolution that does what a convolution and a BatchNorm do, both in eval mode.

    Args:
        conv: the convolution; not changed.
        bn: the normalisation of its output.
        transpose: whether the convolution is a transposed one.

    Raises:
        AssertionError: not in evaluation mode, or no running statistics.

    Example:
        >>> conv, bn = rushlight.nn.Conv2d(1, 2, 3).eval(), rushlight.nn.BatchNorm2d(2).eval()
        >>> x = rushlight.ones(1, 1, 4, 4)
        >>> fused = rushlight.nn.utils.fuse_conv_bn_eval(conv, bn)
        >>> rushlight.allclose(fused(x), bn(conv(x)))
        True
    """
    mean, var = _statistics(conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, mean, var, bn.eps, bn.weight, bn.bias,
        transpose,
    )  # fmt: skip
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Return weight and bias of the fused convolution: w s and (b - mean) s + bias, s = w / std."""
    shape = [1] * conv_w.ndim
    shape[1 if transpose else 0] = -1
    return _folded(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape)


def fuse_linear_bn_eval(linear: M, bn: _BatchNorm) -> M:
    """Return a linear layer that does what it and a BatchNorm do, both in evaluation mode.

    Args:
        linear: the linear layer; not changed.
        bn: the normalisation of its output.

    Raises:
        AssertionError: not in evaluation mode, no running statistics, or sizes that do not fit.
    """
    mean, var = _statistics(linear, bn)
    if bn.num_features not in (linear.out_features, 1):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, mean, var, bn.eps, bn.weight, bn.bias
    )
    return fused


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """Return weight and bias of the fused linear layer; see `fuse_conv_bn_weights`."""
    return _folded(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [-1, 1])


def _folded(
    w: Tensor, b: Tensor | None, mean: Tensor, var: Tensor, eps: float, scale: Tensor | None,
    shift: Tensor | None, shape: list[int],
) -> tuple[Parameter, Parameter]:  # fmt: skip
    had_grad = w.requires_grad, w.requires_grad if b is None else b.requires_grad
    b = zeros_like(mean) if b is None else b
    scale = ones_like(mean) if scale is None else scale
    shift = zeros_like(mean) if shift is None else shift
    factor = scale * (var + eps).rsqrt()
    new_w = (w * factor.reshape(shape)).to(w.dtype)
    new_b = ((b - mean) * factor + shift).to(b.dtype)
    return Parameter(new_w.detach(), had_grad[0]), Parameter(new_b.detach(), had_grad[1])
