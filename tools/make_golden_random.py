"""Write tests/golden/random_streams.npz: programs that draw random numbers and what PyTorch draws.

Run with PyTorch installed: `python tools/make_golden_random.py`. `programs` is a JSON list; each
has a seed, steps, and the checksum of the generator's state at its end. `values` holds the bytes of
all results, one after another. On an Intel processor PyTorch draws bernoulli and
exponential numbers by another way: make the file on another one.
"""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

TARGET = Path(__file__).parents[1] / "tests" / "golden" / "random_streams.npz"
SHAPES = [
    (), (0,), (1,), (2,), (3,), (7,), (15,), (16,), (17,), (31,), (32,), (33,), (100,), (4, 5),
    (2, 3, 4), (0, 3), (5, 16), (1, 20, 1), (2, 3, 4, 5),
]  # fmt: skip
FLOATS = ["float32", "float32", "float64", "float16", "bfloat16"]
INTEGERS = ["int64", "int64", "int32", "int16", "int8", "uint8"]
COMPLEX = ["complex64", "complex128"]
EXACT = {"float16": 2**11, "bfloat16": 2**8, "float32": 2**24, "float64": 2**53}


def program(pick: random.Random, length: int = 8, shapes: Any = SHAPES) -> dict[str, Any]:
    """Make up a seed and steps."""
    seed = pick.choice([0, 1, 42, 2**40 + 5, 2**64 - 1, pick.getrandbits(63)])
    return {"seed": seed, "steps": [step(pick, shapes) for _ in range(length)]}


def step(pick: random.Random, shapes: Any) -> dict[str, Any]:
    """Make up one call: what to draw, its arguments, and the array it is drawn into."""
    call = pick.choice(list(CALLS))
    dtypes, arguments = CALLS[call]
    dtype = pick.choice(dtypes)
    shape = list(pick.choice(shapes))
    order = list(range(len(shape)))
    if pick.random() < 0.4:
        pick.shuffle(order)
    return {
        "call": call, "dtype": dtype, "args": arguments(pick, dtype),
        "shape": shape, "order": order, "stride": pick.choice([1, 1, 1, 2]),
    }  # fmt: skip


def bounds(pick: random.Random, dtype: str) -> list[Any]:
    """Make up an interval for random_(from, to)."""
    if dtype == "bool":
        return pick.choice([[0, 1], [0, 2], [1, 2], [0, None], [1, None]])
    largest = EXACT[dtype] if dtype in EXACT else int(np.iinfo(dtype).max)
    smallest = -largest if dtype in EXACT else int(np.iinfo(dtype).min)
    low = pick.choice([0, 0, 1, max(smallest, -5), smallest])
    highs = [2, 10, largest, 2**28, 2**28 - 1, 2**33, None]
    return [low, pick.choice([h for h in highs if h is None or h <= largest])]


CALLS: dict[str, Any] = {
    "uniform": (FLOATS + COMPLEX, lambda p, _: p.choice([[0, 1], [0, 1], [-0.1, 0.3], [2, 2]])),
    "normal": (FLOATS * 2 + COMPLEX, lambda p, _: p.choice([[0, 1], [0, 1], [0.1, 0.02], [3, 0]])),
    "random": (INTEGERS + FLOATS + ["bool"], bounds),
    "random_full": (INTEGERS + FLOATS + ["bool"], lambda p, _: []),
    "bernoulli": (INTEGERS + FLOATS + ["bool"], lambda p, _: [p.choice([0, 1, 0.5, 0.9, 0.1])]),
    "bernoulli_each": (INTEGERS + FLOATS + ["bool"], lambda p, _: [p.choice(FLOATS)]),
    "exponential": (FLOATS, lambda p, _: [p.choice([1, 0.3])]),
    "geometric": (INTEGERS + FLOATS, lambda p, _: [p.choice([0.3, 0.9])]),
    "cauchy": (FLOATS, lambda p, _: p.choice([[0, 1], [2, 0.3]])),
    "log_normal": (FLOATS, lambda p, _: p.choice([[1, 2], [0, 0.3]])),
    "randperm": (["int64"], lambda p, _: [p.choice([0, 1, 2, 3, 10, 300])]),
    "multinomial": (FLOATS, lambda p, _: [p.choice([1, 2, 4]), p.choice([True, False])]),
    "poisson": (FLOATS, lambda p, _: [p.choice([1, 9, 40])]),
}


def fractions(shape: list[int]) -> np.ndarray:
    """Return numbers in [0, 1) without a generator: probabilities, weights, rates."""
    count = int(np.prod(shape))
    return (np.arange(1, count + 1) * 7919 % 1009 / 1009).reshape(shape)


def play(steps: list[dict[str, Any]]) -> list[np.ndarray]:
    """Run the steps with PyTorch's default generator and return the results."""
    return [to_numpy(draw(s)) for s in steps]


def draw(s: dict[str, Any]) -> torch.Tensor:
    """Run one step with PyTorch."""
    args = s["args"]
    dtype = getattr(torch, s["dtype"])
    if s["call"] == "randperm":
        return torch.randperm(*args)
    if s["call"] == "multinomial":
        return torch.multinomial(torch.from_numpy(fractions([3, 9])).to(dtype), *args)
    if s["call"] == "poisson":
        return torch.poisson(torch.from_numpy(fractions([2, 5])).to(dtype) * args[0])
    target = torch.zeros([n * s["stride"] for n in s["shape"]], dtype=dtype)
    target = target[tuple(slice(None, None, s["stride"]) for _ in s["shape"])].permute(s["order"])
    if s["call"] == "bernoulli_each":
        p = torch.from_numpy(fractions(list(target.shape))).to(getattr(torch, args[0]))
        return target.bernoulli_(p)
    return getattr(target, s["call"].removesuffix("_full") + "_")(*args)


def to_numpy(t: torch.Tensor) -> np.ndarray:
    """Return the numbers of a tensor; bfloat16 as its bits."""
    t = t.contiguous()
    return t.view(torch.uint16).numpy() if t.dtype is torch.bfloat16 else t.numpy()


def state() -> np.ndarray:
    """Return the state of PyTorch's default generator."""
    return torch.get_rng_state().numpy()


def main() -> None:
    """Write the file."""
    pick = random.Random(0)
    programs, values = [], []
    for _ in range(120):
        case = program(pick)
        torch.manual_seed(case["seed"])
        values += [result.tobytes() for result in play(case["steps"])]
        case["state"] = zlib.crc32(state().tobytes())
        programs.append(case)
    np.savez_compressed(
        TARGET,
        programs=np.array(json.dumps(programs)),
        values=np.frombuffer(b"".join(values), np.uint8),
        made_with=np.array(f"torch {torch.__version__}"),
    )


if __name__ == "__main__":
    main()
