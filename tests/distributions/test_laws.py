"""Laws that hold whatever the oracle: densities sum to 1, quantiles invert, draws have moments."""

from __future__ import annotations

import math

import numpy as np
import pytest

import rushlight
from rushlight import distributions as D
from rushlight.autograd import gradcheck


def f64(*values):
    return rushlight.tensor(values if len(values) > 1 else values[0], dtype=rushlight.float64)


CONTINUOUS = {
    "Normal": (lambda a, b: D.Normal(a, b), (0.5, 2.0), (-40, 40)),
    "Uniform": (lambda a, b: D.Uniform(a, b), (-0.5, 2.0), (-0.5, 2.0)),
    "Exponential": (lambda a: D.Exponential(a), (1.7,), (0, 30)),
    "Laplace": (lambda a, b: D.Laplace(a, b), (0.25, 0.75), (-40, 40)),
    "Cauchy": (lambda a, b: D.Cauchy(a, b), (0.5, 0.1), (-1000, 1000)),
    "Gamma": (lambda a, b: D.Gamma(a, b), (2.5, 1.5), (0, 40)),
    "Chi2": (lambda a: D.Chi2(a), (4.5,), (0, 80)),
    "Beta": (lambda a, b: D.Beta(a, b), (1.5, 2.5), (0, 1)),
    "StudentT": (lambda a, b, c: D.StudentT(a, b, c), (6.0, 0.5, 1.5), (-400, 400)),
    "FisherSnedecor": (lambda a, b: D.FisherSnedecor(a, b), (5.0, 12.0), (0, 500)),
    "ContinuousBernoulli": (lambda a: D.ContinuousBernoulli(a), (0.3,), (0, 1)),
    "VonMises": (lambda a, b: D.VonMises(a, b), (0.5, 2.0), (-math.pi, math.pi)),
}
DISCRETE = {
    "Bernoulli": (lambda a: D.Bernoulli(a), (0.3,), 2),
    "Binomial": (lambda a: D.Binomial(17, a), (0.3,), 18),
    "Geometric": (lambda a: D.Geometric(a), (0.3,), 200),
    "NegativeBinomial": (lambda a, b: D.NegativeBinomial(a, b), (3.5, 0.4), 200),
    "Poisson": (lambda a: D.Poisson(a), (6.5,), 60),
}
FAMILIES = {**CONTINUOUS, **DISCRETE}


def made(name, shape=()):
    build, numbers, _ = FAMILIES[name]
    return build(*(rushlight.full(shape, n, dtype=rushlight.float64) for n in numbers))


def grid(name):
    """Return midpoints and widths of cells over the support, narrower towards its ends."""
    low, high = CONTINUOUS[name][2]
    steps = np.linspace(0, 1, 200001)
    edges = low + (high - low) * steps**2 * (3 - 2 * steps)
    return f64((edges[1:] + edges[:-1]) / 2), f64(np.diff(edges))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities_integrate_to_one(name):
    x, width = grid(name)
    family = made(name)
    density = family.log_prob(x).exp()
    assert (density * width).sum().item() == pytest.approx(1, abs=1e-3)
    if name not in ("Cauchy", "VonMises"):
        mean = (density * width * x).sum()
        assert mean.item() == pytest.approx(family.mean.item(), abs=1e-3)
        variance = (density * width * (x - mean) ** 2).sum().item()
        assert variance == pytest.approx(family.variance.item(), rel=2e-3)


@pytest.mark.parametrize("name", [n for n in CONTINUOUS if n not in ("FisherSnedecor", "VonMises")])
def test_entropies_are_mean_log_densities(name):
    x, width = grid(name)
    log_density = made(name).log_prob(x)
    entropy = -(log_density.exp() * width * log_density).sum().item()
    assert entropy == pytest.approx(made(name).entropy().item(), abs=5e-3)


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_sum_to_one(name):
    family = made(name)
    k = rushlight.arange(DISCRETE[name][2], dtype=rushlight.float64)
    chances = family.log_prob(k).exp()
    assert chances.sum().item() == pytest.approx(1, abs=1e-9)
    mean = (chances * k).sum()
    assert mean.item() == pytest.approx(family.mean.item(), rel=1e-6)
    assert (chances * (k - mean) ** 2).sum().item() == pytest.approx(family.variance.item())
    if name not in ("NegativeBinomial", "Poisson"):
        entropy = -(chances * chances.log()).nansum().item()
        assert entropy == pytest.approx(family.entropy().item())


INVERTIBLE = ["Normal", "Uniform", "Exponential", "Laplace", "Cauchy", "ContinuousBernoulli"]


@pytest.mark.parametrize("name", [*INVERTIBLE, "Gamma", "Chi2"])
def test_distribution_functions_integrate_densities(name):
    x, width = grid(name)
    below = (made(name).log_prob(x).exp() * width).cumsum(0)[::1000]
    offset = 2e-3 if name == "Cauchy" else 5e-4
    np.testing.assert_allclose(made(name).cdf(x[::1000]).numpy(), below.numpy(), atol=offset)


@pytest.mark.parametrize("name", INVERTIBLE)
def test_quantiles_invert(name):
    chances = rushlight.linspace(0.01, 0.99, 41, dtype=rushlight.float64)
    family = made(name)
    np.testing.assert_allclose(family.cdf(family.icdf(chances)).numpy(), chances.numpy(), 1e-10)


@pytest.mark.parametrize("name", [n for n in FAMILIES if n not in ("Cauchy", "VonMises")])
def test_moments_of_samples(name):
    family = made(name, (2,))
    x = family.sample((10000,))
    assert x.shape == (10000, 2)
    assert family.support.check(x).all()
    error = 6 * (family.variance / 10000).sqrt()
    assert ((x.mean(0) - family.mean).abs() < error).all()
    np.testing.assert_allclose(x.var(0).numpy(), family.variance.numpy(), 0.3)


def test_directions_of_von_mises_samples():
    for concentration in (1e-5, 0.5, 4.0, 500.0):
        family = D.VonMises(f64(3.0), f64(concentration))
        x = family.sample((20000,))
        assert (x >= -math.pi).all()
        assert (x < math.pi).all()
        length = (x - 3.0).cos().mean().item()
        assert length == pytest.approx(1 - family.variance.item(), abs=0.03)
        assert abs((x - 3.0).sin().mean().item()) < 0.03


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_of_densities(name):
    build, numbers, _ = FAMILIES[name]
    values = made(name, (3,)).sample().clone()
    leaves = [f64(n).requires_grad_() for n in numbers]
    assert gradcheck(lambda *p: build(*p).log_prob(values), leaves)
    if name in CONTINUOUS and name != "Uniform":
        assert gradcheck(lambda x: made(name).log_prob(x), [values.requires_grad_()])


@pytest.mark.parametrize("name", ["Normal", "Uniform", "Exponential", "Laplace", "Cauchy"])
def test_gradients_of_samples(name):
    build, numbers, _ = FAMILIES[name]

    def draw(*parameters):
        rushlight.manual_seed(7)
        return build(*parameters).rsample((4,))

    assert gradcheck(draw, [f64(n).requires_grad_() for n in numbers])


# --- vectors and matrices ---


def covariance(seed=0, n=3):
    a = np.random.default_rng(seed).normal(size=(n, n))
    return f64(a @ a.T + n * np.eye(n))


def test_one_normal_by_three_matrices():
    C, x = covariance(), f64(np.random.default_rng(1).normal(size=(5, 3)))
    factor = rushlight.linalg.cholesky(C)
    loc = f64(1.0, 0.0, -1.0)
    made = [
        D.MultivariateNormal(loc, C),
        D.MultivariateNormal(loc, precision_matrix=rushlight.linalg.inv(C)),
        D.MultivariateNormal(loc, scale_tril=factor),
    ]
    away = x - loc
    squares = (away @ rushlight.linalg.inv(C) * away).sum(-1)
    density = -0.5 * (squares + 3 * math.log(2 * math.pi) + rushlight.logdet(C))
    for family in made:
        np.testing.assert_allclose(family.log_prob(x).numpy(), density.numpy(), 1e-10)
        np.testing.assert_allclose(family.covariance_matrix.numpy(), C.numpy(), 1e-10)
        np.testing.assert_allclose(family.scale_tril.numpy(), factor.numpy(), 1e-9, 1e-12)
        np.testing.assert_allclose((family.precision_matrix @ C).numpy(), np.eye(3), atol=1e-10)


def test_batches_of_normals_are_independent():
    loc, C = rushlight.zeros(4, 1, 3).double(), rushlight.stack([covariance(s) for s in (1, 2)])
    family = D.MultivariateNormal(loc, C)
    x = family.sample((6, 5))
    assert x.shape == (6, 5, 4, 2, 3)
    one = D.MultivariateNormal(loc[0, 0], C[1])
    np.testing.assert_allclose(
        family.log_prob(x)[..., 1].numpy(), one.log_prob(x[..., 1, :]).numpy(), 1e-12
    )
    spread = D.MultivariateNormal(loc[0, 0], C[1]).sample((20000,)).T.cov()
    np.testing.assert_allclose(spread.numpy(), C[1].numpy(), atol=0.35)


def test_low_rank_is_the_same_normal():
    rng = np.random.default_rng(3)
    W, diagonal = f64(rng.normal(size=(2, 4, 2))), f64(rng.uniform(0.5, 2, 4))
    loc = f64(rng.normal(size=4))
    low = D.LowRankMultivariateNormal(loc, W, diagonal)
    full = D.MultivariateNormal(loc, W @ W.mT + diagonal.diag())
    x = full.sample((3,))
    for what in ("mean", "variance", "covariance_matrix", "precision_matrix", "scale_tril"):
        np.testing.assert_allclose(
            getattr(low, what).numpy(), getattr(full, what).numpy(), 1e-9, 1e-9
        )
    np.testing.assert_allclose(low.log_prob(x).numpy(), full.log_prob(x).numpy(), 1e-9)
    np.testing.assert_allclose(low.entropy().numpy(), full.entropy().numpy(), 1e-9)
    assert low.sample((2, 2)).shape == (2, 2, 2, 4)


def test_gradients_of_matrices():
    x = f64(0.3, -0.2)
    C, loc = covariance(4, 2).requires_grad_(), f64(0.1, 0.2).requires_grad_()

    def symmetric(C):
        return (C + C.mT) / 2

    assert gradcheck(lambda m, C: D.MultivariateNormal(m, symmetric(C)).log_prob(x), [loc, C])
    assert gradcheck(
        lambda m, C: D.MultivariateNormal(m, precision_matrix=symmetric(C)).log_prob(x), [loc, C]
    )
    W, diagonal = f64([[0.5], [1.0]]).requires_grad_(), f64(1.0, 2.0).requires_grad_()
    assert gradcheck(lambda *p: D.LowRankMultivariateNormal(*p).log_prob(x), [loc, W, diagonal])
    value = covariance(5, 2)
    assert gradcheck(
        lambda df, C: D.Wishart(df, symmetric(C), validate_args=False).log_prob(value),
        [f64(3.5).requires_grad_(), C],
    )


def test_wishart_draws():
    C = covariance(6)
    family = D.Wishart(f64(6.0), C)
    x = family.sample((4000,))
    error = 6 * (family.variance / 4000).sqrt()
    assert ((x.mean(0) - family.mean).abs() < error).all()
    assert family.support.check(x).all()
    leaf = C.clone().requires_grad_()
    D.Wishart(f64(6.0), leaf).rsample((3,)).sum().backward()
    assert leaf.grad.isfinite().all()


def test_dirichlet_and_beta_agree():
    beta, pair = D.Beta(f64(2.0), f64(0.7)), D.Dirichlet(f64(2.0, 0.7))
    x = f64(0.1, 0.6)
    both = rushlight.stack([x, 1 - x], -1)
    np.testing.assert_allclose(beta.log_prob(x).numpy(), pair.log_prob(both).numpy())
    assert beta.entropy().item() == pytest.approx(pair.entropy().item())
    points = D.Dirichlet(f64([0.5, 3.0, 1.0])).sample((20000,))
    assert (points > 0).all()
    np.testing.assert_allclose(points.sum(-1).numpy(), 1)
    np.testing.assert_allclose(points.mean(0).numpy(), [1 / 9, 6 / 9, 2 / 9], atol=0.02)


# --- categories ---


def test_categories_come_up_in_proportion():
    weights = f64([[1.0, 2.0, 5.0], [0.0, 1.0, 1.0]])
    family = D.Categorical(weights)
    drawn = family.sample((8000,))
    assert drawn.dtype is rushlight.int64
    assert drawn.shape == (8000, 2)
    shares = rushlight.nn.functional.one_hot(drawn, 3).double().mean(0)
    np.testing.assert_allclose(shares.numpy(), family.probs.numpy(), atol=0.03)
    assert family.log_prob(family.enumerate_support()).exp().sum(0).tolist() == pytest.approx(
        [1, 1]
    )
    counts = D.Multinomial(40, weights).sample((5,))
    assert (counts.sum(-1) == 40).all()
    assert (counts[:, 1, 0] == 0).all()


def test_multinomial_probabilities_sum_to_one():
    family = D.Multinomial(4, f64([0.2, 0.3, 0.5]))
    counts = f64([[i, j, 4 - i - j] for i in range(5) for j in range(5 - i)])
    log_prob = family.log_prob(counts)
    assert log_prob.exp().sum().item() == pytest.approx(1)
    entropy = -(log_prob.exp() * log_prob).sum().item()
    assert family.entropy().item() == pytest.approx(entropy)
    assert family.expand((2,)).entropy().tolist() == pytest.approx([entropy] * 2)


def test_straight_through_gradients_are_those_of_the_probabilities():
    logits = f64([0.5, -1.0, 0.0]).requires_grad_()
    weights = f64([1.0, 2.0, 5.0])
    drawn = D.OneHotCategoricalStraightThrough(logits=logits).rsample()
    assert sorted(drawn.tolist()) == pytest.approx([0, 0, 1])
    (drawn * weights).sum().backward()
    again = logits.detach().requires_grad_()
    (again.softmax(-1) * weights).sum().backward()
    np.testing.assert_allclose(logits.grad.numpy(), again.grad.numpy())


def test_policy_gradient_estimates_the_gradient():
    """E[reward grad log p] is the gradient of the mean reward."""
    logits, rewards = f64([0.5, -1.0, 0.0]).requires_grad_(), f64([1.0, 2.0, 5.0])
    policy = D.Categorical(logits=logits)
    actions = policy.sample((40000,))
    (policy.log_prob(actions) * rewards[actions]).mean().backward()
    again = logits.detach().requires_grad_()
    (again.softmax(-1) * rewards).sum().backward()
    np.testing.assert_allclose(logits.grad.numpy(), again.grad.numpy(), atol=0.05)


# --- expanding and subclasses ---


def test_expanding_shares_memory_and_keeps_the_validation():
    family = D.Normal(rushlight.zeros(3), 1.0, validate_args=False)
    wide = family.expand((2, 3))
    assert wide.loc.data_ptr() == family.loc.data_ptr()
    assert not wide._validate_args
    assert D.Normal(0.0, 1.0).expand((2,))._validate_args


def test_what_was_computed_expands_too():
    family = D.Bernoulli(logits=rushlight.zeros(3))
    assert "probs" not in vars(family.expand((2, 3)))
    assert family.probs.tolist() == [0.5] * 3
    assert vars(family.expand((2, 3)))["probs"].shape == (2, 3)
    assert family.expand((2, 3)).param_shape == (2, 3)


def test_subclasses_say_how_they_expand():
    class Unit(D.Normal):
        def __init__(self, loc):
            super().__init__(loc, 1.0)

    class Kind(Unit):
        def expand(self, batch_shape, _instance=None):
            new = self._get_checked_instance(Kind, _instance)
            return super().expand(batch_shape, _instance=new)

    with pytest.raises(NotImplementedError, match="Subclass Unit of Normal that defines a custom"):
        Unit(rushlight.zeros(2)).expand((3, 2))
    wide = Kind(rushlight.zeros(2)).expand((3, 2))
    assert isinstance(wide, Kind)
    assert wide.batch_shape == (3, 2)


def test_counts_that_differ_are_not_listed():
    family = D.Binomial(f64(2.0, 3.0), f64(0.5))
    with pytest.raises(NotImplementedError, match="not supported by `entropy`"):
        family.entropy()
    with pytest.raises(NotImplementedError, match="not supported by `enumerate_support`"):
        family.enumerate_support()


def test_sampling_records_nothing():
    leaf = rushlight.tensor([0.5, 0.7], requires_grad=True)
    for family in (
        D.Normal(leaf, leaf),
        D.Bernoulli(leaf),
        D.Poisson(leaf),
        D.Binomial(3, leaf),
        D.Geometric(leaf),
        D.NegativeBinomial(leaf, leaf),
        D.Categorical(leaf),
        D.Gamma(leaf, leaf),
        D.VonMises(leaf, leaf),
        D.ContinuousBernoulli(leaf),
    ):
        assert not family.sample((2,)).requires_grad
    assert D.Normal(leaf, leaf).rsample().requires_grad


def test_certain_values():
    assert D.Geometric(f64(1.0)).log_prob(f64(0.0)).item() == 0
    assert D.NegativeBinomial(f64(0.0), f64(0.5)).log_prob(f64(0.0)).item() == 0
    assert D.Multinomial(2, f64([1.0, 0.0])).log_prob(f64([2.0, 0.0])).item() == pytest.approx(0)
    assert D.Categorical(f64([1.0, 0.0])).entropy().item() == pytest.approx(0)
    assert D.Poisson(f64(0.0)).log_prob(f64(0.0)).item() == 0
    assert D.Uniform(0.0, 1.0, validate_args=False).log_prob(f64(2.0)).item() == -math.inf
