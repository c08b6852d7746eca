"""A directory of build results: digests, the lock, what is written and what is thrown away."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from rushlight.utils.cpp_extension._paths import HEADERS

# Results of earlier versions of the sources are kept, so that switching back costs nothing.
KEPT_LIBRARIES = 8
KEPT_UNITS = 64

TEMPORARY_PREFIX = "building-"


def digest_of(*parts: str) -> str:
    """Return the digest of a sequence of strings."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


def digest_of_file(path: str) -> str | None:
    """Return the digest of a file's content, or None if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.blake2b(file.read(), digest_size=12).hexdigest()
    except OSError:
        return None


@functools.cache
def digest_of_headers() -> str:
    """Return the digest of rushlight's own headers."""
    files = sorted(path for path in HEADERS.rglob("*") if path.is_file())
    return digest_of(
        *(f"{path.relative_to(HEADERS)}={digest_of_file(str(path))}" for path in files)
    )


def _digest_as_of(path: str, started: float) -> str:
    """Return a file's digest; "changed" if the compiler may have read something else."""
    with contextlib.suppress(OSError):
        if os.stat(path).st_mtime <= started:
            return digest_of_file(path) or "gone"
    return "changed"


@functools.cache
def digest_of_translator() -> str:
    """Return the digest of what makes C++ for the host of CUDA sources."""
    files = sorted(Path(__file__).parent.glob("_cuda*.py"))
    return digest_of(*(f"{path.name}={digest_of_file(str(path))}" for path in files))


class Cache:
    """The results kept in one directory.

    A unit (one source with its flags) has a record: the files it included, with their digests.
    The digests give the name of its object file, and those of all objects the name of the
    library, so nothing that is there is ever out of date and nothing needs the lock to be read.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self.objects = directory / "objects"

    def object_key(self, unit_key: str) -> str | None:
        """Return the name of a unit's object file; None if nothing tells what it includes."""
        try:
            record = json.loads((self.objects / f"{unit_key}.json").read_text())
        except (OSError, ValueError):
            return None
        if any(digest_of_file(path) != digest for path, digest in record):
            return None
        return digest_of(unit_key, *(part for entry in record for part in entry))

    def object_path(self, object_key: str) -> Path:
        """Return where an object file is kept."""
        return self.objects / f"{object_key}.o"

    def store_unit(
        self, unit_key: str, included: list[str], object_file: Path, started: float
    ) -> str:
        """Keep an object file and the record of what it was made from; return its name.

        Args:
            unit_key: the unit's name.
            included: the files whose content went into the object, the source among them.
            object_file: where the compiler put it; it is moved.
            started: when the compiler was called.
        """
        record = [(path, _digest_as_of(path, started)) for path in included]
        self.objects.mkdir(exist_ok=True)
        temporary = object_file.with_suffix(".json")
        temporary.write_text(json.dumps(record))
        key = digest_of(unit_key, *(part for entry in record for part in entry))
        os.replace(object_file, self.object_path(key))
        os.replace(temporary, self.objects / f"{unit_key}.json")
        return key

    def prune(self, name: str, keep_objects: bool) -> None:
        """Throw away the oldest results."""
        _keep_newest(self.directory.glob(f"{name}-*.so"), KEPT_LIBRARIES)
        _keep_newest(self.objects.glob("*.o"), KEPT_UNITS if keep_objects else 0)
        _keep_newest(self.objects.glob("*.json"), KEPT_UNITS)

    def remove_leftovers(self) -> None:
        """Remove what builds that were killed have left. Only for the holder of the lock."""
        for path in self.directory.glob(TEMPORARY_PREFIX + "*"):
            shutil.rmtree(path, ignore_errors=True)


def _keep_newest(paths: Iterator[Path], count: int) -> None:
    def modified(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:
            return 0.0

    for path in sorted(paths, key=modified, reverse=True)[count:]:
        with contextlib.suppress(OSError):
            path.unlink()


def read_depfile(path: Path) -> list[str]:
    """Return the files a make rule depends on."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    _, _, files = text.replace("\\\n", " ").partition(": ")
    names = re.findall(r"(?:\\[ #]|[^\s])+", files)
    return [re.sub(r"\\([ #])", r"\1", name).replace("$$", "$") for name in names]


@contextlib.contextmanager
def locked(directory: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the directory's lock. The system takes it back when the process ends, however it does.

    Args:
        directory: an existing directory.
        on_wait: called once if another process holds the lock.
    """
    with open(directory / "lock", "a+b") as file:
        acquire, release = _lock_functions()
        if not acquire(file.fileno(), False):
            on_wait()
            acquire(file.fileno(), True)
        try:
            yield
        finally:
            release(file.fileno())


def _lock_functions() -> tuple[Callable[[int, bool], bool], Callable[[int], None]]:
    """Return this system's functions that take and give back a lock on an open file."""
    if sys.platform == "win32":
        return _acquire_windows, _release_windows
    return _acquire_posix, _release_posix


def _acquire_posix(descriptor: int, wait: bool) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: publication is atomic all the same
    return True


def _release_posix(descriptor: int) -> None:
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _acquire_windows(descriptor: int, wait: bool) -> bool:
    import msvcrt

    while True:
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            return True
        except OSError:
            if not wait:
                return False
            time.sleep(0.05)


def _release_windows(descriptor: int) -> None:
    import msvcrt

    os.lseek(descriptor, 0, os.SEEK_SET)
    msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]


_noticed: set[str] = set()


def writable_directory(wanted: Path) -> Path:
    """Return `wanted` if it can be written to, or else a directory of this user's that can."""
    reason = _why_not_writable(wanted)
    if reason is None:
        return wanted
    fallback = _private_temporary_directory() / digest_of(str(wanted))[:8] / wanted.name
    if str(wanted.parent) not in _noticed:
        _noticed.add(str(wanted.parent))
        warnings.warn(
            f"extensions cannot be kept in {wanted} ({reason}); {fallback} is used in its place. "
            "The environment variable RUSHLIGHT_EXTENSIONS_DIR names another directory.",
            stacklevel=2,
        )
    fallback.mkdir(parents=True, exist_ok=True)
    return fallback


def _why_not_writable(directory: Path) -> str | None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with open(directory / "lock", "ab"):
            return None
    except OSError as error:
        return error.strerror or str(error)


@functools.cache
def _private_temporary_directory() -> Path:
    """Return a temporary directory nobody else can have put libraries into."""
    import tempfile

    if hasattr(os, "getuid"):
        path = Path(tempfile.gettempdir(), f"rushlight-extensions-{os.getuid()}")
        with contextlib.suppress(OSError):
            path.mkdir(mode=0o700, exist_ok=True)
            status = path.lstat()
            is_ours = status.st_uid == os.getuid() and not status.st_mode & 0o022
            if path.is_dir() and not path.is_symlink() and is_ours:
                return path
    return Path(tempfile.mkdtemp(prefix="rushlight-extensions-"))
