"""`torch.backends.cuda`: switches of matrix products and attention on the GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._settings import get_float32_matmul_precision, set_float32_matmul_precision
from ..backend.cuda import available


def is_built() -> bool:
    """Tell whether GPUs are supported here: whether CuPy finds one."""
    return available()


class Matmul:
    """Switches of matrix products; `allow_tf32` trades float32 precision for speed."""

    def __init__(self) -> None:
        self.allow_fp16_reduced_precision_reduction = True
        self.allow_bf16_reduced_precision_reduction = True
        self.allow_fp16_accumulation = False
        self.fp32_precision = "none"

    @property
    def allow_tf32(self) -> bool:
        """Whether `torch.set_float32_matmul_precision` allows less than full precision."""
        return get_float32_matmul_precision() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, allowed: bool) -> None:
        set_float32_matmul_precision("high" if allowed else "highest")


matmul = Matmul()

# The ways to compute attention that torch tells apart, and whether each may be used.
_attention = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def enable_flash_sdp(enabled: bool) -> None:
    """Allow or forbid fused attention."""
    _attention["flash"] = bool(enabled)


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Allow or forbid attention that keeps no score matrix."""
    _attention["mem_efficient"] = bool(enabled)


def enable_math_sdp(enabled: bool) -> None:
    """Allow or forbid attention by its formula."""
    _attention["math"] = bool(enabled)


def enable_cudnn_sdp(enabled: bool) -> None:
    """Allow or forbid cuDNN's attention."""
    _attention["cudnn"] = bool(enabled)


def flash_sdp_enabled() -> bool:
    """Tell whether fused attention is allowed."""
    return _attention["flash"]


def mem_efficient_sdp_enabled() -> bool:
    """Tell whether attention that keeps no score matrix is allowed."""
    return _attention["mem_efficient"]


def math_sdp_enabled() -> bool:
    """Tell whether attention by its formula is allowed."""
    return _attention["math"]


def cudnn_sdp_enabled() -> bool:
    """Tell whether cuDNN's attention is allowed."""
    return _attention["cudnn"]


@contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[None]:
    """Choose the allowed ways to compute attention inside a `with` block."""
    before = dict(_attention)
    _attention.update(
        flash=enable_flash,
        math=enable_math,
        mem_efficient=enable_mem_efficient,
        cudnn=enable_cudnn,
    )
    try:
        yield
    finally:
        _attention.update(before)
