"""The sampler of one process among several."""

from __future__ import annotations

import pytest

from rushlight.utils.data import DataLoader, DistributedSampler


def test_the_processes_share_the_indices():
    parts = [DistributedSampler(range(10), 3, rank, seed=1) for rank in range(3)]
    for part in parts:
        part.set_epoch(2)
    drawn = [list(part) for part in parts]
    assert [len(part) for part in parts] == [4, 4, 4] == [len(d) for d in drawn]
    assert set().union(*drawn) == set(range(10))
    assert [list(part) for part in parts] == drawn
    parts[0].set_epoch(3)
    assert list(parts[0]) != drawn[0]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("count", "processes"), [(10, 3), (2, 5), (6, 2), (0, 2)])
def test_as_pytorch_draws(torch, count, processes, drop_last):
    for rank in range(processes):
        for shuffle in (False, True):
            options = {"shuffle": shuffle, "seed": 5, "drop_last": drop_last}
            theirs = torch.utils.data.DistributedSampler(range(count), processes, rank, **options)
            ours = DistributedSampler(range(count), processes, rank, **options)
            theirs.set_epoch(1)
            ours.set_epoch(1)
            assert len(ours) == len(theirs)
            assert list(ours) == list(theirs)


def test_in_a_loader():
    sampler = DistributedSampler(range(8), num_replicas=2, rank=1, shuffle=False)
    assert [b.tolist() for b in DataLoader(range(8), 2, sampler=sampler)] == [[1, 3], [5, 7]]


def test_errors():
    with pytest.raises(ValueError, match="Invalid rank 2, rank should be in the interval"):
        DistributedSampler(range(4), 2, 2)
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        DistributedSampler(range(4))
