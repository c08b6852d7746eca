"""Storages: the memory behind tensors and their views."""

from __future__ import annotations

import copy
import pickle

import ml_dtypes
import numpy as np
import pytest

import rushlight as rl
from rushlight.backend.storage import TypedStorage, UntypedStorage, layout_of


@pytest.mark.parametrize(
    ("view", "offset", "stride"),
    [
        (lambda a: a, 0, (12, 4, 1)), (lambda a: a[1], 12, (4, 1)), (lambda a: a.T, 0, (1, 4, 12)),
        (lambda a: a[:, 1:, ::2], 4, (12, 4, 2)), (lambda a: a[1, 2, 3:].reshape(()), 23, ()),
        (lambda a: np.broadcast_to(a[0, 0], (5, 4)), 0, (0, 1)),
        (lambda a: a.reshape(-1)[5:], 5, (1,)),
        (lambda a: np.lib.stride_tricks.as_strided(a[1], (2, 2), (8, 4)), 12, (2, 1)),
    ],
)  # fmt: skip
def test_layout_of_views(view, offset, stride):
    base = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    array = view(base)
    layout = layout_of(array)
    assert layout.storage == UntypedStorage.of(base)
    assert (layout.offset, layout.stride, layout.size) == (offset, stride, array.shape)
    again = layout.storage.as_array(rl.float32, *layout[1:])
    assert again.tolist() == array.tolist()
    assert np.shares_memory(again, base)
    assert UntypedStorage.of(again) == layout.storage


def test_layout_that_cannot_be_said():
    base = np.arange(4, dtype=np.int16)
    assert layout_of(base[::-1]) is None
    assert layout_of(np.frombuffer(bytearray(9), np.uint8)[1:].view(np.float32)) is None


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.bool_, ml_dtypes.bfloat16, np.complex64])
def test_bytes_are_the_whole_memory(dtype, order):
    array = np.array([[1, 0, 1], [0, 0, 1]], dtype=dtype, order=order)
    storage = UntypedStorage.of(array[1:])
    assert storage.nbytes() == array.nbytes
    assert bytes(storage.tolist()) == array.tobytes("A")
    storage.fill_(0)
    assert not array.any()


def test_empty():
    assert UntypedStorage.of(np.empty((0, 3))).data_ptr() == 0
    assert layout_of(np.empty((0, 3)))[1:] == (0, (0, 3), (3, 1))
    assert UntypedStorage().nbytes() == 0


def test_read_only_memory_stays_read_only():
    storage = UntypedStorage.of(np.frombuffer(b"\x01\x02", np.uint16))
    with pytest.raises(ValueError, match="read-only"):
        storage[0] = 5


def test_untyped_storage_as_a_sequence_of_bytes():
    storage = UntypedStorage([1, 2, 3])
    assert (len(storage), storage.size(), storage.element_size()) == (3, 3, 1)
    assert list(storage) == [1, 2, 3]
    storage[0] = 9
    part = storage[1:]
    part[0] = 7
    assert storage.tolist() == [9, 7, 3]
    assert storage.data_ptr() + 1 == part.data_ptr()
    with pytest.raises(RuntimeError, match="step of 1"):
        storage[::2]
    assert "[torch.storage.UntypedStorage(device=cpu) of size 3]" in repr(storage)
    assert storage.untyped() is storage
    assert storage.cpu() is storage
    assert storage.device == rl.device("cpu")
    assert not storage.is_cuda


def test_copies():
    storage = UntypedStorage([1, 2])
    twin = storage.clone()
    twin[0] = 5
    assert storage[0] == 1
    assert storage.copy_(twin) is storage
    assert storage[0] == 5
    with pytest.raises(RuntimeError, match="expected 2 bytes, got 3"):
        storage.copy_(UntypedStorage(3))
    array = np.zeros(2)
    first, second = copy.deepcopy([UntypedStorage.of(array), UntypedStorage.of(array[1:])])
    assert first == second
    assert first != UntypedStorage.of(array)
    assert pickle.loads(pickle.dumps(storage)).tolist() == [5, 2]


def test_equal_storages_hash_alike():
    array = np.zeros(4)
    assert (
        len(
            {
                UntypedStorage.of(array),
                UntypedStorage.of(array[1:]),
                UntypedStorage.of(array.copy()),
            }
        )
        == 2
    )


def test_byteswap():
    storage = UntypedStorage([1, 2, 3, 4, 5, 6, 7, 8])
    storage.byteswap(rl.int16)
    assert storage.tolist() == [2, 1, 4, 3, 6, 5, 8, 7]
    storage.byteswap(rl.complex64)
    assert storage.tolist() == [3, 4, 1, 2, 7, 8, 5, 6]


def test_files(tmp_path):
    path = tmp_path / "bytes"
    path.write_bytes(bytes(range(10)))
    private = UntypedStorage.from_file(path)
    private[0] = 99
    assert path.read_bytes()[0] == 0
    shared = UntypedStorage.from_file(path, shared=True, nbytes=12)
    shared[11] = 7
    assert path.read_bytes() == bytes(range(10)) + b"\0\7"


def test_typed_storage():
    typed = TypedStorage([1.0, 2.0, 3.0], dtype=rl.bfloat16)
    assert (len(typed), typed.size(), typed.element_size(), typed.nbytes()) == (3, 3, 2, 6)
    assert typed.tolist() == [1, 2, 3]
    typed[0] = 5
    assert typed[0] == 5
    assert list(typed[1:]) == [2, 3]
    assert typed.clone() != typed
    assert typed == TypedStorage(wrap_storage=typed.untyped(), dtype=rl.bfloat16)
    assert "dtype=torch.bfloat16" in repr(typed)
    assert TypedStorage(4).dtype is rl.get_default_dtype()


def test_arrays_cannot_reach_beyond():
    with pytest.raises(ValueError, match=r"."):
        UntypedStorage(16).as_array(rl.float32, 1, (4,), (1,))
