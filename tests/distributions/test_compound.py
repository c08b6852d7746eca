"""Transformed, joined and mixed distributions, next to PyTorch's and to what must hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

import rushlight
from rushlight import distributions as D


def double(T, values):
    return T.tensor(values, dtype=T.float64)


# Each made in either framework, by T.
CASES = {
    "tanh": lambda T, D: D.TransformedDistribution(
        D.Normal(double(T, [0.0, 1.0]), double(T, [1.0, 0.5])), [D.TanhTransform(cache_size=1)]
    ),
    "logistic": lambda T, D: D.TransformedDistribution(
        D.Uniform(double(T, 0.0), double(T, 1.0)),
        [D.SigmoidTransform().inv, D.AffineTransform(double(T, [1.0, 2.0]), double(T, -2.0))],
    ),
    "wider parameters": lambda T, D: D.TransformedDistribution(
        D.Normal(double(T, 0.0), double(T, 1.0)), D.AffineTransform(double(T, [1.0, 2.0]), 3.0)
    ),
    "joins the batch": lambda T, D: D.TransformedDistribution(
        D.Normal(double(T, [[0.0, 1.0, 2.0]] * 2), 1.0),
        [D.ExpTransform(), D.AffineTransform(double(T, [1.0] * 3), double(T, [2.0] * 3), 1)],
    ),
    "simplex": lambda T, D: D.TransformedDistribution(
        D.Normal(double(T, [[0.0, 1.0, 2.0]] * 2), 1.0), D.StickBreakingTransform()
    ),
    "of vectors": lambda T, D: D.TransformedDistribution(
        D.MultivariateNormal(double(T, [0.0, 1.0]), 2 * T.eye(2, dtype=T.float64)),
        [D.ReshapeTransform((2,), (1, 2)), D.ExpTransform()],
    ),
    "no transform": lambda T, D: D.TransformedDistribution(D.Normal(double(T, 0.0), 1.0), []),
    "diagonal": lambda T, D: D.Independent(D.Normal(double(T, [[0.0, 1.0]] * 3), 2.0), 1),
    "nothing joined": lambda T, D: D.Independent(D.Gamma(double(T, [1.0, 2.0]), 2.0), 0),
    "joined twice": lambda T, D: D.Independent(
        D.Independent(D.Laplace(double(T, [[0.0, 1.0]] * 3), 2.0), 1), 1
    ),
    "bits": lambda T, D: D.Independent(D.Bernoulli(double(T, [[0.2, 0.5]] * 3)), 2),
    "mixture": lambda T, D: D.MixtureSameFamily(
        D.Categorical(double(T, [0.2, 0.8])),
        D.Normal(double(T, [-1.0, 2.0]), double(T, [1.0, 0.5])),
    ),
    "mixtures": lambda T, D: D.MixtureSameFamily(
        D.Categorical(double(T, [[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])),
        D.Normal(double(T, [[-1.0, 2.0]] * 3), 1.0),
    ),
    "one choice for all": lambda T, D: D.MixtureSameFamily(
        D.Categorical(double(T, [0.2, 0.8])), D.Normal(double(T, [[-1.0, 2.0]] * 3), 1.0)
    ),
    "mixture of vectors": lambda T, D: D.MixtureSameFamily(
        D.Categorical(double(T, [[0.2, 0.8], [0.5, 0.5]])),
        D.Independent(D.Normal(double(T, np.arange(12).reshape(2, 2, 3).tolist()), 1.0), 1),
    ),
    "mixture of matrices": lambda T, D: D.MixtureSameFamily(
        D.Categorical(double(T, [0.2, 0.8])),
        D.MultivariateNormal(double(T, [[0.0, 1.0], [3.0, 2.0]]), T.eye(2, dtype=T.float64)),
    ),
    "mixture of counts": lambda T, D: D.MixtureSameFamily(
        D.Categorical(double(T, [0.2, 0.8])), D.Poisson(double(T, [1.0, 9.0]))
    ),
}  # fmt: skip
VALUES = ["mean", "variance", "stddev", "mode"]


@pytest.fixture(params=CASES)
def name(request):
    return request.param


def outcome(function, *args):
    try:
        return function(*args)
    except (NotImplementedError, ValueError, RuntimeError) as error:
        return type(error)


def same(ours, theirs, tolerance=1e-9):
    if isinstance(theirs, type):
        assert ours is theirs
        return
    ours, theirs = ours.numpy(), theirs.numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, tolerance, tolerance)


def pair(name, torch):
    return CASES[name](rushlight, D), CASES[name](torch, torch.distributions)


def test_descriptions(name, torch):
    ours, theirs = pair(name, torch)
    for what in ("batch_shape", "event_shape", "has_rsample", "has_enumerate_support"):
        assert getattr(ours, what) == getattr(theirs, what)
    assert repr(ours) == repr(theirs)
    assert repr(ours.support) == repr(theirs.support)
    assert ours.support.event_dim == theirs.support.event_dim
    assert ours.support.is_discrete == theirs.support.is_discrete
    for what in VALUES:
        same(outcome(getattr, ours, what), outcome(getattr, theirs, what))
    same(outcome(ours.entropy), outcome(theirs.entropy))


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_samples_and_densities(name, torch, shape):
    drawn, densities, below = [], [], []
    if name == "one choice for all":
        for made in pair(name, torch):
            with pytest.raises(RuntimeError, match="same number of dimensions"):
                made.sample(shape)
        return
    for T, made in zip((rushlight, torch), pair(name, torch), strict=True):
        T.manual_seed(2)
        drawn.append(made.sample(shape))
        assert made.support.check(drawn[-1]).all()
        value = T.tensor(drawn[0].numpy())
        densities.append(made.log_prob(value))
        below.append(outcome(made.cdf, value))
    same(*drawn)
    same(*densities)
    same(*below)


def test_expanding(name, torch):
    drawn = []
    for T, made in zip((rushlight, torch), pair(name, torch), strict=True):
        wider = made.expand((4, *made.batch_shape))
        assert wider.batch_shape == (4, *made.batch_shape)
        assert wider.event_shape == made.event_shape
        T.manual_seed(2)
        drawn.append(wider.sample((2,)))
        assert wider.log_prob(drawn[-1]).shape == (2, 4, *made.batch_shape)
    same(*drawn)


def test_quantiles(torch):
    for name in ("tanh", "logistic", "wider parameters"):
        ours, theirs = pair(name, torch)
        at = np.array([[0.1, 0.5], [0.7, 0.99]])
        same(ours.icdf(rushlight.tensor(at)), theirs.icdf(torch.tensor(at)))
        assert np.allclose(ours.cdf(ours.icdf(rushlight.tensor(at))).numpy(), at)


def test_gradients_of_squashed_samples(T):
    """With a cache the density of a sample is exact however near to 1 it is."""
    D = T.distributions
    loc = T.tensor([12.0, -9.0], requires_grad=True)
    policy = D.TransformedDistribution(D.Normal(loc, 0.1), [D.TanhTransform(cache_size=1)])
    assert policy.rsample().abs().max() == 1.0
    policy = D.TransformedDistribution(
        D.Normal(loc, 0.1), [D.TanhTransform(cache_size=1)], validate_args=False
    )
    action = policy.rsample()
    policy.log_prob(action).sum().backward()
    assert T.isfinite(loc.grad).all()
    assert loc.grad.tolist() == pytest.approx([2.0, -2.0], abs=1e-3)


def test_wrong_transforms(T):
    D = T.distributions
    normal = D.Normal(T.zeros(2), 1.0)
    with pytest.raises(ValueError, match="transforms must be a Transform or list, but was 3"):
        D.TransformedDistribution(normal, 3)
    with pytest.raises(ValueError, match="transforms must be a Transform or a list of Transforms"):
        D.TransformedDistribution(normal, [3])
    with pytest.raises(ValueError, match="needs to have shape with size at least 1"):
        D.TransformedDistribution(D.Normal(0.0, 1.0), D.StickBreakingTransform())
    with pytest.raises(ValueError, match="actual 2 vs 1"):
        D.Independent(normal, 2)
    with pytest.raises(NotImplementedError, match="Enumeration over cartesian product"):
        D.Independent(D.Bernoulli(T.ones(2) / 2), 1).enumerate_support()
    assert D.Independent(D.Bernoulli(T.ones(2) / 2), 0).enumerate_support().shape == (2, 2)


def test_wrong_mixtures(T):
    D = T.distributions
    two, normal = D.Categorical(T.ones(2)), D.Normal(T.zeros(2), 1.0)
    with pytest.raises(ValueError, match="The Mixture distribution needs to be an  instance"):
        D.MixtureSameFamily(normal, normal)
    with pytest.raises(ValueError, match="The Component distribution needs to be an instance"):
        D.MixtureSameFamily(two, 3)
    with pytest.raises(ValueError, match=r"component` \(2\) does not equal .* \(3\)"):
        D.MixtureSameFamily(two, D.Normal(T.zeros(3), 1.0))
    with pytest.raises(ValueError, match="is not compatible with"):
        D.MixtureSameFamily(D.Categorical(T.ones(4, 2)), D.Normal(T.zeros(3, 2), 1.0))
    with pytest.raises(ValueError, match="within the support"):
        D.MixtureSameFamily(two, D.Uniform(T.tensor([0.0, 1.0]), 2.0)).log_prob(T.tensor(0.5))
    with pytest.raises(NotImplementedError):
        D.MixtureSameFamily(two, normal).rsample()


# --- what must hold, without PyTorch ---


NUMBERS = [
    D.LogNormal(0.3, 0.5), D.HalfNormal(2.0), D.HalfCauchy(1.0), D.Gumbel(1.0, 2.0),
    D.Kumaraswamy(2.0, 3.0), D.Pareto(1.0, 3.0), D.Weibull(2.0, 1.5), D.InverseGamma(3.5, 2.0),
    D.GeneralizedPareto(1.0, 2.0, 0.2), D.GeneralizedPareto(1.0, 2.0, -0.5),
    D.RelaxedBernoulli(rushlight.tensor(0.8), probs=0.3),
    D.MixtureSameFamily(
        D.Categorical(rushlight.tensor([0.3, 0.7])), D.Normal(rushlight.tensor([-2.0, 1.0]), 0.8)
    ),
]  # fmt: skip


@pytest.fixture(params=NUMBERS, ids=lambda d: type(d).__name__)
def made(request):
    return request.param


def grid_of(made):
    """Return points that share out most of the probability."""
    low, high = made.sample((4000,)).quantile(rushlight.tensor([0.005, 0.995]))
    return rushlight.linspace(low.item(), high.item(), 4001, dtype=rushlight.float64)


def test_densities_integrate_to_what_lies_between(made):
    x = grid_of(made)
    weight = made.log_prob(x).exp()
    total = ((weight[1:] + weight[:-1]) / 2).sum() * (x[1] - x[0])
    assert total.item() == pytest.approx(0.99, abs=0.012)
    if not isinstance(made, D.RelaxedBernoulli):
        below = made.cdf(x)
        assert (below.diff() >= 0).all()
        assert total.item() == pytest.approx((below[-1] - below[0]).item(), abs=2e-3)


def test_moments_are_those_of_samples(made):
    if isinstance(made, (D.HalfCauchy, D.RelaxedBernoulli)):
        pytest.skip("has none, or none in closed form")
    x = made.sample((40000,))
    error = x.std().item() / 200
    assert x.mean().item() == pytest.approx(made.mean.item(), abs=6 * error)
    if not isinstance(made, (D.Pareto, D.InverseGamma)):  # whose fourth moments are infinite
        assert x.std().item() == pytest.approx(made.stddev.item(), rel=0.1)
    if not isinstance(made, D.MixtureSameFamily):
        drawn = -made.log_prob(x)
        error = drawn.std().item() / 200
        if not isinstance(made, D.GeneralizedPareto) or made.concentration > 0:
            assert made.entropy().item() == pytest.approx(drawn.mean().item(), abs=6 * error)


def test_known_values():
    assert D.Pareto(2.0, 1.0).mean.item() == math.inf
    assert D.Weibull(2.0, 2.0).mean.item() == pytest.approx(math.sqrt(math.pi))
    assert D.HalfNormal(1.0).icdf(rushlight.tensor(0.6827)).item() == pytest.approx(1, abs=1e-3)
    assert D.Kumaraswamy(1.0, 1.0).entropy().item() == pytest.approx(0, abs=1e-6)
    assert D.Gumbel(0.0, 1.0).cdf(rushlight.tensor(0.0)).item() == pytest.approx(math.exp(-1))
    assert D.InverseGamma(1.0, 1.0).variance.item() == math.inf
    uniform = D.LKJCholesky(2, 1.0)  # of a correlation between -1 and 1
    factor = uniform.sample((4000,))
    assert factor[:, 1, 0].var().item() == pytest.approx(1 / 3, abs=0.03)
    assert (factor @ factor.mT).diagonal(dim1=-2, dim2=-1).sub(1).abs().max().item() < 1e-5


def test_low_temperatures_are_nearly_discrete():
    cold = rushlight.tensor(0.05)
    probs = rushlight.tensor([0.1, 0.3, 0.6])
    x = D.RelaxedOneHotCategorical(cold, probs).sample((4000,))
    assert (x.max(-1)[0] > 0.9).float().mean().item() > 0.85
    assert x.mean(0).tolist() == pytest.approx(probs.tolist(), abs=0.04)
    y = D.RelaxedBernoulli(cold, probs=0.3).sample((4000,))
    assert y.mean().item() == pytest.approx(0.3, abs=0.04)
