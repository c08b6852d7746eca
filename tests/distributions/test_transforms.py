"""Transforms next to PyTorch's, and next to derivatives taken numerically."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest

import rushlight

# Each in either framework (D: distributions, t: makes a tensor), and a shape of its input.
CASES = {
    "exp": (lambda D, t: D.ExpTransform(), (3, 4)),
    "power": (lambda D, t: D.PowerTransform(2.0), (3,)),
    "powers": (lambda D, t: D.PowerTransform(t([1.0, -2.0])), (3, 2)),
    "sigmoid": (lambda D, t: D.SigmoidTransform(), (3,)),
    "softplus": (lambda D, t: D.SoftplusTransform(), (5,)),
    "tanh": (lambda D, t: D.TanhTransform(), (4,)),
    "abs": (lambda D, t: D.AbsTransform(), (4,)),
    "affine": (lambda D, t: D.AffineTransform(1, 2), (4,)),
    "affines": (lambda D, t: D.AffineTransform(t([1.0, 2.0]), t([[2.0], [-3.0]])), (2, 2)),
    "affine number, vectors": (lambda D, t: D.AffineTransform(0.0, -2.0, event_dim=1), (3, 2)),
    "affine vectors": (lambda D, t: D.AffineTransform(t([1.0, 2.0]), t([3.0, 4.0]), 1), (3, 2)),
    "cumulative": (
        lambda D, t: D.CumulativeDistributionTransform(D.Normal(t(0.5), t(2.0))),
        (4,),
    ),
    "softmax": (lambda D, t: D.SoftmaxTransform(), (2, 4)),
    "stick breaking": (lambda D, t: D.StickBreakingTransform(), (2, 4)),
    "lower cholesky": (lambda D, t: D.LowerCholeskyTransform(), (2, 3, 3)),
    "positive definite": (lambda D, t: D.PositiveDefiniteTransform(), (2, 3, 3)),
    "correlation": (lambda D, t: D.CorrCholeskyTransform(), (2, 6)),
    "identity": (lambda D, t: D.identity_transform, (3,)),
    "composed": (
        lambda D, t: D.ComposeTransform([D.AffineTransform(1, 2), D.ExpTransform()]),
        (3,),
    ),
    "composed vectors": (
        lambda D, t: D.ComposeTransform(
            [D.ExpTransform(), D.StickBreakingTransform(), D.AffineTransform(1.0, 2.0)]
        ),
        (2, 3),
    ),
    "composed shapes": (
        lambda D, t: D.ComposeTransform([D.ReshapeTransform((4,), (2, 2)), D.ExpTransform()]),
        (3, 4),
    ),
    "independent": (lambda D, t: D.IndependentTransform(D.ExpTransform(), 1), (3, 2)),
    "reshape": (lambda D, t: D.ReshapeTransform((2, 3), (6,)), (4, 2, 3)),
    "cat": (
        lambda D, t: D.CatTransform([D.ExpTransform(), D.identity_transform], 0, [2, 1]),
        (3, 2),
    ),
    "cat of vectors": (
        lambda D, t: D.CatTransform([D.SoftmaxTransform(), D.SoftmaxTransform()], -1, [2, 3]),
        (3, 5),
    ),
    "stack": (lambda D, t: D.StackTransform([D.ExpTransform(), D.TanhTransform()], 1), (3, 2)),
    "stack of vectors": (
        lambda D, t: D.StackTransform([D.StickBreakingTransform(), D.StickBreakingTransform()]),
        (2, 3),
    ),
}
SHAPES = [(2, 2), (3,), (), (4, 6), (2, 3, 3), (5, 2, 3), (1, 5), (2, 4)]


def make(T, name):
    return CASES[name][0](T.distributions, lambda v: T.tensor(v, dtype=T.float64))


def outcome(function, *args):
    """Return what a function returns, or what it raises."""
    try:
        return function(*args)
    except (NotImplementedError, ValueError, RuntimeError, AssertionError) as error:
        return type(error), str(error)


def same(ours, theirs, tolerance=1e-12):
    if isinstance(theirs, tuple):
        assert ours == theirs
        return
    ours, theirs = ours.detach().numpy(), theirs.detach().numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, tolerance, tolerance)


@pytest.fixture(params=CASES)
def name(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["forward", "inverse"])
def inverse(request):
    return request.param


def both(name, inverse, torch):
    """Return the transforms, and an input of each."""
    x = np.random.RandomState(0).randn(*CASES[name][1])
    if name.startswith("power"):
        x = abs(x) + 0.1
    ours, theirs = make(rushlight, name), make(torch, name)
    if inverse:
        x = theirs(torch.tensor(x)).numpy()
        ours, theirs = ours.inv, theirs.inv
    inputs = [T.tensor(x, requires_grad=True) for T in (rushlight, torch)]
    return (ours, inputs[0]), (theirs, inputs[1])


def test_values(name, inverse, torch):
    results = []
    for transform, x in both(name, inverse, torch):
        y = transform(x)
        (y * y).sum().backward()
        results.append((y, x.grad, outcome(transform.log_abs_det_jacobian, x, y)))
    for ours, theirs in zip(*results, strict=True):
        same(ours, theirs, 1e-10)


def test_descriptions(name, inverse, torch):
    (ours, x), (theirs, z) = both(name, inverse, torch)
    for what in ("bijective", "event_dim", "domain", "codomain"):
        found = [repr(outcome(getattr, t, what)) for t in (ours, theirs)]
        assert found[0] == found[1]
    for region in ("domain", "codomain"):
        for what in ("is_discrete", "event_dim"):
            read = operator.attrgetter(f"{region}.{what}")
            found = [outcome(read, t) for t in (ours, theirs)]
            assert found[0] == found[1]
    signs = [outcome(lambda t=t: np.asarray(t.sign).tolist()) for t in (ours, theirs)]
    assert signs[0] == signs[1]
    same(ours.codomain.check(ours(x)), theirs.codomain.check(theirs(z)))
    assert repr(ours) == repr(theirs)


def test_shapes(name, inverse, torch):
    transforms = [t for t, _ in both(name, inverse, torch)]
    for shape in SHAPES:
        for way in ("forward_shape", "inverse_shape"):
            ours, theirs = (
                outcome(getattr(t, way), T.Size(shape))
                for t, T in zip(transforms, (rushlight, torch), strict=True)
            )
            is_error = theirs[:1] == (RuntimeError,)  # of broadcasting, with other words
            assert (ours[0] if is_error else ours) == (theirs[0] if is_error else theirs)


def test_equality(torch):
    names = [n for n in CASES if n not in ("powers", "affines", "affine vectors")]
    made = {T: {n: (make(T, n), make(T, n)) for n in names} for T in (rushlight, torch)}
    for a in names:
        for b in names:
            found = [made[T][a][0] == made[T][b][1] for T in (rushlight, torch)]
            assert found[0] == found[1], (a, b)
            found = [made[T][a][0].inv == made[T][b][1].inv for T in (rushlight, torch)]
            assert found[0] == found[1], (a, b)


def test_inverses_return(name):
    transform = make(rushlight, name)
    assert transform.inv.inv is transform
    x = rushlight.rand(*CASES[name][1], dtype=rushlight.float64) + 0.1
    y = transform(x)
    assert rushlight.allclose(transform(transform.inv(y)), y)
    if transform.bijective:
        assert rushlight.allclose(transform.inv(y), x)


def test_caches(T, name):
    cached = make(T, name).with_cache()
    x = T.rand(*CASES[name][1], dtype=T.float64) + 0.1
    y = cached(x)
    if not isinstance(cached, (T.distributions.CatTransform, T.distributions.StackTransform)):
        assert cached.inv(y) is x
        assert cached(x) is y
    assert cached.with_cache(1) is cached
    assert T.equal(cached.with_cache(0)(x), y)
    assert T.equal(cached.inv.with_cache(0).inv(x), y)


@pytest.mark.parametrize(
    "name", ["exp", "power", "sigmoid", "softplus", "tanh", "affine", "cumulative", "composed"]
)
def test_jacobians_of_numbers(name):
    x = rushlight.tensor([0.3, 0.7, 1.5], dtype=rushlight.float64, requires_grad=True)
    transform = make(rushlight, name)
    y = transform(x)
    (slope,) = rushlight.autograd.grad(y.sum(), x)
    assert rushlight.allclose(transform.log_abs_det_jacobian(x, y), slope.abs().log())


@pytest.mark.parametrize("name", ["stick breaking", "correlation"])
def test_jacobians_of_vectors(name):
    """By the determinant over the coordinates that can be chosen freely."""
    transform = make(rushlight, name)
    x = rushlight.tensor([0.3, -0.2, 0.8], dtype=rushlight.float64)

    def free(x):
        y = transform(x)
        return y[:-1] if y.ndim == 1 else rushlight.stack([y[1, 0], y[2, 0], y[2, 1]])

    jacobian = rushlight.autograd.functional.jacobian(free, x)
    found = transform.log_abs_det_jacobian(x, transform(x))
    assert rushlight.allclose(found, jacobian.det().abs().log())


def test_ends_of_the_interval(T):
    """Values stay inside even where the sigmoid rounds to 0 or 1."""
    D = T.distributions
    for transform in (D.SigmoidTransform(), D.StickBreakingTransform()):
        y = transform(T.tensor([-1000.0, 1000.0, 1000.0]))
        assert (y[0] > 0).all()
        assert T.isfinite(transform.inv(y)).all()
    assert D.SigmoidTransform()(T.tensor([-1e4, 1e4])).tolist() == [
        T.finfo(T.float32).tiny,
        1 - T.finfo(T.float32).eps,
    ]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda D, T: D.ExpTransform(cache_size=2), "cache_size must be 0 or 1"),
        (lambda D, T: D.ReshapeTransform((2,), (3,)), "different numbers of elements"),
        (lambda D, T: D.SoftmaxTransform().forward_shape(()), "Too few dimensions on input"),
        (lambda D, T: D.CorrCholeskyTransform().forward_shape((4,)), "not a flattened lower-diag"),
        (lambda D, T: D.CorrCholeskyTransform().inverse_shape((4, 3)), "Input is not square"),
        (
            lambda D, T: D.IndependentTransform(D.ExpTransform(), 2)(T.ones(2)),
            "Too few dimensions on input",
        ),
        (lambda D, T: D.StickBreakingTransform().inv.event_dim, None),
        (lambda D, T: D.CorrCholeskyTransform().event_dim, "Please use either .domain.event_dim"),
    ],
)
def test_errors(T, make, words):
    if words is None:
        assert make(T.distributions, T) == 1
        return
    with pytest.raises(ValueError, match=words):
        make(T.distributions, T)


def test_wrong_parts(T):
    D = T.distributions
    for kind in (D.CatTransform, D.StackTransform):
        with pytest.raises(AssertionError, match="must be Transform instances"):
            kind([3])
    with pytest.raises(AssertionError, match=r"lengths \(2\) must match transforms \(1\)"):
        D.CatTransform([D.ExpTransform()], lengths=[1, 2])
    for transform, words in [
        (D.CatTransform([D.ExpTransform()], lengths=[2]), r"x.size\(0\) = 3 must equal length 2"),
        (D.StackTransform([D.ExpTransform()]), r"must equal len\(transforms\) 1"),
        (D.StackTransform([D.ExpTransform()], dim=1), "dim 1 out of range for tensor with 1"),
    ]:
        with pytest.raises(AssertionError, match=words):
            transform(T.ones(3))


def test_transforms_of_users(T):
    D = T.distributions

    class Cubed(D.Transform):
        domain = codomain = D.constraints.real
        bijective, sign = True, 1

        def _call(self, x):
            return x**3

        def _inverse(self, y):
            return y.sign() * y.abs() ** (1 / 3)

        def log_abs_det_jacobian(self, x, y):
            return (3 * x**2).log()

    assert Cubed(cache_size=1).with_cache(0)._cache_size == 0
    assert Cubed() != Cubed()
    made = D.TransformedDistribution(D.Uniform(1.0, 2.0), [Cubed()])
    assert made.log_prob(T.tensor(3.375)).exp().item() == pytest.approx(1 / (3 * 1.5**2))
    assert made.cdf(T.tensor(3.375)).item() == pytest.approx(0.5, abs=1e-6)

    class Scaled(Cubed):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

    with pytest.raises(NotImplementedError, match="with_cache is not implemented"):
        Scaled(2.0).with_cache()
    with pytest.raises(NotImplementedError):
        D.Transform().sign


def test_copies():
    """In PyTorch an inverse loses its transform."""
    T, D = rushlight, rushlight.distributions
    transform = D.ComposeTransform([D.AffineTransform(1.0, 2.0), D.ExpTransform().inv])
    transform.inv  # made once, and not copied
    for again in (copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
        assert again == transform
        assert again(T.ones(1)).item() == transform(T.ones(1)).item()
