"""Tensors from data, sizes and ranges: dtypes, shared memory, layouts."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight import tensor

DATA = [
    [1, 2],
    [1, 2.5],
    [True, False],
    [True, 2],
    [1j, 2],
    [],
    [[]],
    [[1, 2], [3, 4]],
    [(1, 2), [3.0, 4]],
    range(3),
    5,
    2.5,
    True,
    np.float64(1),
    [np.float64(1), 2.0],
    [np.float32(1), 2.0],
    [np.int32(1), 2],
    [np.float32(1), np.float64(2)],
    np.arange(3, dtype=np.int16),
    np.ones((2, 2), np.float16),
    [np.array([1, 2]), np.array([3, 4])],
]


@pytest.mark.parametrize("data", DATA, ids=repr)
def test_dtype_and_shape_as_torch(torch: Any, data: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = torch.tensor(data)
    ours = tensor(data)
    assert str(ours.dtype) == str(expected.dtype)
    assert tuple(ours.shape) == tuple(expected.shape)
    np.testing.assert_array_equal(ours.numpy(), expected.numpy())


def test_python_numbers_take_the_default_dtype() -> None:
    rushlight.set_default_dtype(rushlight.float64)
    try:
        assert tensor([1.0]).dtype is rushlight.float64
        assert tensor([1j]).dtype is rushlight.complex128
        assert rushlight.zeros(1).dtype is rushlight.float64
        assert tensor([1]).dtype is rushlight.int64
    finally:
        rushlight.set_default_dtype(rushlight.float32)


def test_tensors_stand_for_numbers() -> None:
    assert tensor([tensor(1), tensor(2.5)]).tolist() == [1.0, 2.5]
    with pytest.raises(ValueError, match="only one element tensors can be converted"):
        tensor([rushlight.ones(2), rushlight.ones(2)])


def test_a_tensor_is_copied_with_a_warning() -> None:
    x = rushlight.ones(2)
    with pytest.warns(UserWarning, match="To copy construct from a tensor"):
        y = tensor(x)
    y[0] = 5.0
    assert x.tolist() == [1.0, 1.0]


def test_data_is_copied_or_shared() -> None:
    array = np.zeros(3, np.float32)
    copied, shared = tensor(array), rushlight.from_numpy(array)
    aliased, same = rushlight.as_tensor(array), rushlight.asarray(array)
    array[0] = 7
    assert copied[0] == 0
    assert shared[0] == aliased[0] == same[0] == 7
    x = rushlight.ones(2)
    assert rushlight.as_tensor(x) is x
    assert rushlight.as_tensor(x, dtype=rushlight.float64).dtype is rushlight.float64
    assert rushlight.asarray(array, copy=True)[0] == 7
    assert not np.shares_memory(rushlight.asarray(array, copy=True).numpy(), array)


def test_read_only_memory_is_shared_with_a_warning() -> None:
    array = np.zeros(3)
    array.flags.writeable = False
    with pytest.warns(UserWarning, match="not writable"):
        rushlight.from_numpy(array)
    with pytest.warns(UserWarning, match="not writable"):
        assert rushlight.frombuffer(b"ab", dtype=rushlight.uint8).tolist() == [97, 98]


def test_subclasses_of_arrays_become_plain_ones() -> None:
    assert type(rushlight.from_numpy(np.zeros(3).view(np.recarray)).array) is np.ndarray


def test_dlpack_shares_memory_both_ways(torch: Any) -> None:
    theirs = torch.arange(3.0)
    ours = rushlight.from_dlpack(theirs)
    theirs[0] = 9
    assert ours.tolist() == [9.0, 1.0, 2.0]
    back = torch.from_dlpack(rushlight.ones(2))
    assert back.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("value", "dtype", "stored"),
    [
        (-1, "uint8", 255),
        (1.7, "int32", 1),
        (0.5, "bool", True),
        (2**63, "uint64", 2**63),
        (7e4, "float16", np.inf),
    ],
)
def test_conversion_of_numbers(value: Any, dtype: str, stored: Any) -> None:
    assert tensor([value], dtype=getattr(rushlight, dtype)).item() == stored


def test_python_types_as_dtypes() -> None:
    assert rushlight.zeros(1, dtype=float).dtype is rushlight.float64
    assert rushlight.zeros(1, dtype=int).dtype is rushlight.int64
    assert rushlight.zeros(1, dtype=bool).dtype is rushlight.bool
    with pytest.raises(TypeError, match=r"must be torch\.dtype, not str"):
        rushlight.zeros(1, dtype="float32")


def test_requires_grad() -> None:
    assert rushlight.ones(2, requires_grad=True).requires_grad
    assert tensor([1.0], requires_grad=True).is_leaf
    with pytest.raises(RuntimeError, match="nly Tensors of floating point and complex dtype"):
        tensor([1], requires_grad=True)


def test_sizes_in_every_form() -> None:
    for x in (
        rushlight.zeros(2, 3),
        rushlight.zeros((2, 3)),
        rushlight.zeros([2, 3]),
        rushlight.zeros(size=(2, 3)),
    ):
        assert x.shape == (2, 3)
    assert rushlight.zeros(np.int64(2), tensor(3)).shape == (2, 3)
    assert rushlight.zeros(rushlight.Size([4])).shape == (4,)


def test_out() -> None:
    y = rushlight.ones(2, dtype=rushlight.int64)
    assert rushlight.zeros(2, out=y) is y
    assert y.tolist() == [0, 0]
    assert rushlight.arange(3, out=rushlight.empty(0)).tolist() == [0.0, 1.0, 2.0]


def test_memory_formats() -> None:
    x = rushlight.zeros(2, 3, 4, 5, memory_format=rushlight.channels_last)
    assert x.stride() == (60, 1, 15, 3)
    assert rushlight.ones_like(x).stride() == x.stride()
    assert rushlight.ones_like(x, memory_format=rushlight.contiguous_format).is_contiguous()
    assert rushlight.empty_like(rushlight.zeros(2, 3).t()).stride() == (1, 3)
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format"):
        rushlight.zeros(2, memory_format=rushlight.channels_last)


def test_uninitialised_tensors_have_the_asked_for_layout() -> None:
    assert rushlight.empty(2, 3).shape == (2, 3)
    x = rushlight.empty_strided((2, 3), (1, 2), dtype=rushlight.int32)
    assert (x.stride(), x.dtype) == ((1, 2), rushlight.int32)
    assert x.new_empty(2).dtype is rushlight.int32
    assert x.new(3).shape == (3,)
    assert x.new([1, 2]).tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="must match dimensionality of strides"):
        rushlight.empty_strided((2,), (1, 2))


def test_ranges_in_narrow_and_exact_dtypes() -> None:
    assert rushlight.arange(3, dtype=rushlight.uint8).dtype is rushlight.uint8
    assert rushlight.arange(3.0).dtype is rushlight.float32
    big = 2**53
    assert rushlight.arange(big, big + 3).tolist() == [big, big + 1, big + 2]
    assert rushlight.linspace(0, 10, 5, dtype=rushlight.int32).tolist() == [0, 2, 5, 7, 10]
    ends = rushlight.linspace(0.1, 0.7, 7)
    assert (ends[0].item(), ends[-1].item()) == (np.float32(0.1), np.float32(0.7))
    with pytest.raises(ValueError, match="step must be nonzero"):
        rushlight.arange(0, 3, 0.5, dtype=rushlight.int64)


def test_linspace_is_torchs_to_the_last_bit(torch: Any) -> None:
    for start, end, steps in ((0, 1, 7), (-3.3, 5.1, 50), (10, -10, 33)):
        ours, theirs = rushlight.linspace(start, end, steps), torch.linspace(start, end, steps)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
