"""The precompiled header: made the second time, used the third, never out of date."""

from __future__ import annotations

import os
import shutil
import sysconfig
import time

import pytest

from rushlight.utils.cpp_extension import _compiler, _precompiled, load_inline

HEADER = "rushlight/view.h"  # stands in for torch's, which takes longer


@pytest.fixture
def gcc(compiler, own_directory, monkeypatch):
    if _compiler.find_compiler().is_clang:
        pytest.skip("only GCC finds precompiled headers by itself")
    monkeypatch.delenv("RUSHLIGHT_PCH", raising=False)
    monkeypatch.setattr(_precompiled, "HEADER", HEADER)


def build(value, **options):
    """Compile a library that is different for each value."""
    load_inline(
        "pch",
        f'#include <{HEADER}>\n#include <{HEADER}>\nextern "C" int value() {{ return {value}; }}\n',
        is_python_module=False,
        no_implicit_headers=True,
        extra_cflags=["-O0", "-Winvalid-pch", "-Werror"],
        **options,
    )


def wait_for(directory):
    deadline = time.monotonic() + 60
    while not any((path / "depends").exists() for path in directory.glob("precompiled/*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    while list(directory.glob("precompiled/*.making")):
        time.sleep(0.02)


def headers_used(log) -> list[str]:
    compiled = [call for call in log.calls if "-x" not in call]
    return [word for call in compiled for word in call if "/precompiled/" in word]


def test_it_is_made_the_second_time_and_used_the_third(gcc, compiler_log, own_directory):
    build(1)
    assert not list(own_directory.glob("precompiled/*.making"))
    build(2)
    wait_for(own_directory)
    assert headers_used(compiler_log) == []
    build(3)
    assert len(headers_used(compiler_log)) == 1


def test_use_pch_makes_it_at_once(gcc, compiler_log, own_directory):
    build(1, use_pch=True)
    assert len(headers_used(compiler_log)) == 1


def test_it_is_out_of_date_after_a_change(gcc, own_directory, tmp_path, monkeypatch):
    copy = tmp_path / "include"
    shutil.copytree(_precompiled.HEADERS, copy)
    monkeypatch.setattr(_precompiled, "HEADERS", copy)
    command = [*_compiler.find_compiler().command, "-isystem", str(copy)]
    header = _precompiled.Precompiled([*command, "-I", sysconfig.get_path("include")], [])
    assert header.use_in(command) == command
    header.make_now()
    assert header.is_valid()
    assert header.use_in(command)[-4:-2] == ["-isystem", str(header.directory)]
    time.sleep(0.02)
    (copy / HEADER).touch()
    assert not header.is_valid()
    header.make_now()
    assert header.is_valid()


def test_another_process_is_making_it(gcc, own_directory):
    header = _precompiled.Precompiled(["no-such-compiler"], [])
    header.scratch.mkdir(parents=True)
    header.make_now()
    assert list(header.scratch.iterdir()) == []
    os.utime(header.scratch, (1, 1))  # it was killed
    header.make_now()
    assert not header.scratch.exists()
    assert not header.is_valid()


CANNOT_LOAD = """#!/bin/sh
case "$*" in
  *c++-header*) ;;
  */precompiled/*) echo "a.cpp:1:1: fatal error: had to relocate PCH"; exit 1 ;;
esac
exec {compiler} "$@"
"""


def test_a_compiler_that_cannot_load_it(gcc, compiler, own_directory, tmp_path, monkeypatch):
    wrapper = tmp_path / "g++"
    wrapper.write_text(CANNOT_LOAD.format(compiler=compiler))
    wrapper.chmod(0o755)
    monkeypatch.setenv("CXX", str(wrapper))
    build(1, use_pch=True)
    build(2, use_pch=True)
    left = {path.suffix for path in (own_directory / "precompiled").iterdir()}
    assert left == {".asked_for", ".unusable"}


def test_it_can_be_turned_off(gcc, monkeypatch):
    assert _precompiled.is_wanted(f"#include <{HEADER}>")
    monkeypatch.setenv("RUSHLIGHT_PCH", "0")
    assert not _precompiled.is_wanted(f"#include <{HEADER}>")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('#include "torch/extension.h"\n', True),
        ("// a comment\n/* and\nanother */\n#pragma once\n# include <torch/extension.h>", True),
        ('#line 1 "x"\n#include <torch/extension.h>\n', True),
        ("#include <vector>\n#include <torch/extension.h>\n", False),
        ("#define X 1\n#include <torch/extension.h>\n", False),
        ("int x;\n#include <torch/extension.h>\n", False),
        ("#include <torch/torch.h>\n", False),
    ],
)
def test_only_if_it_comes_first(text, wanted):
    assert _precompiled.is_wanted(text) is wanted
