"""Checkpointing gives the same results and gradients, and keeps less in between."""

from __future__ import annotations

import importlib

import pytest


@pytest.fixture
def C(T):
    return importlib.import_module(f"{T.__name__}.utils.checkpoint")


def network(T):
    T.manual_seed(0)
    nn = T.nn
    return nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)
    )


def run(T, net, x, forward):
    net.zero_grad()
    x.grad = None
    T.manual_seed(1)
    y = forward(x)
    y.pow(2).sum().backward()
    return [y.detach(), x.grad, *(p.grad.clone() for p in net.parameters())]


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_results_gradients_and_dropout_are_the_same(T, C, use_reentrant):
    net = network(T)
    x = T.randn(5, 4, requires_grad=True)
    plain = run(T, net, x, net)
    once = run(T, net, x, lambda x: C.checkpoint(net, x, use_reentrant=use_reentrant))
    pieces = run(
        T, net, x, lambda x: C.checkpoint_sequential(net, 3, x, use_reentrant=use_reentrant)
    )
    for a, b, c in zip(plain, once, pieces, strict=True):
        assert T.allclose(a, b)
        assert T.allclose(a, c)


def test_random_numbers_go_on_where_they_were(T, C):
    drop = T.nn.Dropout(0.5)
    x = T.ones(50, requires_grad=True)
    y = C.checkpoint(drop, x, use_reentrant=False)
    before = T.get_rng_state()
    y.sum().backward()
    assert T.equal(T.get_rng_state(), before)
    assert T.equal(x.grad, y.detach())


def test_arguments_by_keyword_and_other_objects_pass_through(T, C):
    def function(x, scale, *, shift=None):
        return (x * scale + shift).exp()

    x, shift = T.zeros(2, requires_grad=True), T.zeros(2, requires_grad=True)
    C.checkpoint(function, x, 3.0, shift=shift, use_reentrant=False).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert shift.grad.tolist() == [1.0, 1.0]


def test_a_second_derivative(T, C):
    x = T.tensor([0.5, 1.5], dtype=T.float64, requires_grad=True)
    y = C.checkpoint(lambda t: (t**3).sin(), x, use_reentrant=False)
    (g,) = T.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = T.autograd.grad(g.sum(), x)
    v = x.detach()
    assert T.allclose(h, 6 * v * (v**3).cos() - 9 * v**4 * (v**3).sin())


def test_the_function_runs_again_only_for_the_gradient(T, C):
    runs = []

    def function(x):
        runs.append(1)
        return x.exp()

    x = T.ones(2, requires_grad=True)
    y = C.checkpoint(function, x, use_reentrant=False)
    assert len(runs) == 1
    y.sum().backward()
    assert len(runs) == 2
    with T.no_grad():
        C.checkpoint(function, x, use_reentrant=False)
    assert len(runs) == 3


def test_a_second_run_that_differs_is_found(T, C):
    sizes = iter([3, 4])

    def function(x):
        return (x[: next(sizes)] * 2).exp()

    x = T.ones(5, requires_grad=True)
    y = C.checkpoint(function, x, use_reentrant=False)
    with pytest.raises(C.CheckpointError, match="different metadata"):
        y.sum().backward()


def test_bad_options(T, C):
    x = T.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        C.checkpoint(T.exp, x, use_reentrant=True, debug=True)
    with pytest.raises(ValueError, match="determinism_check"):
        C.checkpoint(T.exp, x, use_reentrant=False, determinism_check="maybe").sum().backward()


def test_contexts_surround_the_two_runs(T, C):
    from contextlib import contextmanager

    seen = []

    @contextmanager
    def told(label):
        seen.append(label)
        yield

    x = T.ones(2, requires_grad=True)
    y = C.checkpoint(
        T.exp, x, use_reentrant=False, context_fn=lambda: (told("first"), told("second"))
    )
    assert seen == ["first"]
    y.sum().backward()
    assert seen == ["first", "second"]
