"""Datasets, samplers, collate and the loader: what they give, and PyTorch's order of draws."""

from __future__ import annotations

import itertools
from collections import namedtuple

import numpy as np
import pytest

import rushlight
from rushlight.utils import data


def batches(loader):
    return [b.tolist() if hasattr(b, "tolist") else b for b in loader]


def test_loader_in_order():
    assert batches(data.DataLoader(range(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert batches(data.DataLoader(range(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert batches(data.DataLoader(range(3), batch_size=None)) == [0, 1, 2]
    assert len(data.DataLoader(range(5), batch_size=2)) == 3


def test_shuffling_depends_on_the_seed_only():
    def order(seed):
        rushlight.manual_seed(seed)
        return batches(data.DataLoader(range(20), batch_size=6, shuffle=True))

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(index for batch in order(3) for index in batch) == list(range(20))


def test_the_draws_are_torchs(torch):
    from torch.utils import data as theirs

    def program(T, d):
        T.manual_seed(7)
        shuffled = d.DataLoader(range(33), batch_size=5, shuffle=True)
        found = [b.tolist() for _ in range(2) for b in shuffled]
        found.append([s.indices for s in d.random_split(range(10), [0.3, 0.7])])
        found.append(list(d.RandomSampler(range(9), replacement=True, num_samples=40)))
        found.append(list(d.WeightedRandomSampler([0.1, 0.6, 0.3], 12)))
        found.append(list(d.SubsetRandomSampler([5, 6, 7, 8])))
        return found

    assert program(rushlight, data) == program(torch, theirs)


def test_tensor_datasets_are_batched_by_one_look_up_with_equal_results():
    x, y = rushlight.randn(10, 3), rushlight.arange(10)
    pairs = data.TensorDataset(x, y)
    one_by_one = data.DataLoader(data.Subset(pairs, range(10)), batch_size=4)
    for fast, slow in zip(data.DataLoader(pairs, batch_size=4), one_by_one, strict=True):
        for a, b in zip(fast, slow, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
            assert a.dtype is b.dtype


def test_a_stream():
    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter(range(5))

    assert batches(data.DataLoader(Stream(), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert batches(data.DataLoader(Stream(), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match="unspecified shuffle"):
        data.DataLoader(Stream(), shuffle=True)


def test_own_collate_and_batch_sampler():
    loader = data.DataLoader(range(6), batch_sampler=[[0, 5], [3]], collate_fn=lambda b: b)
    assert list(loader) == [[0, 5], [3]]
    with pytest.raises(ValueError, match="mutually exclusive"):
        data.DataLoader(range(6), batch_sampler=[[0]], batch_size=2)


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"persistent_workers": True},
        {"sampler": [0], "shuffle": True},
        {"batch_size": 0},
        {"batch_size": None, "drop_last": True},
    ],
)
def test_options_that_exclude_each_other(options):
    with pytest.raises(ValueError, match=r"\w+"):
        data.DataLoader(range(4), **options)


Pair = namedtuple("Pair", "a b")


def test_collate_keeps_containers():
    batch = data.default_collate([{"x": (1, np.ones(2))}, {"x": (2, np.zeros(2))}])
    assert batch["x"][0].tolist() == [1, 2]
    assert batch["x"][1].shape == (2, 2)
    pair = data.default_collate([Pair(1, "u"), Pair(2, "v")])
    assert isinstance(pair, Pair)
    assert pair.b == ("u", "v")
    assert str(data.default_collate([0.5, 1.5]).dtype) == "torch.float64"


def test_collate_refuses_what_it_cannot_stack():
    with pytest.raises(RuntimeError, match="equal size"):
        data.default_collate([[1, 2], [1]])
    with pytest.raises(TypeError, match="must contain tensors"):
        data.default_collate([object()])


def test_combining_datasets():
    joined = data.ConcatDataset([range(3), range(10, 12)])
    assert [joined[i] for i in range(5)] == [0, 1, 2, 10, 11]
    assert joined[-1] == 11
    stacked = data.StackDataset(a=range(3), b=range(3, 6))
    assert stacked[1] == {"a": 1, "b": 4}
    with pytest.raises(ValueError, match="does not equal the length"):
        data.random_split(range(5), [2, 2])
    with pytest.raises(AssertionError, match="Size mismatch"):
        data.TensorDataset(rushlight.ones(2), rushlight.ones(3))


def test_endless_draws_begin_at_once():
    sampler = data.RandomSampler(range(5), replacement=True, num_samples=int(1e12))
    first = list(itertools.islice(sampler, 100))
    assert set(first) == set(range(5))
    assert len(sampler) == 10**12


@pytest.mark.parametrize("count", [1, 32, 40, 64])
def test_draws_with_replacement_are_torchs(torch, count):
    def draw(library):
        library.manual_seed(3)
        sampler = library.utils.data.RandomSampler(range(7), replacement=True, num_samples=count)
        return list(sampler), float(library.rand(()))

    assert draw(rushlight) == draw(torch)
