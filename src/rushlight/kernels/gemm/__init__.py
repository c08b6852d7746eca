"""Matrix products."""

from __future__ import annotations

from ..._typing import Array
from ...backend.array import array_module
from .._kernel import add_native, kernel
from .._precision import widen
from ..activation import gelu, relu


@kernel
def matmul(a: Array, b: Array) -> Array:
    """a b as `numpy.matmul` has it: (*, M, K) (*, K, N), 1-D operands and broadcasting included.

    Any strides and equal dtypes; float16 and bfloat16 are summed in float32. A new array.
    """
    wide = widen(a)
    if wide is not a:
        return matmul(wide, widen(b)).astype(a.dtype)
    return array_module(a).matmul(a, b)


@kernel
def linear(
    x: Array,
    w: Array,
    b: Array | None = None,
    activation: str = "none",
    residual: Array | None = None,
) -> Array:
    """activation(x w^T + b + residual): x (*, D), w (O, D), b (O,), residual (*, O).

    activation: "none", "relu", "gelu" or "gelu_tanh". Sums as `matmul`.
    """
    wide = widen(x)
    if wide is not x:
        y = linear(wide, widen(w), _widen_if(b), activation, _widen_if(residual))
        return y.astype(x.dtype)
    y = matmul(x, w.T)
    if b is not None:
        y += b
    if residual is not None:
        y += residual
    if activation == "none":
        return y
    return relu(y) if activation == "relu" else gelu(y, _GELU_FORMS[activation])


_GELU_FORMS = {"gelu": "none", "gelu_tanh": "tanh"}


def _widen_if(x: Array | None) -> Array | None:
    return None if x is None else widen(x)


add_native(__name__)
