"""Files cross between rushlight and PyTorch in both directions."""

from __future__ import annotations

import io
import zipfile
from collections import OrderedDict
from pickle import UnpicklingError

import numpy as np
import pytest

import rushlight as rl
from rushlight.nn.parameter import Buffer, Parameter
from rushlight.serialization import load, save, zip_writer

torch = pytest.importorskip("torch")

DTYPES = (
    "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 "
    "float16 bfloat16 float32 float64 complex64 complex128"
).split()


def to_torch(obj, **options):
    file = io.BytesIO()
    save(obj, file, **options)
    file.seek(0)
    return torch.load(file)


def from_torch(obj, **options):
    file = io.BytesIO()
    torch.save(obj, file, **options)
    file.seek(0)
    return load(file)


def raw(tensor):
    """The bytes of the elements, of a tensor of either library."""
    if isinstance(tensor, rl.Tensor):
        return tensor.array.tobytes()
    return bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist())


def both(name):
    values = np.random.RandomState(1).randint(0, 100, (3, 4))
    return rl.tensor(values).to(getattr(rl, name)), torch.tensor(values).to(getattr(torch, name))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", DTYPES)
def test_dtypes(name, zipped):
    ours, theirs = both(name)
    options = {"_use_new_zipfile_serialization": zipped}
    loaded = from_torch(theirs, **options)
    assert loaded.dtype is getattr(rl, name)
    assert raw(loaded) == raw(theirs)
    if zipped or name not in ("uint16", "uint32", "uint64"):  # PyTorch cannot read its own here
        back = to_torch(ours, **options)
        assert back.dtype is getattr(torch, name)
        assert raw(back) == raw(ours)


def test_structures_cross_both_ways():
    base = torch.arange(12.0).reshape(3, 4)
    state = OrderedDict(w=base, row=base[1], turned=base.t(), column=base[:, 1])
    state._metadata = OrderedDict({"": {"version": 1}})
    obj = {
        "state": state,
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "buffer": torch.nn.Buffer(torch.ones(2), persistent=False),
        "grad": torch.zeros(1, requires_grad=True),
        "scalar": torch.tensor(2.5),
        "scale": torch.nn.Parameter(torch.tensor(2.5)),
        "empty": torch.empty(0, 3),
        "expanded": torch.ones(1).expand(2, 3),
        "rest": [base.shape, base.device, torch.int8, {1}, b"\xff", bytearray(b"a"), 2**70, 1j],
    }
    ours = from_torch(obj)
    assert type(ours["parameter"]) is Parameter
    assert type(ours["buffer"]) is Buffer
    back = to_torch(ours)
    assert type(back["parameter"]) is torch.nn.Parameter
    assert back["parameter"].requires_grad
    assert isinstance(back["buffer"], torch.nn.Buffer)
    assert back["grad"].requires_grad
    assert back["state"]._metadata == state._metadata
    assert back["rest"] == obj["rest"]
    for name, tensor in state.items():
        assert torch.equal(back["state"][name], tensor)
        assert back["state"][name].stride() == tensor.stride()
    for name in ("scalar", "scale", "empty", "expanded"):
        assert torch.equal(back[name], obj[name])
    back["state"]["w"][1] = -1
    assert back["state"]["row"].tolist() == [-1] * 4


def test_our_file_is_the_file_that_torch_writes(tmp_path):
    base = torch.arange(12.0).reshape(3, 4)
    state = OrderedDict(w=base, row=base[1], half=base.half(), none=torch.empty(0))
    state._metadata = OrderedDict({"": {"version": 1}})
    obj = {"state": state, "step": 3, "lr": [0.1, (1, 2)], "u16": base.to(torch.uint16)}
    torch.save(obj, tmp_path / "theirs.pt")
    ours = load(tmp_path / "theirs.pt")
    (tmp_path / "ours").mkdir()
    save(ours, tmp_path / "ours" / "theirs.pt")
    with (
        zipfile.ZipFile(tmp_path / "theirs.pt") as a,
        zipfile.ZipFile(tmp_path / "ours" / "theirs.pt") as b,
    ):
        assert a.namelist() == b.namelist()
        different = [name for name in a.namelist() if a.read(name) != b.read(name)]
        places = [[info.header_offset for info in archive.infolist()] for archive in (a, b)]
    assert different == ["theirs/.data/serialization_id"]
    assert places[0] == places[1]


def test_mapping_works_in_torch_too(tmp_path):
    save({"a": rl.arange(5.0), "b": rl.arange(3)}, tmp_path / "a.pt")
    mapped = torch.load(tmp_path / "a.pt", mmap=True)
    assert mapped["a"].tolist() == [0, 1, 2, 3, 4]
    assert all(tensor.data_ptr() % 64 == 0 for tensor in mapped.values())
    torch.utils.serialization.config.load.calculate_storage_offsets = True
    try:
        assert torch.load(tmp_path / "a.pt", mmap=True)["b"].tolist() == [0, 1, 2]
    finally:
        torch.utils.serialization.config.load.calculate_storage_offsets = False


def test_zip64_archives(monkeypatch):
    # Sizes and offsets from here on go to the fields that archives beyond 4 GiB need.
    monkeypatch.setattr(zip_writer, "_LIMIT", 1000)
    monkeypatch.setattr(zip_writer, "_MARK", 0xFFFFFFFF)
    file = io.BytesIO()
    save({"a": rl.arange(500.0), "b": rl.arange(3)}, file)
    for read in (load, torch.load):
        file.seek(0)
        loaded = read(file)
        assert loaded["a"].tolist() == list(range(500))
        assert loaded["b"].tolist() == [0, 1, 2]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whole_modules_of_the_old_format():
    file = io.BytesIO()
    torch.save(torch.nn.Linear(2, 3), file, _use_new_zipfile_serialization=False)
    file.seek(0)
    with pytest.raises(UnpicklingError, match=r"linear\.Linear was not an allowed"):
        load(file)
    file.seek(0)
    assert type(load(file, weights_only=False)) is rl.nn.Linear


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_protocols_of_torch(protocol):
    loaded = from_torch(
        {"a": torch.ones(2), "raw": b"abc", "list": [1] * 2000}, pickle_protocol=protocol
    )
    assert loaded["a"].tolist() == [1, 1]
    assert loaded["raw"] == b"abc"
    assert len(loaded["list"]) == 2000


def test_torchscript_archives_are_refused(tmp_path):
    class Double(torch.nn.Module):
        def forward(self, x):
            return x * 2

    with pytest.warns(DeprecationWarning, match="torch.jit"):
        torch.jit.save(torch.jit.script(Double()), tmp_path / "script.pt")
    with pytest.raises(RuntimeError, match="TorchScript"):
        load(tmp_path / "script.pt")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: torch.ones(2, device="meta"), "meta"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_do_not_exist_here_are_named(make, what):
    with pytest.raises(Exception, match=what):
        from_torch(make())
