"""What can be computed with sparse tensors: a rule for each function and method, by name.

A rule is a method of SparseTensor, and also answers the public functions and the methods of dense
tensors that a sparse one is passed to; those reach it through `__torch_function__`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

RULES: dict[str, Callable[..., Any]] = {}


def rule(*names: str) -> Callable[[F], F]:
    """Register a function as the rule of these names (default: its own)."""

    def register(function: F) -> F:
        for name in names or (function.__name__,):
            RULES[name] = function
        return function

    return register


def install_methods(cls: type) -> None:
    """Make the rules methods of the class, operators under Python's names."""
    for name, function in RULES.items():
        if name in _FUNCTIONS_ONLY or isinstance(vars(cls).get(name), property):
            continue
        setattr(cls, _DUNDERS.get(name, name), function)
    for dunder, name in _ALSO.items():
        setattr(cls, dunder, RULES[name])


_FUNCTIONS_ONLY = frozenset({"cat", "concat", "concatenate", "hspmm", "linear", "stack"})
_DUNDERS = {
    name: f"__{name}__"
    for name in (
        "radd", "rsub", "rmul", "rtruediv", "rpow", "rmatmul", "rfloordiv", "rmod", "iadd", "isub",
        "imul", "itruediv", "ipow", "getitem", "setitem", "iter", "contains",
    )
}  # fmt: skip
_ALSO = {
    "__add__": "add", "__sub__": "sub", "__mul__": "mul", "__truediv__": "div", "__pow__": "pow",
    "__matmul__": "matmul", "__neg__": "neg", "__abs__": "abs", "__floordiv__": "floor_divide",
}  # fmt: skip


def refuse(name: str, operands: Iterable[Any]) -> NotImplementedError:
    """Return PyTorch's error for an operator that sparse tensors do not have."""
    kinds = {
        "SparseCPU" if x.is_sparse else "SparseCsrCPU" for x in operands if hasattr(x, "_form")
    }
    backend = min(kinds, default="CPU", key=len)
    return NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the '{backend}' backend. This could be "
        "because the operator doesn't exist for this backend."
    )
