"""The source files that `load_inline` makes of strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from rushlight.utils.cpp_extension._recipe import Source

# A source that includes it wants to have nothing to do with torch's headers.
_MODULE_HEADER = re.compile(r"^\s*#\s*include\s*[<\"]rushlight/module\.h[>\"]", re.MULTILINE)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def check_identifier(name: str, what: str) -> None:
    """Refuse a name that cannot stand in C++ and in Python.

    Raises:
        ValueError: it is no identifier.
    """
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{what} must be an identifier, got {name!r}")


def cpp_source(texts: Sequence[str], functions: Mapping[str, str], with_headers: bool) -> Source:
    """Return the C++ source: headers, the user's texts under their names, the bindings."""
    is_lean = any(_MODULE_HEADER.search(text) for text in texts)
    parts = ["#include <torch/extension.h>"] if with_headers and not is_lean else []
    parts += _labelled("cpp_sources", texts)
    if functions:
        opening = (
            "RUSHLIGHT_MODULE(m) {" if is_lean else "PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {"
        )
        parts.append(opening)
        for name, doc in functions.items():
            parts.append(f'#line 1 "functions[{name}]"\nm.def("{name}", &{name}, {_quoted(doc)});')
        parts.append("}")
    return Source("cpp_sources", "c++", "\n".join([*parts, ""]), is_file=False)


def cuda_source(texts: Sequence[str], with_headers: bool) -> Source:
    """Return the CUDA source: headers, then the user's texts under their names."""
    headers = ["torch/types.h", "cuda.h", "cuda_runtime.h"] if with_headers else []
    parts = [f"#include <{header}>" for header in headers]
    parts += _labelled("cuda_sources", texts)
    return Source("cuda_sources", "cuda", "\n".join([*parts, ""]), is_file=False)


def snippets(kind: str, texts: Sequence[str]) -> dict[str, str]:
    """Return the user's texts by the names under which errors show them."""
    return {label(kind, index, len(texts)): text for index, text in enumerate(texts)}


def label(kind: str, index: int, count: int) -> str:
    """Return the name of one of several texts."""
    return f"{kind}[{index}]" if count > 1 else kind


def _labelled(kind: str, texts: Sequence[str]) -> list[str]:
    parts = []
    for name, text in snippets(kind, texts).items():
        parts += [f'#line 1 "{name}"', text]
    return parts


def _quoted(text: str) -> str:
    """Return a C++ string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


_UNDECLARED = re.compile(
    r"^functions\[\w+\]:\d+:\d+: error: "
    r"(?:'(\w+)' was not declared in this scope|use of undeclared identifier '(\w+)')",
    re.MULTILINE,
)


def explain_bindings(functions: Sequence[str], text: str) -> Callable[[str], str | None]:
    """Return what finds in a compiler's output the functions that no source declares."""

    def explain(output: str) -> str | None:
        missing = [first or second for first, second in _UNDECLARED.findall(output)]
        has_other = re.search(r"^(?!functions\[)\S.*: (fatal )?error: ", output, re.MULTILINE)
        if not missing or has_other:
            return None
        lines = [f"functions={list(functions)!r} names {', '.join(map(repr, missing))}, which "]
        lines.append("no source in cpp_sources defines or declares")
        known = sorted(set(re.findall(r"\b([A-Za-z_]\w*)\s*\(", text)))
        import difflib

        close = difflib.get_close_matches(missing[0], known, n=1)
        if close:
            lines.append(f"; did you mean {close[0]!r}?")
        return "".join(lines)

    return explain
