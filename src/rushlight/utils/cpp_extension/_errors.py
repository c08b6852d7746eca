"""What a compiler says, made short and put into the user's terms."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

SHOWN_ERRORS = 5
SHOWN_LINES = 14

_DIAGNOSTIC = re.compile(
    r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?:\d+:)? (?P<kind>[a-z ]*error|warning|note): "
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")
_EMPTY_TALK = re.compile(r"\d+ (?:errors?|warnings?).* generated\.|compilation terminated.*")
_LINKER = re.compile(r"undefined reference|undefined symbol|cannot find -l|multiple definition")


class CompilerFailure(Exception):
    """A compiler or linker that found errors: its command and all it has printed."""

    def __init__(self, command: Sequence[str], output: str):
        super().__init__(output)
        self.command = list(command)
        self.output = _COLOUR.sub("", output)


def build_error(
    name: str,
    failure: CompilerFailure,
    snippets: Mapping[str, str],
    explain: Callable[[str], str | None],
) -> RuntimeError:
    """Return the exception that tells the user of a failed build.

    Args:
        name: the extension's name.
        failure: the command and its output.
        snippets: the strings that were compiled, by the names they have in the output.
        explain: returns a better message for an output it knows the cause of.
    """
    head = f"Error building extension '{name}'"
    explanation = explain(failure.output)
    if explanation is not None:
        return RuntimeError(f"{head}: {explanation}")
    places = {label: place for label, text in snippets.items() if (place := find_in_callers(text))}
    errors = in_their_files(relevant(failure.output), places)
    return RuntimeError(f"{head}:\n{errors}\n\ncommand: {' '.join(failure.command)}")


def relevant(output: str) -> str:
    """Return the errors of a compiler's output, each with the lines that belong to it."""
    blocks = [block for block in _blocks(output) if _is_error(block)]
    if not blocks:
        return output.strip()
    shown = [_shortened(block) for block in blocks[:SHOWN_ERRORS]]
    if len(blocks) > SHOWN_ERRORS:
        shown.append(f"({len(blocks) - SHOWN_ERRORS} more errors)")
    return "\n".join(shown)


def _blocks(output: str) -> list[list[str]]:
    """Split an output into diagnostics: the line that names a place, and what follows it."""
    blocks: list[list[str]] = []
    for line in output.splitlines():
        if _EMPTY_TALK.fullmatch(line):
            continue
        match = _DIAGNOSTIC.match(line)
        is_new = _LINKER.search(line) or (match is not None and match["kind"] != "note")
        if is_new or not blocks:
            blocks.append([])
        blocks[-1].append(line)
    return blocks


def _is_error(block: Sequence[str]) -> bool:
    for line in block:
        match = _DIAGNOSTIC.match(line)
        if match is not None:
            return match["kind"].endswith("error")
        if _LINKER.search(line):
            return True
    return False


def _shortened(block: Sequence[str]) -> str:
    if len(block) <= SHOWN_LINES:
        return "\n".join(block)
    return "\n".join([*block[:SHOWN_LINES], f"    ({len(block) - SHOWN_LINES} more lines)"])


# A file of the user's, and the number of its lines that stand before a string's first.
Place = tuple[str, int]


def find_in_callers(text: str) -> Place | None:
    """Return where a string stands in the Python files of the functions being called."""
    import linecache

    package = os.path.dirname(os.path.abspath(__file__))
    frame: FrameType | None = sys._getframe(1)
    seen = set()
    while frame is not None:
        file = frame.f_code.co_filename
        if file not in seen and not os.path.abspath(file).startswith(package):
            seen.add(file)
            content = "".join(linecache.getlines(file, frame.f_globals))
            if text.strip() and content.count(text) == 1:
                return file, content[: content.index(text)].count("\n")
        frame = frame.f_back
    return None


_EXCERPT = re.compile(r"^( *)(\d+) \|")


def in_their_files(output: str, places: Mapping[str, Place]) -> str:
    """Return a compiler's output with lines of strings as lines of the files they stand in."""
    if not places:
        return output
    labels = "|".join(map(re.escape, places))
    mention = re.compile(rf"(?<![\w./])({labels}):(\d*)")

    def in_file(match: re.Match[str]) -> str:
        file, before = places[match[1]]
        return f"{file}:{int(match[2]) + before if match[2] else ''}"

    lines, shift = [], 0
    for line in output.splitlines():
        diagnostic = _DIAGNOSTIC.match(line)
        if diagnostic is not None:
            _, shift = places.get(diagnostic["file"], ("", 0))
        lines.append(mention.sub(in_file, _renumbered(line, shift)))
    return "\n".join(lines)


def _renumbered(line: str, shift: int) -> str:
    """Return an excerpt's line with its number raised; other lines as they are."""
    excerpt = _EXCERPT.match(line)
    if excerpt is None:
        return line
    number = str(int(excerpt[2]) + shift).rjust(len(excerpt[1] + excerpt[2]))
    return f"{number} |{line[excerpt.end() :]}"
