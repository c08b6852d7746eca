"""A group of one: what programs for several processes do when they run as one."""

from __future__ import annotations

import pytest

import rushlight
from rushlight import distributed as dist, nn


@pytest.fixture
def group():
    dist.init_process_group("gloo", rank=0, world_size=1)
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


def test_before_there_is_a_group():
    assert dist.is_available()
    assert not dist.is_initialized()
    assert dist.group.WORLD is None
    for question in (dist.get_rank, dist.get_world_size, dist.barrier, dist.destroy_process_group):
        with pytest.raises(ValueError, match="Default process group has not been initialized"):
            question()
    with pytest.raises(ValueError, match="has not been initialized"):
        nn.parallel.DistributedDataParallel(nn.Linear(1, 1))


def test_variables_say_who_one_is(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match="environment variable RANK expected, but not set"):
        dist.init_process_group("gloo")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    dist.init_process_group(backend="GLOO")
    assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, "gloo")
    dist.destroy_process_group()
    assert not dist.is_initialized()


def test_refusals(group):
    with pytest.raises(ValueError, match="default process group twice"):
        dist.init_process_group("gloo", rank=0, world_size=1)
    dist.destroy_process_group()
    with pytest.raises(RuntimeError, match=r"groups of one process .* got world_size = 2"):
        dist.init_process_group("gloo", rank=0, world_size=2)


def test_sums_and_copies(group):
    x = rushlight.arange(3.0)
    assert dist.all_reduce(x) is None
    assert dist.all_reduce(x, op=dist.ReduceOp.MAX, async_op=True).wait()
    dist.reduce(x, 0)
    dist.broadcast(x, src=0)
    assert x.tolist() == [0.0, 1.0, 2.0]
    for call in (
        lambda y: dist.all_gather([y], x),
        lambda y: dist.all_gather_into_tensor(y, x),
        lambda y: dist.gather(x, [y], dst=0),
        lambda y: dist.scatter(y, [x], src=0),
        lambda y: dist.reduce_scatter(y, [x]),
        lambda y: dist.reduce_scatter_tensor(y, x),
        lambda y: dist.all_to_all([y], [x]),
        lambda y: dist.all_to_all_single(y, x),
    ):
        y = rushlight.zeros(3)
        call(y)
        assert y.tolist() == [0.0, 1.0, 2.0]


def test_objects(group):
    found = [None]
    dist.all_gather_object(found, {"a": 1})
    assert found == [{"a": 1}]
    dist.broadcast_object_list(found, src=0)
    dist.scatter_object_list(found, ["mine"])
    assert found == ["mine"]
    dist.gather_object("whose", found)
    assert found == ["whose"]


def test_wrong_members_and_lists(group):
    x = rushlight.ones(2)
    with pytest.raises(RuntimeError, match="invalid root rank: 1"):
        dist.broadcast(x, src=1)
    with pytest.raises(RuntimeError, match="a list of one item"):
        dist.all_gather([], x)
    with pytest.raises(ValueError, match="``gather_list`` must be specified"):
        dist.gather(x)
    with pytest.raises(ValueError, match="``scatter_list`` must be specified"):
        dist.scatter(x)


def test_a_group_within(group):
    part = dist.new_group([0])
    assert (dist.get_rank(part), dist.get_world_size(part)) == (0, 1)
    assert dist.get_process_group_ranks(part) == [0]
    dist.destroy_process_group(part)
    assert dist.is_initialized()


def test_a_parallel_module(group):
    inner = nn.Linear(2, 1)
    model = nn.parallel.DistributedDataParallel(inner, device_ids=None)
    assert list(model.state_dict()) == ["module.weight", "module.bias"]
    assert repr(model).startswith("DistributedDataParallel(\n  (module): Linear(")
    with model.no_sync():
        model(rushlight.ones(1, 2)).sum().backward()
    assert inner.weight.grad.tolist() == [[1.0, 1.0]]
    with model.join():
        model(rushlight.ones(1, 2))
    with pytest.raises(RuntimeError, match="doesn't have any parameter that requires a gradient"):
        nn.parallel.DistributedDataParallel(nn.ReLU())


def test_a_sampler_asks_the_group(group):
    assert list(rushlight.utils.data.DistributedSampler(range(3), shuffle=False)) == [0, 1, 2]
