"""The operators, one file per family.

Importing this package installs them: each `@export` puts a function under `rushlight`, on Tensor and in
`nn.functional`.
"""

from __future__ import annotations

from . import (
    arithmetic,
    casts,
    complex,
    conversion,
    creation,
    division,
)

__all__ = [
    "arithmetic",
    "casts",
    "complex",
    "conversion",
    "creation",
    "division",
]
