"""Tensors and expressions that the tests of sparse tensors share."""

from __future__ import annotations

from typing import Any


def tensors(T: Any) -> dict[str, Any]:
    """Return small sparse tensors of framework T by short names.

    S coordinates, U with duplicates, C coalesced, H with a dense dimension, R compressed rows,
    D dense.
    """
    i, v = T.tensor([[0, 1, 1], [2, 0, 2]]), T.tensor([3.0, 4.0, 5.0])
    S = T.sparse_coo_tensor(i, v, (2, 3))
    doubled = T.tensor([[0, 1, 1, 0], [2, 0, 2, 2]])
    return {
        "T": T, "i": i, "v": v, "S": S, "C": S.coalesce(), "R": S.to_sparse_csr(),
        "U": T.sparse_coo_tensor(doubled, T.tensor([3.0, 4.0, 5.0, 1.0]), (2, 3)),
        "H": T.sparse_coo_tensor(i, T.arange(6.0).reshape(3, 2), (2, 3, 2)),
        "D": T.arange(6.0).reshape(2, 3),
    }  # fmt: skip


def evaluate(T: Any, expression: str, **more: Any) -> Any:
    """Return the value of an expression over `tensors(T)`."""
    return eval(expression, {**tensors(T), **more})


VALUES = """
T.sparse_coo_tensor(i, v)
T.sparse_coo_tensor(i, v, (4, 5), dtype=T.float64)
T.sparse_coo_tensor((2, 3))
T.sparse_coo_tensor((2, 3), dtype=T.int64)
T.sparse_coo_tensor([[0, 1]], [1, 2], (3,), is_coalesced=True)
T.sparse_coo_tensor(T.zeros(2, 0, dtype=T.int64), T.zeros(0, 3), (2, 2, 3))
T.sparse_coo_tensor(i, v, (2, 3), requires_grad=True)
T.sparse.FloatTensor(i, v, T.Size([2, 3]))
T.sparse.DoubleTensor(i, v.double())
T.sparse.FloatTensor(2, 3)
T.zeros(2, 3, layout=T.sparse_coo)
T.zeros(2, 3, layout=T.sparse_csr)
T.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4.0, 5.0])
T.sparse_csc_tensor(T.tensor([0, 1, 1, 3]), T.tensor([1, 0, 1]), v, (2, 3))
T.sparse_bsr_tensor(T.tensor([0, 1, 2]), T.tensor([0, 1]), T.ones(2, 2, 2))
T.sparse_bsc_tensor(T.tensor([0, 1, 2]), T.tensor([1, 0]), T.arange(12.0).reshape(2, 2, 3), (4, 6))
T.sparse_compressed_tensor([0, 1, 3], [2, 0, 2], v, (2, 3), layout=T.sparse_csr)
D.to_sparse()
D.to_sparse(1)
D.to_sparse_coo()
D.to_sparse_csr()
D.to_sparse_csc()
D.to_sparse_bsr((2, 1))
D.to_sparse_bsc((1, 3))
D.to_sparse(layout=T.sparse_csr)
T.stack([D, D]).to_sparse_csr()
T.stack([D, D], -1).to_sparse_csr(dense_dim=1)
T.tensor(3.0).to_sparse()
S.to_sparse_csr().to_sparse_csc()
R.to_sparse()
R.to_sparse(2)
D.to_sparse_bsr((1, 3)).to_sparse_coo()
S.coalesce()
U.coalesce()
U.to_dense()
H.to_dense()
R.to_dense()
D.to_sparse_bsc((2, 1)).to_dense()
T.stack([D, D]).to_sparse_csr().to_dense()
D.sparse_mask(C)
D.sparse_mask(S)
S.sparse_mask(C)
D.sparse_mask(R)
C.indices()
C.values()
S._indices()
S._values()
R.crow_indices()
R.col_indices()
R.values()
S.to_sparse_csc().ccol_indices()
S._nnz(), S.sparse_dim(), S.dense_dim(), H.sparse_dim(), H.dense_dim(), R.sparse_dim(), R._nnz()
S.shape, S.dtype, S.layout, S.is_sparse, S.is_sparse_csr, R.is_sparse, R.is_sparse_csr, R.layout
S.size(0), S.numel(), S.dim(), S.element_size(), S.is_floating_point(), len(S), S.type()
S.is_coalesced(), C.is_coalesced(), D.is_sparse, D.sparse_dim(), D.dense_dim()
S + S
C + C
C + T.eye(2, 3).to_sparse()
T.add(C, C, alpha=3)
D + S
D - S
T.add(D, S, alpha=3)
D + U
D + H.to_dense()[..., 0].to_sparse()
R + R
R + D
C - T.eye(2, 3).to_sparse()
S * 2
2 * S
S * T.tensor(2.0)
C * C
C * T.eye(2, 3).to_sparse()
S * D
D * S
S * D[0]
R * D
R * R
S / 2
S // 2
-S
abs(S)
S ** 2
U.sqrt()
S.relu()
T.nn.functional.relu(S)
T.square(S)
S.sin()
S.tanh()
S.log1p()
S.sign()
S.neg()
S.isnan()
S.bool()
S.round()
R.sin()
S.double()
S.to(T.int64)
S.half()
S.to(T.float64).dtype
S.real
S + S.double()
D.double() + S
S @ D.t()
D.t() @ S
S.mm(D.t())
T.mm(D.t(), S)
T.spmm(S, D.t())
S.mv(D[0])
T.matmul(S, D[0])
D[:, 0] @ S
S @ S.t()
T.sparse.mm(C, C.t())
T.sparse.mm(S, D.t())
T.sparse.mm(R, D.t())
T.sparse.mm(R, D.t(), 'mean')
T.sparse.mm(R, D.t(), 'amax')
R @ D.t()
R @ D[0]
D.t() @ R
S.to_sparse_csc() @ D.t()
T.addmm(D[:, :2], S, D.t())
T.addmm(D[:, :2], S, D.t(), beta=2, alpha=0.5)
T.sparse.addmm(D[:, :2], S, D.t(), beta=2, alpha=3)
T.sparse.sampled_addmm(R, D[:, :1], D[:1, :], beta=0.5, alpha=2)
T.smm(S, D.t())
T.hspmm(C, D.t())
T.sspaddmm(S, T.eye(2).to_sparse(), D)
T.bmm(T.stack([C, C]), T.ones(2, 3, 2))
T.nn.functional.linear(S, T.ones(2, 3))
T.nn.functional.linear(S, T.ones(2, 3), T.ones(2))
S.sum()
S.sum(0)
T.sparse.sum(S, 0)
T.sparse.sum(S)
T.sparse.sum(S, [0, 1])
T.sparse.sum(S, dtype=T.float64)
T.sparse.sum(H, 2)
T.sparse.sum(H, [0, 2])
T.sparse.sum(H, [0, 1])
S.sum(0, keepdim=True)
R.sum(1, keepdim=True)
R.sum()
S.norm()
S.norm(1)
U.norm()
S.any()
T.sparse.softmax(S, 1)
T.sparse.softmax(S, 0)
T.sparse.softmax(U, 1)
T.sparse.softmax(H, 2)
T.sparse.softmax(S, 1, dtype=T.float64)
T.sparse.log_softmax(S, 1)
T.sparse.spdiags(T.arange(9.0).reshape(3, 3), T.tensor([0, -1, 2]), (3, 3))
T.sparse.spdiags(T.arange(9.0).reshape(3, 3), T.tensor([0, -1, 2]), (3, 4), layout=T.sparse_csr)
T.sparse.spdiags(T.ones(3), T.tensor(0), (3, 3))
S.t()
S.T
S.transpose(0, 1)
H.permute(1, 0, 2)
H.transpose(0, 1)
R.t()
S.unsqueeze(0)
S.unsqueeze(2)
H.unsqueeze(3)
S[0]
S[0, 2]
S[:, 1]
R[0]
S.select(0, 1)
H.select(2, 0)
H.select(0, 0)
S.index_select(0, T.tensor([1, 1]))
H.index_select(2, T.tensor([1]))
S.narrow_copy(1, 1, 2)
list(S)
S.unbind()
T.cat([S, S])
T.cat([H, H], 2)
T.stack([S, S], 1)
S.clone()
S.detach()
T.zeros_like(S)
T.zeros_like(R)
S.new_zeros(2)
S.clone().zero_()
S.clone().copy_(U)
S.clone().mul_(2)
S.clone().mul_(D)
S.clone().add_(S)
D.clone().add_(S)
D.clone().add_(U, alpha=2)
D.clone().sub_(S)
D.clone().mul_(S)
S.clone().div_(2)
S.clone().neg_()
C.clone().sqrt_()
S.clone().t_()
S.clone().sparse_resize_((4, 4), 2, 0)
S.clone().sparse_resize_and_clear_((4, 4), 2, 0)
""".strip().splitlines()

ERRORS = """
T.sparse_coo_tensor(T.tensor([[0, -1]]), T.ones(2))
T.sparse_coo_tensor(T.tensor([[0, 1]]), T.ones(3))
T.sparse_coo_tensor(T.tensor([[0, 1]]), T.ones(2), (3, 3))
T.sparse_coo_tensor(T.tensor([0, 1]), T.ones(2), (3,))
T.sparse_coo_tensor(i, T.ones(3, 2), (2, 3, 3))
T.sparse_coo_tensor(i)
T.sparse_coo_tensor([[0, 0]], [1, 2], (3,), is_coalesced=True, check_invariants=True)
T.sparse_coo_tensor(T.tensor([[0, 5]]), T.ones(2), (3,), check_invariants=True)
T.sparse_csr_tensor(T.tensor([0, 1, 4]), T.tensor([2, 0, 2]), v, (2, 3), check_invariants=True)
T.sparse_csr_tensor(T.tensor([1, 1, 3]), T.tensor([2, 0, 2]), v, (2, 3), check_invariants=True)
T.sparse_csr_tensor(T.tensor([0, 1, 3]), T.tensor([2, 0, 5]), v, (2, 3), check_invariants=True)
T.sparse_csr_tensor(T.tensor([0, 1, 3]), T.tensor([2, 2, 0]), v, (2, 3), check_invariants=True)
T.sparse_csr_tensor(T.tensor([0, 1, 3]), T.tensor([2, 0]), v, (2, 3), check_invariants=True)
T.sparse_csr_tensor(T.tensor([0, 1, 3]), T.tensor([2, 0, 2]), v, (3, 3), check_invariants=True)
S.indices()
S.values()
T.ones(2).coalesce()
T.ones(2).indices()
T.ones(2).is_coalesced()
T.ones(2).values()
T.ones(2).crow_indices()
T.ones(2)._nnz()
R.indices()
R.coalesce()
R.ccol_indices()
S.numpy()
S.view(6)
S.reshape(6)
S.expand(2, 2, 3)
S[0:1]
S.item()
bool(S)
S.nbytes
S.contiguous()
S.storage()
S.data_ptr()
T.exp(S)
S.cos()
S.sigmoid()
S.max()
S.all()
S.nonzero()
T.tril(S)
S + D
S + 1
S / D
D / S
S ** 0
1 - S
S + T.sparse_coo_tensor((3, 3))
S * T.sparse_coo_tensor((3, 3))
D + H
S @ D
S.mv(D)
T.sparse.mm(S, D)
T.mv(D.t(), S)
T.matmul(S, T.ones(2, 3, 2))
T.addmm(D[:, :2], D, S.t())
T.bmm(T.ones(2, 3, 2), T.stack([C, C]))
T.sparse.sampled_addmm(S, D[:, :1], D[:1, :])
T.sparse.softmax(R, 1)
T.sparse.sum(R)
R.sum(0)
S.norm(2, 0)
D.to_sparse(0)
D.to_sparse(3)
S.to_sparse(1)
R.to_sparse(1)
D.to_sparse_bsr((2, 2))
D.to_sparse(layout=T.sparse_bsr)
T.stack([D, D * 0]).to_sparse_csr()
D[:1].sparse_mask(S)
D.sparse_mask(D)
H.transpose(0, 2)
H.permute(0, 2, 1)
T.cat([S, S.to_dense()])
D.clone().copy_(S)
S.clone().copy_(D)
S.clone().sqrt_()
S.clone().fill_(0)
S.clone().sparse_resize_((1, 1), 2, 0)
S.type_as(D)
S.to_dense(T.float64)
T.sparse.spdiags(T.ones(2, 3), T.tensor([0, 0]), (3, 3))
S.clone().requires_grad_().zero_()
""".strip().splitlines()
