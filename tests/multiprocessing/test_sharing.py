"""Tensors shared by real processes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

import rushlight
import rushlight.multiprocessing as mp
from rushlight import nn

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="sharing needs descriptors"),
    # Python 3.12 warns of every fork beside threads; the pool of the kernels survives one.
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]
METHODS = ("fork", "spawn")


def _train(model: nn.Module, seed: int) -> None:
    rushlight.manual_seed(seed)
    optimizer = rushlight.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(150):
        x = rushlight.randn(16, 3)
        loss = nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _echo(inbox, outbox) -> None:
    tensor = inbox.get(timeout=60)
    tensor.mul_(2)
    outbox.put(tensor.sum().item())
    inbox.get(timeout=60)


def _send(outbox, go_on) -> None:
    base = rushlight.arange(6.0)
    outbox.put([base.view(2, 3)[:, 1:], base, nn.Parameter(rushlight.ones(2))])
    go_on.get(timeout=60)


def _row_sum(row):
    return row.sum()


def _fill(index: int, tensor) -> None:
    tensor[index] = index + 1


def _fail(index: int) -> None:
    if index == 1:
        raise ValueError("the second fails")


def _leave(index: int) -> None:
    os._exit(3)


@pytest.mark.parametrize("method", METHODS)
def test_hogwild(method):
    rushlight.manual_seed(0)
    model = nn.Linear(3, 1)
    assert model.share_memory() is model
    assert all(p.is_shared() and p.requires_grad for p in model.parameters())
    context = mp.get_context(method)
    workers = [context.Process(target=_train, args=(model, seed)) for seed in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    assert rushlight.allclose(model.weight, rushlight.ones(1, 3), atol=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_a_queue_shares_what_is_put_into_it(method):
    context = mp.get_context(method)
    inbox, outbox = context.Queue(), context.Queue()
    worker = context.Process(target=_echo, args=(inbox, outbox))
    worker.start()
    x = rushlight.ones(2, 3)
    inbox.put(x)
    assert outbox.get(timeout=60) == 12
    assert x.is_shared()
    assert x.tolist() == [[2, 2, 2], [2, 2, 2]]
    inbox.put(None)
    worker.join(60)
    assert worker.exitcode == 0


@pytest.mark.parametrize("method", METHODS)
def test_received_views_share_memory(method):
    context = mp.get_context(method)
    outbox, go_on = context.Queue(), context.Queue()
    worker = context.Process(target=_send, args=(outbox, go_on))
    worker.start()
    view, base, parameter = outbox.get(timeout=60)
    go_on.put(None)
    worker.join(60)
    assert view.tolist() == [[1, 2], [4, 5]]
    assert view.stride() == (3, 1)
    base[1] = 7
    assert view[0, 0] == 7
    assert isinstance(parameter, nn.Parameter)
    assert parameter.requires_grad


def test_pool_sends_tensors_both_ways():
    with mp.get_context("fork").Pool(2) as pool:
        sums = pool.map(_row_sum, list(rushlight.arange(6.0).view(3, 2)))
        assert [s.item() for s in sums] == [1, 5, 9]


def test_spawn_runs_every_index():
    x = rushlight.zeros(2).share_memory_()
    assert mp.spawn(_fill, (x,), nprocs=2) is None
    assert x.tolist() == [1, 2]


def test_spawn_passes_on_errors():
    with pytest.raises(mp.ProcessRaisedException, match="the second fails") as raised:
        mp.start_processes(_fail, nprocs=2, start_method="fork")
    assert raised.value.error_index == 1
    with pytest.raises(mp.ProcessExitedException, match="exit code 3") as left:
        mp.start_processes(_leave, nprocs=1, start_method="fork")
    assert left.value.exit_code == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: rushlight.empty(0, 3),
        lambda: rushlight.tensor(2.5),
        lambda: rushlight.ones(2, dtype=rushlight.bfloat16),
        lambda: rushlight.ones(2, 3).t(),
        lambda: rushlight.ones(1).expand(3),
    ],
)
def test_moving_keeps_values_and_strides(make):
    x = make()
    before = (x.tolist(), x.dtype, x.shape, x.stride())
    assert not x.is_shared()
    assert x.share_memory_() is x
    assert x.is_shared()
    assert (x.tolist(), x.dtype, x.shape, x.stride()) == before


def test_a_view_takes_its_base_along():
    base = rushlight.zeros(2, 2)
    row = base[1]
    row.share_memory_()
    assert base.is_shared()
    row.fill_(3)
    assert base.tolist() == [[0, 0], [3, 3]]


def test_a_tensor_with_history_cannot_be_sent():
    from multiprocessing.reduction import ForkingPickler

    x = rushlight.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="non-leaf tensor"):
        ForkingPickler.dumps(x)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
def test_memory_is_given_back():
    rushlight.ones(1).share_memory_()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        rushlight.ones(100).share_memory_()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_strategies():
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    mp.set_sharing_strategy("file_system")
    try:
        assert mp.get_sharing_strategy() == "file_system"
    finally:
        mp.set_sharing_strategy("file_descriptor")
    with pytest.raises(AssertionError, match="pigeon"):
        mp.set_sharing_strategy("pigeon")


PROGRAM = """
import torch
import torch.multiprocessing as mp

def work(x, i):
    x[i] = i + 1.0

if __name__ == "__main__":
    mp.set_start_method("{method}")
    x = torch.zeros(2)
    x.share_memory_()
    workers = [mp.Process(target=work, args=(x, i)) for i in range(2)]
    for w in workers: w.start()
    for w in workers: w.join()
    print(x)
"""


@pytest.mark.parametrize("method", METHODS)
def test_programs_written_for_torch(tmp_path, method):
    script = tmp_path / "hogwild.py"
    script.write_text(PROGRAM.format(method=method))
    done = subprocess.run(
        [sys.executable, "-m", "rushlight", "run", str(script)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout == "tensor([1., 2.])\n"
    assert done.stderr == ""


def _send_and_leave(outbox) -> None:
    outbox.put(rushlight.arange(3))


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_lives_until_its_last_tensor_is_fetched(method):
    context = mp.get_context(method)
    outbox = context.Queue()
    worker = context.Process(target=_send_and_leave, args=(outbox,))
    worker.start()
    worker.join(1.0)  # it would be gone by then
    assert outbox.get(timeout=60).tolist() == [0, 1, 2]
    worker.join(60)
    assert worker.exitcode == 0
