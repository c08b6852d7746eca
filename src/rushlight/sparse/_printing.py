"""How sparse tensors look when printed: PyTorch's repr, character for character."""

from __future__ import annotations

from .. import _printing
from .._tensor import Tensor
from ..backend.dtype import bool_, get_default_dtype, int64
from ._tensor import ROW_COMPRESSED, SparseTensor


def sparse_str(x: SparseTensor) -> str:
    """Return the repr: the parts, each on lines of its own, and what they do not tell."""
    by_row = x._form in ROW_COMPRESSED
    names = ["indices"] if x.is_sparse else ["crow_indices", "col_indices"]
    if not x.is_sparse and not by_row:
        names = ["ccol_indices", "row_indices"]
    opening = "tensor("
    separator = ",\n" + " " * len(opening)
    stored = x._elements.array.shape[x._places[0].array.ndim - (2 if x.is_sparse else 1)]
    parts = [_part(name, p) for name, p in zip(names, x._places, strict=True)]
    parts.append(_part("values", x._elements))
    facts = [f"size={tuple(x._extent)}", f"nnz={stored}"]
    suffixes = [*facts, *_suffixes(x)]
    text = opening + separator.join(parts)
    if x.is_sparse:
        text += separator + suffixes.pop(0)
    return _printing.with_suffixes(text, suffixes, indent=len(opening))


def _part(name: str, part: Tensor) -> str:
    """Return `values=tensor([1., 2.])`; an empty part says its size."""
    indent = len(f"{name}=tensor(") + 7
    text = f"{name}=tensor({_printing.contents(part.array, indent)}"
    if not part.array.size:
        text += f", size={tuple(part.shape)}"
    return text + ")"


def _suffixes(x: SparseTensor) -> list[str]:
    found = [] if x.is_cpu else [f"device='{x.device}'"]
    default = get_default_dtype()
    if x.dtype not in (default, default.to_complex(), int64, bool_):
        found.append(f"dtype={x.dtype}")
    found.append(f"layout={x._form}")
    if x.grad_fn is not None:
        found.append(f"grad_fn=<{x.grad_fn.name()}>")
    elif x.requires_grad:
        found.append("requires_grad=True")
    return found
