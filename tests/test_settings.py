"""Switches and the tensor types of older programs."""

from __future__ import annotations

import pytest

import rushlight


def test_legacy_types_make_tensors_of_their_dtype():
    assert rushlight.LongTensor([1, 2]).dtype is rushlight.int64
    assert rushlight.FloatTensor(2, 3).shape == (2, 3)
    assert rushlight.DoubleTensor([1.5]).tolist() == [1.5]
    assert isinstance(rushlight.ones(1), rushlight.FloatTensor)
    assert not isinstance(rushlight.ones(1), rushlight.LongTensor)


def test_default_tensor_type():
    try:
        rushlight.set_default_tensor_type(rushlight.DoubleTensor)
        assert rushlight.zeros(1).dtype is rushlight.float64
        rushlight.set_default_tensor_type("torch.FloatTensor")
        assert rushlight.zeros(1).dtype is rushlight.float32
    finally:
        rushlight.set_default_dtype(rushlight.float32)
    with pytest.raises(TypeError, match="invalid type object"):
        rushlight.set_default_tensor_type("Nonsense")


def test_matmul_precision():
    assert rushlight.get_float32_matmul_precision() == "highest"
    rushlight.set_float32_matmul_precision("high")
    assert rushlight.get_float32_matmul_precision() == "high"
    rushlight.set_float32_matmul_precision("highest")
    with pytest.warns(UserWarning, match="not one of"):
        rushlight.set_float32_matmul_precision("low")
    assert rushlight.get_float32_matmul_precision() == "highest"


def test_determinism_is_recorded():
    rushlight.use_deterministic_algorithms(True, warn_only=True)
    assert rushlight.are_deterministic_algorithms_enabled()
    assert rushlight.is_deterministic_algorithms_warn_only_enabled()
    rushlight.use_deterministic_algorithms(False)
    assert not rushlight.are_deterministic_algorithms_enabled()


def test_typename():
    assert rushlight.typename(rushlight.ones(1)) == "torch.FloatTensor"
    assert rushlight.typename(3) == "int"
