"""Write tests/golden/checkpoint_*.pt: one object, saved by PyTorch in both of its formats.

Run with PyTorch installed: `python tools/make_golden_checkpoints.py`. The values are simple
enough for the tests to know them without PyTorch.
"""

from __future__ import annotations

import warnings
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import torch

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
DTYPES = (
    "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 "
    "float16 bfloat16 float32 float64 complex64 complex128"
).split()


def content() -> dict[str, Any]:
    """Return the object that is saved."""
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    parameter = torch.nn.Parameter(torch.full((2,), 3.0))
    tagged = torch.nn.Parameter(torch.ones(1), requires_grad=False)
    tagged.note = "kept"
    state = OrderedDict(weight=base, bias=base[0])
    state._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]
    turned = torch.complex(base, base + 1).conj()
    return {
        "dtypes": {name: torch.arange(4).to(getattr(torch, name)) for name in DTYPES},
        "views": [base, base[1], base[:, 2], base.t()],
        "parameters": [parameter, tagged],
        "requires_grad": torch.zeros(2, requires_grad=True),
        "scalar": torch.tensor(5),
        "empty": torch.empty(0, 3),
        "expanded": torch.tensor([7.0]).expand(2, 3),
        "conj": turned,
        "neg": torch.complex(base, base + 1).conj().imag,
        "state": state,
        "objects": [base.shape, base.device, torch.float16, {1, 2}, b"\x00\xff", bytearray(b"ab")],
        "numbers": [True, None, -1, 300, 70_000, 2**80, 1.5, 1 + 2j, "text", (1,), (1, 2, 3, 4)],
        "counter": Counter("aab"),
        "storage": torch.tensor([1, 2], dtype=torch.int16).untyped_storage(),
    }


def main() -> None:
    """Write both files."""
    warnings.simplefilter("ignore")
    torch.save(content(), GOLDEN / "checkpoint_zip.pt")
    torch.save(content(), GOLDEN / "checkpoint_legacy.pt", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
