"""One OpCase per operator: what to call it with, what it should give, and where it should refuse.

The generic properties of `tests/test_ops.py` are run for every case: value against NumPy, dtypes,
gradient and second gradient, strided, empty and 0-d inputs, function = method = in-place form,
fast path = reference, and the errors.

    OpCase("relu", ref=lambda x: np.maximum(x, 0), samples=[S((3, 4))], kinks=[0.0])
    OpCase("addmm", ref=lambda c, a, b: c + a @ b, samples=[S((2, 4), (2, 3), (3, 4))])
    OpCase("gather", ref=..., samples=[S((3, 4), lit(1), ints([[0, 2]]))])

In a sample a tuple of ints stands for a tensor of that shape; anything else is passed on as it is.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FLOATS = ("float32", "float64")
HALVES = ("float16", "bfloat16")
INTS = ("uint8", "int8", "int16", "int32", "int64")
REAL = (*INTS, *FLOATS)
COMPLEX = ("complex64", "complex128")


@dataclass(frozen=True)
class lit:
    """A tuple that is an argument, not a shape."""

    value: Any


@dataclass(frozen=True)
class ints:
    """An integer tensor that is the same for every dtype: indices, targets, masks."""

    values: Any
    dtype: str = "int64"


@dataclass
class S:
    """One call: positional arguments and keywords."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __init__(self, *args: Any, **kwargs: Any):
        self.args, self.kwargs = args, kwargs


@dataclass
class Err:
    """A call that must raise: the arguments, the exception and words of its message.

    Shapes stand for float32 tensors, as in a sample.
    """

    sample: S
    exception: type[BaseException]
    match: str


@dataclass
class OpCase:
    """An operator's case.

    Attributes:
        name: where users find it: `relu`, `nn.functional.gelu`, `linalg.inv`.
        samples: calls; the first has an ordinary tensor in front.
        ref: the value in NumPy, given arrays in the place of tensors; None where only properties
            are checked.
        dtypes: what the first argument may be.
        low, high: the range that values are drawn from.
        kinks: values that inputs keep away from (no derivative there).
        positive_definite, ...: see `prepare`.
        prepare: turns a drawn array into a valid input.
        differentiable: False for operators without gradient.
        second: False where no second derivative exists, with the reason in a comment.
        inplace: whether `x.NAME_()` exists.
        method: whether `x.NAME()` exists.
        elementwise: result has the (broadcast) shape of the inputs; adds empty and 0-d samples.
        errors: calls that must raise.
        rtol, atol: tolerance of values in float32.
    """

    name: str
    samples: Sequence[S]
    ref: Callable[..., Any] | None = None
    dtypes: Sequence[str] = FLOATS
    low: float = -2.0
    high: float = 2.0
    kinks: Sequence[float] = ()
    prepare: Callable[[np.ndarray], np.ndarray] | None = None
    differentiable: bool = True
    second: bool = True
    inplace: bool = False
    method: bool = False
    elementwise: bool = False
    errors: Sequence[Err] = ()
    rtol: float = 1e-5
    atol: float = 1e-6

    def draw(self, shape: tuple[int, ...], dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
        """Draw an input away from the kinks."""
        if dtype.kind == "b":
            return rng.random(shape) < 0.5
        if dtype.kind in "iu":
            low = max(int(np.ceil(self.low)), 0 if dtype.kind == "u" else -128)
            return rng.integers(low, int(self.high) + 1, shape).astype(dtype)
        values = rng.uniform(self.low, self.high, shape)
        for kink in self.kinks:
            near = np.abs(values - kink) < 0.05
            values = np.where(near, kink + np.where(values < kink, -0.1, 0.1), values)
        if dtype.kind == "c":
            values = values + 1j * rng.uniform(self.low, self.high, shape)
        array = np.asarray(values, dtype=dtype)
        return self.prepare(array) if self.prepare is not None else array


def all_cases() -> list[OpCase]:
    """Collect `CASES` from every module of this package."""
    cases: list[OpCase] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        cases += importlib.import_module(f"{__name__}.{module}").CASES
    return cases
