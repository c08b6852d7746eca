"""Where storages go: every form of map_location."""

from __future__ import annotations

import io

import numpy as np
import pytest

import rushlight as rl
from rushlight.backend.storage import UntypedStorage
from rushlight.serialization import load, save


@pytest.fixture
def from_gpu():
    """A file whose tensors were on `cuda:1`, made by changing the tag."""
    file = io.BytesIO()
    save({"a": rl.arange(3.0), "b": rl.arange(3.0)}, file, _use_new_zipfile_serialization=False)
    tag, moved = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:1"
    assert tag in file.getvalue()
    return file.getvalue().replace(tag, moved)


@pytest.mark.parametrize(
    "where",
    [
        "cpu", b"cpu", rl.device("cpu"), {"cuda:1": "cpu"}, {"cuda:1": rl.device("cpu")},
        lambda storage, tag: storage,
    ],
)  # fmt: skip
def test_to_the_cpu(from_gpu, where):
    loaded = load(io.BytesIO(from_gpu), where)
    assert loaded["a"].tolist() == [0, 1, 2]
    assert loaded["a"].device == rl.device("cpu")


def test_a_function_gets_each_storage_once_and_its_tag(from_gpu):
    seen = []

    def place(storage, tag):
        seen.append((storage.nbytes(), tag))
        return storage.clone()

    load(io.BytesIO(from_gpu), place)
    assert seen == [(12, "cuda:1")] * 2


def test_a_function_may_leave_it_to_the_default():
    file = io.BytesIO()
    save(rl.ones(2), file)
    file.seek(0)
    assert load(file, lambda storage, tag: None).tolist() == [1, 1]


def test_a_function_may_replace_the_storage():
    file = io.BytesIO()
    save([rl.ones(2), rl.zeros(2)], file)
    file.seek(0)
    pool = UntypedStorage(8)

    def place(storage, tag):
        return pool.copy_(storage)

    first, second = load(file, place)
    assert np.shares_memory(first.array, second.array)
    assert first.tolist() == [0, 0]


@pytest.mark.parametrize(("where", "what"), [(5, "int"), (["cpu"], "list")])
def test_other_arguments(from_gpu, where, what):
    with pytest.raises(TypeError, match=what):
        load(io.BytesIO(from_gpu), where)


def test_a_function_that_returns_something_else(from_gpu):
    with pytest.raises(TypeError, match="must return a storage"):
        load(io.BytesIO(from_gpu), lambda storage, tag: 5)


def test_without_the_device_the_error_says_what_to_do(from_gpu, monkeypatch):
    from rushlight.serialization import locations

    def missing(where):
        raise AssertionError("no CUDA here")

    monkeypatch.setattr(locations, "module_for", missing)
    with pytest.raises(RuntimeError, match=r"map_location=torch\.device\('cpu'\)"):
        load(io.BytesIO(from_gpu))


def test_unknown_devices_are_named(from_gpu):
    data = from_gpu.replace(b"X\x06\x00\x00\x00cuda:1", b"X\x03\x00\x00\x00xla")
    with pytest.raises(RuntimeError, match=r"don't know how to restore .* xla"):
        load(io.BytesIO(data))
    assert load(io.BytesIO(data), "cpu")["a"].tolist() == [0, 1, 2]
