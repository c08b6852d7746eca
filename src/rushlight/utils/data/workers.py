"""The workers of a loader, played by the process itself.

PyTorch's workers are processes with random numbers of their own, seeded by the loader. Samples that
are drawn at random depend on which worker loads them; so that they come out the same, a turn of
worker k is played with the random numbers of worker k: Python's, NumPy's and the library's.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...random import Stream, default_generator


@dataclass
class WorkerInfo:
    """What `get_worker_info` tells a worker.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        seed: the seed of its random numbers.
        dataset: the dataset; all workers share this one.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_current: list[WorkerInfo] = []


def get_worker_info() -> WorkerInfo | None:
    """Return information about the worker that loads this sample: None outside of one."""
    return _current[-1] if _current else None


class Worker:
    """A context manager: inside, the random numbers are those of one worker.

    Args:
        number: which worker.
        count: how many there are.
        base_seed: the number that the loader has drawn for this pass.
        dataset: the dataset.
    """

    def __init__(self, number: int, count: int, base_seed: int, dataset: Any):
        self.info = WorkerInfo(number, count, base_seed + number, dataset)
        self._stream = Stream(self.info.seed)
        self._python: Any = random.Random(self.info.seed).getstate()
        words = [number, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
        seed = np.random.SeedSequence(words).generate_state(4)
        self._numpy: Any = np.random.RandomState(seed).get_state()

    def _swap(self) -> None:
        self._stream, default_generator.stream = default_generator.stream, self._stream
        python, numpy = random.getstate(), np.random.get_state()
        random.setstate(self._python)
        np.random.set_state(self._numpy)
        self._python, self._numpy = python, numpy

    def __enter__(self) -> None:
        self._swap()
        _current.append(self.info)

    def __exit__(self, *exc: object) -> None:
        _current.pop()
        self._swap()
