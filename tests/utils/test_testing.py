"""`rushlight.testing` raises what torch's raises, word for word, and draws the same tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight.testing import assert_close, make_tensor

NAN = float("nan")


class T:
    """A tensor to be made by either library."""

    def __init__(self, values: Any, dtype: str | None = None):
        self.values, self.dtype = values, dtype

    def of(self, library: Any) -> Any:
        kind = None if self.dtype is None else getattr(library, self.dtype)
        return library.tensor(self.values, dtype=kind)


def made(value: Any, library: Any) -> Any:
    if isinstance(value, T):
        return value.of(library)
    if isinstance(value, list):
        return [made(v, library) for v in value]
    if isinstance(value, dict):
        return {k: made(v, library) for k, v in value.items()}
    return value


PAIRS = [
    (T([1.0, 2, 3]), T([1.0, 2, 3.0000001]), {}),
    (T([1.0, 2, 3]), T([1.0, 2, 4]), {}),
    (T([1.0, 2]), T([1.0, 3]), {"rtol": 0, "atol": 0}),
    (T([1.0, 2]), T([1.0, 2.5]), {"rtol": 0.0, "atol": 1.0}),
    (T([1.0, 2]), T([1.0, 3]), {"rtol": 0}),
    (T([1.0, 2]), T([1.0, 3]), {"msg": "no"}),
    (T([1.0, 2]), T([1.0, 3]), {"msg": lambda text: "no: " + text}),
    (T([1, 2, 3]), T([1, 2, 4]), {}),
    (T([1, 2, 3]), T([1.0, 2, 3]), {}),
    (T([1, 2, 3]), T([1.0, 2, 3]), {"check_dtype": False}),
    (T([1, 2, 3]), T([1, 2]), {}),
    (T([[1.0, NAN]]), T([[1.0, NAN]]), {}),
    (T([[1.0, NAN]]), T([[1.0, NAN]]), {"equal_nan": True}),
    (T([1.0], "bfloat16"), T([1.01], "bfloat16"), {}),
    (T([1.0], "bfloat16"), T([1.5], "bfloat16"), {}),
    (T(True), T(False), {}),
    (T(1.0), T(2.0), {}),
    (1.0, 1.1, {}),
    (1, 2, {}),
    (1, 1.0, {}),
    (1, 1.0, {"check_dtype": False}),
    ([1, T([2.0])], [1, T([3.0])], {}),
    ([1, 2], [1, 2, 3], {}),
    ({"a": [T(1)]}, {"a": [T(2)]}, {}),
    ({"a": 1}, {"b": 1}, {}),
    (None, 1, {}),
    ("a", "b", {}),
    (np.ones(3), np.zeros(3), {}),
]


def outcome(function: Any, *args: Any, **kwargs: Any) -> tuple[str, str] | None:
    try:
        function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__, str(error)
    return None


@pytest.mark.parametrize(("actual", "expected", "options"), PAIRS)
def test_assert_close_is_torchs(torch: Any, actual: Any, expected: Any, options: Any) -> None:
    ours = outcome(assert_close, made(actual, rushlight), made(expected, rushlight), **options)
    theirs = outcome(
        torch.testing.assert_close, made(actual, torch), made(expected, torch), **options
    )
    assert ours == theirs


def test_assert_close_compares_strides_on_demand() -> None:
    x = rushlight.ones(2, 3)
    assert_close(x.t(), rushlight.ones(3, 2))
    with pytest.raises(AssertionError, match=r"stride\(\)"):
        assert_close(x.t(), rushlight.ones(3, 2), check_stride=True)


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "bfloat16", "complex64", "int64", "int8", "uint8", "bool"]
)
@pytest.mark.parametrize(
    "options", [{}, {"low": 0, "high": 2}, {"noncontiguous": True}, {"exclude_zero": True}]
)
def test_make_tensor_draws_torchs_numbers(torch: Any, dtype: str, options: Any) -> None:
    results = []
    for library in (rushlight, torch):
        library.manual_seed(0)
        kind = getattr(library, dtype)
        x = library.testing.make_tensor((2, 3), dtype=kind, device="cpu", **options)
        results.append((x.dtype, x.stride(), x.to(library.complex128).numpy()))
    assert [str(v) for v in results[0][:2]] == [str(v) for v in results[1][:2]]
    np.testing.assert_allclose(results[0][2], results[1][2], rtol=1e-14)


def test_make_tensor_refuses_empty_ranges() -> None:
    with pytest.raises(ValueError, match="`low` must be less than `high`"):
        make_tensor(2, dtype=rushlight.float32, low=3, high=1)
    with pytest.raises(ValueError, match="mutually exclusive"):
        make_tensor(
            2, dtype=rushlight.float32, noncontiguous=True, memory_format=rushlight.channels_last
        )
