"""Operators on the meta device: shapes and dtypes are computed, values are not."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..autograd.interception import Proceed, add_interceptor, remove_interceptor
from ..autograd.node import Op
from ..backend.meta import MetaArray, as_meta, watch


def _is_meta(x: Any) -> bool:
    return isinstance(x, Tensor) and type(x.array) is MetaArray


def intercept(op: Any, inputs: tuple[Any, ...], params: dict[str, Any], proceed: Proceed) -> Any:
    """Run an operator so that meta tensors give meta tensors; of others only shapes count then."""
    if op.__name__ == "ToDevice" or not any(map(_is_meta, inputs)):
        return proceed(op, inputs, params)
    return proceed(_without_values(op), inputs, params)


@functools.cache
def _without_values(op: type[Op]) -> type[Op]:
    """Return the operator in a form whose results, and whatever it saves, are meta arrays."""
    if getattr(op, "without_values", False):
        return op

    def forward(ctx: Any, *arrays: Any, **params: Any) -> Any:
        result = op.forward(ctx, *arrays, **params)
        results = result if isinstance(result, tuple) else (result,)
        made = {id(y): as_meta(y) for y in results}
        ctx.saved = tuple(
            made.get(id(item)) if id(item) in made else _keep(item) for item in ctx.saved
        )
        return (
            tuple(made[id(y)] for y in results) if isinstance(result, tuple) else made[id(result)]
        )

    return type(op.__name__, (op,), {"forward": forward, "without_values": True})


def _keep(item: Any) -> Any:
    return as_meta(item) if isinstance(item, np.ndarray) and item.ndim else item


def _switch(there_are_any: bool) -> None:
    (add_interceptor if there_are_any else remove_interceptor)(intercept)


watch(_switch)
