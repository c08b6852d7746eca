"""What is compiled, when, and where it is kept."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from rushlight.utils.cpp_extension import _cache, _compile, _compiler, load, load_inline

from .conftest import ANSWER, child_environment

FAST = ["-O0"]


def load_answer(name="answer", value=42, **options):
    options.setdefault("extra_cflags", [*FAST, f"-DVALUE={value}"])
    return load_inline(name, ANSWER, no_implicit_headers=True, **options)


def test_a_hit_calls_no_compiler(compiler_log, own_directory):
    assert load_answer().answer() == 42
    assert len(compiler_log.calls) == 2  # compiled and linked
    assert load_answer().answer() == 42
    assert len(compiler_log.calls) == 2


def test_flags_and_text_are_part_of_the_key(compiler_log, own_directory):
    first, second = load_answer(value=1), load_answer(value=2)
    assert (first.answer(), second.answer()) == (1, 2)
    compiler_log.clear()
    assert load_answer(value=1) is first
    assert compiler_log.calls == []


def test_second_version_has_a_suffix_and_leaves_the_first_alone(compiler):
    modules = [load_answer("versions", value) for value in (1, 2, 3)]
    assert [module.answer() for module in modules] == [1, 2, 3]
    assert [module.__name__ for module in modules] == ["versions", "versions_v1", "versions_v2"]


@pytest.fixture
def project(tmp_path) -> Path:
    """Two sources and a header, in a folder whose name needs quoting."""
    folder = tmp_path / "my $project #1"
    (folder / "include").mkdir(parents=True)
    (folder / "include" / "value.h").write_text("#pragma once\nint value();\n#define OFFSET 0\n")
    (folder / "value.cpp").write_text("int value() { return 42; }\n")
    main = ANSWER.replace("VALUE);", "value() + OFFSET);").replace(
        "#include", '#include "value.h"\n#include', 1
    )
    (folder / "main.cpp").write_text(main)
    return folder


def load_project(folder: Path):
    return load(
        "project",
        [str(folder / "main.cpp"), folder / "value.cpp"],
        extra_cflags=FAST,
        extra_include_paths=[str(folder / "include")],
    )


def test_only_what_changed_is_compiled(compiler_log, own_directory, project):
    assert load_project(project).answer() == 42
    assert sorted(compiler_log.compiled) == ["main.cpp", "value.cpp"]
    compiler_log.clear()
    (project / "value.cpp").write_text("int value() { return 43; }\n")
    assert load_project(project).answer() == 43
    assert compiler_log.compiled == ["value.cpp"]


def test_a_changed_header_is_noticed(compiler_log, own_directory, project):
    assert load_project(project).answer() == 42
    compiler_log.clear()
    header = project / "include" / "value.h"
    header.write_text(header.read_text().replace("OFFSET 0", "OFFSET 100"))
    assert load_project(project).answer() == 142
    assert compiler_log.compiled == ["main.cpp"]


def test_a_header_that_changes_while_the_compiler_reads_it_is_not_trusted(tmp_path):
    cache = _cache.Cache(tmp_path)
    header, result = tmp_path / "a.h", tmp_path / "a.o"
    header.write_text("")
    result.write_text("")
    cache.store_unit("unit", [str(header)], result, started=time.time() - 60)
    assert cache.object_key("unit") is None
    result.write_text("")
    os.utime(header, (1, 1))
    key = cache.store_unit("unit", [str(header)], result, started=time.time())
    assert cache.object_key("unit") == key


def test_relative_include_paths(compiler, own_directory, project, monkeypatch):
    monkeypatch.chdir(project)
    sources = ["main.cpp", "value.cpp"]
    assert load("project", sources, extra_cflags=[*FAST, "-Iinclude"]).answer() == 42
    assert load("project", sources, FAST, extra_include_paths=["include"]).answer() == 42


def test_missing_source():
    with pytest.raises(FileNotFoundError, match=r"no such source file: 'nowhere\.cpp'"):
        load("missing", ["nowhere.cpp"])


@pytest.mark.parametrize("name", ["my-ext", "1st", "", "a.b", "é"])
def test_names_must_be_identifiers(name):
    with pytest.raises(ValueError, match="must be an identifier, got"):
        load_inline(name, ANSWER)
    with pytest.raises(ValueError, match="must be an identifier, got"):
        load_inline("fine", ANSWER, functions=[name])


def test_build_directory(compiler, tmp_path):
    directory = tmp_path / "build" / "here"
    module = load_answer("placed", build_directory=directory)
    assert Path(module.__file__).parent == directory
    assert (directory / "placed.so").exists()


def test_strings_find_headers_of_the_build_directory(compiler, tmp_path):
    (tmp_path / "value.h").write_text("#define VALUE 7\n")
    source = '#include "value.h"\n' + ANSWER
    module = load_inline(
        "beside", source, no_implicit_headers=True, extra_cflags=FAST, build_directory=tmp_path
    )
    assert module.answer() == 7


def test_keep_intermediates(compiler, tmp_path):
    objects = tmp_path / "objects"
    load_answer("kept", build_directory=tmp_path)
    assert list(objects.glob("*.o"))
    load_answer("kept", 2, build_directory=tmp_path, keep_intermediates=False)
    assert not list(objects.glob("*.o"))
    assert load_answer("kept", 2, build_directory=tmp_path).answer() == 2


def test_results_of_old_sources_are_thrown_away(tmp_path):
    cache = _cache.Cache(tmp_path)
    cache.objects.mkdir()
    for index in range(12):
        path = tmp_path / f"old-{index}.so"
        path.write_text("")
        os.utime(path, (index, index))
    cache.prune("old", keep_objects=True)
    left = {path.name for path in tmp_path.glob("*.so")}
    assert left == {f"old-{index}.so" for index in range(12 - _cache.KEPT_LIBRARIES, 12)}


def test_library_that_is_no_module(compiler):
    text = 'extern "C" int seven() { return 7; }'
    path = load_inline("plain", text, no_implicit_headers=True, is_python_module=False)
    assert ctypes.CDLL(path).seven() == 7


def test_verbose_prints_commands_and_seconds(compiler, own_directory, capfd):
    load_answer("talks", verbose=True)
    text = capfd.readouterr().err
    assert "-DTORCH_EXTENSION_NAME=talks" in text
    assert "[talks] built in " in text
    load_answer("talks", verbose=True)
    assert "nothing has changed" in capfd.readouterr().err
    load_answer("talks")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("variable", ["RUSHLIGHT_EXTENSIONS_DIR", "TORCH_EXTENSIONS_DIR"])
def test_directory_from_the_environment(variable, compiler, tmp_path, monkeypatch):
    monkeypatch.delenv("RUSHLIGHT_EXTENSIONS_DIR")
    monkeypatch.setenv(variable, str(tmp_path))
    module = load_answer("somewhere")
    assert Path(module.__file__).parent == tmp_path / "somewhere"


CHILD = f"""
from rushlight.utils.cpp_extension import load_inline
source = {ANSWER!r}
print(load_inline("shared", source, no_implicit_headers=True, extra_cflags=["-O0"]).answer())
"""


def test_another_process_finds_the_library(compiler_log, own_directory):
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", CHILD], env=child_environment(),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == "42\n"
    assert len(compiler_log.compiled) == 1


def test_two_processes_build_once(compiler_log, own_directory):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD], env=child_environment(),
            stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [child.communicate(timeout=120)[0] for child in children] == ["42\n", "42\n"]
    assert len(compiler_log.compiled) == 1


def test_killed_build_leaves_no_lock(compiler, own_directory, tmp_path, monkeypatch):
    slow = tmp_path / "g++"
    slow.write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\nexec sleep 300\n")
    slow.chmod(0o755)
    variables = {**child_environment(), "CXX": f"'{slow}'"}
    child = subprocess.Popen([sys.executable, "-c", CHILD], env=variables, start_new_session=True)
    try:
        while not (tmp_path / "started").exists():
            assert child.poll() is None
            time.sleep(0.01)
        assert list((own_directory / "shared").glob("building-*"))
        child.kill()
        child.wait()
        done = subprocess.run(
            [sys.executable, "-c", CHILD], env=child_environment(),
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        assert done.stdout == "42\n"
        assert not list((own_directory / "shared").glob("building-*"))
    finally:
        os.killpg(child.pid, signal.SIGKILL)  # the compiler outlives the build


def test_directory_that_cannot_be_written(compiler, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("RUSHLIGHT_EXTENSIONS_DIR", str(file / "extensions"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _cache._private_temporary_directory.cache_clear()
    try:
        with pytest.warns(UserWarning, match="extensions cannot be kept in .* RUSHLIGHT_EXT"):
            module = load_answer("homeless", 1)
        assert module.answer() == 1
        assert Path(module.__file__).is_relative_to(tmp_path)
        assert load_answer("homeless", 2).answer() == 2  # says nothing more
    finally:
        _cache._private_temporary_directory.cache_clear()


def test_temporary_directory_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    planted = tmp_path / f"rushlight-extensions-{os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    _cache._private_temporary_directory.cache_clear()
    try:
        assert _cache._private_temporary_directory() != planted
    finally:
        _cache._private_temporary_directory.cache_clear()


def test_library_of_a_read_only_directory_is_used(compiler, own_directory, monkeypatch):
    module = load_answer("published")

    def refuse(wanted):
        raise AssertionError("a hit writes nothing")

    monkeypatch.setattr(_cache, "writable_directory", refuse)
    assert load_answer("published") is module


def test_no_compiler(own_directory, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match=r"needs a C\+\+ compiler(.|\n)*apt install g\+\+"):
        load_answer()


def test_cxx_that_does_not_exist(own_directory, monkeypatch):
    monkeypatch.setenv("CXX", "/nowhere/c++")
    with pytest.raises(RuntimeError, match="CXX names the compiler '/nowhere/c\\+\\+'"):
        load_answer()


def test_flags_of_the_user(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "with space").mkdir()
    here = str(tmp_path / "a")
    given = ["-Ia", "-I a", "-isystem", "a", "-DX=a", "-O3 -g", "-include", "vector", "-L/usr"]
    expected = [f"-I{here}", "-I", here, "-isystem", here, "-DX=a", "-O3", "-g"]
    expected += ["-include", "vector", "-L/usr"]
    assert _compiler.user_flags(given) == expected
    assert _compiler.user_flags(['-DNAME=\\"x\\"', "-Iwith space", "'"]) == [
        '-DNAME="x"',
        f"-I{tmp_path / 'with space'}",
        "'",
    ]
    assert _compiler.user_flags(None) == []


def test_a_changed_library_is_linked_anew(compiler, own_directory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = 'extern "C" int part(void);\nextern "C" int whole() { return part(); }\n'
    results = []
    for value in (1, 2):
        (tmp_path / "part.c").write_text(f"int part(void) {{ return {value}; }}\n")
        command = [*shlex.split(compiler), "-x", "c", "-fPIC", "-c", "part.c", "-o", "part.o"]
        subprocess.run(command, check=True)
        path = load_inline(
            "whole", source, no_implicit_headers=True, extra_ldflags=["part.o"],
            is_python_module=False, extra_cflags=FAST,
        )  # fmt: skip
        results.append(ctypes.CDLL(path).whole())
    assert results == [1, 2]


def test_torchs_libraries_are_not_linked():
    flags = ["-ltorch", "-lc10", "-lm", "-ltorch_python", "-ltorchish"]
    assert _compiler.without_torch_libraries(flags) == ["-lm", "-ltorchish"]


def test_depfile(tmp_path):
    path = tmp_path / "a.d"
    path.write_text("a.o: /x/a.cpp \\\n /x/with\\ space.h /x/$$dollar.h \\\n /x/\\#hash.h\n")
    assert _cache.read_depfile(path) == [
        "/x/a.cpp",
        "/x/with space.h",
        "/x/$dollar.h",
        "/x/#hash.h",
    ]


def test_number_of_compilers(monkeypatch):
    monkeypatch.setenv("MAX_JOBS", "3")
    assert _compile.jobs(8) == 3
    assert _compile.jobs(2) == 2
    monkeypatch.setenv("MAX_JOBS", "many")
    assert _compile.jobs(1) == 1


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_commands_of_several_words(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    ccache, gcc = script(tmp_path / "ccache", 'exec "$@"'), script(tmp_path / "g++", "exit 1")
    zig = script(tmp_path / "zig", "echo '#define __clang__ 1'")
    monkeypatch.setenv("CXX", "ccache g++ -m64")
    compiler = _compiler.find_compiler()
    assert compiler.command == (str(ccache), str(gcc), "-m64")
    gcc.write_text("another version")
    assert _compiler.find_compiler().identity != compiler.identity
    monkeypatch.setenv("CXX", "zig c++")
    assert _compiler.find_compiler().command == (str(zig), "c++")
    assert _compiler.find_compiler().is_clang
    monkeypatch.chdir(tmp_path)
    assert _compiler.resolve("./zig").command == (str(zig),)
    assert _compiler.resolve("ccache no-such-compiler") is None
    assert _compiler.resolve("") is None


@pytest.mark.skipif(sys.platform == "darwin", reason="g++ is a Clang there")
@pytest.mark.parametrize(
    ("name", "is_clang"), [("g++-12", False), ("x86_64-linux-gnu-g++", False), ("clang++-17", True)]
)
def test_compilers_are_known_by_their_names(name, is_clang, tmp_path):
    compiler = _compiler.resolve(str(script(tmp_path / name, "exit 1")))
    assert compiler.is_clang is is_clang
