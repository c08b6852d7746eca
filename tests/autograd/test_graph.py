"""What a program can see of the graph, and copies of tensors in it."""

from __future__ import annotations

import copy
import io
import pickle
import threading

import numpy as np
import pytest

import rushlight


def leaf(T, *values):
    return T.tensor(list(values), requires_grad=True)


def test_next_functions(T):
    x, w = leaf(T, 1.0), leaf(T, 2.0)
    y = (x * w + 3).exp()
    assert y.grad_fn.name() == "ExpBackward0"
    ((add, index),) = y.grad_fn.next_functions
    assert (add.name(), index) == ("AddBackward0", 0)
    mul = add.next_functions[0][0]
    assert mul.name() == "MulBackward0"
    ends = [node for node, _ in mul.next_functions]
    assert [type(n).__name__ for n in ends] == ["AccumulateGrad"] * 2
    assert ends[0].variable is x
    assert ends[1].variable is w
    assert type(y.grad_fn).__name__.startswith("Exp")


def test_constants_are_missing_edges(T):
    y = leaf(T, 1.0) * T.ones(1)
    assert y.grad_fn.next_functions[1] == (None, 0)


def test_output_numbers(T):
    a, b = T.arange(4.0).requires_grad_().split(2)
    assert (a.output_nr, b.output_nr) == (0, 1)
    assert (a * b).grad_fn.next_functions[1][1] == 1


def test_metadata(T):
    y = leaf(T, 1.0) * 2
    y.grad_fn.metadata["note"] = 3
    assert y.grad_fn.metadata == {"note": 3}


def test_leaves(T):
    x = leaf(T, 1.0)
    assert x.is_leaf
    assert x.grad_fn is None
    assert not (x * 2).is_leaf
    assert T.ones(1).is_leaf
    assert (T.ones(1) * 2).is_leaf
    assert (x * 2).detach().is_leaf


def test_requires_grad_spreads(T):
    x, c = leaf(T, 1.0), T.ones(1)
    assert (x + c).requires_grad
    assert not (c + c).requires_grad
    assert not (x > 0).requires_grad
    assert not x.argmax().requires_grad
    assert not T.zeros_like(x).requires_grad
    assert not x.detach().requires_grad


def test_requires_grad_of_inner_tensors_is_fixed(T):
    h = leaf(T, 1.0) * 2
    with pytest.raises(
        RuntimeError, match="you can only change requires_grad flags of leaf variables"
    ):
        h.requires_grad = False
    with pytest.raises(RuntimeError, match="leaf variables"):
        h.requires_grad_(False)


def test_requires_grad_can_be_switched(T):
    x = T.ones(2)
    assert x.requires_grad_() is x
    assert x.requires_grad
    x.requires_grad = False
    assert not (x * 2).requires_grad


def test_freezing_after_the_graph_was_made(T):
    x, w = leaf(T, 2.0), leaf(T, 3.0)
    y = x * w
    w.requires_grad_(False)
    y.sum().backward()
    assert x.grad.tolist() == [3.0]


def test_a_dtype_of_the_gradient_is_checked(T):
    x = leaf(T, 1.0, 2.0)
    x.grad = T.ones(2)
    x.grad = None
    with pytest.raises(RuntimeError, match="attempting to assign a gradient of size"):
        x.grad = T.ones(3)
    with pytest.raises(RuntimeError, match="attempting to assign a gradient with dtype"):
        x.grad = T.ones(2, dtype=T.float64)
    with pytest.raises(TypeError, match="assigned grad expected to be a Tensor or None"):
        x.grad = 3
    with pytest.raises(RuntimeError, match="can't assign Variable as its own grad"):
        x.grad = x
    del x.grad
    assert x.grad is None


# --- copies ---


def test_deepcopy_of_a_leaf(T):
    x = leaf(T, 1.0, 2.0)
    (x * x).sum().backward()
    x.note = ["kept"]
    twin = copy.deepcopy(x)
    assert twin.tolist() == [1.0, 2.0]
    assert twin.requires_grad
    assert twin.grad.tolist() == [2.0, 4.0]
    assert twin.note == ["kept"]
    assert twin.note is not x.note
    twin.data.zero_()
    twin.grad.zero_()
    assert x.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [2.0, 4.0]


def test_deepcopy_keeps_what_is_one_one(T):
    x = leaf(T, 1.0)
    a, b = copy.deepcopy([x, x])
    assert a is b


def test_deepcopy_of_an_inner_tensor(T):
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(leaf(T, 1.0) * 2)


def test_deepcopy_keeps_strides(T):
    x = T.arange(6.0).reshape(2, 3).t()
    twin = copy.deepcopy(x)
    assert twin.stride() == x.stride()
    assert twin.tolist() == x.tolist()


def test_copy_shares_memory(T):
    x = leaf(T, 1.0, 2.0)
    twin = copy.copy(x)
    assert twin is not x
    assert twin.requires_grad
    twin.data[0] = 9
    assert x.tolist() == [9.0, 2.0]


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "bfloat16", "complex64"])
def test_pickle(T, dtype, protocol):
    x = T.ones(2, 3).to(getattr(T, dtype))
    twin = pickle.loads(pickle.dumps(x, protocol))
    assert twin.dtype == x.dtype
    assert twin.tolist() == x.tolist()


def test_pickle_of_a_leaf_and_of_an_inner_tensor():
    x = leaf(rushlight, 1.0)
    assert pickle.loads(pickle.dumps(x)).requires_grad
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor"):
        pickle.dumps(x * 2)


def test_pickle_into_a_file():
    file = io.BytesIO()
    pickle.Pickler(file).dump({"a": rushlight.arange(3), "b": [rushlight.ones(1)]})
    file.seek(0)
    found = pickle.load(file)
    assert found["a"].tolist() == [0, 1, 2]


def test_tensors_are_hashed_by_identity(T):
    x, y = T.ones(1), T.ones(1)
    assert len({x, y, x}) == 2
    assert {x: "x"}[x] == "x"


# --- threads ---


def test_threads_with_graphs_of_their_own():
    x = [rushlight.ones(500, requires_grad=True) for _ in range(8)]
    errors = []

    def work(i):
        try:
            for _ in range(20):
                (x[i] * (i + 1)).exp().log().sum().backward()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not errors
    for i in range(8):
        np.testing.assert_allclose(x[i].grad.numpy(), 20 * (i + 1), rtol=1e-4)


def test_threads_that_share_a_leaf_lose_no_gradient():
    x = rushlight.ones(40_000, requires_grad=True)
    start = threading.Barrier(4)

    def work():
        start.wait()
        for _ in range(25):
            (x * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    np.testing.assert_array_equal(x.grad.numpy(), 100.0)


def test_threads_that_share_a_graph():
    x = rushlight.ones(50, requires_grad=True)
    y = (x.exp() * x).sum()
    threads = [threading.Thread(target=lambda: y.backward(retain_graph=True)) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    np.testing.assert_allclose(x.grad.numpy(), 4 * 2 * np.e, rtol=1e-5)
