"""Rows of a table by index: embedding, embedding_bag, one_hot."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.mode import no_grad
from ..autograd.node import Op
from ..autograd.view import write_
from ..kernels import embedding as K
from ._export import export
from ._naming import named
from ._operands import not_a_tensor
from ._waiting import sparse_package


class Embedding(Op):
    """y = w[index].  dL/dw = the rows of g added at their indices."""

    def forward(
        ctx,
        w: Array,
        index: Array,
        *,
        padding_idx: int | None,
        scale_grad_by_freq: bool,
        sparse: bool = False,
    ) -> Array:
        ctx.save(index)
        ctx.sparse = sparse
        ctx.options = {"padding_idx": padding_idx, "scale_grad_by_freq": scale_grad_by_freq}
        ctx.rows = w.shape[0]
        return K.embedding(w, index)

    def backward(ctx, g: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        if ctx.sparse:
            if ctx.options["scale_grad_by_freq"]:
                raise RuntimeError(
                    "embedding_backward: scale_grad_by_freq not supported with sparse gradients"
                )
            padding = ctx.options["padding_idx"]
            return sparse_package().embedding_gradient(g, index, ctx.rows, padding), None
        return EmbeddingGrad.apply(g, index, rows=ctx.rows, **ctx.options), None


class EmbeddingGrad(Op):
    """gw of Embedding, linear in g.  dL/dg = rows of gg at the same indices, none for padding."""

    label = "EmbeddingDenseBackward"

    def forward(
        ctx, g: Array, index: Array, *, rows: int, padding_idx: int | None, scale_grad_by_freq: bool
    ) -> Array:
        ctx.save(index)
        ctx.padding_idx, ctx.by_frequency = padding_idx, scale_grad_by_freq
        return K.embedding_grad(
            g, index, rows=rows, padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq
        )

    def backward(ctx, gg: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        rows = Embedding.apply(
            gg, index, padding_idx=ctx.padding_idx, scale_grad_by_freq=ctx.by_frequency
        )
        factor = np.ones(index.array.shape, gg.array.dtype)
        if ctx.padding_idx is not None:
            factor[index.array == ctx.padding_idx] = 0
        if ctx.by_frequency:
            _, inverse, counts = np.unique(index.array, return_inverse=True, return_counts=True)
            factor /= counts[inverse].reshape(factor.shape)
        return rows * wrap(factor[..., None]), None


def _index(name: str, input: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input, "indices", 2)
    if input.array.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar "
            f"types: Long, Int; but got torch.{input.dtype.type_name}Tensor instead (while "
            f"checking arguments for {name})"
        )
    return input


def _padding(padding_idx: int | None, rows: int) -> int | None:
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx + rows if padding_idx < 0 else padding_idx


def _renormalise(weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Shrink, in place, the rows that are looked up and longer than `max_norm`."""
    rows = np.unique(index.array)
    norms = np.linalg.norm(weight.array[rows].astype(np.float64), ord=norm_type, axis=1)
    long = norms > max_norm
    if long.any():
        scale = (max_norm / (norms[long] + 1e-7)).astype(weight.array.dtype)
        shrunk = weight.array.copy()
        shrunk[rows[long]] *= scale[:, None]
        with no_grad():
            write_(weight, shrunk)


@export(functional=True)
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return the rows of `weight` at the given indices.

    Args:
        input: the indices.
        weight: the table, one row for each index.
        padding_idx: a row that gets no gradient.
        max_norm: rows longer than this are shortened, in the table itself.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it occurs.
        sparse: give the table a sparse gradient, which holds only the rows that were looked up.

    Shape:
        input (*), weight (V, D); result (*, D).

    Raises:
        IndexError: an index is outside the table.

    Example:
        >>> table = rushlight.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> rushlight.nn.functional.embedding(rushlight.tensor([1, 0]), table)
        tensor([[3., 4.],
                [1., 2.]])
    """
    if (
        isinstance(weight, Tensor)
        and weight.array.dtype.kind == "i"
        and input.array.dtype.kind != "i"
    ):
        # torch.embedding(weight, indices) has the arguments the other way round.
        input, weight = weight, input
    index = _index("embedding", input)
    if weight.array.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, got {list(weight.shape)}")
    padding_idx = _padding(padding_idx, weight.array.shape[0])
    if max_norm is not None:
        _renormalise(weight, index, max_norm, norm_type)
    return Embedding.apply(
        weight,
        index,
        padding_idx=padding_idx,
        scale_grad_by_freq=bool(scale_grad_by_freq),
        sparse=bool(sparse),
    )


@export(functional=True, public=False)
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return sums, means or maxima of table rows over bags of indices.

    Args:
        input: indices: (B, N), a bag in each row; or all bags in line, with `offsets`.
        weight: the table (V, D).
        offsets: where each bag starts.
        max_norm: rows longer than this are shortened, in the table itself.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it occurs.
        mode: "sum", "mean" or "max".
        sparse: give the table a sparse gradient, which holds only the rows that were looked up.
        per_sample_weights: a factor for each index (mode "sum" only).
        include_last_offset: `offsets` ends with the total length.
        padding_idx: an index that does not count.

    Shape:
        result (B, D); empty bags give 0.
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if sparse and mode == "max":
        raise ValueError("max mode does not support sparse weights")
    if per_sample_weights is not None:
        if mode != "sum":
            raise NotImplementedError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                f"supported for mode='sum' (got mode='{mode}'). Please open a feature request on "
                "GitHub."
            )
        if per_sample_weights.array.shape != input.array.shape:
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, "
                f"then it must have the same shape as the input ({input.shape})"
            )
    index = _index("embedding_bag", input)
    if index.array.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                "of fixed length sequences."
            )
        count, length = index.array.shape
        starts = np.arange(count) * length
    elif index.array.ndim == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.array.ndim != 1:
            raise ValueError("offsets has to be a 1D Tensor")
        starts = offsets.array[:-1] if include_last_offset else offsets.array
        if len(starts) and starts[0] != 0:
            raise RuntimeError(
                "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start "
                f"from position 0. However, got {starts[0]}"
            )
        if len(starts) and starts[-1] > len(index.array):
            raise RuntimeError(
                f"offsets[-1] can not be greater than input's length({len(index.array)}), but got "
                f"offsets[-1] of {starts[-1]}"
            )
    else:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {index.ndim}"
        )
    padding_idx = _padding(padding_idx, weight.array.shape[0])
    if max_norm is not None:
        _renormalise(weight, index, max_norm, norm_type)
    bags = _reduce_bags(
        index,
        weight,
        starts,
        mode,
        per_sample_weights,
        padding_idx,
        {"scale_grad_by_freq": bool(scale_grad_by_freq), "sparse": bool(sparse)},
    )
    return named(bags, "EmbeddingBag")


def _reduce_bags(
    index: Tensor,
    weight: Tensor,
    starts: Array,
    mode: str,
    factors: Tensor | None,
    padding_idx: int | None,
    gradient: dict[str, bool],
) -> Tensor:
    flat = index.array.reshape(-1)
    bag = np.searchsorted(starts, np.arange(len(flat)), side="right") - 1
    counted = np.ones(len(flat), bool) if padding_idx is None else flat != padding_idx
    keep = np.flatnonzero(counted)
    flat, bag = flat[keep], bag[keep]
    rows = Embedding.apply(
        weight, wrap(np.ascontiguousarray(flat)), padding_idx=None, **gradient
    )  # (number of counted indices, D)
    count, depth = len(starts), weight.array.shape[1]
    zeros = wrap(np.zeros((count, depth), weight.array.dtype))
    place = wrap(np.ascontiguousarray(bag))
    if mode == "max":
        where = place.unsqueeze(1).expand(len(flat), depth)
        return zeros.scatter_reduce(0, where, rows, "amax", include_self=False)
    if factors is not None:
        rows = rows * factors.reshape(-1)[wrap(keep)].unsqueeze(1)
    total = zeros.index_add(0, place, rows)
    if mode == "sum":
        return total
    sizes = np.maximum(np.bincount(bag, minlength=count), 1).astype(weight.array.dtype)
    return total / wrap(sizes[:, None])


@export(functional=True, public=False)
def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 rows with a 1 at each index.

    Args:
        input: the indices.
        num_classes: the length of a row; -1 for one more than the largest index.

    Example:
        >>> rushlight.nn.functional.one_hot(rushlight.tensor([0, 2]))
        tensor([[1, 0, 0],
                [0, 0, 1]])
    """
    index = input.array
    if index.dtype != np.int64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor, got {input.dtype}"
        )
    if index.size == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return wrap(np.zeros((*index.shape, num_classes), np.int64))
    if index.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(index.max()) + 1
    elif num_classes < 1 or index.max() >= num_classes:
        raise RuntimeError(
            "num_classes should be positive"
            if num_classes < 1
            else "Class values must be smaller than num_classes."
        )
    rows = np.zeros((*index.shape, num_classes), np.int64)
    np.put_along_axis(rows, index[..., None], 1, axis=-1)
    return wrap(rows)
