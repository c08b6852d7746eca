"""Options of layers that may be given as one number for all dimensions.

The underscored names are those that programs import from `torch.nn.modules.utils`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ._state import consume_prefix_in_state_dict_if_present

__all__ = ["consume_prefix_in_state_dict_if_present"]


def _ntuple(count: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that makes a tuple: of the items given, or of `count` equal ones."""

    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * count

    parse.__name__ = name
    return parse


_single = _ntuple(1, "_single")
_pair = _ntuple(2, "_pair")
_triple = _ntuple(3, "_triple")
_quadruple = _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(given: Sequence[Any], count: int) -> tuple[Any, ...]:
    """Return the items from last to first, each `count` times: the order that padding has."""
    return tuple(item for item in reversed(given) for _ in range(count))


def _list_with_default(given: Any, defaults: Sequence[int]) -> Any:
    """Return the given sizes, with those of the input (its last ones) where there is None.

    Raises:
        ValueError: there are not more dimensions in the input than sizes.
    """
    if isinstance(given, int):
        return given
    if len(defaults) <= len(given):
        raise ValueError(f"Input dimension should be at least {len(given) + 1}")
    return [
        default if size is None else size
        for size, default in zip(given, defaults[-len(given) :], strict=True)
    ]
