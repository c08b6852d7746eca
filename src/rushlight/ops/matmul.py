"""Matrix products and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, install
from .._typing import Array, Number
from ..autograd.node import Op
from ..kernels import gemm as K
from ._autocast import autocast, is_on
from ._broadcast import sum_to
from ._export import export
from ._naming import named
from ._operands import not_a_tensor
from .casts import cast
from .complex import conj


class MatMul(Op):
    """z = x y for (batches of) matrices.  dL/dx = g y^H, dL/dy = x^H g, batches summed."""

    label = "Mm"
    autocast = "lower"

    def forward(ctx, x: Array, y: Array) -> Array:
        ctx.save_factors(x, y)
        ctx.shapes = x.shape, y.shape
        ctx.by_columns = _by_columns(x, y), _by_columns(y, x)
        return K.matmul(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.edges
        x_shape, y_shape = ctx.shapes
        x_by_columns, y_by_columns = ctx.by_columns
        gx = gy = None
        if to_x:
            gx = (
                MatMul.apply(conj(y), g.mT).mT
                if x_by_columns
                else sum_to(MatMul.apply(g, conj(y).mT), x_shape)
            )
        if to_y:
            gy = (
                MatMul.apply(g.mT, conj(x)).mT
                if y_by_columns
                else sum_to(MatMul.apply(conj(x).mT, g), y_shape)
            )
        return gx, gy


def _by_columns(x: Array, other: Array) -> bool:
    """Tell whether a matrix lies in memory column after column.

    Its gradient then does so, too: that of `w` in `x @ w.t()` is contiguous.
    """
    return x.ndim == 2 == other.ndim and x.strides == (x.itemsize, x.itemsize * x.shape[0])


class Linear(Op):
    """y = x w^T + b.  dL/dx = g w, dL/dw = g^T x, dL/db = the sum of g over rows."""

    label = "Addmm"
    autocast = "lower"

    def forward(ctx, x: Array, w: Array, b: Array | None) -> Array:
        ctx.save_factors(x, w)
        ctx.ndim, ctx.has_bias = x.ndim, b is not None
        return K.linear(x, w, b)

    def name(ctx) -> str:
        # torch has matrices only, and looks at other shapes as such.
        if ctx.ndim == 2:
            return "AddmmBackward0" if ctx.has_bias else "MmBackward0"
        return "ViewBackward0" if ctx.has_bias else "UnsafeViewBackward0"

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w = ctx.saved_tensors
        to_x, to_w, to_b = ctx.edges
        # MatMul takes matrices only: for a single vector `matmul` adds an axis.
        product = matmul if g.array.ndim == 1 else MatMul.apply
        gx = product(g, conj(w)) if to_x else None
        if not (to_w or to_b):
            return gx, None, None
        rows = g if g.array.ndim == 2 else g.reshape(-1, g.array.shape[-1])
        gw = None
        if to_w:
            inputs = x if x.array.ndim == 2 else x.reshape(-1, x.array.shape[-1])
            gw = MatMul.apply(rows.t(), conj(inputs))
        return gx, gw, rows.sum(0) if to_b else None


def _matrix(name: str, argument: str, x: Any, ndim: int) -> Tensor:
    if not isinstance(x, Tensor):
        raise not_a_tensor(name, x, argument)
    if x.array.ndim != ndim:
        raise RuntimeError(f"{name}: {argument} must be a {ndim}-D tensor, got {list(x.shape)}")
    return x


def _same_dtype(name: str, x: Tensor, y: Tensor) -> None:
    if x.array.dtype != y.array.dtype and not is_on(x):
        raise RuntimeError(
            f"{name}: expected both operands to have the same dtype, but got: {x.dtype} != "
            f"{y.dtype}"
        )


def _shapes(x: Tensor, y: Tensor) -> str:
    return f"({'x'.join(map(str, x.array.shape))} and {'x'.join(map(str, y.array.shape))})"


@export(functional=True, public=False)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x w^T + b.

    Shape:
        input (*, D), weight (O, D) or (D), bias (O) or (); result (*, O) or (*).

    Raises:
        RuntimeError: shapes or dtypes do not fit.

    Example:
        >>> w = rushlight.tensor([[1.0, 2.0]])
        >>> rushlight.nn.functional.linear(rushlight.tensor([3.0, 4.0]), w)
        tensor([11.])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("linear", input)
    if not isinstance(weight, Tensor):
        raise not_a_tensor("linear", weight, "weight", 2)
    if weight.array.ndim == 1:
        product = matmul(input, weight)
        return product if bias is None else product + bias
    x, w = input.array, weight.array
    if not x.ndim or x.shape[-1] != w.shape[-1]:
        rows = x.reshape(-1, x.shape[-1]).shape if x.ndim else ()
        raise RuntimeError(
            f"linear: expected input (*, {w.shape[-1]}) for weight {list(w.shape)}, got "
            f"{list(x.shape)}: mat1 and mat2 shapes cannot be multiplied "
            f"({'x'.join(map(str, rows))} and {w.shape[-1]}x{w.shape[0]})"
        )
    if x.dtype is not w.dtype and x.dtype != w.dtype and not is_on(input):
        raise RuntimeError(
            f"linear: mat1 and mat2 must have the same dtype, but got {input.dtype.type_name} and "
            f"{weight.dtype.type_name}"
        )
    if bias is not None and bias.array.shape not in ((w.shape[0],), (1,), ()):
        if bias.array.ndim > 1:
            return MatMul.apply(input, weight.t()) + bias
        raise RuntimeError(
            f"The expanded size of the tensor ({w.shape[0]}) must match the existing size "
            f"({bias.array.shape[0]}) at non-singleton dimension 1.  linear: bias "
            f"{list(bias.shape)} does not fit weight {list(w.shape)}"
        )
    if bias is not None and bias.array.shape != (w.shape[0],):
        bias = bias.expand(w.shape[0])
    return Linear.apply(input, weight, bias)


@export(functional=True)
@autocast(None, on_cuda="promote")
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x1^T W[o] x2 + b[o] for each output o.

    Shape:
        input1 (*, D1), input2 (*, D2), weight (O, D1, D2), bias (O); result (*, O).
    """
    if input1.array.shape[:-1] != input2.array.shape[:-1]:
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: got {list(input1.shape)} and "
            f"{list(input2.shape)}"
        )
    if weight.array.shape[1:] != (input1.array.shape[-1], input2.array.shape[-1]):
        raise RuntimeError(
            f"bilinear(): weight {list(weight.shape)} does not fit inputs {list(input1.shape)} "
            f"and {list(input2.shape)}"
        )
    if not input1.dtype is input2.dtype is weight.dtype:
        raise RuntimeError(
            f"All tensors must have the same dtype, got input1: {input1.dtype}, "
            f"input2: {input2.dtype}, weight: {weight.dtype}"
        )
    left = einsum("...i,oij->...oj", input1, weight)
    y = (left * input2.unsqueeze(-2)).sum(-1, dtype=left.dtype)
    return y if bias is None else y + bias


@export(method=True, out=True)
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the matrix product of two tensors.

    Vectors give a dot product, a vector and a matrix the product of the two, more than two
    dimensions a batch of matrices whose batch dimensions broadcast.

    Raises:
        RuntimeError: an operand is 0-d, or the inner sizes or dtypes differ.

    Example:
        >>> rushlight.matmul(rushlight.tensor([[1.0, 2.0]]), rushlight.tensor([[3.0], [4.0]]))
        tensor([[11.]])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("matmul", input)
    if not isinstance(other, Tensor):
        raise not_a_tensor("matmul", other, "other", 2)
    x, y = input.array, other.array
    if not x.ndim or not y.ndim:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D"
        )
    _same_dtype("matmul", input, other)
    inner = y.shape[0] if y.ndim == 1 else y.shape[-2]
    if x.shape[-1] != inner:
        if x.ndim == y.ndim == 1:
            raise RuntimeError(
                f"inconsistent tensor size, expected tensor [{x.shape[0]}] and src [{y.shape[0]}] "
                f"to have the same number of elements, but got {x.shape[0]} and {y.shape[0]} "
                "elements respectively"
            )
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied {_shapes(input, other)}")
    if x.ndim > 1 and y.ndim > 1:
        product = MatMul.apply(input, other)
        return product if x.ndim == y.ndim == 2 else named(product, "UnsafeView")
    if y.ndim == 1:
        product = MatMul.apply(
            input.unsqueeze(0) if x.ndim == 1 else input, other.unsqueeze(1)
        ).squeeze(-1)
        return named(product.squeeze(0), "Dot") if x.ndim == 1 else named(product, "Mv")
    return MatMul.apply(input.unsqueeze(0), other).squeeze(-2)


@export(method=True, out=True)
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices.

    Shape:
        input (N, K), mat2 (K, M); result (N, M).
    """
    x, y = _matrix("mm", "self", input, 2), _matrix("mm", "mat2", mat2, 2)
    _same_dtype("mm", x, y)
    if x.array.shape[1] != y.array.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied {_shapes(x, y)}")
    return MatMul.apply(x, y)


@export(method=True, out=True)
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the products of two batches of matrices.

    Shape:
        input (B, N, K), mat2 (B, K, M); result (B, N, M).
    """
    x, y = _matrix("bmm", "batch1", input, 3), _matrix("bmm", "batch2", mat2, 3)
    _same_dtype("bmm", x, y)
    b, _, k = x.array.shape
    if y.array.shape[:2] != (b, k):
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {k}] but got: "
            f"[{y.array.shape[0]}, {y.array.shape[1]}]."
        )
    return named(MatMul.apply(x, y), "Bmm")


@export(method=True, out=True)
@autocast(None, on_cuda="lower")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix and a vector.

    Shape:
        input (N, M), vec (M); result (N).
    """
    x, v = _matrix("mv", "input", input, 2), _matrix("mv", "vec", vec, 1)
    if x.array.shape[1] != v.array.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({x.array.shape[0]}), mat {_shapes(x, v)}, vec "
            f"({v.array.shape[0]})"
        )
    return matmul(x, v)


@export(method=True, out=True)
@autocast(None, on_cuda="promote")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Return the sum of the products of two vectors' elements.

    Example:
        >>> rushlight.dot(rushlight.tensor([2, 3]), rushlight.tensor([2, 1]))
        tensor(7)
    """
    for label, t in (("input", input), ("tensor", tensor)):
        if not isinstance(t, Tensor):
            raise not_a_tensor("dot", t, label)
    if input.array.ndim != 1 or tensor.array.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    _same_dtype("dot", input, tensor)
    return matmul(input, tensor)


@export(method=True, out=True)
@autocast(None, on_cuda="promote")
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Return the sum of the products of two vectors' elements, the first conjugated."""
    return dot(conj(input), other)


@export(method=True, out=True)
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Return the dot products of the last dimensions of two tensors."""
    if not input.array.ndim or not other.array.ndim:
        return input * other
    if input.array.shape[-1] != other.array.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, dims=([-1], [-1]))


@export(method=True, out=True, aliases=("ger",))
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the products of all pairs of two vectors' elements.

    Shape:
        input (N), vec2 (M); result (N, M).
    """
    x, y = _matrix("outer", "self", input, 1), _matrix("outer", "vec2", vec2, 1)
    return x.unsqueeze(1) * y


def _combine(input: Tensor, product: Tensor, beta: Number, alpha: Number, name: str) -> Tensor:
    """Return beta input + alpha product; with beta = 0 a NaN of the input does not spread."""
    if input.array.dtype != product.array.dtype and is_on(input):
        input = cast(input, product.dtype)
    if input.array.dtype != product.array.dtype:
        raise RuntimeError(
            f"{name}: self and mat2 must have the same dtype, but got {input.dtype.type_name} and "
            f"{product.dtype.type_name}"
        )
    if input.array.dtype.kind in "iu":
        alpha, beta = int(alpha.real), int(beta.real)
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return (
            product + input.detach().mul(0).nan_to_num(0, 0, 0) if input.requires_grad else product
        )
    return product + (input if beta == 1 else input * beta)


def _expandable(name: str, input: Tensor, shape: tuple[int, ...]) -> Tensor:
    try:
        return input.expand(shape) if input.array.shape != shape else input
    except RuntimeError:
        raise RuntimeError(
            f"{name}: input of size {list(input.shape)} does not broadcast to the product's size "
            f"{list(shape)}: The expanded size of the tensor must match the existing size"
        ) from None


@export(method=True, out=True, inplace=True, factors=["beta", "alpha"])
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """Return beta input + alpha (mat1 mat2).

    Shape:
        mat1 (N, K), mat2 (K, M), input broadcastable to (N, M); result (N, M).
    """
    product = mm(mat1, mat2)
    return named(
        _combine(_expandable("addmm", input, product.array.shape), product, beta, alpha, "addmm"),
        "Addmm",
    )


@export(method=True, out=True, inplace=True, factors=["beta", "alpha"])
@autocast(None, on_cuda="lower")
def addmv(
    input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """Return beta input + alpha (mat vec)."""
    product = mv(mat, vec)
    return _combine(_expandable("addmv", input, product.array.shape), product, beta, alpha, "addmv")


@export(method=True, out=True, inplace=True, factors=["beta", "alpha"])
def addr(
    input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """Return beta input + alpha (vec1 outer vec2)."""
    product = outer(vec1, vec2)
    if product.array.dtype.kind == "b":
        if not alpha:
            product = product & False
        return product.logical_or(input) if beta else product
    return _combine(_expandable("addr", input, product.array.shape), product, beta, alpha, "addr")


@export(method=True, out=True, inplace=True, factors=["beta", "alpha"])
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """Return beta input + alpha times the sum over the batch of batch1 batch2."""
    product = bmm(batch1, batch2).sum(0)
    return _combine(
        _expandable("addbmm", input, product.array.shape), product, beta, alpha, "addbmm"
    )


@export(method=True, out=True, inplace=True, factors=["beta", "alpha"])
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """Return beta input + alpha (batch1 batch2) for batches of matrices."""
    product = bmm(batch1, batch2)
    return _combine(
        _expandable("baddbmm", input, product.array.shape), product, beta, alpha, "baddbmm"
    )


@export(out=True)
def chain_matmul(*matrices: Tensor) -> Tensor:
    """Return the product of matrices, in the order of least work; see `linalg.multi_dot`."""
    from .linalg_products import product_of_chain

    return product_of_chain(matrices)


@export(out=True)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sum products over dimensions of two tensors.

    Args:
        a: the first tensor.
        b: the second tensor.
        dims: how many of a's last and b's first dimensions, or two lists of dimensions.
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.array.ndim, b.array.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        over_a, over_b = list(range(a.array.ndim - dims, a.array.ndim)), list(range(dims))
    else:
        over_a, over_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    over_a, over_b = (
        [d % max(a.array.ndim, 1) for d in over_a],
        [d % max(b.array.ndim, 1) for d in over_b],
    )
    if len(over_a) != len(over_b):
        raise RuntimeError("both dimension lists should have same length")
    for i, j in zip(over_a, over_b, strict=True):
        if a.array.shape[i] != b.array.shape[j] and 1 not in (a.array.shape[i], b.array.shape[j]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.array.shape[i]} in "
                f"dim {i} and second has size {b.array.shape[j]} in dim {j}"
            )
        if a.array.shape[i] != b.array.shape[j]:
            a, b = (
                (a.sum(i, keepdim=True), b)
                if b.array.shape[j] == 1
                else (a, b.sum(j, keepdim=True))
            )
    free_a = [d for d in range(a.array.ndim) if d not in over_a]
    free_b = [d for d in range(b.array.ndim) if d not in over_b]
    rows = a.permute(*free_a, *over_a).reshape(_count(a, free_a), _count(a, over_a))
    columns = b.permute(*over_b, *free_b).reshape(_count(b, over_b), _count(b, free_b))
    shape = [a.array.shape[d] for d in free_a] + [b.array.shape[d] for d in free_b]
    return mm(rows, columns).reshape(shape)


def _count(x: Tensor, dims: list[int]) -> int:
    return int(np.prod([x.array.shape[d] for d in dims], dtype=np.int64))


@export
def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sum products of tensors' elements as an equation of index letters says.

    Args:
        equation: for example "ij,jk->ik"; without "->", letters that occur once are kept, in order.
        operands: the tensors.

    Raises:
        RuntimeError: the equation does not fit the operands.

    Example:
        >>> rushlight.einsum("ij->j", rushlight.ones(2, 3))
        tensor([2., 2., 2.])
    """
    from ._einsum import contract

    if not isinstance(equation, str):
        return contract(*_from_sublists((equation, *operands)))
    tensors = (
        operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    )
    return contract(equation, *tensors)


def _from_sublists(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Turn operands and lists of index numbers into an equation."""

    def letters(numbers: Any) -> str:
        return "".join("..." if n is Ellipsis else chr(n + (65 if n < 26 else 71)) for n in numbers)

    pairs = list(zip(arguments[0::2], arguments[1::2], strict=False))
    equation = ",".join(letters(sub) for _, sub in pairs)
    if len(arguments) % 2:
        equation += "->" + letters(arguments[-1])
    return (equation, *(t for t, _ in pairs))


@export(method=True, out=True)
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Return the Kronecker product: every element of the first times the whole second."""
    ndim = max(input.array.ndim, other.array.ndim)
    a_shape = (1,) * (ndim - input.array.ndim) + input.array.shape
    b_shape = (1,) * (ndim - other.array.ndim) + other.array.shape
    a = input.reshape([n for size in a_shape for n in (size, 1)])
    b = other.reshape([n for size in b_shape for n in (1, size)])
    return (a * b).reshape([m * n for m, n in zip(a_shape, b_shape, strict=True)])


def _matmul(self: Tensor, other: Any) -> Any:
    return matmul(self, other) if isinstance(other, Tensor) else NotImplemented


def _rmatmul(self: Tensor, other: Any) -> Any:
    return matmul(other, self) if isinstance(other, Tensor) else NotImplemented


install(__matmul__=_matmul, __rmatmul__=_rmatmul)
