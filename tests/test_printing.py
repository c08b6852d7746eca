"""Printed tensors: golden texts, a live comparison with PyTorch, options, suffixes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from rushlight import _printing
from rushlight.backend import dtype as dtypes
from rushlight.backend.device import device

GOLDEN = Path(__file__).parent / "golden" / "printing.npz"


class Node:
    def __init__(self, name: str):
        self.name = lambda: name


class Tensor:
    """What printing asks of a tensor, so that these tests need no operators."""

    def __init__(
        self,
        array: Any,
        *,
        where: str = "cpu",
        requires_grad: bool = False,
        grad_fn: str | None = None,
    ):
        self.array = np.asarray(array)
        self.shape = self.array.shape
        self.dtype = dtypes.from_numpy(self.array.dtype)
        self.device = device(where)
        self.requires_grad = requires_grad
        self.grad_fn = Node(grad_fn) if grad_fn else None

    def __str__(self) -> str:
        return _printing.tensor_str(self)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _untouched_options() -> Iterator[None]:
    yield
    _printing.set_printoptions(profile="default")
    dtypes.set_default_dtype(dtypes.float32)


def _golden_cases() -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    with np.load(GOLDEN) as file:
        cases, values = json.loads(str(file["cases"]))["cases"], file["values"].tobytes()
    offset = 0
    for case in cases:
        stored = dtypes.NAMES[case["dtype"]].numpy
        count = int(np.prod(case["shape"], dtype=int))
        array = np.frombuffer(values, stored, count, offset).reshape(case["shape"])
        offset += array.nbytes
        yield case, array
    assert offset == len(values)


def test_golden_texts() -> None:
    printed = 0
    for case, array in _golden_cases():
        _printing.set_printoptions(profile="default")
        _printing.set_printoptions(**case["options"])
        dtypes.set_default_dtype(dtypes.NAMES[case["default_dtype"]])
        t = Tensor(array, requires_grad=case["requires_grad"], grad_fn=case["grad_fn"])
        assert str(t) == case["text"], case
        printed += 1
    assert printed == 200


_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "profile": st.sampled_from(["default", "short", "full"]),
        "precision": st.integers(0, 9),
        "threshold": st.sampled_from([0, 4, 30]),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(8, 120),
        "sci_mode": st.booleans(),
    },
)
_DTYPES = st.sampled_from(
    [np.float16, np.float32, np.float64, np.complex64, np.int8, np.int64, np.bool_]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    array=_DTYPES.flatmap(
        lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))
    ),
    options=_OPTIONS,
)
def test_prints_what_torch_prints(array: np.ndarray, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    expected = torch.from_numpy(array)
    for module in (torch, _printing):
        module.set_printoptions(profile="default")
        module.set_printoptions(**options)
    assert torch._tensor_str.get_printoptions() == _printing.get_printoptions()
    try:
        assert str(Tensor(array)) == repr(expected)
    finally:
        torch.set_printoptions(profile="default")


def test_whole_floats_end_in_a_point() -> None:
    assert str(Tensor(np.float32([5, 4, 3]))) == "tensor([5., 4., 3.])"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, 1000.0], "[   1., 1000.]"),
        ([1.0, 1001.0], "[1.0000e+00, 1.0010e+03]"),
        ([1e8], "[100000000.]"),
        ([1e8 + 1], "[1.0000e+08]"),
        ([1e-4], "[0.0001]"),
        ([9.99e-5], "[9.9900e-05]"),
    ],
)
def test_scientific_notation_starts_past_the_limits(values: list[float], text: str) -> None:
    dtypes.set_default_dtype(dtypes.float64)
    assert str(Tensor(values)) == f"tensor({text})"


def test_summary_reads_only_the_edges() -> None:
    # The largest value is hidden; were it seen, the column would be wider.
    values = np.zeros((2000,), np.int64)
    values[1000] = 12345
    assert str(Tensor(values)) == "tensor([0, 0, 0,  ..., 0, 0, 0])"


@pytest.mark.parametrize(
    ("suffix", "given_as"),
    [
        ("device='cuda:1'", {"where": "cuda:1"}),
        ("requires_grad=True", {"requires_grad": True}),
        ("grad_fn=<AddBackward0>", {"requires_grad": True, "grad_fn": "AddBackward0"}),
        ("device='cuda:0', requires_grad=True", {"where": "cuda:0", "requires_grad": True}),
    ],
)
def test_suffixes(suffix: str, given_as: dict[str, Any]) -> None:
    assert str(Tensor(np.float32([1, 2]), **given_as)) == f"tensor([1., 2.], {suffix})"


def test_suffixes_wrap_at_the_line_width() -> None:
    text = str(Tensor(np.arange(12, dtype=np.float64), where="cuda:0", grad_fn="MulBackward0"))
    assert text == (
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11.],\n"
        "       device='cuda:0', dtype=torch.float64, grad_fn=<MulBackward0>)"
    )


def test_subclasses_and_parameters() -> None:
    array = np.float32([1])
    special = type("MyTensor", (Tensor,), {})(array)
    assert str(special) == "MyTensor([1.])"
    assert str(type("Buffer", (Tensor,), {})(array)) == "tensor([1.])"
    parameter = type("Parameter", (Tensor,), {})(array, requires_grad=True)
    text = "tensor([1.], requires_grad=True)"
    assert _printing.parameter_str(parameter) == "Parameter containing:\n" + text
    scale = type("Scale", (Tensor,), {})(array)
    assert _printing.parameter_str(scale) == "Parameter containing:\nParameter(Scale([1.]))"


def test_options_are_restored_after_an_error() -> None:
    def fail_inside() -> None:
        with _printing.printoptions(precision=1, sci_mode=True):
            assert str(Tensor(np.float64(2.26))) == "tensor(2.3e+00, dtype=torch.float64)"
            raise ZeroDivisionError

    before = _printing.get_printoptions()
    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert _printing.get_printoptions() == before


def test_every_call_resets_sci_mode() -> None:
    _printing.set_printoptions(sci_mode=True)
    _printing.set_printoptions(precision=2)
    assert str(Tensor(np.float32([1.5]))) == "tensor([1.50])"


def test_unknown_profile_is_refused_and_changes_nothing() -> None:
    before = _printing.get_printoptions()
    with pytest.raises(ValueError, match="expected profile default, short or full, got 'long'"):
        _printing.set_printoptions(precision=1, profile="long")
    assert _printing.get_printoptions() == before
