"""autograd.functional: products and matrices of derivatives, as PyTorch gives them."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight


class World:
    def __init__(self, T):
        self.T, self.A = T, T.autograd.functional
        T.manual_seed(0)
        options = {"dtype": T.float64}
        self.x, self.y, self.v = (T.randn(*s, **options) for s in ((3, 2), (2,), (3, 2)))
        self.one, self.two = T.ones(3, **options), T.tensor(2.0, **options)

    def f(self, a):
        return (a**2).sin() @ self.y

    def pair(self, a, b):
        return (a * b).exp(), (b**3).sum()

    def s(self, a):
        return (a**3).sum()

    def s2(self, a, b):
        return (a * b).exp().sum()


def through(m):
    z = m.x.clone().requires_grad_()
    m.A.jacobian(m.f, z, create_graph=True).pow(2).sum().backward()
    return z.grad


CASES = {
    "vjp": lambda m: m.A.vjp(m.f, m.x, m.one),
    "vjp of two": lambda m: m.A.vjp(m.pair, (m.x, m.y), (m.v, m.two)),
    "jvp": lambda m: m.A.jvp(m.f, m.x, m.v),
    "jvp of two": lambda m: m.A.jvp(m.pair, (m.x, m.y), (m.v, m.y)),
    "jacobian": lambda m: m.A.jacobian(m.f, m.x),
    "jacobian of two": lambda m: m.A.jacobian(m.pair, (m.x, m.y)),
    "jacobian forward": lambda m: m.A.jacobian(m.f, m.x, vectorize=True, strategy="forward-mode"),
    "hessian": lambda m: m.A.hessian(m.s, m.x),
    "hessian of two": lambda m: m.A.hessian(m.s2, (m.x, m.y)),
    "vhp": lambda m: m.A.vhp(m.s, m.x, m.v),
    "vhp of two": lambda m: m.A.vhp(m.s2, (m.x, m.y), (m.v, m.y)),
    "hvp": lambda m: m.A.hvp(m.s, m.x, m.v),
    "hvp of two": lambda m: m.A.hvp(m.s2, (m.x, m.y), (m.v, m.y)),
    "hvp of linear": lambda m: m.A.hvp(lambda a: a.sum(), m.x, m.v),
    "through a jacobian": through,
    "independent": lambda m: m.A.jacobian(lambda a, b: a * 2, (m.x, m.y)),
    "v for one number": lambda m: m.A.vjp(m.s, m.x),
    "requires_grad": lambda m: m.A.jacobian(m.f, m.x.clone().requires_grad_()).requires_grad,
    "strict": lambda m: m.A.jacobian(lambda a: m.T.ones(2), m.x, strict=True),
    "strict of two": lambda m: m.A.jacobian(lambda a, b: a * 2, (m.x, m.y), strict=True),
    "v missing": lambda m: m.A.vjp(m.f, m.x),
    "v of another size": lambda m: m.A.vjp(m.f, m.x, m.T.ones(4)),
    "no tensor": lambda m: m.A.vjp(m.f, 3),
    "no number": lambda m: m.A.hessian(m.f, m.x),
    "bad strategy": lambda m: m.A.jacobian(m.f, m.x, strategy="sideways"),
    "strategy alone": lambda m: m.A.jacobian(m.f, m.x, strategy="forward-mode"),
    "a list": lambda m: m.A.jacobian(lambda a: [a], m.x),
}


def leaves(tree, T):
    if isinstance(tree, T.Tensor):
        return [tree.detach().numpy()]
    if isinstance(tree, (tuple, list)):
        return [type(tree).__name__, *(leaf for part in tree for leaf in leaves(part, T))]
    return [tree]


def outcome(case, T):
    try:
        return leaves(case(World(T)), T)
    except Exception as error:
        return error


@pytest.mark.filterwarnings("ignore")  # PyTorch about itself
@pytest.mark.parametrize("name", CASES)
def test_the_same_as_pytorch(name, torch):
    ours, theirs = outcome(CASES[name], rushlight), outcome(CASES[name], torch)
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        assert type(ours) is type(theirs), (ours, theirs)
        return
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(b, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)
        else:
            assert a == b


def test_products_agree_with_the_matrix():
    x = rushlight.randn(4, dtype=rushlight.float64)
    v = rushlight.randn(4, dtype=rushlight.float64)

    def function(a):
        return a.sin() * a.sum()

    A = rushlight.autograd.functional
    jacobian = A.jacobian(function, x)
    assert rushlight.allclose(A.jvp(function, x, v)[1], jacobian @ v)
    assert rushlight.allclose(A.vjp(function, x, v)[1], jacobian.T @ v)
