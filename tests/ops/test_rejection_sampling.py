"""Gamma, Dirichlet and binomial draws: PyTorch's numbers, laws, gradients."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight.kernels.random import implicit

SHAPES = [0.01, 0.3, 1.0, 2.5, 40.0, 3000.0]
# What PyTorch draws after manual_seed(0).
GAMMA = [
    2.006888712411347e-153,
    0.00791742223230888,
    1.053204118254408,
    3.6491126329981114,
    36.0263778688581,
    3009.647711477479,
]
DIRICHLET = [
    0.03554218272957696,
    0.7076500525839335,
    0.25680776468648947,
    0.9909196841629815,
    0.009076659547400596,
    3.6562896177805946e-06,
]
COUNTS, CHANCES = [5.0, 20.0, 100.0, 100.0, 2000.0, 7.0], [0.3, 0.9, 0.2, 0.7, 0.5, 1.0]
BINOMIAL = [
    [1.0, 18.0, 15.0, 62.0, 999.0, 7.0],
    [1.0, 20.0, 23.0, 69.0, 1028.0, 7.0],
    [3.0, 17.0, 21.0, 69.0, 1006.0, 7.0],
]


def test_numbers_of_a_seed():
    rushlight.manual_seed(0)
    shapes = rushlight.tensor(SHAPES, dtype=rushlight.float64)
    assert rushlight._standard_gamma(shapes).tolist() == pytest.approx(GAMMA, rel=1e-13)
    rows = rushlight.tensor([[0.5, 2.0, 1.0], [30.0, 1.0, 0.1]], dtype=rushlight.float64)
    found = rushlight._sample_dirichlet(rows).flatten().tolist()
    assert found == pytest.approx(DIRICHLET, rel=1e-13)
    counts, chances = rushlight.tensor(COUNTS), rushlight.tensor(CHANCES)
    assert [rushlight.binomial(counts, chances).tolist() for _ in range(3)] == BINOMIAL


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_numbers_as_torch(torch, dtype):
    spread = np.random.default_rng(0).gamma(0.6, 5.0, 3000)
    counts, chances = np.floor(40 * spread), np.random.default_rng(1).random((2, 1, 3000))
    found = []
    for T in (rushlight, torch):
        T.manual_seed(11)
        kind = getattr(T, dtype)
        alpha = T.tensor(spread, dtype=kind)
        n, p = T.tensor(counts, dtype=kind), T.tensor(chances, dtype=kind)
        found.append([
            T._standard_gamma(alpha),
            T._standard_gamma(alpha.reshape(3, 1000).T),
            T._sample_dirichlet(alpha.reshape(1000, 3)),
            T.binomial(n.expand(2, 1, 3000), p),
            T.poisson(alpha),
            T.randn(3),
        ])  # fmt: skip
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 1e-6)


def test_generators():
    made = [rushlight.Generator().manual_seed(5) for _ in range(2)]
    shapes = rushlight.full((40,), 0.7)
    first = [rushlight._standard_gamma(shapes, generator=g) for g in made]
    assert rushlight.equal(*first)
    assert not rushlight.equal(first[0], rushlight._standard_gamma(shapes, generator=made[0]))
    again = rushlight.Generator().manual_seed(5)
    assert rushlight.equal(first[0], rushlight._standard_gamma(shapes, generator=again))


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (3, 4)])
def test_shapes(shape):
    parameters = rushlight.full(shape, 0.5)
    assert rushlight._standard_gamma(parameters).shape == shape
    assert rushlight.binomial(parameters + 7.5, parameters).shape == shape
    wide = rushlight.binomial(rushlight.full((3, 1), 4.0), rushlight.full((5,), 0.5))
    assert wide.shape == (3, 5)


def test_moments_of_binomial_numbers():
    for n, p in ((10.0, 0.3), (400.0, 0.02), (1000.0, 0.4), (1000.0, 0.95)):
        drawn = rushlight.binomial(rushlight.full((4000,), n), rushlight.full((4000,), p))
        assert ((drawn >= 0) & (drawn <= n) & (drawn == drawn.round())).all()
        deviation = (n * p * (1 - p)) ** 0.5
        assert abs(drawn.mean().item() - n * p) < 5 * deviation / 4000**0.5
        assert abs(drawn.std().item() / deviation - 1) < 0.1


def test_bounds_of_parameters():
    nan = float("nan")
    n = rushlight.tensor([5.0, 0.0, -2.0, 5.0, nan, 5.0])
    p = rushlight.tensor([1.0, 0.5, 0.7, 0.0, 0.5, nan])
    drawn = rushlight.binomial(n, p)
    assert drawn[:4].tolist() == [5, 0, 0, 0]
    assert drawn[4:].isnan().all()
    gammas = rushlight._standard_gamma(rushlight.tensor([0.0, 1e-6, nan, -1.0]))
    assert gammas[:2].tolist() == [np.finfo(np.float32).tiny] * 2
    assert gammas[2:].isnan().all()


def test_errors():
    x = rushlight.ones(3)
    with pytest.raises(NotImplementedError, match=r'"gamma_cpu" not implemented for .Half.'):
        rushlight._standard_gamma(x.half())
    with pytest.raises(NotImplementedError, match=r'"dirichlet" not implemented for .Long.'):
        rushlight._sample_dirichlet(x.long())
    with pytest.raises(RuntimeError, match="floating-point dtypes for count, got: Long"):
        rushlight.binomial(x.long(), x)
    with pytest.raises(RuntimeError, match="floating-point dtypes for prob, got: Long"):
        rushlight.binomial(x, x.long())
    with pytest.raises(RuntimeError, match="Found dtype Double but expected Float"):
        rushlight.binomial(x, x.double())
    with pytest.raises(TypeError, match="Generator"):
        rushlight.binomial(x, x, generator=3)


# --- gradients ---


def test_gamma_derivative_keeps_the_quantile():
    """F(x(a); a) stays the same: x' = -(dF/da) / (dF/dx)."""
    alpha = np.repeat([0.05, 0.4, 1.0, 3.0, 20.0, 100.0], 5)
    x = alpha * np.tile([0.3, 0.8, 1.0, 1.1, 1.6], 6)
    F = rushlight.special.gammainc
    a, at = rushlight.tensor(alpha), rushlight.tensor(x)
    step = 1e-5 * a
    by_shape = (F(a + step, at) - F(a - step, at)) / (2 * step)
    density = ((a - 1) * at.log() - at - a.lgamma()).exp()
    np.testing.assert_allclose(
        implicit.gamma_derivative(alpha, x), (-by_shape / density).numpy(), 1e-4
    )


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.6), (1.0, 1.0), (2.0, 5.0), (60.0, 2.0), (0.1, 9.0)])
def test_beta_derivative_keeps_the_quantile(a, b):
    """The distribution function is integrated over the logarithm of x."""
    t = np.linspace(-200, 0, 400001)

    def distribution(a, x):
        log_density = a * (np.log(x) + t) + (b - 1) * np.log1p(-x * np.exp(t))
        return np.trapezoid(np.exp(log_density), t)

    for x in min(a / (a + b), 0.6) * np.array([0.5, 1.0, 1.5]):
        step = 1e-5 * a
        whole = [_beta(a + s, b) for s in (step, -step)]
        up, down = (distribution(a + s, x) / w for s, w in zip((step, -step), whole, strict=True))
        density = x ** (a - 1) * (1 - x) ** (b - 1) / _beta(a, b)
        expected = -(up - down) / (2 * step) / density / (1 - x)
        numbers = [np.array([v]) for v in (x, a, a + b)]
        assert implicit.beta_derivative(*numbers)[0] == pytest.approx(expected, rel=1e-3)


def _beta(a, b):
    a, b = rushlight.tensor([a, b], dtype=rushlight.float64)
    return (a.lgamma() + b.lgamma() - (a + b).lgamma()).exp().item()


def test_derivatives_next_to_torch(torch):
    """PyTorch's formulas are good to three digits, ours to eight."""
    rng = np.random.default_rng(0)
    alpha, beta = 10 ** rng.uniform(-1.5, 2, (2, 2000))
    x = rng.gamma(alpha)
    theirs = torch._standard_gamma_grad(torch.tensor(alpha), torch.tensor(x)).numpy()
    ours = rushlight._standard_gamma_grad(rushlight.tensor(alpha), rushlight.tensor(x)).numpy()
    np.testing.assert_allclose(ours, theirs, 2e-3)
    x = rng.beta(alpha, beta).clip(1e-30, 1 - 1e-9)
    found = [
        T._dirichlet_grad(*map(T.tensor, (x, alpha, alpha + beta))).numpy()
        for T in (rushlight, torch)
    ]
    np.testing.assert_allclose(*found, 5e-3)


def test_gradients_of_draws(torch):
    found = []
    for T in (rushlight, torch):
        T.manual_seed(2)
        alpha = T.tensor([[0.4, 2.0, 7.0]] * 50, requires_grad=True)
        gammas, points = T._standard_gamma(alpha), T.distributions.Dirichlet(alpha).rsample()
        weights = T.tensor([1.0, -2.0, 3.0])
        (gammas.sum() + (points.log() * weights).sum()).backward()
        found.append(alpha.grad.numpy())
    np.testing.assert_allclose(*found, 2e-3, 2e-3)


def test_no_second_derivative():
    alpha = rushlight.tensor([2.0], requires_grad=True)
    (g,) = rushlight.autograd.grad(rushlight._standard_gamma(alpha).sum(), alpha, create_graph=True)
    with pytest.raises(NotImplementedError, match="the derivative for '_standard_gamma_grad'"):
        g.backward()


def test_vmap_draws_for_each_sample():
    shapes = rushlight.full((3, 4), 2.0)
    drawn = rushlight.vmap(rushlight._standard_gamma, randomness="different")(shapes)
    assert drawn.unique().numel() == 12
    with pytest.raises(RuntimeError, match="randomness error mode"):
        rushlight.vmap(rushlight._standard_gamma)(shapes)
