"""`differentiable=True`: gradients pass back through the steps of an optimizer."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight

CASES = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1}),
    ("RAdam", {"lr": 0.1, "betas": (0.9, 0.8), "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adadelta", {"lr": 1.0, "rho": 0.5}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.1}),
    ("RMSprop", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.1, "centered": True}),
    ("Rprop", {"lr": 0.3, "etas": (0.3, 1.5)}),
    ("ASGD", {"lr": 0.1, "t0": 1, "weight_decay": 0.1, "lambd": 0.1}),
]
# In torch a second step of these spoils what the first has saved.
ONE_STEP = ("Adamax", "Rprop", "amsgrad", "centered")
START = np.random.default_rng(0).standard_normal((3, 2))


def adapt(T, name, options, steps, complex_parameter=False):
    """Take inner steps from a start; return the outcome and the outer gradients."""
    start = T.tensor(START * (1 + 2j if complex_parameter else 1), requires_grad=True)
    p = start.clone()
    optimizer = getattr(T.optim, name)([p], differentiable=True, **options)
    for step in range(steps):
        fast = p.clone()
        loss = ((fast - 1).abs() ** 2 * (1 + 0.3 * step) + 0.1 * fast.abs() ** 4).sum()
        (p.grad,) = T.autograd.grad(loss, [fast], create_graph=True)
        optimizer.step()
    (p.abs() ** 3).sum().backward()
    return p.detach().numpy(), start.grad.numpy(), optimizer.state_dict()["state"]


@pytest.mark.parametrize("complex_parameter", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_gradients_through_steps_are_torchs(torch, name, options, complex_parameter):
    steps = 1 if name in ONE_STEP or not options.keys().isdisjoint(ONE_STEP) else 4
    ours, theirs = (adapt(T, name, options, steps, complex_parameter) for T in (rushlight, torch))
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-9)
    assert {k: v.keys() for k, v in ours[2].items()} == {k: v.keys() for k, v in theirs[2].items()}


@pytest.mark.parametrize(("name", "options"), CASES)
def test_recorded_steps_are_the_others(name, options):
    """The same three steps by the kernels."""
    outcome = adapt(rushlight, name, options, 3)[0]
    p = rushlight.tensor(START, requires_grad=True)
    optimizer = getattr(rushlight.optim, name)([p], **options)
    for step in range(3):
        optimizer.zero_grad()
        ((p - 1).abs() ** 2 * (1 + 0.3 * step) + 0.1 * p.abs() ** 4).sum().backward()
        optimizer.step()
    # Adam's corrections are float32 where steps are recorded.
    np.testing.assert_allclose(p.detach().numpy(), outcome, rtol=1e-4)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_gradients_of_rates(torch, name):
    """The learning rate and the weight decay can themselves be learned."""

    def program(T):
        rates = [T.tensor(v, dtype=T.float64, requires_grad=True) for v in (0.1, 0.3)]
        p = T.tensor(START)
        lr, decay = rates
        optimizer = getattr(T.optim, name)([p], lr=lr, weight_decay=decay, differentiable=True)
        p.grad = T.tensor(START[::-1].copy())
        optimizer.step()
        (p**3).sum().backward()
        return [float(rate.grad) for rate in rates]

    assert program(rushlight) == pytest.approx(program(torch), rel=1e-5)


def test_learning_to_start():
    """Start where two steps on either of two tasks lead far: the outer loss falls."""
    start = rushlight.zeros(2, requires_grad=True)
    outer = rushlight.optim.SGD([start], lr=0.2)
    losses = []
    for _ in range(20):
        total = rushlight.zeros(())
        for goal in (rushlight.tensor([3.0, 1.0]), rushlight.tensor([1.0, 3.0])):
            fast = start.clone()
            inner = rushlight.optim.SGD([fast], lr=0.1, differentiable=True)
            for _ in range(2):
                loss = ((fast.clone() - goal) ** 2).sum()
                (fast.grad,) = rushlight.autograd.grad(loss, [fast], create_graph=True)
                inner.step()
            total = total + ((fast - goal) ** 2).sum()
        outer.zero_grad()
        total.backward()
        outer.step()
        losses.append(float(total))
    assert losses[-1] < 0.3 * losses[0]
    np.testing.assert_allclose(start.detach().numpy(), [2.0, 2.0], rtol=1e-2)


def test_a_leaf_cannot_be_stepped_through():
    p = rushlight.ones(2, requires_grad=True)
    optimizer = rushlight.optim.SGD([p], lr=0.1, differentiable=True)
    p.grad = rushlight.ones(2)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        optimizer.step()


def test_fused_steps_are_not_recorded():
    with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
        rushlight.optim.Adam([rushlight.ones(2)], differentiable=True, fused=True)
