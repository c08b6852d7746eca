"""Files that PyTorch has written are read without PyTorch, in both of its formats."""

from __future__ import annotations

import io
from collections import Counter, OrderedDict

import numpy as np
import pytest

import rushlight as rl
from rushlight.nn.parameter import Parameter
from rushlight.serialization import load

DTYPES = (
    "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 "
    "float16 bfloat16 float32 float64 complex64 complex128"
).split()


@pytest.fixture(scope="module", params=["zip", "legacy"])
def content(request, golden):
    return load(io.BytesIO(golden(f"checkpoint_{request.param}.pt")))


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype(content, name):
    tensor = content["dtypes"][name]
    assert tensor.dtype is getattr(rl, name)
    assert tensor.array.astype(np.complex128).tolist() == (
        [0, 1, 1, 1] if name == "bool" else [0, 1, 2, 3]
    )


def test_views_share_their_memory(content):
    base, row, column, turned = content["views"]
    base.array[1, 2] = 99
    assert row.tolist() == [4, 5, 99, 7]
    assert column.tolist() == [2, 99, 10]
    assert turned.array[2, 1] == 99
    assert turned.array.strides == (4, 16)
    base.array[1, 2] = 6


def test_storage_is_shared_between_containers(content):
    assert np.shares_memory(content["state"]["weight"].array, content["views"][0].array)


def test_parameters(content):
    plain, tagged = content["parameters"]
    assert type(plain) is Parameter
    assert plain.requires_grad
    assert plain.tolist() == [3, 3]
    assert type(tagged) is Parameter
    assert not tagged.requires_grad
    assert tagged.note == "kept"
    leaf = content["requires_grad"]
    assert type(leaf) is rl.Tensor
    assert leaf.requires_grad


def test_unusual_shapes(content):
    assert content["scalar"].shape == ()
    assert content["scalar"].item() == 5
    assert content["empty"].shape == (0, 3)
    assert content["expanded"].tolist() == [[7, 7, 7]] * 2
    assert content["expanded"].array.strides == (0, 0)


def test_delayed_conjugation_and_negation_are_done(content):
    base = np.arange(12).reshape(3, 4)
    assert content["conj"].tolist() == (base - 1j * (base + 1)).tolist()
    assert content["neg"].tolist() == (-(base + 1)).tolist()


def test_state_dict_keeps_its_metadata(content):
    state = content["state"]
    assert type(state) is OrderedDict
    assert list(state) == ["weight", "bias"]
    assert state._metadata == {"": {"version": 1}}


def test_objects_and_numbers(content):
    size, device, dtype, members, raw, array = content["objects"]
    assert (type(size), size) == (rl.Size, (3, 4))
    assert device == rl.device("cpu")
    assert dtype is rl.float16
    assert (members, raw, array) == ({1, 2}, b"\x00\xff", bytearray(b"ab"))
    assert content["numbers"] == [
        True, None, -1, 300, 70_000, 2**80, 1.5, 1 + 2j, "text", (1,), (1, 2, 3, 4),
    ]  # fmt: skip
    assert content["counter"] == Counter("aab")
    assert content["storage"].untyped().tolist() == [1, 0, 2, 0]


def test_mapped_file_equals_the_file_read(tmp_path, golden, same):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(golden("checkpoint_zip.pt"))
    mapped, read = load(path, mmap=True), load(path)
    del mapped["storage"], read["storage"]
    assert same(mapped, read)
    # Writing changes the copy in memory, never the file.
    mapped["views"][0].array[...] = 0
    assert path.read_bytes() == golden("checkpoint_zip.pt")


def test_trusted_loading_gives_the_same(golden, same):
    data = golden("checkpoint_zip.pt")
    trusted, safe = (load(io.BytesIO(data), weights_only=only) for only in (False, True))
    del trusted["storage"], safe["storage"]
    assert same(trusted, safe)
