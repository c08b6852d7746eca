"""`rushlight run --report`: which torch names a program used, and which rushlight lacks."""

from __future__ import annotations

import sys
import textwrap
from collections import defaultdict
from types import ModuleType
from typing import TextIO

# Look-ups from these are not the program's own.
_NOT_THE_PROGRAM = {"importlib", "rushlight"}


class Usage:
    """Collects the look-ups of a program in the modules it watches.

    Only names looked up in modules are seen (`torch.relu`, `from torch.nn import Linear`), and
    missing methods of tensors; not the methods that are there.
    """

    def __init__(self) -> None:
        self.used: defaultdict[str, set[str]] = defaultdict(set)
        self.missing: defaultdict[str, set[str]] = defaultdict(set)

    def watch(self, module: ModuleType, alias: str) -> None:
        """Note every look-up in `module`, under its torch name."""
        usage = self

        class Watched(ModuleType):
            def __getattribute__(self, name: str) -> object:
                try:
                    value = ModuleType.__getattribute__(self, name)
                except AttributeError:
                    usage.note(usage.missing, alias, name)
                    raise
                if not isinstance(value, ModuleType):
                    usage.note(usage.used, alias, name)
                return value

        module.__class__ = Watched

    def missing_module(self, name: str) -> None:
        """Note the import of a module that rushlight lacks."""
        package, _, last = name.rpartition(".")
        self.missing[package].add(f"{last} (module)")

    def note(self, names: defaultdict[str, set[str]], owner: str, name: str) -> None:
        """Note a name if the look-up was made by the program (two frames up)."""
        caller = sys._getframe(2).f_globals.get("__name__", "")
        if not name.startswith("__") and caller.partition(".")[0] not in _NOT_THE_PROGRAM:
            names[owner].add(name)

    def print(self, file: TextIO | None = None) -> None:
        """Print both lists, to standard error unless another file is given."""
        print(self, file=file or sys.stderr)

    def __str__(self) -> str:
        used = _listing("torch names used", self.used)
        missing = _listing("asked for, but not in rushlight", self.missing)
        return f"{used}\n{missing}"


def _listing(title: str, names: dict[str, set[str]]) -> str:
    count = sum(map(len, names.values()))
    width = max(map(len, names), default=0)
    lines = [f"rushlight: {title}: {count}"]
    for owner in sorted(names):
        head = f"  {owner:<{width}}  "
        text = " ".join(sorted(names[owner]))
        lines.append(
            textwrap.fill(text, 100, initial_indent=head, subsequent_indent=" " * len(head))
        )
    return "\n".join(lines)
