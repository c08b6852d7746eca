"""An operator under `vmap`, by the rule that was registered for it."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._tensor import Tensor
from ..func._batched import at_level, batched, innermost
from ..ops.shape import movedim
from ._arguments import tensors_in
from ._registry import Operator


class VmapInfo(NamedTuple):
    """What a rule gets told about the vmap: how many samples, and how randomness is drawn."""

    batch_size: int
    randomness: str = "error"


def call_batched(operator: Operator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an operator on batches of the innermost vmap through its rule."""
    values = operator.signature.bind(args, kwargs)
    level = innermost(tensors_in(values))
    size = next(len(_opened(x, level)) for x in tensors_in(values) if at_level(x, level))
    count = len(operator.schema.positional)
    physical = [_each(value, lambda x: _opened(x, level)) for value in values]
    in_dims = tuple(_each(value, lambda x: 0 if at_level(x, level) else None) for value in values)
    names = [argument.name for argument in operator.schema.arguments[count:]]
    assert operator.batching is not None
    found = operator.batching(
        VmapInfo(size),
        in_dims[:count],
        *physical[:count],
        **dict(zip(names, physical[count:], strict=True)),
    )
    if not (isinstance(found, tuple) and len(found) == 2):
        raise RuntimeError(
            f"{operator.label}: expected the vmap rule to return (output, out_dims), got "
            f"{type(found).__name__}"
        )
    return _wrapped(*found, level)


def _opened(x: Any, level: int) -> Any:
    """Return the whole batch of a tensor of this level; anything else as it is."""
    return x.physical if at_level(x, level) else x


def _each(value: Any, change: Any) -> Any:
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    return change(value)


def _wrapped(output: Any, out_dims: Any, level: int) -> Any:
    if isinstance(output, (tuple, list)):
        dims = out_dims if isinstance(out_dims, (tuple, list)) else [out_dims] * len(output)
        return type(output)(_wrapped(y, d, level) for y, d in zip(output, dims, strict=True))
    if not isinstance(output, Tensor) or out_dims is None:
        return output
    return batched(movedim(output, out_dims, 0), level)
