"""Tensor.to, .float() and their kin: dtypes, devices, copies, gradients."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight


def test_to_returns_the_tensor_itself_where_nothing_changes() -> None:
    x = rushlight.ones(2)
    for same in (
        x.to("cpu"),
        x.to(rushlight.float32),
        x.to(x),
        x.float(),
        x.cpu(),
        x.to(None),
        x.contiguous(),
    ):
        assert same is x
    assert x.to(rushlight.float32, copy=True) is not x


def test_forms_of_to() -> None:
    x = rushlight.ones(2)
    other = rushlight.zeros(1, dtype=rushlight.float64)
    for y in (
        x.to(rushlight.float64),
        x.to("cpu", rushlight.float64),
        x.to(device="cpu", dtype=rushlight.float64),
        x.to(rushlight.device("cpu"), dtype=rushlight.float64, non_blocking=True),
        x.to(other),
        x.to(dtype=rushlight.float64, copy=True),
        x.type(rushlight.float64),
        x.type("torch.DoubleTensor"),
        x.type_as(other),
        x.double(),
    ):
        assert y.dtype is rushlight.float64
    assert x.type() == "torch.FloatTensor"


def test_gradient_passes_through_floating_casts_only() -> None:
    x = rushlight.ones(2, requires_grad=True)
    (x.double() * 3).sum().backward()
    assert x.grad.dtype is rushlight.float32
    assert x.grad.tolist() == [3.0, 3.0]
    assert not x.long().requires_grad
    assert not x.to(rushlight.bool).requires_grad


def test_conversions_of_values() -> None:
    x = rushlight.tensor([1.9, -1.9, 0.0])
    assert x.long().tolist() == [1, -1, 0]
    assert x.bool().tolist() == [True, True, False]
    assert rushlight.tensor([300]).byte().tolist() == [44]
    assert rushlight.tensor([1.0 + 2**-9]).bfloat16().float().tolist() == [1.0]
    with pytest.warns(UserWarning, match="discards the imaginary part"):
        assert rushlight.tensor([1 + 2j]).float().tolist() == [1.0]


def test_clone_keeps_order_and_history() -> None:
    x = rushlight.ones(2, 3, requires_grad=True)
    y = x.t().clone()
    assert y.stride() == (1, 3)
    y.sum().backward()
    assert x.grad.tolist() == [[1.0] * 3] * 2
    assert rushlight.zeros(3, 4).t().clone(memory_format=rushlight.contiguous_format).stride() == (
        3,
        1,
    )


def test_contiguous_and_memory_formats() -> None:
    x = rushlight.arange(24).view(2, 3, 2, 2)
    last = x.contiguous(memory_format=rushlight.channels_last)
    assert last.stride() == (12, 1, 6, 3)
    assert last.is_contiguous(memory_format=rushlight.channels_last)
    assert not last.is_contiguous()
    np.testing.assert_array_equal(last.numpy(), x.numpy())
    assert x.to(memory_format=rushlight.channels_last).stride() == last.stride()
    with pytest.raises(RuntimeError, match="required rank 4 tensor"):
        x[0].to(memory_format=rushlight.channels_last)


def test_bad_arguments() -> None:
    x = rushlight.ones(1)
    with pytest.raises(RuntimeError, match="device"):
        x.to("float32")
    with pytest.raises(TypeError, match=r"to\(\) received an invalid combination"):
        x.to(rushlight.float32, True, True, 1)
    with pytest.raises(ValueError, match=r"invalid type: 'torch\.OddTensor'"):
        x.type("torch.OddTensor")
