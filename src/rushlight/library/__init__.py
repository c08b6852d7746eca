"""Operators of your own: `custom_op`, `Library`, gradients, fake implementations, checks.

Operators appear under `rushlight.ops.<namespace>`. Those of compiled extensions (`TORCH_LIBRARY`)
arrive through `_register_native`.
"""

from __future__ import annotations

from ._custom_op import CustomOpDef, custom_op
from ._dispatch import below as _below  # noqa: F401
from ._fake import FakeImplCtx, get_ctx
from ._infer import infer_schema
from ._library import Library, _scoped_library, fallthrough_kernel  # noqa: F401
from ._opcheck import OpCheckError, opcheck
from ._overloads import OpOverload, OpOverloadPacket, ops
from ._parser import parse_schema
from ._registration import (
    define,
    impl,
    register_autocast,
    register_autograd,
    register_fake,
    register_kernel,
    register_torch_dispatch,
    register_vmap,
    triton_op,
    wrap_triton,
)
from ._registry import register_native as _register_native  # noqa: F401
from ._tags import Tag
from .schema import Argument, FunctionSchema

impl_abstract = register_fake

__all__ = [
    "Argument",
    "CustomOpDef",
    "FakeImplCtx",
    "FunctionSchema",
    "Library",
    "OpCheckError",
    "OpOverload",
    "OpOverloadPacket",
    "Tag",
    "custom_op",
    "define",
    "fallthrough_kernel",
    "get_ctx",
    "impl",
    "impl_abstract",
    "infer_schema",
    "opcheck",
    "ops",
    "parse_schema",
    "register_autocast",
    "register_autograd",
    "register_fake",
    "register_kernel",
    "register_torch_dispatch",
    "register_vmap",
    "triton_op",
    "wrap_triton",
]
