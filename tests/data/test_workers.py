"""Loaders with workers: the batches and random numbers of PyTorch's worker processes."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

import rushlight as rl
from rushlight.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    get_worker_info,
)


class Draws(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, i):
        return i, rl.rand(()).item(), random.random(), np.random.rand()


# What PyTorch 2.13 gives for manual_seed(7) and two workers that stay: index, then the draws.
EXPECTED = [
    [[5, 1], [0.116625, 0.134144], [0.929063, 0.102438], [0.035415, 0.291596]],
    [[3, 0], [0.31484, 0.280845], [0.557419, 0.461832], [0.240715, 0.913719]],
    [[4, 2], [0.806562, 0.837458], [0.956438, 0.910654], [0.003292, 0.760956]],
    [[3, 5], [0.719229, 0.57555], [0.676121, 0.626914], [0.81983, 0.727948]],
    [[1, 0], [0.867926, 0.484299], [0.61299, 0.69293], [0.963551, 0.053278]],
    [[4, 2], [0.238606, 0.973269], [0.043327, 0.209752], [0.068296, 0.705398]],
]


def test_the_random_numbers_of_each_worker():
    rl.manual_seed(7)
    loader = DataLoader(Draws(), 2, shuffle=True, num_workers=2, persistent_workers=True)
    found = [[column.tolist() for column in batch] for _ in range(2) for batch in loader]
    for batch, expected in zip(found, EXPECTED, strict=True):
        for column, wanted in zip(batch, expected, strict=True):
            assert column == pytest.approx(wanted, abs=1e-6)


def test_the_process_keeps_its_own_random_numbers():
    rl.manual_seed(7)
    random.seed(1)
    np.random.seed(2)
    python, numpy = random.Random(1).random(), np.random.RandomState(2).rand()
    state = rl.get_rng_state()
    loader = iter(DataLoader(Draws(), 3, num_workers=3, generator=rl.Generator()))
    next(loader)
    assert rl.equal(rl.get_rng_state(), state)
    assert (random.random(), np.random.rand()) == (python, numpy)


def test_workers_are_told_who_they_are():
    seen = []

    def init(number):
        info = get_worker_info()
        assert rl.initial_seed() == info.seed
        seen.append((number, info.id, info.num_workers, len(info.dataset)))

    assert get_worker_info() is None
    rl.manual_seed(7)
    loader = DataLoader(range(4), 2, num_workers=2, shuffle=True, worker_init_fn=init)
    assert [batch.tolist() for batch in loader] == [[3, 2], [0, 1]]
    assert rl.rand(1).item() == pytest.approx(0.2328, abs=1e-4)
    assert seen == [(0, 0, 2, 4), (1, 1, 2, 4)]
    assert get_worker_info() is None


class Shared(IterableDataset):
    """A stream that its workers share out among themselves."""

    def __init__(self, parts):
        self.parts = parts

    def __iter__(self):
        info = get_worker_info()
        return iter(self.parts[info.id] if info else itertools.chain(*self.parts))


def test_streams_take_turns():
    dataset = Shared([[0, 1, 2], [10], [20, 21, 22, 23, 24]])
    options = {"batch_size": 2, "num_workers": 3}
    batches = [batch.tolist() for batch in DataLoader(dataset, **options)]
    assert batches == [[0, 1], [10], [20, 21], [2], [22, 23], [24]]
    whole = [batch.tolist() for batch in DataLoader(dataset, **options, drop_last=True)]
    assert whole == [[0, 1], [20, 21], [22, 23]]
    assert list(DataLoader(dataset, None, num_workers=3))[:4] == [0, 10, 20, 1]
    assert [batch.tolist() for batch in DataLoader(dataset, 5)] == [
        [0, 1, 2, 10, 20],
        [21, 22, 23, 24],
    ]


def test_indices_are_drawn_ahead():
    drawn = []

    def order():
        for i in range(9):
            drawn.append(i)
            yield i

    class Order:
        def __iter__(self):
            return order()

    loader = DataLoader(range(9), 1, sampler=Order(), num_workers=2, prefetch_factor=3)
    batches = iter(loader)
    assert drawn == [0, 1, 2, 3, 4, 5]
    assert next(batches).tolist() == [0]
    assert drawn[-1] == 6
    assert [batch.item() for batch in batches] == list(range(1, 9))


def test_rows_of_tensors():
    x = rl.arange(6.0).reshape(3, 2)
    loader = DataLoader(TensorDataset(x), 2, num_workers=2)
    assert rl.equal(rl.cat([batch for (batch,) in loader]), x)


def test_an_error_of_a_worker_leaves_the_random_numbers_of_the_process():
    class Bad(Draws):
        def __getitem__(self, i):
            raise ValueError("bad sample")

    state = rl.get_rng_state()
    with pytest.raises(ValueError, match="bad sample"):
        list(DataLoader(Bad(), 2, num_workers=1, generator=rl.Generator()))
    assert rl.equal(rl.get_rng_state(), state)
    assert get_worker_info() is None


@pytest.mark.skipif(rl.cuda.is_available(), reason="there is a GPU")
def test_pinned_memory_needs_a_gpu():
    with pytest.warns(UserWarning, match="no accelerator is found"):
        assert len(list(DataLoader(range(3), pin_memory=True))) == 3
