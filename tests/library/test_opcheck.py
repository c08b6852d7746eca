"""opcheck: which faults it finds, and its words for them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import rushlight

_number = itertools.count()
PASSED = {
    name: "SUCCESS"
    for name in (
        "test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic",
    )
}  # fmt: skip


@pytest.fixture
def define(T):
    """Return what defines an operator with one kernel and returns its overload."""
    with T.library._scoped_library(f"tests_opcheck{next(_number)}", "FRAGMENT") as lib:

        def make(schema, kernel, fake=None, types="cpu"):
            name = f"{lib.ns}::f"
            T.library.define(name, schema, lib=lib)
            T.library.impl(name, types, kernel, lib=lib)
            if fake is not None:
                T.library.register_fake(name, fake, lib=lib)
            return getattr(T.ops, lib.ns).f.default

        yield make


def found(T, op, *args, check="test_schema"):
    result = T.library.opcheck(op, args, test_utils=check, raise_exception=False)[check]
    return result if isinstance(result, str) else str(result)


def test_all_is_well(T, define):
    op = define("(Tensor x) -> Tensor", lambda x: x * 2, T.empty_like)
    assert T.library.opcheck(op, (T.ones(2, 3),)) == PASSED


def test_a_gradient(T):
    @T.library.custom_op("tests_opcheck::scaled", mutates_args=(), schema="(Tensor x) -> Tensor")
    def scaled(x):
        return T.from_numpy(x.detach().numpy() * np.float32(3))

    scaled.register_fake(T.empty_like)
    x = T.ones(2, requires_grad=True)
    check = "test_aot_dispatch_dynamic"
    assert "no autograd formula was registered" in found(T, scaled, x, check=check)
    scaled.register_autograd(lambda ctx, g: g[:1].expand(5))
    assert "returned an invalid gradient at index 0" in found(T, scaled, x, check=check)
    scaled.register_autograd(lambda ctx, g: g * 3)
    assert T.library.opcheck(scaled, (x,)) == PASSED


SCHEMA_FAULTS = [
    (
        "(Tensor x) -> Tensor",
        lambda x: x.add_(1).clone(),
        "x is not defined as mutable but was mut",
    ),
    (
        "(Tensor x) -> Tensor",
        lambda x: x,
        "Argument x is not defined to alias output but was alias",
    ),
    (
        "(Tensor x) -> (Tensor, Tensor)",
        lambda x: (x * 2,) * 2,
        "Outputs 0 and 1 alias unexpectedly",
    ),
]


@pytest.mark.parametrize(("schema", "kernel", "words"), SCHEMA_FAULTS)
def test_faults_of_the_schema(T, define, schema, kernel, words):
    x = T.ones(2)
    assert words in found(T, define(schema, kernel), x)
    assert x.tolist() == [1, 1]


def test_declared_writes_are_fine(T, define):
    op = define("(Tensor(a!) x) -> ()", lambda x: x.add_(1) and None if x.numel() == 1 else None)
    assert found(T, op, T.ones(2)) == "SUCCESS"


FAKE_FAULTS = [
    (lambda T, x: x.new_empty(3, 3), "are not equal!"),
    (lambda T, x: x.new_empty(2, 3, dtype=T.float64), "Dtypes torch.float32 and torch.float64 are"),
    (lambda T, x: x.new_empty(3, 2).t(), "Stride mismatch! Strides are (3, 1) and (1, 2)"),
]


@pytest.mark.parametrize(("fake", "words"), FAKE_FAULTS)
def test_faults_of_the_fake_implementation(T, define, fake, words):
    op = define("(Tensor x) -> Tensor", lambda x: x * 2, lambda x: fake(T, x))
    assert words in found(T, op, T.ones(2, 3), check="test_faketensor")


def test_no_fake_implementation(T):
    @T.library.custom_op("tests_opcheck::bare", mutates_args=(), schema="(Tensor x) -> Tensor")
    def bare(x):
        return x.clone()

    words = found(T, bare, T.ones(1), check="test_faketensor")
    assert "There was no fake impl registered for <CustomOpDef(tests_opcheck::bare)>" in words


def test_sizes_that_depend_on_values():
    T = rushlight

    @T.library.custom_op("tests_opcheck::places", mutates_args=(), schema="(Tensor x) -> Tensor")
    def places(x):
        return x.nonzero()

    @places.register_fake
    def _(x):
        n = T.library.get_ctx().new_dynamic_size()
        return x.new_empty((n, x.dim()), dtype=T.int64)

    assert T.library.opcheck(places, (T.ones(2, 2),)) == PASSED
    assert T.library.get_ctx() is None


def test_operators_recorded_under_a_kernel_of_a_device(T, define):
    op = define("(Tensor x) -> Tensor", lambda x: x * 2, T.empty_like)
    x = T.ones(2, requires_grad=True)
    words = found(T, op, x, check="test_autograd_registration")
    assert "does not have an autograd kernel defined at an autograd key" in words


def test_words(T, define):
    op = define("(Tensor x) -> Tensor", lambda x: x, T.empty_like)
    with pytest.raises(Exception, match=r"opcheck\(op, ...\): test_schema failed with Argument x"):
        T.library.opcheck(op, (T.ones(1),))
    with pytest.raises(ValueError, match="expected test_utils to be subset of"):
        T.library.opcheck(op, (T.ones(1),), test_utils=["foo"])
    with pytest.raises(ValueError, match=r"op must be instance of torch._ops.OpOverload"):
        T.library.opcheck("a::b", ())
