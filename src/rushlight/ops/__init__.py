"""The operators, one file per family.

Importing this package installs them: each `@export` puts a function under `rushlight`, on Tensor and in
`nn.functional`.
"""

from __future__ import annotations

from . import (
    arithmetic,
    bitwise,
    casts,
    compare,
    complex,
    conversion,
    creation,
    division,
    elementwise,
    elementwise_binary,
    indexing,
    rounding,
    shape,
    trigonometry,
)

__all__ = [
    "arithmetic",
    "bitwise",
    "casts",
    "compare",
    "complex",
    "conversion",
    "creation",
    "division",
    "elementwise",
    "elementwise_binary",
    "indexing",
    "rounding",
    "shape",
    "trigonometry",
]
