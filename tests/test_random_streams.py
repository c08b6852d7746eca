"""Random streams: PyTorch's numbers (golden, and live where it is installed), states, seeds."""

from __future__ import annotations

import copy
import importlib.util
import json
import pickle
import random
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from rushlight import random as streams
from rushlight._tensor import wrap
from rushlight.errors import RushlightWarning
from rushlight.kernels.random import draw, fill, normal_blocks_, permutation_of, rejection
from rushlight.kernels.random.mt19937 import STATE, Stream

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "random_streams.npz"
# Relative to max(1, |x|): transcendental functions differ in the last digit, all else is exact.
TOLERANCE = {"float16": 1e-3, "bfloat16": 8e-3, "float32": 1e-6, "float64": 1e-14}
TOLERANCE |= {"complex64": 1e-6, "complex128": 1e-14}
EXACT_CALLS = ("random", "random_full", "bernoulli", "bernoulli_each", "randperm", "poisson")


def numpy_dtype(name: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def fractions(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    count = int(np.prod(shape))
    numbers = (np.arange(1, count + 1) * 7919 % 1009 / 1009).reshape(shape)
    return numbers.astype(numpy_dtype(dtype))


FILLS: dict[str, Any] = {
    "uniform": fill.uniform,
    "normal": fill.normal,
    "random": fill.integers,
    "random_full": fill.any_integers,
    "bernoulli": fill.bernoulli,
    "bernoulli_each": lambda out, stream, p: fill.bernoulli(out, stream, fractions(out.shape, p)),
    "exponential": fill.exponential,
    "geometric": fill.geometric,
    "cauchy": fill.cauchy,
    "log_normal": fill.log_normal,
}


def target(step: dict[str, Any]) -> np.ndarray:
    """Make the array a step draws into: every `stride`-th entry, axes in `order`."""
    base = np.zeros([n * step["stride"] for n in step["shape"]], numpy_dtype(step["dtype"]))
    window = base[tuple(slice(None, None, step["stride"]) for _ in step["shape"])]
    return np.asarray(window).transpose(step["order"])


def play(step: dict[str, Any], stream: Stream) -> np.ndarray:
    args = step["args"]
    if step["call"] == "randperm":
        return draw.permutation(*args, stream)
    if step["call"] == "multinomial":
        return draw.multinomial(fractions((3, 9), step["dtype"]), *args, stream)
    if step["call"] == "poisson":
        rates = fractions((2, 5), step["dtype"])
        return rejection.poisson(rates * rates.dtype.type(args[0]), stream)
    out = target(step)
    FILLS[step["call"]](out, stream, *args)
    return out


def check(step: dict[str, Any], ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    kind = ours.dtype.name if step["call"] not in EXACT_CALLS else ""
    if kind not in TOLERANCE:
        np.testing.assert_array_equal(ours, theirs, err_msg=str(step))
        return
    wide = np.complex128 if ours.dtype.kind == "c" else np.float64
    a, b = ours.astype(wide), theirs.astype(wide)
    same = a == b  # infinities
    error = np.abs(np.where(same, 0, a) - np.where(same, 0, b))
    assert (error <= TOLERANCE[kind] * np.maximum(1, np.abs(b))).all(), step


def golden() -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield the programs, and what is left of the values before each."""
    with np.load(GOLDEN) as data:
        values = data["values"]
        for program in json.loads(str(data["programs"])):
            yield program, values
            size = sum(play(step, Stream(0)).nbytes for step in program["steps"])
            values = values[size:]


def test_golden_programs() -> None:
    programs = 0
    for program, values in golden():
        stream = Stream(program["seed"])
        for step in program["steps"]:
            ours = play(step, stream)
            theirs = values[: ours.nbytes].view(ours.dtype).reshape(ours.shape)
            values = values[ours.nbytes :]
            check(step, ours, theirs)
        assert zlib.crc32(stream.get_state().tobytes()) == program["state"]
        programs += 1
    assert programs == 120


# --- with PyTorch ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def tool(torch: ModuleType) -> ModuleType:
    """The program generator that also made the golden file."""
    spec = importlib.util.spec_from_file_location(
        "make_golden_random", ROOT / "tools" / "make_golden_random.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if draws_by_mkl(torch):
        for call in ("bernoulli", "exponential", "multinomial"):
            del module.CALLS[call]
    return module


def draws_by_mkl(torch: ModuleType) -> bool:
    """Whether PyTorch takes one word for many draws, as it does through MKL on Intel processors."""
    torch.manual_seed(0)
    torch.empty(40).bernoulli_(0.5)
    stream = Stream(0)
    stream.words64(40)
    return not np.array_equal(stream.get_state(), torch.get_rng_state().numpy())


@pytest.mark.parametrize("seed", range(40))
def test_live_programs(tool: ModuleType, torch: ModuleType, seed: int) -> None:
    pick = random.Random(seed + 1000)
    shapes = [*tool.SHAPES, (1000,), (40001,), (70, 513), (32768,), (8, 3, 33, 2)]
    program = tool.program(pick, length=12, shapes=shapes)
    torch.manual_seed(program["seed"])
    stream = Stream(program["seed"])
    for step in program["steps"]:
        theirs = tool.to_numpy(tool.draw(step))
        ours = play(step, stream)
        check(step, ours, theirs.view(ours.dtype))
        np.testing.assert_array_equal(stream.get_state(), tool.state(), err_msg=str(step))


def test_states_are_torchs_both_ways(torch: ModuleType) -> None:
    generator = torch.Generator().manual_seed(3)
    for words in (0, 1, 623, 1, 624, 5):
        torch.rand(words, generator=generator)
        torch.randn(3, generator=generator)  # leaves a kept value
        ours = streams.Generator().set_state(wrap(generator.get_state().numpy()))
        np.testing.assert_array_equal(ours.get_state().array, generator.get_state().numpy())
        back = torch.Generator()
        back.set_state(torch.from_numpy(ours.get_state().array))
        z = np.empty(5)
        fill.normal(z, ours.stream)
        expected = torch.randn(5, generator=back, dtype=torch.float64)
        np.testing.assert_allclose(z, expected.numpy(), rtol=1e-14)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("float32", 2**24 + 1, 2**24 + 9),
        ("float32", 2**25 + 1, 2**25 + 9),
        ("float32", 2**25 + 2, 2**25 + 11),
        ("float32", -(2**25) - 9, -(2**25) - 1),
        ("float16", 2049, 2100),
        ("float16", -2101, 2101),
        ("bfloat16", 259, 301),
    ],
)
@pytest.mark.filterwarnings("ignore:.*out of bounds")
def test_integer_bounds_that_round(torch: ModuleType, dtype: str, low: int, high: int) -> None:
    torch.manual_seed(7)
    theirs = torch.empty(500, dtype=getattr(torch, dtype)).random_(low, high)
    ours = np.empty(500, numpy_dtype(dtype))
    fill.integers(ours, Stream(7), low, high)
    np.testing.assert_array_equal(ours.astype(np.float64), theirs.double().numpy())


# --- streams and generators --------------------------------------------------------------------


def test_words_do_not_depend_on_how_they_are_asked_for() -> None:
    counts = [1, 5, 2047, 2048, 5000, 3]
    stream = Stream(9)
    parts = np.concatenate([stream.words32(n) for n in counts])
    whole = Stream(9).words32(sum(counts))
    np.testing.assert_array_equal(parts, whole)
    pairs = Stream(9).words64(4000)
    np.testing.assert_array_equal(pairs >> np.uint64(32), whole[:8000:2])
    np.testing.assert_array_equal(pairs & np.uint64(0xFFFFFFFF), whole[1:8000:2])
    np.testing.assert_array_equal(Stream(9).words64(10), pairs[:10])


@pytest.mark.parametrize(
    ("seed", "stored"), [(0, 0), (5, 5), (-1, 2**64 - 1), (-(2**63), 2**63), (2**64 - 1, 2**64 - 1)]
)
def test_seed_range(seed: int, stored: int) -> None:
    assert streams.Generator().manual_seed(seed).initial_seed() == stored


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_seed_out_of_range(seed: int) -> None:
    with pytest.raises(ValueError, match="Overflow when unpacking long long"):
        streams.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [True, 1.0, None, "1"])
def test_seed_of_another_type(seed: Any) -> None:
    with pytest.raises(RuntimeError, match="manual_seed expected a long, but got"):
        streams.Generator().manual_seed(seed)


def test_only_the_low_half_of_a_seed_counts() -> None:
    np.testing.assert_array_equal(Stream(2**40 + 5).words32(9), Stream(5).words32(9))


def test_a_fresh_generator_has_torchs_default_seed() -> None:
    assert streams.Generator().initial_seed() == 67280421310721


def test_seed_draws_a_new_seed() -> None:
    g = streams.Generator()
    seeds = {g.seed() for _ in range(4)}
    assert len(seeds) == 4
    assert g.initial_seed() in seeds


def numbers(generator: streams.Generator, count: int = 7) -> list[float]:
    """Draw by a way that leaves a kept value."""
    z = np.empty(count)
    fill.normal(z, generator.stream)
    return z.tolist()


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, copy.copy, lambda g: pickle.loads(pickle.dumps(g)), lambda g: g.clone_state()],
)
def test_copies_continue_alike_and_apart(duplicate: Any) -> None:
    g = streams.Generator().manual_seed(1)
    numbers(g)
    twin = duplicate(g)
    assert twin.device == g.device
    assert numbers(twin) == numbers(g)
    assert twin.stream is not g.stream


def test_states_are_checked() -> None:
    g = streams.Generator()
    state = g.get_state().array
    with pytest.raises(TypeError, match=r"expected a torch\.ByteTensor, but got ndarray"):
        g.set_state(state)
    with pytest.raises(TypeError, match=r"RNG state must be a torch\.ByteTensor"):
        g.set_state(wrap(state.astype(np.int64)))
    with pytest.raises(RuntimeError, match="size 5056 but found the input RNG state size to be 10"):
        g.set_state(wrap(state[:10]))
    for field, value in (("left", 0), ("left", 625), ("seeded", 0), ("next", 625)):
        spoilt = np.frombuffer(state.tobytes(), STATE).copy()
        spoilt[field] = value
        with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
            g.set_state(wrap(spoilt.view(np.uint8)))


def test_default_generator() -> None:
    before = streams.get_rng_state()
    try:
        assert streams.manual_seed(11) is streams.default_generator
        assert streams.initial_seed() == 11
        first = numbers(streams.default_generator)
        kept = streams.get_rng_state()
        second = numbers(streams.default_generator)
        streams.set_rng_state(kept)
        assert numbers(streams.default_generator) == second
        streams.manual_seed(11)
        assert numbers(streams.default_generator) == first
        assert streams.seed() == streams.initial_seed()
    finally:
        streams.set_rng_state(before)


def test_fork_rng_restores_even_after_an_error() -> None:
    streams.manual_seed(4)
    expected = numbers(streams.Generator().manual_seed(4))
    with pytest.raises(TypeError), streams.fork_rng():
        numbers(streams.default_generator, count=numbers(streams.default_generator))  # type: ignore[arg-type]
    assert numbers(streams.default_generator) == expected


def test_fork_rng_disabled() -> None:
    streams.manual_seed(4)
    with streams.fork_rng(enabled=False):
        first = numbers(streams.default_generator)
    assert numbers(streams.default_generator) != first


def test_draws_of_two_threads_do_not_mix() -> None:
    stream = Stream(0)

    def work() -> None:
        for _ in range(50):
            fill.normal(np.empty(3), stream)
            fill.uniform(np.empty(70_000, np.float32), stream)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    alone = Stream(0)
    # Pairs: 100 draws of 3 take 150 pairs whatever the order, if no draw is torn apart.
    alone.words64(300)
    for _ in range(100):
        alone.words32(70_000)
    assert stream.kept_normal is None
    np.testing.assert_array_equal(stream.get_state(), alone.get_state())


# --- transformations ---------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 4, 7, 64, 65, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_permutation_equals_swapping(n: int, seed: int) -> None:
    steps = np.random.RandomState(seed).randint(0, 2**32, n - 1, dtype=np.uint32)
    steps %= np.arange(n, 1, -1, dtype=np.uint32)
    expected = list(range(n))
    for i, step in enumerate(steps.tolist()):
        expected[i], expected[i + step] = expected[i + step], expected[i]
    assert permutation_of(steps).tolist() == expected


@pytest.mark.parametrize("step", [0, "last"])
def test_permutation_of_extreme_steps(step: Any) -> None:
    n = 300
    steps = np.zeros(n - 1, np.uint32)
    if step == "last":
        steps[:] = np.arange(n - 1, 0, -1)
    expected = list(range(n)) if step == 0 else [n - 1, *range(n - 1)]
    assert permutation_of(steps).tolist() == expected


def test_permutation_wider_than_a_32_bit_key() -> None:
    p = draw.permutation(70_000, Stream(2))
    np.testing.assert_array_equal(np.sort(p), np.arange(70_000))
    assert (p != np.arange(70_000)).mean() > 0.99


def test_normal_blocks_follow_the_formula() -> None:
    u = Stream(1).words64(64) % np.uint64(1000) / 1000
    z = u.copy()
    normal_blocks_(z)
    u1, u2 = u.reshape(4, 2, 8)[:, 0], u.reshape(4, 2, 8)[:, 1]
    r = np.sqrt(-2 * np.log(1 - u1))
    expected = np.stack([r * np.cos(2 * np.pi * u2), r * np.sin(2 * np.pi * u2)], axis=1)
    np.testing.assert_allclose(z, expected.ravel(), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_uniform_stays_below_its_upper_bound(dtype: str) -> None:
    out = np.empty(100_000, numpy_dtype(dtype))
    fill.uniform(out, Stream(0), 0.1, 0.3)
    assert out.max() < numpy_dtype(dtype).type(0.3)
    assert out.min() >= numpy_dtype(dtype).type(0.1)


# --- refusals ----------------------------------------------------------------------------------


def array(dtype: str) -> np.ndarray:
    return np.empty(3, numpy_dtype(dtype))


@pytest.mark.parametrize(
    ("call", "dtype", "args", "error", "words"),
    [
        ("uniform", "float32", [1, 0], RuntimeError, r"found from=1 > to=0"),
        ("uniform", "float32", [0, 1e39], RuntimeError, "to is out of bounds"),
        ("uniform", "float16", [0, 70000], RuntimeError, "to is out of bounds"),
        ("uniform", "float32", [float("nan"), 1], RuntimeError, "from is out of bounds"),
        ("uniform", "float32", [-3e38, 3e38], RuntimeError, "to-from to exceed the limit"),
        ("uniform", "int64", [0, 1], NotImplementedError, "not implemented for 'Long'"),
        ("normal", "float32", [0, -1], RuntimeError, r"expects std >= 0.0, but found std -1"),
        ("normal", "float32", [0, float("nan")], RuntimeError, "but found std nan"),
        ("normal", "int32", [0, 1], NotImplementedError, "not implemented for 'Int'"),
        ("random", "int64", [5, 5], RuntimeError, "'from' to be less than 'to', but got from=5 >="),
        ("random", "uint8", [0, 257], RuntimeError, "to - 1 is out of bounds"),
        ("random", "uint8", [-1, 3], RuntimeError, "from is out of bounds"),
        ("random", "bool", [0, 3], RuntimeError, "to - 1 is out of bounds"),
        ("random", "float16", [0, 70000], RuntimeError, "to - 1 is out of bounds"),
        ("random", "complex64", [0, 3], RuntimeError, "handles only integral, floating-point and"),
        ("random_full", "complex64", [], NotImplementedError, "'ComplexFloat'"),
        (
            "bernoulli",
            "float32",
            [1.5],
            RuntimeError,
            r"expects p to be in \[0, 1\], but got p=1.5",
        ),
        ("bernoulli", "complex64", [0.5], NotImplementedError, "'ComplexFloat'"),
        ("bernoulli_each", "float32", ["int64"], NotImplementedError, "'Long'"),
        ("exponential", "float32", [0], RuntimeError, r"lambda > 0.0, but found lambda=0"),
        ("exponential", "int64", [1], RuntimeError, "continuous probability distribution"),
        ("geometric", "float32", [1], RuntimeError, r"p to be in \(0, 1\), but got p=1"),
        ("geometric", "bool", [0.5], NotImplementedError, "'Bool'"),
        ("cauchy", "float32", [0, 0], RuntimeError, r"sigma > 0.0, but found sigma=0"),
        ("cauchy", "int64", [0, 1], RuntimeError, "continuous probability distribution"),
        ("log_normal", "float32", [0, 0], RuntimeError, r"std > 0.0, but found std=0"),
        ("log_normal", "int64", [0, 1], NotImplementedError, "'Long'"),
    ],
)
def test_refusals(call: str, dtype: str, args: list[Any], error: Any, words: str) -> None:
    stream = Stream(0)
    before = stream.get_state()
    with pytest.raises(error, match=words):
        FILLS[call](array(dtype), stream, *args)
    np.testing.assert_array_equal(stream.get_state(), before)


def test_probabilities_are_checked() -> None:
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(RuntimeError, match="Expected p_in >= 0 && p_in <= 1 to be true"):
            fill.bernoulli(array("float32"), Stream(0), np.full(3, p))


def test_bounds_beyond_exact_integers_warn() -> None:
    with pytest.warns(RushlightWarning, match=r"out of bounds \[-\(2\^24\), 2\^24\]"):
        fill.integers(array("float32"), Stream(0), 0, 2**25)


@pytest.mark.parametrize(
    ("weights", "replacement", "words"),
    [
        ([1.0, -1.0], False, "either `inf`, `nan` or element < 0"),
        ([1.0, float("nan")], False, "either `inf`, `nan` or element < 0"),
        ([0.0, 0.0], False, "sum of probabilities <= 0"),
        ([0.0, 0.0], True, "sum of probabilities <= 0"),
        ([1.0, -1.0], True, "encountering probability entry < 0"),
        ([1.0, float("inf")], True, "encountering probability entry = infinity or NaN"),
    ],
)
def test_weights_are_checked(weights: list[float], replacement: bool, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        draw.multinomial(np.array(weights), 2, replacement, Stream(0))


def test_negative_rate() -> None:
    with pytest.raises(RuntimeError, match="invalid Poisson rate"):
        rejection.poisson(np.array([1.0, -2.0]), Stream(0))
