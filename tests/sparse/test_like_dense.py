"""Sparse tensors compute what the dense tensors they stand for do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import rushlight as rl
from rushlight.kernels import sparse as K

LAYOUTS = [rl.sparse_coo, rl.sparse_csr, rl.sparse_csc]


def random_sparse(*shape: int, density: float = 0.3, dtype: str = "float64") -> rl.Tensor:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(shape) * (rng.random(shape) < density)
    return rl.from_numpy(values.astype(dtype))


@st.composite
def coordinates(draw):
    """Return indices with duplicates, values and a size."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    count = draw(st.integers(0, 12))
    lines = [draw(st.lists(st.integers(0, n - 1), min_size=count, max_size=count)) for n in sizes]
    depth = draw(st.lists(st.integers(0, 3), max_size=1))
    shape = (count, *depth)
    values = np.arange(1, np.prod(shape, dtype=int) + 1, dtype=np.float64).reshape(shape)
    return np.array(lines, np.int64).reshape(len(sizes), count), values, (*sizes, *depth)


def dense_of(lines, values, size):
    full = np.zeros(size)
    np.add.at(full, tuple(lines), values)
    return full


@settings(deadline=None, max_examples=60)
@given(coordinates())
def test_coalesce_adds_duplicates_up(parts):
    lines, values, size = parts
    x = rl.sparse_coo_tensor(lines, values, size)
    y = x.coalesce()
    assert y.is_coalesced()
    assert (np.diff(K.keys(y.indices().numpy(), size[: len(lines)])) > 0).all()
    np.testing.assert_array_equal(x.to_dense().numpy(), dense_of(*parts))
    np.testing.assert_array_equal(y.to_dense().numpy(), dense_of(*parts))
    assert y.coalesce() is y


@settings(deadline=None, max_examples=40)
@given(coordinates())
def test_to_sparse_is_undone_by_to_dense(parts):
    full = rl.from_numpy(dense_of(*parts))
    for count in range(1, full.ndim + 1):
        x = full.to_sparse(count)
        assert (x.sparse_dim(), x.dense_dim()) == (count, full.ndim - count)
        np.testing.assert_array_equal(x.to_dense().numpy(), full.numpy())


@settings(deadline=None, max_examples=40)
@given(coordinates(), coordinates())
def test_sums_and_products(a, b):
    if a[2] != b[2] or len(a[0]) != len(b[0]):
        b = (a[0][:, ::-1].copy() % np.array(a[2][: len(a[0])])[:, None], a[1] * 2, a[2])
    x, y = rl.sparse_coo_tensor(*a), rl.sparse_coo_tensor(*b)
    full, other = dense_of(*a), dense_of(*b)
    np.testing.assert_allclose((x + y).to_dense().numpy(), full + other)
    np.testing.assert_allclose((x.coalesce() + y.coalesce()).to_dense().numpy(), full + other)
    np.testing.assert_allclose((x - y).to_dense().numpy(), full - other)
    np.testing.assert_allclose((x * y).to_dense().numpy(), full * other)
    np.testing.assert_allclose((x * rl.from_numpy(other)).to_dense().numpy(), full * other)
    np.testing.assert_allclose((rl.from_numpy(full) + y).numpy(), full + other)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "int64"])
@pytest.mark.parametrize("shape", [(7, 5), (1, 6), (5, 1), (0, 3), (3, 0)])
def test_matrix_products(layout, dtype, shape):
    full = (random_sparse(*shape) * 4).round().to(getattr(rl, dtype))
    x = full.to_sparse(layout=layout)
    right = (rl.randn(shape[1], 3) * 4).round().to(full.dtype)
    left = (rl.randn(2, shape[0]) * 4).round().to(full.dtype)
    np.testing.assert_allclose((x @ right).numpy(), full.numpy() @ right.numpy(), rtol=1e-5)
    np.testing.assert_allclose((left @ x).numpy(), left.numpy() @ full.numpy(), rtol=1e-5)
    np.testing.assert_allclose((x @ right[:, 0]).numpy(), full.numpy() @ right.numpy()[:, 0])
    found = x @ x.t()
    assert found.layout is layout
    np.testing.assert_allclose(found.to_dense().numpy(), full.numpy() @ full.numpy().T, rtol=1e-5)


def test_long_rows_and_many_rows():
    """Rows beyond the length that is multiplied at once, and more rows than a block holds."""
    rng = np.random.default_rng(1)
    rows = np.concatenate([np.full(300, 5), rng.integers(0, 2500, 4000), np.full(64, 7)])
    cols = rng.integers(0, 50, rows.size)
    values = rng.standard_normal(rows.size)
    x = rl.sparse_coo_tensor(np.stack([rows, cols]), values, (2500, 50))
    d = rl.from_numpy(rng.standard_normal((50, 4)))
    full = dense_of((rows, cols), values, (2500, 50))
    np.testing.assert_allclose((x @ d).numpy(), full @ d.numpy(), rtol=1e-10, atol=1e-12)
    g = rl.from_numpy(rng.standard_normal((2500, 4)))
    np.testing.assert_allclose((x.t() @ g).numpy(), full.T @ g.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_sums_in_float32(dtype):
    kind = getattr(rl, dtype)
    ones = rl.ones(1, 4000, dtype=kind)
    indices = np.stack([np.zeros(4000, np.int64), np.arange(4000)])
    x = rl.sparse_coo_tensor(indices, ones[0], (1, 4000))
    product = x @ rl.ones(4000, 2, dtype=kind)
    assert product.dtype is kind
    assert product.tolist() == [[4000, 4000]]
    together = rl.sparse_coo_tensor(np.zeros((1, 4000), np.int64), ones[0], (1,))
    assert together.coalesce().values().tolist() == [4000]


CHAIN = [
    (a, b) for a in ("coo", "csr", "csc", "bsr", "bsc") for b in ("coo", "csr", "csc", "bsr", "bsc")
]


def in_layout(x: rl.Tensor, name: str) -> rl.Tensor:
    block = {"blocksize": (2, 3)} if name in ("bsr", "bsc") else {}
    return x.to_sparse(layout=getattr(rl, f"sparse_{name}"), **block)


@pytest.mark.parametrize(("first", "second"), CHAIN)
def test_every_layout_becomes_every_other(first, second):
    full = random_sparse(4, 6)
    x = in_layout(in_layout(full, first), second)
    assert x.layout is getattr(rl, f"sparse_{second}")
    np.testing.assert_array_equal(x.to_dense().numpy(), full.numpy())
    np.testing.assert_array_equal(x.t().to_dense().numpy(), full.numpy().T)


@pytest.mark.parametrize("name", ["csr", "csc", "bsr", "bsc"])
def test_batches_of_compressed_matrices(name):
    one = random_sparse(4, 6)
    full = rl.stack([one, -one])
    x = in_layout(full, name)
    np.testing.assert_array_equal(x.to_dense().numpy(), full.numpy())
    np.testing.assert_array_equal(x.to_sparse_coo().to_dense().numpy(), full.numpy())
    np.testing.assert_array_equal((x * 2).to_dense().numpy(), full.numpy() * 2)


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_selections_of_a_tensor_with_a_dense_dimension(dim):
    full = random_sparse(3, 4, 2)
    x = full.to_sparse(2)
    which = rl.tensor([1, 0, 1])
    for found, wanted in (
        (x.select(dim, 1), full.select(dim, 1)),
        (x.index_select(dim, which), full.index_select(dim, which)),
        (x.narrow_copy(dim, 1, 1), full.narrow(dim, 1, 1)),
        (x.unsqueeze(dim), full.unsqueeze(dim)),
        (rl.cat([x, x * 2], dim), rl.cat([full, full * 2], dim)),
        (rl.stack([x, x * 2], dim), rl.stack([full, full * 2], dim)),
        (rl.sparse.sum(x, dim), full.sum(dim)),
        (x.sum(dim, keepdim=True), full.sum(dim, keepdim=True)),
    ):
        assert found.is_sparse
        np.testing.assert_allclose(found.to_dense().numpy(), wanted.numpy())


def test_softmax_counts_only_what_is_stored():
    full = random_sparse(5, 4)
    weights = np.where(full.numpy() != 0, np.exp(full.numpy()), 0)
    for dim in (0, 1):
        total = weights.sum(axis=dim, keepdims=True)
        wanted = weights / np.where(total == 0, 1, total)
        found = rl.sparse.softmax(full.to_sparse(), dim)
        np.testing.assert_allclose(found.to_dense().numpy(), wanted)


def test_indices_that_change_are_looked_at_again():
    x = rl.sparse_coo_tensor([[0, 1], [0, 1]], [1.0, 2.0], (3, 3))
    d = rl.arange(9.0).reshape(3, 3)
    assert (x @ d)[2].tolist() == [0, 0, 0]
    x._indices()[0, 1] = 2
    assert (x @ d)[2].tolist() == [6, 8, 10]


def test_views_of_the_parts_share_memory():
    x = rl.eye(2).to_sparse()
    x._values().mul_(3)
    x.values()[0] = 7
    assert x.to_dense().tolist() == [[7, 0], [0, 3]]
    assert x.detach().to_dense().tolist() == [[7, 0], [0, 3]]


def test_it_is_a_tensor():
    x = rl.eye(2).to_sparse()
    assert isinstance(x, rl.Tensor)
    assert rl.is_tensor(x)
    assert isinstance(x, rl.sparse.FloatTensor)
    assert not isinstance(x, rl.FloatTensor)
    assert not isinstance(x, rl.sparse.DoubleTensor)
    assert x.layout is rl.sparse_coo


def test_dense_tensors_stay_what_they_are():
    """Programs that meet a sparse tensor compute with dense ones as before."""
    rl.eye(2).to_sparse()
    x = rl.ones(2, requires_grad=True)
    (rl.relu(x) * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]
    with pytest.raises(TypeError):
        x @ "text"


def test_invariants_are_checked_on_request():
    check = rl.sparse.check_sparse_tensor_invariants
    assert not check.is_enabled()

    @check()
    def make():
        return rl.sparse_coo_tensor([[3]], [1.0], (2,))

    with pytest.raises(RuntimeError, match="size is inconsistent with indices"):
        make()
    check.enable()
    with pytest.raises(RuntimeError, match="size is inconsistent with indices"):
        rl.sparse_coo_tensor([[3]], [1.0], (2,))
    check.disable()
    assert rl.sparse_coo_tensor([[3]], [1.0], (2,))._nnz() == 1


def test_out():
    x, d = rl.eye(2).to_sparse() * 3, rl.ones(2, 2)
    out = rl.empty(2, 2)
    assert rl.mm(x, d, out=out) is out
    assert out.tolist() == [[3, 3], [3, 3]]


def test_modules_carry_sparse_buffers():
    class Graph(rl.nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.register_buffer("adj", rl.eye(2).to_sparse() * scale)

    a, b = Graph(1), Graph(5)
    assert b.double().adj.dtype is rl.float64
    a.load_state_dict(b.state_dict())
    assert a.adj.to_dense().tolist() == [[5, 0], [0, 5]]
    assert a.adj.dtype is rl.float32


def test_assert_close(T):
    x, y = T.eye(2).to_sparse(), T.eye(2).to_sparse() * 2
    T.testing.assert_close(x, x.clone())
    with pytest.raises(AssertionError, match="Sparse COO values are not close!"):
        T.testing.assert_close(x, y)
    with pytest.raises(AssertionError, match="number of specified values in sparse COO"):
        T.testing.assert_close(x, T.ones(2, 2).to_sparse())
    with pytest.raises(AssertionError, match="Sparse CSR values are not close!"):
        T.testing.assert_close(x.to_sparse_csr(), y.to_sparse_csr())
    T.testing.assert_close(x, x.to_dense(), check_layout=False)
