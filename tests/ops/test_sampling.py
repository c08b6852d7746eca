"""Random operators on tensors: PyTorch's numbers, arguments, layouts, versions, refusals."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import rushlight
from rushlight.ops import sampling
from rushlight.random import Generator, default_generator, get_rng_state, manual_seed


@pytest.fixture(autouse=True)
def seeded() -> None:
    manual_seed(7)


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch")


def as_numpy(x: Any) -> np.ndarray:
    """Return the values of a rushlight or torch tensor; bfloat16 as float32."""
    if hasattr(x, "array"):
        array = x.array
        return array.astype(np.float32) if array.dtype == ml_dtypes.bfloat16 else array
    return x.detach().to(dtype=x.float().dtype if "bfloat16" in str(x.dtype) else x.dtype).numpy()


def permuted(m: Any, dtype: Any = None) -> Any:
    """A dense tensor whose memory order is not that of its dimensions."""
    return m.zeros(4, 5, 6, dtype=dtype or m.float32).permute(2, 0, 1)


# Each is written once and runs on rushlight and on torch.
SAME: dict[str, Callable[[Any], Any]] = {
    "rand": lambda m: m.rand(3, 4),
    "rand of a tuple": lambda m: m.rand((2, 3)),
    "rand by name": lambda m: m.rand(size=(2, 3)),
    "rand of nothing": lambda m: m.rand(0, 3),
    "rand of one number": lambda m: m.rand(()),
    "rand float64": lambda m: m.rand(5, dtype=m.float64),
    "rand complex": lambda m: m.rand(5, dtype=m.complex64),
    "rand bfloat16": lambda m: m.rand(50, dtype=m.bfloat16),
    "rand out": lambda m: m.rand(5, 4, out=m.empty(4, 5).permute(1, 0)),
    "rand out of nothing": lambda m: m.rand(5, 4, out=m.empty(0)),
    "rand out float64": lambda m: m.rand(5, out=m.empty(5, dtype=m.float64)),
    "randn short": lambda m: m.randn(5),
    "randn long": lambda m: m.randn(3, 7),
    "randn half": lambda m: m.randn(40, dtype=m.float16),
    "randn out": lambda m: m.randn(5, 4, out=m.empty(4, 5).permute(1, 0)),
    "randn complex": lambda m: m.randn(9, dtype=m.complex128),
    "rand_like": lambda m: m.rand_like(permuted(m)),
    "rand_like dtype": lambda m: m.rand_like(m.ones(3, dtype=m.int64), dtype=m.float64),
    "randn_like": lambda m: m.randn_like(permuted(m)),
    "randn_like contiguous": lambda m: m.randn_like(permuted(m), memory_format=m.contiguous_format),
    "randint": lambda m: m.randint(10, (7,)),
    "randint low": lambda m: m.randint(-3, 10, (7, 2)),
    "randint by name": lambda m: m.randint(low=2, high=5, size=(7,)),
    "randint high by name": lambda m: m.randint(high=5, size=(7,)),
    "randint uint8": lambda m: m.randint(0, 256, (20,), dtype=m.uint8),
    "randint float": lambda m: m.randint(5, (20,), dtype=m.float32),
    "randint wide": lambda m: m.randint(-(2**40), 2**62, (20,)),
    "randint out": lambda m: m.randint(5, (3,), out=m.empty(3)),
    "randint of a tensor": lambda m: m.randint(m.tensor(5), (7,)),
    "randint_like": lambda m: m.randint_like(permuted(m), 9),
    "randint_like low": lambda m: m.randint_like(m.ones(7), 2, 5),
    "randint_like by name": lambda m: m.randint_like(m.ones(7), low=2, high=5),
    "randperm": lambda m: m.randperm(100),
    "randperm int16": lambda m: m.randperm(100, dtype=m.int16),
    "randperm of nothing": lambda m: m.randperm(0),
    "randperm out": lambda m: m.randperm(5, out=m.empty(0)),
    "normal of numbers": lambda m: m.normal(1.0, 2.0, (3, 7)),
    "normal by name": lambda m: m.normal(mean=1.0, std=2.0, size=(3,)),
    "normal of tensors": lambda m: m.normal(m.arange(20.0), m.arange(20.0) / 10),
    "normal broadcast": lambda m: m.normal(m.ones(3, 1), m.arange(4.0)),
    "normal of means": lambda m: m.normal(m.arange(3.0)),
    "normal of means, std": lambda m: m.normal(m.arange(30.0), 0.1),
    "normal of stds": lambda m: m.normal(2.0, m.arange(30.0)),
    "normal mixed dtypes": lambda m: m.normal(m.arange(5.0, dtype=m.float64), m.ones(5)),
    "normal half": lambda m: m.normal(m.zeros(5, dtype=m.float16), m.ones(5)),
    "normal permuted": lambda m: m.normal(permuted(m), 1.0),
    "normal out": lambda m: m.normal(m.arange(3.0), out=m.empty(3)),
    "bernoulli": lambda m: m.bernoulli(m.arange(20.0) / 20),
    "bernoulli permuted": lambda m: m.bernoulli(permuted(m) + 0.5),
    "bernoulli p": lambda m: m.bernoulli(m.zeros(20, dtype=m.int64), 0.3),
    "bernoulli method": lambda m: (m.arange(20.0, dtype=m.float64) / 20).bernoulli(),
    "bernoulli out": lambda m: m.bernoulli(m.arange(20.0) / 20, out=m.empty(20)),
    "poisson": lambda m: m.poisson(m.arange(30.0)),
    "multinomial": lambda m: m.multinomial(m.arange(30.0), 7),
    "multinomial rows": lambda m: m.arange(30.0).reshape(3, 10).multinomial(4),
    "multinomial again": lambda m: m.multinomial(m.arange(30.0).reshape(3, 10), 40, True),
    "multinomial one": lambda m: m.multinomial(m.arange(30.0), num_samples=1),
    "multinomial out": lambda m: m.multinomial(m.arange(5.0), 2, out=m.empty(2, dtype=m.int64)),
    "uniform_": lambda m: m.zeros(20).uniform_(),
    "uniform_ bounds": lambda m: m.zeros(20).uniform_(-0.3, 0.1),
    "uniform_ by name": lambda m: m.zeros(20).uniform_(**{"from": 2, "to": 3}),
    "uniform_ of tensors": lambda m: m.zeros(20).uniform_(m.tensor(0.0), m.tensor(2.0)),
    "uniform_ permuted": lambda m: permuted(m).uniform_(),
    "uniform_ slice": lambda m: m.zeros(6, 8)[::2, 1:5].uniform_(),
    "normal_": lambda m: m.zeros(20).normal_(1, 0.1),
    "normal_ permuted": lambda m: permuted(m).normal_(),
    "normal_ slice": lambda m: m.zeros(6, 8)[::2, 1:5].normal_(),
    "normal_ by name": lambda m: m.zeros(3).normal_(mean=1, std=0.5),
    "random_": lambda m: m.zeros(20, dtype=m.int64).random_(),
    "random_ to": lambda m: m.zeros(20).random_(100),
    "random_ from to": lambda m: m.zeros(20, dtype=m.int32).random_(-5, 5),
    "random_ by name": lambda m: m.zeros(20, dtype=m.int32).random_(**{"from": 2, "to": 5}),
    "random_ to by name": lambda m: m.zeros(20, dtype=m.int32).random_(to=5),
    "random_ all": lambda m: m.zeros(20, dtype=m.int64).random_(-(2**63), None),
    "bernoulli_": lambda m: m.zeros(20).bernoulli_(),
    "bernoulli_ bool": lambda m: m.zeros(20, dtype=m.bool).bernoulli_(0.8),
    "bernoulli_ of a tensor": lambda m: m.zeros(4, 5).bernoulli_(m.arange(5.0) / 5),
    "bernoulli_ permuted": lambda m: permuted(m).bernoulli_(m.arange(5.0) / 5),
    "exponential_": lambda m: m.zeros(20).exponential_(0.5),
    "exponential_ by name": lambda m: m.zeros(20).exponential_(lambd=2.0),
    "geometric_": lambda m: m.zeros(20, dtype=m.int64).geometric_(0.2),
    "cauchy_": lambda m: m.zeros(20, dtype=m.float64).cauchy_(1, 2),
    "cauchy_ by name": lambda m: m.zeros(20).cauchy_(median=1, sigma=2),
    "log_normal_": lambda m: m.zeros(20).log_normal_(0, 0.5),
    "two short normals": lambda m: (m.randn(3), m.zeros(3).normal_())[1],
    "a normal kept across a long one": lambda m: (m.randn(3), m.randn(20), m.randn(2))[2],
}


@pytest.mark.parametrize("name", SAME)
def test_same_as_torch(torch: ModuleType, name: str) -> None:
    torch.manual_seed(7)
    torch.empty(40).bernoulli_(0.5)
    by_words = Generator().manual_seed(7)
    rushlight.empty(40).bernoulli_(0.5, generator=by_words)
    if by_words.get_state().tolist() != torch.get_rng_state().tolist() and name.startswith(
        ("bernoulli", "exponential", "multinomial")
    ):
        pytest.skip("PyTorch draws these through MKL on this processor")
    torch.manual_seed(7)
    ours, theirs = SAME[name](rushlight), SAME[name](torch)
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert repr(ours.dtype) == repr(theirs.dtype)
    tolerance = 2e-3 if ours.dtype is rushlight.float16 else 1e-6
    np.testing.assert_allclose(as_numpy(ours), as_numpy(theirs), rtol=tolerance, atol=1e-6)
    np.testing.assert_array_equal(get_rng_state().array, torch.get_rng_state().numpy())


# --- arguments ---------------------------------------------------------------------------------

CREATORS: dict[str, Callable[..., Any]] = {
    "rand": lambda **k: rushlight.rand(3, **k),
    "randn": lambda **k: rushlight.randn(3, **k),
    "rand_like": lambda **k: rushlight.rand_like(rushlight.ones(3), **k),
    "randn_like": lambda **k: rushlight.randn_like(rushlight.ones(3), **k),
    "randint": lambda **k: rushlight.randint(9, (3,), **k),
    "randint_like": lambda **k: rushlight.randint_like(rushlight.ones(3), 9, **k),
    "randperm": lambda **k: rushlight.randperm(3, **k),
    "normal": lambda **k: rushlight.normal(0.0, 1.0, (3,), **k),
}
IN_PLACE: dict[str, tuple[Any, ...]] = {
    "uniform_": (),
    "normal_": (),
    "random_": (),
    "bernoulli_": (),
    "exponential_": (),
    "geometric_": (0.5,),
    "cauchy_": (),
    "log_normal_": (),
}


@pytest.mark.parametrize("name", CREATORS)
def test_creators_take_the_common_arguments(name: str) -> None:
    create = CREATORS[name]
    x = create(
        generator=Generator().manual_seed(3),
        dtype=rushlight.float64,
        layout=rushlight.strided,
        device="cpu",
        pin_memory=False,
        requires_grad=True,
    )
    assert x.dtype is rushlight.float64
    assert x.requires_grad
    assert x.is_leaf
    assert (
        x.tolist() == create(generator=Generator().manual_seed(3), dtype=rushlight.float64).tolist()
    )


@pytest.mark.parametrize("name", CREATORS)
def test_a_generator_leaves_the_default_alone(name: str) -> None:
    before = get_rng_state().tolist()
    CREATORS[name](generator=Generator())
    assert get_rng_state().tolist() == before
    CREATORS[name]()
    assert get_rng_state().tolist() != before


@pytest.mark.parametrize("name", CREATORS)
def test_a_generator_is_a_generator(name: str) -> None:
    with pytest.raises(TypeError, match=r"argument 'generator' must be torch\.Generator, not int"):
        CREATORS[name](generator=3)


def test_default_dtype() -> None:
    rushlight.set_default_dtype(rushlight.float64)
    try:
        assert rushlight.rand(2).dtype is rushlight.float64
        assert rushlight.randn(2).dtype is rushlight.float64
        assert rushlight.normal(0, 1, (2,)).dtype is rushlight.float64
        assert rushlight.randint(3, (2,)).dtype is rushlight.int64
    finally:
        rushlight.set_default_dtype(rushlight.float32)


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_writes_bump_the_version(name: str) -> None:
    x = rushlight.zeros(3, 4)
    array, view = x.array, x[1]
    assert getattr(view, name)(*IN_PLACE[name]) is view
    assert x.array is array
    assert (x._version, view._version) == (1, 1)
    assert x.array[0].tolist() == [0, 0, 0, 0]
    assert default_generator.get_state().tolist() != Generator().manual_seed(7).get_state().tolist()


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_with_a_generator(name: str) -> None:
    g, h = Generator().manual_seed(5), Generator().manual_seed(5)
    first = getattr(rushlight.zeros(20), name)(*IN_PLACE[name], generator=g)
    second = getattr(rushlight.zeros(20), name)(*IN_PLACE[name], generator=h)
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_on_a_leaf_that_requires_grad(name: str) -> None:
    x = rushlight.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        getattr(x, name)(*IN_PLACE[name])
    with rushlight.no_grad():
        getattr(x, name)(*IN_PLACE[name])
    assert x._version == 1


@pytest.mark.parametrize("name", IN_PLACE)
def test_what_was_overwritten_gets_no_gradient(name: str) -> None:
    x = rushlight.ones(3, requires_grad=True)
    y = x * 2
    getattr(y, name)(*IN_PLACE[name])
    assert y.requires_grad
    y.backward(rushlight.ones(3))
    assert x.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", IN_PLACE)
def test_expanded_memory_is_refused(name: str) -> None:
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        getattr(rushlight.zeros(1).expand(3), name)(*IN_PLACE[name])


@pytest.mark.parametrize(
    "call",
    [
        rushlight.bernoulli,
        rushlight.poisson,
        rushlight.normal,
        lambda x: rushlight.normal(x, x),
        lambda x: rushlight.normal(x, rushlight.ones(2, 1)),
        lambda x: rushlight.normal(0.0, x),
    ],
)
def test_parameters_get_zero_gradients(call: Any) -> None:
    x = rushlight.full((3,), 0.5, requires_grad=True)
    y = call(x)
    assert y.requires_grad
    y.backward(rushlight.ones(y.shape))
    assert x.grad.tolist() == [0, 0, 0]


def test_multinomial_is_not_differentiable() -> None:
    assert not rushlight.multinomial(rushlight.ones(3, requires_grad=True), 2).requires_grad


def test_draws_without_replacement_are_distinct() -> None:
    drawn = rushlight.multinomial(rushlight.ones(50, 6), 6)
    assert [sorted(row) for row in drawn.tolist()] == [list(range(6))] * 50


def test_zero_weights_are_never_drawn() -> None:
    weights = rushlight.tensor([0.0, 1.0, 0.0, 3.0, 0.0])
    drawn = rushlight.multinomial(weights, 2000, replacement=True).array
    assert set(drawn.tolist()) == {1, 3}
    assert 0.7 < (drawn == 3).mean() < 0.8


def test_out_of_another_shape_is_resized() -> None:
    out = rushlight.empty(3)
    result = rushlight.rand(2, 2, out=out)
    assert result is out
    assert out.shape == (2, 2)


# --- refusals ----------------------------------------------------------------------------------

REFUSED: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda m: m.rand(), TypeError, "rand"),
    (lambda m: m.rand(2.5), TypeError, "must be tuple of ints, not float"),
    (lambda m: m.rand("a"), TypeError, "must be tuple of ints, not str"),
    (lambda m: m.rand(-1), RuntimeError, "negative dimension -1"),
    (lambda m: m.rand(2, dtype=m.int64), NotImplementedError, "not implemented for 'Long'"),
    (lambda m: m.randn(2, dtype=m.bool), NotImplementedError, "not implemented for 'Bool'"),
    (lambda m: m.rand_like(m.ones(2, dtype=m.int32)), NotImplementedError, "'Int'"),
    (lambda m: m.rand_like(3), TypeError, "must be Tensor, not int"),
    (
        lambda m: m.rand(2, out=m.empty(2, dtype=m.float64), dtype=m.float32),
        RuntimeError,
        r"dtype Float does not match dtype of out parameter \(Double\)",
    ),
    (lambda m: m.randint(5, 2), TypeError, "must be tuple of ints, not int"),
    (lambda m: m.randint(1.5, (2,)), TypeError, "must be int, not float"),
    (lambda m: m.randint(True, (2,)), TypeError, "must be int, not bool"),
    (lambda m: m.randint(5), TypeError, "randint"),
    (lambda m: m.randint(1, 2, 3, (2,)), TypeError, "randint"),
    (lambda m: m.randint(5, size=(2,), depth=1), TypeError, "randint"),
    (lambda m: m.randint(6, 5, (2,)), RuntimeError, "from=6 >= to=5"),
    (lambda m: m.randint(0, 257, (2,), dtype=m.uint8), RuntimeError, "to - 1 is out of bounds"),
    (lambda m: m.randint(0, 2**63, (2,)), ValueError, "Overflow when unpacking long long"),
    (lambda m: m.randint(3, (2,), requires_grad=True), RuntimeError, "floating point"),
    (lambda m: m.randperm(-1), RuntimeError, "negative dimension -1"),
    (lambda m: m.randperm(3.5), TypeError, "must be int, not float"),
    (lambda m: m.randperm(257, dtype=m.uint8), RuntimeError, "without overflow"),
    (
        lambda m: m.randperm(3000, dtype=m.float16),
        RuntimeError,
        "cannot be greater than 2049 for Half",
    ),
    (lambda m: m.randperm(4, dtype=m.bool), NotImplementedError, "'Bool'"),
    (lambda m: m.normal(0.0, 1.0), TypeError, "invalid combination of arguments"),
    (lambda m: m.normal(0.0, 1.0, 2), TypeError, "invalid combination of arguments"),
    (lambda m: m.normal(m.ones(2), -2.0), RuntimeError, "expects std >= 0.0, but found std -2"),
    (
        lambda m: m.normal(m.ones(2), m.tensor([1.0, -1])),
        RuntimeError,
        "all elements of std >= 0.0",
    ),
    (lambda m: m.normal(m.ones(2), m.ones(3)), RuntimeError, r"size of tensor a \(2\) must match"),
    (lambda m: m.normal(m.ones(2, dtype=m.int64), 1.0), NotImplementedError, "'Long'"),
    (
        lambda m: m.normal(m.ones(1), m.ones(1, dtype=m.complex64)),
        RuntimeError,
        "standard deviation to be non-complex",
    ),
    (lambda m: m.bernoulli(0.5), TypeError, "must be Tensor, not float"),
    (lambda m: m.bernoulli(m.tensor([1.5])), RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
    (lambda m: m.bernoulli(m.tensor([1])), NotImplementedError, "'Long'"),
    (lambda m: m.zeros(2).bernoulli_(1.5), RuntimeError, r"p to be in \[0, 1\], but got p=1.5"),
    (lambda m: m.zeros(2).bernoulli_("a"), TypeError, "str"),
    (lambda m: m.zeros(2).bernoulli_(m.ones(3)), RuntimeError, "size"),
    (lambda m: m.zeros(2).bernoulli_(m.ones(1, 2)), RuntimeError, "size"),
    (lambda m: m.poisson(m.tensor([1, 2])), NotImplementedError, "'Long'"),
    (lambda m: m.poisson(m.tensor([-1.0])), RuntimeError, "invalid Poisson rate"),
    (lambda m: m.multinomial(m.tensor([1, 2]), 1), RuntimeError, "got: Long"),
    (lambda m: m.multinomial(m.ones(2), 3), RuntimeError, "n_sample > prob_dist.size"),
    (lambda m: m.multinomial(m.ones(2), 0), RuntimeError, "n_sample <= 0 samples"),
    (lambda m: m.multinomial(m.ones(2, 2, 2), 1), RuntimeError, "prob_dist must be 1 or 2 dim"),
    (lambda m: m.multinomial(m.tensor(1.0), 1), RuntimeError, "prob_dist must be 1 or 2 dim"),
    (
        lambda m: m.multinomial(m.ones(3), 2, out=m.empty(2)),
        RuntimeError,
        "Long tensor out, got: Float",
    ),
    (lambda m: m.zeros(2).uniform_("a"), TypeError, "must be float, not str"),
    (lambda m: m.zeros(2).uniform_(a=0), TypeError, "unexpected keyword argument 'a'"),
    (lambda m: m.zeros(2).uniform_(0, 1, 2), TypeError, "uniform_"),
    (lambda m: m.zeros(2).uniform_(0, **{"from": 1}), TypeError, "uniform_"),
    (lambda m: m.zeros(2).random_(2.5), TypeError, "random_"),
    (lambda m: m.zeros(2).random_(0), RuntimeError, "from=0 >= to=0"),
    (lambda m: m.zeros(2).normal_(0, -1), RuntimeError, "expects std >= 0.0"),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_refusals(case: int) -> None:
    call, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        call(rushlight)


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_refusals_are_torchs(torch: ModuleType, case: int) -> None:
    call, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        call(torch)


def test_a_refused_write_leaves_no_trace() -> None:
    x = rushlight.zeros(3, dtype=rushlight.int64)
    before = get_rng_state().tolist()
    with pytest.raises(NotImplementedError):
        x.uniform_()
    assert x._version == 0
    assert get_rng_state().tolist() == before


def test_zero_gradients_are_differentiable_again() -> None:
    x = rushlight.full((3,), 0.5, requires_grad=True)
    y = sampling.normal(x) * x
    (g,) = rushlight.autograd.grad(y, x, rushlight.ones(3), create_graph=True)
    assert g.requires_grad
