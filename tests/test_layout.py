"""The house: layers, sizes, and what lies where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import rushlight

PACKAGE = Path(rushlight.__file__).parent

# From the bottom up. A module imports at load time only from its own layer and those below.
LAYERS = [
    {"_typing", "errors"},
    {"backend"},
    {"kernels"},
    {"_tensor", "_printing", "autograd", "random", "_threads"},
    {"ops", "special", "linalg", "fft", "signal", "overrides", "sparse"},
    {"nn", "optim", "amp", "distributions"},
    {"serialization", "utils", "distributed", "onnx", "hub", "fx", "compat", "cuda", "backends",
     "accelerator", "compiler", "cpu", "mps", "xpu", "version", "func", "multiprocessing",
     "masked", "array_api", "testing", "futures", "jit", "library", "profiler", "types"},
    {"vision", "cli", "__main__"},
]  # fmt: skip

FILE_LIMIT = 800

CORE = [
    "_tensor.py", "autograd/node.py", "autograd/engine.py", "autograd/view.py",
    "autograd/version.py", "autograd/mode.py",
]  # fmt: skip
CORE_LIMIT = 1160
TENSOR_LIMIT = 320


def sources() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Modules of the package that a file imports while it is loaded, by names below `rushlight`."""
    inside = module_of(path).split(".") if module_of(path) else []
    package = inside if path.name == "__init__.py" else inside[:-1]
    found: list[str] = []

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level + 1]
                if node.module:
                    found.append(".".join([*base, node.module]))
                else:
                    found.extend(".".join([*base, alias.name]) for alias in node.names)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
                visit(node.body)
                visit(node.orelse)
            elif isinstance(node, ast.Try):
                visit(node.body)

    visit(ast.parse(path.read_text()).body)
    return tuple(found)


def layer_of(module: str) -> int | None:
    first = module.partition(".")[0]
    for height, names in enumerate(LAYERS):
        if first in names:
            return height
    return None


def test_every_module_has_a_layer():
    top = {module_of(p).partition(".")[0] for p in sources()} - {""}
    assert sorted(name for name in top if layer_of(name) is None and not name.startswith("_")) == []


def test_a_layer_imports_only_from_those_below():
    wrong = []
    for path in sources():
        own = layer_of(module_of(path))
        for target in imports_of(path):
            other = layer_of(target)
            if own is not None and other is not None and other > own:
                wrong.append(f"{module_of(path)} imports {target}")
    assert wrong == []


def test_kernels_never_see_a_tensor():
    for folder in ("backend", "kernels"):
        for path in (PACKAGE / folder).rglob("*.py"):
            assert not any(i.startswith(("_tensor", "autograd")) for i in imports_of(path)), path


@pytest.mark.parametrize("name", ["cupy", "torch"])
def test_who_may_import(name):
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            for module in modules:
                if module.partition(".")[0] == name:
                    allowed = name == "cupy" and path.is_relative_to(PACKAGE / "backend")
                    assert allowed, f"{module_of(path)} imports {module}"


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """Return one cycle of a graph, or nothing."""
    done: set[str] = set()
    for start in graph:
        trail: dict[str, Iterator[str]] = {start: iter(sorted(graph[start]))}
        while trail:
            node, rest = next(reversed(trail.items()))
            following = next((n for n in rest if n not in done), None)
            if following is None:
                done.add(node)
                del trail[node]
            elif following in trail:
                names = list(trail)
                return [*names[names.index(following) :], following]
            else:
                trail[following] = iter(sorted(graph[following]))
    return []


def test_no_module_needs_itself():
    modules = {module_of(p): p for p in sources()}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        targets = set()
        for target in imports_of(path):
            # `from .package import name` may mean a module of that package.
            while target and target not in modules:
                target = target.rpartition(".")[0]
            # A package is loaded before its modules; what it imports of them is no cycle.
            if target and not module.startswith(target + ".") and target != module:
                targets.add(target)
        graph[module] = targets
    assert cycle_in(graph) == []


def test_cycles_are_found():
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_files_are_of_a_size_to_read():
    long = {str(p.relative_to(PACKAGE)): len(p.read_text().splitlines()) for p in sources()}
    assert {name: lines for name, lines in long.items() if lines > FILE_LIMIT} == {}


def test_no_file_is_called_utils():
    named = [p for p in PACKAGE.rglob("utils.py") if p.relative_to(PACKAGE).parts[0] != "utils"]
    assert named == []


def code_lines(path: Path) -> int:
    """Count the lines that are neither blank, comment nor docstring."""
    text = path.read_text()
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
            node
        ):
            first = node.body[0]
            left_out |= set(range(first.lineno, (first.end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(
        1 for i, line in lines if i not in left_out and line.strip() and line.strip()[0] != "#"
    )


def test_the_core_can_be_read_in_an_evening():
    counted = {name: code_lines(PACKAGE / name) for name in CORE}
    assert counted["_tensor.py"] <= TENSOR_LIMIT
    assert sum(counted.values()) <= CORE_LIMIT, counted


def test_nothing_is_left_to_do():
    marks = ("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")
    found = [
        f"{path.relative_to(PACKAGE)}:{i}"
        for path in sources()
        for i, line in enumerate(path.read_text().splitlines(), 1)
        if any(f"# {mark}" in line for mark in marks)
    ]
    assert found == []
