"""Dropout: zeroing elements or whole channels at random."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Shape
from ..autograd.view import write_
from ..kernels.random import fill
from ..random import generator_for
from ._export import export
from ._operands import not_a_tensor


def _check(name: str, input: Any, p: float) -> None:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _warn_dimensions(name: str, input: Tensor, expected: tuple[int, int]) -> None:
    if input.array.ndim not in expected:
        warnings.warn(
            f"{name}: Received a {input.ndim}-D input to {name}, which is deprecated and will "
            "result in an error in a future release.",
            stacklevel=3,
        )


def _kept(input: Tensor, shape: Shape, p: float) -> Array:
    """Draw 1 with probability 1 - p, else 0; in the input's own shape, in its memory order too."""
    like = input.array
    mask = np.empty_like(like) if shape == like.shape else np.empty(shape, like.dtype)
    fill.bernoulli(mask, generator_for(input.device).stream, 1 - p)
    return mask


def _channel_shape(input: Tensor) -> Shape:
    if input.array.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return (*input.array.shape[:2], *(1,) * (input.array.ndim - 2))


def _dropout(input: Tensor, p: float, training: bool, inplace: bool, by_channel: bool) -> Tensor:
    if not training or p == 0 or input.array.size == 0:
        return input
    shape = _channel_shape(input) if by_channel else input.array.shape
    if p == 1:
        scale = np.zeros((), input.array.dtype)
    elif input.array.dtype.kind in "iub":
        raise RuntimeError(
            "result type Float can't be cast to the desired output type " + input.dtype.type_name
        )
    else:
        scale = _kept(input, shape, p)
        scale /= scale.dtype.type(1 - p)
    result = input * wrap(scale)
    return write_(input, result) if inplace else result


@export(functional=True, other_names={"train": "training"})
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p and scale the others by 1 / (1 - p).

    Args:
        input: any floating point tensor.
        p: probability that an element is zeroed.
        training: return the input itself unless true.
        inplace: write the result into the input.

    Raises:
        ValueError: p is no probability.

    Reference:
        Srivastava et al., "Dropout: A Simple Way to Prevent Overfitting", 2014.
    """
    _check("dropout", input, p)
    return _dropout(input, p, training, inplace, by_channel=False)


@export(functional=True, public=False)
def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of (N, C, L) or (C, L) with probability p."""
    _check("dropout1d", input, p)
    if input.array.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial "
            "dimension, a channel dimension, and an optional batch dimension (i.e. 2D or 3D "
            "inputs)."
        )
    if input.array.ndim == 2:
        return _dropout(input.unsqueeze(0), p, training, inplace, by_channel=True).squeeze(0)
    return _dropout(input, p, training, inplace, by_channel=True)


@export(functional=True, public=False)
def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of (N, C, H, W) with probability p and scale the others by 1 / (1 - p).

    Reference:
        Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2015.
    """
    _check("dropout2d", input, p)
    _warn_dimensions("dropout2d", input, (3, 4))
    return _dropout(input, p, training, inplace, by_channel=True)


@export(functional=True, public=False)
def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero channels of (N, C, D, H, W) or (C, D, H, W) with probability p; scale the others."""
    _check("dropout3d", input, p)
    _warn_dimensions("dropout3d", input, (4, 5))
    if input.array.ndim == 4:
        single = input.unsqueeze(0)
        return _dropout(single, p, training, inplace, by_channel=True).squeeze(0)
    return _dropout(input, p, training, inplace, by_channel=True)


# The value SELU saturates at, -scale * alpha: what alpha dropout puts in the place of an element.
_SELU_FLOOR = -1.7580993408473766


def _alpha_dropout(
    input: Tensor, p: float, training: bool, inplace: bool, by_channel: bool
) -> Tensor:
    if not training or p == 0 or input.array.size == 0:
        return input
    shape = _channel_shape(input) if by_channel else input.array.shape
    if p == 1:
        result = input * wrap(np.zeros((), input.array.dtype))
    else:
        kept = _kept(input, shape, p)
        real = kept.dtype.type
        a = 1.0 / math.sqrt((_SELU_FLOOR * _SELU_FLOOR * p + 1) * (1 - p))
        shift = (kept - real(1)) * real(-_SELU_FLOOR * a) + real(-_SELU_FLOOR * a * p)
        result = input * wrap(kept * real(a)) + wrap(shift)
    return write_(input, result) if inplace else result


@export(functional=True)
def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps the mean and variance of standardised inputs, for networks with SELU.

    Reference:
        Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """
    _check("alpha_dropout", input, p)
    return _alpha_dropout(input, p, training, inplace, by_channel=False)


@export(functional=True)
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Alpha dropout of whole channels."""
    _check("feature_alpha_dropout", input, p)
    return _alpha_dropout(input, p, training, inplace, by_channel=True)
