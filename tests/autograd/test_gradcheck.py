"""gradcheck finds planted mistakes, and says where."""

from __future__ import annotations

import pytest


def planted(T, slope):
    class Square(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return slope(g, ctx.saved_tensors[0])

    return Square.apply


@pytest.fixture
def x(T):
    return T.tensor([0.5, -1.0, 2.0], dtype=T.float64, requires_grad=True)


def test_a_right_gradient_passes(T, x):
    assert T.autograd.gradcheck(planted(T, lambda g, x: 2 * g * x), (x,))
    assert T.autograd.gradcheck(lambda a: a.exp() * 3, x)


@pytest.mark.parametrize(
    "slope",
    [
        lambda g, x: 2.01 * g * x,
        lambda g, x: g * x,
        lambda g, x: -2 * g * x,
        lambda g, x: 2 * g * x.flip(0),
        lambda g, x: g * 0,
        lambda g, x: 2 * x,
    ],
    ids=["scale", "half", "sign", "order", "zero", "forgets g"],
)
def test_a_wrong_gradient_is_found(T, x, slope):
    wrong = planted(T, slope)
    with pytest.raises(
        RuntimeError, match="Jacobian mismatch for output 0 with respect to input 0"
    ):
        T.autograd.gradcheck(wrong, (x,))
    assert not T.autograd.gradcheck(wrong, (x,), raise_exception=False)


def test_a_missing_gradient_is_found(T, x):
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        T.autograd.gradcheck(lambda a: a * a.detach(), (x,))


def test_a_wrong_second_gradient_is_found(T, x):
    class Cube(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * g * x.detach() * x

    assert T.autograd.gradcheck(Cube.apply, (x,))
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        T.autograd.gradgradcheck(Cube.apply, (x,))


def test_the_place_is_named(T, x):
    y = T.tensor([1.0, 1.0, 1.0], dtype=T.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="output 1 with respect to input 1"):
        T.autograd.gradcheck(lambda a, b: (a * b, a * b.detach()), (x, y))


def test_several_inputs_and_outputs(T, x):
    w = T.ones(3, 2, dtype=T.float64).requires_grad_()
    assert T.autograd.gradcheck(lambda a, b: ((a @ b).tanh(), a.sum() * 2), (x, w))
    assert T.autograd.gradgradcheck(lambda a, b: ((a @ b).tanh(), (a * a).sum()), (x, w))


def test_complex_functions(T):
    z = T.tensor([1 + 2j, -0.5 + 0.3j], dtype=T.complex128, requires_grad=True)
    assert T.autograd.gradcheck(lambda a: a * a.conj() + a**2, (z,))
    assert T.autograd.gradcheck(lambda a: a.abs(), (z,))


def test_constants_are_left_alone(T, x):
    w = T.tensor([1.0, 2.0, 3.0], dtype=T.float64)
    assert T.autograd.gradcheck(lambda a, b, n: a * b * n, (x, w, 2))


def test_nothing_to_check(T):
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        T.autograd.gradcheck(lambda a: a, (T.ones(2, dtype=T.float64),))


def test_single_precision_is_warned_about(T):
    x = T.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="not a double precision floating point"):
        T.autograd.gradcheck(lambda a: a * 2, (x,), eps=1e-2, atol=1e-2)


def test_a_gradient_of_the_wrong_shape_is_found(T):
    x = T.ones(2, dtype=T.float64).requires_grad_()

    class Total(T.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.sum()

        @staticmethod
        def backward(ctx, g):
            return g.new_ones(3)

    with pytest.raises(RuntimeError):
        T.autograd.gradcheck(Total.apply, (x,))


def test_a_function_that_is_not_repeatable(T, x):
    calls = []

    def slope(g, a):
        calls.append(1)
        return 2 * g * a * (1 + 1e-4 * len(calls))

    with pytest.raises(RuntimeError, match=r"not reentrant|Jacobian mismatch"):
        T.autograd.gradcheck(planted(T, slope), (x,), rtol=1.0)
