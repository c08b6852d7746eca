"""DataLoader: batches of samples, in the order and with the draws of PyTorch's."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import cycle, islice
from typing import Any, Generic, TypeVar

from ..._tensor import Tensor, wrap
from ...backend import cuda
from ...random import Generator
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset, TensorDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed
from .workers import Worker

T_co = TypeVar("T_co", covariant=True)
_END = object()


class _Endless(Sampler[None]):
    """Yields None for ever: what drives the loader of a stream."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class DataLoader(Generic[T_co]):
    """Iterates over a dataset in batches.

    Args:
        dataset: a Dataset, an IterableDataset, or anything with `__getitem__` and `__len__`.
        batch_size: samples in a batch; None for single samples.
        shuffle: a new random order in each pass.
        sampler: the order of indices, instead of `shuffle`.
        batch_sampler: lists of indices, instead of the three above and `drop_last`.
        num_workers: samples are loaded in this process, in the order and with the random numbers
            that so many workers would have.
        collate_fn: makes a batch out of samples.
        pin_memory: accepted; without a GPU it has no effect.
        drop_last: leave out an incomplete last batch.
        timeout: accepted.
        worker_init_fn: called with the number of each worker, before it loads anything.
        multiprocessing_context: accepted.
        generator: where the random order comes from.
        prefetch_factor: for how many batches of each worker indices are drawn ahead.
        persistent_workers: the workers stay, and with them their random numbers, for all passes.
        pin_memory_device: accepted.
        in_order: accepted.

    Raises:
        ValueError: options exclude each other.

    Example:
        >>> loader = rushlight.utils.data.DataLoader(range(5), batch_size=2)
        >>> [batch.tolist() for batch in loader]
        [[0, 1], [2, 3], [4]]
    """

    # Whether these have a length, nobody knows before it is asked for.
    dataset: Any
    sampler: Any
    batch_sampler: Any

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        if num_workers < 0:
            raise ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable "
                "multiprocessing."
            )
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing.let "
                "num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
            )
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        self.dataset, self.num_workers, self.generator = dataset, num_workers, generator
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory, self.pin_memory_device, self.timeout = (
            pin_memory,
            pin_memory_device,
            timeout,
        )
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.persistent_workers, self.in_order = persistent_workers, in_order
        self._workers: list[Worker] = []
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            _check_stream_options(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually "
                "exclusive with drop_last"
            )
        if sampler is None:
            sampler = self._default_sampler(bool(shuffle))
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.collate_fn = collate_fn or (
            default_convert if batch_sampler is None else default_collate
        )

    def _default_sampler(self, shuffle: bool) -> Sampler[Any]:
        if self._iterable:
            return _Endless()
        if shuffle:
            return RandomSampler(self.dataset, generator=self.generator)
        return SequentialSampler(self.dataset)

    def __len__(self) -> int:
        if self._iterable:
            count = len(self.dataset)
            if self.batch_size is None:
                return count
            return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def __iter__(self) -> Iterator[Any]:
        if self.pin_memory and not cuda.available():
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device "
                "pinned memory won't be used.",
                stacklevel=2,
            )
        # torch draws a seed for its workers at the start of every pass, workers or not.
        if not self._workers or not self.persistent_workers:
            self._hire(draw_seed(self.generator))
        if self._iterable:
            return self._stream()
        if self._workers and self._rows() is None:
            return self._batches_of_workers()
        return self._batches()

    def _hire(self, base_seed: int) -> None:
        count = self.num_workers
        self._workers = [Worker(k, count, base_seed, self.dataset) for k in range(count)]
        for worker in self._workers if self.worker_init_fn is not None else ():
            with worker:
                self.worker_init_fn(worker.info.id)  # type: ignore[misc]

    def _order(self) -> Iterator[Any]:
        return iter(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def _batches(self) -> Iterator[Any]:
        fetch = self._fetcher()
        for indices in self._order():
            yield fetch(indices)

    def _batches_of_workers(self) -> Iterator[Any]:
        fetch, order = self._fetcher(), self._order()
        waiting = deque(islice(order, (self.prefetch_factor or 2) * self.num_workers))

        def make() -> Iterator[Any]:
            for worker in cycle(self._workers):
                if not waiting:
                    return
                with worker:
                    batch = fetch(waiting.popleft())
                waiting.extend(islice(order, 1))
                yield batch

        return make()

    def _rows(self) -> tuple[Tensor, ...] | None:
        plain = self.batch_sampler is not None and self.collate_fn is default_collate
        return _rows_of(self.dataset) if plain else None

    def _fetcher(self) -> Callable[[Any], Any]:
        """Return what turns a list of indices into a batch (without batches, an index)."""
        dataset, collate = self.dataset, self.collate_fn
        if self.batch_sampler is None:
            return lambda index: collate(dataset[index])
        tensors = self._rows()
        if tensors is not None:
            return lambda indices: [wrap(t.array[indices]) for t in tensors]
        several = getattr(dataset, "__getitems__", None)
        if callable(several):
            return lambda indices: collate(several(indices))
        return lambda indices: collate([dataset[i] for i in indices])

    def _stream(self) -> Iterator[Any]:
        """Yield the batches of all workers in turn, until none has any left."""
        active: deque[tuple[Any, Iterator[Any]]] = deque()
        workers: list[Any] = [*self._workers] or [nullcontext()]
        for worker in workers:
            with worker:
                active.append((worker, self._batches_of_stream()))
        while active:
            worker, batches = active[0]
            with worker:
                batch = next(batches, _END)
            if batch is _END:
                active.popleft()
            else:
                active.rotate(-1)
                yield batch

    def _batches_of_stream(self) -> Iterator[Any]:
        samples = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn, samples)
            return
        while batch := list(islice(samples, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield self.collate_fn(batch)


def _rows_of(dataset: Any) -> tuple[Tensor, ...] | None:
    """Return the tensors whose rows are the samples, if indexing them gives the whole batch."""
    if type(dataset) is TensorDataset and all(
        t.is_cpu and not t.requires_grad for t in dataset.tensors
    ):
        return dataset.tensors
    return None


def _check_stream_options(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    if shuffle not in (False, None):
        raise ValueError(
            "DataLoader with IterableDataset: expected unspecified shuffle option, but got "
            f"shuffle={shuffle}"
        )
    if sampler is not None:
        raise ValueError(
            "DataLoader with IterableDataset: expected unspecified sampler option, but got "
            f"sampler={sampler}"
        )
    if batch_sampler is not None:
        raise ValueError(
            "DataLoader with IterableDataset: expected unspecified batch_sampler option, but got "
            f"batch_sampler={batch_sampler}"
        )


# Names that libraries ask an iterator of batches about.
_BaseDataLoaderIter = _SingleProcessDataLoaderIter = Iterator


class _MultiProcessingDataLoaderIter:
    """An iterator whose batches come from worker processes: there are none of them."""
