"""What a compiler says, made short and put into the user's terms."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from rushlight.utils.cpp_extension._paths import HEADERS

SHOWN_ERRORS = 5
SHOWN_LINES = 14

_DIAGNOSTIC = re.compile(
    r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?:\d+:)? (?P<kind>[a-z ]*error|warning|note): "
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")
_EMPTY_TALK = re.compile(
    r"\d+ (?:errors?|warnings?).* generated\.|compilation terminated|"
    r"In file included from |\s+from \S"
)
_LEADS = re.compile(r"^[^\s:][^:]*: (?:In|At) |:   (?:required|recursively required) (?:from|by) ")
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
    explanation = explain(failure.output) or _explain_types(failure.output)
    if explanation is not None:
        return RuntimeError(f"{head}: {explanation}")
    places = {label: place for label, text in snippets.items() if (place := find_in_callers(text))}
    errors = in_their_files(relevant(failure.output), places)
    hint = "".join(f"\n{text}" for pattern, text in _HINTS if pattern.search(failure.output))
    return RuntimeError(f"{head}:\n{errors}\n{hint}\ncommand: {' '.join(failure.command)}")


# What a well-known error comes from.
_HINTS = (
    (
        re.compile(
            r"error: (?:'__(?:global|device|shared)__' does not name|unknown type name '__)"
        ),
        "Kernels belong into a .cu file, or into load_inline's cuda_sources.\n",
    ),
    (
        re.compile(
            r"error: '?(?:thrust|cublas|cusparse|cusolver|cudnn|cufft|cutlass|cute|nccl|texture"
            r"|cuda/(?:std|barrier|pipeline)|cub/)[\w/.]*'?(?: file not found|: No such file)"
        ),
        "CUDA's libraries are not there without a GPU: only kernels run in the emulator "
        "(docs/extensions.md).\n",
    ),
)


_NO_CASTER = re.compile(
    r"(?:incomplete type|undefined template|undefined type) '(?:struct )?"
    r"rushlight::Caster<(.+?)(?:, void)?>'"
)


def _explain_types(output: str) -> str | None:
    """Return which type has no counterpart in Python, if that is what has gone wrong."""
    missing = _NO_CASTER.search(output)
    if missing is None:
        return None
    cause = re.search(
        r"^(\S+:\d+):\d+:(?:   required from here| note: in instantiation of .* requested here)",
        output[missing.start() :],
        re.MULTILINE,
    )
    where = "" if cause is None else f" ({cause[1].removesuffix(':1')})"
    return (
        f"{missing[1]} cannot be an argument or a result of a bound function{where}; tensors, "
        "numbers, bool, std::string, at::Scalar and vectors, tuples and optionals of them can"
    )


def relevant(output: str) -> str:
    """Return the errors of a compiler's output: the user's own first, without what only fills."""
    blocks = sorted(filter(_is_error, _blocks(output)), key=_is_in_headers)
    if not blocks:
        return output.strip()
    shown = [_shortened(block) for block in blocks[:SHOWN_ERRORS]]
    if len(blocks) > SHOWN_ERRORS:
        shown.append(f"({len(blocks) - SHOWN_ERRORS} more errors)")
    return "\n".join(shown)


def _blocks(output: str) -> list[list[str]]:
    """Split an output into diagnostics: the lines that lead to a place, that line, what follows."""
    blocks: list[list[str]] = []
    leading: list[str] = []
    for line in output.splitlines():
        if _EMPTY_TALK.match(line):
            continue
        if _LEADS.search(line):
            leading.append(line)
            continue
        match = _DIAGNOSTIC.match(line)
        is_new = _LINKER.search(line) or (match is not None and match["kind"] != "note")
        if is_new or not blocks:
            blocks.append([])
        blocks[-1] += [*leading, line]
        leading = []
    return blocks


def _main_line(block: Sequence[str]) -> str:
    return next((line for line in block if _DIAGNOSTIC.match(line) or _LINKER.search(line)), "")


def _is_error(block: Sequence[str]) -> bool:
    line = _main_line(block)
    match = _DIAGNOSTIC.match(line)
    return bool(line) and (match is None or match["kind"].endswith("error"))


def _is_in_headers(block: Sequence[str]) -> bool:
    """Tell whether a diagnostic is about a place in rushlight's or the system's headers."""
    return _main_line(block).startswith((str(HEADERS), "/usr/", "/Library/", "/Applications/"))


def _shortened(block: Sequence[str]) -> str:
    """Return a block with its end left out, but not the line of the user's that is behind it."""
    if len(block) <= SHOWN_LINES:
        return "\n".join(block)
    shown, rest = block[:SHOWN_LINES], block[SHOWN_LINES:]
    causes = [line for line in rest if line.endswith("required from here")]
    more = len(rest) - len(causes)
    return "\n".join([*shown, *causes, *([f"    ({more} more lines)"] if more else [])])


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
