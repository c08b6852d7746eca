"""Extensions built by tests are kept for the session, in a directory of its own."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

import rushlight
from rushlight.utils.cpp_extension import _compiler

# A module of one function, `answer`, without any of our headers: the quickest to compile.
ANSWER = r"""
#include <Python.h>
#ifndef VALUE
#define VALUE 42
#endif
static PyObject* answer(PyObject*, PyObject*) { return PyLong_FromLong(VALUE); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {}};
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define QUOTE_(a) #a
#define QUOTE(a) QUOTE_(a)
static PyModuleDef def = {PyModuleDef_HEAD_INIT, QUOTE(TORCH_EXTENSION_NAME), "", -1, methods};
PyMODINIT_FUNC CONCAT(PyInit_, TORCH_EXTENSION_NAME)() { return PyModule_Create(&def); }
"""


@pytest.fixture(scope="session", autouse=True)
def extensions_dir(tmp_path_factory):
    """Where the session's extensions are kept."""
    directory = tmp_path_factory.mktemp("extensions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUSHLIGHT_EXTENSIONS_DIR", str(directory))
        yield directory


@pytest.fixture(scope="session")
def compiler() -> str:
    """The command of the C++ compiler; tests that ask for it are skipped if there is none."""
    if sys.platform == "win32":
        pytest.skip("these tests call a compiler with Unix flags")
    try:
        return shlex.join(_compiler.find_compiler().command)
    except RuntimeError:
        pytest.skip("there is no C++ compiler")


class CompilerLog:
    """The calls of the compiler."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call."""
        return [call.split("\n") for call in self.path.read_text().split("\n\n")[:-1]]

    @property
    def compiled(self) -> list[str]:
        """The sources that have been compiled, by name."""
        return [Path(call[call.index("-c") + 1]).name for call in self.calls if "-c" in call]

    def clear(self) -> None:
        self.path.write_text("")


@pytest.fixture
def compiler_log(compiler, tmp_path, monkeypatch) -> CompilerLog:
    """A compiler in the way of the real one, which writes down its calls."""
    log = CompilerLog(tmp_path / "calls")
    log.clear()
    script = tmp_path / "bin" / "g++"
    script.parent.mkdir()
    record = shlex.quote(str(log.path))
    script.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" '' >> {record}\nexec {compiler} \"$@\"\n")
    script.chmod(0o755)
    monkeypatch.setenv("CXX", shlex.quote(str(script)))
    return log


@pytest.fixture
def own_directory(tmp_path, monkeypatch) -> Path:
    """A directory for this test's extensions alone."""
    directory = tmp_path / "own extensions"
    monkeypatch.setenv("RUSHLIGHT_EXTENSIONS_DIR", str(directory))
    monkeypatch.delenv("TORCH_EXTENSIONS_DIR", raising=False)
    return directory


def child_environment() -> dict[str, str]:
    """Return the variables of a child process that is to find this rushlight."""
    source = str(Path(rushlight.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": source}
