"""`torch._tensor_str`, from which libraries take the options of printing."""

from __future__ import annotations

from .._printing import _options as PRINT_OPTS, contents, printoptions, set_printoptions
from .._tensor import Tensor

__all__ = ["PRINT_OPTS", "printoptions", "set_printoptions"]


def _tensor_str(tensor: Tensor, indent: int) -> str:
    """Return the elements of a tensor as `print` shows them."""
    return contents(tensor.detach().array, indent)
