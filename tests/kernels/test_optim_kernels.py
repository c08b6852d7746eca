"""Optimizer kernels: both paths against the formulas in float64, and against PyTorch."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import optim as O, reference_only

BOTH = pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])
SHAPES = [(6, 1, 5, 5), (6,), (), (33, 17), (0, 3), (9000,)]
STEPS = 4


class Run:
    """A few steps on random gradients; state arrays are made by `state(name)`."""

    def __init__(self, dtype=np.float32, order="C"):
        rng = np.random.default_rng(3)
        self.params = [np.asarray(rng.normal(size=s).astype(dtype), order=order) for s in SHAPES]
        self.gradients = [
            [np.asarray(rng.normal(size=s)).astype(dtype) for s in SHAPES] for _ in range(STEPS)
        ]
        self.states = {}

    def state(self, name, fill=0.0):
        if name not in self.states:
            self.states[name] = [np.full_like(p, fill) for p in self.params]
        return self.states[name]

    def go(self, step):
        for i, grads in enumerate(self.gradients, 1):
            step(self, self.params, grads, i)
        return self.params


def sgd(momentum=0.0, **options):
    def step(run, p, g, i):
        buffers = run.state("buffer", np.nan) if momentum else None
        O.sgd_(p, g, buffers, lr=0.1, momentum=momentum, first=i == 1, **options)

    return step


def adam(amsgrad=False, **options):
    def step(run, p, g, i):
        largest = run.state("largest") if amsgrad else None
        scalars = {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "step": i, **options}
        O.adam_(p, g, run.state("mean"), run.state("square"), largest, **scalars)

    return step


def nadam(**options):
    def step(run, p, g, i):
        product = math.prod(O.nadam_mu(0.9, 4e-3, k) for k in range(1, i + 1))
        scalars = {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "step": i, **options}
        O.nadam_(p, g, run.state("mean"), run.state("square"), mu_product=product, **scalars)

    return step


def rmsprop(centered=False, momentum=0.0, **options):
    def step(run, p, g, i):
        means = run.state("mean") if centered else None
        buffers = run.state("buffer") if momentum else None
        scalars = {"lr": 0.01, "alpha": 0.9, "eps": 1e-8, "momentum": momentum, **options}
        O.rmsprop_(p, g, run.state("square"), means, buffers, **scalars)

    return step


def adagrad(**options):
    def step(run, p, g, i):
        O.adagrad_(p, g, run.state("sum"), lr=0.01, eps=1e-10, step=i, **options)

    return step


# id: our step, torch's class, its options
CASES = {
    "sgd": (sgd(), "SGD", {"lr": 0.1}),
    "sgd-momentum": (sgd(0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    "sgd-dampening": (
        sgd(0.9, dampening=0.1, weight_decay=0.01),
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01},
    ),
    "sgd-nesterov": (
        sgd(0.9, nesterov=True, maximize=True, weight_decay=0.01),
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True, "weight_decay": 0.01},
    ),
    "adam": (adam(), "Adam", {}),
    "adam-decay": (
        adam(weight_decay=0.05, maximize=True),
        "Adam",
        {"weight_decay": 0.05, "maximize": True},
    ),
    "adam-amsgrad": (adam(True), "Adam", {"amsgrad": True}),
    "adamw": (adam(weight_decay=0.05, decoupled=True), "AdamW", {"weight_decay": 0.05}),
    "nadam": (nadam(), "NAdam", {}),
    "nadam-decay": (nadam(weight_decay=0.05), "NAdam", {"weight_decay": 0.05}),
    "nadam-decoupled": (
        nadam(weight_decay=0.05, decoupled=True),
        "NAdam",
        {"weight_decay": 0.05, "decoupled_weight_decay": True},
    ),
    "rmsprop": (rmsprop(weight_decay=0.01), "RMSprop", {"weight_decay": 0.01}),
    "rmsprop-centered": (rmsprop(True), "RMSprop", {"centered": True}),
    "rmsprop-momentum": (rmsprop(True, 0.9), "RMSprop", {"centered": True, "momentum": 0.9}),
    "adagrad": (adagrad(), "Adagrad", {}),
    "adagrad-decay": (
        adagrad(lr_decay=0.1, weight_decay=0.01),
        "Adagrad",
        {"lr_decay": 0.1, "weight_decay": 0.01},
    ),
}
ALL = pytest.mark.parametrize("case", CASES)


def assert_close(got, expected, tolerance=2e-6):
    for x, y in zip(got, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@BOTH
@ALL
def test_float32_follows_the_formula_in_float64(case, reference):
    step = CASES[case][0]
    exact = Run()
    exact.params = [p.astype(np.float64) for p in exact.params]
    exact.gradients = [[g.astype(np.float64) for g in gs] for gs in exact.gradients]
    with reference_only():
        exact.go(step)
    run = Run()
    with reference_only(reference):
        run.go(step)
    assert all(p.dtype == np.float32 for p in run.params)
    assert_close(run.params, exact.params)
    for name, arrays in run.states.items():
        assert_close(arrays, exact.states[name])


@BOTH
@ALL
def test_equals_torch(case, reference, torch):
    step, name, options = CASES[case]
    options = {"lr": 0.01, **options}
    if "betas" in torch.optim.__dict__[name].__init__.__code__.co_varnames:
        options["betas"] = (0.9, 0.99)
    if name == "RMSprop":
        options["alpha"] = 0.9
    run = Run()
    theirs = [torch.nn.Parameter(torch.tensor(p)) for p in run.params]
    optimizer = getattr(torch.optim, name)(theirs, foreach=False, **options)
    for grads in run.gradients:
        for p, g in zip(theirs, grads, strict=True):
            p.grad = torch.tensor(g)
        optimizer.step()
    with reference_only(reference):
        run.go(step)
    assert_close(run.params, [p.detach().numpy() for p in theirs])


@ALL
def test_both_paths_agree(case):
    step = CASES[case][0]
    fast, slow = Run(), Run()
    fast.go(step)
    with reference_only():
        slow.go(step)
    assert_close(fast.params, slow.params)


@ALL
def test_arrays_in_another_memory_order_take_the_reference(case):
    step = CASES[case][0]
    plain, fortran = Run(), Run(order="F")
    assert not fortran.params[3].flags.c_contiguous
    addresses = [p.ctypes.data for p in fortran.params]
    assert_close(fortran.go(step), plain.go(step))
    assert [p.ctypes.data for p in fortran.params] == addresses


@ALL
@pytest.mark.parametrize("dtype", [np.float64, np.float16, ml_dtypes.bfloat16])
def test_other_types_keep_their_type(case, dtype):
    run = Run(dtype)
    before = [p.copy() for p in run.params]
    run.go(CASES[case][0])
    for p in run.params:
        assert p.dtype == dtype
        assert np.isfinite(p.astype(np.float64)).all()
    assert any((p != old).any() for p, old in zip(run.params, before, strict=True))


def test_gradients_are_not_written_to():
    run = Run()
    before = [g.copy() for g in run.gradients[0]]
    for step, _, _ in CASES.values():
        step(Run(), run.params, run.gradients[0], 1)
    for g, old in zip(run.gradients[0], before, strict=True):
        np.testing.assert_array_equal(g, old)


def test_no_parameters_is_no_work():
    O.sgd_([], [], None, lr=0.1)


@BOTH
@ALL
def test_lists_of_different_length_are_refused(case, reference):
    run = Run()
    with reference_only(reference), pytest.raises(ValueError, match="zip"):
        CASES[case][0](run, run.params, run.gradients[0][:-1], 1)
    with reference_only(reference), pytest.raises(ValueError, match="zip"):
        CASES[case][0](run, run.params, [], 1)
