"""A sampler for programs in which each of several processes trains on its own part."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized
from typing import Any

from ...distributed import get_rank, get_world_size
from ...ops.sampling import randperm
from ...random import Generator
from .sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[Any]):
    """Every `num_replicas`-th index, beginning with the `rank`-th.

    Args:
        dataset: the dataset.
        num_replicas: how many processes there are (default: those of the group).
        rank: which of them this is (default: as in the group).
        shuffle: draw a new order in each epoch; call `set_epoch` before each.
        seed: the same in all processes.
        drop_last: leave out the indices that do not fill up all parts; otherwise the first ones
            are taken again.

    Raises:
        ValueError: the process is not among the processes, or there are none to ask.

    Example:
        >>> sampler = rushlight.utils.data.DistributedSampler(range(5), 2, 1, shuffle=False)
        >>> list(sampler)
        [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        num_replicas = get_world_size() if num_replicas is None else num_replicas
        rank = get_rank() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.shuffle, self.seed, self.drop_last, self.epoch = shuffle, seed, drop_last, 0
        self.num_samples = (
            len(dataset) // num_replicas if drop_last else math.ceil(len(dataset) / num_replicas)
        )
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[Any]:
        count = len(self.dataset)
        if self.shuffle:
            generator = Generator()
            generator.manual_seed(self.seed + self.epoch)
            order = randperm(count, generator=generator).tolist()
        else:
            order = list(range(count))
        if not self.drop_last and count:
            order *= math.ceil(self.total_size / count)
        return iter(order[: self.total_size][self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, and with it the order."""
        self.epoch = epoch
