"""Truncated normal initialisation: torch's draws, inside the bounds, whatever their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight

BOUNDS = [(0, 1, -2, 2), (0, 0.02, -0.04, 0.04), (0, 1, 1.5, 3), (1, 2, 2, 2.5), (0, 1, -0.1, 0.1)]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_trunc_normal_is_torchs(torch: Any, dtype: str, bounds: Any) -> None:
    drawn, next_number = [], []
    for library in (rushlight, torch):
        library.manual_seed(3)
        x = library.empty(40, 30, dtype=getattr(library, dtype))
        library.nn.init.trunc_normal_(x, *bounds)
        drawn.append(x.double().numpy())
        next_number.append(library.rand(1).item())
    np.testing.assert_allclose(drawn[0], drawn[1], atol=1e-6)
    assert next_number[0] == next_number[1]


@pytest.mark.parametrize("bounds", BOUNDS)
def test_trunc_normal_keeps_its_bounds(bounds: Any) -> None:
    x = rushlight.nn.init.trunc_normal_(rushlight.empty(1000, dtype=rushlight.float64), *bounds)
    assert bounds[2] <= x.min() < x.max() <= bounds[3]
