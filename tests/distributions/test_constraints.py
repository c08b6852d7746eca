"""Constraints, and the transforms into their regions."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight.distributions import biject_to, constraints, transform_to


def nan_among(*values):
    return np.array([*values, np.nan])


NUMBERS = nan_among(-np.inf, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, np.inf)
VECTORS = np.array([[0, 1, 0], [1, 1, 0], [0.2, 0.3, 0.5], [0.2, 0.3, 0.4], [-1, 1, 1], [0, 0, 0]])
MATRICES = np.array([
    [[1, 0], [0, 1]], [[1, 0], [0.6, 0.8]], [[2, 1], [1, 2]], [[1, 2], [2, 1]], [[1, 1], [0, 1]],
    [[-1, 0], [0, 1]], [[1, 1], [1, 1]], [[0, 0], [0, 0]],
], float)  # fmt: skip

CASES = {
    "boolean": NUMBERS, "real": NUMBERS, "positive": NUMBERS, "nonnegative": NUMBERS,
    "nonnegative_integer": NUMBERS, "positive_integer": NUMBERS, "unit_interval": NUMBERS,
    "one_hot": VECTORS, "simplex": VECTORS, "real_vector": VECTORS,
    "lower_triangular": MATRICES, "lower_cholesky": MATRICES, "corr_cholesky": MATRICES,
    "square": MATRICES, "symmetric": MATRICES, "positive_semidefinite": MATRICES,
    "positive_definite": MATRICES,
}  # fmt: skip
BOUNDED = {
    "greater_than": (1.0,), "greater_than_eq": (1.0,), "less_than": (1.0,), "interval": (0.0, 2.0),
    "half_open_interval": (0.0, 2.0), "integer_interval": (0, 2),
}  # fmt: skip


def described(constraint):
    return repr(constraint), constraint.is_discrete, constraint.event_dim


@pytest.mark.parametrize("name", CASES)
def test_regions(torch, name):
    ours, theirs = getattr(constraints, name), getattr(torch.distributions.constraints, name)
    assert described(ours) == described(theirs)
    for kind in (np.float64, np.float32):
        values = CASES[name].astype(kind)
        found = ours.check(rushlight.tensor(values))
        assert found.tolist() == theirs.check(torch.tensor(values)).tolist()


@pytest.mark.parametrize("name", BOUNDED)
def test_regions_with_bounds(torch, name):
    ours, theirs = (getattr(c, name) for c in (constraints, torch.distributions.constraints))
    assert described(ours(*BOUNDED[name])) == described(theirs(*BOUNDED[name]))
    found = ours(*BOUNDED[name]).check(rushlight.tensor(NUMBERS))
    assert found.tolist() == theirs(*BOUNDED[name]).check(torch.tensor(NUMBERS)).tolist()


def test_bounds_may_be_tensors(T):
    inside = T.distributions.constraints.interval(T.tensor([0.0, 2.0]), T.tensor([1.0, 3.0]))
    assert inside.check(T.tensor([[0.5, 0.5], [2.0, 2.5]])).tolist() == [
        [True, False],
        [False, True],
    ]


def test_not_square(T):
    rows = T.ones(2, 3, 4)
    c = T.distributions.constraints
    for constraint in (c.square, c.symmetric, c.positive_definite, c.positive_semidefinite):
        assert constraint.check(rows).tolist() == [False, False]


def test_multinomial(T):
    counts = T.tensor([[1.0, 2.0], [3.0, 3.0], [-1.0, 2.0]])
    c = T.distributions.constraints.multinomial(3)
    assert c.check(counts).tolist() == [True, False, False]
    assert described(c) == ("Multinomial()", True, 1)


def test_several_values_as_one(T):
    c = T.distributions.constraints
    both = c.independent(c.positive, 1)
    assert described(both) == ("IndependentConstraint(GreaterThan(lower_bound=0.0), 1)", False, 1)
    assert both.check(T.tensor([[1.0, 2.0], [1.0, -2.0]])).tolist() == [True, False]
    with pytest.raises(ValueError, match=r"Expected value.dim\(\) >= 1 but got 0"):
        both.check(T.tensor(1.0))
    for arguments, words in [
        ((1, 1), "base_constraint must be a Constraint, got int"),
        ((c.real, 1.0), "reinterpreted_batch_ndims must be an int, got float"),
        ((c.real, -1), "reinterpreted_batch_ndims must be >= 0, got -1"),
    ]:
        with pytest.raises(AssertionError, match=words):
            c.independent(*arguments)


def test_side_by_side(T):
    c = T.distributions.constraints
    x = T.tensor([[1.0, -1.0], [-1.0, -1.0], [0.5, 2.0]])
    joined = c.cat([c.positive, c.unit_interval], 0, [2, 1])
    assert joined.check(x).tolist() == [[True, False], [False, False], [True, False]]
    stacked = c.stack([c.positive, c.integer_interval(-1, 2)], 1)
    assert stacked.check(x).tolist() == [[True, True], [False, True], [True, True]]
    assert (joined.is_discrete, stacked.is_discrete) == (False, True)
    assert (joined.event_dim, stacked.event_dim) == (0, 0)
    assert c.stack([c.simplex, c.simplex], -1).event_dim == 1
    with pytest.raises(AssertionError, match="must match cseq"):
        c.cat([c.real], 0, [1, 2])
    with pytest.raises(AssertionError, match="out of range"):
        stacked.check(T.ones(3))
    with pytest.raises(AssertionError, match="Constraint instances"):
        c.stack([c.interval])


def test_mixture(T):
    c = T.distributions.constraints
    inside = c.MixtureSameFamilyConstraint(c.interval(T.tensor([0.0, 1.0]), T.tensor([2.0, 3.0])))
    assert inside.check(T.tensor([0.5, 1.5, 2.5])).tolist() == [False, True, False]
    assert repr(c.MixtureSameFamilyConstraint(c.real)) == "MixtureSameFamilyConstraint(Real())"


def test_dependent(T):
    c = T.distributions.constraints
    assert c.is_dependent(c.dependent)
    assert not c.is_dependent(c.real)
    with pytest.raises(ValueError, match="Cannot determine validity of dependent constraint"):
        c.dependent.check(T.ones(2))
    for name in ("is_discrete", "event_dim"):
        with pytest.raises(NotImplementedError, match=f".{name} cannot be determined statically"):
            getattr(c.dependent, name)
    known = c.dependent(is_discrete=False)(event_dim=1)
    assert (known.is_discrete, known.event_dim) == (False, 1)


def test_dependent_properties(T):
    c = T.distributions.constraints

    class Uniform:
        def __init__(self, low, high):
            self.low, self.high = low, high

        @c.dependent_property(is_discrete=False, event_dim=0)
        def support(self):
            return c.interval(self.low, self.high)

        @c.dependent_property
        def other(self):
            return c.real

    assert repr(Uniform(1, 2).support) == "Interval(lower_bound=1, upper_bound=2)"
    assert c.is_dependent(Uniform.support)
    assert (Uniform.support.is_discrete, Uniform.support.event_dim) == (False, 0)
    assert repr(Uniform(1, 2).other) == "Real()"
    with pytest.raises(NotImplementedError):
        Uniform.other.event_dim


# --- the registries ---

REGISTERED = [
    "real", "positive", "nonnegative", "unit_interval", "simplex", "corr_cholesky",
    "lower_cholesky", "positive_definite", "positive_semidefinite", "real_vector", "boolean",
    "symmetric", "one_hot",
]  # fmt: skip


@pytest.mark.parametrize("name", REGISTERED)
@pytest.mark.parametrize("kind", ["biject_to", "transform_to"])
def test_registered_transforms(torch, name, kind):
    found = []
    for T in (rushlight, torch):
        try:
            registry = getattr(T.distributions, kind)
            found.append(repr(registry(getattr(T.distributions.constraints, name))))
        except NotImplementedError as error:
            found.append(str(error))
    assert found[0] == found[1]


def all_constraints():
    c = constraints
    return [
        c.real, c.positive, c.greater_than(2.0), c.greater_than_eq(-1.0), c.less_than(0.5),
        c.unit_interval, c.interval(-1.0, 3.0), c.half_open_interval(2.0, 5.0), c.simplex,
        c.corr_cholesky, c.lower_cholesky, c.positive_definite, c.independent(c.positive, 1),
        c.cat([c.positive, c.less_than(0.0)], -1, [4, 2]), c.stack([c.positive] * 6, -1),
    ]  # fmt: skip


@pytest.mark.parametrize("constraint", all_constraints(), ids=repr)
@pytest.mark.parametrize("registry", [biject_to, transform_to], ids=["biject_to", "transform_to"])
def test_transforms_lead_into_the_region(constraint, registry):
    try:
        transform = registry(constraint)
    except NotImplementedError:
        assert registry is biject_to
        return
    is_square = constraint.event_dim == 2 and constraint is not constraints.corr_cholesky
    shape = (5, 3, 3) if is_square else (5, 6)
    x = rushlight.randn(*shape, dtype=rushlight.float64)
    y = transform(x)
    assert constraint.check(y).all()
    again = transform(transform.inv(y))
    assert rushlight.allclose(again, y)
    if registry is biject_to:
        assert transform.bijective
        assert rushlight.allclose(transform.inv(y), x)


def test_registering(T):
    D = T.distributions

    class Even(D.constraints.Constraint):
        pass

    registry = type(D.biject_to)()
    with pytest.raises(NotImplementedError, match="Cannot transform Even constraints"):
        registry(Even())

    @registry.register(Even)
    def to_even(constraint):
        return D.AffineTransform(0.0, 2.0)

    assert isinstance(registry(Even()), D.AffineTransform)
    registry.register(Even(), lambda _: D.ExpTransform())
    assert isinstance(registry(Even()), D.ExpTransform)
    with pytest.raises(TypeError, match="Expected constraint to be either a Constraint subclass"):
        registry.register(int, to_even)
