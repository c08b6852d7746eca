"""Pickles that mean harm: each is refused with an UnpicklingError, and nothing of it happens."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import time
import tracemalloc
from collections import OrderedDict
from pickle import UnpicklingError

import numpy as np
import pytest

import rushlight as rl
from rushlight.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    get_unsafe_globals_in_checkpoint,
    load,
    safe_globals,
    save,
)

PROTO = b"\x80\x02"
STORAGE = (
    b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK%ctQ"
)

RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"


def text(value):
    """The pickle of a text."""
    return b"X" + struct.pack("<I", len(value)) + value


@pytest.fixture
def refuse(archive):
    """Load a pickle that must be refused; return the error's text."""

    def check(pickled, storages=None, match=None):
        with pytest.raises(UnpicklingError, match=match) as caught:
            load(archive(pickled, storages))
        return str(caught.value)

    return check


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def tensor(offset, size, stride, storage=STORAGE % b"\x04", tail=b""):
    """The pickle of a float32 tensor in a storage of four elements."""

    def numbers(values):
        return b"(" + b"".join(pickle.dumps(v, 2)[2:-1] for v in values) + b"t"

    return (
        PROTO + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + pickle.dumps(offset, 2)[2:-1]
        + numbers(size) + numbers(stride) + b"\x89}" + tail + b"tR."
    )  # fmt: skip


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "evil",
    [
        Calls(os.system, "touch {}"), Calls(subprocess.call, ["touch", "{}"]),
        Calls(eval, "open('{}', 'w')"), Calls(exec, "open('{}', 'w')"), Calls(open, "{}", "w"),
        Calls(__import__, "os"),
    ],
    ids=["os.system", "subprocess", "eval", "exec", "open", "import"],
)  # fmt: skip
def test_no_code_runs(refuse, tmp_path, evil, protocol):
    target = tmp_path / "planted"
    arguments = [str(a).format(target) if isinstance(a, str) else a for a in evil.call[1]]
    text = refuse(pickle.dumps(Calls(evil.call[0], *arguments), protocol))
    assert "Weights only load failed" in text
    assert not target.exists()


def test_the_error_names_the_global_and_the_way_out(refuse):
    text = refuse(PROTO + b"csome.package\nThing\n.")
    assert "Unsupported global: GLOBAL some.package.Thing was not an allowed global" in text
    assert "add_safe_globals([some.package.Thing])" in text
    assert "safe_globals([some.package.Thing])` context manager" in text


@pytest.mark.parametrize("module", [b"os", b"sys", b"posix", b"nt"])
def test_blocked_modules_stay_blocked(archive, module):
    name = f"{module.decode()}.system"
    with safe_globals([(os.system, name)]), pytest.raises(UnpicklingError, match="is blocked"):
        load(archive(PROTO + b"c" + module + b"\nsystem\nX\x04\x00\x00\x00true\x85R."))


@pytest.mark.parametrize(
    ("pickled", "what"),
    [
        (PROTO + b"]K\x01K\x02s.", "SETITEM"),
        (PROTO + b"](K\x01K\x02u.", "SETITEM"),
        (PROTO + b"(K\x01K\x02tK\x01K\x02s.", "SETITEM"),
        (PROTO + b"}K\x01a.", "append to lists"),
        (PROTO + b"}(K\x01e.", "append to lists"),
        (PROTO + b"ctorch\nTensor\nK\x01a.", "append to lists"),
        (PROTO + b"](K\x01\x90.", "add items to sets"),
        (PROTO + b"}(K\x01u.", "key without a value"),
        (PROTO + b"]}b.", "only build"),
        (PROTO + b"ctorch\nTensor\n}b.", "only build"),
        (PROTO + b"ctorch\nSize\n)R}b.", "only build"),
        (PROTO + b"ctorch\nTensor\n)\x81.", "only create new object"),
        (PROTO + b"cbuiltins\nint\n)\x81.", "only create new object"),
        (PROTO + b"ctorch\nTensor\n)R.", "unrecognized function"),
        (PROTO + b"cbuiltins\nint\nK\x01\x85R.", "unrecognized function"),
        (PROTO + b"K\x05)R.", "unrecognized function"),
        (PROTO + b"}\x85)R.", "unrecognized function"),
        (PROTO + b"ccollections\nOrderedDict\nK\x01R.", "tuple of arguments"),
        (PROTO + b"ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb.", "hide"),
        (PROTO + b"ccollections\nOrderedDict\n)R]b.", "dict of attributes"),
        (PROTO + b"X\x01\x00\x00\x00aQ.", "Only persistent_load of storage"),
        (PROTO + b"K\x01Q.", "Only persistent_load of storage"),
        (PROTO + b"X\x06\x00\x00\x00moduleK\x01\x86Q.", "Only persistent_load of storage"),
        (PROTO + b"X\x07\x00\x00\x00storage\x85Q.", "referred to"),
        (PROTO + STORAGE.replace(b"FloatStorage", b"Tensor") % b"\x01" + b".", "referred to"),
    ],
)  # fmt: skip
def test_instructions_on_the_wrong_objects(refuse, pickled, what):
    refuse(pickled, match=what)


@pytest.mark.parametrize(
    ("pickled", "what"),
    [
        (b"", "Ran out of input"),
        (PROTO, "Ran out of input"),
        (PROTO + b".", "0 objects on the stack"),
        (PROTO + b"NN.", "2 objects on the stack"),
        (PROTO + b"(.", "0 objects on the stack"),
        (PROTO + b"0.", "more objects off its stack"),
        (PROTO + b"N(0.", "more objects off its stack"),
        (PROTO + b"\x87.", "more objects off its stack"),
        (PROTO + b"t.", "has not opened"),
        (PROTO + b"h\x05.", "has not made"),
        (PROTO + b"q\x00.", "more objects off its stack"),
        (PROTO + b"X\xff\xff\xff\xffab.", "announces 4294967295 bytes"),
        (PROTO + b"\x8e" + b"\xff" * 8 + b".", "announces"),
        (PROTO + b"J\x01.", "cut short"),
        (PROTO + b"X\x01\x00\x00\x00\xff.", "not UTF-8"),
        (PROTO + b"cos\nsystem", "no end of line"),
        (b"\x80\x09N.", "unsupported pickle protocol: 9"),
        (b"I1\n.", "Unsupported opcode INT"),
        (PROTO + b"(ios\nsystem\n.", "Unsupported opcode INST"),
        (PROTO + b"2.", "Unsupported opcode DUP"),
        (PROTO + b"\x82\x01.", "Unsupported opcode EXT1"),
        (PROTO + b"\x97.", "Unsupported opcode NEXT_BUFFER"),
        (PROTO + b"\xf0.", r"Unsupported opcode unknown \(0xf0\)"),
        (b"\x80\x04K\x01K\x02\x93.", "two strings"),
    ],
)
def test_malformed_pickles(refuse, pickled, what):
    refuse(pickled, match=what)


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, [5], [1]), (1, [4], [1]), (4, [1], [1]), (0, [2, 3], [2, 1]), (0, [2], [4]),
        (-1, [1], [1]), (0, [-1], [1]), (0, [2], [-1]), (2**63, [1], [1]),
        (0, [2**62, 2**62], [1, 1]), (2**64, [1], [1]), (0, [2], [2**63 - 1]),
        (0, [2, 2], [1]), (0, [1] * 65, [1] * 65),
        (0, [2**62], [0]), (0, [1.0], [1]), ("0", [1], [1]), (0, [2**64], [0]), (0, [True], [1]),
    ],
)  # fmt: skip
def test_tensors_beyond_their_storage(refuse, offset, size, stride):
    refuse(tensor(offset, size, stride), {"0": bytes(16)})


def test_the_hand_made_tensor_is_right_when_it_fits(archive):
    loaded = load(archive(tensor(1, [3], [1]), {"0": np.arange(4, dtype=np.float32).tobytes()}))
    assert loaded.tolist() == [1, 2, 3]


def test_an_expanded_tensor_may_be_larger_than_its_storage(archive):
    loaded = load(archive(tensor(3, [2**40, 1], [0, 5]), {"0": np.ones(4, np.float32).tobytes()}))
    assert loaded.shape == (2**40, 1)
    assert loaded.array[-1, 0] == 1


@pytest.mark.parametrize("count", [b"\x03", b"\x05", b"\x00", b"\xff"])
def test_storage_sizes_must_agree(refuse, count):
    refuse(tensor(0, [1], [1], STORAGE % count), {"0": bytes(16)}, match="the archive's entry")


def test_storage_of_the_wrong_dtype(refuse):
    wide = STORAGE.replace(b"FloatStorage", b"DoubleStorage") % b"\x04"
    refuse(tensor(0, [1], [1], wide), {"0": bytes(16)}, match="the archive's entry")


def test_conjugating_an_expanded_tensor_does_not_fill_the_memory(refuse):
    conj = b"}X\x04\x00\x00\x00conj\x88s"
    refuse(tensor(0, [2**40], [0], tail=conj), {"0": bytes(16)}, match="copies more data")


@pytest.mark.parametrize(
    "call",
    [
        b"cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R",
        b"cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R",
        b"c_codecs\nencode\n" + text(b"a") + text(b"hex") + b"\x86R",
        b"c_codecs\nencode\n" + text(b"a") + text(b"rot13") + b"\x86R",
        b"cbuiltins\ncomplex\n" + text(b"1") + b"\x85R",
        b"cbuiltins\nslice\n]\x85R",
        b"ctorch\nSize\n]]a\x85R",
        b"ctorch\nSize\nK\x05\x85R",
        b"ctorch\ndevice\n" + text(b"gpu") + b"\x85R",
        b"ctorch.serialization\n_get_layout\n" + text(b"torch.nothing") + b"\x85R",
        b"ccollections\ndefaultdict\nctorch\nTensor\n\x85R",
        b"ccollections\nCounter\n" + text(b"a") + b"\x85R",
        b"cnumpy\ndtype\n" + text(b"O") + b"\x85R",
        b"cnumpy\ndtype\n" + text(b"O8") + b"\x85R",
        b"cnumpy\ndtype\n" + text(b"i4,object") + b"\x85R",
        b"cnumpy\ndtype\n" + text(b"S99999999") + b"\x85R",
        RECONSTRUCT + b"ctorch\nTensor\nK\x00\x85U\x01b\x87R",
        RECONSTRUCT + b"cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85U\x01b\x87R",
        b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n" + text(b"f8") + b"\x85RU\x03abc\x86R",
        b"ctorch._utils\n_rebuild_parameter\nK\x01\x89}\x87R",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\nset\nctorch\nTensor\n)NtR",
    ],
)
def test_allowed_functions_check_their_arguments(refuse, call):
    refuse(PROTO + call + b".")


@pytest.mark.parametrize(
    "shape", [b"K\x03\x85", b"J\xff\xff\xff\x7f\x85", b"J\xff\xff\xff\xff\x85"]
)
def test_numpy_arrays_must_fit_their_bytes(refuse, shape):
    array = (
        PROTO + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
        b"(K\x01" + shape + b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R\x89C\x08abcdefghtb."
    )  # fmt: skip
    refuse(array, match="do not fit together")


def nested_tuple(levels):
    return b")" + b"q\x00h\x00\x86" * levels


@pytest.mark.parametrize(
    "pickled",
    [
        # A key that takes 2**60 steps to hash, and one that uses up the C stack.
        PROTO + b"}" + nested_tuple(60) + b"Ns.",
        PROTO + b"}(" + b")" + b"\x85" * 200_000 + b"Nu.",
        PROTO + b"\x8f(" + nested_tuple(60) + b"\x90.",
        PROTO + b"}\x8b\x00\x00\x20\x00" + b"\x7f" * (1 << 21) + b"Ns.",
        # One megabyte that is copied again and again.
        PROTO + b"cbuiltins\nbytearray\nq\x00B\x00\x00\x10\x00" + b"x" * (1 << 20) + b"\x85q\x01("
        + b"h\x00h\x01R" * 5000 + b"l.",
    ],
    ids=["hash", "deep", "set", "long", "copies"],
)  # fmt: skip
def test_small_files_cannot_take_all_day_or_all_memory(refuse, pickled):
    tracemalloc.start()
    start = time.process_time()
    refuse(pickled)
    assert time.process_time() - start < 20
    assert tracemalloc.get_traced_memory()[1] < 200 << 20
    tracemalloc.stop()


def test_deep_nesting_of_groups_is_limited(refuse):
    refuse(PROTO + b"(" * 200_000, match="deeper than")


def test_deep_lists_are_harmless(archive):
    loaded = load(archive(PROTO + b"]" * 50_000 + b"a" * 49_999 + b"."))
    assert len(loaded) == 1


class Point:
    def __init__(self, x):
        self.x = x


class Slotted:
    __slots__ = ("x",)


def test_users_extend_and_restore_the_list():
    file = io.BytesIO()
    slotted = Slotted()
    slotted.x = 5
    save([Point(3), slotted], file)
    data = file.getvalue()
    with pytest.raises(UnpicklingError, match=r"add_safe_globals\(\[.*Point\]\)"):
        load(io.BytesIO(data))
    with safe_globals([Point]):
        with safe_globals([Slotted]):
            point, loaded = load(io.BytesIO(data))
            assert (point.x, loaded.x) == (3, 5)
        assert get_safe_globals() == [Point]
        with pytest.raises(UnpicklingError, match="Slotted"):
            load(io.BytesIO(data))
    assert get_safe_globals() == []
    add_safe_globals([(Point, f"{Point.__module__}.Point"), Slotted])
    assert load(io.BytesIO(data))[0].x == 3
    clear_safe_globals()
    with pytest.raises(UnpicklingError):
        load(io.BytesIO(data))
    with pytest.raises(ValueError, match="length 2"):
        add_safe_globals([(Point,)])
    with pytest.raises(TypeError, match="Expected second item"):
        add_safe_globals([(Point, 3)])


def test_renamed_classes_are_found_by_the_name_in_the_file(archive):
    pickled = PROTO + b"cold.place\nPoint\n)\x81}X\x01\x00\x00\x00xK\x07sb."
    with safe_globals([(Point, "old.place.Point")]):
        assert load(archive(pickled)).x == 7


def test_attributes_cannot_replace_what_a_tensor_is(refuse):
    state = b"}X\x05\x00\x00\x00arrayK\x01s"
    plain = tensor(0, [1], [1])[2:-1].replace(b"tR", b"t")
    evil = PROTO + b"ctorch._tensor\n_rebuild_from_type_v2\n(" + plain.replace(
        b"_rebuild_tensor_v2\n(", b"_rebuild_tensor_v2\nctorch\nTensor\n("
    ) + state + b"tR."  # fmt: skip
    refuse(evil, {"0": bytes(16)}, match="may not hide 'array'")


def test_unsafe_names_can_be_listed_without_loading(tmp_path):
    path = tmp_path / "point.pt"
    for protocol in (2, 4):
        save(
            {"p": [Point(3), Point(4)], "s": Slotted, "t": rl.ones(2)},
            path,
            pickle_protocol=protocol,
        )
        assert get_unsafe_globals_in_checkpoint(path) == [
            f"{Point.__module__}.Point", f"{Point.__module__}.Slotted",
        ]  # fmt: skip
    with safe_globals([Point, Slotted]):
        assert get_unsafe_globals_in_checkpoint(path) == []


def test_nothing_falls_back_to_unsafe_loading(archive, tmp_path, monkeypatch):
    target = tmp_path / "planted"
    evil = pickle.dumps(Calls(os.system, f"touch {target}"), 2)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(UnpicklingError):
        load(archive(evil))
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(UnpicklingError):
        load(archive(evil), weights_only=False)
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        load(archive(evil), pickle_module=pickle, weights_only=True)
    with pytest.raises(UnpicklingError):
        load(io.BytesIO(evil))
    assert not target.exists()


def test_arguments_for_the_pickle_module_need_its_use(archive):
    with pytest.warns(UserWarning, match="only works if `weights_only=False`"):
        load(archive(PROTO + b"N."), encoding="latin1")


def test_state_dict_of_python_2_strings(archive):
    pickled = (
        PROTO + b"ccollections\nOrderedDict\n]]U\x01wa" + struct.pack("<cB", b"K", 5) + b"aa\x85R."
    )
    assert load(archive(pickled)) == OrderedDict(w=5)
