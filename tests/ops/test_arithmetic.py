"""Arithmetic beyond what holds for every operator: dtypes, integers, signs, writing in place."""

from __future__ import annotations

import operator
import warnings

import numpy as np
import pytest

import rushlight as rl
from rushlight._tensor import wrap

SIGNS = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
]
IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv]


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("sign", SIGNS, ids=lambda f: f.__name__)
def test_signs_take_numbers_on_both_sides(sign):
    x = np.array([1.5, 2.5, 4.0])
    np.testing.assert_allclose(sign(rl.tensor(x), 2).array, sign(x, 2))
    np.testing.assert_allclose(sign(2, rl.tensor(x)).array, sign(2, x))
    np.testing.assert_allclose(sign(np.float64(2), rl.tensor(x)).array, sign(2, x))


@pytest.mark.parametrize("sign", SIGNS, ids=lambda f: f.__name__)
def test_foreign_operands_get_their_chance(sign):
    class Foreign:
        def __getattr__(self, name):
            raise AttributeError(name)

        def _answer(self, other):
            return "foreign"

        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = (
            _answer
        )

    assert sign(rl.ones(2), Foreign()) == "foreign"
    with pytest.raises(TypeError, match="unsupported operand"):
        sign(rl.ones(2), object())


def test_comparison_with_something_else_is_false_not_an_error():
    x = rl.ones(2)
    assert (x == None) is False  # noqa: E711
    assert (x != "a") is True
    with pytest.raises(TypeError, match="not supported between"):
        x < "a"  # noqa: B015


@pytest.mark.parametrize("function", [rl.floor_divide, rl.remainder, rl.fmod])
def test_integer_division_by_zero(function):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        function(rl.tensor([1, 2]), 0)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        function(rl.tensor([1, 2]), rl.tensor([1, 0]))


def test_division_by_zero_is_silent_for_floats_and_numpy_still_warns():
    assert (rl.tensor([1.0, -1.0, 0.0]) / 0).tolist()[:2] == [np.inf, -np.inf]
    rl.tensor([1e38]) * 1e38
    rl.tensor([-1.0]).log()
    with pytest.warns(RuntimeWarning):
        np.ones(1) / 0


def test_rounded_quotients_of_negative_integers():
    x, y = rl.tensor([7, -7, 7, -7, 6]), rl.tensor([2, 2, -2, -2, -3])
    assert rl.div(x, y, rounding_mode="floor").tolist() == [3, -4, -4, 3, -2]
    assert rl.div(x, y, rounding_mode="trunc").tolist() == [3, -3, -3, 3, -2]
    assert rl.remainder(x, y).tolist() == [1, 1, -1, -1, 0]
    assert rl.fmod(x, y).tolist() == [1, -1, 1, -1, 0]
    assert (x // y).dtype is rl.int64


def test_rounded_quotients_have_a_zero_gradient():
    x = rl.tensor([7.5, -7.5], requires_grad=True)
    rl.div(x, 2, rounding_mode="floor").sum().backward()
    assert x.grad.tolist() == [0, 0]
    assert not rl.floor_divide(x, 2).requires_grad


def test_integers_wrap_around():
    assert (rl.tensor([200], dtype=rl.uint8) + 100).tolist() == [44]
    assert (rl.tensor([100], dtype=rl.int8) * rl.tensor([2], dtype=rl.int8)).tolist() == [-56]
    assert (rl.tensor([1], dtype=rl.uint8) + 300).tolist() == [45]


def test_true_division_of_integers_looks_at_the_number_itself():
    x = rl.tensor([3], dtype=rl.uint8)
    assert (x / 300).tolist() == pytest.approx([0.01])
    assert (x / 2).dtype is rl.float32


def test_powers_of_integers():
    x = rl.tensor([1, -1, 2, 0])
    assert (x ** rl.tensor([-1, -3, -1, 2])).tolist() == [1, -1, 0, 0]
    assert (2 ** rl.tensor([-1, 3])).tolist() == [0, 8]
    assert x.pow(2.0).dtype is rl.float32
    with pytest.raises(RuntimeError, match="Integers to negative integer powers"):
        x**-1
    with pytest.raises(RuntimeError, match="without overflow"):
        rl.tensor([2], dtype=rl.uint8) ** 300


def test_gradient_of_powers_at_zero():
    x = rl.zeros(3, requires_grad=True)
    y = rl.tensor([0.0, 1.0, 2.0], requires_grad=True)
    (x**y).sum().backward()
    assert x.grad.tolist() == [0, 1, 0]
    assert y.grad.tolist() == [0, 0, 0]
    z = rl.zeros(1, requires_grad=True)
    (z**0).sum().backward()
    assert z.grad.tolist() == [0]


def test_alpha_must_suit_the_dtype():
    x = rl.tensor([1, 2])
    assert rl.add(x, x, alpha=3).tolist() == [4, 8]
    with pytest.raises(RuntimeError, match="must not be a floating point number"):
        rl.add(x, x, alpha=0.5)
    with pytest.raises(RuntimeError, match="Boolean alpha"):
        rl.add(x, x, alpha=True)


def test_lerp_reaches_its_ends():
    x, y = rl.tensor([0.1, 1e8]), rl.tensor([0.7, -3.3])
    assert rl.lerp(x, y, 1.0).tolist() == y.tolist()
    assert rl.lerp(x, y, 0.0).tolist() == x.tolist()


def test_float16_computes_in_float32():
    x = rl.full((4096,), 0.1, dtype=rl.float16)
    assert x.sum().item() == pytest.approx(4096 * float(np.float16(0.1)), rel=1e-3)
    b = rl.full((4096,), 0.1).to(rl.bfloat16)
    assert b.sum().item() == pytest.approx(4096 * 0.1001, rel=1e-2)
    assert (b + 1).dtype is rl.bfloat16


# --- in place ---


@pytest.mark.parametrize("sign", IN_PLACE, ids=lambda f: f.__name__)
def test_in_place_signs_write_into_the_memory(sign):
    expected = sign(np.array([1.0, 2.0, 4.0]), 3.0)
    for other in (3.0, rl.tensor([3.0] * 3, dtype=rl.float64)):
        x = rl.tensor([1.0, 2.0, 4.0], dtype=rl.float64)
        memory = x.array
        y = sign(x, other)
        assert y is x
        assert x.array is memory
        assert x._version == 1
        np.testing.assert_allclose(x.array, expected)


def test_in_place_results_must_fit():
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        rl.ones(3).add_(rl.ones(2, 3))
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
        rl.tensor([1, 2]).mul_(0.5)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        rl.ones(2, requires_grad=True).add_(1)


def test_in_place_broadcasts_the_other_operand():
    x = rl.ones(2, 3)
    x.mul_(rl.tensor([1.0, 2.0, 3.0])).add_(rl.tensor([[1.0], [2.0]])).sub_(rl.tensor(1.0))
    assert x.tolist() == [[1, 2, 3], [2, 3, 4]]


@pytest.mark.parametrize("shape", [(7,), (300, 300)])
def test_fused_updates_in_place(shape):
    rng = np.random.default_rng(0)
    p, a, b = (rng.uniform(1, 2, shape) for _ in range(3))
    strided = wrap(np.stack([p, p], -1)[..., 0])
    for dst in (wrap(p.copy()), strided):
        memory = dst.array
        with rl.no_grad():
            dst.add_(wrap(a), alpha=-0.5).addcmul_(wrap(a), wrap(b), value=2)
            dst.addcdiv_(wrap(a), wrap(b)).lerp_(wrap(b), 0.25).clamp_(-3, 5)
        expected = p - 0.5 * a + 2 * a * b + a / b
        expected = np.clip(expected + 0.25 * (b - expected), -3, 5)
        np.testing.assert_allclose(dst.array, expected, rtol=1e-12)
        assert dst.array is memory


def test_in_place_update_of_a_parameter_needs_no_grad():
    p = rl.ones(3, requires_grad=True)
    with rl.no_grad():
        p.add_(rl.ones(3), alpha=-0.1)
    assert p.tolist() == pytest.approx([0.9] * 3)
    assert p.is_leaf


def test_in_place_on_an_operand_itself():
    x = rl.arange(4.0).reshape(2, 2)
    x.add_(x.t())
    assert x.tolist() == [[0, 3], [3, 6]]


def test_in_place_gradients_are_recorded():
    w = rl.tensor([2.0, 3.0], requires_grad=True)
    x = w * 1
    x.mul_(w).add_(w, alpha=2)
    x.sum().backward()
    assert w.grad.tolist() == [6, 8]


# --- clamping and the like ---


def test_gradient_of_clamp_at_its_bounds():
    x = rl.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
    x.clamp(-1, 1).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0]


def test_gradients_of_maximum_at_ties():
    x, y = (
        rl.tensor([1.0, 2.0, 3.0], requires_grad=True),
        rl.tensor([2.0, 2.0, 2.0], requires_grad=True),
    )
    rl.maximum(x, y).sum().backward()
    assert x.grad.tolist() == [0, 0.5, 1]
    assert y.grad.tolist() == [1, 0.5, 0]


def test_nan_in_comparisons():
    nan = float("nan")
    x, y = rl.tensor([nan, 1.0, nan]), rl.tensor([1.0, nan, nan])
    assert rl.isnan(rl.maximum(x, y)).all()
    assert rl.fmax(x, y).tolist()[:2] == [1, 1]
    assert rl.isnan(rl.tensor([nan]).clamp(0, 1)).all()
    assert not rl.equal(x, x)
    assert rl.allclose(x, x, equal_nan=True)
    assert rl.sign(x).tolist() == [0, 1, 0]


def test_python_builtins():
    x = rl.tensor([-1.5, 2.5])
    assert abs(x).tolist() == [1.5, 2.5]
    assert (+x).tolist() == x.tolist()
    assert max(rl.tensor(3.0), 2) == rl.tensor(3.0)
    assert sum([rl.tensor(1.0), rl.tensor(2.0)]).item() == 3
    assert divmod(7, 2) == (7 // 2, 7 % 2)
    assert (~rl.tensor([True, False])).tolist() == [False, True]


def test_rounding_goes_to_the_even_neighbour():
    x = rl.tensor([0.5, 1.5, 2.5, -0.5, -1.5])
    assert x.round().tolist() == [0, 2, 2, 0, -2]
    assert rl.tensor([1.25, 1.35]).round(decimals=1).tolist() == pytest.approx([1.2, 1.4])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
def test_bits_of_every_integer_dtype(dtype):
    a, b = np.array([5, 100, 3], dtype), np.array([3, 6, 1], dtype)
    x, y = wrap(a), wrap(b)
    for ours, theirs in (
        (x & y, a & b),
        (x | y, a | b),
        (x ^ y, a ^ b),
        (~x, ~a),
        (x << y, a << b),
        (x >> y, a >> b),
    ):
        assert ours.array.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.array, theirs)


def test_shifts_by_more_bits_than_there_are():
    x = rl.tensor([-1, 1], dtype=rl.int32)
    assert (x << 32).tolist() == [0, 0]
    assert (x >> 40).tolist() == [-1, 0]


def test_same_results_and_dtypes_as_torch(torch):
    names = ["bool", "uint8", "int8", "int64", "float16", "float32", "float64", "complex64"]
    functions = ["add", "mul", "true_divide", "eq", "pow"]
    for name in functions:
        for first in names:
            for second in names:
                a, b = (torch.tensor([1, 2, 3]).to(getattr(torch, d)) for d in (first, second))
                expected = _outcome(lambda a=a, b=b, name=name: getattr(torch, name)(a, b).numpy())
                x, y = wrap(a.numpy()), wrap(b.numpy())
                actual = _outcome(lambda x=x, y=y, name=name: getattr(rl, name)(x, y).array)
                if isinstance(expected, type):
                    assert actual is expected, (name, first, second)
                    continue
                assert actual.dtype == expected.dtype, (name, first, second)
                np.testing.assert_allclose(actual, expected, rtol=2e-3)


def _outcome(call):
    try:
        return call()
    except (RuntimeError, TypeError) as error:
        return type(error)


def test_division_of_a_number_rounds_twice(torch):
    values = np.random.default_rng(0).integers(1, 255, 64).astype(np.float32)
    for number in (255, 2.5, True, 1j):
        ours = number / rl.tensor(values)
        np.testing.assert_array_equal(ours.numpy(), (number / torch.tensor(values)).numpy())
    x = rl.tensor([2.0, 4.0], requires_grad=True)
    assert repr(1 / x) == "tensor([0.5000, 0.2500], grad_fn=<MulBackward0>)"
    assert repr(2**x) == "tensor([ 4., 16.], grad_fn=<PowBackward2>)"
    assert repr(1 / rl.tensor(4)) == "tensor(0.2500)"
    (1 / x).sum().backward()
    assert x.grad.tolist() == [-0.25, -0.0625]
