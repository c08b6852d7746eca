"""CUDA C++ as tokens: enough of the language to find kernels, launches and shared memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

END = "end of line"  # the text of the token that ends a #define

_TOKEN = re.compile(
    r"""
      (?P<space>(?:\s|\\\r?\n)+)
    | (?P<comment>//(?:\\\r?\n|[^\n])*|/\*.*?\*/)
    | (?P<raw>(?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
    | (?P<string>(?:u8|[uUL])?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    | (?P<word>[A-Za-z_$][\w$]*)
    | (?P<number>\.?\d(?:'?[\w.]|(?<=[eEpP])[+-])*)
    | (?P<mark_up><<<|>>>|::|->|\#\#|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DIRECTIVE = re.compile(
    r"[ \t]*#[ \t]*(\w*)((?:\\\r?\n|/\*.*?\*/|//(?:\\\r?\n|[^\n])*|[^\n])*)", re.DOTALL
)
_MACRO = re.compile(r"[ \t]*#[ \t]*define[ \t]+(\w+)(\([^)]*\))?")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number, string or mark, and where it stands.

    Attributes:
        text: the token; of a string only its quotation mark counts.
        start: where it begins in the source.
        end: where it ends.
        is_word: whether it is an identifier or a keyword.
        macro: the macro it is in the definition of; empty outside of definitions.
    """

    text: str
    start: int
    end: int
    is_word: bool = False
    macro: str = ""


def tokenize(source: str) -> list[Token]:
    """Return the tokens of a source. Of preprocessor lines only the bodies of macros count."""
    return list(_tokens(source))


def _tokens(source: str) -> Iterator[Token]:
    position, at_line_start = 0, True
    while position < len(source):
        if at_line_start:
            directive = _DIRECTIVE.match(source, position)
            if directive is not None:
                if directive[1] == "define":
                    yield from _macro_tokens(source, directive)
                position = directive.end()
                continue
        found = _TOKEN.match(source, position)
        assert found is not None  # the last alternative takes any character
        position = found.end()
        if found.lastgroup == "space" or found["space"] is not None:
            at_line_start = at_line_start or "\n" in found[0]
        elif found["comment"] is None:
            at_line_start = False
            yield Token(found[0], found.start(), found.end(), found["word"] is not None)


def _macro_tokens(source: str, directive: re.Match[str]) -> Iterator[Token]:
    head = _MACRO.match(source, directive.start())
    if head is None:
        return
    position, end = head.end(), directive.end()
    while position < end:
        found = _TOKEN.match(source, position, end)
        assert found is not None
        position = found.end()
        if found["space"] is None and found["comment"] is None:
            is_word = found["word"] is not None
            yield Token(found[0], found.start(), found.end(), is_word, head[1])
    yield Token(END, end, end, macro=head[1])


OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = {close: opening for opening, close in OPENING.items()}


def matching(tokens: list[Token]) -> dict[int, int]:
    """Return the partner of every bracket, both ways; brackets without one are left out.

    Brackets inside of a macro's definition have their partners there.
    """
    partners: dict[int, int] = {}
    stacks: dict[str, list[int]] = {"": []}
    for index, token in enumerate(tokens):
        if token.text == END:
            stacks[token.macro] = []
            continue
        stack = stacks.setdefault(token.macro, [])
        if token.text in OPENING:
            stack.append(index)
        elif token.text in CLOSING:
            while stack and tokens[stack[-1]].text != CLOSING[token.text]:
                stack.pop()
            if stack:
                opening = stack.pop()
                partners[opening], partners[index] = index, opening
    return partners
