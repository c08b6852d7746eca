"""Kullback-Leibler divergences next to PyTorch's, to samples, and the choice of a function."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import rushlight
from rushlight.distributions import Distribution, Normal, kl_divergence, register_kl

RNG = np.random.RandomState(7)


def positive(*shape):
    return RNG.uniform(0.5, 3.0, shape)


def real(*shape):
    return RNG.randn(*shape)


def spd(*shape):
    a = RNG.randn(*shape, shape[-1])
    return a @ a.swapaxes(-1, -2) + 2 * np.eye(shape[-1])


# Two or more parameter sets of each kind, in the order of the constructor.
PARAMETERS = {
    "Bernoulli": [([0.2, 0.9],), ([0.4, 0.5],), ([0.0, 1.0],), ([1.0, 1.0],)],
    "Beta": [(positive(2), positive(2)) for _ in range(2)],
    "Binomial": [(7, [0.2, 0.9]), (7, [0.4, 0.5]), (6, [0.4, 0.5])],
    "Categorical": [([0.2, 0.3, 0.5],), ([[0.5, 0.4, 0.1], [0.0, 0.5, 0.5]],)],
    "Cauchy": [(real(2), positive(2)) for _ in range(2)],
    "ContinuousBernoulli": [([0.2, 0.9],), ([0.4, 0.5],)],
    "Dirichlet": [(positive(2, 3),), (positive(3),)],
    "Exponential": [(positive(2),) for _ in range(2)],
    "Gamma": [(positive(2), positive(2)) for _ in range(2)],
    "Geometric": [([0.2, 0.9],), ([0.4, 0.5],)],
    "Gumbel": [(real(2), positive(2)) for _ in range(2)],
    "HalfNormal": [(positive(2),) for _ in range(2)],
    "Laplace": [(real(2), positive(2)) for _ in range(2)],
    "LogNormal": [(real(2), positive(2)) for _ in range(2)],
    "LowRankMultivariateNormal": [
        (real(3), real(3, 2), positive(3)), (real(2, 3), real(2, 3, 1), positive(2, 3)),
    ],
    "MultivariateNormal": [(real(3), spd(3)), (real(2, 3), spd(2, 3))],
    "Normal": [(real(2), positive(2)) for _ in range(2)],
    "OneHotCategorical": [([0.2, 0.3, 0.5],), ([0.5, 0.4, 0.1],)],
    "Pareto": [([1.0, 2.0], [0.7, 1.5]), ([0.5, 1.5], [2.5, 1.0]), ([1.0, 3.0], [4.0, 1.0])],
    "Poisson": [(positive(2),) for _ in range(2)],
    "Uniform": [
        ([0.1, 0.2], [0.7, 0.9]), ([0.0, -1.0], [1.0, 0.5]), ([0.2, 2.0], [0.5, 4.0]),
        ([-1.0, -1.0], [2.0, 1.5]),
    ],
}  # fmt: skip


def make(T, name, values):
    params = [T.tensor(np.asarray(v, np.float64)) if not isinstance(v, int) else v for v in values]
    kind = getattr(T.distributions, name)
    if name in ("Bernoulli", "Binomial", "Categorical", "OneHotCategorical"):
        return kind(*params[:-1], probs=params[-1])
    return kind(*params)


def pairs_in(torch):
    from torch.distributions.kl import _KL_REGISTRY

    named = {(p.__name__, q.__name__) for p, q in _KL_REGISTRY}
    abstract = {"ExponentialFamily", "TransformedDistribution", "Independent"}
    return sorted(pair for pair in named if not abstract & set(pair))


def test_every_pair_of_pytorch_is_there(torch):
    from rushlight.distributions import kl
    from rushlight.distributions._kl_registry import _registry

    assert kl.__all__ == ["kl_divergence", "register_kl"]
    ours = {(p.__name__, q.__name__) for p, q in _registry if p.__module__.startswith("rushlight")}
    from torch.distributions.kl import _KL_REGISTRY

    assert {(p.__name__, q.__name__) for p, q in _KL_REGISTRY} <= ours


@pytest.mark.parametrize("name", PARAMETERS)
def test_values(torch, name):
    compared = 0
    others = [q for p, q in pairs_in(torch) if p == name] or [name]
    for other in others:
        for a in PARAMETERS[name]:
            for b in PARAMETERS[other]:
                results = []
                for T in (rushlight, torch):
                    p, q = make(T, name, a), make(T, other, b)
                    try:
                        result = T.distributions.kl_divergence(p, q).numpy()
                    except (NotImplementedError, ValueError, IndexError) as error:
                        result = error
                    results.append(result)
                ours, theirs = results
                if isinstance(theirs, IndexError):  # PyTorch masks without broadcasting
                    continue
                if isinstance(theirs, Exception):
                    assert type(ours) is type(theirs), (name, other, ours)
                    assert str(ours) == str(theirs)
                    continue
                np.testing.assert_allclose(ours, theirs, 1e-9, 1e-9, err_msg=f"{a} | {other}{b}")
                assert ours.dtype == theirs.dtype
                compared += 1
    assert compared


@pytest.mark.parametrize("name", PARAMETERS)
def test_gradients(torch, name):
    for other in [q for p, q in pairs_in(torch) if p == name]:
        found = []
        for T in (rushlight, torch):
            sets = [
                [T.tensor(np.asarray(v, np.float64), requires_grad=True) for v in values]
                for values in (PARAMETERS[name][0], PARAMETERS[other][1])
            ]
            if name == "Binomial":
                sets = [[7, s[1]] for s in sets]
            if name == "Poisson" and other == "Binomial":
                continue
            kinds = (getattr(T.distributions, name), getattr(T.distributions, other))
            p, q = (kind(*s) for kind, s in zip(kinds, sets, strict=True))
            divergence = T.distributions.kl_divergence(p, q)
            if divergence.isfinite().all() and divergence.requires_grad:
                divergence.sum().backward()
            leaves = [x for s in sets for x in s if not isinstance(x, int)]
            found.append([None if x.grad is None else x.grad.numpy() for x in leaves])
        for ours, theirs in zip(*(found or [[], []]), strict=True):
            if theirs is not None and np.isfinite(theirs).all():
                assert ours is not None, (name, other)
                np.testing.assert_allclose(ours, theirs, 1e-7, 1e-7, err_msg=other)


@pytest.mark.parametrize(
    ("name", "other"),
    [("Beta", "Normal"), ("Gamma", "Gumbel"), ("Normal", "Laplace"), ("Uniform", "Beta"),
     ("MultivariateNormal", "LowRankMultivariateNormal"), ("Exponential", "Gumbel")],
)  # fmt: skip
def test_by_drawing(name, other):
    """KL = E_p[log p - log q]: needs no PyTorch."""
    p, q = (make(rushlight, kind, PARAMETERS[kind][0]) for kind in (name, other))
    x = p.sample((20000,))
    drawn = p.log_prob(x) - q.log_prob(x)
    error = drawn.std(0) / 20000**0.5
    assert ((drawn.mean(0) - kl_divergence(p, q)).abs() < 5 * error + 1e-3).all()


def test_of_distributions_made_from_others(T):
    D = T.distributions
    p = D.Independent(D.Normal(T.zeros(2, 3), 1.0), 1)
    q = D.Independent(D.Normal(T.ones(2, 3), 1.0), 1)
    assert D.kl_divergence(p, q).tolist() == [1.5, 1.5]
    with pytest.raises(NotImplementedError):
        D.kl_divergence(p, D.Independent(D.Normal(T.ones(2, 3), 1.0), 2))
    p, q = (D.TransformedDistribution(D.Normal(m, 1.0), D.ExpTransform()) for m in (0.0, 1.0))
    assert D.kl_divergence(p, q).item() == pytest.approx(0.5)
    with pytest.raises(NotImplementedError):
        D.kl_divergence(p, D.TransformedDistribution(D.Normal(0.0, 1.0), D.TanhTransform()))


def test_pairs_that_are_not_there(T):
    D = T.distributions
    with pytest.raises(NotImplementedError) as error:
        D.kl_divergence(D.Cauchy(0.0, 1.0), D.Normal(0.0, 1.0))
    assert str(error.value) == ("No KL(p || q) is implemented for p type Cauchy and q type Normal")
    with pytest.raises(NotImplementedError, match="Bregman"):
        D.kl_divergence(D.Bernoulli(0.5), D.Beta(1.0, 1.0))


def test_a_family_without_a_function_of_its_own():
    """The Bregman divergence of the normalizers, next to the closed form."""
    from rushlight.distributions._kl_same import _exponential_family

    for name in ("Normal", "Gamma", "Beta", "Dirichlet", "Bernoulli", "Poisson", "Exponential"):
        p, q = (make(rushlight, name, values) for values in PARAMETERS[name][:2])
        assert rushlight.allclose(_exponential_family(p, q), kl_divergence(p, q)), name


def test_the_most_specific_pair_wins():
    class Base(Normal):
        pass

    class Derived(Base):
        pass

    register_kl(Base, Normal)(lambda p, q: "base")
    assert kl_divergence(Derived(0.0, 1.0), Base(0.0, 1.0)) == "base"
    register_kl(Derived, Derived)(lambda p, q: "derived")
    assert kl_divergence(Derived(0.0, 1.0), Derived(0.0, 1.0)) == "derived"
    assert kl_divergence(Normal(0.0, 1.0), Derived(0.0, 1.0)).item() == 0.0
    register_kl(Normal, Derived)(lambda p, q: "other side")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match=r"Ambiguous kl_divergence\(Base, Derived\)"):
            kl_divergence(Base(0.0, 1.0), Derived(0.0, 1.0))


def test_what_can_be_registered():
    with pytest.raises(TypeError, match="Expected type_p to be a Distribution subclass"):
        register_kl(3, Normal)
    with pytest.raises(TypeError, match="Expected type_q to be a Distribution subclass"):
        register_kl(Distribution, 3)
