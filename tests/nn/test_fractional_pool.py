"""Fractional max-pooling: torch's windows, maxima, places and gradients from the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight

CASES = [
    (2, (2, 3, 9, 11), {"kernel_size": 2, "output_size": (4, 5)}),
    (2, (3, 9, 11), {"kernel_size": (3, 2), "output_ratio": (0.5, 0.6)}),
    (2, (2, 3, 9, 11), {"kernel_size": 3, "output_size": 1}),
    (3, (2, 2, 7, 8, 9), {"kernel_size": 2, "output_size": (3, 4, 5)}),
    (3, (2, 7, 8, 9), {"kernel_size": (2, 3, 2), "output_ratio": 0.5}),
]


@pytest.mark.parametrize(("dims", "shape", "options"), CASES)
def test_results_and_gradients_are_torchs(torch: Any, dims: int, shape: Any, options: Any) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    seen = []
    for library in (rushlight, torch):
        library.manual_seed(1)
        x = library.tensor(values, requires_grad=True)
        pool = getattr(library.nn, f"FractionalMaxPool{dims}d")(**options, return_indices=True)
        y, places = pool(x)
        (y * y).sum().backward()
        seen.append([t.detach().numpy() for t in (y, places, x.grad)])
    for ours, theirs in zip(*seen, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_wrong_arguments() -> None:
    x = rushlight.ones(1, 1, 4, 4)
    with pytest.raises(ValueError, match="either an output_size or an output_ratio"):
        rushlight.nn.functional.fractional_max_pool2d(x, 2)
    with pytest.raises(RuntimeError, match="pool height 3 too large relative to input height 4"):
        rushlight.nn.functional.fractional_max_pool2d(x, 3, output_size=(3, 2))
    with pytest.raises(ValueError, match="only one of"):
        rushlight.nn.FractionalMaxPool2d(2, output_size=2, output_ratio=0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        rushlight.nn.FractionalMaxPool2d(2, output_ratio=1.5)
