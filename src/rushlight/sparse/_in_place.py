"""Writing to sparse tensors, and from them to dense ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..autograd.view import bump, check_memory, snapshot, write_
from ..backend.dtype import can_cast
from ._arithmetic import accumulate, add, div, floor_divide, mul, neg, sub
from ._convert import to_dense
from ._create import empty_like
from ._info import to
from ._node import recording
from ._parts import sparse_dim
from ._rules import RULES, refuse, rule
from ._shape import transpose
from ._tensor import SparseTensor, make, take_parts


def replace(x: SparseTensor, result: Tensor) -> SparseTensor:
    """Make `x` the result of an operator, in place: its parts and its place in the graph."""
    assert isinstance(result, SparseTensor)
    if recording(x, result):
        if x._node is None and x._requires_grad:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation."
            )
        x._requires_grad, x._node, x._index = result._requires_grad, result._node, result._index
    take_parts(x, result)
    bump(x)
    return x


def _same_kind(name: str, x: Tensor, result: Tensor) -> Tensor:
    if result.dtype is x.dtype:
        return result
    if not can_cast(result.dtype, x.dtype):
        raise RuntimeError(
            f"result type {result.dtype.type_name} can't be cast to the desired output type "
            f"{x.dtype.type_name}"
        )
    return to(result, x.dtype)


def _source(x: SparseTensor) -> SparseTensor:
    """Return what an in-place operator computes from: `x` as it is now, in its place."""
    copy = make(x._form, x._places, x._elements, x._extent, x._sorted)
    copy._requires_grad, copy._node, copy._index = x._requires_grad, x._node, x._index
    return copy


def _in_place(name: str, function: Callable[..., Any]) -> None:
    def written(self: Tensor, *args: Any, **options: Any) -> Tensor:
        if isinstance(self, SparseTensor):
            _check_leaf(self)
            result = function(_source(self), *args, **options)
            return replace(self, _same_kind(name, self, result))
        result = function(snapshot(self), *args, **options)
        return write_(self, to_dense(result) if isinstance(result, SparseTensor) else result)

    written.__name__ = name
    rule(name)(written)


def _check_leaf(x: SparseTensor) -> None:
    if recording(x) and x._node is None:
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation."
        )


for _names, _function in (
    (("mul_", "multiply_", "imul"), mul),
    (("div_", "divide_", "true_divide_", "itruediv"), div),
    (("floor_divide_",), floor_divide),
    (("neg_", "negative_"), neg),
):
    for _name in _names:
        _in_place(_name, _function)


def _add_to(self: Tensor, other: Any, alpha: Any, function: Callable[..., Tensor]) -> Tensor:
    sign = 1 if function is add else -1
    if isinstance(self, SparseTensor):
        _check_leaf(self)
        result = function(_source(self), other, alpha=alpha)
        return replace(self, _same_kind("add_", self, result))
    if recording(self, other):
        return write_(self, function(snapshot(self), other, alpha=alpha))
    if self.shape != other.shape:
        function(self, other, alpha=alpha)  # raises
    check_memory(self, self.array)
    accumulate(self, other.detach(), sign * alpha)
    bump(self)
    return self


@rule("add_", "iadd")
def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """Add alpha other in place; to a dense tensor only where elements are stored."""
    return _add_to(self, other, alpha, add)


@rule("sub_", "subtract_", "isub")
def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """Subtract alpha other in place."""
    return _add_to(self, other, alpha, sub)


def _unary_in_place(name: str) -> None:
    function = RULES[name]

    def written(self: SparseTensor, *args: Any, **options: Any) -> Tensor:
        _check_leaf(self)
        if self.is_sparse and not self._sorted:
            raise RuntimeError(f"{name}_ requires coalesced input")
        return replace(self, _same_kind(name, self, function(_source(self), *args, **options)))

    written.__name__ = name + "_"
    rule(name + "_")(written)


for _name in (
    "abs", "absolute", "asin", "asinh", "atan", "atanh", "ceil", "deg2rad", "erf", "erfinv",
    "expm1", "floor", "frac", "log1p", "nan_to_num", "rad2deg", "relu", "round", "sgn", "sign",
    "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
):  # fmt: skip
    _unary_in_place(_name)


@rule()
def zero_(self: SparseTensor) -> Tensor:
    """Forget all values: every element is zero."""
    _check_leaf(self)
    return replace(self, empty_like(self, self._extent))


@rule()
def t_(self: SparseTensor) -> Tensor:
    """Transpose a matrix in place."""
    return transpose_(self, 0, 1)


@rule("transpose_", "swapaxes_", "swapdims_")
def transpose_(self: SparseTensor, dim0: int, dim1: int) -> Tensor:
    """Exchange two dimensions in place."""
    _check_leaf(self)
    return replace(self, transpose(_source(self), dim0, dim1))


@rule()
def copy_(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Take over the elements of another sparse tensor."""
    if not (isinstance(self, SparseTensor) and isinstance(src, SparseTensor)):
        raise RuntimeError(
            "copy_() between dense and sparse Tensors is not implemented! Found self type = "
            f"{self.type()} and src type = {src.type()}"
        )
    _check_leaf(self)
    return replace(self, to(src, self.dtype).clone())


# --- sizes -------------------------------------------------------------------------------------

_HINTS = (
    "\nYou could try the following options:\n1. If you need an empty sparse tensor of this size, "
    "call `x = torch.sparse_coo_tensor(size)`.\n2. If you need to resize this tensor, you have the "
    "following options:\n    1. For both sparse and dense dimensions, keep the number of them "
    "constant and the size of them non-shrinking, and then try the same call again.\n    2. Or, "
    "create a new sparse tensor with the correct indices and values from this sparse tensor."
)


@rule()
def sparse_resize_(self: SparseTensor, size: Any, sparse_dim: int, dense_dim: int) -> SparseTensor:
    """Give the tensor another size in place; elements stay where they are.

    Args:
        self: the tensor.
        size: the new shape.
        sparse_dim: the number of sparse dimensions.
        dense_dim: the number of dense dimensions.

    Raises:
        RuntimeError: elements would be lost, or the numbers of dimensions change.
    """
    if self._dense:
        raise refuse("sparse_resize_", (self,))
    extent = tuple(size)
    _check_resize(self, extent, sparse_dim, dense_dim)
    lines, values = self._places[0].array, self._elements.array
    if not values.shape[0]:
        lines = np.empty((sparse_dim, 0), np.int64)
    inner = extent[sparse_dim:]
    grown = np.zeros((values.shape[0], *inner), values.dtype)
    if values.size:
        grown[tuple([slice(n) for n in values.shape])] = values
    result = make(self._form, (wrap(lines),), wrap(grown), extent, self._sorted)
    take_parts(self, result)
    bump(self)
    return self


def _check_resize(x: SparseTensor, extent: tuple[int, ...], outer: int, inner: int) -> None:
    if outer + inner != len(extent):
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(extent)}, "
            f"sparse_dim = {outer}, dense_dim = {inner}"
        )
    if not x._elements.array.shape[0]:
        return
    count = sparse_dim(x)
    for what, have, want in (("sparse", count, outer), ("dense", x.ndim - count, inner)):
        if have != want:
            raise RuntimeError(
                f"changing the number of {what} dimensions (from {have} to {want}) on a non-empty "
                f"sparse tensor is not supported.{_HINTS}"
            )
    for what, part in (("sparse", slice(count)), ("dense", slice(count, None))):
        before, after = list(x._extent[part]), list(extent[part])
        if any([n < m for n, m in zip(after, before, strict=True)]):
            raise RuntimeError(
                f"shrinking the size of {what} dimensions (from {before} to {after}) on a "
                f"non-empty sparse tensor is not supported.{_HINTS}"
            )


@rule()
def sparse_resize_and_clear_(
    self: SparseTensor, size: Any, sparse_dim: int, dense_dim: int
) -> SparseTensor:
    """Give the tensor another size in place; nothing is stored afterwards."""
    if self._dense:
        raise refuse("sparse_resize_and_clear_", (self,))
    take_parts(self, empty_like(self, self._extent))
    return sparse_resize_(self, size, sparse_dim, dense_dim)


@rule("resize_as_", "resize_as_sparse_")
def resize_as_(self: SparseTensor, other: SparseTensor, **_: Any) -> SparseTensor:
    """Give the tensor the size of another sparse one."""
    count = sparse_dim(other)
    return sparse_resize_(self, other.shape, count, other.ndim - count)


@rule()
def fill_(self: SparseTensor, value: Any) -> SparseTensor:
    """Raise: every element would have to be stored."""
    raise refuse("fill_.Scalar", (self,))
