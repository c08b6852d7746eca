"""What all distributions have in common, on PyTorch too where it is installed."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

import rushlight
from rushlight.distributions import Distribution, Normal, constraints
from rushlight.distributions.parameters import lazy_property


@pytest.fixture
def Bare(T):
    """A distribution with nothing but what a subclass must write."""
    D = T.distributions

    class Bare(D.Distribution):
        arg_constraints = {"width": D.constraints.positive}

        def __init__(self, width, validate_args=None):
            self.width = width
            super().__init__(width.shape, validate_args=validate_args)

    return Bare


def test_what_a_subclass_has_to_write(T, Bare):
    bare = Bare(T.ones(2))
    assert (tuple(bare.batch_shape), tuple(bare.event_shape)) == ((2,), ())
    for name in ("mean", "variance", "stddev", "support"):
        with pytest.raises(NotImplementedError):
            getattr(bare, name)
    with pytest.raises(NotImplementedError, match="does not implement mode"):
        bare.mode
    for call in (bare.rsample, bare.sample, bare.entropy, bare.perplexity, bare.enumerate_support):
        with pytest.raises(NotImplementedError):
            call()
    for call in (bare.log_prob, bare.cdf, bare.icdf):
        with pytest.raises(NotImplementedError):
            call(T.ones(2))
    with pytest.raises(NotImplementedError):
        bare.expand((3,))
    assert not bare.has_rsample
    assert not bare.has_enumerate_support


def test_parameters_are_checked(T, Bare):
    with pytest.raises(ValueError, match="invalid values") as error:
        Bare(T.tensor([1.0, -1.0]))
    assert str(error.value) == (
        "Expected parameter width (Tensor of shape (2,)) of distribution "
        "Bare(width: torch.Size([2])) to satisfy the constraint GreaterThan(lower_bound=0.0), "
        f"but found invalid values:\n{T.tensor([1.0, -1.0])}"
    )
    assert repr(Bare(T.tensor(-1.0), validate_args=False)) == "Bare(width: -1.0)"


def test_checking_can_be_turned_off(T, Bare):
    D = T.distributions.Distribution
    try:
        D.set_default_validate_args(False)
        Bare(T.tensor([-1.0]))
        with pytest.raises(ValueError, match="to satisfy the constraint"):
            Bare(T.tensor([-1.0]), validate_args=True)
    finally:
        D.set_default_validate_args(True)
    with pytest.raises(ValueError):  # noqa: PT011  PyTorch says nothing
        D.set_default_validate_args("yes")


def test_a_subclass_without_constraints_is_told(T):
    class Nameless(T.distributions.Distribution):
        pass

    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        nameless = Nameless(T.Size((2,)))
    with pytest.warns(UserWarning, match="does not define `support`"):
        nameless._validate_sample(T.ones(2))


def test_values_are_checked(T):
    normal = T.distributions.Independent(T.distributions.Normal(T.zeros(2, 3), 1.0), 1)
    base = T.distributions.Normal(T.zeros(2, 3), 1.0)
    with pytest.raises(ValueError, match="The value argument to log_prob must be a Tensor"):
        base.log_prob(0.0)
    with pytest.raises(ValueError, match="Value is not broadcastable") as error:
        base.log_prob(T.zeros(4))
    assert str(error.value) == (
        "Value is not broadcastable with batch_shape+event_shape: "
        "torch.Size([4]) vs torch.Size([2, 3])."
    )
    with pytest.raises(ValueError, match="The right-most size of value") as error:
        normal._validate_sample(T.zeros(4))
    assert str(error.value) == (
        "The right-most size of value must match event_shape: torch.Size([4]) vs torch.Size([3])."
    )
    with pytest.raises(ValueError, match="to be within the support") as error:
        T.distributions.Exponential(T.tensor([1.0])).log_prob(T.tensor([-1.0]))
    assert str(error.value) == (
        "Expected value argument (Tensor of shape (1,)) to be within the support "
        "(GreaterThanEq(lower_bound=0.0)) of the distribution Exponential(rate: "
        f"{T.tensor([1.0])}), but found invalid values:\n{T.tensor([-1.0])}"
    )
    assert base.log_prob(T.zeros(5, 1, 3)).shape == (5, 2, 3)


def test_shapes_of_samples(T):
    normal = T.distributions.Normal(T.zeros(2), T.ones(2))
    assert normal.sample().shape == (2,)
    assert normal.sample((3,)).shape == (3, 2)
    assert normal.rsample(T.Size((4, 3))).shape == (4, 3, 2)
    assert normal._extended_shape([5]) == (5, 2)
    with pytest.warns(FutureWarning, match="sample_n"):
        assert normal.sample_n(6).shape == (6, 2)


def test_a_subclass_with_its_own_constructor_cannot_be_expanded(T):
    class Standard(T.distributions.Normal):
        def __init__(self):
            super().__init__(0.0, 1.0)

    with pytest.raises(NotImplementedError) as error:
        Standard().expand((2,))
    assert str(error.value) == (
        "Subclass Standard of Normal that defines a custom __init__ method must also define a "
        "custom .expand() method."
    )

    class Plain(T.distributions.Normal):
        pass

    assert type(Plain(0.0, 1.0).expand((2,))) is Plain


def test_expanding_keeps_the_checks(T):
    D = T.distributions
    assert D.LogNormal(0.0, 1.0, validate_args=False).expand((2,))._validate_args is False
    assert D.Gumbel(0.0, 1.0, validate_args=True).expand((2,))._validate_args is True


def test_copies():
    T, D = rushlight, rushlight.distributions
    for made in (D.Normal(T.zeros(2), 1.0), D.Gumbel(T.zeros(2), 1.0), D.LKJCholesky(3, 1.0)):
        for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            T.manual_seed(0)
            drawn = made.sample()
            T.manual_seed(0)
            assert T.equal(again.sample(), drawn)


def test_lazy_properties():
    class Twice:
        count = 0

        @lazy_property
        def value(self):
            """Two."""
            Twice.count += 1
            return rushlight.ones(1, requires_grad=True) * 2

    twice = Twice()
    with rushlight.no_grad():
        assert twice.value.requires_grad
    assert twice.value is twice.value
    assert Twice.count == 1
    assert isinstance(Twice.value, lazy_property)
    assert Twice.value.__doc__ == "Two."


def test_numbers_and_tensors_together(T):
    broadcast_all = T.distributions.normal.broadcast_all
    a, b = broadcast_all(1, 2.5)
    assert (a.dtype, b.dtype) == (T.float32, T.float32)
    a, b = broadcast_all(T.zeros(2, 1, dtype=T.float64), True)
    assert (b.dtype, tuple(b.shape)) == (T.float64, (2, 1))
    with pytest.raises(ValueError, match="Input arguments must all be instances of Number"):
        broadcast_all(T.zeros(2), "3")


def test_the_package_loads_its_parts_when_they_are_used():
    code = (
        "import sys, rushlight; assert 'rushlight.distributions' not in sys.modules\n"
        "from rushlight.distributions import Normal\n"
        "assert 'rushlight.distributions.wishart' not in sys.modules\n"
        "import rushlight.distributions as D\n"
        "D.kl_divergence, D.transforms, D.constraints, D.kl, D.wishart, D.lkj_cholesky\n"
        "assert set(D.__all__) <= set(dir(D))\n"
        "namespace = {}; exec('from rushlight.distributions import *', namespace)\n"
        "assert set(D.__all__) <= set(namespace)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names():
    with pytest.raises(AttributeError, match="has no attribute 'Nromal'"):
        rushlight.distributions.Nromal


def test_every_public_name_of_pytorch(torch):
    for space in ("", ".constraints", ".transforms", ".kl", ".constraint_registry"):
        theirs, ours = (_module(T, space) for T in (torch, rushlight))
        assert [name for name in theirs.__all__ if not hasattr(ours, name)] == []
    missing = [n for n in torch.distributions.utils.__all__
               if not hasattr(rushlight.distributions.parameters, n)]  # fmt: skip
    assert missing == []


def _module(T, space):
    found = T.distributions
    for part in space.split(".")[1:]:
        found = getattr(found, part)
    return found


def test_as_torch():
    """Under `import torch`, the helpers' module has PyTorch's name."""
    code = (
        "import rushlight.compat; rushlight.compat.install()\n"
        "import torch, torch.distributions as D\n"
        "from torch.distributions import Normal, constraints, kl_divergence\n"
        "from torch.distributions.utils import broadcast_all, _standard_normal\n"
        "import torch.distributions.utils as utils\n"
        "from torch.distributions.transforms import TanhTransform\n"
        "assert D.utils is utils and utils.broadcast_all is broadcast_all\n"
        "assert torch.distributions.Normal is D.normal.Normal is Normal\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bases():
    assert issubclass(Normal, Distribution)
    assert constraints.is_dependent(Distribution.support) is False
