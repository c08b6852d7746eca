"""What a compiler says, made short and put into the user's terms."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

SHOWN_ERRORS = 5
SHOWN_LINES = 14

_DIAGNOSTIC = re.compile(
    r"^(?P<place>[^\s:][^:]*:\d+:(?:\d+:)?) (?P<kind>[a-z ]*error|warning|note): "
)
_LINKER = re.compile(r"undefined reference|undefined symbol|cannot find -l|multiple definition")


def build_error(
    name: str,
    command: Sequence[str],
    output: str,
    explain: Callable[[str], str | None],
) -> RuntimeError:
    """Return the exception for a failed command.

    Args:
        name: the extension's name.
        command: the compiler's or linker's command.
        output: all it has printed.
        explain: returns a better message for an output it knows the cause of.
    """
    head = f"Error building extension '{name}'"
    explanation = explain(output)
    if explanation is not None:
        return RuntimeError(f"{head}: {explanation}")
    errors = relevant(output)
    return RuntimeError(f"{head}:\n{errors}\n\ncommand: {shlex.join(command)}")


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
