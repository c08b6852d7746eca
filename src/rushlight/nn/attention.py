"""`torch.nn.attention`: which ways to compute attention a program allows."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """The ways to compute `scaled_dot_product_attention` that torch tells apart."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(
    backends: SDPBackend | Iterable[SDPBackend], set_priority: bool = False
) -> Iterator[None]:
    """Choose the allowed ways to compute attention inside a `with` block.

    Args:
        backends: one way, or several.
        set_priority: accepted; the order of `backends` changes nothing.

    Example:
        >>> from rushlight.nn.attention import SDPBackend, sdpa_kernel
        >>> with sdpa_kernel(SDPBackend.MATH):
        ...     rushlight.backends.cuda.flash_sdp_enabled()
        False
    """
    from ..backends import cuda

    chosen = {backends} if isinstance(backends, SDPBackend) else set(backends)
    with cuda.sdp_kernel(
        enable_flash=SDPBackend.FLASH_ATTENTION in chosen,
        enable_math=SDPBackend.MATH in chosen,
        enable_mem_efficient=SDPBackend.EFFICIENT_ATTENTION in chosen,
        enable_cudnn=SDPBackend.CUDNN_ATTENTION in chosen,
    ):
        yield
