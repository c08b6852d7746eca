"""The functional forms of layers: `import rushlight.nn.functional as F`.

The functions stand in `ops/`, each exported with `functional=True`; this module only shows them.
"""

from __future__ import annotations

from typing import Any

from ..ops import layers as _layers  # noqa: F401  (so that they are exported)
from ..ops._export import functional_names
from . import grad as grad

globals().update(functional_names())


def __dir__() -> list[str]:
    return sorted(functional_names())


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"module 'torch.nn.functional' has no attribute '{name}' (not in rushlight; "
        "see docs/compatibility.md)"
    )
