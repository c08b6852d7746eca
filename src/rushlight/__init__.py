"""rushlight: deep learning with PyTorch's names and behaviour on NumPy and CuPy."""

from __future__ import annotations

from . import autograd, nn, ops
from ._printing import get_printoptions, printoptions, set_printoptions
from ._tensor import Size, Tensor
from .autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .backend import dtype as _dtypes
from .backend.device import device, get_default_device, set_default_device
from .backend.dtype import can_cast, dtype, finfo, get_default_dtype, iinfo, promote_types, set_default_dtype
from .ops._export import public_names as _public_names
from .ops._promote import result_type
from .version import __version__

globals().update(_public_names())
globals().update(_dtypes.NAMES)

__all__ = [
    "Size",
    "Tensor",
    "__version__",
    "autograd",
    "can_cast",
    "device",
    "dtype",
    "enable_grad",
    "finfo",
    "get_default_device",
    "get_default_dtype",
    "get_printoptions",
    "iinfo",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "ops",
    "printoptions",
    "promote_types",
    "result_type",
    "set_default_device",
    "set_default_dtype",
    "set_grad_enabled",
    "set_printoptions",
]
