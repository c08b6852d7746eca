"""Where threads of a block have to keep step although the source does not say so.

On a GPU the threads of a warp run in lockstep, and the warps of a block keep close together. Much
code that works relies on it: the last steps of a reduction through a `volatile` pointer, or a loop
that reads shared memory at its end and writes it at its beginning without a barrier between. A
fiber runs far ahead of the others, so such places give them a turn. (The debug mode reports them.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rushlight.utils.cpp_extension._cuda_tokens import Token

_TURN = "::rushlight::emu::take_turn()"
_ASSIGNMENTS = ("=", "+", "-", "*", "/", "%", "&", "|", "^", "<", ">")
_STATEMENT_ENDS = (";", "{", "}", ")", "else", "do")


class Editor(Protocol):
    """What this needs of a translation."""

    tokens: list[Token]
    partners: dict[int, int]

    def text(self, index: int) -> str: ...
    def insert_before(self, index: int, text: str) -> None: ...
    def insert_after(self, index: int, text: str) -> None: ...
    def replace(self, first: int, last: int, text: str) -> None: ...


def add_turns(editor: Editor, bodies: list[tuple[int, int]]) -> None:
    """Write the turns into a translation.

    Args:
        editor: the translation.
        bodies: the braces of all functions.
    """
    end = -1
    for opening, closing in sorted(bodies):
        if opening > end and not editor.tokens[opening].macro:
            _Body(editor, opening, closing).add_turns()
            end = closing


class _Body:
    """A function's body, with its parameters."""

    def __init__(self, editor: Editor, opening: int, closing: int):
        self.editor = editor
        self.text = editor.text
        self.opening, self.closing = opening, closing
        self.first = self._head()
        self.syncs = [at for at in range(opening, closing) if self._is_barrier(at)]

    def add_turns(self) -> None:
        volatile = dict(self._volatile_names())
        for name, scope in volatile.items():
            self._keep_step(name, scope)
        if not self.syncs:
            return
        names = self._shared_names() - volatile.keys()
        loops = list(self._loops())
        for _, opening, closing in loops:
            if self._wraps_around(names, opening, closing):
                self.editor.insert_before(closing, f"{_TURN}; ")
        is_kernel = any(self.text(at) == "__global__" for at in range(self.first, self.opening))
        if not is_kernel and self._wraps_around(names, self.opening, self.closing):
            self.editor.insert_after(self.opening, f" {_TURN};")
        quiet = [(start, end) for start, _, end in loops if not self._syncs_in(start, end)]
        for start, end in self._segments():
            self._turn_before_overwriting(names, start, end, quiet)

    # ---- what there is ----

    def _head(self) -> int:
        """Return the first token of the function's declaration."""
        at = self.opening
        while at > 0 and self.text(at - 1) not in (";", "}", "{"):
            at -= 1
        return at

    def _is_barrier(self, at: int) -> bool:
        text = self.text(at)
        return text.startswith("__syncthreads") or (
            text == "sync" and self.text(at - 1) in (".", "::") and self.text(at + 1) == "("
        )

    def _syncs_in(self, start: int, end: int) -> list[int]:
        return [at for at in self.syncs if start < at < end]

    def _segments(self) -> Iterator[tuple[int, int]]:
        marks = [self.opening, *self.syncs, self.closing]
        yield from itertools.pairwise(marks)

    def _loops(self) -> Iterator[tuple[int, int, int]]:
        """Yield where loops begin, and the braces of their bodies."""
        for at in range(self.opening, self.closing):
            brace = -1
            if self.text(at) in ("for", "while") and self.text(at + 1) == "(":
                brace = self.editor.partners.get(at + 1, at) + 1
            elif self.text(at) == "do":
                brace = at + 1
            if self.text(brace) == "{" and brace in self.editor.partners:
                yield at, brace, self.editor.partners[brace]

    def _declared(self, at: int) -> str:
        """Return the name that a declaration around a token declares."""
        while self.text(at) not in ("[", "=", ",", ";", ")", "{", ""):
            at = self.editor.partners.get(at, at) + 1 if self.text(at) == "(" else at + 1
        return self.text(at - 1)

    def _shared_names(self) -> set[str]:
        """Return the names of shared memory: arrays, pointers to them, pointers one is given."""
        names = set()
        for at, token in enumerate(self.editor.tokens):
            if token.text == "__shared__" and (
                self.first <= at < self.closing or self._is_global(at)
            ):
                names.add(self._declared(at))
        for at in range(self.first, self.closing):
            if self.text(at) != "*" or not self.editor.tokens[at + 1].is_word:
                continue
            if at < self.opening:
                names.add(self._declared(at))
            elif self.text(at + 2) == "=" and self._mentions(names, at + 3, self._end(at)):
                names.add(self.text(at + 1))
        return names

    def _is_global(self, at: int) -> bool:
        return self.text(at - 1) == "extern" and at < self.opening

    def _end(self, at: int) -> int:
        """Return the semicolon of a statement."""
        while at < self.closing and self.text(at) != ";":
            at = self.editor.partners.get(at, at) + 1 if self.text(at) in "([{" else at + 1
        return at

    def _mentions(self, names: set[str], start: int, end: int) -> set[str]:
        return {self.text(at) for at in range(start, end)} & names

    # ---- turns ----

    def _wraps_around(self, names: set[str], opening: int, closing: int) -> bool:
        """Tell whether what is read after the last barrier is written before the first."""
        syncs = self._syncs_in(opening, closing)
        if not syncs:
            return False
        before = self._mentions(names, opening, syncs[0])
        return bool(before & self._mentions(names, syncs[-1], closing))

    def _turn_before_overwriting(
        self, names: set[str], start: int, end: int, quiet: list[tuple[int, int]]
    ) -> None:
        """Between two barriers: give a turn before what has been read is written."""
        seen: set[str] = set()
        at = start
        while at < end:
            text = self.text(at)
            is_pointer = text == "*" and self.text(at + 1) in names and self.text(at + 2) == "="
            if text == "__shared__" or is_pointer:  # a declaration reads nothing
                at = self._end(at)
            elif text in names and self._is_assignment(at):
                in_quiet_loop = any(first < at < last for first, last in quiet)
                if text in seen and not in_quiet_loop:
                    self.editor.insert_before(at, f"{_TURN}, ")
                    return
                stop = self._end(at)
                seen |= self._mentions(names - {text}, at, stop)
                at = stop
            elif text in names:
                seen.add(text)
            at += 1

    def _is_assignment(self, at: int) -> bool:
        """Tell whether a name begins a statement `name[...] = ...` or `name[...] += ...`."""
        if self.text(at - 1) not in _STATEMENT_ENDS or self._operator(at) is None:
            return False
        before = at - 1  # the head of a `for` holds no statements
        while self.text(before) not in ("{", "("):
            before = self.editor.partners.get(before, before) - 1
            if before <= self.opening:
                return True
        return self.text(before) == "{"

    def _operator(self, at: int) -> tuple[int, int] | None:
        """Return the first token and the `=` of the assignment to a name, if it is one."""
        after = at + 1
        while self.text(after) == "[":
            after = self.editor.partners.get(after, after) + 1
        last = after
        while self.text(last) in _ASSIGNMENTS and self.text(last) != "=" and last < after + 2:
            last += 1
        is_assignment = self.text(last) == "=" and self.text(last + 1) != "="
        return (after, last) if is_assignment else None

    # ---- volatile ----

    def _volatile_names(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Yield names of volatile arrays and pointers, and where they hold."""
        for at in range(self.first, self.closing):
            if self.text(at) == "volatile" and self.text(at - 1) != "asm":
                name = self._declared(at)
                if name.isidentifier():
                    yield name, (max(at, self.opening), self.closing)

    def _keep_step(self, name: str, scope: tuple[int, int]) -> None:
        """All threads read before any writes: `x[i] += y` in two steps."""
        for at in range(*scope):
            if self.text(at) != name or self.text(at + 1) != "[" or not self._is_assignment(at):
                continue
            first, last = self._operator(at) or (at, at)
            end = self._end(at)
            target = " ".join(self.text(i) for i in range(at, first))
            if any(self.text(i) in ("+", "-", "(") and self.text(i) == self.text(i + 1)
                   for i in range(at, first)):  # fmt: skip
                continue  # `x[i++]` is evaluated once
            operation = "".join(self.text(i) for i in range(first, last))
            value = f"{target} {operation} (" if operation else "("
            self.editor.insert_before(at, "RUSHLIGHT_IN_STEP(")
            self.editor.replace(first, last, f", {value}")
            self.editor.insert_before(end, "))")
