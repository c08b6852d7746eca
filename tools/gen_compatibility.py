"""Write docs/compatibility.md: which of PyTorch's public names rushlight has. Needs torch.

python tools/gen_compatibility.py
"""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

SPACES = (
    "torch", "torch.Tensor", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils",
    "torch.optim", "torch.optim.lr_scheduler", "torch.autograd", "torch.utils.data", "torch.linalg",
    "torch.fft", "torch.special", "torch.cuda", "torch.amp", "torch.distributions",
)  # fmt: skip

HEAD = """\
# Compatibility with PyTorch {version}

Which of PyTorch's public names rushlight has. This page is written by `tools/gen_compatibility.py`;
a name is listed as missing if looking it up fails. `rushlight run --report script.py` lists what
one program uses.

| namespace | has | of | |
|---|---:|---:|---|
"""


def names_of(space: Any) -> list[str]:
    """Return the names that PyTorch documents: public, no modules, not imported from elsewhere."""
    listed = getattr(space, "__all__", None)
    found = []
    for name in listed or dir(space):
        value = inspect.getattr_static(space, name, None)
        if name.startswith("_") or isinstance(value, ModuleType):
            continue
        home = getattr(value, "__module__", None) or "torch"
        if inspect.isclass(space) or str(home).startswith("torch"):
            found.append(name)
    return sorted(found)


def lookup(path: str) -> Any:
    """Return a module, or an attribute of one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        parent, _, name = path.rpartition(".")
        return getattr(importlib.import_module(parent), name, None) if parent else None


def has(space: Any, name: str) -> bool:
    """Tell whether a name can be looked up."""
    if space is None:
        return False
    if inspect.isclass(space):
        return any(name in vars(base) for base in space.__mro__)
    return hasattr(space, name)


def main() -> None:
    """Write the page."""
    torch = importlib.import_module("torch")
    rows, sections = [], []
    for path in SPACES:
        theirs = lookup(path)
        ours = lookup("rushlight" + path.removeprefix("torch"))
        names = names_of(theirs)
        missing = [name for name in names if not has(ours, name)]
        anchor = path.replace(".", "").lower()
        link = f"[what is missing](#{anchor})" if missing else ""
        rows.append(f"| `{path}` | {len(names) - len(missing)} | {len(names)} | {link} |")
        if missing:
            sections.append(f"\n## {path}\n\n" + ", ".join(f"`{name}`" for name in missing) + "\n")
    page = (
        HEAD.format(version=torch.__version__.partition("+")[0])
        + "\n".join(rows)
        + "\n"
        + "".join(sections)
    )
    (ROOT / "docs" / "compatibility.md").write_text(page)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
