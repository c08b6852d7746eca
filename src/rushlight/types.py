"""Names of types for annotations, as `torch.types`."""

from __future__ import annotations

import os
from builtins import bool as _bool, bytes as _bytes, float as _float, int as _int, str as _str
from collections.abc import Sequence
from typing import IO, TypeAlias

from ._tensor import Size, Tensor
from .backend.device import device as _device

__all__ = ["Device", "FileLike", "Number"]

Number: TypeAlias = _int | _float | _bool
Device: TypeAlias = _device | _str | _int | None
FileLike: TypeAlias = _str | os.PathLike[_str] | IO[_bytes]
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_size: TypeAlias = Size | list[_int] | tuple[_int, ...]
