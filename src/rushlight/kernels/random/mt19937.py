"""The stream of random words behind a CPU generator: MT19937, as PyTorch seeds and stores it.

NumPy's bit generator makes the words. A stream also keeps the second value of the last pair of
normal numbers, which the next call returns first; both belong to its state.

Reference: M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998).
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from rushlight._typing import Array

# How PyTorch lays out the state of a CPU generator, to the byte.
STATE = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("key", "<u8", 624),
        ("unused", "<f8"),
        ("normal", "<f8"),
        ("unused_too", "<f8"),
        ("has_normal", "<i4"),
        ("padding", "<i4"),
        ("unused_float_normal", "<u8"),
    ]
)
_LENGTH = 624
_SHORT = 2048  # below, one raw draw per word beats the set-up of a bulk draw


class Stream:
    """Words of 32 and 64 bits from a seed.

    `lock` makes a draw of several steps one; `kept_normal` is the value of a pair not yet used.
    """

    __slots__ = ("_bits", "_bulk32", "_bulk64", "_fresh", "kept_normal", "lock", "seed")

    def __init__(self, seed: int) -> None:
        """Start the stream of a seed; of its 64 bits MT19937 uses the low 32."""
        self.lock = threading.RLock()
        self._bits: Any = None
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Go back to the start of the stream of `seed`."""
        with self.lock:
            self.seed = seed
            self.kept_normal: float | None = None
            # Seeded and no word taken: PyTorch's state tells this from the end of a round.
            self._fresh = True
            if self._bits is not None:
                self._bulk32.seed(seed & 0xFFFFFFFF)

    def words32(self, count: int) -> Array:
        """Return the next `count` words as uint32."""
        if self._fresh:
            self._start(count)
        if count < _SHORT:
            return self._bits.random_raw(count).astype(np.uint32)
        return self._bulk32.randint(0, 1 << 32, count, dtype=np.uint32)

    def words64(self, count: int) -> Array:
        """Return the next `count` pairs of words, the first of each as the high half, as uint64."""
        if self._fresh:
            self._start(count)
        if count < _SHORT:
            raw = self._bits.random_raw(2 * count)
            return (raw[0::2] << np.uint64(32)) | raw[1::2]
        return self._bulk64.integers(0, 1 << 64, count, dtype=np.uint64)

    def get_state(self) -> Array:
        """Return the state as PyTorch's 5056 bytes."""
        with self.lock:
            self._require_bits()
            twister = self._bits.state["state"]
            position = twister["pos"]
            state = np.zeros((), STATE)
            state["seed"], state["seeded"], state["key"] = self.seed, 1, twister["key"]
            state["left"] = _LENGTH + 1 - position
            state["next"] = 0 if self._fresh else position
            if self.kept_normal is not None:
                state["normal"], state["has_normal"] = self.kept_normal, 1
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def set_state(self, data: Array) -> None:
        """Continue from a state that this class or PyTorch has written.

        Raises:
            RuntimeError: the bytes are no such state.
        """
        if data.size != STATE.itemsize:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE.itemsize} but found the input "
                f"RNG state size to be {data.size}"
            )
        state = np.frombuffer(data.tobytes(), STATE)[0]
        left, following = int(state["left"]), int(state["next"])
        if not (state["seeded"] and 0 < left <= _LENGTH and following <= _LENGTH):
            raise RuntimeError("Invalid mt19937 state")
        with self.lock:
            self._require_bits()
            twister = {"key": state["key"].astype(np.uint32), "pos": _LENGTH + 1 - left}
            self._bits.state = {"bit_generator": "MT19937", "state": twister}
            self.seed = int(state["seed"])
            self.kept_normal = float(state["normal"]) if state["has_normal"] else None
            self._fresh = following == 0 and left == 1

    def _start(self, count: int) -> None:
        """Get ready for the first draw since the seed was set."""
        self._require_bits()
        self._fresh = count == 0

    def _require_bits(self) -> None:
        """Make NumPy's generator on first use: importing `numpy.random` costs 15 ms."""
        if self._bits is None:
            from numpy.random import MT19937, Generator, RandomState

            self._bits = MT19937(0)
            self._bulk32 = RandomState(self._bits)
            self._bulk64 = Generator(self._bits)
            self._bulk32.seed(self.seed & 0xFFFFFFFF)
