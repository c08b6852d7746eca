"""Optimizers and schedules: PyTorch's numbers, state, groups, hooks, errors."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import rushlight
from rushlight import kernels, optim

CONFIGURATIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 0.1, "betas": (0.8, 0.9)}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RMSprop", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "centered": True, "momentum": 0.9, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.2}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.1, "betas": (0.4, 0.9), "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {"lr": 0.1}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.05, 0.2), "maximize": True}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "weight_decay": 0.1}),
    ("ASGD", {"lr": 0.1, "t0": 3, "alpha": 0.5, "maximize": True}),
    ("Adafactor", {"lr": 0.1}),
    ("Adafactor", {"lr": 0.1, "beta2_decay": -1.0, "eps": (1e-6, 1e-2), "d": 1.5}),
    ("Adafactor", {"lr": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("Muon", {"lr": 0.01}),
    ("Muon", {"lr": 0.01, "nesterov": False, "adjust_lr_fn": "match_rms_adamw", "momentum": 0.4}),
]
REAL_ONLY = {"Adafactor", "Muon"}
SHAPES = ((5, 3), (7,), (2, 1, 3))
MATRICES = ((5, 3), (3, 7))


def shapes_for(name):
    """Return shapes that an optimizer takes: Muon's parameters are matrices."""
    return MATRICES if name == "Muon" else SHAPES


def train(T, name, options, steps=10, dtype="float32", skip=False):
    """Run steps on fixed gradients; return the parameters as arrays."""
    rng = np.random.default_rng(0)

    def draw(shape):
        values = rng.standard_normal(shape)
        if dtype.startswith("complex"):
            values = values + 1j * rng.standard_normal(shape)
        return T.tensor(values.astype(dtype))

    parameters = [T.nn.Parameter(draw(s)) for s in shapes_for(name)]
    optimizer = getattr(T.optim, name)(parameters, **options)
    for step in range(steps):
        for i, p in enumerate(parameters):
            g = draw(tuple(p.shape))
            p.grad = None if skip and (step + i) % 3 == 0 else g
        optimizer.step()
    return [p.detach().numpy() for p in parameters], optimizer


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
@pytest.mark.parametrize("skip", [False, True], ids=["", "some gradients missing"])
def test_equal_to_torch(torch, name, options, skip):
    ours, _ = train(rushlight, name, options, skip=skip)
    theirs, _ = train(torch, name, options, skip=skip)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("name", "options"), [c for c in CONFIGURATIONS if c[0] not in REAL_ONLY])
def test_complex_parameters_are_pairs_of_real_ones(torch, name, options):
    ours, optimizer = train(rushlight, name, options, dtype="complex64")
    theirs, other = train(torch, name, options, dtype="complex64")
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    for state, expected in zip(optimizer.state.values(), other.state.values(), strict=True):
        assert {k: str(v.dtype).split(".")[-1] for k, v in state.items()} == {
            k: str(v.dtype).split(".")[-1] for k, v in expected.items()
        }


@pytest.mark.parametrize("name", sorted(REAL_ONLY))
def test_real_parameters_only(name):
    with pytest.raises(RuntimeError, match=f"{name} does not support complex parameters"):
        train(rushlight, name, {}, steps=1, dtype="complex64")


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
def test_torchs_state_continues_here_and_ours_there(torch, name, options):
    """Exchange states after five steps: three more steps must agree with torch's own."""
    ours, optimizer = train(rushlight, name, options, steps=5)
    theirs, other = train(torch, name, options, steps=5)

    def convert(value, T):
        if isinstance(value, (rushlight.Tensor, torch.Tensor)):
            return T.tensor(value.detach().numpy().copy())
        if isinstance(value, dict):
            return {k: convert(v, T) for k, v in value.items()}
        return value

    def resume(T, start, state):
        parameters = [T.nn.Parameter(T.tensor(a.copy())) for a in start]
        resumed = getattr(T.optim, name)(parameters, **options)
        resumed.load_state_dict(convert(copy.deepcopy(state), T))
        rng = np.random.default_rng(1)
        for _ in range(3):
            for p in parameters:
                p.grad = T.tensor(rng.standard_normal(tuple(p.shape)).astype("float32"))
            resumed.step()
        return [p.detach().numpy() for p in parameters]

    expected = resume(torch, theirs, other.state_dict())
    found = resume(rushlight, theirs, other.state_dict())
    there = resume(torch, ours, optimizer.state_dict())
    for a, b, c in zip(expected, found, there, strict=True):
        np.testing.assert_allclose(b, a, rtol=2e-5, atol=2e-6)
        np.testing.assert_allclose(c, a, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
def test_learning_rate_as_a_tensor(name, options):
    lr = options.get("lr", 0.1)
    number, _ = train(rushlight, name, {**options, "lr": lr}, steps=3)
    tensor, _ = train(rushlight, name, {**options, "lr": rushlight.tensor(lr)}, steps=3)
    for a, b in zip(number, tensor, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
def test_fast_path_equals_reference(name, options):
    fast, _ = train(rushlight, name, options)
    with kernels.reference_only():
        reference, _ = train(rushlight, name, options)
    for a, b in zip(fast, reference, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
def test_float64_is_close_to_float32(name, options):
    single, _ = train(rushlight, name, options)
    double, _ = train(rushlight, name, options, dtype="float64")
    for a, b in zip(single, double, strict=True):
        assert b.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
def test_state_dict_continues_where_it_stopped(name, options):
    whole, _ = train(rushlight, name, options, steps=6)
    rng = np.random.default_rng(0)
    parameters = [
        rushlight.nn.Parameter(rushlight.tensor(rng.standard_normal(s).astype("float32")))
        for s in shapes_for(name)
    ]
    optimizer = getattr(optim, name)(parameters, **options)
    for step in range(6):
        if step == 3:
            state = copy.deepcopy(optimizer.state_dict())
            optimizer = getattr(optim, name)(parameters, **options)
            optimizer.load_state_dict(state)
        for p in parameters:
            p.grad = rushlight.tensor(rng.standard_normal(tuple(p.shape)).astype("float32"))
        optimizer.step()
    for a, p in zip(whole, parameters, strict=True):
        np.testing.assert_array_equal(a, p.detach().numpy())


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
def test_state_dict_has_torchs_form(torch, name, options):
    _, ours = train(rushlight, name, options, steps=2)
    _, theirs = train(torch, name, options, steps=2)
    mine, other = ours.state_dict(), theirs.state_dict()
    assert {k: list(v) for k, v in mine["state"].items()} == {
        k: list(v) for k, v in other["state"].items()
    } or {k: set(v) for k, v in mine["state"].items()} == {
        k: set(v) for k, v in other["state"].items()
    }
    assert set(mine["param_groups"][0]) == set(other["param_groups"][0])


def test_groups_and_options():
    a, b = (rushlight.nn.Parameter(rushlight.ones(1)) for _ in range(2))
    optimizer = optim.SGD([{"params": [a], "lr": 0.5}, {"params": [b]}], lr=0.1)
    for p in (a, b):
        p.grad = rushlight.ones(1)
    optimizer.step()
    assert (a.item(), round(b.item(), 6)) == (0.5, 0.9)
    optimizer.zero_grad()
    assert a.grad is None
    assert "Parameter Group 1" in repr(optimizer)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda p: optim.SGD([], lr=1), ValueError, "empty parameter list"),
        (lambda p: optim.SGD(p, lr=1), TypeError, "iterable of Tensors or dicts"),
        (lambda p: optim.SGD([p], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda p: optim.SGD([p], lr=1, nesterov=True), ValueError, "Nesterov momentum requires"),
        (
            lambda p: optim.Adam([p], betas=(1.0, 0.9)),
            ValueError,
            "Invalid beta parameter at index 0",
        ),
        (lambda p: optim.Adadelta([p], rho=1.1), ValueError, "Invalid rho value: 1.1"),
        (lambda p: optim.Rprop([p], etas=(1.0, 0.5)), ValueError, "Invalid eta values: 1.0, 0.5"),
        (lambda p: optim.Adafactor([p], d=0.5), ValueError, "Clipping threshold d should be >= 1"),
        (lambda p: optim.Adafactor([p], eps=(-1, 1)), ValueError, "epsilon1 should be >= 0"),
        (lambda p: optim.Adafactor([p], beta2_decay=1), ValueError, "should be <= 0 but is: 1"),
        (lambda p: optim.Muon([p]), ValueError, "Muon only supports 2D parameters"),
        (lambda p: optim.ASGD([p], lr=rushlight.ones(2)), ValueError, "Tensor lr must be 1-elem"),
        (
            lambda p: optim.Adam([p], lr=rushlight.tensor(0.1), foreach=True),
            ValueError,
            "lr as a Tensor is not supported for capturable=False and foreach=True",
        ),
        (
            lambda p: optim.SGD([p], foreach=True, fused=True),
            RuntimeError,
            "`fused` and `foreach` cannot be `True` together",
        ),
        (
            lambda p: optim.SGD([("weight", p), rushlight.nn.Parameter(p.detach())], lr=1),
            ValueError,
            "Some param names are missing",
        ),
        (lambda p: optim.SGD([p * 2], lr=1), ValueError, "non-leaf"),
        (lambda p: optim.SGD([1.0], lr=1), TypeError, "can only optimize Tensors"),
        (
            lambda p: optim.SGD([{"params": [p]}, {"params": [p]}], lr=1),
            ValueError,
            "more than one",
        ),
    ],
)
def test_errors(make, error, match):
    with pytest.raises(error, match=match):
        make(rushlight.nn.Parameter(rushlight.ones(1)))


def test_users_own_optimizer_runs_its_closure_with_gradients():
    class Descent(optim.Optimizer):
        def step(self, closure=None):
            loss = closure()
            with rushlight.no_grad():
                for p in self.param_groups[0]["params"]:
                    p.sub_(p.grad, alpha=self.param_groups[0]["lr"])
            return loss

    p = rushlight.nn.Parameter(rushlight.ones(1))

    def closure():
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert Descent([p], {"lr": 0.25}).step(closure).item() == 1
    assert p.item() == 0.5


def test_averages_of_asgd_begin_at_t0():
    p = rushlight.nn.Parameter(rushlight.zeros(1))
    optimizer = optim.ASGD([p], lr=1.0, lambd=0.0, t0=1)
    for _ in range(4):
        p.grad = -rushlight.ones(1)
        optimizer.step()
    # p = 1, 2, 3, 4: the first two steps restart the average, then 3 has weight 1 and 4 a half.
    assert optimizer.state[p]["ax"].item() == 3.5


def test_loading_a_state_of_another_shape():
    a, b = (rushlight.nn.Parameter(rushlight.ones(1)) for _ in range(2))
    state = optim.SGD([a, b], lr=1).state_dict()
    with pytest.raises(ValueError, match="doesn't match the size"):
        optim.SGD([a], lr=1).load_state_dict(state)


def test_closure_and_hooks():
    p = rushlight.nn.Parameter(rushlight.ones(1))
    optimizer = optim.SGD([p], lr=0.1)
    seen = []
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1
    assert seen == ["before", "after"]
    np.testing.assert_allclose(p.item(), 0.8)


def test_a_step_raises_the_version_of_what_it_wrote():
    w = rushlight.nn.Parameter(rushlight.ones(2))
    y = (w * w).sum()
    w.grad = rushlight.ones(2)
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


SCHEDULES = {
    "StepLR": lambda L, o: L.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda L, o: L.MultiStepLR(o, [2, 5, 5], 0.3),
    "ConstantLR": lambda L, o: L.ConstantLR(o, 0.5, 4),
    "LinearLR": lambda L, o: L.LinearLR(o, 0.2, 1.0, 6),
    "ExponentialLR": lambda L, o: L.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda L, o: L.PolynomialLR(o, 20, 2.0),
    "CosineAnnealingLR": lambda L, o: L.CosineAnnealingLR(o, 10, 1e-3),
    "CosineAnnealingWarmRestarts": lambda L, o: L.CosineAnnealingWarmRestarts(o, 4, 2),
    "OneCycleLR": lambda L, o: L.OneCycleLR(o, 0.5, total_steps=60),
    "OneCycleLR, three phases": lambda L, o: L.OneCycleLR(
        o, 0.5, epochs=6, steps_per_epoch=10, three_phase=True, anneal_strategy="linear"
    ),
    "CyclicLR": lambda L, o: L.CyclicLR(o, 0.01, 0.1, 4, 6, "triangular2"),
    "CyclicLR, exp_range": lambda L, o: L.CyclicLR(o, 0.01, 0.1, 4, None, "exp_range", 0.9),
    "LambdaLR": lambda L, o: L.LambdaLR(o, lambda t: 0.95**t),
    "MultiplicativeLR": lambda L, o: L.MultiplicativeLR(o, lambda t: 0.95),
    "SequentialLR": lambda L, o: L.SequentialLR(
        o, [L.ConstantLR(o, 0.1, 2), L.ExponentialLR(o, 0.9), L.CosineAnnealingLR(o, 7)], [4, 10]
    ),
    "ChainedScheduler": lambda L, o: L.ChainedScheduler(
        [L.ConstantLR(o, 0.1, 3), L.ExponentialLR(o, 0.9)]
    ),
}


def rates(T, make, steps=50, resume_at=None):
    """Return learning rates and momenta of a schedule, resumed from its state if asked to."""
    p = T.zeros(3, requires_grad=True)
    optimizer = T.optim.SGD([p], lr=0.1, momentum=0.9)
    schedule = make(T.optim.lr_scheduler, optimizer)
    found = []
    for step in range(steps):
        if step == resume_at:
            state = schedule.state_dict()
            groups = copy.deepcopy(optimizer.state_dict())
            schedule = make(T.optim.lr_scheduler, optimizer)
            schedule.load_state_dict(state)
            optimizer.load_state_dict(groups)
        optimizer.step()
        schedule.step()
        group = optimizer.param_groups[0]
        assert schedule.get_last_lr() == [group["lr"]]
        found.append((group["lr"], group["momentum"]))
    return np.array(found)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_schedules_are_torchs(torch, name):
    np.testing.assert_allclose(
        rates(rushlight, SCHEDULES[name]), rates(torch, SCHEDULES[name]), rtol=1e-12
    )


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore:Detected call of")
def test_schedules_resume(name):
    np.testing.assert_allclose(
        rates(rushlight, SCHEDULES[name], resume_at=13), rates(rushlight, SCHEDULES[name])
    )


def test_reduce_on_plateau(torch):
    def program(T):
        optimizer = T.optim.SGD([T.zeros(1, requires_grad=True)], lr=1.0)
        schedule = T.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2, cooldown=1)
        found = []
        for value in [3, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1]:
            schedule.step(value)
            found.append(optimizer.param_groups[0]["lr"])
        return found

    assert program(rushlight) == program(torch)


def test_schedule_before_optimizer_warns():
    optimizer = optim.SGD([rushlight.zeros(1, requires_grad=True)], lr=1.0)
    schedule = optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"lr_scheduler.step\(\)` before"):
        schedule.step()


def test_an_optimizer_around_another_need_not_call_init():
    class Around(rushlight.optim.Optimizer):
        def __init__(self, inner):
            self.inner, self.param_groups = inner, inner.param_groups

        def step(self, closure=None):
            return self.inner.step(closure)

    weight = rushlight.nn.Parameter(rushlight.ones(2))
    outer = Around(rushlight.optim.SGD([weight], lr=0.5))
    seen = []
    outer.register_step_post_hook(lambda *_: seen.append("stepped"))
    weight.sum().backward()
    outer.step()
    outer.zero_grad()
    assert weight.tolist() == [0.5, 0.5]
    assert weight.grad is None
    assert seen == ["stepped"]
