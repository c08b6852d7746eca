"""Hooks of tensors, leaves and nodes."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")


def leaf(T, *values):
    return T.tensor(list(values), requires_grad=True)


def test_a_hook_sees_the_whole_gradient_once(T):
    x = leaf(T, 1.0)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [5.0]


def test_hooks_run_in_order_and_replace(T):
    x = leaf(T, 1.0)
    order = []

    def scale(factor):
        def hook(g):
            order.append((factor, g.item()))
            return g * factor

        return hook

    x.register_hook(scale(10))
    x.register_hook(lambda g: order.append("looked"))
    x.register_hook(scale(3))
    (x * 2).sum().backward()
    assert x.grad.tolist() == [60.0]
    assert order == [(10, 2.0), "looked", (3, 20.0)]


def test_inner_hooks_change_what_flows_on(T):
    x = leaf(T, 1.0)
    h = x * 2
    h.register_hook(lambda g: g * 100)
    (h * 3).sum().backward()
    assert x.grad.tolist() == [600.0]


def test_removing(T):
    x = leaf(T, 1.0)
    seen = []
    handle = x.register_hook(lambda g: seen.append(1))
    (x * 2).sum().backward()
    handle.remove()
    handle.remove()
    (x * 2).sum().backward()
    assert seen == [1]
    with x.register_hook(lambda g: seen.append(2)):
        (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert seen == [1, 2]


def test_removing_inside_the_hook(T):
    x = leaf(T, 1.0)
    calls = []

    def once(g):
        calls.append(g.item())
        handle.remove()

    handle = x.register_hook(once)
    x.register_hook(lambda g: calls.append("other"))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert calls == [2.0, "other", "other"]


def test_hooks_need_a_gradient(T):
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        T.ones(1).register_hook(print)


def test_hooks_of_one_output_among_several(T):
    x = T.arange(4.0).requires_grad_()
    a, b = x.split(2)
    seen = []
    b.register_hook(lambda g: seen.append(g.tolist()) or g * 10)
    (a.sum() + (b * b).sum()).backward()
    assert seen == [[4.0, 6.0]]
    assert x.grad.tolist() == [1.0, 1.0, 40.0, 60.0]


def test_a_hook_on_an_output_that_got_no_gradient_of_its_own(T):
    x = T.arange(4.0).requires_grad_()
    a, b = x.split(2)
    seen = []
    b.register_hook(lambda g: seen.append(g))
    a.sum().backward()
    assert all(g is None for g in seen)
    assert x.grad.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_hooks_are_recorded_under_create_graph(T):
    x = leaf(T, 3.0)
    h = x * x
    h.register_hook(lambda g: g * x)
    (g,) = T.autograd.grad(h.sum(), x, create_graph=True)
    assert g.tolist() == [18.0]
    (gg,) = T.autograd.grad(g.sum(), x)
    assert gg.tolist() == [12.0]


# --- retain_grad ---


def test_retain_grad(T):
    x = leaf(T, 2.0)
    h = x * 3
    assert not h.retains_grad
    h.retain_grad()
    h.retain_grad()
    assert h.retains_grad
    (h * h).sum().backward()
    assert h.grad.tolist() == [12.0]
    assert x.grad.tolist() == [36.0]


def test_retain_grad_comes_after_hooks(T):
    x = leaf(T, 2.0)
    h = x * 3
    h.retain_grad()
    h.register_hook(lambda g: g * 10)
    (h * 2).sum().backward()
    assert h.grad.tolist() == [20.0]


def test_retain_grad_of_leaves_and_constants(T):
    x = leaf(T, 2.0)
    x.retain_grad()
    assert not x.retains_grad
    with pytest.raises(
        RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"
    ):
        T.ones(1).retain_grad()


def test_retained_grads_are_memory_of_their_own(T):
    x = leaf(T, 2.0)
    h = x + 0
    h.retain_grad()
    h.sum().backward()
    h.grad.zero_()
    assert x.grad.tolist() == [1.0]


def test_retain_grad_follows_an_in_place_change(T):
    x = leaf(T, 2.0)
    h = x * 3
    h.retain_grad()
    h.mul_(10)
    h.sum().backward()
    assert h.grad.tolist() == [1.0]
    assert x.grad.tolist() == [30.0]


def test_grad_is_accumulated_where_it_is_retained(T):
    x = leaf(T, 2.0)
    h = x + 1
    h.retain_grad()
    h.sum().backward()
    h.sum().backward()
    assert h.grad.tolist() == [2.0]


# --- after accumulation ---


def test_post_accumulate_hooks(T):
    x, y = leaf(T, 2.0), leaf(T, 3.0)
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.item())))
    y.register_post_accumulate_grad_hook(lambda t: setattr(t, "grad", None))
    (x * y).sum().backward()
    assert seen == [(True, 3.0)]
    assert y.grad is None
    (x * 1).sum().backward()
    assert seen == [(True, 3.0), (True, 4.0)]


def test_an_optimizer_in_the_backward_pass(T):
    x = leaf(T, 1.0)

    def step(t):
        with T.no_grad():
            t -= 0.1 * t.grad
        t.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * 2).sum().backward()
    assert x.tolist() == pytest.approx([0.8])


def test_post_accumulate_hooks_are_for_leaves(T):
    x = leaf(T, 2.0)
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        T.ones(1).register_post_accumulate_grad_hook(print)


def test_post_accumulate_hooks_do_not_see_grad(T):
    x = leaf(T, 2.0)
    seen = []
    x.register_post_accumulate_grad_hook(seen.append)
    T.autograd.grad((x * 2).sum(), x)
    assert seen == []
    (x * 2).sum().backward(inputs=[x])
    assert len(seen) == 1


# --- nodes ---


def test_node_hooks(T):
    x, y = leaf(T, 2.0), leaf(T, 3.0)
    z = x * y
    seen = []

    def hook(grad_inputs, grad_outputs):
        seen.append(([g.item() for g in grad_inputs], [g.item() for g in grad_outputs]))
        return grad_inputs[0] * 10, grad_inputs[1]

    z.grad_fn.register_hook(hook)
    z.sum().backward()
    assert seen == [([3.0, 2.0], [1.0])]
    assert x.grad.tolist() == [30.0]
    assert y.grad.tolist() == [2.0]


def test_node_prehooks(T):
    x = leaf(T, 2.0)
    z = x + 3
    handle = z.grad_fn.register_prehook(lambda grads: (grads[0] * 10,))
    z.sum().backward()
    assert x.grad.tolist() == [10.0]
    handle.remove()
    z.sum().backward()
    assert x.grad.tolist() == [11.0]


def test_the_end_of_a_path_takes_hooks(T):
    x = leaf(T, 2.0)
    y = x * 3
    end = y.grad_fn.next_functions[0][0]
    seen = []
    end.register_hook(lambda inputs, outputs: seen.append(x.grad.item()))
    y.sum().backward()
    assert seen == [3.0]


def test_tensor_hooks_run_before_node_prehooks(T):
    x = leaf(T, 2.0)
    y = x * 3
    order = []
    y.grad_fn.register_prehook(lambda grads: order.append("prehook"))
    y.register_hook(lambda g: order.append("tensor hook"))
    y.sum().backward()
    assert order == ["tensor hook", "prehook"]


def test_hooks_survive_in_copies_of_the_reference(T):
    x = leaf(T, 2.0)
    alias = x
    alias.register_hook(lambda g: g * 2)
    (x * 1).sum().backward()
    assert x.grad.tolist() == [2.0]
    detached = x.detach().requires_grad_()
    (detached * 1).sum().backward()
    assert detached.grad.tolist() == [1.0]
