"""The few names that libraries take from torch's compiled part, `torch._C`."""

from __future__ import annotations

from .._tensor import Tensor
from ..overrides import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _disabled_torch_function_impl,
)
from ..random import Generator

__all__ = [
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "Generator",
    "TensorBase",
    "_disabled_torch_function_impl",
]

TensorBase = _TensorBase = Tensor
_TensorMeta = type(Tensor)


def _get_tracing_state() -> None:
    """Return what traces the program: nothing does."""


def _log_api_usage_once(event: str) -> None:
    """Take note of a use, as torch's makers may: nothing is noted."""
