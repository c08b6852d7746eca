"""Type aliases shared by every layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

# A NumPy or a CuPy array. CuPy has no static types that NumPy code could share.
Array: TypeAlias = Any
Number: TypeAlias = bool | int | float | complex
Shape: TypeAlias = tuple[int, ...]
IntOrPair: TypeAlias = int | Sequence[int]
