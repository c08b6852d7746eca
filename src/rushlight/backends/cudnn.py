"""`torch.backends.cudnn`: switches of NVIDIA's convolution library."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any

from ._switches import switched

enabled = True
benchmark = False
benchmark_limit: int | None = 10
deterministic = False
allow_tf32 = True
fp32_precision = "none"
depthwise_kernel = "auto"


def is_available() -> bool:
    """Tell whether cuDNN is used: not in this release."""
    return False


def version() -> int | None:
    """Return the version of cuDNN as one number, None where it is not used."""
    return None


def is_acceptable(tensor: Any) -> bool:
    """Tell whether cuDNN would work on this tensor."""
    return enabled and is_available() and tensor.is_cuda


def flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int | None = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
    fp32_precision: str = "none",
    depthwise_kernel: str = "auto",
) -> AbstractContextManager[None]:
    """Set the switches inside a `with` block (those not given: to the defaults shown)."""
    return switched(
        sys.modules[__name__],
        enabled=enabled,
        benchmark=benchmark,
        benchmark_limit=benchmark_limit,
        deterministic=deterministic,
        allow_tf32=allow_tf32,
        fp32_precision=fp32_precision,
        depthwise_kernel=depthwise_kernel,
    )
