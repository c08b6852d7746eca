"""Programs with func and vmap give what they give on PyTorch; the same for their errors."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight


class World:
    """One framework with the tensors that all cases use."""

    def __init__(self, T):
        self.T, self.F, self.f, self.nn = T, T.nn.functional, T.func, T.nn
        T.manual_seed(0)
        self.x, self.w, self.b = T.randn(5, 3), T.randn(4, 3), T.randn(4)
        self.net = T.nn.Sequential(T.nn.Linear(3, 6), T.nn.Tanh(), T.nn.Linear(6, 4))
        self.cnn = T.nn.Sequential(
            T.nn.Conv2d(2, 4, 3), T.nn.ReLU(), T.nn.MaxPool2d(2), T.nn.Flatten(), T.nn.Linear(36, 3)
        )
        self.images = T.randn(4, 2, 8, 8)

    def curve(self, a):
        return (a @ self.w.T).sin()

    def loss(self, net):
        def of_sample(parameters, x, target):
            y = self.f.functional_call(net, parameters, (x.unsqueeze(0),))
            return self.F.cross_entropy(y, target.unsqueeze(0))

        return of_sample

    def per_sample(self, net, inputs, targets):
        grads = self.f.vmap(self.f.grad(self.loss(net)), in_dims=(None, 0, 0))
        return grads(dict(net.named_parameters()), inputs, self.T.tensor(targets))


def written(a):
    a = a.clone()
    a[0] = a[1] * 2
    a.add_(1)
    a += a
    return a


def same_draws(m):
    rows = m.f.vmap(lambda a: a * 0 + m.T.rand(3), randomness="same")(m.x)
    return bool((rows == rows[0]).all())


def other_draws(m):
    drop = m.f.vmap(lambda a: m.F.dropout(a[0] * 0 + m.T.ones(50)), randomness="different")(m.x)
    return bool((drop[0] == drop[1]).all())


def ensemble(m):
    models = [m.nn.Linear(3, 2) for _ in range(3)]
    parameters, buffers = m.f.stack_module_state(models)

    def call(parameters, buffers, x):
        return m.f.functional_call(models[0], (parameters, buffers), (x,))

    return m.f.vmap(call, in_dims=(0, 0, None))(parameters, buffers, m.x)


def through_grad(m):
    z = m.x.clone().requires_grad_()
    m.f.grad(lambda a: (a**3).sum())(z).sum().backward()
    return z.grad


def through_captured(m):
    z = m.T.ones(3, requires_grad=True)
    m.f.grad(lambda a: (a**2 * z).sum())(m.x[0]).sum().backward()
    return z.grad


def meta_learning(m):
    """The gradient through a step of gradient descent, for several tasks at once."""

    def network(p, x):
        return (x @ p["w"] + p["b"]).tanh() @ p["v"]

    def error(p, x, y):
        return ((network(p, x) - y) ** 2).mean()

    def after_a_step(p, x, y):
        g = m.f.grad(error)(p, x, y)
        return error({name: p[name] - 0.1 * g[name] for name in p}, x + 1, y)

    p = {"w": m.T.randn(1, 8), "b": m.T.randn(8), "v": m.T.randn(8, 1)}
    x, y = m.T.randn(6, 5, 1), m.T.randn(6, 5, 1)
    tasks = m.f.vmap(after_a_step, in_dims=(None, 0, 0))
    return m.f.grad_and_value(lambda p: tasks(p, x, y).mean())(p)


def tangent_kernel(m):
    """J J^T of a network, by products alone."""
    parameters = dict(m.net.named_parameters())

    def network(p, x):
        return m.f.functional_call(m.net, p, (x.unsqueeze(0),)).squeeze(0)

    def pair(x, y):
        _, pull_back = m.f.vjp(lambda p: network(p, x), parameters)

        def column(v):
            return m.f.jvp(lambda p: network(p, y), (parameters,), pull_back(v))[1]

        return m.f.vmap(column)(m.T.eye(4))

    return m.f.vmap(m.f.vmap(pair, (None, 0)), (0, None))(m.x, m.x)


CASES = {
    "linear": lambda m: m.T.vmap(lambda a: m.F.linear(a, m.w, m.b))(m.x),
    "dot": lambda m: m.T.vmap(m.T.dot)(m.x, m.x * 2),
    "in_dims": lambda m: m.T.vmap(lambda a, c: a @ c, in_dims=(1, None))(m.x, m.T.ones(5, 2)),
    "out_dims": lambda m: m.T.vmap(lambda a: a * 2, out_dims=1)(m.x),
    "nested": lambda m: m.T.vmap(m.T.vmap(lambda a, c: a * c + 1))(m.x, m.x),
    "outer": lambda m: m.T.vmap(lambda a: m.T.vmap(lambda c: a @ c)(m.w))(m.x),
    "per_sample": lambda m: m.per_sample(m.net, m.x, [0, 1, 2, 3, 0]),
    "per_sample_cnn": lambda m: m.per_sample(m.cnn, m.images, [0, 1, 2, 1]),
    "jacrev": lambda m: m.f.jacrev(m.curve)(m.x[0]),
    "jacfwd": lambda m: m.f.jacfwd(m.curve)(m.x[0]),
    "jacrev_of_two": lambda m: m.f.jacrev(lambda a, c: (a * c, a.sum()), argnums=(0, 1))(
        m.x[0], m.x[1]
    ),
    "jacfwd_of_two": lambda m: m.f.jacfwd(lambda a, c: (a * c, a.sum()), argnums=(0, 1))(
        m.x[0], m.x[1]
    ),
    "hessian": lambda m: m.f.hessian(lambda a: m.curve(a).sum())(m.x[0]),
    "vmap_hessian": lambda m: m.f.vmap(m.f.hessian(lambda a: m.curve(a).sum()))(m.x),
    "vmap_jacrev": lambda m: m.f.vmap(m.f.jacrev(m.curve))(m.x),
    "vmap_jacfwd": lambda m: m.f.vmap(m.f.jacfwd(m.curve))(m.x),
    "grad_grad": lambda m: m.f.grad(m.f.grad(m.T.sin))(m.T.tensor(1.0)),
    "vmap_grad_grad": lambda m: m.f.vmap(m.f.grad(m.f.grad(m.T.sin)))(m.x[0]),
    "grad_and_value": lambda m: m.f.grad_and_value(lambda a: (a**2).sum())(m.x),
    "aux": lambda m: m.f.grad(lambda a: ((a**2).sum(), a * 2), has_aux=True)(m.x),
    "vjp": lambda m: m.f.vjp(m.curve, m.x)[1](m.T.ones(5, 4)),
    "vmap_vjp": lambda m: m.f.vmap(m.f.vjp(m.curve, m.x[0])[1])(m.T.eye(4)),
    "jvp": lambda m: m.f.jvp(lambda a, c: a.sin() * c, (m.x, m.x), (m.T.ones_like(m.x), m.x)),
    "jvp_dict": lambda m: m.f.jvp(lambda d: {"a": d["p"] * 2}, ({"p": m.x},), ({"p": m.x},)),
    "linearize": lambda m: m.f.linearize(m.T.sin, m.x)[1](m.x),
    "chunks": lambda m: m.f.vmap(lambda a: a.sum(), chunk_size=2)(m.x),
    "draws_refused": lambda m: m.f.vmap(lambda a: a + m.T.rand(3))(m.x),
    "draws_same": same_draws,
    "draws_different": other_draws,
    "ensemble": ensemble,
    "item": lambda m: m.f.vmap(lambda a: a.sum().item())(m.x),
    "bool": lambda m: m.f.vmap(lambda a: a if a.sum() > 0 else -a)(m.x),
    "in_place": lambda m: m.f.vmap(written)(m.x),
    "index": lambda m: m.f.vmap(lambda a, i: a[i])(m.x, m.T.tensor([0, 1, 2, 0, 1])),
    "gather": lambda m: m.f.vmap(lambda a, i: m.T.gather(a, 0, i))(
        m.x, m.T.tensor([[0], [1], [2], [0], [1]])
    ),
    "sort": lambda m: m.f.vmap(lambda a: m.T.sort(a)[0])(m.x),
    "topk": lambda m: tuple(m.f.vmap(lambda a: m.T.topk(a, 2))(m.x)),
    "softmax": lambda m: m.f.vmap(lambda a: m.F.softmax(a, -1).log().sum(0))(m.x),
    "layer_norm": lambda m: m.f.vmap(lambda a: m.F.layer_norm(a, (3,)))(m.x),
    "tree": lambda m: m.f.vmap(
        lambda d: {"s": d["a"].sum(), "m": d["b"].max()}, in_dims=({"a": 0, "b": 1},)
    )({"a": m.x, "b": m.x.T.contiguous()}),
    "embedding": lambda m: m.f.vmap(lambda i: m.F.embedding(i, m.w))(m.T.tensor([0, 1, 2])),
    "batch_norm": lambda m: m.f.vmap(lambda a: m.F.batch_norm(a, None, None, training=True))(
        m.images.reshape(4, 8, 16)
    ),
    "where": lambda m: m.f.vmap(lambda a: m.T.where(a > 0, a, -a).cumsum(0))(m.x),
    "einsum": lambda m: m.f.vmap(lambda a: m.T.einsum("i,ji->j", a, m.w))(m.x),
    "norm": lambda m: m.f.vmap(lambda a: m.T.linalg.norm(a))(m.x),
    "inverse": lambda m: m.f.vmap(lambda a: m.T.linalg.inv(a))(m.T.eye(3).repeat(2, 1, 1) * 2),
    "constant": lambda m: m.f.vmap(lambda a: m.w)(m.x),
    "requires_grad": lambda m: m.f.grad(lambda a: (a**2).sum())(m.x).requires_grad,
    "autograd_outside": through_grad,
    "autograd_of_captured": through_captured,
    "vmap_linearize": lambda m: m.f.vmap(m.f.linearize(m.curve, m.x[0])[1])(m.T.eye(3)),
    "empty_batch": lambda m: m.f.vmap(lambda a: (a * 2, m.T.sort(a)[0]))(m.x[:0]),
    "batch_norm_of_unbatched": lambda m: m.f.vmap(m.nn.BatchNorm1d(8))(m.images.reshape(4, 8, 16)),
    "integers": lambda m: m.f.jvp(lambda a: a * 2, (m.x.long(),), (m.x,)),
    "no_tensor_out": lambda m: m.f.jacfwd(lambda a: 3)(m.x),
    "integers_forward": lambda m: m.f.jacfwd(lambda a: a * 2)(m.x.long()),
    "no_dictionary": lambda m: m.f.functional_call(m.net, 3, (m.x,)),
    "batch_norm_replaced": lambda m: m.f.vmap(
        m.f.replace_all_batch_norm_modules_(m.nn.Sequential(m.nn.BatchNorm1d(8)))
    )(m.images.reshape(4, 8, 16)),
    "mixed_outputs": lambda m: m.f.jacrev(lambda a: {"s": a.sin(), "t": (a.sum(), a[:0])})(m.x[0]),
    "chunked_rows": lambda m: m.f.jacrev(m.curve, chunk_size=3)(m.x[0]),
    "jacobian_of_captured": lambda m: m.f.jacrev(lambda a: m.x)(m.x[0]),
    "third_derivative": lambda m: m.f.jacrev(m.f.jacfwd(m.f.jacrev(lambda a: (a**4).sum())))(
        m.x[0]
    ),
    "unknown_names": lambda m: m.f.functional_call(m.net, {"other": m.x}, (m.x,)),
    "meta_learning": meta_learning,
    "tangent_kernel": tangent_kernel,
    "laplacian": lambda m: m.f.vmap(
        lambda p: m.f.hessian(lambda q: (q[0] ** 3 * q[1]).sin())(p).diagonal().sum()
    )(m.x),
    "attention": lambda m: m.f.vmap(
        m.f.grad(lambda q: m.F.scaled_dot_product_attention(q, q, q).pow(2).sum())
    )(m.images),
    "control_flow": lambda m: m.f.vmap(lambda a: a if m.T.is_nonzero(a.sum() * 0) else -a)(m.x),
    "no_batch": lambda m: m.f.vmap(lambda a: a, in_dims=None)(m.x),
    "sizes_differ": lambda m: m.f.vmap(lambda a, c: a)(m.x, m.T.ones(4)),
    "no_scalar": lambda m: m.f.grad(lambda a: a * 2)(m.x),
    "bad_dim": lambda m: m.f.vmap(lambda a: a, in_dims=2)(m.x),
    "not_tensor": lambda m: m.f.vmap(lambda a: 3)(m.x),
    "bad_argnums": lambda m: m.f.grad(lambda a: a.sum(), argnums=3)(m.x),
    "in_place_on_constant": lambda m: m.f.vmap(lambda a: m.w[0].add_(a))(m.x),
}


def leaves(tree, T):
    if isinstance(tree, T.Tensor):
        return [tree.detach().numpy()]
    if isinstance(tree, dict):
        return [leaf for key in tree for leaf in (key, *leaves(tree[key], T))]
    if isinstance(tree, (tuple, list)):
        return [leaf for part in tree for leaf in leaves(part, T)]
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
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(b, np.ndarray):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        else:
            assert a == b
