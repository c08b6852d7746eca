"""Gradients of and through sparse tensors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd import gradcheck, gradgradcheck

sys.path.insert(0, str(Path(__file__).parent))

from sparse_cases import tensors

pytestmark = pytest.mark.filterwarnings("ignore")

# Expressions of which PyTorch computes the gradient in the same layout.
ALIKE = """
S @ D.t()
U @ D.t()
D.t() @ S
T.sparse.mm(C, C.t())
T.sparse.mm(S, D.t())
T.addmm(D[:, :2], S, D.t())
T.sparse.addmm(D[:, :2], S, D.t())
S.mv(D[0])
S.to_dense()
U.to_dense()
S.to_dense(masked_grad=False)
C.values()
S.coalesce()
S.coalesce().values()
S.sum()
T.sparse.sum(S)
T.sparse.sum(S, 1)
T.sparse.sum(H, [0])
T.sparse.sum(H, [2])
S + S
S + C
D + S
D - S
S * 2
S * S
C * C
S / 2
-S
S.relu()
S.pow(2)
S.abs()
S.t()
S.transpose(0, 1)
H.permute(1, 0, 2)
S.clone()
S.to(T.float64)
T.stack([S, S])
T.sparse.softmax(S, 1)
T.sparse.log_softmax(S, 1)
D.to_sparse()
D.to_sparse(1)
D.to_sparse_csr()
D.sparse_mask(C)
T.sparse.sampled_addmm(R.detach(), D[:, :1], D[:1, :])
R @ D.t()
R.to_dense()
T.sparse.mm(R, D.t())
T.sparse.mm(R, D.t(), 'mean')
T.sparse.mm(R, D.t(), 'amax')
R.values()
R.to_sparse_coo()
R * 2
R + R
R.sum()
R.mv(D[0])
D.t() @ R
T.sparse_coo_tensor(i, D.reshape(-1)[:3], (2, 3))
T.sparse_csr_tensor(T.tensor([0, 1, 3]), T.tensor([2, 0, 2]), D.reshape(-1)[:3], (2, 3))
T.square(S)
T.spmm(S, D.t())
T.nn.functional.linear(D, S)
T.nn.functional.linear(S, D)
T.nn.functional.linear(S, D, T.ones(2))
""".strip().splitlines()


def gradients(T: Any, expression: str) -> tuple[str, dict[str, tuple[str, Any]]]:
    """Return the name of the node, and the gradients of the tensors that have one."""
    names = tensors(T)
    for name in "SUHRD":
        names[name] = names[name].detach().clone().requires_grad_()
    names["C"] = names["C"].detach().clone().coalesce().requires_grad_()
    y = eval(expression, names)
    if str(y.layout) == "torch.sparse_coo":
        loss = T.sparse.sum(y)
    elif str(y.layout) != "torch.strided" or y.dim() == 0:
        loss = y.sum()
    else:
        loss = (y * T.arange(1.0, y.numel() + 1).reshape(y.shape)).sum()
    loss.backward()
    found = {name: names[name].grad for name in "SUCHRD" if names[name].grad is not None}
    label = y.grad_fn.name()
    return label, {name: (str(g.layout), dense(g)) for name, g in found.items()}


def dense(x: Any) -> Any:
    return (x if str(x.layout) == "torch.strided" else x.to_dense()).detach().numpy()


@pytest.mark.parametrize("expression", ALIKE)
def test_gradients_are_pytorchs(torch, expression):
    label, ours = gradients(rl, expression)
    wanted_label, theirs = gradients(torch, expression)
    assert label == wanted_label
    assert ours.keys() == theirs.keys()
    for name, (layout, g) in ours.items():
        assert layout == theirs[name][0]
        np.testing.assert_allclose(g, theirs[name][1], rtol=1e-5, atol=1e-6)


def sparse_input() -> Any:
    indices = rl.tensor([[0, 0, 1, 2], [1, 2, 0, 2]])
    values = rl.tensor([0.7, 1.9, 0.4, 2.2], dtype=rl.float64)
    return rl.sparse_coo_tensor(indices, values, (3, 3)).coalesce().requires_grad_()


FUNCTIONS = {
    "mm": lambda x, d: rl.sparse.mm(x, d),
    "mm from the left": lambda x, d: d.t() @ x,
    "product with itself": lambda x, d: rl.sparse.mm(x, x.t()),
    "to_dense": lambda x, d: (x * x).to_dense(),
    "softmax": lambda x, d: rl.sparse.softmax(x, 1),
    "log_softmax": lambda x, d: rl.sparse.log_softmax(x, 0),
    "transposed": lambda x, d: x.t() @ d,
    "sum": lambda x, d: rl.sparse.sum(x, 1),
    "sqrt": lambda x, d: x.sqrt(),
    "sin": lambda x, d: x.sin(),
    "power": lambda x, d: x**3,
    "cat": lambda x, d: rl.cat([x, x * 2]),
    "select": lambda x, d: x[0] * x[2],
    "index_select": lambda x, d: x.index_select(1, rl.tensor([2, 2, 0])),
    "narrow_copy": lambda x, d: x.narrow_copy(1, 1, 2),
    "unsqueeze": lambda x, d: x.unsqueeze(1),
    "times dense": lambda x, d: x * d,
    "plus dense": lambda x, d: d + x,
    "norm": lambda x, d: x.norm(),
    "quotient": lambda x, d: x / d.sum(),
    "vector": lambda x, d: x.mv(d[0]),
    "masked": lambda x, d: d.sparse_mask(x.detach()),
    "rows": lambda x, d: x.to_sparse_csr() @ d,
    "sampled": lambda x, d: rl.sparse.sampled_addmm(x.to_sparse_csr(), d, d.t(), beta=0.5),
    "batch": lambda x, d: rl.bmm(rl.stack([x, x * x]), rl.stack([d, d])),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_finite_differences(name):
    d = rl.randn(3, 3, dtype=rl.float64, requires_grad=True)
    inputs = sparse_input(), d
    assert gradcheck(FUNCTIONS[name], inputs, masked=True)
    if name != "sampled":
        assert gradgradcheck(FUNCTIONS[name], inputs, masked=True)


@pytest.mark.parametrize("name", ["mm", "mm from the left", "plus dense"])
def test_all_elements_vary_unless_masked(name):
    functions = {**FUNCTIONS, "mm": lambda x, d: rl.mm(x, d)}
    d = rl.randn(3, 3, dtype=rl.float64, requires_grad=True)
    assert gradcheck(functions[name], (sparse_input(), d), masked=False)
    assert gradcheck(lambda x: x.to_dense(masked_grad=False), sparse_input(), masked=False)


def test_sparse_gradcheck_wraps_any_check():
    check = rl.sparse.as_sparse_gradcheck(gradcheck)
    assert check(lambda x: rl.sparse.sum(x * x), sparse_input(), masked=True)
    assert check.__name__ == "gradcheck"


class TestAccumulation:
    def test_sparse_then_sparse(self, T):
        w = T.ones(3, 2, requires_grad=True)
        for _ in range(2):
            T.nn.functional.embedding(T.tensor([2, 0]), w, sparse=True).sum().backward()
        assert w.grad.is_sparse
        assert w.grad.to_dense().tolist() == [[2, 2], [0, 0], [2, 2]]

    @pytest.mark.parametrize("first", ["sparse", "dense"])
    def test_with_a_dense_one(self, T, first):
        w = T.ones(3, 2, requires_grad=True)
        for kind in (first, "dense" if first == "sparse" else "sparse"):
            if kind == "dense":
                (w * 3).sum().backward()
            else:
                T.nn.functional.embedding(T.tensor([2]), w, sparse=True).sum().backward()
        assert not w.grad.is_sparse
        assert w.grad.tolist() == [[3, 3], [3, 3], [4, 4]]

    def test_both_in_one_pass(self, T):
        w = T.ones(2, 2, requires_grad=True)
        looked_up = T.nn.functional.embedding(T.tensor([1, 1]), w, sparse=True)
        (looked_up.sum() + (w * w).sum()).backward()
        assert w.grad.tolist() == [[2, 2], [4, 4]]

    def test_two_look_ups_in_one_pass(self, T):
        w = T.ones(2, 2, requires_grad=True)
        a, b = (T.nn.functional.embedding(T.tensor([k]), w, sparse=True) for k in (0, 1))
        (a * 2 + b).sum().backward()
        assert w.grad.is_sparse
        assert w.grad.to_dense().tolist() == [[2, 2], [1, 1]]

    def test_the_gradient_is_nobody_elses(self):
        g = rl.ones(1, 2)
        w = rl.ones(2, 2, requires_grad=True)
        rl.nn.functional.embedding(rl.tensor([1]), w, sparse=True).backward(g)
        w.grad.mul_(5)
        assert g.tolist() == [[1, 1]]

    def test_sparse_leaf(self, T):
        x = T.eye(2).to_sparse().requires_grad_()
        for _ in range(2):
            T.sparse.sum(x * 3).backward()
        assert x.grad.is_sparse
        assert x.grad.to_dense().tolist() == [[6, 0], [0, 6]]
        assert x.is_leaf


def test_backward_from_a_sparse_tensor(T):
    x = T.eye(2).to_sparse().requires_grad_()
    y = x * 3
    y.backward(T.ones(2, 2).to_sparse())
    assert x.grad.to_dense().tolist() == [[3, 3], [3, 3]]
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        (x * 3).backward()


def test_grad_hooks_and_kept_gradients(T):
    x = T.eye(2).to_sparse().requires_grad_()
    seen = []
    x.register_hook(lambda g: seen.append(g.layout))
    y = x * 3
    y.retain_grad()
    (found,) = T.autograd.grad(T.sparse.sum(y), x, retain_graph=True)
    assert found.is_sparse
    T.sparse.sum(y).backward()
    assert seen[-1] is T.sparse_coo
    assert y.grad.is_sparse


def test_gather_with_a_sparse_gradient(T):
    x = T.ones(3, 2, requires_grad=True)
    x.gather(1, T.tensor([[0], [1], [1]]), sparse_grad=True).sum().backward()
    assert x.grad.is_sparse
    assert x.grad._nnz() == 3
    assert x.grad.to_dense().tolist() == [[1, 0], [0, 1], [0, 1]]


def test_values_get_their_gradient_where_they_stand(T):
    values = T.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = T.sparse_coo_tensor(T.tensor([[0, 1, 0], [1, 0, 1]]), values, (2, 2))
    (x @ T.tensor([[1.0], [10.0]])).sum().backward()
    assert values.grad.tolist() == [10, 1, 10]


def test_a_leaf_is_not_written_to(T):
    x = T.eye(2).to_sparse().requires_grad_()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.mul_(2)
    with T.no_grad():
        x.mul_(2)
    assert x.to_dense().tolist() == [[2, 0], [0, 2]]


def test_writes_to_dense_tensors_are_recorded(T):
    x = T.eye(2).to_sparse().requires_grad_()
    d = T.ones(2, 2, requires_grad=True)
    y = d * 2
    y.add_(x, alpha=3)
    y.sum().backward()
    assert d.grad.tolist() == [[2, 2], [2, 2]]
    assert (x.grad if x.grad.layout is T.strided else x.grad.to_dense()).tolist() == [
        [3, 3],
        [3, 3],
    ]


def test_detect_anomaly_looks_at_values():
    table = rl.nn.Embedding(3, 2, sparse=True)
    with rl.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="returned nan values"):
        (table(rl.tensor([1])) * float("nan")).sum().backward()
