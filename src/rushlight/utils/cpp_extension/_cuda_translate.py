"""CUDA C++ to C++ for the host, line by line: what the emulator's headers cannot do alone.

These are no C++: `kernel<<<...>>>(...)`, the body of a kernel (which has to run once for every
thread), `__shared__` arrays, variables of the device that several sources define, casts of kernels
to `void*`, inline PTX. Everything else is left to macros and functions of `cuda_runtime.h`.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator

from rushlight.utils.cpp_extension._cuda_tokens import END, Token, matching, tokenize
from rushlight.utils.cpp_extension._cuda_turns import add_turns
from rushlight.utils.cpp_extension._cuda_waits import Functions

_EMULATOR = "::rushlight::emu::"
_ATTRIBUTES = ("__align__", "alignas", "__attribute__", "__builtin_align__")
_STORAGE = ("static", "extern", "inline")
_BOUNDARY = (";", "{", "}", END)


def translate(source: str) -> str:
    """Return C++ for the host, with as many lines as the source of CUDA C++."""
    return _Translation(source).result()


class _Translation:
    def __init__(self, source: str):
        self.source = source
        self.tokens = tokenize(source)
        self.partners = matching(self.tokens)
        self.functions = Functions(self.tokens, self.partners)
        self.edits: list[tuple[int, int, int, str]] = []
        self._bodies = sorted(self.functions.bodies)

    def result(self) -> str:
        for index, token in enumerate(self.tokens):
            rewrite = _REWRITES.get(token.text)
            if rewrite is not None:
                rewrite(self, index)
        add_turns(self, self.functions.bodies)
        parts, position = [], 0
        for start, end, _, text in sorted(self.edits):
            lost = self.source.count("\n", start, end) - text.count("\n")
            continued = "\\\n" if "\\\n" in self.source[start:end] else "\n"
            parts += [self.source[position:start], text, continued * lost]
            position = end
        return "".join([*parts, self.source[position:]])

    # ---- edits ----

    def replace(self, first: int, last: int, text: str) -> None:
        """Replace tokens `first` to `last`, both included."""
        start, end = self.tokens[first].start, self.tokens[last].end
        self.edits.append((start, end, len(self.edits), text))

    def insert_before(self, index: int, text: str) -> None:
        start = self.tokens[index].start
        self.edits.append((start, start, len(self.edits), text))

    def insert_after(self, index: int, text: str) -> None:
        end = self.tokens[index].end
        self.edits.append((end, end, len(self.edits), text))

    def text(self, index: int) -> str:
        """Return a token's text; empty outside of the source."""
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def in_function(self, index: int) -> bool:
        """Tell whether a token is in the body of a function."""
        at = bisect.bisect_left(self._bodies, (index, index))
        return any(opening < index < closing for opening, closing in self._bodies[:at])

    # ---- kernel<<<grid, block>>>(arguments) ----

    def launch(self, index: int) -> None:
        start = self._name_start(index - 1)
        end = self._launch_end(index)
        if start is None or end is None:
            return
        has_braces = False
        if self.text(end + 1) == "(" and end + 1 in self.partners:
            for argument in range(end + 2, self.partners[end + 1]):
                if self.text(argument) == "NULL":  # an integer once it has been passed on
                    self.replace(argument, argument, "nullptr")
                if self.text(argument) == "{" and self.text(argument - 1) in ("(", ","):
                    has_braces = True
        macro = "RUSHLIGHT_TYPED_LAUNCH" if has_braces else "RUSHLIGHT_LAUNCH"
        self.insert_before(start, f"{macro}((")
        self.replace(index, index, "), ")
        self.replace(end, end, ")")

    def _name_start(self, index: int) -> int | None:
        """Return the first token of the kernel's name, which ends at `index`."""
        if self.text(index) == ")":
            return self.partners.get(index)
        index = self._before_angles(index)
        if index < 0 or not self.tokens[index].is_word:
            return None
        while True:
            if self.text(index - 1) == "template":
                index -= 1
            if self.text(index - 1) != "::":
                return index
            index -= 1
            if index > 0 and self.text(index - 1) == ">":
                index = self._before_angles(index - 1)
            elif index > 0 and self.tokens[index - 1].is_word and self.text(index - 1) != "return":
                index -= 1
            else:
                return index

    def _before_angles(self, index: int) -> int:
        """Return the token before `<...>` that ends at `index`; `index` if none ends there."""
        if self.text(index) not in (">", ">>>"):
            return index
        depth = 0
        while index >= 0:
            text = self.text(index)
            if text in (")", "]", "}"):
                index = self.partners.get(index, index)
            elif text in (">", ">>>"):
                depth += len(text)
            elif text in ("<", "<<<"):
                depth -= len(text)
                if depth <= 0:
                    return index - 1
            index -= 1
        return index

    def _launch_end(self, index: int) -> int | None:
        index += 1
        while index < len(self.tokens) and self.text(index) not in (";", END):
            if self.text(index) == ">>>":
                return index
            index = self.partners.get(index, index) + 1 if self.text(index) in "([{" else index + 1
        return None

    # ---- __global__ void kernel(...) { ... } ----

    def kernel(self, index: int) -> None:
        name, opening = "", index + 1
        while self.text(opening) not in ("{", ";", END, ""):
            if self.text(opening) == "(" and opening in self.partners:
                if not name or self.text(opening - 1) not in ("__launch_bounds__", "__attribute__"):
                    name = self.text(opening - 1)
                opening = self.partners[opening]
            opening += 1
        if self.text(opening) != "{" or opening not in self.partners:
            return
        closing = self.partners[opening]
        body = self.tokens[opening + 1 : closing]
        waits = self.functions.may_wait(name, body)
        own = "_WITHOUT_INDICES" if _hides_indices(body) else ""
        mode = "FIBERS" if waits or own else "LOOP"
        self.insert_after(opening, f" RUSHLIGHT_KERNEL{own}({mode})")
        self.insert_before(closing, "RUSHLIGHT_KERNEL_END ")

    # ---- __shared__ ----

    def shared(self, index: int) -> None:
        first, last = self._declaration(index)
        words = {self.text(at) for at in range(first, last)}
        if "extern" in words:
            self._dynamic_shared(first, last)
            return
        for at in range(first, last):
            if self.text(at) == "static":
                self.replace(at, at, "")
        if self.text(last) != ";":  # a macro for `__shared__` itself
            self.replace(index, index, "static thread_local")
            return
        names = list(self._declared_names(index + 1, last))
        number = self.tokens[index].start  # tells the arrays of one declaration from all others
        alignment = ""
        for at in range(first, last):  # C++ wants `alignas` before all other words
            if self.text(at) == "alignas" and at + 1 in self.partners:
                closing = self.partners[at + 1]
                alignment = f", {self.source[self.tokens[at].start : self.tokens[closing].end]}"
                self.replace(at, closing, "")
        self.replace(index, index, f"RUSHLIGHT_SHARED({number}{alignment})")
        after = f' RUSHLIGHT_SHARED_END({number}, "{", ".join(names)}")'
        after += "".join(f" RUSHLIGHT_SHARED_NAME({number}, {name})" for name in names)
        self.insert_after(last, after)

    def _dynamic_shared(self, first: int, last: int) -> None:
        kept: list[str] = []
        name = rest = ""
        at = first
        while at < last:
            text = self.text(at)
            if text in _ATTRIBUTES:
                at = self.partners.get(at + 1, at)
            elif text == "[" and not name:
                name = kept.pop()
                rest = self.source[self.tokens[at].start : self.tokens[last].start].strip()
                break
            elif text not in ("extern", "__shared__", "static"):
                kept.append(text)
            at += 1
        if not name:
            return
        where = "" if self.in_function(first) else "static thread_local "
        type_ = " ".join(kept)
        text = f"{where}auto* const {name} = {_EMULATOR}dynamic_shared<{type_} {rest}>()"
        self.replace(first, last - 1, text)

    def _declared_names(self, index: int, last: int) -> Iterator[str]:
        angles, named = 0, False
        while index <= last:
            text = self.text(index)
            if text in _ATTRIBUTES:
                index = self.partners.get(index + 1, index)
            elif text == "<":
                angles += 1
            elif text in (">", ">>>"):
                angles -= len(text)
            elif not angles and not named and text in ("[", ",", ";", "="):
                yield self.text(index - 1)
                named = True
            if not angles and text == ",":
                named = False
            if text in ("[", "{", "("):
                index = self.partners.get(index, index)
            index += 1

    def _declaration(self, index: int) -> tuple[int, int]:
        """Return the first token of the declaration around `index`, and its semicolon."""
        first = last = index
        while first > 0 and self.text(first - 1) not in (*_BOUNDARY, ")", ":"):
            first -= 1
        while last < len(self.tokens) - 1 and self.text(last) not in (";", END):
            last = self.partners.get(last, last) + 1 if self.text(last) in "([{" else last + 1
        return first, last

    # ---- __device__ and __constant__ variables ----

    def variable(self, index: int) -> None:
        """Give a variable of the device internal linkage, as CUDA does."""
        words = []
        first = index
        while first > 0 and self.text(first - 1) not in (*_BOUNDARY, ">", ")", ","):
            first -= 1
            words.append(self.text(first))
        at = index + 1
        while self.text(at) not in ("(", ";", "=", "[", "{", "operator", END, ""):
            words.append(self.text(at))
            at = self._after_angles(at) if self.text(at) == "<" else at + 1
        is_function = self.text(at) not in (";", "=", "[", "{")
        marked = ("__constant__", "__managed__", "__device__")
        is_second = any(self.text(before) in marked for before in range(first, index))
        if is_function or is_second or set(words) & {*_STORAGE, "struct", "class", "using"}:
            return
        if not self.in_function(index) and not self.in_class(index):
            self.insert_before(index, "static ")

    def in_class(self, index: int) -> bool:
        """Tell whether the innermost braces around a token are a class's."""
        depth = 0
        for at in range(index - 1, -1, -1):
            text = self.text(at)
            depth += {"}": 1, "{": -1}.get(text, 0)
            if depth < 0:
                before = at - 1
                while before >= 0 and self.text(before) not in (*_BOUNDARY, ")", ">"):
                    if self.text(before) in ("struct", "class", "union"):
                        return True
                    before -= 1
                depth = 0
        return False

    def _after_angles(self, index: int) -> int:
        depth = 0
        while index < len(self.tokens) and self.text(index) not in (";", END):
            depth += {"<": 1, ">": -1, ">>>": -3}.get(self.text(index), 0)
            index += 1
            if depth <= 0:
                break
        return index

    # ---- the rest ----

    def untyped_kernel(self, index: int) -> None:
        """`cudaLaunchKernel((void*)kernel, ...)`: the parameters are to be seen."""
        at = index + 2
        if self.text(index + 1) != "(":
            return
        if self.text(at) == "(" and self._is_void_pointer(at + 1, self.partners.get(at, at)):
            self.replace(at, self.partners[at], "")
        elif self.text(at) in ("reinterpret_cast", "static_cast") and self.text(at + 1) == "<":
            self.replace(at, self._after_angles(at + 1) - 1, "")

    def _is_void_pointer(self, first: int, last: int) -> bool:
        words = [self.text(at) for at in range(first, last) if self.text(at) != "const"]
        return words == ["void", "*"]

    def assembly(self, index: int) -> None:
        at = index + 1
        while self.text(at) in ("volatile", "__volatile__"):
            at += 1
        if self.text(at) == "(":
            self.replace(index, at - 1, "RUSHLIGHT_INLINE_PTX")


def _hides_indices(body: list[Token]) -> bool:
    """Tell whether a kernel has lambdas or classes that could not see its own copies of indices."""
    texts = [token.text for token in body]
    has_class = any(text in ("struct", "class") for text in texts)
    has_lambda = any(
        (one, other) == ("[", "]") and after in ("(", "{", "__device__", "__host__")
        for one, other, after in zip(texts, texts[1:], texts[2:], strict=False)
    )
    return has_class or has_lambda


_REWRITES = {
    "<<<": _Translation.launch,
    "__global__": _Translation.kernel,
    "__shared__": _Translation.shared,
    "__constant__": _Translation.variable,
    "__device__": _Translation.variable,
    "__managed__": _Translation.variable,
    "cudaLaunchKernel": _Translation.untyped_kernel,
    "cudaLaunchCooperativeKernel": _Translation.untyped_kernel,
    "asm": _Translation.assembly,
    "__asm__": _Translation.assembly,
}
