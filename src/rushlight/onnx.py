"""`torch.onnx`, as far as models ask about it: rushlight writes no ONNX files."""

from __future__ import annotations

__all__ = ["is_in_onnx_export"]


def is_in_onnx_export() -> bool:
    """Tell whether the model is being exported: never.

    Example:
        >>> rushlight.onnx.is_in_onnx_export()
        False
    """
    return False
