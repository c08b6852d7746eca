"""Futures: results, exceptions, callbacks, waiting for several."""

from __future__ import annotations

import threading

import pytest

from rushlight.futures import Future, collect_all, wait_all


def test_a_result_reaches_those_who_wait_in_other_threads() -> None:
    future: Future[int] = Future()
    got: list[int] = []
    thread = threading.Thread(target=lambda: got.append(future.wait()))
    thread.start()
    future.set_result(3)
    thread.join()
    assert got == [3]
    assert future.done()
    with pytest.raises(RuntimeError, match="once"):
        future.set_result(4)


def test_exceptions_pass_through_then() -> None:
    future: Future[int] = Future()
    with pytest.raises(RuntimeError, match="completed"):
        future.value()
    following = future.then(lambda f: f.wait() + 1)
    future.set_exception(ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        following.wait()


def test_collecting() -> None:
    futures: list[Future[int]] = [Future(), Future()]
    together = collect_all(futures)
    futures[1].set_result(1)
    assert not together.done()
    futures[0].set_result(0)
    assert together.wait() == futures
    assert wait_all(futures) == [0, 1]
    assert collect_all([]).wait() == []
