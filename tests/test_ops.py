"""The properties every operator has, checked for every OpCase."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import rushlight
from rushlight import kernels
from rushlight._tensor import Tensor, wrap
from rushlight.autograd import gradcheck, gradgradcheck

sys.path.insert(0, str(Path(__file__).parent))

from opcases import FLOATS, HALVES, OpCase, S, all_cases, ints, lit

CASES = all_cases()


def cases(*needs: str) -> Any:
    """Parametrise over the cases for which all the named attributes are true."""
    chosen = [c for c in CASES if all(getattr(c, need) for need in needs)]
    return pytest.mark.parametrize("case", chosen, ids=lambda c: c.name)


def function_of(name: str) -> Any:
    target: Any = rushlight
    for part in name.split("."):
        target = getattr(target, part)
    return target


def numpy_dtype(name: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def arguments(
    case: OpCase, sample: S, dtype: str | None = None, wrapped: bool = True
) -> tuple[list[Any], dict[str, Any]]:
    """Make a sample's arguments, in float64 where the operator takes it; the same at every call."""
    rng = np.random.default_rng(42)
    if dtype is None:
        dtype = "float64" if "float64" in case.dtypes else case.dtypes[-1]

    def make(value: Any) -> Any:
        if isinstance(value, lit):
            return value.value
        if isinstance(value, ints):
            array = np.asarray(value.values, dtype=value.dtype)
        elif isinstance(value, tuple):
            array = case.draw(value, numpy_dtype(dtype), rng)
        elif isinstance(value, list) and value and all(isinstance(v, tuple) for v in value):
            return [make(v) for v in value]
        else:
            return value
        return wrap(array) if wrapped else array

    return [make(a) for a in sample.args], {k: make(v) for k, v in sample.kwargs.items()}


def leaves(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def floats(args: list[Any]) -> list[Tensor]:
    """The tensors among the arguments that can require grad."""
    return [x for x in leaves(args) if isinstance(x, Tensor) and x.dtype.is_floating_point]


def array_of(value: Any) -> np.ndarray:
    return value.array if isinstance(value, Tensor) else np.asarray(value)


def assert_same(actual: Any, expected: Any, rtol: float, atol: float) -> None:
    ours, theirs = leaves(actual), leaves(expected)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        left, right = array_of(a), array_of(b)
        assert left.shape == right.shape
        if left.dtype.kind in "biu":
            np.testing.assert_array_equal(left, right)
        else:
            np.testing.assert_allclose(left, right, rtol=rtol, atol=atol)


@cases("ref")
def test_value_and_result_dtype(case: OpCase) -> None:
    for dtype in (d for d in case.dtypes if d not in HALVES):
        for sample in case.samples:
            args, kwargs = arguments(case, sample, dtype)
            raw, raw_kwargs = arguments(case, sample, dtype, wrapped=False)
            actual = function_of(case.name)(*args, **kwargs)
            with np.errstate(all="ignore"):
                wide = [
                    r.astype(np.float64) if isinstance(r, np.ndarray) and r.dtype.kind == "f" else r
                    for r in raw
                ]
                expected = case.ref(*wide, **raw_kwargs)
            exact = dtype == "float64"
            assert_same(
                actual, expected, 1e-9 if exact else case.rtol, 1e-9 if exact else case.atol
            )
            if dtype in FLOATS and isinstance(actual, Tensor) and actual.dtype.is_floating_point:
                assert actual.array.dtype == numpy_dtype(dtype)


@cases()
def test_half_precision_is_float32_rounded_once(case: OpCase) -> None:
    half = [d for d in case.dtypes if d in HALVES]
    for dtype in half:
        args, kwargs = arguments(case, case.samples[0], dtype)
        wide = [
            x.to(rushlight.float32) if isinstance(x, Tensor) and x.dtype.is_floating_point else x
            for x in args
        ]
        actual, expected = (
            function_of(case.name)(*args, **kwargs),
            function_of(case.name)(*wide, **kwargs),
        )
        for a, b in zip(leaves(actual), leaves(expected), strict=True):
            if not b.dtype.is_floating_point:
                assert_same(a, b, 0, 0)
                continue
            assert a.array.dtype == numpy_dtype(dtype)
            tolerance = 2e-3 if dtype == "float16" else 1.6e-2
            np.testing.assert_allclose(
                a.array.astype(np.float32), b.array, rtol=tolerance, atol=tolerance
            )


def differentiable_call(case: OpCase, sample: S) -> tuple[Any, list[Tensor]]:
    """Return a function of a sample's float tensors alone, and those tensors requiring grad."""
    args, kwargs = arguments(case, sample)
    inputs = floats(args)
    for x in inputs:
        x.requires_grad = True

    def call(*tensors: Tensor) -> Any:
        replaced = dict(zip(map(id, inputs), tensors, strict=True))

        def put(value: Any) -> Any:
            if isinstance(value, list):
                return [put(v) for v in value]
            return replaced.get(id(value), value)

        result = function_of(case.name)(*[put(a) for a in args], **kwargs)
        kept = [y for y in leaves(result) if isinstance(y, Tensor) and y.requires_grad]
        return tuple(kept)

    return call, inputs


@cases("differentiable")
def test_gradient(case: OpCase) -> None:
    for sample in case.samples:
        call, inputs = differentiable_call(case, sample)
        assert not inputs or gradcheck(call, inputs)


@cases("differentiable", "second")
def test_second_gradient(case: OpCase) -> None:
    for sample in case.samples:
        call, inputs = differentiable_call(case, sample)
        assert not inputs or gradgradcheck(call, inputs)


@cases()
def test_strided_inputs_give_the_same(case: OpCase) -> None:
    for sample in case.samples:
        args, kwargs = arguments(case, sample)
        expected = function_of(case.name)(*args, **kwargs)

        def strided(value: Any) -> Any:
            if isinstance(value, list):
                return [strided(v) for v in value]
            if not isinstance(value, Tensor) or not value.array.ndim:
                return value
            spread = np.zeros(
                (*value.array.shape[:-1], 2 * value.array.shape[-1]), value.array.dtype
            )
            spread[..., ::2] = value.array
            return wrap(spread[..., ::2])

        actual = function_of(case.name)(*[strided(a) for a in args], **kwargs)
        assert_same(actual, expected, 1e-9, 1e-9)


@cases()
def test_inputs_are_left_alone(case: OpCase) -> None:
    args, kwargs = arguments(case, case.samples[0])
    before = [x.array.copy() for x in leaves(args) if isinstance(x, Tensor)]
    function_of(case.name)(*args, **kwargs)
    after = [x.array for x in leaves(args) if isinstance(x, Tensor)]
    for a, b in zip(after, before, strict=True):
        np.testing.assert_array_equal(a, b)


@cases("elementwise")
def test_empty_and_zero_dimensional_inputs(case: OpCase) -> None:
    tensors = [a for a in case.samples[0].args if isinstance(a, tuple)]
    rest = [a for a in case.samples[0].args if not isinstance(a, tuple)]
    for shape in ((0, 3), ()):
        sample = S(*[shape for _ in tensors], *rest, **case.samples[0].kwargs)
        args, kwargs = arguments(case, sample)
        for x in floats(args):
            x.requires_grad = case.differentiable
        y = function_of(case.name)(*args, **kwargs)
        assert tuple(y.shape) == shape
        if y.requires_grad:
            y.sum().backward()
            assert all(tuple(x.grad.shape) == shape for x in floats(args) if x.grad is not None)


@cases("method")
def test_method_is_the_function(case: OpCase) -> None:
    for sample in case.samples:
        args, kwargs = arguments(case, sample)
        expected = function_of(case.name)(*args, **kwargs)
        actual = getattr(args[0], case.name.rpartition(".")[2])(*args[1:], **kwargs)
        assert_same(actual, expected, 0, 0)


@cases("inplace")
def test_in_place_form(case: OpCase) -> None:
    name = case.name.rpartition(".")[2] + "_"
    args, kwargs = arguments(case, case.samples[0])
    expected = function_of(case.name)(*args, **kwargs)
    target = args[0]
    memory, version = target.array, target._version
    result = getattr(target, name)(*args[1:], **kwargs)
    assert result is target
    assert np.shares_memory(target.array, memory)
    assert target._version > version
    assert_same(target, expected, 1e-12, 1e-12)


@cases("inplace", "differentiable")
def test_in_place_gradient(case: OpCase) -> None:
    name = case.name.rpartition(".")[2] + "_"
    args, kwargs = arguments(case, case.samples[0])
    inputs = floats(args)
    for x in inputs:
        x.requires_grad = True

    def call(*tensors: Tensor) -> Tensor:
        put = dict(zip(map(id, inputs), tensors, strict=True))
        changed = [put.get(id(a), a) for a in args]
        return getattr(changed[0] * 1.0, name)(*changed[1:], **kwargs)

    assert gradcheck(call, inputs)


@cases()
def test_fast_path_equals_reference(case: OpCase) -> None:
    for sample in case.samples:
        args, kwargs = arguments(
            case, sample, "float32" if "float32" in case.dtypes else case.dtypes[0]
        )
        fast = function_of(case.name)(*args, **kwargs)
        with kernels.reference_only():
            reference = function_of(case.name)(*args, **kwargs)
        assert_same(fast, reference, case.rtol, case.atol)


@cases("errors")
def test_errors(case: OpCase) -> None:
    for error in case.errors:
        args, kwargs = arguments(case, error.sample, "float32")
        with pytest.raises(error.exception, match=error.match):
            function_of(case.name)(*args, **kwargs)
