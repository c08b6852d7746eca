"""Making sparse tensors from their parts: sparse_coo_tensor, sparse_csr_tensor ..., spdiags."""

from __future__ import annotations

from contextvars import ContextVar
from math import prod
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Shape
from ..backend.device import as_device
from ..backend.dtype import get_default_dtype
from ..backend.memory_format import (
    layout,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
)
from ..kernels import sparse as K
from ..ops.from_data import as_tensor
from ._convert import to_sparse
from ._node import recording
from ._parts import build, sparse_dim
from ._tensor import BLOCKED, ROW_COMPRESSED, SparseTensor, make

_checking: ContextVar[bool] = ContextVar("check_sparse_tensor_invariants", default=False)


class check_sparse_tensor_invariants:
    """Check the parts that sparse tensors are made of; a context manager and decorator.

    Args:
        enable: whether to check.

    Example:
        >>> with rushlight.sparse.check_sparse_tensor_invariants():
        ...     rushlight.sparse_coo_tensor([[0, 3]], [1.0, 2.0], (2,))
        Traceback (most recent call last):
        ...
        RuntimeError: size is inconsistent with indices: for dim 0, size is 2 but found index 3
    """

    def __init__(self, enable: bool = True):
        self.state = enable
        self._before: list[bool] = []

    @staticmethod
    def is_enabled() -> bool:
        """Tell whether parts are checked."""
        return _checking.get()

    @staticmethod
    def enable() -> None:
        """Check from now on."""
        _checking.set(True)

    @staticmethod
    def disable() -> None:
        """Do not check from now on."""
        _checking.set(False)

    def __enter__(self) -> None:
        self._before.append(_checking.get())
        _checking.set(self.state)

    def __exit__(self, *exc: object) -> None:
        _checking.set(self._before.pop())

    def __call__(self, function: Any) -> Any:
        """Run `function` with this setting."""
        import functools

        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.state):
                return function(*args, **kwargs)

        return checked


# --- coordinates -------------------------------------------------------------------------------


def sparse_coo_tensor(
    *parts: Any,
    indices: Any = None,
    values: Any = None,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> Tensor:
    """Return a sparse tensor of given coordinates and values; those at one place are added up.

    Called as `sparse_coo_tensor(indices, values, size)`, as `sparse_coo_tensor(indices, values)`,
    which takes the smallest size that holds them, or as `sparse_coo_tensor(size)` for zeros.

    Args:
        parts: indices, values and size by position.
        indices: the coordinates: a column for each value, a row for each sparse dimension.
        values: the values; their dimensions after the first are dense.
        size: the shape.
        dtype: the dtype of the values (default: theirs).
        device: where the values go (default: where they are).
        pin_memory: accepted for compatibility.
        requires_grad: whether gradients are wanted.
        check_invariants: whether to check the indices; None: as
            `sparse.check_sparse_tensor_invariants` says.
        is_coalesced: promises that the coordinates are in order and without duplicates.

    Shape:
        indices (S, nnz), values (nnz, *dense); result (*sparse, *dense) with S sparse dimensions.

    Raises:
        RuntimeError: the parts do not go together.

    Example:
        >>> rushlight.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3)).to_dense()
        tensor([[0., 0., 3.],
                [4., 0., 5.]])
    """
    if len(parts) == 1 and indices is None and values is None:
        size, parts = _shape(parts[0]), ()
    named = [indices, values, size]
    named[: len(parts)] = parts
    indices, values, size = named
    if indices is None and values is None:
        return zeros(_shape(size), dtype, sparse_coo, device, requires_grad)
    elements = as_tensor(values, dtype=dtype, device=device)
    lines = _index_tensor(indices, elements)
    if elements.ndim == 0:
        elements = elements.reshape(1)
    extent = _coo_size(lines, elements, size)
    if _checking.get() if check_invariants is None else check_invariants:
        _check_coordinates(lines.array, extent, bool(is_coalesced))
    like = make(sparse_coo, (lines,), elements, extent, bool(is_coalesced))
    return _finished(like, elements, requires_grad, "SparseCooTensorWithDimsAndTensors")


def _finished(like: SparseTensor, elements: Tensor, requires_grad: bool, label: str) -> Tensor:
    if recording(elements) and not requires_grad:
        result: Tensor = build(elements, like, label)
        result._extent = like._extent  # type: ignore[attr-defined]
        return result
    like._elements = elements.detach()
    like.requires_grad = requires_grad
    return like


def _shape(size: Any) -> Shape:
    if isinstance(size, Tensor) or not hasattr(size, "__iter__"):
        raise TypeError(
            "sparse_coo_tensor(): argument 'size' (position 1) must be tuple of ints, not "
            f"{type(size).__name__}"
        )
    return tuple([int(n) for n in size])


def _index_tensor(indices: Any, elements: Tensor) -> Tensor:
    found = as_tensor(indices, device=elements.device)
    array = found.array
    if array.dtype != np.int64:
        return wrap(array.astype(np.int64))
    return found.detach()


def _coo_size(indices: Tensor, values: Tensor, size: Any) -> Shape:
    lines, elements = indices.array, values.array
    if lines.ndim != 2:
        if size is not None and lines.ndim == 1:
            _check_dims(_shape(size), lines.shape[0], elements.ndim - 1)
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(lines.shape)}")
    if lines.shape[1] != elements.shape[0]:
        raise RuntimeError(
            "indices and values must have same nnz, but got nnz from indices: "
            f"{lines.shape[1]}, nnz from values: {elements.shape[0]}"
        )
    dense = elements.shape[1:]
    if size is None:
        if not lines.shape[1]:
            return (0,) * lines.shape[0] + dense
        _check_not_negative(lines)
        return (*[int(n) + 1 for n in lines.max(axis=1)], *dense)
    extent = _shape(size)
    _check_dims(extent, len(lines), len(dense))
    if extent[len(lines) :] != dense:
        raise RuntimeError(
            "values has incorrect size, expected "
            f"{[lines.shape[1], *extent[len(lines) :]]}, got {list(elements.shape)}"
        )
    return extent


def _check_dims(extent: Shape, sparse: int, dense: int) -> None:
    if len(extent) != sparse + dense:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(extent)}, "
            f"sparse_dim = {sparse}, dense_dim = {dense}"
        )


def _check_not_negative(lines: Array) -> None:
    for i, smallest in enumerate(lines.min(axis=1).tolist()):
        if smallest < 0:
            raise RuntimeError(f"found negative index {smallest} for dim {i}")


def _check_coordinates(lines: Array, extent: Shape, ordered: bool) -> None:
    if not lines.shape[1]:
        return
    _check_not_negative(lines)
    for i, largest in enumerate(lines.max(axis=1).tolist()):
        if largest >= extent[i]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {i}, size is {extent[i]} but found "
                f"index {largest}"
            )
    if ordered and not bool((np.diff(K.keys(lines, extent[: len(lines)])) > 0).all()):
        raise RuntimeError(
            "cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor"
        )


def zeros(
    extent: Shape, dtype: Any, form: layout, device: Any, requires_grad: bool
) -> SparseTensor:
    """Return zeros in a sparse layout: nothing is stored."""
    kind = (get_default_dtype() if dtype is None else dtype).numpy
    if form is sparse_coo:
        lines = (wrap(np.empty((len(extent), 0), np.int64)),)
        result = make(sparse_coo, lines, wrap(np.empty(0, kind)), extent)
    else:
        result = no_elements(form, extent, kind)
    if device is not None:
        result = result.to(as_device(device))  # type: ignore[assignment]
    result.requires_grad = requires_grad
    return result


def empty_like(x: SparseTensor, extent: Shape, dtype: Any = None) -> SparseTensor:
    """Return zeros of a shape with the layout of `x`: nothing is stored."""
    kind = (dtype or x.dtype).numpy
    if x.is_sparse:
        count = min(sparse_dim(x), len(extent)) if len(extent) == x.ndim else len(extent)
        lines = (wrap(np.empty((count, 0), np.int64)),)
        return make(sparse_coo, lines, wrap(np.empty((0, *extent[count:]), kind)), extent)
    block = x._elements.shape[-2:] if x._form in BLOCKED else (1, 1)
    return no_elements(x._form, extent, kind, tuple(block))


def no_elements(
    form: layout, extent: Shape, kind: Any, block: tuple[int, ...] = (1, 1)
) -> SparseTensor:
    """Return compressed zeros: nothing is stored."""
    axis = -2 if form in ROW_COMPRESSED else -1
    outer = extent[:-2]
    lines = extent[axis] // block[axis]
    parts = np.zeros((*outer, lines + 1), np.int64), np.empty((*outer, 0), np.int64)
    shape = (*outer, 0, *(block if form in BLOCKED else ()))
    return make(form, (wrap(parts[0]), wrap(parts[1])), wrap(np.empty(shape, kind)), extent)


# --- compressed --------------------------------------------------------------------------------

_WORDS = {
    True: ("crow_indices", "col_indices", "rows", "cols"),
    False: ("ccol_indices", "row_indices", "columns", "rows"),
}


def sparse_compressed_tensor(
    compressed_indices: Any,
    plain_indices: Any,
    values: Any,
    size: Any = None,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> Tensor:
    """Return a matrix with compressed rows or columns, of single elements or of blocks.

    Args:
        compressed_indices: where each row (or column) starts among the values, and their number.
        plain_indices: the column (or row) of each value.
        values: the values, or blocks.
        size: the shape (default: the smallest that holds them).
        dtype: the dtype of the values (default: theirs).
        layout: `sparse_csr`, `sparse_csc`, `sparse_bsr` or `sparse_bsc`.
        device: where the values go (default: where they are).
        pin_memory: accepted for compatibility.
        requires_grad: whether gradients are wanted.
        check_invariants: whether to check the indices.

    Raises:
        RuntimeError: there is no layout, or the parts do not go together.

    Example:
        >>> rushlight.sparse_compressed_tensor(
        ...     [0, 1, 3], [2, 0, 2], [3.0, 4.0, 5.0], layout=rushlight.sparse_csr
        ... ).to_dense()
        tensor([[0., 0., 3.],
                [4., 0., 5.]])
    """
    if layout is None:
        raise RuntimeError(
            "sparse_compressed_tensor_ctor: expected compressed sparse tensor layout but got none"
        )
    elements = as_tensor(values, dtype=dtype, device=device)
    lines = tuple(
        [as_tensor(p, device=elements.device).detach() for p in (compressed_indices, plain_indices)]
    )
    extent = _compressed_size(layout, lines, elements) if size is None else _shape(size)
    if _checking.get() if check_invariants is None else check_invariants:
        _check_compressed(layout, lines[0].array, lines[1].array, elements.array, extent)
    like = make(layout, lines, elements, extent)
    return _finished(like, elements, requires_grad, "SparseCompressedTensor")


def _compressed_size(form: layout, lines: tuple[Tensor, ...], elements: Tensor) -> Shape:
    compressed, plain = lines[0].array, lines[1].array
    batches = compressed.ndim - 1
    block = elements.shape[batches + 1 : batches + 3] if form in BLOCKED else (1, 1)
    dense = elements.shape[batches + (3 if form in BLOCKED else 1) :]
    largest = int(plain.max()) + 1 if plain.size else 0
    pair = (compressed.shape[-1] - 1, largest)
    pair = pair if form in ROW_COMPRESSED else pair[::-1]
    return (*compressed.shape[:-1], pair[0] * block[0], pair[1] * block[1], *dense)


def _check_compressed(
    form: layout, compressed: Array, plain: Array, values: Array, extent: Shape
) -> None:
    by_row = form in ROW_COMPRESSED
    first, second, lines, others = _WORDS[by_row]
    batches = compressed.ndim - 1
    block = values.shape[batches + 1 : batches + 3] if form in BLOCKED else (1, 1)
    stored = values.shape[batches]
    axes = (0, 1) if by_row else (1, 0)
    counts = [extent[batches + axis] // block[axis] for axis in axes]
    if compressed.shape[-1] != counts[0] + 1:
        raise RuntimeError(
            f"{first}.shape[-1] must be equal to the number of {lines} + 1 (={counts[0] + 1}), "
            f"but got {compressed.shape[-1]}"
        )
    if plain.shape[-1] != stored:
        raise RuntimeError(
            f"{second}.shape[-1] must be equal to nnz (={stored}) as defined by "
            f"values.shape[{batches}], but got {plain.shape[-1]}"
        )
    steps = np.diff(compressed, axis=-1)
    conditions = {
        f"{first}[..., 0] == 0": lambda: (compressed[..., 0] == 0).all(),
        f"{first}[..., -1] == nnz": lambda: (compressed[..., -1] == stored).all(),
        f"0 <= {first}[..., 1:] - {first}[..., :-1] <= n{others}": lambda: (
            (steps >= 0) & (steps <= counts[1])
        ).all(),
        f"0 <= {second} < n{others}": lambda: ((plain >= 0) & (plain < counts[1])).all(),
        f"{second}[..., {first}[..., i - 1]:{first}[..., i]] for all i = 1, ..., n{lines} are "
        "sorted and distinct along the last dimension values": lambda: _rising(
            compressed, plain, counts[1]
        ),
    }
    for what, holds in conditions.items():
        if not bool(holds()):
            raise RuntimeError(f"`{what}` is not satisfied.")


def _rising(compressed: Array, plain: Array, count: int) -> bool:
    each = zip(
        compressed.reshape(-1, compressed.shape[-1]),
        plain.reshape(prod(plain.shape[:-1]), plain.shape[-1]),
        strict=True,
    )
    return all([bool((np.diff(K.row_numbers(p) * count + c) > 0).all()) for p, c in each])


def sparse_csr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, **options: Any
) -> Tensor:
    """Return a matrix with compressed rows.

    Args:
        crow_indices: where each row starts among the values, and their number.
        col_indices: the column of each value.
        values: the values.
        size: the shape (default: the smallest that holds them).
        options: `dtype`, `device`, `requires_grad` and `check_invariants` as for
            `sparse_coo_tensor`.

    Example:
        >>> rushlight.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4.0, 5.0]).to_dense()
        tensor([[0., 0., 3.],
                [4., 0., 5.]])
    """
    options["layout"] = sparse_csr
    return sparse_compressed_tensor(crow_indices, col_indices, values, size, **options)


def sparse_csc_tensor(
    ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, **options: Any
) -> Tensor:
    """Return a matrix with compressed columns.

    Args:
        ccol_indices: where each column starts among the values, and their number.
        row_indices: the row of each value.
        values: the values.
        size: the shape (default: the smallest that holds them).
        options: `dtype`, `device`, `requires_grad` and `check_invariants` as for
            `sparse_coo_tensor`.
    """
    options["layout"] = sparse_csc
    return sparse_compressed_tensor(ccol_indices, row_indices, values, size, **options)


def sparse_bsr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, **options: Any
) -> Tensor:
    """Return a matrix with compressed rows of blocks.

    Args:
        crow_indices: where each row of blocks starts among the values, and their number.
        col_indices: the column of each block.
        values: the blocks (nnz, height, width).
        size: the shape (default: the smallest that holds them).
        options: `dtype`, `device`, `requires_grad` and `check_invariants` as for
            `sparse_coo_tensor`.
    """
    options["layout"] = sparse_bsr
    return sparse_compressed_tensor(crow_indices, col_indices, values, size, **options)


def sparse_bsc_tensor(
    ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, **options: Any
) -> Tensor:
    """Return a matrix with compressed columns of blocks.

    Args:
        ccol_indices: where each column of blocks starts among the values, and their number.
        row_indices: the row of each block.
        values: the blocks (nnz, height, width).
        size: the shape (default: the smallest that holds them).
        options: `dtype`, `device`, `requires_grad` and `check_invariants` as for
            `sparse_coo_tensor`.
    """
    options["layout"] = sparse_bsc
    return sparse_compressed_tensor(ccol_indices, row_indices, values, size, **options)


# --- in files ----------------------------------------------------------------------------------


def parts_for_file(x: Tensor) -> tuple[layout, tuple[Any, ...]]:
    """Return the layout and the parts from which `rebuild` makes the tensor again."""
    assert isinstance(x, SparseTensor)
    parts = tuple([wrap(p.array) for p in (*x._places, x._elements)])
    ordered = (x._sorted,) if x.is_sparse else ()
    return x._form, (*parts, x._extent, *ordered)


def rebuild(form: layout, parts: tuple[Any, ...]) -> SparseTensor:
    """Return the tensor of a layout with these parts, unchecked: they may still be unread."""
    count = 2 if form is sparse_coo else 3
    lines, elements, extent = parts[: count - 1], parts[count - 1], tuple(parts[count])
    ordered = bool(parts[count + 1]) if len(parts) > count + 1 else False
    return make(form, tuple(lines), elements, extent, ordered)


def validate(x: SparseTensor) -> None:
    """Check that the parts go together.

    Raises:
        RuntimeError: they do not.
    """
    if x.is_sparse:
        if x._places[0].array.dtype != np.int64:
            raise RuntimeError("indices must be an int64 tensor")
        _coo_size(x._places[0], x._elements, x._extent)
        _check_coordinates(x._places[0].array, x._extent, x._sorted)
        return
    if any([p.array.dtype.kind != "i" for p in x._places]):
        raise RuntimeError("compressed and plain indices must be integer tensors")
    _check_compressed(x._form, x._places[0].array, x._places[1].array, x._elements.array, x._extent)


def spdiags(diagonals: Tensor, offsets: Tensor, shape: Any, layout: Any = None) -> Tensor:
    """Return a sparse matrix with given diagonals.

    y[j - offsets[i], j] = diagonals[i, j]

    Args:
        diagonals: the diagonals as rows; their elements stand in the column they are in here.
        offsets: how far above the main diagonal each one lies.
        shape: the shape of the matrix.
        layout: the layout of the result (default: coordinates).

    Shape:
        diagonals (D, K) or (K,), offsets (D,) or (); result `shape`.

    Raises:
        RuntimeError: an offset comes twice, or the shapes do not go together.

    Example:
        >>> d = rushlight.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        >>> rushlight.sparse.spdiags(d, rushlight.tensor([0, 1]), (3, 3)).to_dense()
        tensor([[1., 5., 0.],
                [0., 2., 6.],
                [0., 0., 3.]])
    """
    rows = diagonals.reshape(1, -1) if diagonals.ndim == 1 else diagonals
    shifts = np.atleast_1d(offsets.array)
    extent = _shape(shape)
    if rows.ndim != 2:
        raise RuntimeError("Diagonals must be vector or matrix")
    if len(extent) != 2:
        raise RuntimeError("Output shape must be 2d")
    if shifts.ndim != 1 or shifts.dtype != np.int64:
        raise RuntimeError("Offsets must be scalar or vector of int64")
    if len(shifts) != rows.shape[0]:
        raise RuntimeError(
            f"Number of diagonals ({rows.shape[0]}) does not match the number of offsets "
            f"({len(shifts)})"
        )
    if np.unique(shifts).size != shifts.size:
        raise RuntimeError("Offset tensor contains duplicate values")
    cols = np.broadcast_to(np.arange(rows.shape[1]), tuple(rows.shape))
    lines = cols - shifts[:, None]
    kept = (lines >= 0) & (lines < extent[0]) & (cols < extent[1])
    places = np.stack([lines[kept], cols[kept]])
    like = make(sparse_coo, (wrap(places),), wrap(np.empty(0)), extent)
    result = build(rows[wrap(kept)], like, "Spdiags")
    return result if layout is None or layout is sparse_coo else to_sparse(result, layout=layout)
