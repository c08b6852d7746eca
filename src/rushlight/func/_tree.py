"""Nested tuples, lists and dictionaries as a flat list of leaves and a way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Rebuild = Callable[[Sequence[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """Return the leaves in order, and the function that builds the same tree from other leaves."""
    if isinstance(tree, dict):
        keys = list(tree)
        leaves, rebuild = _flatten_all([tree[key] for key in keys])
        kind = type(tree)
        return leaves, lambda new: kind(zip(keys, rebuild(new), strict=True))
    if isinstance(tree, (tuple, list)) and type(tree).__name__ != "Size":
        leaves, rebuild = _flatten_all(tree)
        if hasattr(tree, "_fields"):
            return leaves, lambda new: type(tree)(*rebuild(new))
        return leaves, lambda new: type(tree)(rebuild(new))
    return [tree], lambda new: new[0]


def _flatten_all(branches: Sequence[Any]) -> tuple[list[Any], Rebuild]:
    leaves: list[Any] = []
    parts: list[tuple[int, int, Rebuild]] = []
    for branch in branches:
        below, rebuild = flatten(branch)
        parts.append((len(leaves), len(leaves) + len(below), rebuild))
        leaves += below
    return leaves, lambda new: [rebuild(new[start:stop]) for start, stop, rebuild in parts]


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the tree with `function` applied to each leaf."""
    leaves, rebuild = flatten(tree)
    return rebuild([function(leaf) for leaf in leaves])


def spread(prefix: Any, tree: Any) -> list[Any]:
    """Return one entry of `prefix` for each leaf of `tree`.

    Where the prefix ends in a single entry, it holds for all leaves below.

    Raises:
        ValueError: the prefix does not have the tree's structure.
    """
    if isinstance(prefix, (tuple, list)) and isinstance(tree, (tuple, list)):
        if len(prefix) != len(tree):
            raise ValueError(f"{len(prefix)} entries for {len(tree)} items")
        pairs = zip(prefix, tree, strict=True)
    elif isinstance(prefix, dict) and isinstance(tree, dict):
        if set(prefix) != set(tree):
            raise ValueError(f"entries {list(prefix)} for items {list(tree)}")
        pairs = ((prefix[key], tree[key]) for key in tree)  # type: ignore[assignment]
    elif isinstance(prefix, (tuple, list, dict)):
        raise ValueError("a structure where a tensor or number stands")
    else:
        return [prefix] * len(flatten(tree)[0])
    return [entry for part, branch in pairs for entry in spread(part, branch)]
