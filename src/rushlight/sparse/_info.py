"""What can be asked of a sparse tensor: its parts, size, kind; copies in other dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Size, Tensor, wrap
from ..backend import dtype as dtypes
from ..backend.memory_format import sparse_coo
from ..ops.casts import cast
from ._create import empty_like as make_empty, sparse_coo_tensor
from ._node import SparseOp
from ._parts import Coalesce, Values, batch_dim, sparse_dim
from ._rules import RULES, refuse, rule
from ._tensor import (
    ROW_COMPRESSED,
    SparseTensor,
    alias,
    copy_of,
    long_name,
    make,
    part,
)

# --- parts -------------------------------------------------------------------------------------


def _check_coordinates(x: Tensor, name: str) -> None:
    if x.layout is not sparse_coo:
        raise RuntimeError(
            f"{name} expected sparse coordinate tensor layout but got {long_name(x)}"
        )


def _check_ordered(x: SparseTensor, what: str) -> None:
    if not x._sorted:
        raise RuntimeError(
            f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first"
        )


@rule()
def coalesce(self: Tensor) -> Tensor:
    """Return the tensor with its coordinates in order and without duplicates.

    Values at one place are added up. A tensor that is coalesced already is returned itself.

    Raises:
        RuntimeError: the layout has no coordinates.

    Example:
        >>> rushlight.sparse_coo_tensor([[1, 0, 1]], [1.0, 2.0, 3.0], (2,)).coalesce().values()
        tensor([2., 4.])
    """
    _check_coordinates(self, "coalesce")
    assert isinstance(self, SparseTensor)
    return self if self._sorted else Coalesce.apply(self)


@rule()
def is_coalesced(self: Tensor) -> bool:
    """Tell whether the coordinates are known to be in order and without duplicates."""
    _check_coordinates(self, "is_coalesced")
    assert isinstance(self, SparseTensor)
    return self._sorted


@rule()
def _coalesced_(self: SparseTensor, coalesced: bool) -> SparseTensor:
    """Say whether the coordinates are in order and without duplicates."""
    self._sorted = bool(coalesced)
    return self


@rule()
def indices(self: Tensor) -> Tensor:
    """Return the coordinates of a coalesced tensor, a column for each value.

    Raises:
        RuntimeError: the layout has no coordinates, or they may be out of order.

    Example:
        >>> rushlight.eye(2).to_sparse().indices()
        tensor([[0, 1],
                [0, 1]])
    """
    _check_coordinates(self, "indices")
    assert isinstance(self, SparseTensor)
    _check_ordered(self, "indices")
    return part(self._places[0])


@rule()
def _indices(self: SparseTensor) -> Tensor:
    """Return the coordinates as they are."""
    if self._dense or not self.is_sparse:
        raise refuse("_indices", (self,))
    return part(self._places[0])


@rule()
def values(self: Tensor) -> Tensor:
    """Return the values of a coalesced tensor, or of compressed rows or columns; in the graph.

    Raises:
        RuntimeError: the tensor is dense, or its coordinates may be out of order.

    Example:
        >>> rushlight.eye(2).to_sparse().values()
        tensor([1., 1.])
    """
    if not isinstance(self, SparseTensor):
        raise RuntimeError("values expected sparse tensor layout but got Strided")
    if self.is_sparse:
        _check_ordered(self, "values")
    return Values.apply(self)


@rule()
def _values(self: SparseTensor) -> Tensor:
    """Return the values outside the graph."""
    if self._dense:
        raise refuse("_values", (self,))
    return part(self._elements)


@rule()
def _nnz(self: SparseTensor) -> int:
    """Return the number of values."""
    if self._dense:
        raise refuse("_nnz", (self,))
    return int(self._elements.array.shape[batch_dim(self)])


def _compressed_part(x: Tensor, name: str, by_row: bool, index: int) -> Tensor:
    fits = isinstance(x, SparseTensor) and not x.is_sparse
    if not fits or (x._form in ROW_COMPRESSED) is not by_row:  # type: ignore[attr-defined]
        kind = "row" if by_row else "column"
        raise RuntimeError(
            f"{name} expected sparse {kind} compressed tensor layout but got {long_name(x)}"
        )
    return part(x._places[index])  # type: ignore[attr-defined]


@rule()
def crow_indices(self: Tensor) -> Tensor:
    """Return where each row starts among the values."""
    return _compressed_part(self, "crow_indices", True, 0)


@rule()
def col_indices(self: Tensor) -> Tensor:
    """Return the column of each value."""
    return _compressed_part(self, "col_indices", True, 1)


@rule()
def ccol_indices(self: Tensor) -> Tensor:
    """Return where each column starts among the values."""
    return _compressed_part(self, "ccol_indices", False, 0)


@rule()
def row_indices(self: Tensor) -> Tensor:
    """Return the row of each value."""
    return _compressed_part(self, "row_indices", False, 1)


@rule("sparse_dim", "_dimI")
def count_of_sparse(self: SparseTensor) -> int:
    """Return the number of sparse dimensions."""
    return 0 if self._dense else sparse_dim(self)


@rule("dense_dim", "_dimV")
def count_of_dense(self: SparseTensor) -> int:
    """Return the number of dense dimensions."""
    if self._dense:
        return self.ndim
    return self.ndim - batch_dim(self) - sparse_dim(self)


def _copying(name: str) -> Callable[[Tensor], Tensor]:
    """Make the function that returns a copy of a part."""

    def copy(input: Tensor) -> Tensor:
        found: Tensor = RULES[name](input)
        return found.clone()

    copy.__name__ = copy.__qualname__ = f"{name}_copy"
    copy.__doc__ = f"""Return a copy of what `Tensor.{name}` returns.

    Args:
        input: the sparse tensor.
    """
    return copy


COPIES = {
    f"{name}_copy": _copying(name)
    for name in (
        "ccol_indices", "col_indices", "crow_indices", "indices", "row_indices", "values",
    )
}  # fmt: skip


# --- size and kind -----------------------------------------------------------------------------


@rule()
def size(self: SparseTensor, dim: int | None = None) -> Any:
    """Return the shape, or one extent of it."""
    if dim is None:
        return self._extent
    count = self.ndim
    if not -count <= dim < count:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-count}, {count - 1}], but got "
            f"{dim})"
        )
    return self._extent[dim]


rule("dim", "ndimension")(lambda self: len(self._extent))
rule("numel", "nelement")(lambda self: self._extent.numel())
rule("element_size")(lambda self: self._elements.itemsize)
rule("is_floating_point")(lambda input: input.dtype.is_floating_point)
rule("is_complex")(lambda input: input.dtype.is_complex)
rule("is_signed")(lambda input: input.dtype.is_signed)
rule("is_conj", "is_neg", "is_inference", "is_pinned")(lambda input, *_: False)
rule("is_contiguous")(lambda self, *_, **__: False)
rule("is_same_size")(lambda input, other: input.shape == other.shape)
rule("is_nonzero")(lambda input: bool(input))
rule("get_device")(lambda self: -1 if self.is_cpu else self.device.index or 0)
rule("storage_offset")(lambda self: 0)
rule("stride")(lambda self, dim=None: (0,) * self.ndim if dim is None else 0)


@rule("storage", "untyped_storage", "_typed_storage")
def storage(self: SparseTensor) -> Any:
    """Raise: there is none."""
    raise NotImplementedError("Cannot access storage of SparseTensorImpl")


@rule()
def data_ptr(self: SparseTensor) -> int:
    """Raise: there is no single piece of memory."""
    raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")


@rule("view", "view_as")
def view(self: SparseTensor, *shape: Any, **options: Any) -> Any:
    """Raise: the indices would change."""
    raise refuse("view", (self,))


@rule("reshape", "flatten", "reshape_as", "ravel", "unflatten")
def reshape(self: SparseTensor, *shape: Any, **options: Any) -> Any:
    """Raise: the indices would change."""
    raise RuntimeError("reshape is not implemented for sparse tensors")


@rule("expand", "expand_as", "broadcast_to", "repeat")
def expand(self: SparseTensor, *shape: Any, **options: Any) -> Any:
    """Raise: elements would be stored many times."""
    raise RuntimeError("expand is unsupported for Sparse tensors")


@rule()
def contiguous(self: SparseTensor, memory_format: Any = None) -> Any:
    """Raise: there is no order in memory."""
    raise RuntimeError("unsupported memory format option Contiguous")


# --- copies ------------------------------------------------------------------------------------


class Clone(SparseOp):
    """y = a copy of x.  dL/dx = g."""

    def forward(ctx, x: SparseTensor) -> Tensor:
        lines = tuple([copy_of(p) for p in x._places])
        return make(x._form, lines, copy_of(x._elements), x._extent, x._sorted)

    def backward(ctx, g: Tensor) -> Tensor:
        return g


@rule()
def clone(input: SparseTensor, *, memory_format: Any = None) -> Tensor:
    """Return a copy, in the graph."""
    return Clone.apply(input)


@rule()
def detach(self: SparseTensor) -> Tensor:
    """Return a tensor over the same parts, outside the graph."""
    return alias(self)


@rule()
def detach_(self: SparseTensor) -> Tensor:
    """Take the tensor out of the graph."""
    self._requires_grad, self._node, self._index = False, None, 0
    return self


class Cast(SparseOp):
    """y = x in another dtype.  dL/dx = g in x's dtype."""

    label = "ToCopy"

    def forward(ctx, x: SparseTensor, *, dtype: dtypes.dtype) -> Tensor:
        ctx.before = x.dtype
        elements = cast(x._elements, dtype)
        return make(x._form, x._places, elements, x._extent, x._sorted)

    def backward(ctx, g: Tensor) -> Tensor:
        return g.to(ctx.before)


@rule()
def to(self: Tensor, *targets: Any, **options: Any) -> Tensor:
    """Return the tensor in another dtype or on another device."""
    if not isinstance(self, SparseTensor):
        # The target is a sparse tensor: `x.to(other)` reads its dtype and device.
        other = targets[0]
        return self.to(other.device, other.dtype, *targets[1:], **options)
    if targets and isinstance(targets[0], Tensor):
        targets = (targets[0].device, targets[0].dtype, *targets[1:])
    # An empty tensor of this kind finds out what the arguments mean.
    probe = wrap(self._elements.array[:0]).to(*targets, **options)
    copy = bool(options.get("copy"))
    result: Tensor = self
    if probe.device != self.device:
        lines = tuple([p.to(probe.device) for p in self._places])
        moved = self._elements.to(probe.device)
        result = make(self._form, lines, moved, self._extent, self._sorted)
        result._requires_grad = self._requires_grad and self._node is None
    if probe.dtype is not result.dtype:
        assert isinstance(result, SparseTensor)
        return Cast.apply(result, dtype=probe.dtype)
    return Clone.apply(result) if copy and result is self else result


def _casting(name: str, kind: dtypes.dtype) -> None:
    rule(name)(lambda self, *_, **__: to(self, kind))


for _name in ("float16", "bfloat16", "float32", "float64", "int8", "uint8", "int16", "int32",
              "int64", "bool_", "complex64", "complex128"):  # fmt: skip
    _short = {
        "float16": "half", "float32": "float", "float64": "double", "int8": "char",
        "uint8": "byte", "int16": "short", "int32": "int", "int64": "long", "bool_": "bool",
        "complex64": "cfloat", "complex128": "cdouble",
    }.get(_name, _name)  # fmt: skip
    _casting(_short, getattr(dtypes, _name))

rule("cpu")(lambda self, *_, **__: to(self, "cpu"))


@rule()
def cuda(self: SparseTensor, device: Any = None, *_: Any, **__: Any) -> Tensor:
    """Return the tensor in a GPU's memory."""
    return to(self, "cuda" if device is None else device)


@rule("type")
def type_(self: SparseTensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """Return the name of the kind of tensor, or the tensor in another dtype."""
    if dtype is None:
        where = "" if self.is_cpu else "cuda."
        return f"torch.{where}sparse.{self.dtype.type_name}Tensor"
    return to(self, getattr(dtype, "dtype", dtype))


@rule()
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the tensor in the dtype of another one."""
    if self.layout is not other.layout:
        raise RuntimeError(
            "to(options) doesn't support converting to a different layout, but got self.layout "
            f"being {long_name(self)} and options.layout set as {long_name(other)}"
        )
    return to(self, other.dtype)


# --- new tensors of the same kind --------------------------------------------------------------


@rule("zeros_like", "empty_like")
def zeros_like(input: SparseTensor, *, dtype: Any = None, requires_grad: bool = False,
               **_: Any) -> Tensor:  # fmt: skip
    """Return zeros of the same shape and layout."""
    result = make_empty(input, input._extent, dtype)
    result.requires_grad = requires_grad
    return result


def _size_of(shape: tuple[Any, ...]) -> tuple[int, ...]:
    found = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    return tuple(found)


@rule("new_zeros", "new_empty")
def new_zeros(self: SparseTensor, *shape: Any, dtype: Any = None, **_: Any) -> Tensor:
    """Return zeros of another shape."""
    extent = _size_of(shape)
    lines, kind = np.empty((len(extent), 0), np.int64), (dtype or self.dtype).numpy
    return make(sparse_coo, (wrap(lines),), wrap(np.empty(0, kind)), Size(extent))


@rule()
def new(self: SparseTensor, *parts: Any) -> Tensor:
    """Return a tensor of this dtype, of given parts or of a shape."""
    if parts and isinstance(parts[0], Tensor):
        return sparse_coo_tensor(*parts, dtype=self.dtype)
    return new_zeros(self, *(parts or (0,)))


@rule()
def new_tensor(self: SparseTensor, data: Any, **options: Any) -> Tensor:
    """Return a dense tensor of this dtype."""
    return self._elements.new_tensor(data, **options)
