"""Convolutions of arrays without values: shapes only."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._typing import Array
from ...backend.memory_format import in_format, is_channels_last
from ...backend.meta import MetaArray, meta_array
from .._window import conv_output_size
from . import conv, conv_grad_input, conv_grad_weight


@conv.fast(MetaArray)
def _conv(
    x: Array, w: Array, b: Array | None = None, *, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Array:  # fmt: skip
    out = conv_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    return _result((x.shape[0], w.shape[0], *out), x, w)


@conv_grad_input.fast(MetaArray)
def _grad_input(g: Array, w: Array, *, input_shape: Any, **options: Any) -> Array:
    return _result(input_shape, g, w)


@conv_grad_weight.fast(MetaArray)
def _grad_weight(g: Array, x: Array, *, weight_shape: Any, **options: Any) -> Array:
    return _result(weight_shape, g, x)


def _result(shape: Any, a: Array, b: Array) -> Array:
    made = meta_array(shape, np.result_type(a.dtype, b.dtype))
    return in_format(made, is_channels_last(a) or is_channels_last(b))
