"""The operators, one file per family.

Importing this package installs them: each `@export` puts a function under `rushlight`, on Tensor
and in `nn.functional`. Families that a small program does not need wait in `layers` until one of
them is asked for; `_waiting` stands in for the methods they give Tensor.

To users, this is also `torch.ops`: any other name is a namespace of custom operators (`library`).
"""

from __future__ import annotations

import importlib
from typing import Any

from . import (
    _meta,
    _waiting,
    activation,
    arithmetic,
    bessel,
    bitwise,
    casts,
    compare,
    complex,
    conversion,
    creation,
    diagonal,
    division,
    elementwise,
    elementwise_binary,
    extrema,
    from_data,
    gathering,
    index_ops,
    indexing,
    joining,
    masking,
    matmul,
    moments,
    ranges,
    rearranging,
    reduction,
    rounding,
    sampling,
    sampling_inplace,
    scan,
    searching,
    shape,
    sharing,
    softmax,
    sorting,
    special,
    strides,
    trigonometry,
    vector_norm,
)

__all__ = [
    "_meta",
    "_waiting",
    "activation",
    "arithmetic",
    "bessel",
    "bitwise",
    "casts",
    "compare",
    "complex",
    "conversion",
    "creation",
    "diagonal",
    "division",
    "elementwise",
    "elementwise_binary",
    "extrema",
    "from_data",
    "gathering",
    "index_ops",
    "indexing",
    "joining",
    "masking",
    "matmul",
    "moments",
    "ranges",
    "rearranging",
    "reduction",
    "rounding",
    "sampling",
    "sampling_inplace",
    "scan",
    "searching",
    "shape",
    "sharing",
    "softmax",
    "sorting",
    "special",
    "strides",
    "trigonometry",
    "vector_norm",
]


def is_family(name: str) -> bool:
    """Tell whether a name under `rushlight.ops` is a module here rather than a namespace."""
    from importlib.util import find_spec  # importing rushlight does without it

    return find_spec(f"{__name__}.{name}") is not None


def __getattr__(name: str) -> Any:
    if name.startswith("__") or is_family(name):  # not imported yet: `from . import name` does it
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    namespaces = importlib.import_module("rushlight.library").ops
    if name in ("import_module", "load_library", "loaded_libraries"):
        return getattr(namespaces, name)
    found = globals()[name] = namespaces.namespace(name)
    return found
