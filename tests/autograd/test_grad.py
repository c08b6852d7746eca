"""autograd.grad: gradients as values."""

from __future__ import annotations

import pytest


def leaf(T, *values):
    return T.tensor(list(values), requires_grad=True)


def test_returns_a_tuple_in_the_order_of_the_inputs(T):
    x, y = leaf(T, 2.0), leaf(T, 3.0)
    found = T.autograd.grad((x * x * y).sum(), (y, x))
    assert isinstance(found, tuple)
    assert [g.tolist() for g in found] == [[4.0], [12.0]]
    assert x.grad is None


def test_inner_tensors_are_inputs_too(T):
    x = leaf(T, 2.0)
    h = x * 3
    y = (h * h).sum()
    gh, gx = T.autograd.grad(y, [h, x])
    assert gh.tolist() == [12.0]
    assert gx.tolist() == [36.0]


def test_an_output_is_its_own_input(T):
    x = leaf(T, 2.0)
    y = x * 3
    assert T.autograd.grad(y, y)[0].tolist() == [1.0]
    assert T.autograd.grad(x, x, T.tensor([4.0]))[0].tolist() == [4.0]


def test_the_same_input_twice(T):
    x = leaf(T, 2.0)
    a, b = T.autograd.grad((x * x).sum(), [x, x])
    assert a.tolist() == b.tolist() == [4.0]


def test_inputs_above_and_below_each_other(T):
    x = leaf(T, 2.0)
    a = x * 2
    b = a * a
    c = b + a
    found = T.autograd.grad(c.sum(), [c, b, a, x])
    assert [g.item() for g in found] == [1.0, 1.0, 9.0, 18.0]


def test_one_output_of_an_operator_with_several(T):
    x = T.arange(4.0).requires_grad_()
    a, b = x.split(2)
    (ga,) = T.autograd.grad((a * b).sum(), a, retain_graph=True)
    (gb,) = T.autograd.grad((a * b).sum(), b)
    assert ga.tolist() == [2.0, 3.0]
    assert gb.tolist() == [0.0, 1.0]


def test_several_outputs(T):
    x = leaf(T, 1.0, 2.0)
    a, b = x * 2, x * x
    (g,) = T.autograd.grad([a, b], x, [T.tensor([1.0, 0.0]), T.tensor([10.0, 10.0])])
    assert g.tolist() == [22.0, 40.0]


def test_grad_outputs_may_be_none_for_scalars(T):
    x = leaf(T, 1.0, 2.0)
    (g,) = T.autograd.grad([x.sum(), x * x], x, [None, T.ones(2)])
    assert g.tolist() == [3.0, 5.0]


def test_unused_inputs(T):
    x, y = leaf(T, 1.0), leaf(T, 2.0)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        T.autograd.grad((x * 2).sum(), [x, y])
    gx, gy = T.autograd.grad((x * 2).sum(), [x, y], allow_unused=True)
    assert gx.tolist() == [2.0]
    assert gy is None


def test_materialize_grads(T):
    x, y = leaf(T, 1.0), leaf(T, 2.0, 3.0)
    gx, gy = T.autograd.grad((x * 2).sum(), [x, y], materialize_grads=True)
    assert gx.tolist() == [2.0]
    assert gy.tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="allow_unused"):
        T.autograd.grad((x * 2).sum(), x, allow_unused=False, materialize_grads=True)


def test_inputs_must_require_grad(T):
    x = leaf(T, 1.0)
    with pytest.raises(
        RuntimeError, match="One of the differentiated Tensors does not require grad"
    ):
        T.autograd.grad((x * 2).sum(), T.ones(1))


def test_outputs_must_have_a_graph(T):
    x = leaf(T, 1.0)
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        T.autograd.grad(T.ones(()), x)


def test_the_graph_is_freed_and_kept_as_asked(T):
    x = leaf(T, 2.0)
    y = (x**3).sum()
    T.autograd.grad(y, x, retain_graph=True)
    T.autograd.grad(y, x)
    with pytest.raises(RuntimeError, match="a second time"):
        T.autograd.grad(y, x)


def test_batched_gradients_are_a_jacobian(T):
    x = leaf(T, 1.0, 2.0, 3.0)
    y = x * x
    (jacobian,) = T.autograd.grad(y, x, T.eye(3), is_grads_batched=True)
    assert jacobian.tolist() == [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]


def test_batched_gradients_of_unused_inputs(T):
    x, y = leaf(T, 1.0, 2.0), leaf(T, 1.0)
    gx, gy = T.autograd.grad(x * 2, [x, y], T.eye(2), is_grads_batched=True, allow_unused=True)
    assert gx.tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert gy is None


def test_only_what_leads_to_an_input_is_run(T):
    ran = []

    class Spy(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            ran.append("spy")
            return g

    x, y = leaf(T, 1.0), leaf(T, 2.0)
    T.autograd.grad((Spy.apply(x) * y).sum(), y)
    assert ran == []


def test_hooks_see_gradients_of_grad(T):
    x = leaf(T, 1.0)
    x.register_hook(lambda g: g * 10)
    (g,) = T.autograd.grad((x * 2).sum(), x)
    assert g.tolist() == [20.0]


def test_a_hessian_by_rows(T):
    x = leaf(T, 1.0, 2.0)
    y = x[0] ** 2 * x[1] + x[1] ** 3
    (g,) = T.autograd.grad(y, x, create_graph=True)
    rows = [T.autograd.grad(g[i], x, retain_graph=True)[0].tolist() for i in range(2)]
    assert rows == [[4.0, 2.0], [2.0, 12.0]]


def test_complex_leaves(T):
    z = T.tensor([1 + 2j], requires_grad=True)
    (g,) = T.autograd.grad((z * z.conj()).real.sum(), z)
    assert g.tolist() == [2 + 4j]
    with pytest.raises(RuntimeError, match="only for real scalar outputs"):
        T.autograd.grad((z * z).sum(), z)


def test_integers_cannot_be_differentiated(T):
    with pytest.raises(RuntimeError, match="floating point and complex dtype can require grad"):
        T.tensor([1, 2], requires_grad=True)
    with pytest.raises(RuntimeError, match="floating point"):
        T.tensor([1, 2]).requires_grad_()
