"""Damaged files: cut short, bits flipped, archives that lie. Always a clear error."""

from __future__ import annotations

import contextlib
import io
import random
import zipfile
from pickle import UnpicklingError

import pytest

import rushlight as rl
from rushlight.serialization import load, save

CLEAR = (RuntimeError, UnpicklingError)
EMPTY = b"\x80\x02N."


def checkpoint(entries, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, contents in entries:
            archive.writestr(name, contents)
    file.seek(0)
    return file


def test_an_archive_of_another_tool_is_fine():
    assert load(checkpoint([("x/data.pkl", EMPTY), ("x/version", "3\n")])) is None


@pytest.mark.parametrize("name", ["checkpoint_zip.pt", "checkpoint_legacy.pt"])
def test_files_cut_short(golden, name):
    data = golden(name)
    for length in [*range(0, len(data) - 1, 37), *range(len(data) - 60, len(data) - 1)]:
        with pytest.raises(CLEAR) as caught:
            load(io.BytesIO(data[:length]))
        assert "<buffer>" in str(caught.value)


def _flipped(data, count):
    generator = random.Random(0)
    for _ in range(count):
        damaged = bytearray(data)
        for _ in range(generator.choice((1, 1, 1, 3))):
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        yield bytes(damaged)


def test_flipped_bits_are_found_or_harmless(golden, same):
    data = golden("checkpoint_zip.pt")
    right = load(io.BytesIO(data))
    right.pop("storage")
    found = 0
    for damaged in _flipped(data, 600):
        try:
            loaded = load(io.BytesIO(damaged))
        except CLEAR as error:
            found += "<buffer>" in str(error)
        else:
            # Padding, dates and the like: what is loaded is what was saved.
            loaded.pop("storage")
            assert same(loaded, right)
    assert found > 250


def test_flipped_bits_of_the_old_format_never_do_worse_than_an_error(golden):
    # That format has no checksum: a wrong number in it cannot be noticed.
    for damaged in _flipped(golden("checkpoint_legacy.pt"), 400):
        with contextlib.suppress(*CLEAR):
            load(io.BytesIO(damaged))


def test_random_bytes_are_no_checkpoint():
    generator = random.Random(1)
    for start in (b"", b"PK\x03\x04", b"\x80\x02"):
        for size in (0, 1, 10, 100, 1000):
            with pytest.raises(CLEAR):
                load(io.BytesIO(start + generator.randbytes(size)))


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ([("x/data.pkl", EMPTY)], "no entry 'x/version'"),
        ([("x/version", "3\n")], "no entry 'x/data.pkl'"),
        ([("x/data.pkl", EMPTY), ("y/version", "3\n")], "not in the folder"),
        ([("data.pkl", EMPTY), ("version", "3\n")], "not in the folder"),
        ([("x/data.pkl", EMPTY), ("x/version", "3\n"), ("../evil", "")], "not in the folder"),
        ([("x/data.pkl", EMPTY), ("x/version", "99\n")], "'version' is b'99'"),
        ([("x/data.pkl", EMPTY), ("x/version", "x" * 100)], "'version' is"),
        ([("x/data.pkl", EMPTY), ("x/version", "3"), ("x/byteorder", "middle")], "endianness"),
        ([], "central directory|no entry|not a checkpoint"),
    ],
)  # fmt: skip
def test_archives_that_are_no_checkpoints(entries, what):
    with pytest.raises(RuntimeError, match=what):
        load(checkpoint(entries))


def test_a_name_twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        file = checkpoint([("x/data.pkl", EMPTY), ("x/version", "3\n"), ("x/data.pkl", EMPTY)])
    with pytest.raises(RuntimeError, match=r"'x/data\.pkl' is there twice"):
        load(file)


def test_compressed_entries_and_so_zip_bombs():
    bomb = [("x/data.pkl", EMPTY), ("x/version", "3\n"), ("x/data/0", bytes(1 << 24))]
    with pytest.raises(RuntimeError, match="is compressed"):
        load(checkpoint(bomb, zipfile.ZIP_DEFLATED))


def _patched(file, old, new):
    """Replace the last occurrence, which is in the archive's directory."""
    head, found, tail = file.getvalue().rpartition(old)
    assert found
    return io.BytesIO(head + new + tail)


def test_sizes_that_lie():
    file = checkpoint([("x/data.pkl", EMPTY), ("x/version", "3\n")])
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("x/version")
    sizes = info.CRC.to_bytes(4, "little") + (2).to_bytes(4, "little") * 2
    for size in (2**31, 0xFFFFFFF0, 3):
        lie = info.CRC.to_bytes(4, "little") + size.to_bytes(4, "little") * 2
        with pytest.raises(RuntimeError, match=r"reaches beyond|is damaged|central directory"):
            load(_patched(file, sizes, lie))


def test_entries_that_overlap():
    # Two names for the same bytes: how small archives unfold into large ones.
    file = checkpoint([("x/data.pkl", EMPTY), ("x/version", "3\n"), ("x/data/0", b"a")])
    with zipfile.ZipFile(file) as archive:
        version, data = archive.getinfo("x/version"), archive.getinfo("x/data/0")
    lie = data.header_offset.to_bytes(4, "little") + b"x/data/0"
    same = version.header_offset.to_bytes(4, "little") + b"x/data/0"
    with pytest.raises(RuntimeError, match=r"overlaps|does not agree"):
        load(_patched(file, lie, same))


def test_headers_that_disagree():
    file = checkpoint([("x/data.pkl", EMPTY), ("x/version", "3\n")])
    data = file.getvalue().replace(b"x/version", b"x/verSion", 1)
    with pytest.raises(RuntimeError, match="does not agree with its header"):
        load(io.BytesIO(data))


def test_a_missing_storage(archive):
    file = io.BytesIO()
    save(rl.ones(2), file)
    with zipfile.ZipFile(file) as saved:
        pickled = saved.read("archive/data.pkl")
    with pytest.raises(RuntimeError, match="no entry 'archive/data/0'"):
        load(archive(pickled))


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(RuntimeError, match=r"weights\.pt: failed reading zip archive"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(RuntimeError, match=r"weights\.pt: not a checkpoint"):
        load(path)


def test_files_of_other_kinds(tmp_path):
    path = tmp_path / "x.pt"
    for contents in (b"hello", b"\x89PNG\r\n", bytes(257) + b"ustar" + bytes(100)):
        path.write_bytes(contents)
        with pytest.raises(RuntimeError, match=r"x\.pt: (not a checkpoint|the \.tar format)"):
            load(path)
    with pytest.raises(RuntimeError, match="mmap can only be used"):
        load(path, mmap=True)


def test_storage_types_of_old_cuda_files(golden, same):
    data = golden("checkpoint_legacy.pt")
    old = data.replace(b"ctorch\nFloatStorage", b"ctorch.cuda\nFloatStorage")
    assert old != data
    loaded = [load(io.BytesIO(each))["views"] for each in (data, old)]
    assert same(*loaded)


def test_old_format_headers(golden):
    from rushlight.serialization.legacy import MAGIC_NUMBER

    data = golden("checkpoint_legacy.pt")
    magic = MAGIC_NUMBER.to_bytes(10, "little")
    with pytest.raises(RuntimeError, match="Invalid magic number"):
        load(io.BytesIO(data.replace(magic, magic[::-1])))
    with pytest.raises(RuntimeError, match="Invalid protocol version"):
        load(io.BytesIO(data.replace(b"M\xe9\x03.", b"M\xea\x03.")))
