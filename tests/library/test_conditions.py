"""`torch._check` and its like."""

from __future__ import annotations

import pytest

import rushlight


def test_conditions_of_operators():
    rushlight._check(True)
    with pytest.raises(RuntimeError, match=r"^3$"):
        rushlight._check(False, lambda: 3)
    with pytest.raises(ValueError, match="Expected cond to be True"):
        rushlight._check_value(False)
    with pytest.raises(TypeError, match="_check_tensor_all"):
        rushlight._check(rushlight.tensor(True))
    with pytest.raises(RuntimeError):
        rushlight._check_tensor_all(rushlight.tensor([True, False]))
    with pytest.raises(RuntimeError):
        rushlight._check_is_size(-1)
