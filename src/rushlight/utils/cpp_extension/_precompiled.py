"""`torch/extension.h`, precompiled: reading it is most of what a short source takes to compile.

Making it takes longer than compiling a source. It is made when the same flags come a second time,
in the background, at low priority, and no build waits for it. GCC uses it only if it is the first
thing a source includes and flags and macros are those it was made with; that the headers and the
compiler are still the same, we see to.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from rushlight.utils.cpp_extension import _cache
from rushlight.utils.cpp_extension._paths import HEADERS, extension_directory

HEADER = "torch/extension.h"
KEPT = 4
# What was begun longer ago than this has been killed.
MAKING_SECONDS = 300

_NAME_FLAG = "-DTORCH_EXTENSION_NAME="

_SPACE = r"(?:\s|//[^\n]*\n|/\*.*?\*/|#[ \t]*(?:line|pragma[ \t]+once)\b[^\n]*\n)*"


def is_wanted(text: str) -> bool:
    """Tell whether a source includes the header before anything else."""
    if os.environ.get("RUSHLIGHT_PCH") == "0":
        return False
    include = rf"#[ \t]*include[ \t]*[<\"]{re.escape(HEADER)}[>\"]"
    return re.match(_SPACE + include, text, re.DOTALL) is not None


class Precompiled:
    """The precompiled header for one compiler and one set of flags."""

    def __init__(self, command: Sequence[str], world: Sequence[str]):
        """Give it its name.

        Args:
            command: the compiler and the flags of a source.
            world: what else an object depends on.
        """
        # No header behind HEADER mentions the extension's name: GCC would refuse the other names.
        self.command = [word for word in command if not word.startswith(_NAME_FLAG)]
        root = extension_directory("precompiled", None)
        self.directory = root / _cache.digest_of(*world, *self.command)
        self.scratch = self.directory.with_suffix(".making")
        self.asked_for = self.directory.with_suffix(".asked_for")
        self.unusable = self.directory.with_suffix(".unusable")

    def use_in(self, command: Sequence[str]) -> list[str]:
        """Return the command, made to use it if it is there."""
        position = command.index("-isystem")  # our headers; what stands first is found first
        flags = ["-isystem", str(self.directory)] if self.is_valid() else []
        return [*command[:position], *flags, *command[position:]]

    def is_valid(self) -> bool:
        """Tell whether it is there, and all it was made of is as it was."""
        try:
            begun = (self.directory / "begun").stat().st_mtime_ns
            files = _cache.read_depfile(self.directory / "depends")
            return all(_changed_ns(file) <= begun for file in files)
        except OSError:
            return False

    def give_up(self) -> None:
        """Never use it again: the compiler cannot load it, for reasons of the system's."""
        with contextlib.suppress(OSError):
            self.unusable.touch()
            shutil.rmtree(self.directory)

    def make_soon(self) -> None:
        """Make it in the background, unless this is the first time that anybody asks for it."""
        if self.is_valid():
            return
        with contextlib.suppress(OSError):  # a directory that cannot be written to does without
            if self.asked_for.exists():
                self._make("&")
            else:
                self.asked_for.parent.mkdir(parents=True, exist_ok=True)
                self.asked_for.touch()

    def make_now(self) -> None:
        """Make it, and wait until it is there."""
        if self.is_valid():
            return
        with contextlib.suppress(OSError):
            self._make("")

    def _make(self, background: str) -> None:
        if self.unusable.exists() or not self._begin():
            return
        target = self.scratch / f"{HEADER}.gch"
        target.parent.mkdir(parents=True)
        # What the compiler finds once it may not use the other any more, or does not want to.
        (self.scratch / HEADER).write_text(f"#include_next <{HEADER}>\n")
        source = ["-w", "-x", "c++-header", str(HEADERS / HEADER)]
        report = ["-MD", "-MF", str(self.scratch / "depends"), "-o", str(target)]
        compile = shlex.join(["nice", *self.command, *source, *report])
        scratch, directory = shlex.quote(str(self.scratch)), shlex.quote(str(self.directory))
        publish = f"rm -rf {directory} && mv {scratch} {directory}"
        # The shell ends at once and leaves the compiler to the system, so nobody has to wait.
        script = f"({compile} && {publish} || rm -rf {scratch}) >/dev/null 2>&1 {background}"
        subprocess.run(["sh", "-c", script], stdin=subprocess.DEVNULL, start_new_session=True)
        _prune(self.directory.parent)

    def _begin(self) -> bool:
        """Make the scratch directory; False if another process is at work."""
        with contextlib.suppress(OSError):
            if time.time() - self.scratch.stat().st_mtime > MAKING_SECONDS:
                shutil.rmtree(self.scratch, ignore_errors=True)
        try:
            self.scratch.mkdir(parents=True)
        except FileExistsError:
            return False
        (self.scratch / "begun").touch()
        return True


def _changed_ns(file: str) -> int:
    """Return when a file was changed; an installer sets its date, but not that of its entry."""
    status = os.stat(file)
    return max(status.st_mtime_ns, status.st_ctime_ns)


def _prune(root: Path) -> None:
    directories = [path for path in root.iterdir() if path.is_dir() and not path.suffix]
    directories.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for directory in directories[KEPT:]:
        shutil.rmtree(directory, ignore_errors=True)
