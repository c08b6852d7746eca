"""Complex tensors: gradients in torch's convention, views of the parts."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd import gradcheck, gradgradcheck

UNARY = [
    "exp", "log", "sqrt", "square", "reciprocal", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "asin", "acos", "atan", "asinh", "acosh", "atanh", "abs", "sgn", "angle", "conj", "neg",
    "rsqrt", "log1p", "expm1", "sinc",
]  # fmt: skip


def _draw(*shape):
    rng = np.random.default_rng(3)
    values = rng.uniform(0.2, 0.8, shape) + 1j * rng.uniform(0.2, 0.8, shape)
    return rl.tensor(values, requires_grad=True)


@pytest.mark.parametrize("name", UNARY)
def test_gradient_of_a_complex_function(name):
    x = _draw(4)
    assert gradcheck(getattr(rl, name), (x,))
    assert gradgradcheck(getattr(rl, name), (x,))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_gradients_of_complex_arithmetic(name):
    x = _draw(3)
    y = rl.tensor(np.array([1 + 0.5j, 0.3 - 1j, -0.7 + 0.1j]), requires_grad=True)
    real = rl.tensor([0.5, 1.5, 2.5], dtype=rl.float64, requires_grad=True)
    assert gradcheck(getattr(rl, name), (x, y))
    assert gradcheck(getattr(rl, name), (x, real))
    assert gradcheck(getattr(rl, name), (real, x))


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "std", "norm"])
def test_gradients_of_complex_reductions(name):
    assert gradcheck(getattr(rl, name), (_draw(2, 3),))


def test_parts_share_the_memory():
    z = rl.tensor([1 + 2j, 3 + 4j])
    z.real.add_(10)
    z.imag[0] = -1
    assert z.tolist() == [11 - 1j, 13 + 4j]
    rl.view_as_real(z)[1, 0] = 0
    assert z[1].item() == 4j
    pairs = rl.zeros(2, 2)
    rl.view_as_complex(pairs).add_(1j)
    assert pairs.tolist() == [[0, 1], [0, 1]]


def test_a_real_tensor_is_its_own_real_part_and_conjugate():
    x = rl.ones(2)
    assert x.real is x
    assert x.conj() is x
    with pytest.raises(RuntimeError, match="non-complex"):
        x.imag


def test_gradients_through_views_of_the_parts():
    x = rl.randn(3, 2, dtype=rl.float64, requires_grad=True)
    assert gradcheck(lambda t: rl.view_as_complex(t) ** 2, (x,))
    assert gradcheck(
        lambda z: rl.view_as_real(z) * 2 + z.real.unsqueeze(-1) * z.imag.unsqueeze(-1), (_draw(3),)
    )


def test_view_as_complex_refuses_parts_that_do_not_lie_side_by_side():
    with pytest.raises(RuntimeError, match="stride 1"):
        rl.view_as_complex(rl.zeros(2, 4)[:, ::2])
    with pytest.raises(RuntimeError, match="stride divisible by 2"):
        rl.view_as_complex(rl.zeros(3, 3)[:, :2])
    with pytest.raises(RuntimeError, match="size 2"):
        rl.view_as_complex(rl.zeros(3))


def test_subgradients_at_zero():
    z = rl.zeros(2, dtype=rl.complex128, requires_grad=True)
    for function in (rl.abs, rl.angle, rl.sgn):
        (grad,) = rl.autograd.grad(function(z).sum().real, z)
        assert grad.tolist() == [0, 0]


def test_order_is_refused():
    z = rl.tensor([1j])
    for call in (
        lambda: z < z,
        lambda: z.max(),
        lambda: z.sort(),
        lambda: rl.maximum(z, z),
        lambda: z.clamp(0, 1),
    ):
        with pytest.raises((RuntimeError, TypeError)):
            call()
