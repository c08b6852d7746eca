"""What a file may cost to load, so that a small one cannot use up the memory, the stack or the day.

Honest files stay far below each of these limits.
"""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

# Picklers send the members of containers in batches of 1000 and recurse only so far.
MAX_STACK = 1 << 24
MAX_MEMO = 1 << 26
MAX_MARKS = 100_000
# A dict key may be a tuple, but hashing nested tuples that share their parts takes for ever.
MAX_KEY_NODES = 1000
MAX_KEY_DEPTH = 100
_COPIED = (bytes, bytearray, str, list, tuple, dict, set, frozenset)
_BITS_PER_NODE = 1024  # of integers, whose hash is computed anew each time


class Budget:
    """How many bytes and objects the calls of one file may copy.

    A file can say in six bytes "copy this megabyte once more". What a pickler writes is copied
    once or twice.

    Args:
        file_size: bytes of the whole file.
    """

    def __init__(self, file_size: int):
        self._left = 16 * file_size + (1 << 20)

    def spend(self, amount: int) -> None:
        """Count `amount` more bytes or objects.

        Raises:
            UnpicklingError: that is more than an honest file of this size needs.
        """
        self._left -= amount
        if self._left < 0:
            raise UnpicklingError("The file copies more data than a file of its size can need")

    def spend_on(self, arguments: Any) -> None:
        """Count the members of each argument that a call would copy."""
        self.spend(sum(len(argument) for argument in arguments if isinstance(argument, _COPIED)))


def checked_keys(keys: list[Any]) -> list[Any]:
    """Return dict keys or set members if hashing them is cheap.

    Raises:
        UnpicklingError: one of them is nested too deeply or holds too much.
    """
    for key in keys:
        if isinstance(key, (tuple, frozenset, int)):
            _check_nested(key)
    return keys


def _check_nested(key: Any) -> None:
    nodes, level = 0, [key]
    for _ in range(MAX_KEY_DEPTH):
        nodes += sum(part.bit_length() for part in level if isinstance(part, int)) // _BITS_PER_NODE
        containers = [part for part in level if isinstance(part, (tuple, frozenset))]
        nodes += sum(map(len, containers))
        if nodes > MAX_KEY_NODES:
            break
        if not containers:
            return
        level = [part for container in containers for part in container]
    raise UnpicklingError("A dict key or set member is nested too deeply or holds too much")
