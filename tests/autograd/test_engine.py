"""The reverse walk: what reaches the leaves, in which order, and what is left of the graph."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import rushlight


def leaf(T, *values):
    return T.tensor(list(values), requires_grad=True)


def test_backward_of_a_scalar(T):
    x = leaf(T, 1.0, 2.0, 3.0)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


def test_gradient_argument(T):
    x = leaf(T, 1.0, 2.0)
    (x * x).backward(gradient=T.tensor([10.0, 100.0]))
    assert x.grad.tolist() == [20.0, 400.0]
    y = leaf(T, 1.0, 2.0)
    (y * 2).backward(T.tensor([1.0, 3.0]))
    assert y.grad.tolist() == [2.0, 6.0]


def test_gradient_argument_is_checked(T):
    x = leaf(T, 1.0, 2.0)
    with pytest.raises(
        RuntimeError, match="grad can be implicitly created only for scalar outputs"
    ):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="Mismatch in shape: grad_output"):
        (x * 2).backward(T.ones(3))
    with pytest.raises(RuntimeError, match="got 2 tensors and 1 gradients"):
        T.autograd.backward([x.sum(), x.sum()], [T.tensor(1.0)])
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        T.ones(()).backward()


def test_one_element_of_any_shape_counts_as_scalar(T):
    x = leaf(T, 3.0)
    (x * x).reshape(1, 1).backward()
    assert x.grad.tolist() == [6.0]


def test_backward_on_a_leaf_itself(T):
    x = T.tensor(2.0, requires_grad=True)
    x.backward()
    x.backward(T.tensor(5.0))
    assert x.grad.item() == 6.0


def test_several_roots_share_a_graph(T):
    x = leaf(T, 1.0, 2.0)
    h = x * 3
    T.autograd.backward([h.sum(), (h * h).sum(), x], [None, None, T.tensor([0.5, 0.25])])
    assert x.grad.tolist() == [3 + 18 + 0.5, 3 + 36 + 0.25]


def test_the_same_root_twice(T):
    x = T.tensor(2.0, requires_grad=True)
    y = x * x
    T.autograd.backward([y, y])
    assert x.grad.item() == 8.0


def test_gradients_accumulate(T):
    x = leaf(T, 1.0, 2.0)
    for _ in range(3):
        (x * x).sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]
    x.grad = None
    (x * 5).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]


def test_accumulation_keeps_the_grad_object(T):
    x = leaf(T, 1.0)
    (x * 2).sum().backward()
    first = x.grad
    (x * 2).sum().backward()
    assert x.grad is first
    assert first.tolist() == [4.0]


def test_one_tensor_used_many_times(T):
    x = T.tensor(3.0, requires_grad=True)
    y = x * x + x * x * x - x + x.exp() * 0
    y.backward()
    assert x.grad.item() == pytest.approx(6 + 27 - 1)


# --- whose memory a gradient is ---


def test_two_leaves_get_memory_of_their_own(T):
    x, y = leaf(T, 1.0, 2.0), leaf(T, 3.0, 4.0)
    (x + y).sum().backward()
    x.grad.mul_(10)
    assert x.grad.tolist() == [10.0, 10.0]
    assert y.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "pass_on", [lambda x: x + 0, lambda x: x.view(2), lambda x: x.view(1, 2)[0]]
)
def test_a_gradient_does_not_alias_the_one_passed_in(pass_on):
    x = leaf(rushlight, 1.0, 2.0)
    seed = rushlight.ones(2)
    pass_on(x).backward(seed)
    seed.fill_(7)
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_grad_that_was_kept_stays(T):
    x = leaf(T, 1.0, 2.0)
    (x * x).sum().backward()
    kept = x.grad
    x.grad = None
    (x * x * x).sum().backward()
    assert kept.tolist() == [2.0, 4.0]


def test_gradients_kept_by_hooks_stay(T):
    x = leaf(T, 1.0, 2.0)
    kept = []
    h = x + 0
    h.register_hook(kept.append)
    x.register_hook(kept.append)
    (h * 2).sum().backward()
    (x * 100).sum().backward()
    assert x.grad.tolist() == [102.0, 102.0]
    assert [g.tolist() for g in kept[:2]] == [[2.0, 2.0]] * 2


def test_gradients_kept_by_a_hook_of_a_node_stay():
    x = leaf(rushlight, 1.0, 2.0)
    kept = []
    y = x * 2
    y.grad_fn.register_hook(lambda grads, _: kept.append(grads[0]))
    y.sum().backward()
    (x * 100).sum().backward()
    assert kept[0].tolist() == [2.0, 2.0]


def test_what_a_function_returns_stays_its_own():
    class Dot(rushlight.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(w)
            return (x * w).sum()

        @staticmethod
        def backward(ctx, g):
            return ctx.saved_tensors[0], None

    w = rushlight.ones(2) * 3
    x = leaf(rushlight, 1.0, 2.0)
    for _ in range(2):
        Dot.apply(x, w).backward()
    assert x.grad.tolist() == [6.0, 6.0]
    assert w.tolist() == [3.0, 3.0]


def test_gradients_of_autograd_grad_are_apart(T):
    x, y = leaf(T, 1.0), leaf(T, 2.0)
    gx, gy = T.autograd.grad((x + y).sum(), [x, y])
    assert gx.tolist() == gy.tolist() == [1.0]
    assert x.grad is None
    assert y.grad is None


def test_a_gradient_of_a_strided_leaf(T):
    x = T.arange(6.0).reshape(2, 3).t().requires_grad_()
    (x * x).sum().backward()
    assert x.grad.tolist() == (2 * x).tolist()
    assert x.grad.shape == x.shape


def test_mixed_dtypes_come_back_in_the_leafs(T):
    x = leaf(T, 1.0, 2.0)
    y = T.tensor([1.0, 1.0], dtype=T.float64, requires_grad=True)
    (x * y).sum().backward()
    assert x.grad.dtype == T.float32
    assert y.grad.dtype == T.float64


# --- freeing and keeping the graph ---


def test_second_backward_says_that_the_graph_is_freed(T):
    x = leaf(T, 1.0, 2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_freed_even_if_only_a_part_is_shared(T):
    x = leaf(T, 1.0)
    h = x.exp()
    h.sum().backward()
    with pytest.raises(RuntimeError, match=r"Specify retain_graph=True"):
        (h * 2).sum().backward()


def test_a_graph_that_saved_nothing_can_be_passed_again(T):
    x = leaf(T, 1.0, 2.0)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_retain_graph(T):
    x = leaf(T, 1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_saved_tensors_are_gone_after_backward(T):
    y = leaf(T, 1.0).exp()
    node = y.grad_fn
    y.sum().backward()
    with pytest.raises((RuntimeError, AttributeError)):
        node._saved_result if T is not rushlight else node.saved_tensors


def test_memory_is_released_as_backward_goes():
    x = rushlight.ones(1000, requires_grad=True)
    h = x.exp()
    alive = weakref.ref(h)
    y = (h * h).sum()
    del h
    gc.collect()
    y.backward()
    gc.collect()
    assert alive() is None


def test_a_graph_is_freed_without_the_garbage_collector():
    gc.disable()
    try:
        x = rushlight.ones(3, requires_grad=True)
        y = (x.exp() * x).tanh().sum()
        nodes = [weakref.ref(y.grad_fn), weakref.ref(y.grad_fn.next_functions[0][0])]
        del y
        assert [n() for n in nodes] == [None, None]
    finally:
        gc.enable()


# --- second order ---


def test_create_graph(T):
    x = leaf(T, 2.0, 3.0)
    (g,) = T.autograd.grad((x**3).sum(), x, create_graph=True)
    assert g.requires_grad
    (gg,) = T.autograd.grad(g.sum(), x, create_graph=True)
    assert gg.tolist() == [12.0, 18.0]
    (ggg,) = T.autograd.grad(gg.sum(), x)
    assert ggg.tolist() == [6.0, 6.0]
    assert not ggg.requires_grad


def test_create_graph_keeps_the_graph_too(T):
    x = leaf(T, 2.0)
    y = (x * x).sum()
    (g,) = T.autograd.grad(y, x, create_graph=True)
    y.backward()
    g.sum().backward()
    assert x.grad.tolist() == [6.0]


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")
def test_backward_with_create_graph_leaves_a_differentiable_grad(T):
    x = leaf(T, 2.0)
    (x**3).sum().backward(create_graph=True)
    penalty = (x.grad**2).sum()
    (g,) = T.autograd.grad(penalty, x)
    assert x.grad.tolist() == [12.0]
    assert g.tolist() == [2 * 12 * 12]


def test_gradient_penalty(T):
    w = T.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    x = leaf(T, 1.0, -1.0)
    (g,) = T.autograd.grad((x @ w).tanh().sum(), x, create_graph=True)
    (g.norm() ** 2).backward()
    eps = 1e-3

    def penalty(i, j, step):
        v = np.array([[1.0, 2.0], [3.0, 4.0]])
        v[i, j] += step
        gx = v @ (1 - np.tanh(np.array([1.0, -1.0]) @ v) ** 2)
        return (gx**2).sum()

    for i in range(2):
        for j in range(2):
            slope = (penalty(i, j, eps) - penalty(i, j, -eps)) / (2 * eps)
            assert w.grad[i, j].item() == pytest.approx(slope, rel=1e-3, abs=1e-4)


# --- inputs= ---


def test_inputs_restricts_accumulation(T):
    x, y = leaf(T, 2.0), leaf(T, 3.0)
    (x * y).sum().backward(inputs=[x])
    assert x.grad.tolist() == [3.0]
    assert y.grad is None


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_inputs_may_be_inner_tensors(T):
    x = leaf(T, 2.0)
    h = x * 3
    (h * h).sum().backward(inputs=h)
    assert h.grad.tolist() == [12.0]
    assert x.grad is None


def test_inputs_are_checked(T):
    x = leaf(T, 2.0)
    with pytest.raises(RuntimeError, match=r"cannot be empty"):
        (x * 2).sum().backward(inputs=[])
    with pytest.raises(RuntimeError, match="require"):
        (x * 2).sum().backward(inputs=[T.ones(1)])


# --- shapes of graphs ---


def test_a_hundred_thousand_nodes(T):
    x = T.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 0
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_a_long_chain_of_saving_nodes_is_destroyed_without_recursion():
    x = rushlight.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(50_000):
        y = y * 1.0
        y = y.exp().log()
    del y
    assert x.grad is None


def test_a_wide_graph(T):
    x = T.ones(3, requires_grad=True)
    total = sum(x * i for i in range(500))
    total.sum().backward()
    assert x.grad.tolist() == [sum(range(500))] * 3


def test_a_ladder_is_walked_once_per_node(T):
    # With one visit per path this would take 2**60 steps.
    x = T.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(60):
        y = (y + y) * 0.5
    y.backward()
    assert x.grad.item() == 1.0


def test_unused_outputs_of_an_operator(T):
    x = T.arange(6.0).requires_grad_()
    _, middle, _ = x.split(2)
    (middle * middle).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 4.0, 6.0, 0.0, 0.0]


def test_index_outputs_carry_no_gradient(T):
    x = leaf(T, 3.0, 1.0, 2.0)
    values, places = x.sort()
    assert values.requires_grad
    assert not places.requires_grad
    (values * T.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


def test_outputs_used_unevenly(T):
    x = T.arange(4.0).requires_grad_()
    a, b = x.chunk(2)
    (a.sum() * 2 + (a * b).sum() + a.prod()).backward()
    assert x.grad.tolist() == [2 + 2 + 1, 2 + 3 + 0, 0.0, 1.0]


def test_the_order_of_nodes_is_the_reverse_of_recording(T):
    x = leaf(T, 1.0)
    order = []
    parts = []
    for i in range(4):
        h = x * (i + 1)
        h.register_hook(lambda g, i=i: order.append(i))
        parts.append(h)
    (parts[2] + parts[0] + parts[3] + parts[1]).sum().backward()
    assert order == [3, 2, 1, 0]


# --- backward inside backward ---


def test_backward_inside_a_hook(T):
    x, w = leaf(T, 2.0), leaf(T, 5.0)
    h = x * 3

    def hook(g):
        with T.enable_grad():
            (w * w).sum().backward()

    h.register_hook(hook)
    (h * h).sum().backward()
    assert w.grad.tolist() == [10.0]
    assert x.grad.tolist() == [36.0]


def test_backward_inside_a_functions_backward(T):
    class Recompute(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.exp() * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            with T.enable_grad():
                again = x.detach().requires_grad_()
                y = again.exp() * again
            y.backward(g)
            return again.grad

    x = leaf(T, 0.5, 1.0)
    (Recompute.apply(x * 2) * 3).sum().backward()
    z = leaf(T, 0.5, 1.0)
    ((z * 2).exp() * (z * 2) * 3).sum().backward()
    assert x.grad.tolist() == pytest.approx(z.grad.tolist())


def test_an_error_in_backward_leaves_things_usable(T):
    class Broken(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            raise KeyError("planted")

    x = leaf(T, 1.0)
    with pytest.raises(KeyError, match="planted"):
        Broken.apply(x).sum().backward()
    assert T.is_grad_enabled()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0]


def test_gradients_are_not_recorded_by_default(T):
    seen = []
    x = leaf(T, 1.0)
    h = x * 2
    h.register_hook(lambda g: seen.append((g.requires_grad, T.is_grad_enabled())))
    h.sum().backward()
    T.autograd.grad((x * 2).sum(), x, create_graph=True)
    assert seen == [(False, False)]


def test_numpy_warns_as_before_after_a_failed_operator():
    with pytest.raises(RuntimeError, match="size"):
        rushlight.ones(2) * rushlight.ones(3)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        np.ones(1) / 0


def test_repeated_runs_give_the_same_bits():
    rng = np.random.default_rng(3)
    data = rng.standard_normal((17, 9)).astype(np.float32)

    def gradient() -> bytes:
        x = rushlight.tensor(data, requires_grad=True)
        y = sum((x * float(i)).tanh() for i in range(7))
        (y @ y.t()).sum().backward()
        return x.grad.numpy().tobytes()

    assert len({gradient() for _ in range(3)}) == 1
