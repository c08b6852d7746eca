"""Write tests/golden/signatures.json: PyTorch's parameter names, for `tests/test_api.py`.

Needs PyTorch. Recorded are functions and classes written in Python, whose signatures can be read.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import torch

OUT = Path(__file__).parent.parent / "tests" / "golden" / "signatures.json"


def parameters(function: object) -> list[str] | None:
    """Return "name" or "name=default" for each parameter; None if they cannot be read."""
    try:
        signature = inspect.signature(function)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
    found = []
    for p in signature.parameters.values():
        if p.name == "self":
            continue
        star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        simple = isinstance(p.default, (int, float, str, bool, tuple, type(None)))
        default = f"={p.default!r}" if p.default is not p.empty and simple else ""
        found.append(f"{star}{p.name}{default}")
    return found


def collect() -> dict[str, list[str]]:
    """Return the parameters of every function and class that is compared."""
    spaces = {
        "nn.functional": (torch.nn.functional, inspect.isfunction),
        "nn.init": (torch.nn.init, inspect.isfunction),
        "nn": (torch.nn, inspect.isclass),
        "optim": (torch.optim, inspect.isclass),
        "optim.lr_scheduler": (torch.optim.lr_scheduler, inspect.isclass),
        "utils.data": (torch.utils.data, inspect.isclass),
        "autograd": (torch.autograd, inspect.isroutine),
    }
    found: dict[str, list[str]] = {}
    for space, (module, chosen) in spaces.items():
        for name, value in sorted(vars(module).items()):
            if name.startswith("_") or not chosen(value):
                continue
            names = parameters(value.__init__ if inspect.isclass(value) else value)
            if names is not None and names != ["*args", "**kwargs"]:
                found[f"{space}.{name}"] = names
    return found


if __name__ == "__main__":
    table = {"torch": torch.__version__.split("+")[0], "signatures": collect()}
    OUT.write_text(json.dumps(table, indent=0) + "\n")
    print(f"{len(table['signatures'])} signatures of torch {table['torch']} in {OUT}")
