"""Matrix products with a sparse operand."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend.memory_format import sparse_coo, sparse_csr
from ..kernels import sparse as K
from ..ops._naming import named
from ._convert import convert, sparse_mask, to_dense
from ._node import SparseOp
from ._parts import (
    Build,
    build,
    coalesced,
    coordinates,
    is_plain,
    part_of,
    pattern,
    rows_of,
    sparse_dim,
    values_of,
)
from ._rules import refuse, rule
from ._tensor import SparseTensor, alias, coordinate_tensor, long_name

# --- sparse times dense ------------------------------------------------------------------------


class MatrixProduct(SparseOp):
    """y = s x, or s^T x if `transposed`, for a sparse matrix s and a dense one x.

    dL/dx = s^H g (conj(s) g), dL/ds = g x^H (conj(x) g^T), at the places of s only if `masked`.
    """

    label = "Mm"

    def forward(ctx, s: SparseTensor, x: Tensor, *, transposed: bool, masked: bool) -> Tensor:
        ctx.transposed, ctx.masked = transposed, masked
        ctx.save(s, x)
        rows = rows_of(s, transposed)
        return wrap(K.matrix_product(rows, s._elements.array, x.array))

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        s, x = ctx.saved_tensors
        of_s, of_x = ctx.edges
        gs = gx = None
        if of_x:
            adjoint = s.conj() if s.is_complex() else s
            gx = product(adjoint, g, transposed=not ctx.transposed)
        if of_s:
            left, right = (x.conj(), g.mT) if ctx.transposed else (g, x.mH)
            # What made s from its values looks at the gradient there only.
            if ctx.masked or isinstance(of_s[0], Build):
                gs = sampled(left, right, s)
            else:
                gs = left @ right
        return gs, gx


def product(
    s: SparseTensor, x: Tensor, *, transposed: bool = False, masked: bool = False
) -> Tensor:
    """Return s x (s^T x if `transposed`); the gradient of s is sparse if `masked`."""
    if not is_plain(s):
        return to_dense(s).mT @ x if transposed else to_dense(s) @ x
    return MatrixProduct.apply(s, x, transposed=transposed, masked=masked)


class SampledProduct(Op):
    """v = the elements of x y at given places.  dL/dx = G y^H, dL/dy = x^H G with sparse G."""

    def forward(ctx, x: Array, y: Array, *, like: SparseTensor) -> Array:
        ctx.save(x, y)
        ctx.like = like
        row, col = coordinates(like)
        return K.sampled_product(row, col, x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        of_x, of_y = ctx.edges
        s = build(g, ctx.like)
        gx = product(s, y.mH, masked=True) if of_x else None
        gy = product(s, x.conj(), transposed=True, masked=True).mT if of_y else None
        return gx, gy


def sampled(x: Tensor, y: Tensor, like: SparseTensor) -> Tensor:
    """Return the product x y at the places of a sparse tensor, and nothing else of it."""
    return build(SampledProduct.apply(x, y, like=alias(like)), like, "SampledProduct")


# --- sparse times sparse -----------------------------------------------------------------------


class SparseProduct(SparseOp):
    """y = a b, all sparse.  dL/da = g b^H, dL/db = a^H g, at the places of a and b."""

    label = "SparseSparseMatmul"

    def forward(ctx, a: SparseTensor, b: SparseTensor) -> Tensor:
        ctx.save(a, b)
        width = b._extent[1]
        indices, values = K.sparse_product(
            rows_of(a), a._elements.array, rows_of(b), b._elements.array, width
        )
        return coordinate_tensor(indices, values, (a._extent[0], width), True)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        of_a, of_b = ctx.edges
        return (
            sparse_mask(g @ b.mH, a) if of_a else None,
            sparse_mask(a.mH @ g, b) if of_b else None,
        )


def _check_matrices(a: Tensor, b: Tensor, *, dense_only: bool = False) -> None:
    if a.ndim != 2 or b.ndim != 2:
        raise RuntimeError(
            f"mm: expected 2-D tensors, got {a.ndim}-D and {b.ndim}-D ({list(a.shape)} and "
            f"{list(b.shape)})"
        )
    if a.shape[1] != b.shape[0]:
        if isinstance(a, SparseTensor) and not isinstance(b, SparseTensor):
            raise RuntimeError(
                f"addmm: Argument #3 (dense): Expected dim 0 size {a.shape[1]}, got {b.shape[0]}"
            )
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and "
            f"{b.shape[0]}x{b.shape[1]})"
        )
    for x in (a, b):
        if isinstance(x, SparseTensor) and x.is_sparse and sparse_dim(x) != 2:
            raise RuntimeError(f"mm: expected a matrix of 2 sparse dimensions, got {sparse_dim(x)}")
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {_word(a)} != {_word(b)}"
        )


def _word(x: Tensor) -> str:
    names = {"float32": "float", "float64": "double", "int64": "long long", "int32": "int"}
    return names.get(str(x.dtype).removeprefix("torch."), str(x.dtype))


def _mm(a: Tensor, b: Tensor, *, masked: bool) -> Tensor:
    _check_matrices(a, b)
    if isinstance(a, SparseTensor) and isinstance(b, SparseTensor):
        pair = [coalesced(x) if is_plain(x) else convert(x, sparse_coo) for x in (a, b)]
        return convert(SparseProduct.apply(*pair), a.layout)
    if isinstance(a, SparseTensor):
        return product(a, b, masked=masked)
    assert isinstance(b, SparseTensor)
    return named(product(b, a.mT, transposed=True, masked=masked).mT, "Mm")


# --- public names ------------------------------------------------------------------------------


@rule()
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices; a dense operand gives a dense result."""
    return _mm(input, mat2, masked=False)


def spmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices, either of which may be sparse.

    Args:
        input: a matrix.
        mat2: a matrix.

    Shape:
        input (M, K), mat2 (K, N); result (M, N), sparse if both are.

    Example:
        >>> a = rushlight.sparse_coo_tensor([[0, 1], [1, 0]], [2.0, 3.0], (2, 2))
        >>> rushlight.spmm(a, rushlight.tensor([[1.0], [10.0]]))
        tensor([[20.],
                [ 3.]])
    """
    return input.mm(mat2)


_REDUCTIONS = ("sum", "mean", "amax", "amin")


def sparse_mm(mat1: Tensor, mat2: Tensor, reduce: str = "sum") -> Tensor:
    """Return the product of a sparse matrix with a sparse or dense one.

    y_ij = sum_k a_ik b_kj; with `reduce` the mean, largest or smallest of the terms that are stored

    Args:
        mat1: the matrix `a`.
        mat2: the matrix `b`; the gradient of a sparse one is sparse.
        reduce: "sum", "mean", "amax" or "amin" (the last three for compressed rows times dense).

    Shape:
        mat1 (M, K), mat2 (K, N); result (M, N), sparse if both are.

    Raises:
        RuntimeError: the shapes or dtypes do not go together.

    Example:
        >>> a = rushlight.sparse_coo_tensor([[0, 1], [1, 0]], [2.0, 3.0], (2, 2))
        >>> rushlight.sparse.mm(a, rushlight.tensor([[1.0], [10.0]]))
        tensor([[20.],
                [ 3.]])
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, mean, amax or amin, got {reduce}")
    if not isinstance(mat1, SparseTensor) and not isinstance(mat2, SparseTensor):
        return mat1 @ mat2
    if reduce == "sum":
        return (
            named(_mm(mat1, mat2, masked=True), "SparseAddmm")
            if not (isinstance(mat1, SparseTensor) and isinstance(mat2, SparseTensor))
            else _mm(mat1, mat2, masked=True)
        )
    if mat1.layout is not sparse_csr:
        raise refuse("_sparse_mm_reduce_impl", (mat1, mat2))
    _check_matrices(mat1, mat2)
    assert isinstance(mat1, SparseTensor)
    return named(_reduced(mat1, mat2, reduce), "SparseMmReduceImpl")


def _reduced(s: SparseTensor, x: Tensor, reduce: str) -> Tensor:
    row, col = coordinates(s)
    terms = values_of(s).unsqueeze(1) * x.index_select(0, wrap(col))  # (nnz, N)
    zeros = wrap(np.zeros((s.shape[0], x.shape[1]), x.array.dtype))
    if reduce == "mean":
        counts = np.maximum(np.bincount(row, minlength=s.shape[0]), 1).astype(x.array.dtype)
        return zeros.index_add(0, wrap(row), terms) / wrap(counts[:, None])
    where = wrap(row).unsqueeze(1).expand(*terms.shape)
    return zeros.scatter_reduce(0, where, terms, reduce, include_self=False)


@rule()
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the product of matrices and vectors."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        return NotImplemented
    if input.ndim == 2 and other.ndim == 2:
        return mm(input, other)
    if input.ndim == 2 and other.ndim == 1:
        return mv(input, other)
    if input.ndim == 1 and other.ndim == 2 and isinstance(other, SparseTensor):
        _check_matrices(input.unsqueeze(0), other)
        return named(product(other, input.unsqueeze(1), transposed=True).squeeze(1), "Mv")
    if input.ndim > 2 and other.ndim == 2 and not isinstance(input, SparseTensor):
        flat = input.reshape(-1, input.shape[-1])
        return mm(flat, other).reshape(*input.shape[:-1], other.shape[1])
    raise RuntimeError("expand is unsupported for Sparse tensors")


@rule("rmatmul")
def rmatmul(input: SparseTensor, other: Tensor) -> Tensor:
    """Return other @ input."""
    return matmul(other, input)


@rule()
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix and a vector."""
    if input.ndim != 2 or vec.ndim != 1 or isinstance(vec, SparseTensor):
        raise RuntimeError(
            "mv: two tensor dim should be 2 and 1, but got "
            f"SparseTensor Dim: {input.ndim}Tensor Dim: {vec.ndim}"
        )
    if input.shape[1] != vec.shape[0]:
        raise RuntimeError(
            f"mv: expected self.size(-1) == vec.size(-1), got {input.shape[1]} and {vec.shape[0]}"
        )
    assert isinstance(input, SparseTensor)
    _check_matrices(input, vec.unsqueeze(1))
    return named(product(input, vec.unsqueeze(1)).squeeze(1), "Mv")


def _check_addmm(mat1: Tensor, mat2: Tensor) -> None:
    compressed = any([isinstance(m, SparseTensor) and not m.is_sparse for m in (mat1, mat2)])
    if not compressed and (not isinstance(mat1, SparseTensor) or isinstance(mat2, SparseTensor)):
        raise RuntimeError(
            "addmm_sparse_dense: expected either 'mat1' to have sparse layout and 'mat2' to have "
            f"strided layout, got 'mat1' with layout {long_name(mat1)} and 'mat2' with layout "
            f"{long_name(mat2)}"
        )


def _addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any, masked: bool
) -> Tensor:
    if isinstance(input, SparseTensor):
        if input.is_sparse:
            raise RuntimeError(
                "addmm_sparse_dense: expected strided result tensor, got tensor with layout Sparse"
            )
        found = _mm(mat1, mat2, masked=masked)
        return input * beta + found * alpha if beta else found * alpha
    _check_addmm(mat1, mat2)
    found = _mm(mat1, mat2, masked=masked)
    found = found if alpha == 1 else found * alpha
    if isinstance(found, SparseTensor):
        found = to_dense(found)
    if input.shape != found.shape:
        input = input.expand(found.shape)
    return (input if beta == 1 else input * beta) + found if beta else found


@rule("addmm")
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta input + alpha mat1 mat2 for a sparse matrix `mat1`."""
    return named(_addmm(input, mat1, mat2, beta, alpha, masked=False), "Addmm")


def sparse_addmm(
    mat: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """Return beta mat + alpha mat1 mat2; the gradient of `mat1` is sparse.

    Args:
        mat: the dense matrix that is added.
        mat1: the sparse matrix.
        mat2: the dense matrix that it is multiplied with.
        beta: the factor of `mat`.
        alpha: the factor of the product.

    Shape:
        mat1 (M, K), mat2 (K, N), mat broadcasts to (M, N); result (M, N).

    Raises:
        RuntimeError: the layouts, shapes or dtypes do not go together.

    Example:
        >>> a = rushlight.sparse_coo_tensor([[0, 1], [1, 0]], [2.0, 3.0], (2, 2))
        >>> rushlight.sparse.addmm(rushlight.ones(2, 1), a, rushlight.tensor([[1.0], [10.0]]))
        tensor([[21.],
                [ 4.]])
    """
    return named(_addmm(mat, mat1, mat2, beta, alpha, masked=True), "SparseAddmm")


@rule()
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the products of a batch of sparse matrices with dense ones."""
    if isinstance(mat2, SparseTensor):
        raise RuntimeError("bmm_sparse: Tensor 'mat2' must be dense")
    assert isinstance(input, SparseTensor)
    if not input.is_sparse:
        return to_dense(input).bmm(mat2)
    if input.ndim != 3 or mat2.ndim != 3 or input.shape[::2] != (mat2.shape[0], mat2.shape[1]):
        raise RuntimeError(
            f"bmm: expected (B, M, K) and (B, K, N), got {list(input.shape)} and {list(mat2.shape)}"
        )
    x = coalesced(input)
    count, height, inner = x.shape
    batch, row, col = coordinates(x)
    # One matrix with the batch along its diagonal.
    places = np.stack([batch * height + row, batch * inner + col])
    diagonal = pattern(places, (count * height, count * inner), False)
    s = build(values_of(x), diagonal)
    found = product(s, mat2.reshape(count * inner, -1)).reshape(count, height, mat2.shape[2])
    return named(found, "Bmm")


@rule("linear")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias."""
    if bias is None:
        return matmul(input, weight.t())
    if isinstance(input, SparseTensor) and input.ndim == 2:
        return addmm(bias, input, weight.t())
    return matmul(input, weight.t()) + bias


# --- sparse results of dense factors -----------------------------------------------------------


def sampled_addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1.0, alpha: Any = 1.0,
    out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return beta input + alpha mat1 mat2 at the places of a sparse `input` only.

    Args:
        input: a matrix with compressed rows; it says which elements are computed.
        mat1: a dense matrix.
        mat2: a dense matrix.
        beta: the factor of `input`.
        alpha: the factor of the product.
        out: where the result goes.

    Shape:
        input (M, N), mat1 (M, K), mat2 (K, N); result (M, N).

    Raises:
        NotImplementedError: `input` has another layout.
        RuntimeError: the shapes do not go together.

    Example:
        >>> s = rushlight.eye(2).to_sparse_csr()
        >>> a, b = rushlight.tensor([[1.0], [2.0]]), rushlight.tensor([[10.0, 20.0]])
        >>> rushlight.sparse.sampled_addmm(s, a, b).to_dense()
        tensor([[11.,  0.],
                [ 0., 41.]])
    """
    if input.layout is not sparse_csr:
        raise refuse("sparse_sampled_addmm", (input,))
    assert isinstance(input, SparseTensor)
    if mat1.shape[-1] != mat2.shape[-2]:
        raise RuntimeError(
            f"sampled_addmm: mat1 and mat2 shapes cannot be multiplied ({mat1.shape[-2]}x"
            f"{mat1.shape[-1]} and {mat2.shape[-2]}x{mat2.shape[-1]})"
        )
    if input.shape != (*mat1.shape[:-1], mat2.shape[-1]):
        raise RuntimeError(
            f"sampled_addmm: self.shape[-2] must match mat1.shape[-2] and self.shape[-1] must "
            f"match mat2.shape[-1], got {list(input.shape)}"
        )
    found = values_of(sampled(mat1, mat2, input))  # type: ignore[arg-type]
    values = found * alpha + values_of(input) * beta
    result = build(values, input, "SparseSampledAddmm")
    if out is None:
        return result
    from ._tensor import into

    return into(out, result)


class Sspaddmm(SparseOp):
    """y = beta c + alpha a b for sparse c and a, dense b; torch has no gradient of it either."""

    label = "NotImplemented"

    def forward(
        ctx, c: SparseTensor, a: SparseTensor, b: Tensor, *, beta: Any, alpha: Any
    ) -> Tensor:
        rows = np.unique(coordinates(a)[0])
        width = b.shape[1]
        table = product(a, b).array[rows] * alpha
        places = np.stack([np.repeat(rows, width), np.tile(np.arange(width), rows.size)])
        return coordinate_tensor(
            np.concatenate([coordinates(c), places], axis=1),
            np.concatenate([part_of(c).array * beta, table.reshape(-1)]).astype(table.dtype),
            (a.shape[0], width),
        )

    def backward(ctx, g: Tensor) -> Tensor:
        raise RuntimeError("derivative for aten::sspaddmm is not implemented")


@rule()
def sspaddmm(
    input: SparseTensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """Return beta input + alpha mat1 mat2, stored as coordinates.

    Args:
        input: a sparse matrix.
        mat1: a sparse matrix.
        mat2: a dense matrix.
        beta: the factor of `input`.
        alpha: the factor of the product.

    Shape:
        mat1 (M, K), mat2 (K, N), input (M, N); result (M, N).

    Example:
        >>> a = rushlight.sparse_coo_tensor([[1], [0]], [3.0], (2, 2))
        >>> rushlight.sspaddmm(a, a, rushlight.ones(2, 2)).to_dense()
        tensor([[0., 0.],
                [6., 3.]])
    """
    _check_matrices(mat1, mat2)
    return Sspaddmm.apply(input, mat1, mat2, beta=beta, alpha=alpha)


@rule()
def smm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of a sparse and a dense matrix as coordinates of its elements.

    Args:
        input: a sparse matrix.
        mat2: a dense matrix.

    Shape:
        input (M, K), mat2 (K, N); result (M, N), with the rows stored that are reached.

    Example:
        >>> a = rushlight.sparse_coo_tensor([[1], [0]], [3.0], (2, 2))
        >>> rushlight.smm(a, rushlight.ones(2, 2)).to_dense()
        tensor([[0., 0.],
                [3., 3.]])
    """
    nothing = pattern(np.empty((2, 0), np.int64), (input.shape[0], mat2.shape[1]), False)
    nothing._elements = wrap(np.empty(0, mat2.array.dtype))
    return sspaddmm(nothing, input, mat2)


class Hspmm(SparseOp):
    """y = a b, of which the rows that are not zero are stored; torch has no gradient of it."""

    label = "NotImplemented"

    def forward(ctx, a: SparseTensor, b: Tensor) -> Tensor:
        rows = np.unique(coordinates(a)[0])
        table = product(a, b).array[rows]
        return coordinate_tensor(rows[None], table, (a.shape[0], b.shape[1]), True)

    def backward(ctx, g: Tensor) -> Tensor:
        raise RuntimeError("derivative for aten::hspmm is not implemented")


def hspmm(mat1: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of a sparse and a dense matrix, storing only the rows that are reached.

    Args:
        mat1: a sparse matrix.
        mat2: a dense matrix.

    Shape:
        mat1 (M, K), mat2 (K, N); result (M, N) with one sparse and one dense dimension.

    Example:
        >>> a = rushlight.sparse_coo_tensor([[2], [0]], [3.0], (4, 2))
        >>> rushlight.hspmm(a, rushlight.ones(2, 2)).indices()
        tensor([[2]])
    """
    if not isinstance(mat1, SparseTensor):
        raise NotImplementedError(
            "Could not run 'aten::hspmm' with arguments from the 'CPU' backend."
        )
    _check_matrices(mat1, mat2)
    return Hspmm.apply(mat1, mat2)


rule("hspmm")(hspmm)
