"""What goes in comes out, through files and buffers, in every protocol and both formats."""

from __future__ import annotations

import io
import pathlib
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest

import rushlight as rl
from rushlight.backend.memory_format import channels_last, strided
from rushlight.backend.storage import TypedStorage, UntypedStorage
from rushlight.nn.parameter import Buffer, Parameter, UninitializedParameter
from rushlight.serialization import load, safe_globals, save

DTYPES = (
    "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 "
    "float16 bfloat16 float32 float64 complex64 complex128"
).split()
FORMATS = [{"pickle_protocol": p} for p in (2, 3, 4, 5)] + [
    {"_use_new_zipfile_serialization": False}
]


class Options:
    def __init__(self, rate):
        self.rate = rate

    def __eq__(self, other):
        return type(other) is Options and self.rate == other.rate


class Marked(rl.Tensor):
    unit = "m"


@pytest.mark.parametrize("options", FORMATS, ids=str)
@pytest.mark.parametrize("name", DTYPES)
def test_dtypes(copied, same, name, options):
    array = np.random.RandomState(0).randn(3, 4).astype(getattr(rl, name).numpy)
    tensor = rl.tensor(array)
    assert same(copied(tensor, **options), tensor)


@pytest.mark.parametrize("options", FORMATS, ids=str)
def test_containers_and_numbers(copied, same, options):
    state = OrderedDict(weight=rl.ones(2), bias=rl.zeros(1))
    state._metadata = {"": {"version": 2}}
    obj = {
        "state": state,
        "nested": [{"a": (rl.arange(3), [None, True])}, (), [], {}],
        "numbers": [0, 255, 256, -1, 2**40, -(2**100), 1.5, float("inf"), 2j, False],
        "text": ["", "é\ud800", "x" * 300],
        "bytes": [b"", b"\x80\xff", b"y" * 300, bytearray(b"z")],
        "sets": [set(), {1, "a"}, frozenset({(1, 2)})],
        "counter": Counter("aab"),
        "defaultdict": defaultdict(list, a=[1]),
        "slice": slice(1, None, 2),
        "range": range(0, 10, 3),
        "size": rl.ones(2, 3).shape,
        "device": [rl.device("cpu"), rl.device("cuda", 1)],
        "dtypes": [rl.bool, rl.bfloat16],
        "layouts": [strided, channels_last],
        5: "number as key",
        (1, (2, 3)): "tuple as key",
    }
    loaded = copied(obj, **options)
    assert same(loaded, obj)
    assert loaded["state"]._metadata == state._metadata
    assert loaded["defaultdict"].default_factory is list


@pytest.mark.parametrize("options", FORMATS, ids=str)
def test_numpy_values(copied, same, options):
    arrays = [
        np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(["ab", "c"]), np.zeros((0, 2), np.float16),
    ]  # fmt: skip
    scalars = [np.float64(1.5), np.int8(-1), np.bool_(True), np.complex64(1j)]
    assert same(copied(arrays + scalars, **options), arrays + scalars)


def test_foreign_byte_order_of_numpy(copied):
    swapped = np.arange(3).astype(">i4")
    array, kind = copied([swapped, swapped.dtype])
    assert array.tolist() == [0, 1, 2]
    assert kind == np.dtype(">i4")


def test_memory_shared_by_views_is_shared_again(copied):
    base = rl.arange(12.0).reshape(3, 4)
    loaded = copied({"base": base, "row": base[1], "turned": base.t(), "again": base})
    loaded["base"].array[1, 1] = -1
    assert loaded["row"].tolist() == [4, -1, 6, 7]
    assert loaded["turned"].tolist()[1] == [1, -1, 9]
    assert loaded["again"] is loaded["base"]


def test_a_view_brings_its_whole_storage():
    file = io.BytesIO()
    save(rl.arange(1000.0)[2:4], file)
    assert file.getbuffer().nbytes > 4000
    file.seek(0)
    loaded = load(file)
    assert loaded.tolist() == [2, 3]
    assert UntypedStorage.of(loaded.array).nbytes() == 4000


def test_strides_are_kept(copied):
    for view in (rl.ones(2, 3, 4).permute(2, 0, 1), rl.ones(3).expand(2, 3), rl.ones(6)[::2]):
        assert copied(view).array.strides == view.array.strides


def test_arrays_that_strides_cannot_describe_are_copied(copied):
    backwards = rl.zeros(3)
    backwards.array = np.arange(3.0)[::-1]
    assert copied(backwards).tolist() == [2, 1, 0]
    unaligned = rl.zeros(2)
    unaligned.array = np.frombuffer(bytearray(9), np.uint8)[1:].view(np.float32)
    assert copied(unaligned).tolist() == [0, 0]


def test_requires_grad_and_parameters(copied):
    leaf = rl.ones(2)
    leaf.requires_grad = True
    parameter = Parameter(rl.ones(2), requires_grad=False)
    parameter.note = ["kept"]
    buffer = Buffer(rl.ones(2), persistent=False)
    loaded = copied([leaf, leaf * 2, parameter, buffer])
    assert [type(t) for t in loaded] == [rl.Tensor, rl.Tensor, Parameter, Buffer]
    assert [t.requires_grad for t in loaded] == [True, True, False, False]
    assert all(t.is_leaf for t in loaded)
    assert loaded[2].note == ["kept"]
    assert copied(Parameter(rl.tensor(1.5))).shape == ()
    assert not loaded[3].persistent


def test_parameter_shares_memory_with_the_data_it_was_saved_with(copied):
    data = rl.ones(2)
    loaded = copied([data, Parameter(data)])
    assert np.shares_memory(loaded[0].array, loaded[1].array)


def test_attributes_and_subclasses_of_tensors(copied):
    tensor = rl.ones(2)
    tensor.unit = "m"
    assert copied(tensor).unit == "m"
    marked = Marked([1, 1])
    marked.unit = "s"
    with safe_globals([Marked]):
        loaded = copied(marked)
    assert type(loaded) is Marked
    assert (loaded.unit, loaded.tolist()) == ("s", [1, 1])


def test_lazy_parameters_need_trust():
    file = io.BytesIO()
    save(UninitializedParameter(), file)
    file.seek(0)
    assert type(load(file, weights_only=False)) is UninitializedParameter


def test_storages(copied):
    typed = TypedStorage([1.0, 2.0])
    tensor = rl.zeros(2)
    tensor.array = typed.untyped().as_array(rl.float32, 0, (2,), (1,))
    first, second, view = copied([typed, typed.untyped()[0:4], tensor])
    assert (first.dtype, first.tolist()) == (rl.float32, [1.0, 2.0])
    assert second.untyped().tolist() == [0, 0, 128, 63]
    assert view.tolist() == [1, 2]
    assert np.shares_memory(first.untyped()._bytes, view.array)


def test_one_memory_cannot_be_saved_with_two_dtypes():
    tensor = rl.ones(2)
    other = rl.ones(2)
    other.array = tensor.array.view(np.int32)
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        save([tensor, other], io.BytesIO())


def test_own_classes(copied, tmp_path):
    with pytest.raises(Exception, match=r"add_safe_globals\(\[.*Options\]\)"):
        copied(Options(0.1))
    with safe_globals([Options]):
        assert copied(Options(0.1)) == Options(0.1)
    path = tmp_path / "options.pt"
    save(Options(0.2), path)
    assert load(path, weights_only=False) == Options(0.2)


def test_functions_and_classes_of_rushlight_are_written_under_torchs_names():
    file = io.BytesIO()
    save([rl.Tensor, Parameter, rl.relu, rl.Size, rl.device], file)
    for name in (b"torch\nTensor", b"torch.nn.parameter\nParameter", b"torch.nn.functional\nrelu"):
        assert b"c" + name in file.getvalue()
    assert b"rushlight" not in file.getvalue()
    file.seek(0)
    assert load(file, weights_only=False) == [rl.Tensor, Parameter, rl.relu, rl.Size, rl.device]


@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_paths(tmp_path, kind):
    path = kind(tmp_path / "weights.tar.pt")
    save(rl.ones(2), path)
    assert load(path).tolist() == [1, 1]
    assert b"weights.tar/data.pkl" in pathlib.Path(path).read_bytes()


def test_file_objects_are_read_from_where_they_stand(tmp_path):
    with open(tmp_path / "two.bin", "wb") as file:
        file.write(b"header")
        save(rl.ones(2), file)
    with open(tmp_path / "two.bin", "rb") as file:
        assert file.read(6) == b"header"
        assert load(file).tolist() == [1, 1]


def test_a_file_that_only_reads_and_seeks_is_enough():
    class Plain:
        def __init__(self, data):
            self._file = io.BytesIO(data)
            self.read, self.seek, self.tell = self._file.read, self._file.seek, self._file.tell

    file = io.BytesIO()
    save(rl.ones(2), file)
    assert load(Plain(file.getvalue())).tolist() == [1, 1]


def test_a_stream_that_cannot_seek_can_be_written_but_not_read():
    class Stream:
        def __init__(self):
            self.data = b""

        def write(self, part):
            self.data += bytes(part)

    stream = Stream()
    save(rl.ones(2), stream)
    assert load(io.BytesIO(stream.data)).tolist() == [1, 1]
    with pytest.raises(AttributeError, match="seekable"):
        load(stream)


def test_wrong_file_arguments():
    with pytest.raises(AttributeError, match="expected 'f' to be string, path"):
        save(1, 5)
    with pytest.raises(FileNotFoundError):
        load("no/such/file.pt")
    with pytest.raises(ValueError, match="file path"):
        load(io.BytesIO(), mmap=True)


def test_big_endian_files_are_swapped(archive):
    file = io.BytesIO()
    save([rl.arange(3.0), rl.tensor([1 + 2j])], file)
    import zipfile

    with zipfile.ZipFile(file) as saved:
        pickled = saved.read("archive/data.pkl")
    storages = {
        "0": np.arange(3.0, dtype=">f4").tobytes(),
        "1": np.array([1 + 2j], dtype=">c8").tobytes(),
    }
    loaded = load(archive(pickled, storages, byteorder=b"big"))
    assert [t.tolist() for t in loaded] == [[0, 1, 2], [1 + 2j]]
    with pytest.raises(RuntimeError, match="endianness"):
        load(archive(pickled, storages, byteorder=b"middle"))


def test_saving_inside_a_thread_pool_does_not_mix_files():
    from concurrent.futures import ThreadPoolExecutor

    def trip(number):
        file = io.BytesIO()
        save({"n": rl.full((100,), float(number))}, file)
        file.seek(0)
        return load(file)["n"].tolist()[0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(trip, range(40))) == list(range(40))
