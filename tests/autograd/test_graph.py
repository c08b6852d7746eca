"""The graph a program can look at: edges, hooks on saved tensors, hooks on several gradients."""

from __future__ import annotations

import gc
import weakref

import pytest


def hooks(T):
    return T.autograd.graph.saved_tensors_hooks


def test_hooks_see_what_is_saved_and_the_gradient_gets_what_they_return(T):
    seen = []

    def pack(tensor):
        seen.append(tuple(tensor.shape))
        return tensor + 0

    a = T.tensor([1.0, -2.0, 0.5], dtype=T.float64, requires_grad=True)
    with hooks(T)(pack, lambda kept: kept):
        y = (a * a).exp() * 2
    assert seen == [(3,), (3,), (3,)]
    (grad,) = T.autograd.grad(y.sum(), a, create_graph=True)
    (second,) = T.autograd.grad(grad.sum(), a)
    x = a.detach()
    assert T.allclose(grad.detach(), 4 * x * (x * x).exp())
    assert T.allclose(second, (4 + 8 * x * x) * (x * x).exp())


def test_the_innermost_hooks_are_used(T):
    outer, inner = [], []
    a = T.ones(2, requires_grad=True)
    with hooks(T)(lambda t: outer.append(t) or t, lambda t: t):
        with hooks(T)(lambda t: inner.append(t) or t, lambda t: t):
            a.exp()
        assert (len(outer), len(inner)) == (0, 1)
        a.exp()
    a.exp()
    assert (len(outer), len(inner)) == (1, 1)


def test_hooks_apply_to_functions_of_the_user(T):
    class Square(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    store = {}

    def pack(tensor):
        store[len(store)] = tensor * 10
        return len(store) - 1

    a = T.tensor(3.0, requires_grad=True)
    with hooks(T)(pack, store.__getitem__):
        y = Square.apply(a)
    y.backward()
    assert a.grad.item() == 60.0


def test_hooks_that_misbehave_are_refused(T):
    a = T.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="modifying its input in place"):
        with hooks(T)(lambda t: t.mul_(2), lambda t: t):
            a.exp()
    with hooks(T)(lambda t: 1, lambda kept: kept):
        y = a.exp()
    with pytest.raises(TypeError, match="unpack_hook"):
        y.sum().backward()


def test_packing_leaves_no_cycle():
    import rushlight

    a = rushlight.ones(2, requires_grad=True)
    with hooks(rushlight)(lambda t: t, lambda t: t):
        y = a.exp()
    node = weakref.ref(y.grad_fn)
    gc.disable()
    try:
        del y
        assert node() is None
    finally:
        gc.enable()


def test_disabled_hooks_say_why(T):
    with T.autograd.graph.disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"):
            with hooks(T)(lambda t: t, lambda t: t):
                pass
    with hooks(T)(lambda t: t, lambda t: t):
        pass


def test_save_on_cpu_changes_nothing_but_where(T):
    a = T.tensor([1.0, 2.0], requires_grad=True)
    with T.autograd.graph.save_on_cpu():
        y = (a * a).sum()
    y.backward()
    assert a.grad.tolist() == [2.0, 4.0]


def test_a_hook_on_several_gradients_runs_once_a_pass(T):
    calls = []
    a, b, c = (T.ones(1, requires_grad=True) for _ in range(3))
    register = T.autograd.graph.register_multi_grad_hook
    handle = register(
        (a, b, c), lambda gs: calls.append([None if g is None else g.item() for g in gs])
    )
    (a * 2 + b * 3).backward()
    (a * b * c).backward()
    handle.remove()
    (a * b).backward()
    assert calls == [[2.0, 3.0, None], [1.0, 1.0, 1.0]]


def test_a_hook_on_any_gradient_sees_the_first(T):
    calls = []
    a, b = (T.ones(1, requires_grad=True) for _ in range(2))
    T.autograd.graph.register_multi_grad_hook((a, b), calls.append, mode="any")
    (a * 2 + b * 2).backward()
    (a * 5).backward()
    assert [g.item() for g in calls] == [2.0, 5.0]


def test_an_edge_stands_for_its_tensor(T):
    a = T.tensor([3.0], requires_grad=True)
    y = a * 2
    edge = T.autograd.graph.get_gradient_edge(y)
    assert (edge.node.name(), edge.output_nr) == ("MulBackward0", 0)
    (grad,) = T.autograd.grad(y * y, edge, retain_graph=True)
    assert grad.item() == 12.0
    (grad,) = T.autograd.grad(edge, a, grad_outputs=T.ones(1))
    assert grad.item() == 2.0
    with pytest.raises(RuntimeError, match="does not require"):
        T.autograd.graph.get_gradient_edge(T.ones(1))
