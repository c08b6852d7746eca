"""Headers with CUDA in them: put in place of their `#include`, since they need translation too."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from rushlight.utils.cpp_extension._paths import HEADERS

_INCLUDE = re.compile(r'[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]')
_LINE = re.compile(r'[ \t]*#[ \t]*line[ \t]+(\d+)(?:[ \t]+"([^"]*)")?')
_PRAGMA_ONCE = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+once[^\n]*$", re.MULTILINE)
_CUDA = re.compile(r"__global__|__shared__|__device__|__constant__|<<<|\bthreadIdx\b")


def with_cuda_headers(
    text: str, path: str, directories: Sequence[str] = ()
) -> tuple[str, list[str]]:
    """Return a source with the headers in place that hold CUDA, and the files these were.

    Args:
        text: the source.
        path: its file, or a name.
        directories: where `#include` looks, besides the directory of the file.
    """
    files: list[str] = []
    return _expand(text, path, directories, files, ()), files


def included_files(text: str, path: str, directories: Sequence[str] = ()) -> list[str]:
    """Return the content of the user's headers that a source includes, directly or not."""
    seen: dict[str, str] = {}
    todo = [(text, path)]
    while todo:
        text, path = todo.pop()
        for include in _INCLUDE.finditer(text):
            found = _find(include[2], include[1] == '"', path, directories)
            if found and found not in seen:
                seen[found] = _read(found)
                todo.append((seen[found], found))
    return list(seen.values())


def _expand(
    text: str, path: str, directories: Sequence[str], files: list[str], around: tuple[str, ...]
) -> str:
    result, name, number = [], path, 0
    in_comment = False
    for line in text.splitlines(keepends=True):
        number += 1
        marker = _LINE.match(line)
        if marker is not None:
            number, name = int(marker[1]) - 1, marker[2] or name
        include = None if in_comment else _INCLUDE.match(line)
        in_comment = _comment_goes_on(line, in_comment)
        found = include and _find(include[2], include[1] == '"', path, directories)
        if not found or found in around:
            result.append(line)
        elif _holds_cuda(found, directories, (*around, found)):
            files.append(found)
            inner = _expand(_read(found), found, directories, files, (*around, found))
            body = _guarded(f'#line 1 "{found}"\n{inner}\n', found)
            result.append(f'{body}#line {number + 1} "{name}"\n')
        elif around and include is not None and include[1] == '"':
            result.append(f'#include "{found}"\n')  # found beside the header, which has moved
        else:
            result.append(line)
    return "".join(result)


def _comment_goes_on(line: str, in_comment: bool) -> bool:
    opened, closed = line.rfind("/*"), line.rfind("*/")
    if "//" in line and line.find("//") < opened:
        return in_comment and closed < 0
    return opened > closed or (in_comment and closed < 0)


def _guarded(text: str, path: str) -> str:
    """Give a text that says `#pragma once` a guard of its own."""
    without, count = _PRAGMA_ONCE.subn("", text)
    if not count:
        return text
    guard = "RUSHLIGHT_ONCE_" + re.sub(r"\W", "_", path)
    return f"#ifndef {guard}\n#define {guard}\n{without}#endif\n"


def _find(name: str, is_quoted: bool, path: str, directories: Sequence[str]) -> str | None:
    beside = [os.path.dirname(path)] if is_quoted and os.path.isabs(path) else []
    for directory in (*beside, *directories):
        if directory.startswith(str(HEADERS)):  # our own need no translation
            continue
        candidate = os.path.join(directory, name)
        if os.path.isfile(candidate):
            return os.path.abspath(candidate)
    return None


def _holds_cuda(path: str, directories: Sequence[str], around: tuple[str, ...]) -> bool:
    text = _read(path)
    if _CUDA.search(text):
        return True
    for include in _INCLUDE.finditer(text):
        found = _find(include[2], include[1] == '"', path, directories)
        if found and found not in around and _holds_cuda(found, directories, (*around, found)):
            return True
    return False


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()
