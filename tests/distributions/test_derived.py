"""Distributions made from others, next to PyTorch's: values, gradients, samples, words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import rushlight


class Case(NamedTuple):
    """How to make a distribution, in either framework."""

    name: str
    args: tuple

    def make(self, T, requires_grad=False, **options):
        params = [_param(a, T, requires_grad) for a in self.args]
        home = T.distributions
        for part in self.name.split(".")[:-1]:
            home = getattr(home, part)
        return getattr(home, self.name.split(".")[-1])(*params, **options), params


def _param(value, T, requires_grad):
    if isinstance(value, np.ndarray):
        return T.tensor(value, requires_grad=requires_grad and value.dtype.kind == "f")
    return value


def f32(*values):
    return np.array(values if len(values) > 1 else values[0], np.float32)


def f64(*values):
    return np.array(values if len(values) > 1 else values[0], np.float64)


CASES = [
    Case("LogNormal", (f64(0.5, -1.0), f64(0.4, 2.0))),
    Case("LogNormal", (0.0, 1.0)),
    Case("HalfNormal", (f64(0.5, 2.0),)),
    Case("HalfCauchy", (f64(0.5, 2.0),)),
    Case("HalfCauchy", (1.5,)),
    Case("Gumbel", (f64(0.5, -1.0), f64(0.4, 2.0))),
    Case("Gumbel", (0.0, 1.0)),
    Case("Kumaraswamy", (f64(0.5, 2.0, 3.0), f64(0.7, 1.5, 4.0))),
    Case("Pareto", (f64(0.5, 2.0, 1.0), f64(0.7, 1.5, 4.0))),
    Case("Weibull", (f64(0.5, 2.0), f64(1.7, 3.0))),
    Case("LogisticNormal", (f64([[0.5, -1.0], [0.0, 2.0]]), f64(0.4, 2.0))),
    Case("LogisticNormal", (f64(0.3), f64(2.0))),
    Case("InverseGamma", (f64(0.5, 2.0, 5.0), f64(0.7, 1.5, 4.0))),
    # In float64 PyTorch's density fails: it compares the concentration with a float32 zero.
    Case("GeneralizedPareto", (f32(0.0, 1.0, -1.0), f32(1.0, 0.5, 2.0), f32(0.3, -0.4, 0.0))),
    Case("GeneralizedPareto", (0.0, 1.0, 0.25)),
    Case("RelaxedBernoulli", (f64(0.7), f64(0.2, 0.9))),
    Case("relaxed_bernoulli.LogitRelaxedBernoulli", (f64(0.7), f64(0.2, 0.9))),
    Case("RelaxedOneHotCategorical", (f64(0.7), f64([0.2, 0.3, 0.5], [0.1, 0.1, 0.8]))),
    Case("relaxed_categorical.ExpRelaxedCategorical", (f64(0.7), f64(0.2, 0.3, 0.5))),
    Case("LKJCholesky", (4, f64(0.5, 3.0))),
    Case("LKJCholesky", (2, 1.0)),
]  # fmt: skip
IDS = [f"{case.name}-{i}" for i, case in enumerate(CASES)]


@pytest.fixture(params=CASES, ids=IDS)
def case(request):
    return request.param


def outcome(function, *args):
    """Return what a function returns, or the type of what it raises."""
    try:
        return function(*args)
    except (NotImplementedError, ValueError, RuntimeError) as error:
        return type(error)


def same(ours, theirs, tolerance=1e-9):
    if isinstance(theirs, type):
        assert ours is theirs
        return
    ours, theirs = ours.detach().numpy(), theirs.detach().numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, tolerance, tolerance)


def exact_for(case):
    return 1e-9 if any(getattr(a, "dtype", None) == np.float64 for a in case.args) else 1e-5


def test_shapes_and_words(case, torch):
    ours, theirs = case.make(rushlight)[0], case.make(torch)[0]
    assert repr(ours) == repr(theirs)
    assert repr(ours.support) == repr(theirs.support) or case.name in (
        "Pareto",
        "GeneralizedPareto",
    )
    assert tuple(ours.batch_shape) == tuple(theirs.batch_shape)
    assert tuple(ours.event_shape) == tuple(theirs.event_shape)
    assert ours.has_rsample == theirs.has_rsample
    assert repr(ours.arg_constraints) == repr(theirs.arg_constraints)


@pytest.mark.parametrize("what", ["mean", "mode", "variance", "stddev", "entropy"])
def test_moments(case, torch, what):
    found = []
    for T in (rushlight, torch):
        made, params = case.make(T, requires_grad=True)
        value = outcome(
            lambda made=made: made.entropy() if what == "entropy" else getattr(made, what)
        )
        leaves = [p for p in params if getattr(p, "requires_grad", False)]
        if not isinstance(value, type) and value.requires_grad:
            value.sum().backward()
        found.append((value, [p.grad for p in leaves]))
    same(found[0][0], found[1][0], exact_for(case))
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            same(ours, theirs, 10 * exact_for(case))


@pytest.mark.parametrize("shape", [(), (3,), (2, 10)])
def test_samples(case, torch, shape):
    found = []
    for T in (rushlight, torch):
        T.manual_seed(3)
        found.append(case.make(T)[0].sample(shape))
    same(*found, 1e-6)


def test_samples_have_gradients(case, torch):
    found = []
    for T in (rushlight, torch):
        T.manual_seed(3)
        made, params = case.make(T, requires_grad=True)
        if not made.has_rsample and "LogitRelaxed" not in case.name:
            with pytest.raises(NotImplementedError):
                made.rsample()
            continue
        (made.rsample((5,)) ** 2).sum().backward() if any(
            getattr(p, "requires_grad", False) for p in params
        ) else None
        found.append([p.grad for p in params if getattr(p, "requires_grad", False)])
    for ours, theirs in zip(*(found or [[], []]), strict=True):
        # PyTorch approximates the derivative of a gamma variable by its parameter.
        same(ours, theirs, 1e-3 if case.name == "InverseGamma" else 1e-6)


def test_densities(case, torch):
    torch.manual_seed(5)
    values = case.make(torch)[0].sample((6,)).numpy()
    found = []
    for T in (rushlight, torch):
        made, params = case.make(T, requires_grad=True)
        x = T.tensor(values, requires_grad=True)
        density = made.log_prob(x)
        density.sum().backward()
        found.append(
            (density, [p.grad for p in [*params, x] if getattr(p, "requires_grad", False)])
        )
    same(found[0][0], found[1][0], exact_for(case))
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        same(ours, theirs, 100 * exact_for(case))


@pytest.mark.parametrize("what", ["cdf", "icdf"])
def test_distribution_functions(case, torch, what):
    torch.manual_seed(5)
    values = case.make(torch)[0].sample((6,)).numpy()
    if what == "icdf":
        values = np.linspace(0.1, 0.9, values.size).reshape(values.shape).astype(values.dtype)
    found = []
    for T in (rushlight, torch):
        found.append(outcome(lambda T=T: getattr(case.make(T)[0], what)(T.tensor(values))))
    same(*found, max(1e-7, exact_for(case)))


def test_expand(case, torch):
    found = []
    for T in (rushlight, torch):
        made = case.make(T)[0]
        wider = made.expand((4, *made.batch_shape))
        assert wider.batch_shape == (4, *made.batch_shape)
        assert type(wider) is type(made)
        T.manual_seed(1)
        values = wider.sample()
        found.append((values, wider.log_prob(values)))
    same(found[0][0], found[1][0], 1e-6)
    same(found[0][1], found[1][1], 1e-4)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("LogNormal", (0.0, -1.0)),
        ("HalfNormal", (-1.0,)),
        ("HalfCauchy", (0.0,)),
        ("Gumbel", (0.0, -1.0)),
        ("Kumaraswamy", (0.0, 1.0)),
        ("Pareto", (1.0, -1.0)),
        ("Weibull", (1.0, 0.0)),
        ("InverseGamma", (1.0, 0.0)),
        ("GeneralizedPareto", (1.0, 0.0, 1.0)),
        ("LKJCholesky", (1, 1.0)),
        ("LKJCholesky", (3, -1.0)),
        ("RelaxedBernoulli", (f32(1.0),)),
        ("RelaxedBernoulli", (f32(1.0), f32(0.5, 1.5))),
        ("RelaxedOneHotCategorical", (f32(1.0),)),
    ],
)
def test_errors(name, args, torch):
    case = Case(name, args)
    words = []
    for T in (rushlight, torch):
        with pytest.raises(ValueError) as error:  # noqa: PT011  the words are compared
            case.make(T)
        words.append(str(error.value))
    assert words[0] == words[1]


def test_values_outside_the_support(case, torch):
    words, unchecked = [], []
    for T in (rushlight, torch):
        made = case.make(T)[0]
        value = T.full((*made.batch_shape, *made.event_shape), float("nan"))
        with pytest.raises(ValueError, match="within the support") as error:
            made.log_prob(value)
        words.append(str(error.value))
        trusting = case.make(T, validate_args=False)[0]
        unchecked.append(outcome(lambda made=trusting, value=value: made.log_prob(value)))
    assert words[0] == words[1]
    same(*unchecked)
