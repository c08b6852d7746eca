"""Methods that hand single elements to Python, and facts about a tensor that few programs ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor, install, method, wrap as wrap_array
from .._typing import Number
from ..autograd.view import write_
from ..backend.memory_format import channels_last, channels_last_3d, contiguous_format
from ._export import export

# --- element by element ---


def _refuse_grad(name: str, x: Tensor) -> None:
    if x.requires_grad:
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. "
            f"Use var.detach().{name}() instead."
        )


def _called(name: str, function: Callable[..., Any], x: Tensor, *others: Tensor) -> Tensor:
    _refuse_grad(name, x)
    arrays = [np.broadcast_to(other.array, x.array.shape) for other in others]
    rows = zip(*[a.reshape(-1).tolist() for a in (x.array, *arrays)], strict=True)
    values = np.array([function(*row) for row in rows], dtype=x.array.dtype)
    return write_(x, wrap_array(values.reshape(x.array.shape)))


@method
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by `callable(element)`; slow, and on the CPU only.

    Example:
        >>> rushlight.tensor([1, 2, 3]).apply_(lambda v: v * v)
        tensor([1, 4, 9])
    """
    return _called("apply_", callable, self)


@method
def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by `callable(element, element of tensor)`; slow, on the CPU only."""
    return _called("map_", callable, self, tensor)


@method
def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replace each element by `callable(element, element of x, element of y)`."""
    return _called("map2_", callable, self, x, y)


@method
def fill_diagonal_(self: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """Fill the main diagonal in place.

    Args:
        self: the tensor.
        fill_value: the number.
        wrap: in a matrix with more rows than columns, start again below each block.

    Raises:
        RuntimeError: fewer than two dimensions, or more than two that differ.

    Example:
        >>> rushlight.zeros(2, 2).fill_diagonal_(5)
        tensor([[5., 0.],
                [0., 5.]])
    """
    shape = self.array.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    if not self.array.size:
        return self
    marked = np.zeros(shape, bool)
    if len(shape) == 2 and wrap:
        marked.reshape(-1)[:: shape[1] + 1] = True
    else:
        places = np.arange(min(shape))
        marked[(places,) * len(shape)] = True
    return self.masked_fill_(wrap_array(marked), fill_value)


# --- facts ---

_ORDERS: dict[Any, Callable[[int], tuple[int, ...]]] = {
    contiguous_format: lambda n: tuple(range(n)),
    channels_last: lambda n: (0, 2, 3, 1),
    channels_last_3d: lambda n: (0, 2, 3, 4, 1),
}


@method
def dim_order(self: Tensor, ambiguity_check: Any = False) -> tuple[int, ...]:
    """Return the dimensions in the order in which they lie in memory, the outermost first.

    Args:
        self: the tensor.
        ambiguity_check: True raises where several orders describe the tensor; a list of memory
            formats raises unless exactly one of them does.

    Raises:
        RuntimeError: the order is ambiguous.
        TypeError: `ambiguity_check` is neither bool nor a list of memory formats.

    Example:
        >>> rushlight.empty((2, 3, 5, 7)).transpose(1, 2).dim_order()
        (0, 2, 1, 3)
    """
    formats = isinstance(ambiguity_check, Sequence) and not isinstance(ambiguity_check, str)
    if formats and not all(f in _ORDERS for f in ambiguity_check):
        formats = False
        ambiguity_check = None
    if not formats and not isinstance(ambiguity_check, bool):
        raise TypeError("The ambiguity_check argument must be a bool or a list of memory formats.")
    if formats:
        fitting = [f for f in ambiguity_check if self.is_contiguous(memory_format=f)]
        if len(fitting) != 1:
            raise RuntimeError(_AMBIGUOUS)
        return _ORDERS[fitting[0]](self.ndim)
    steps = self.stride()
    if ambiguity_check and _ambiguous(self.array.shape, steps):
        raise RuntimeError(_AMBIGUOUS)
    return tuple(sorted(range(len(steps)), key=lambda d: (-steps[d], d)))


_AMBIGUOUS = (
    "The tensor does not have unique dim order, or cannot map to exact one of the given memory "
    "formats."
)


def _ambiguous(shape: tuple[int, ...], steps: tuple[int, ...]) -> bool:
    """Whether dimensions could change places: one of extent 1, or two of the same stride."""
    return len(shape) > 1 and (1 in shape or len(set(steps)) < len(steps))


@method
def const_data_ptr(self: Tensor) -> int:
    """Return the address of the first element, for reading."""
    return self.data_ptr()


@method
def record_stream(self: Tensor, stream: Any) -> None:
    """Do nothing: memory is given back by whoever refers to it last."""


@method
def resize(self: Tensor, *sizes: int) -> Tensor:
    """Return the tensor in another shape of the same size; `reshape` replaces it."""
    return self.reshape(*sizes)


@method
def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """Return the tensor in another one's shape; `reshape_as` replaces it."""
    return self.reshape(tensor.shape)


@method
def module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """Return what takes this parameter's place when `other` is loaded from a state_dict."""
    return other if assign else other.detach()


@method
def hardshrink(self: Tensor, lambd: float = 0.5) -> Tensor:
    """Return the elements beyond [-lambd, lambd], 0 for the others."""
    from .activation import hardshrink as function

    return function(self, lambd)


@method
def polygamma_(self: Tensor, n: int) -> Tensor:
    """Replace the elements by the n-th derivative of their digamma function."""
    return write_(self, self.polygamma(n))


@export(method=True)
def is_distributed(input: Tensor) -> bool:
    """Tell whether the tensor's elements lie on several machines: no."""
    return False


_OTHER_DEVICES = ("ipu", "maia", "mps", "mtia", "vulkan", "xla", "xpu")

install(
    name=property(lambda self: None),
    volatile=property(lambda self: False),
    **{f"is_{kind}": property(lambda self: False) for kind in _OTHER_DEVICES},
)


def _removed(name: str, successor: str) -> Callable[..., Any]:
    def refuse(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "This function was deprecated since version 1.9 and is now removed. "
            f"`torch.{name}` is deprecated in favor of `torch.linalg.{successor}`."
        )

    refuse.__name__ = name
    refuse.__doc__ = f"Raise RuntimeError: `linalg.{successor}` has taken its place."
    return refuse


install(
    **{
        name: _removed(name, successor)
        for name, successor in (
            ("eig", "eig"), ("lstsq", "lstsq"), ("solve", "solve"), ("symeig", "eigh"),
        )
    }
)  # fmt: skip


# --- fixed sizes ---


@export(method=True)
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """Return the places of the elements that are not zero, as a fixed number of rows.

    Args:
        input: the tensor.
        size: how many rows there are; further places are cut off.
        fill_value: stands in rows that have no place.

    Example:
        >>> rushlight.nonzero_static(rushlight.tensor([1, 0, 2]), size=3)
        tensor([[ 0],
                [ 2],
                [-1]])
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = input.nonzero().array
    rows = np.full((size, found.shape[1]), fill_value, np.int64)
    rows[: len(found)] = found[:size]
    return wrap_array(rows)


@export(method=True)
def hash_tensor(input: Tensor, dim: Any = (), *, keepdim: bool = False, mode: int = 0) -> Tensor:
    """Combine the bits of the elements, widened to 64 bits, by exclusive or.

    Args:
        input: the tensor.
        dim: the dimensions to reduce, all if empty.
        keepdim: keep the reduced dimensions with extent 1.
        mode: 0; there is no other.

    Dtype:
        uint64.
    """
    if mode != 0:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    x = input.array
    if x.dtype.kind == "c":
        raise NotImplementedError('"hash_tensor" not implemented for complex tensors')
    wide = x.astype(np.float64 if x.dtype.kind in "fV" else np.int64).view(np.uint64)
    chosen = (dim,) if hasattr(dim, "__index__") else tuple(dim if dim is not None else ())
    axes = tuple(int(d) for d in chosen) or None
    combine: Any = np.bitwise_xor.reduce
    return wrap_array(np.asarray(combine(wide, axis=axes, keepdims=keepdim)))
