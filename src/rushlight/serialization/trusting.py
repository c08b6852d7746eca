"""The pickle module for files that the user trusts (`weights_only=False`), and only for those."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, BinaryIO

from .._torch_names import our_module
from .allowlist import layout_named
from .names import find_ours
from .rebuild import TensorBuilder
from .storage_types import STORAGE_TYPES


def trusting_unpickler(
    pickle_module: Any,
    file: BinaryIO,
    builder: TensorBuilder,
    persistent_load: Callable[[Any], Any] | None,
    arguments: dict[str, Any],
) -> Callable[[], Any]:
    """Return the function that loads the next pickle of `file` with a module such as pickle.

    PyTorch's names in the pickle stand for what rushlight has under them.
    """
    builder.trusted = None
    functions = builder.functions()
    base = (pickle if pickle_module is None else pickle_module).Unpickler

    class Unpickler(base):  # type: ignore[misc, valid-type]
        def find_class(self, module: str, name: str) -> Any:
            path = f"{module}.{name}"
            if path in functions:
                return functions[path]
            if name in STORAGE_TYPES and module in ("torch", "torch.storage", "torch.cuda"):
                return STORAGE_TYPES[name]
            if path == "torch.serialization._get_layout":
                return layout_named
            if our_module(module) is not None:
                return find_ours(module, name)
            return super().find_class(module, name)

        def persistent_load(self, reference: Any) -> Any:
            if persistent_load is None:
                raise pickle.UnpicklingError("a storage is referred to where there can be none")
            return persistent_load(reference)

    return Unpickler(file, **arguments).load
