"""Operators on the meta device: their fake implementations run."""

from __future__ import annotations

import itertools

import pytest

_number = itertools.count()


@pytest.fixture
def op(T):
    """An operator of one tensor without a fake implementation."""

    @T.library.custom_op(
        f"tests_fake::op{next(_number)}", mutates_args=(), schema="(Tensor x, int n=1) -> Tensor"
    )
    def repeated(x, n=1):
        return T.cat([x.detach()] * n)

    return repeated


def test_the_fake_implementation_runs(T, op):
    op.register_fake(lambda x, n=1: x.new_empty(n * x.shape[0], *x.shape[1:]))
    y = op(T.empty(2, 3, device="meta"), 4)
    assert (tuple(y.shape), y.device.type, y.dtype) == ((8, 3), "meta", T.float32)


def test_none_registered(T, op):
    with pytest.raises(RuntimeError, match="There was no fake impl registered for <CustomOpDef"):
        op(T.empty(2, device="meta"))


def test_a_gradient_on_the_meta_device(T, op):
    op.register_fake(lambda x, n=1: x.new_empty(n * x.shape[0], *x.shape[1:]))
    op.register_autograd(lambda ctx, g: (g[:2], None))
    x = T.empty(2, 3, device="meta", requires_grad=True)
    (gx,) = T.autograd.grad(op(x, 2).sum(), x)
    assert (tuple(gx.shape), gx.device.type) == ((2, 3), "meta")


def test_sizes_that_depend_on_values_need_values(T, op):
    op.register_fake(lambda x, n=1: x.new_empty(T.library.get_ctx().new_dynamic_size()))
    with pytest.raises(RuntimeError, match="may return an output Tensor with data-dependent shape"):
        op(T.empty(2, device="meta"))


def test_a_meta_kernel(T):
    with T.library._scoped_library(f"tests_fake{next(_number)}", "FRAGMENT") as lib:
        lib.define("f(Tensor x) -> Tensor")
        lib.impl("f", lambda x: x.new_empty(7), "Meta")
        assert tuple(getattr(T.ops, lib.ns).f(T.empty(2, device="meta")).shape) == (7,)
        with pytest.raises(NotImplementedError, match="with arguments from the 'CPU' backend"):
            getattr(T.ops, lib.ns).f(T.empty(2))
