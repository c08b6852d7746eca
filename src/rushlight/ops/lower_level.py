"""Names of PyTorch's lower level that programs meet: copies of views, parts of layers, sym_*."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Number
from ..autograd.mode import no_grad
from ..backend import dtype as dtypes
from ..backend.device import as_device
from ._arguments import check_dtype, finish, sizes
from ._export import export
from .dropout import alpha_dropout, dropout, feature_alpha_dropout

# --- copies of views ---

_VIEWS = (
    "as_strided", "detach", "diagonal", "expand", "permute", "select", "split_with_sizes",
    "squeeze", "t", "transpose", "unbind", "unfold", "unsqueeze", "view",
)  # fmt: skip


def _copied(view: Any) -> Any:
    return tuple([part.clone() for part in view]) if isinstance(view, tuple) else view.clone()


def _copy_of(name: str) -> Callable[..., Any]:
    def copy(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return _copied(getattr(input, name)(*args, **kwargs))

    copy.__name__ = copy.__qualname__ = f"{name}_copy"
    copy.__doc__ = f"Return what the method `{name}` returns, with memory of its own."
    return copy


for _name in _VIEWS:
    export(out=True)(_copy_of(_name))


@export(out=True)
def alias_copy(input: Tensor) -> Tensor:
    """Return a copy."""
    return input.clone()


@export(method=True, out=True)
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return what `narrow` returns, with memory of its own.

    Example:
        >>> rushlight.narrow_copy(rushlight.tensor([1, 2, 3]), 0, 1, 2)
        tensor([2, 3])
    """
    return input.narrow(dim, start, length).clone()


@export(out=True)
def slice_copy(
    input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Return the elements `start:end:step` of a dimension, with memory of their own."""
    index = [slice(None)] * input.ndim
    index[dim] = slice(start, end, step)
    return input[tuple(index)].clone()


@export
def view_as_real_copy(input: Tensor) -> Tensor:
    """Return real and imaginary parts side by side, with memory of their own."""
    from .complex import view_as_real

    return view_as_real(input).clone()


@export
def view_as_complex_copy(input: Tensor) -> Tensor:
    """Return pairs of numbers as complex numbers, with memory of their own."""
    from .complex import view_as_complex

    return view_as_complex(input).clone()


# --- parts that share nothing ---


@export(method=True)
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return what `chunk` returns."""
    return input.chunk(chunks, dim)


@export(method=True)
def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return what `split` returns."""
    return input.split(split_size, dim)


@export(method=True)
def unsafe_split_with_sizes(
    input: Tensor, split_sizes: Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Return what `split_with_sizes` returns."""
    return input.split_with_sizes(split_sizes, dim)


# --- layers ---


def _in_place(function: Callable[..., Tensor]) -> None:
    @functools.wraps(function)
    def in_place(input: Tensor, p: float, train: bool) -> Tensor:
        return function(input, p, train, inplace=True)

    in_place.__name__ = in_place.__qualname__ = f"{function.__name__}_"
    in_place.__doc__ = f"Apply `{function.__name__}` in place."
    del in_place.__wrapped__
    export(in_place)


for _function in (dropout, alpha_dropout, feature_alpha_dropout):
    _in_place(_function)


@export
def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """Return (input with dropout, which elements were kept)."""
    if train is False:
        return input.clone(), wrap(np.ones(input.array.shape, bool))
    ones = wrap(np.ones(input.array.shape, input.array.dtype))
    factors = dropout(ones, p, True)
    return input * factors, factors != 0


@export(functional=True)
def native_channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Return what `channel_shuffle` returns.

    Example:
        >>> x = rushlight.arange(4.0).reshape(1, 4, 1, 1)
        >>> rushlight.nn.functional.native_channel_shuffle(x, 2).flatten()
        tensor([0., 2., 1., 3.])
    """
    from .resize import channel_shuffle

    return channel_shuffle(input, groups)


@export
def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Shorten, in place, the rows of a table that are looked up and longer than `max_norm`."""
    rows = indices.unique()
    with no_grad():
        norms = input[rows].norm(norm_type, 1, keepdim=True)
        factors = (max_norm / (norms + 1e-7)).where(norms > max_norm, norms.new_ones(()))
        input[rows] = input[rows] * factors
    return input


@export(out=True)
def constant_pad_nd(input: Tensor, pad: Sequence[int], value: Number = 0) -> Tensor:
    """Pad the last dimensions with a constant, see `nn.functional.pad`."""
    from .padding import pad as pad_

    return pad_(input, pad, "constant", value)  # type: ignore[arg-type]


@export
def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """Return the norm over all dimensions but one, which stay with extent 1."""
    if dim == -1:
        return v.norm(pow)
    axes = [d for d in range(v.ndim) if d != dim % v.ndim]
    return v.norm(pow, axes, keepdim=True) if axes else v.abs()


@export(out=True)
def frobenius_norm(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return the square root of the sum of |x|^2 over dimensions."""
    return input.norm("fro", dim, keepdim)


@export(out=True)
def nuclear_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return the sum of the singular values of matrices."""
    return input.norm("nuc", (-2, -1) if dim is None else dim, keepdim)


# --- creation ---


@export
def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return an uninitialised tensor whose dimensions lie in memory in a given order.

    Args:
        size: its extents.
        physical_layout: the dimensions, the outermost in memory first.
        dtype: its dtype; None: the default dtype.
        layout: accepted for compatibility.
        device: where it lives.
        requires_grad: whether it requires grad.
        pin_memory: accepted for compatibility.

    Example:
        >>> rushlight.empty_permuted((2, 3, 5, 7), (0, 2, 3, 1)).stride()
        (105, 1, 21, 3)
    """
    from .creation import empty

    shape, order = sizes("empty_permuted", (size,)), sizes("empty_permuted", (physical_layout,))
    if sorted(order) != list(range(len(shape))):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(shape)} is not equal to len(physical_layout) = {len(order)}"
            if len(order) != len(shape)
            else f"Duplicate dim not allowed in physical_layout: {list(order)}"
        )
    dense = empty([shape[d] for d in order], dtype=dtype, device=device)
    return dense.permute([order.index(d) for d in range(len(shape))]).requires_grad_(requires_grad)


@export
def from_file(
    filename: str,
    shared: bool | None = None,
    size: int | None = 0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor over the memory of a mapped file.

    Args:
        filename: the file.
        shared: write changes to the file, which is made or made longer if need be.
        size: the number of elements.
        dtype: their dtype; None: the default dtype.
        layout: accepted for compatibility.
        device: the CPU.
        pin_memory: accepted for compatibility.
    """
    if as_device(device).type != "cpu":
        raise RuntimeError("from_file: only tensors on the CPU can lie in a file")
    kind = (check_dtype("from_file", dtype) or dtypes.get_default_dtype()).numpy
    count = int(size or 0)
    if not count:
        return finish("from_file", np.empty(0, kind), None, False)
    if shared:
        with open(filename, "ab") as file:
            file.truncate(max(file.tell(), count * kind.itemsize))
    mapped = np.memmap(filename, kind, "r+" if shared else "c", shape=(count,))
    return finish("from_file", np.asarray(mapped), None, False)


# --- numbers that torch's compiler traces; here they are plain numbers ---


@export
def sym_int(a: Any) -> int:
    """Return the number without its fraction."""
    return math.trunc(a)


@export
def sym_float(a: Any) -> float:
    """Return the number as float."""
    return float(a)


@export
def sym_not(a: Any) -> bool:
    """Return the opposite truth."""
    return not a


@export
def sym_max(a: Any, b: Any) -> Any:
    """Return the greater number, as float if one of them is."""
    return float(max(a, b)) if isinstance(a, float) or isinstance(b, float) else max(a, b)


@export
def sym_min(a: Any, b: Any) -> Any:
    """Return the smaller number, as float if one of them is."""
    return float(min(a, b)) if isinstance(a, float) or isinstance(b, float) else min(a, b)


@export
def sym_sum(args: Sequence[Any]) -> Any:
    """Return the sum of numbers."""
    return sum(args)


@export
def sym_ite(b: Any, t: Any, f: Any) -> Any:
    """Return `t` if `b` holds, else `f`."""
    return t if b else f
