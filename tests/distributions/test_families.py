"""Each family next to PyTorch's: shapes, words, moments, densities, samples and gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import rushlight


def f64(*values: Any) -> np.ndarray:
    return np.array(values if len(values) > 1 else values[0], np.float64)


def f32(*values: Any) -> np.ndarray:
    return f64(*values).astype(np.float32)


class Case(NamedTuple):
    """How to make a distribution, in either framework."""

    name: str
    parameters: dict[str, Any]

    def make(self, T, requires_grad=False, **options):
        """Return the distribution and the leaves among its parameters."""
        given = {
            key: T.tensor(value, requires_grad=requires_grad)
            if isinstance(value, np.ndarray)
            else value
            for key, value in self.parameters.items()
        }
        leaves = [v for v in given.values() if requires_grad and isinstance(v, T.Tensor)]
        return getattr(T.distributions, self.name)(**given, **options), leaves

    @property
    def tolerance(self) -> float:
        if self.name == "VonMises":
            return 2e-5  # PyTorch's Bessel functions are polynomials
        arrays = [v for v in self.parameters.values() if isinstance(v, np.ndarray)]
        return 1e-9 if any(a.dtype == np.float64 for a in arrays) else 2e-5


LOC_SCALE = {"loc": f64(0.5, -1.0, 3.0), "scale": f64(0.4, 2.0, 1.0)}
PROBS = {"probs": f64(0.2, 0.7, 0.5)}
LOGITS = {"logits": f64(-1.5, 0.0, 3.0)}
ROWS = f64([0.2, 0.3, 0.5], [0.1, 0.1, 0.8])
ROW_LOGITS = f64([0.0, -1.0, 2.0], [0.5, 0.5, 0.5])
COVARIANCE = f64([2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 1.5])
FACTOR = np.linalg.cholesky(COVARIANCE)
PRECISION = np.linalg.inv(COVARIANCE)
MEANS = f64([0.5, -1.0, 2.0], [0.0, 1.0, 0.0])
MANY = np.stack([COVARIANCE, 2 * COVARIANCE])

CASES = [
    Case("Normal", LOC_SCALE),
    Case("Normal", {"loc": 1.0, "scale": 2.0}),
    Case("Normal", {"loc": f32([[0.0], [1.0]]), "scale": f32(1.0, 2.0)}),
    Case("Uniform", {"low": f64(-1.0, 0.5), "high": f64(2.0, 0.75)}),
    Case("Uniform", {"low": 0, "high": 3}),
    Case("Exponential", {"rate": f64(0.3, 1.0, 20.0)}),
    Case("Exponential", {"rate": 2.0}),
    Case("Laplace", LOC_SCALE),
    Case("Laplace", {"loc": f32(1.0, 2.0), "scale": 0.5}),
    Case("Cauchy", LOC_SCALE),
    Case("Cauchy", {"loc": 0.0, "scale": 0.5}),
    Case("Gamma", {"concentration": f64(0.3, 1.0, 9.5), "rate": f64(0.5, 3.0, 1.0)}),
    Case("Gamma", {"concentration": 2.0, "rate": f32(1.0, 2.0)}),
    Case("Chi2", {"df": f64(0.5, 1.0, 6.0)}),
    Case("Chi2", {"df": 3.0}),
    Case("Beta", {"concentration1": f64(0.4, 2.0, 1.0), "concentration0": f64(0.7, 3.5, 1.0)}),
    Case("Beta", {"concentration1": 0.5, "concentration0": 0.25}),
    Case("Beta", {"concentration1": 2, "concentration0": 5}),
    Case("Dirichlet", {"concentration": f64([0.5, 2.0, 1.5], [0.1, 0.2, 0.3])}),
    Case("Dirichlet", {"concentration": f32(3.0, 2.0)}),
    Case("StudentT", {"df": f64(0.5, 1.5, 6.0), **LOC_SCALE}),
    Case("StudentT", {"df": 5}),
    Case("FisherSnedecor", {"df1": f64(1.0, 5.0, 8.0), "df2": f64(1.5, 3.0, 9.0)}),
    Case("FisherSnedecor", {"df1": 3.0, "df2": 7.0}),
    Case("Bernoulli", PROBS),
    Case("Bernoulli", LOGITS),
    Case("Bernoulli", {"probs": 0.3}),
    Case("ContinuousBernoulli", {"probs": f64(0.1, 0.4999, 0.5003, 0.8)}),
    Case("ContinuousBernoulli", LOGITS),
    Case("ContinuousBernoulli", {"probs": 0.3}),
    Case("Geometric", PROBS),
    Case("Geometric", LOGITS),
    Case("Geometric", {"probs": 0.6}),
    Case("Binomial", {"total_count": 10, **PROBS}),
    Case("Binomial", {"total_count": f64(3.0, 50.0, 500.0), **LOGITS}),
    Case("Binomial", {"total_count": 40, "probs": f32([0.0], [1.0], [0.5])}),
    Case("NegativeBinomial", {"total_count": f64(2.5, 10.0, 0.5), **PROBS}),
    Case("NegativeBinomial", {"total_count": 3, **LOGITS}),
    Case("Poisson", {"rate": f64(0.3, 4.0, 60.0)}),
    Case("Poisson", {"rate": 2.5}),
    Case("Categorical", {"probs": ROWS}),
    Case("Categorical", {"logits": ROW_LOGITS}),
    Case("Categorical", {"probs": f32(1.0, 3.0, 0.0, 2.0)}),
    Case("OneHotCategorical", {"probs": ROWS}),
    Case("OneHotCategorical", {"logits": ROW_LOGITS}),
    Case("OneHotCategoricalStraightThrough", {"logits": ROW_LOGITS}),
    Case("Multinomial", {"total_count": 12, "probs": ROWS}),
    Case("Multinomial", {"total_count": 5, "logits": f32(0.0, 1.0, -1.0)}),
    Case("VonMises", {"loc": f64(0.5, -3.0, 7.0), "concentration": f64(0.2, 3.0, 40.0)}),
    Case("VonMises", {"loc": f32(1.0), "concentration": f32(0.5)}),
    Case("MultivariateNormal", {"loc": MEANS, "covariance_matrix": COVARIANCE}),
    Case("MultivariateNormal", {"loc": MEANS[0], "precision_matrix": PRECISION}),
    Case("MultivariateNormal", {"loc": MEANS, "scale_tril": np.stack([FACTOR, 2 * FACTOR])}),
    Case("MultivariateNormal", {"loc": MEANS[0], "covariance_matrix": MANY[:, None]}),
    Case("MultivariateNormal", {"loc": f32(0.0, 1.0), "scale_tril": f32([1.0, 0.0], [0.5, 2.0])}),
    Case(
        "LowRankMultivariateNormal",
        {"loc": MEANS, "cov_factor": f64([1.0, 0.5], [0.0, 2.0], [1.0, -1.0]),
         "cov_diag": f64(0.5, 1.0, 2.0)},
    ),
    Case(
        "LowRankMultivariateNormal",
        {"loc": f64(0.0, 1.0, 2.0), "cov_factor": f64([[1.0], [0.0], [2.0]]),
         "cov_diag": f64([0.5, 1.0, 2.0], [1.0, 1.0, 1.0])},
    ),
    Case("Wishart", {"df": 5.0, "covariance_matrix": COVARIANCE}),
    Case("Wishart", {"df": f64(4.5, 8.0), "scale_tril": FACTOR}),
    Case("Wishart", {"df": f64(7.0), "precision_matrix": np.stack([PRECISION, 3 * PRECISION])}),
]  # fmt: skip
IDS = [f"{case.name}-{i}" for i, case in enumerate(CASES)]
# PyTorch approximates the derivative of gamma and beta variables by their parameters.
BY_SHAPE = ("Gamma", "Chi2", "Beta", "Dirichlet", "StudentT", "FisherSnedecor", "Wishart")

pytestmark = pytest.mark.filterwarnings("ignore:Singular sample detected")


@pytest.fixture(params=CASES, ids=IDS)
def case(request):
    return request.param


def outcome(function, *args):
    """Return what a function returns, or the type of what it raises."""
    try:
        return function(*args)
    except (AttributeError, NotImplementedError, ValueError, RuntimeError) as error:
        return type(error)


def same(ours, theirs, tolerance):
    if isinstance(theirs, type):
        assert ours is theirs
        return
    assert ours.requires_grad == theirs.requires_grad
    ours, theirs = ours.detach().numpy(), theirs.detach().numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, tolerance, tolerance)


def same_gradients(found, tolerance):
    for ours, theirs in zip(*found, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            same(ours, theirs, tolerance)


def differentiated(value, leaves):
    """Return the gradients of a weighted sum."""
    if not isinstance(value, type) and value.requires_grad:
        T = rushlight if isinstance(value, rushlight.Tensor) else __import__("torch")
        weights = T.arange(1.0, value.numel() + 1, dtype=value.dtype).reshape(value.shape)
        (value * weights).sum().backward()
    return [leaf.grad for leaf in leaves]


def test_shapes_and_words(case, torch):
    ours, theirs = case.make(rushlight)[0], case.make(torch)[0]
    assert repr(ours) == repr(theirs)
    for what in (
        "support",
        "batch_shape",
        "event_shape",
        "has_rsample",
        "has_enumerate_support",
        "arg_constraints",
    ):
        assert repr(getattr(ours, what)) == repr(getattr(theirs, what)), what
    if hasattr(theirs, "param_shape"):
        assert ours.param_shape == theirs.param_shape


MOMENTS = ["mean", "mode", "variance", "stddev", "entropy", "probs", "logits"]
MOMENTS += ["covariance_matrix", "precision_matrix", "scale_tril", "df", "concentration1"]


def test_moments(case, torch):
    for what in MOMENTS:
        values, gradients = [], []
        for T in (rushlight, torch):
            made, leaves = case.make(T, requires_grad=True)
            value = outcome(getattr, made, what)
            value = outcome(value) if what == "entropy" else value
            values.append(value)
            gradients.append(differentiated(value, leaves))
        same(*values, case.tolerance)
        same_gradients(gradients, 100 * case.tolerance)


def test_samples_are_the_same_numbers(case, torch):
    found = []
    for T in (rushlight, torch):
        T.manual_seed(3)
        made = case.make(T, requires_grad=True)[0]
        found.append([made.sample(shape) for shape in [(), (3,), (2, 10)]])
        found[-1].append(T.rand(2))
    for ours, theirs in zip(*found, strict=True):
        same(ours, theirs, 1e-6)
        assert ours.shape == theirs.shape


def test_gradients_of_samples(case, torch):
    values, gradients = [], []
    for T in (rushlight, torch):
        T.manual_seed(3)
        made, leaves = case.make(T, requires_grad=True)
        value = outcome(made.rsample, (5,))
        values.append(value)
        if T is rushlight or case.name != "Wishart":
            gradients.append(differentiated(value, leaves))
    if case.name == "Wishart":
        return  # PyTorch's gradient fails: it has written into what it needs
    same(*values, 1e-6)
    same_gradients(gradients, 2e-3 if case.name in BY_SHAPE else max(1e-6, case.tolerance))


def drawn(case, torch, *shape):
    torch.manual_seed(5)
    return case.make(torch)[0].sample(shape).numpy()


def test_densities(case, torch):
    values = drawn(case, torch, 3, 2)
    densities, gradients = [], []
    for T in (rushlight, torch):
        made, leaves = case.make(T, requires_grad=True)
        x = T.tensor(values, requires_grad=values.dtype.kind == "f")
        density = made.log_prob(x)
        densities.append(density)
        gradients.append(differentiated(density, [*leaves, *([x] if x.requires_grad else [])]))
    same(*densities, case.tolerance)
    same_gradients(gradients, 1000 * case.tolerance)


def test_distribution_functions(case, torch):
    values = drawn(case, torch, 6)
    chances = np.linspace(0.1, 0.9, values.size).reshape(values.shape).astype(values.dtype)
    for what, given in (("cdf", values), ("icdf", chances)):
        found, gradients = [], []
        for T in (rushlight, torch):
            made, leaves = case.make(T, requires_grad=case.name not in ("Gamma", "Chi2"))
            value = outcome(getattr(made, what), T.tensor(given))
            found.append(value)
            gradients.append(differentiated(value, leaves))
        same(*found, max(1e-7, case.tolerance))
        same_gradients(gradients, max(1e-6, 100 * case.tolerance))


def test_expanding(case, torch):
    found = []
    for T in (rushlight, torch):
        made = case.make(T)[0]
        wide = made.expand((4, *made.batch_shape))
        assert wide.batch_shape == (4, *made.batch_shape)
        assert wide.event_shape == made.event_shape
        assert type(wide) is type(made)
        T.manual_seed(1)
        x = wide.sample((2,))
        found.append((x, wide.log_prob(x), outcome(getattr, wide, "mean"), repr(wide)))
    assert found[0][3] == found[1][3]
    for ours, theirs in zip(found[0][:3], found[1][:3], strict=True):
        same(ours, theirs, 1e-5)


def test_listing_the_support(case, torch):
    for expand in (True, False):
        ours, theirs = (
            outcome(case.make(T)[0].enumerate_support, expand) for T in (rushlight, torch)
        )
        same(ours, theirs, 0)
        assert isinstance(ours, type) or ours.shape == theirs.shape


def test_values_outside_the_support(case, torch):
    words, unchecked = [], []
    for T in (rushlight, torch):
        made = case.make(T)[0]
        shape = (*made.batch_shape, *made.event_shape)
        kind = made.sample().dtype
        value = T.full(shape, float("nan"), dtype=kind if kind.is_floating_point else T.float32)
        with pytest.raises(ValueError, match="within the support") as error:
            made.log_prob(value)
        words.append(str(error.value))
        if case.name not in ("Categorical", "Wishart"):
            trusting = case.make(T, validate_args=False)[0]
            unchecked.append(outcome(trusting.log_prob, value))
        if case.name not in ("Gamma", "Chi2"):
            with pytest.raises(ValueError, match="The value argument to log_prob must be a Tensor"):
                made.log_prob(1)
    assert words[0] == words[1]
    if unchecked:
        same(*unchecked, 1e-6)


def test_natural_parameters(case, torch):
    found = []
    for T in (rushlight, torch):
        made = case.make(T)[0]
        if not isinstance(made, T.distributions.ExponentialFamily):
            return
        params = made._natural_params
        found.append((*params, outcome(made._log_normalizer, *params)))
    for ours, theirs in zip(*found, strict=True):
        same(ours, theirs, 10 * case.tolerance)


ERRORS = [
    ("Normal", {"loc": 0.0, "scale": -1.0}),
    ("Normal", {"loc": f32(0.0, np.nan), "scale": f32(1.0, 1.0)}),
    ("Normal", {"loc": "a", "scale": 1.0}),
    ("Uniform", {"low": 1.0, "high": 1.0}),
    ("Uniform", {"low": f32(0.0, 3.0), "high": 2.0}),
    ("Bernoulli", {}),
    ("Bernoulli", {"probs": 0.5, "logits": 0.0}),
    ("Bernoulli", {"probs": 1.5}),
    ("Bernoulli", {"logits": f32(0.0, np.nan)}),
    ("ContinuousBernoulli", {"probs": 2.0, "validate_args": True}),
    ("ContinuousBernoulli", {}),
    ("Categorical", {}),
    ("Categorical", {"probs": f32(1.0)}),
    ("Categorical", {"logits": f32(1.0)}),
    ("Categorical", {"probs": f32(-1.0, 2.0)}),
    ("OneHotCategorical", {"probs": f32(0.0, 0.0)}),
    ("Multinomial", {"total_count": 3.5, "probs": f32(1.0, 2.0)}),
    ("Multinomial", {"total_count": 3}),
    ("Beta", {"concentration1": 0.0, "concentration0": 1.0}),
    ("Gamma", {"concentration": -1.0, "rate": 1.0}),
    ("Chi2", {"df": -1.0}),
    ("Dirichlet", {"concentration": f32(1.0)}),
    ("Dirichlet", {"concentration": f32(1.0, 0.0)}),
    ("Exponential", {"rate": 0.0}),
    ("Laplace", {"loc": 0.0, "scale": 0.0}),
    ("Cauchy", {"loc": 0.0, "scale": 0.0}),
    ("StudentT", {"df": 0.0}),
    ("StudentT", {"df": 1.0, "scale": -1.0}),
    ("FisherSnedecor", {"df1": 1.0, "df2": -1.0}),
    ("Poisson", {"rate": -1.0}),
    ("Geometric", {"probs": 0.0}),
    ("Geometric", {"probs": f32(0.5, 0.0, 2.0)}),
    ("Binomial", {"total_count": -1, "probs": f32(0.5)}),
    ("Binomial", {"total_count": 2, "probs": f32(1.5)}),
    ("Binomial", {"total_count": 2}),
    ("NegativeBinomial", {"total_count": 2, "probs": f32(1.0)}),
    ("NegativeBinomial", {"total_count": -1.0, "logits": f32(1.0)}),
    ("VonMises", {"loc": f32(0.0), "concentration": f32(0.0)}),
    ("MultivariateNormal", {"loc": f32(0.0), "scale_tril": f32([1.0, 0.0], [0.0, 1.0])}),
    ("MultivariateNormal", {"loc": f32(0.0, 0.0)}),
    ("MultivariateNormal", {"loc": f32(0.0, 0.0), "scale_tril": f32(1.0, 1.0)}),
    ("MultivariateNormal", {"loc": f32(0.0, 0.0), "covariance_matrix": f32(1.0, 1.0)}),
    ("MultivariateNormal", {"loc": f32(0.0, 0.0), "precision_matrix": f32(1.0, 1.0)}),
    ("MultivariateNormal", {"loc": f32(0.0, 0.0), "covariance_matrix": -np.eye(2, dtype="f")}),
    ("MultivariateNormal", {"loc": f32(0.0, 0.0), "scale_tril": f32([1.0, 1.0], [0.0, 1.0])}),
    (
        "LowRankMultivariateNormal",
        {"loc": f32(0.0), "cov_factor": f32([1.0], [1.0]), "cov_diag": f32(1.0, 1.0)},
    ),
    (
        "LowRankMultivariateNormal",
        {"loc": f32(0.0, 0.0), "cov_factor": f32(1.0, 1.0), "cov_diag": f32(1.0, 1.0)},
    ),
    (
        "LowRankMultivariateNormal",
        {"loc": f32(0.0, 0.0), "cov_factor": f32([1.0, 1.0, 1.0], [1.0, 1.0, 1.0])[:1],
         "cov_diag": f32(1.0, 1.0)},
    ),
    (
        "LowRankMultivariateNormal",
        {"loc": f32(0.0, 0.0), "cov_factor": f32([1.0], [1.0])[:, None][:, 0],
         "cov_diag": f32(1.0, 1.0, 1.0)},
    ),
    (
        "LowRankMultivariateNormal",
        {"loc": np.zeros((3, 2), "f"), "cov_factor": np.ones((4, 2, 1), "f"),
         "cov_diag": f32(1.0, 1.0)},
    ),
    ("Wishart", {"df": 3.0}),
    ("Wishart", {"df": 1.0, "covariance_matrix": np.eye(3, dtype="f")}),
    ("Wishart", {"df": 3.0, "covariance_matrix": f32(1.0, 1.0)}),
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=[f"{e[0]}-{i}" for i, e in enumerate(ERRORS)])
def test_errors(error, torch):
    words = []
    for T in (rushlight, torch):
        with pytest.raises(Exception) as caught:  # noqa: PT011  type and words are compared
            Case(*error).make(T)
        words.append((caught.type.__name__, str(caught.value)))
    assert words[0] == words[1]
