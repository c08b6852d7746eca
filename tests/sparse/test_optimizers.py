"""Optimizers with sparse gradients: PyTorch's steps, one by one, and those of dense gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight as rl

pytestmark = pytest.mark.filterwarnings("ignore")

STEPS = {
    "SparseAdam": ("SparseAdam", {"lr": 0.1}),
    "SparseAdam, other rates": ("SparseAdam", {"lr": 0.05, "betas": (0.5, 0.8), "eps": 1e-3}),
    "SparseAdam, ascending": ("SparseAdam", {"lr": 0.1, "maximize": True}),
    "Adagrad": ("Adagrad", {"lr": 0.1}),
    "Adagrad, slowing down": (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.1},
    ),
    "Adagrad, ascending": ("Adagrad", {"lr": 0.1, "maximize": True}),
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD, ascending": ("SGD", {"lr": 0.1, "maximize": True}),
    "SGD with momentum": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2}),
    "SGD with Nesterov's momentum": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
}
LOOK_UPS = ([0, 2, 2], [1], [2, 0, 4, 4, 4], [], [3, 1])


def train(T: Any, name: str, options: dict[str, Any], sparse: bool = True) -> tuple[list[Any], Any]:
    """Return the table after each step, and the optimizer."""
    table = T.nn.Parameter(T.arange(15, dtype=T.float64).reshape(5, 3) / 10)
    optimizer = getattr(T.optim, name)([table], **options)
    seen = []
    for step, index in enumerate(LOOK_UPS):
        optimizer.zero_grad()
        looked_up = T.nn.functional.embedding(T.tensor(index, dtype=T.int64), table, sparse=sparse)
        (looked_up * looked_up * (step + 1)).sum().backward()
        optimizer.step()
        seen.append(table.detach().clone().numpy())
    return seen, optimizer


def plain(state: dict[str, Any]) -> dict[str, Any]:
    """Return an optimizer's state of one parameter as numbers and arrays."""
    found = {}
    for key, value in state.items():
        if hasattr(value, "layout"):
            value = value.to_dense() if "sparse" in str(value.layout) else value
            value = value.detach().numpy()
        found[key] = value
    return found


@pytest.mark.parametrize("case", STEPS)
def test_steps_are_pytorchs(torch, case):
    ours, optimizer = train(rl, *STEPS[case])
    theirs, wanted = train(torch, *STEPS[case])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    found, expected = (plain(next(iter(o.state.values()), {})) for o in (optimizer, wanted))
    assert found.keys() == expected.keys()
    for key, value in found.items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-12)


@pytest.mark.parametrize("case", [c for c in STEPS if "momentum" not in c and "Sparse" not in c])
def test_steps_are_those_of_dense_gradients(case):
    """Momentum moves rows that the gradient does not hold, so it is not among them."""
    sparse, dense = (train(rl, *STEPS[case], sparse=kind)[0] for kind in (True, False))
    for a, b in zip(sparse, dense, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_sparse_adam_moves_only_rows_in_the_gradient():
    table = rl.nn.Embedding(4, 2, sparse=True)
    before = table.weight.detach().clone()
    optimizer = rl.optim.SparseAdam(table.parameters(), lr=0.5)
    table(rl.tensor([2, 2])).sum().backward()
    optimizer.step()
    moved = (table.weight.detach() != before).any(1)
    assert moved.tolist() == [False, False, True, False]
    np.testing.assert_allclose((before - table.weight.detach())[2].numpy(), 0.5, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {}), ("AdamW", {}), ("Adamax", {}), ("NAdam", {}), ("RAdam", {}), ("ASGD", {}),
        ("RMSprop", {}), ("Rprop", {}), ("Adadelta", {}), ("Adafactor", {}), ("Muon", {}),
        ("SGD", {"weight_decay": 0.1}), ("SGD", {"fused": True}),
        ("Adagrad", {"weight_decay": 0.1}), ("Adagrad", {"fused": True}),
    ],
)  # fmt: skip
def test_optimizers_that_have_no_such_step(torch, name, options):
    said = []
    for T in (rl, torch):
        table = T.nn.Parameter(T.ones(3, 2))
        optimizer = getattr(T.optim, name)([table], **options)
        T.nn.functional.embedding(T.tensor([1]), table, sparse=True).sum().backward()
        with pytest.raises(RuntimeError) as error:
            optimizer.step()
        said.append(str(error.value))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "options", [{"lr": 0.0}, {"lr": -1}, {"eps": 0.0}, {"betas": (1.0, 0.9)}, {"betas": (0.9, 1.0)}]
)
def test_options_of_sparse_adam(torch, options):
    said = []
    for T in (rl, torch):
        with pytest.raises(ValueError, match="Invalid") as error:
            T.optim.SparseAdam([T.nn.Parameter(T.ones(2))], **options)
        said.append(str(error.value))
    assert said[0] == said[1]


def test_sparse_adam_takes_dense_parameters_and_sparse_gradients(T):
    with pytest.raises(ValueError, match=r"Sparse params at indices \[\[0, 1\]\]"):
        T.optim.SparseAdam([T.ones(2), T.ones(2).to_sparse()])
    p = T.nn.Parameter(T.ones(2))
    p.grad = T.ones(2)
    with pytest.raises(RuntimeError, match="does not support dense gradients"):
        T.optim.SparseAdam([p]).step()


def test_lbfgs_takes_sparse_gradients():
    table = rl.nn.Embedding(3, 2, sparse=True)
    optimizer = rl.optim.LBFGS(table.parameters(), max_iter=20, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (table(rl.tensor([0, 2])) - 1.0).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert float(closure()) < 1e-6


def test_state_dict_continues():
    table = rl.nn.Embedding(3, 2, sparse=True)

    def step(optimizer):
        optimizer.zero_grad()
        table(rl.tensor([1])).sum().backward()
        optimizer.step()

    first = rl.optim.SparseAdam(table.parameters(), lr=0.1)
    step(first)
    second = rl.optim.SparseAdam(table.parameters(), lr=0.1)
    second.load_state_dict(first.state_dict())
    start = table.weight.detach().clone()
    step(first)
    wanted = table.weight.detach().clone()
    table.weight.data = start
    step(second)
    assert table.weight.tolist() == wanted.tolist()


def test_zero_grad(T):
    table = T.nn.Embedding(3, 2, sparse=True)
    optimizer = T.optim.SGD(table.parameters(), lr=0.1)
    table(T.tensor([1])).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert table.weight.grad._nnz() == 0
    assert table.weight.grad.is_sparse
    optimizer.zero_grad()
    assert table.weight.grad is None


@pytest.mark.parametrize("norm_type", [1, 2, float("inf")])
def test_clipping_by_norm(norm_type):
    grads = []
    for sparse in (True, False):
        table = rl.nn.Embedding(4, 2, sparse=sparse, _weight=rl.ones(4, 2))
        (table(rl.tensor([1, 1, 3])) * 3).sum().backward()
        total = rl.nn.utils.clip_grad_norm_(table.parameters(), 0.5, norm_type)
        grads.append((float(total), table.weight.grad.to_dense().numpy()))
    assert grads[0][0] == pytest.approx(grads[1][0])
    np.testing.assert_allclose(grads[0][1], grads[1][1], rtol=1e-6)


def test_loss_scaling():
    table = rl.nn.Embedding(4, 2, sparse=True, _weight=rl.ones(4, 2))
    optimizer = rl.optim.SGD(table.parameters(), lr=1.0)
    scaler = rl.amp.GradScaler("cpu", init_scale=8.0)
    scaler.scale(table(rl.tensor([1, 1])).sum()).backward()
    scaler.step(optimizer)
    assert table.weight[1].tolist() == [-1, -1]


class TestEmbeddings:
    def test_gradient_holds_the_rows_as_they_were_looked_up(self, T):
        table = T.nn.Embedding(5, 3, padding_idx=1, sparse=True)
        table(T.tensor([[0, 1], [4, 0]])).sum().backward()
        grad = table.weight.grad
        assert grad._indices().tolist() == [[0, 4, 0]]
        assert (grad.sparse_dim(), grad.dense_dim()) == (1, 1)
        assert not grad.is_coalesced()

    @pytest.mark.parametrize("mode", ["sum", "mean"])
    def test_bags(self, T, mode):
        grads = []
        for sparse in (True, False):
            bag = T.nn.EmbeddingBag(5, 3, mode=mode, sparse=sparse, padding_idx=2)
            out = bag(T.tensor([0, 1, 2, 1, 4]), T.tensor([0, 3]))
            (out * T.arange(6.0).reshape(2, 3)).sum().backward()
            grads.append(bag.weight.grad)
        assert grads[0].is_sparse
        np.testing.assert_allclose(grads[0].to_dense().numpy(), grads[1].numpy(), rtol=1e-6)

    def test_what_does_not_go_together(self, T):
        with pytest.raises(ValueError, match="max mode does not support sparse weights"):
            T.nn.EmbeddingBag(5, 3, mode="max", sparse=True)(T.tensor([[1, 2]]))
        table = T.nn.Embedding(5, 3, scale_grad_by_freq=True, sparse=True)
        loss = table(T.tensor([1])).sum()
        with pytest.raises(RuntimeError, match="scale_grad_by_freq not supported with sparse"):
            loss.backward()
