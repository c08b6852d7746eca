"""safetensors files: our own reader and writer, and the real package beside them."""

from __future__ import annotations

import json
import random
import struct

import pytest

import rushlight as rl
from rushlight.serialization import load as load_any, safetensors
from rushlight.serialization.safetensors import (
    SafetensorError,
    load,
    load_file,
    safe_open,
    save,
    save_file,
)

DTYPES = (
    "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 "
    "float16 bfloat16 float32 float64 complex64"
).split()


@pytest.fixture
def tensors():
    made = {name: rl.arange(6).reshape(2, 3).to(getattr(rl, name)) for name in DTYPES}
    return made | {"scalar": rl.tensor(2.5), "empty": rl.zeros(0, 3)}


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_round_trip(tensors, same, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(tensors, path, metadata={"epoch": "3"})
    loaded = load_file(path)
    assert same(dict(sorted(loaded.items())), dict(sorted(tensors.items())))
    assert same(load(path.read_bytes()), loaded)
    assert same(load_any(path), loaded)
    assert all(tensor.array.flags.writeable for tensor in loaded.values())
    with safe_open(path, framework="pt", device="cpu") as file:
        assert file.keys() == sorted(tensors)
        assert set(file.offset_keys()) == set(tensors)
        assert file.metadata() == {"epoch": "3"}
        assert same(file.get_tensor("int8"), tensors["int8"])
        assert file.get_slice("int8")[1:].tolist() == [[3, 4, 5]]
        with pytest.raises(SafetensorError, match="does not contain tensor x"):
            file.get_tensor("x")
    assert safe_open(path).metadata() == {"epoch": "3"}


def test_nothing_at_all():
    assert load(save({})) == {}


def test_what_cannot_be_saved():
    base = rl.ones(4)
    with pytest.raises(RuntimeError, match="share memory"):
        save({"a": base, "b": base[1:]})
    with pytest.raises(ValueError, match="non contiguous tensor: `t`"):
        save({"t": rl.ones(2, 3).t()})
    with pytest.raises(ValueError, match="Key `a` is invalid"):
        save({"a": [1]})
    with pytest.raises(SafetensorError, match=r"no torch\.complex128"):
        save({"a": rl.ones(1).to(rl.complex128)})


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": rl.ones(1)}, path)
    with pytest.raises(ValueError, match="is invalid"):
        save_file({"a": None}, path)
    assert load_file(path)["a"].tolist() == [1]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "header too small"),
        (b"\0" * 7, "header too small"),
        (struct.pack("<Q", 2**63), "invalid header length"),
        (struct.pack("<Q", 100_000_001) + b"{}", "invalid header length"),
        (struct.pack("<Q", 3) + b"{}", "invalid header length"),
        (file_of(b"\xff{}"), "invalid header"),
        (file_of(b"{"), "invalid header"),
        (file_of(b"[" * 100_000), "invalid header"),
        (file_of([]), "expected a JSON object"),
        (file_of(b'{"a":1,"a":2}'), "twice"),
        (file_of({"__metadata__": {"a": 1}}), "__metadata__"),
        (file_of({"__metadata__": "x"}), "__metadata__"),
        (file_of({"a": 5}), "expected dtype, shape and data_offsets"),
        (file_of({"a": {"dtype": "F32", "shape": [1]}}), "expected dtype, shape and data_offsets"),
        (file_of({"a": entry(dtype="F31")}, bytes(4)), "unknown dtype"),
        (file_of({"a": entry(dtype=["F32"])}, bytes(4)), "unknown dtype"),
        (file_of({"a": entry(shape=[-1])}, bytes(4)), "do not fit"),
        (file_of({"a": entry(shape=[1.0])}, bytes(4)), "do not fit"),
        (file_of({"a": entry(shape=[True])}, bytes(4)), "do not fit"),
        (file_of({"a": entry(shape=[2**63, 2**63])}, bytes(4)), "do not fit"),
        (file_of({"a": entry(shape=[1] * 100)}, bytes(4)), "do not fit"),
        (file_of({"a": entry(offsets=[0, 4, 8])}, bytes(4)), "do not fit"),
        (file_of({"a": entry(offsets=[4, 0])}, bytes(4)), "do not fit"),
        (file_of({"a": entry(offsets=[0, 5])}, bytes(5)), "do not fit"),
        (file_of({"a": entry(offsets=[1, 5])}, bytes(5)), "invalid offset"),
        (file_of({"a": entry(), "b": entry()}, bytes(4)), "invalid offset"),
        (file_of({"a": entry(), "b": entry(offsets=[2, 6])}, bytes(6)), "invalid offset"),
        (file_of({"a": entry(), "b": entry(offsets=[8, 12])}, bytes(12)), "invalid offset"),
        (file_of({"a": entry()}, bytes(3)), "the tensors take 4 bytes"),
        (file_of({"a": entry()}, bytes(5)), "the tensors take 4 bytes"),
    ],
)
def test_files_that_lie(data, what, tmp_path):
    with pytest.raises(SafetensorError, match=what):
        load(data)
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(SafetensorError, match=what):
        load_file(path)


def test_damage_is_found_or_only_in_the_numbers(tensors):
    data = save(tensors)
    generator = random.Random(0)
    for length in range(0, len(data), 29):
        with pytest.raises(SafetensorError):
            load(data[:length])
    for _ in range(300):
        damaged = bytearray(data)
        damaged[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        try:
            loaded = load(bytes(damaged))
        except SafetensorError:
            continue
        assert len(loaded) == len(tensors)


def test_map_location_of_load(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": rl.ones(1)}, path)
    assert load_any(path, rl.device("cpu"))["a"].tolist() == [1]
    with pytest.raises(RuntimeError, match="dict map_location"):
        load_any(path, {"cpu": "cpu"})


def test_the_real_package_reads_ours(tensors):
    real = pytest.importorskip("safetensors.numpy")
    del tensors["bfloat16"]
    loaded = real.load(save(tensors, {"a": "b"}))
    assert loaded.keys() == tensors.keys()
    for name, array in loaded.items():
        assert array.dtype == tensors[name].array.dtype
        assert array.tolist() == tensors[name].tolist()


def test_we_read_the_real_packages(tensors):
    real = pytest.importorskip("safetensors.numpy")
    arrays = {name: tensor.array for name, tensor in tensors.items() if name != "bfloat16"}
    loaded = load(real.save(arrays, {"a": "b"}))
    assert {name: tensor.tolist() for name, tensor in loaded.items()} == {
        name: array.tolist() for name, array in arrays.items()
    }


def test_bfloat16_with_torch_both_ways():
    torch = pytest.importorskip("torch")
    real = pytest.importorskip("safetensors.torch")
    values = [1.0, -2.5, 3.0]
    back = real.load(save({"a": rl.tensor(values).to(rl.bfloat16)}))["a"]
    assert back.dtype is torch.bfloat16
    assert back.tolist() == values
    ours = safetensors.load(real.save({"a": torch.tensor(values, dtype=torch.bfloat16)}))["a"]
    assert ours.dtype is rl.bfloat16
    assert ours.tolist() == values
