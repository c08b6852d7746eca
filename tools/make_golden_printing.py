"""Write tests/golden/printing.npz: tensors and the texts PyTorch prints for them.

Run with PyTorch installed: `python tools/make_golden_printing.py`. The file holds `cases`, a JSON
list that describes each tensor and what was printed, and `values`, their bytes one after another.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

TARGET = Path(__file__).parents[1] / "tests" / "golden" / "printing.npz"
FLOATS = (torch.float32, torch.float32, torch.float64, torch.float16, torch.bfloat16)
COMPLEX = (torch.complex64, torch.complex128)
INTEGERS = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
SMALL = [
    (), (1,), (4,), (19,), (45,), (2, 3), (5, 1), (3, 17), (2, 2, 3), (1, 2, 1, 2, 3),
    (0,), (0, 3), (2, 0),
]  # fmt: skip
SHAPES = [*SMALL * 4, (1001,), (40, 30), (8, 2, 70)]
OPTIONS: list[dict[str, Any]] = [
    *[{}] * 8,
    {"profile": "short"},
    {"profile": "full"},
    {"precision": 2},
    {"precision": 0, "linewidth": 40},
    {"precision": 8, "linewidth": 120},
    {"threshold": 5, "edgeitems": 1},
    {"threshold": 5, "edgeitems": 2},
    {"threshold": 0, "edgeitems": 0},
    {"sci_mode": True},
    {"sci_mode": False},
]


def numbers(draw: np.random.RandomState, shape: tuple[int, ...]) -> np.ndarray:
    """Draw float64 values of one of the magnitudes that print differently."""
    x = draw.standard_normal(shape)
    kind = draw.randint(8)
    scales = [1.0, 1e-5, 10.0, 1e3, 1e6, 1e10]
    if kind < 5:
        x = x * scales[draw.randint(len(scales))]
    if kind in (3, 4):
        x = np.rint(x)
    if kind == 5:
        x = np.exp(4 * x)
    if kind == 6:
        x = draw.random_sample(shape)
    if draw.randint(3) == 0:
        special = draw.choice([0.0, -0.0, np.nan, np.inf, -np.inf], size=shape)
        x = np.where(draw.random_sample(shape) < 0.3, special, x)
    return np.asarray(x)


def tensor(draw: np.random.RandomState, shape: tuple[int, ...]) -> torch.Tensor:
    """Draw a tensor of any dtype, a third of the float ones with a gradient suffix."""
    group = (FLOATS, FLOATS, COMPLEX, INTEGERS)[draw.randint(4)]
    dtype = group[draw.randint(len(group))]
    if group is INTEGERS:
        high = 2 if dtype is torch.bool else 10 ** draw.randint(1, 3 if dtype.itemsize == 1 else 5)
        low = -high if dtype.is_signed else 0
        return torch.from_numpy(np.asarray(draw.randint(low, high, size=shape))).to(dtype)
    values = torch.from_numpy(numbers(draw, shape))
    if group is COMPLEX:
        values = torch.complex(values, torch.from_numpy(numbers(draw, shape)))
    made = values.to(dtype)
    gradient = draw.randint(6)
    if gradient == 0:
        return made.requires_grad_()
    return made.requires_grad_() * 1 if gradient == 1 else made


def stored(t: torch.Tensor) -> bytes:
    """Return the values' bytes."""
    t = t.detach()
    return (t.view(torch.int16) if t.dtype is torch.bfloat16 else t).numpy().tobytes()


def main() -> None:
    """Print every case with PyTorch and write the file."""
    draw = np.random.RandomState(0)
    values, cases = [], []
    for _ in range(200):
        t = tensor(draw, SHAPES[draw.randint(len(SHAPES))])
        options = OPTIONS[draw.randint(len(OPTIONS))]
        default = ("float32", "float32", "float32", "float64", "float16")[draw.randint(5)]
        torch.set_printoptions(profile="default")
        torch.set_default_dtype(getattr(torch, default))
        torch.set_printoptions(**options)
        values.append(stored(t))
        cases.append(
            {
                "dtype": str(t.dtype).removeprefix("torch."),
                "shape": list(t.shape),
                "requires_grad": t.requires_grad,
                "grad_fn": t.grad_fn.name() if t.grad_fn is not None else None,
                "options": options,
                "default_dtype": default,
                "text": repr(t),
            }
        )
    header = json.dumps({"torch": torch.__version__, "cases": cases})
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    data = np.frombuffer(b"".join(values), dtype=np.uint8)
    np.savez_compressed(TARGET, cases=np.array(header), values=data)
    print(f"{TARGET}: {len(cases)} cases, {TARGET.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
