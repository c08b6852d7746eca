"""How gradients of products lie in memory: as PyTorch's do, so that programs can `view` them."""

from __future__ import annotations

import pytest

import rushlight


def strides(library, dtype, x_shape, y_shape, x_turned, y_turned):
    def matrix(shape, turned):
        made = library.ones(*(shape[::-1] if turned else shape), dtype=getattr(library, dtype))
        return (made.t() if turned else made).requires_grad_()

    x, y = matrix(x_shape, x_turned), matrix(y_shape, y_turned)
    weights = library.arange(float(x_shape[0] * y_shape[1])).reshape(x_shape[0], y_shape[1])
    product = (x @ y) * weights.to(getattr(library, dtype))
    grads = library.autograd.grad(product.sum(), (x, y))
    return [g.stride() for g in grads], [g.tolist() for g in grads]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x_turned", [False, True])
@pytest.mark.parametrize("y_turned", [False, True])
@pytest.mark.parametrize("shapes", [((4, 3), (3, 5)), ((1, 3), (3, 5)), ((4, 3), (3, 1))], ids=str)
def test_gradients_have_the_order_of_what_they_belong_to(
    torch, dtype, shapes, x_turned, y_turned
):  # fmt: skip
    ours, theirs = (strides(T, dtype, *shapes, x_turned, y_turned) for T in (rushlight, torch))
    assert ours == theirs


def test_the_gradient_of_a_transposed_weight_can_be_viewed():
    w = rushlight.ones(5, 3, requires_grad=True)
    (g,) = rushlight.autograd.grad((rushlight.ones(2, 3) @ w.t()).sum(), w)
    assert g.view(-1).tolist() == [2.0] * 15


def test_broadcast_factors_are_summed():
    x = rushlight.ones(3, 4).t().requires_grad_()
    y = rushlight.ones(2, 3, 5, requires_grad=True)
    (gx, gy) = rushlight.autograd.grad((x @ y).sum(), (x, y))
    assert gx.tolist() == [[10.0] * 3] * 4
    assert gy.tolist() == [[[4.0] * 5] * 3] * 2
