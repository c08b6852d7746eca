"""rushlight: deep learning with PyTorch's names and behaviour on NumPy and CuPy.

Operators are exported where they are written (`ops/`); everything else is named here, one by one.
Sub-packages, and the operators of layers, load when they are first used.
"""

from __future__ import annotations

import importlib
import math as _math
from typing import TYPE_CHECKING, Any

from . import autograd, ops, random
from ._printing import get_printoptions, printoptions, set_printoptions
from ._tensor import Size, Tensor
from ._threads import (
    get_num_interop_threads,
    get_num_threads,
    set_num_interop_threads,
    set_num_threads,
)
from .autograd import (
    enable_grad,
    inference_mode,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .backend import dtype as _dtypes
from .backend.device import device, get_default_device, set_default_device
from .backend.dtype import (
    can_cast,
    dtype,
    finfo,
    get_default_dtype,
    iinfo,
    promote_types,
    set_default_dtype,
)
from .backend.memory_format import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    jagged,
    layout,
    memory_format,
    preserve_format,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
)
from .errors import OutOfMemoryError
from .ops._export import public_names as _public_names
from .ops._promote import result_type
from .random import (
    Generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
    thread_safe_generator,
)
from .version import __version__

globals().update(_public_names())
globals().update(_dtypes.NAMES)

e, inf, nan, newaxis, pi = _math.e, _math.inf, _math.nan, None, _math.pi

if TYPE_CHECKING:
    from . import (
        accelerator,
        backends,
        compat,
        compiler,
        cuda,
        linalg,
        masked,
        nn,
        optim,
        serialization,
        special,
        utils,
        version,
    )

_LAZY_MODULES = frozenset({
    "__config__", "accelerator", "amp", "array_api", "backends", "compat", "compiler", "cpu",
    "cuda", "distributed", "distributions", "fft", "func", "futures", "fx", "hub", "jit",
    "library", "linalg", "masked", "mps", "multiprocessing", "nn", "onnx", "optim", "overrides",
    "profiler", "serialization", "signal", "sparse", "special", "testing", "types", "utils",
    "version", "vision", "xpu",
})  # fmt: skip
_LAZY_NAMES = {
    "save": "serialization",
    "load": "serialization",
    "Tag": "library",
    "UntypedStorage": "backend.storage",
    "TypedStorage": "backend.storage",
    "compile": "compiler",
    "default_device": "backend.device",
    "get_device_module": "accelerator",
    "use_deterministic_algorithms": "_settings",
    "are_deterministic_algorithms_enabled": "_settings",
    "is_deterministic_algorithms_warn_only_enabled": "_settings",
    "get_deterministic_debug_mode": "_settings",
    "set_deterministic_debug_mode": "_settings",
    "set_float32_matmul_precision": "_settings",
    "get_float32_matmul_precision": "_settings",
    "set_flush_denormal": "_settings",
    "set_warn_always": "_settings",
    "_check": "_checks",
    "_check_with": "_checks",
    "_check_value": "_checks",
    "_check_index": "_checks",
    "_check_type": "_checks",
    "_check_not_implemented": "_checks",
    "_check_is_size": "_checks",
    "_check_tensor_all": "_checks",
    "is_warn_always_enabled": "_settings",
    "typename": "_settings",
    "set_default_tensor_type": "_legacy_types",
    "ccol_indices_copy": "sparse",
    "col_indices_copy": "sparse",
    "crow_indices_copy": "sparse",
    "dsmm": "sparse",
    "hspmm": "sparse",
    "indices_copy": "sparse",
    "row_indices_copy": "sparse",
    "smm": "sparse",
    "sparse_bsc_tensor": "sparse",
    "sparse_bsr_tensor": "sparse",
    "sparse_compressed_tensor": "sparse",
    "sparse_coo_tensor": "sparse",
    "sparse_csc_tensor": "sparse",
    "sparse_csr_tensor": "sparse",
    "spmm": "sparse",
    "sspaddmm": "sparse",
    "values_copy": "sparse",
    "vmap": "func",
    "Future": "futures",
    "DisableTorchFunction": "overrides",
    "DisableTorchFunctionSubclass": "overrides",
    "Event": "accelerator",
    "autocast": "amp",
    "GradScaler": "amp",
    "autocast_decrement_nesting": "amp.autocast_mode",
    "autocast_increment_nesting": "amp.autocast_mode",
    "clear_autocast_cache": "amp.autocast_mode",
    "get_autocast_cpu_dtype": "amp.device_switches",
    "get_autocast_gpu_dtype": "amp.device_switches",
    "is_autocast_cpu_enabled": "amp.device_switches",
    "set_autocast_cpu_dtype": "amp.device_switches",
    "set_autocast_cpu_enabled": "amp.device_switches",
    "set_autocast_gpu_dtype": "amp.device_switches",
    "get_autocast_dtype": "amp.autocast_mode",
    "is_autocast_cache_enabled": "amp.autocast_mode",
    "is_autocast_enabled": "amp.autocast_mode",
    "set_autocast_cache_enabled": "amp.autocast_mode",
    "set_autocast_dtype": "amp.autocast_mode",
    "set_autocast_enabled": "amp.autocast_mode",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        try:
            return importlib.import_module(f"{__package__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__package__}.{name}":
                raise
    elif name.endswith(("Tensor", "Storage")) and name not in _LAZY_NAMES:
        from ._legacy_types import TYPES

        if name in TYPES:
            return TYPES[name]
    elif name in _LAZY_NAMES:
        found = getattr(importlib.import_module(f"{__package__}.{_LAZY_NAMES[name]}"), name)
        globals()[name] = found
        return found
    elif not name.startswith("__"):
        _load_layers()
        if name in globals():
            return globals()[name]
    raise AttributeError(
        f"module 'torch' has no attribute '{name}' (not in rushlight; see docs/compatibility.md)"
    )


def __dir__() -> list[str]:
    _load_layers()
    return sorted({*globals(), *_LAZY_MODULES, *_LAZY_NAMES})


def _load_layers() -> None:
    """Bring in the operators that wait for their first use: `conv2d`, `embedding`, ..."""
    importlib.import_module(f"{__package__}.ops.layers")
    for name, function in _public_names().items():
        globals().setdefault(name, function)


__all__ = [
    "Generator",
    "OutOfMemoryError",
    "Size",
    "Tensor",
    "__version__",
    "autograd",
    "can_cast",
    "channels_last",
    "channels_last_3d",
    "contiguous_format",
    "default_generator",
    "device",
    "dtype",
    "e",
    "enable_grad",
    "finfo",
    "fork_rng",
    "get_default_device",
    "get_default_dtype",
    "get_num_interop_threads",
    "get_num_threads",
    "get_printoptions",
    "get_rng_state",
    "iinfo",
    "jagged",
    "inf",
    "inference_mode",
    "initial_seed",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "layout",
    "load",
    "manual_seed",
    "memory_format",
    "nan",
    "newaxis",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "pi",
    "preserve_format",
    "printoptions",
    "promote_types",
    "random",
    "result_type",
    "save",
    "seed",
    "set_default_device",
    "set_default_dtype",
    "set_grad_enabled",
    "set_num_interop_threads",
    "set_num_threads",
    "set_printoptions",
    "set_rng_state",
    "sparse_bsc",
    "sparse_bsr",
    "sparse_coo",
    "sparse_csc",
    "sparse_csr",
    "strided",
]
