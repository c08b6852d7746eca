"""Write the type stub of the methods that `@export` and `@method` install on Tensor.

python tools/gen_stub.py            write src/rushlight/_tensor_methods.pyi
python tools/gen_stub.py --check    fail if it is not up to date
"""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src" / "rushlight" / "_tensor_methods.pyi"
sys.path.insert(0, str(ROOT / "src"))

HEAD = '''"""The methods that operators install. Written by tools/gen_stub.py; do not edit."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ._tensor import Tensor

class TensorMethods:
'''

# What annotations may say in the stub; anything else becomes Any.
KNOWN = {
    "Any", "Callable", "Iterator", "Sequence", "Tensor", "bool", "complex", "float", "int", "list",
    "str", "tuple",
}  # fmt: skip


def annotation(value: Any) -> str:
    """Return an annotation as text, Any where it names something the stub does not import."""
    if value is inspect.Parameter.empty:
        return "Any"
    text = value if isinstance(value, str) else getattr(value, "__name__", "Any")
    names = {n.id for n in ast.walk(ast.parse(text, mode="eval")) if isinstance(n, ast.Name)}
    return text if names <= KNOWN else "Any"


def parameter(p: inspect.Parameter) -> str:
    """Return one parameter as text."""
    if p.kind is p.VAR_POSITIONAL:
        return f"*{p.name}: {annotation(p.annotation)}"
    if p.kind is p.VAR_KEYWORD:
        return f"**{p.name}: {annotation(p.annotation)}"
    default = "" if p.default is p.empty else " = ..."
    return f"{p.name}: {annotation(p.annotation)}{default}"


def signature(name: str, function: Any) -> str:
    """Return the declaration of one method."""
    found = inspect.signature(function)
    parts, seen_star = ["self"], False
    for p in list(found.parameters.values())[1:]:
        if p.kind is p.VAR_POSITIONAL:
            seen_star = True
        elif p.kind is p.KEYWORD_ONLY and not seen_star:
            parts.append("*")
            seen_star = True
        parts.append(parameter(p))
    first = next(iter(found.parameters.values()), None)
    if first is not None and first.kind is first.VAR_POSITIONAL:
        parts = ["self", "*args: Any", "**kwargs: Any"]
    return f"    def {name}({', '.join(parts)}) -> {annotation(found.return_annotation)}: ...\n"


def generate() -> str:
    """Return the stub's text."""
    import rushlight
    import rushlight.ops.layers
    import rushlight.sparse
    from rushlight import _tensor

    written = set(ast_names(Path(_tensor.__file__).read_text()))
    # Names of built-in types come last: as methods they would hide the types in annotations.
    lines, shadowing = [], []
    for name, value in sorted(vars(rushlight.Tensor).items()):
        if name in written or (name in vars(object) and not callable(value)):
            continue
        if isinstance(value, property):
            lines.append(f"    @property\n    def {name}(self) -> Any: ...\n")
            if value.fset is not None:
                lines.append(f"    @{name}.setter\n    def {name}(self, value: Any) -> None: ...\n")
        elif inspect.isfunction(value):
            (shadowing if name in KNOWN else lines).append((name, value))
    text = [line if isinstance(line, str) else signature(*line) for line in lines]
    text += [
        f"    def {name}(self, *args: Any, **kwargs: Any) -> Tensor: ...\n" for name, _ in shadowing
    ]
    return HEAD + "".join(qualified(line, [name for name, _ in shadowing]) for line in text)


def qualified(line: str, shadowing: list[str]) -> str:
    """Say `Any` for a built-in type that a method of the same name hides inside the class."""
    if "(self" not in line:
        return line
    head, _, rest = line.partition("(self")
    for name in shadowing:
        for form in (f": {name}", f"-> {name}", f"| {name}", f"[{name}", f", {name}]"):
            rest = rest.replace(form, form.replace(name, "Any"))
    return f"{head}(self{rest}"


def ast_names(source: str) -> list[str]:
    """Return the names that class Tensor defines in its own body."""
    tree = ast.parse(source)
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Tensor").body
    names = [n.name for n in body if isinstance(n, ast.FunctionDef)]
    names += [
        t.id
        for n in body
        if isinstance(n, ast.Assign)
        for t in n.targets
        if isinstance(t, ast.Name)
    ]
    return names


def main() -> int:
    """Write or check the stub."""
    text = generate()
    if "--check" in sys.argv:
        if not TARGET.exists() or TARGET.read_text() != text:
            print(
                f"{TARGET.relative_to(ROOT)} is stale: run python tools/gen_stub.py",
                file=sys.stderr,
            )
            return 1
        return 0
    TARGET.write_text(text)
    print(f"wrote {TARGET.relative_to(ROOT)}: {text.count('    def ')} methods")
    return 0


if __name__ == "__main__":
    sys.exit(main())
