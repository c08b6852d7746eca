"""Keys of dicts and members of sets that come from a file, and why they are looked at first."""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

MAX_KEY_NODES = 10_000
MAX_KEY_DEPTH = 100


def checked_keys(keys: list[Any]) -> list[Any]:
    """Return `keys` if hashing them is cheap.

    A tuple of tuples that share their parts takes for ever to hash, and a deep one uses up the C
    stack; either fits into a file of a few bytes.

    Raises:
        UnpicklingError: a key is nested too deeply or holds too many objects.
    """
    for key in keys:
        if type(key) in (tuple, frozenset):
            _check_nested(key)
    return keys


def _check_nested(key: Any) -> None:
    nodes, level = 0, [key]
    for _ in range(MAX_KEY_DEPTH):
        containers = [item for item in level if isinstance(item, (tuple, frozenset))]
        if not containers:
            return
        nodes += sum(map(len, containers))
        if nodes > MAX_KEY_NODES:
            break
        level = [part for container in containers for part in container]
    raise UnpicklingError("A dict key or set member is nested too deeply")
