"""How files are written: whole or not at all, aligned, and for whom."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import zipfile

import pytest

import rushlight as rl
from rushlight.serialization import load, save


class Unpicklable:
    def __reduce__(self):
        raise KeyboardInterrupt


def test_an_interrupted_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.pt"
    save(rl.ones(2), path)
    with pytest.raises(KeyboardInterrupt):
        save({"big": rl.ones(1000), "stop": Unpicklable()}, path)
    assert load(path).tolist() == [1, 1]
    assert os.listdir(tmp_path) == ["model.pt"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.pt"
    save(rl.ones(2), path)
    script = f"""
        import os, signal
        import rushlight as rl
        from rushlight.serialization import zip_writer, save
        write = zip_writer.ZipWriter.write
        def dies(self, name, contents):
            write(self, name, contents)
            if name == "data/0":
                os.kill(os.getpid(), signal.SIGKILL)
        zip_writer.ZipWriter.write = dies
        save(rl.zeros(1000), {str(path)!r})
    """
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert load(path).tolist() == [1, 1]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    save(rl.ones(2), path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(rl.zeros(2), path)
    monkeypatch.undo()
    assert load(path).tolist() == [1, 1]
    assert os.listdir(tmp_path) == ["model.pt"]


def test_missing_directory(tmp_path):
    with pytest.raises(RuntimeError, match=r"Parent directory .*missing does not exist"):
        save(rl.ones(1), tmp_path / "missing" / "model.pt")


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions(tmp_path):
    path = tmp_path / "model.pt"
    old = os.umask(0o027)
    try:
        save(rl.ones(1), path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    save(rl.ones(1), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
def test_links_are_followed_and_devices_are_not_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "latest.pt"
    link.symlink_to(tmp_path / "real" / "model.pt")
    save(rl.ones(2), link)
    assert link.is_symlink()
    assert load(tmp_path / "real" / "model.pt").tolist() == [1, 1]
    save(rl.ones(2), os.devnull)
    assert not os.path.isfile(os.devnull)


def test_saving_over_a_mapped_file_does_not_disturb_it(tmp_path):
    path = tmp_path / "model.pt"
    save(rl.arange(4.0), path)
    mapped = load(path, mmap=True)
    save(rl.zeros(4), path)
    assert mapped.tolist() == [0, 1, 2, 3]
    assert load(path).tolist() == [0, 0, 0, 0]


def test_storages_are_aligned_and_stored_as_they_are(tmp_path):
    path = tmp_path / "model.pt"
    save([rl.ones(3), rl.ones(5).double(), rl.zeros(0), rl.ones(1).bool()], path)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            lengths = data[info.header_offset + 26 : info.header_offset + 30]
            start = (
                info.header_offset
                + 30
                + lengths[0]
                + 256 * lengths[1]
                + lengths[2]
                + 256 * lengths[3]
            )
            assert start % 64 == 0
        assert archive.read("model/version") == b"3\n"
        assert archive.read("model/byteorder") == sys.byteorder.encode()


def test_names_that_are_not_ascii(tmp_path):
    path = tmp_path / "модель.pt"
    save(rl.ones(1), path)
    assert load(path).tolist() == [1]
    with zipfile.ZipFile(path) as archive:
        assert "archive/data.pkl" in archive.namelist()


def test_hooks_are_left_out_with_a_warning():
    import io

    tensor = rl.ones(2)
    tensor.requires_grad = True
    tensor.register_hook(lambda grad: grad)
    with pytest.warns(UserWarning, match="backward hook .* will not be serialized"):
        save(tensor, io.BytesIO())


def test_another_pickle_module_is_used():
    import io
    import pickle
    import types

    used = []

    class Pickler(pickle._Pickler):
        def dump(self, obj):
            used.append(type(obj))
            super().dump(obj)

    module = types.SimpleNamespace(Pickler=Pickler, Unpickler=pickle.Unpickler, dump=pickle.dump)
    file = io.BytesIO()
    save({"a": rl.ones(1)}, file, pickle_module=module)
    assert used == [dict]
    file.seek(0)
    assert load(file, pickle_module=module)["a"].tolist() == [1]
