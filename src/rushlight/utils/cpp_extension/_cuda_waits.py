"""Which kernels may wait, so that their threads need fibers; all others run as plain loops."""

from __future__ import annotations

from collections.abc import Iterable

from rushlight.utils.cpp_extension._cuda_tokens import END, Token

# Words after which a thread may have to wait, or be given up, before it returns.
_WAITING = frozenset(
    "__syncthreads __syncthreads_count __syncthreads_or __syncthreads_and __syncwarp __activemask "
    "__nanosleep atomicCAS assert __trap cooperative_groups this_thread_block this_grid "
    "tiled_partition coalesced_threads this_cluster cub barrier volatile wmma "
    "load_matrix_sync store_matrix_sync".split()
)
_WAITING_PREFIXES = (
    "__shfl", "__ballot", "__any", "__all_sync", "__uni_sync", "__match_", "__reduce_",
)  # fmt: skip
_CONTROL = frozenset("if for while switch catch return sizeof alignof decltype".split())
_QUALIFIERS = frozenset("const noexcept override final mutable volatile".split())


def _waits(word: str) -> bool:
    return word in _WAITING or word.startswith(_WAITING_PREFIXES)


class Functions:
    """Functions and macros by name, with the words they mention.

    Names stand for all functions that have them: overloads and methods are not told apart, which
    can only make a kernel more careful than it need be.
    """

    def __init__(self, tokens: list[Token], partners: dict[int, int]):
        self.bodies: list[tuple[int, int]] = []
        self._words: dict[str, set[str]] = {}
        for name, opening, closing in _definitions(tokens, partners):
            self.bodies.append((opening, closing))
            self._add(name, tokens[opening:closing])
        for token in tokens:
            if token.macro and token.is_word:
                self._words.setdefault(token.macro, set()).add(token.text)
        self._macros = {token.macro for token in tokens if token.macro}
        self._add_aliases(tokens)

    def _add(self, name: str, body: Iterable[Token]) -> None:
        self._words.setdefault(name, set()).update(token.text for token in body if token.is_word)

    def _add_aliases(self, tokens: list[Token]) -> None:
        """`namespace cg = cooperative_groups`, `using Reduce = cub::BlockReduce<...>`."""
        for index, token in enumerate(tokens[:-2]):
            if token.text in ("namespace", "using") and tokens[index + 2].text == "=":
                stop = index + 3
                while stop < len(tokens) and tokens[stop].text not in (";", END):
                    stop += 1
                self._add(tokens[index + 1].text, tokens[index + 3 : stop])

    def may_wait(self, name: str, body: Iterable[Token]) -> bool:
        """Tell whether a kernel's threads may wait, or ask for their index in a function."""
        todo = [(token.text, False) for token in body if token.is_word]
        todo.append(("operator", False))  # whose calls cannot be seen
        seen = {(name, False), (name, True)}
        while todo:
            word, in_function = todo.pop()
            if _waits(word) or (word == "threadIdx" and in_function):
                return True
            if (word, in_function) not in seen:
                seen.add((word, in_function))
                inside = in_function or word not in self._macros
                todo += [(inner, inside) for inner in self._words.get(word, ())]
        return False


def _definitions(tokens: list[Token], partners: dict[int, int]) -> Iterable[tuple[str, int, int]]:
    """Yield `name(...) ... { ... }`: the name and the braces."""
    for index, token in enumerate(tokens):
        if token.text != "(" or index not in partners or index == 0:
            continue
        before = _name_before(tokens, index)
        if before is None:
            continue
        opening = _body_after(tokens, partners, partners[index])
        if opening is not None:
            yield before, opening, partners[opening]


def _name_before(tokens: list[Token], index: int) -> str | None:
    """Return the function's name before its parameters, `operator` for all operators."""
    for back in range(1, 4):
        if index - back < 0:
            return None
        if tokens[index - back].text == "operator":
            return "operator"
    token = tokens[index - 1]
    if token.text == ">":  # a specialisation
        depth, at = 0, index - 1
        while at > 0:
            depth += {">": 1, "<": -1}.get(tokens[at].text, 0)
            if depth == 0:
                break
            at -= 1
        token = tokens[at - 1]
    return token.text if token.is_word and token.text not in _CONTROL else None


def _body_after(tokens: list[Token], partners: dict[int, int], index: int) -> int | None:
    """Return the brace that begins the body after the parameters, if there is a body."""
    index += 1
    while index < len(tokens):
        text = tokens[index].text
        if text == "{":
            return index if index in partners else None
        if text == "(" and index in partners:
            index = partners[index] + 1
        elif text in _QUALIFIERS or text in ("->", "::", "&", "*", ":", ","):
            index += 1
        elif tokens[index].is_word and tokens[index - 1].text in ("->", "::", ":", ",", "noexcept"):
            index += 1
        elif tokens[index].is_word and text.startswith("__"):
            index += 1
        else:
            return None
    return None
