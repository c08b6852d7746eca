"""Convolutions of arrays without values: shapes only."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._typing import Array
from ...backend.meta import MetaArray, meta_array
from .._window import conv_output_size
from . import conv, conv_grad_input, conv_grad_weight


@conv.fast(MetaArray)
def _conv(
    x: Array, w: Array, b: Array | None = None, *, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Array:  # fmt: skip
    out = conv_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    return meta_array((x.shape[0], w.shape[0], *out), np.result_type(x.dtype, w.dtype))


@conv_grad_input.fast(MetaArray)
def _grad_input(g: Array, w: Array, *, input_shape: Any, **options: Any) -> Array:
    return meta_array(input_shape, np.result_type(g.dtype, w.dtype))


@conv_grad_weight.fast(MetaArray)
def _grad_weight(g: Array, x: Array, *, weight_shape: Any, **options: Any) -> Array:
    return meta_array(weight_shape, np.result_type(g.dtype, x.dtype))
