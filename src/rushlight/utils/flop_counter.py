"""Counting the floating point operations of products and convolutions."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ..autograd._flops import PRODUCTS, flops_of
from ..autograd.interception import Proceed, add_interceptor, remove_interceptor
from ..autograd.profiler import name_of
from ..nn.modules.module import (
    Module,
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


class FlopCounterMode:
    """Count what matrix products and convolutions inside the context take, module by module.

    A multiplication and an addition count as one operation each.

    Args:
        mods: accepted for compatibility: all modules are seen.
        depth: how deep the table goes into the modules.
        display: print the table at the end.
        custom_mapping: accepted for compatibility.

    Example:
        >>> layer = rushlight.nn.Linear(3, 4)
        >>> with rushlight.utils.flop_counter.FlopCounterMode(display=False) as counter:
        ...     _ = layer(rushlight.ones(2, 3))
        >>> counter.get_total_flops()
        48
    """

    def __init__(
        self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: Any = None
    ):
        self.depth, self.display = depth, display
        self.flop_counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._inside: list[str] = []
        self._handles: list[Any] = []

    def __enter__(self) -> FlopCounterMode:
        self.flop_counts.clear()
        self._inside = ["Global"]
        self._handles = [
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        ]
        add_interceptor(self._count)
        return self

    def __exit__(self, *exc: object) -> None:
        remove_interceptor(self._count)
        for handle in self._handles:
            handle.remove()
        if self.display:
            print(self.get_table(self.depth))

    def _enter(self, module: Module, args: Any) -> None:
        names = {id(child): name for name, child in getattr(self, "_root", module).named_modules()}
        if len(self._inside) == 1:
            self._root = module
            self._inside.append(type(module).__name__)
        else:
            base = self._inside[1]
            name = names.get(id(module), type(module).__name__)
            self._inside.append(f"{base}.{name}" if name else base)

    def _leave(self, module: Module, args: Any, result: Any) -> None:
        self._inside.pop()
        if len(self._inside) == 1:
            del self._root

    def _count(self, op: Any, inputs: Any, params: Any, proceed: Proceed) -> Any:
        result = proceed(op, inputs, params)
        if op.__name__ in PRODUCTS:
            count = flops_of(op, inputs, result)
            for module in dict.fromkeys(self._inside):
                self.flop_counts[module][name_of(op)] += count
        return result

    def get_total_flops(self) -> int:
        """Return how many operations there were in all."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """Return the numbers by module and operator."""
        return {module: dict(counts) for module, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """Return a table of modules and what each took."""
        depth = self.depth if depth is None else depth
        total = self.get_total_flops()
        rows = []
        for module, counts in self.flop_counts.items():
            level = module.count(".")
            if level > depth:
                continue
            indent = "" if module == "Global" else " " * (level + 1)
            rows.append((indent + module, *_amounts(sum(counts.values()), total)))
            rows += [(f"{indent} - {op}", *_amounts(n, total)) for op, n in counts.items()]
        widths = [max(len(row[i]) for row in [*rows, _TITLES]) for i in range(3)]
        lines = ["  ".join(c.ljust(w) for c, w in zip(_TITLES, widths, strict=True))]
        lines.append("  ".join("-" * w for w in widths))
        for name, *numbers in rows:
            cells = [c.rjust(w) for c, w in zip(numbers, widths[1:], strict=True)]
            lines.append("  ".join([name.ljust(widths[0]), *cells]))
        return "\n".join(lines)


_TITLES = ("Module", "FLOP", "% Total")


def _amounts(count: int, total: int) -> tuple[str, str]:
    scale, suffix = next(((s, p) for s, p in _SUFFIXES if count >= s), (1.0, ""))
    shown = f"{count / scale:.3f}{suffix}" if suffix else str(count)
    return shown, f"{100 * count / total if total else 0:.2f}%"
