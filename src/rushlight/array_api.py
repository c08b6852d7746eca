"""The Python array API standard (2024.12): what `tensor.__array_namespace__()` returns.

Programs written for any array library find the functions here under the standard's names, with
`axis` and `keepdims`. One member cannot follow the standard: `tensor.size` is torch's method.

Reference: https://data-apis.org/array-api/2024.12/
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import rushlight as _torch

from ._tensor import Tensor
from .backend import dtype as _dtypes

__array_api_version__ = "2024.12"

e, inf, nan, newaxis, pi = math.e, math.inf, math.nan, None, math.pi

bool = _dtypes.bool_
int8, int16, int32, int64 = _dtypes.int8, _dtypes.int16, _dtypes.int32, _dtypes.int64
uint8, uint16, uint32, uint64 = _dtypes.uint8, _dtypes.uint16, _dtypes.uint32, _dtypes.uint64
float32, float64 = _dtypes.float32, _dtypes.float64
complex64, complex128 = _dtypes.complex64, _dtypes.complex128

# Under the same name, with the same arguments.
_SAME = (
    "abs", "acos", "acosh", "add", "arange", "asin", "asinh", "atan", "atan2", "atanh",
    "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "broadcast_to", "can_cast", "ceil", "conj", "copysign", "cos", "cosh", "divide", "empty",
    "empty_like", "equal", "exp", "expm1", "finfo", "floor", "floor_divide", "from_dlpack",
    "full", "full_like", "greater", "greater_equal", "hypot", "iinfo", "imag", "isfinite", "isinf",
    "isnan", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp",
    "logical_and", "logical_not", "logical_or", "logical_xor", "matmul", "maximum", "minimum",
    "multiply", "negative", "nextafter", "not_equal", "ones", "ones_like", "positive", "pow",
    "real", "reciprocal", "remainder", "result_type", "round", "sign", "signbit", "sin", "sinh",
    "sqrt", "square", "subtract", "tan", "tanh", "tile", "trunc", "where", "zeros",
    "zeros_like",
)  # fmt: skip
globals().update({name: getattr(_torch, name) for name in _SAME if name != "equal"})
equal, bitwise_invert = _torch.eq, _torch.bitwise_not
linalg, fft = _torch.linalg, _torch.fft

Axis = int | tuple[int, ...] | None


# --- creation and conversion ----------------------------------------------------------------------


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Tensor:
    """Return `obj` (a number, nested sequences, anything with a buffer or DLPack) as a tensor."""
    if copy is False and not isinstance(obj, Tensor) and not hasattr(obj, "__dlpack__"):
        raise ValueError("asarray: this object cannot become a tensor without a copy")
    made = _torch.as_tensor(obj, dtype=dtype, device=device)
    if copy is False and isinstance(obj, Tensor) and made is not obj:
        raise ValueError("asarray: another dtype or device needs a copy")
    return made.clone() if copy else made


def astype(x: Tensor, dtype: Any, /, *, copy: Any = True, device: Any = None) -> Tensor:
    """Return `x` in another dtype; the same tensor only if nothing changes and copy is False."""
    return x.to(device=device, dtype=dtype, copy=copy)


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
) -> Tensor:
    """Return zeros with ones on the k-th diagonal."""
    shape = (n_rows, n_rows if n_cols is None else n_cols)
    made = _torch.zeros(shape, dtype=dtype, device=device)
    if -shape[0] < k < shape[1]:
        made.diagonal(k).fill_(1)
    return made


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None,
    endpoint: Any = True,
) -> Tensor:  # fmt: skip
    """Return `num` evenly spaced numbers from start to stop, which may be left out."""
    steps = num if endpoint else num + 1
    return _torch.linspace(start, stop, steps, dtype=dtype, device=device)[:num]


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Return `x` with zeros above the k-th diagonal of each matrix."""
    return _torch.tril(x, k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Return `x` with zeros below the k-th diagonal of each matrix."""
    return _torch.triu(x, k)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> list[Tensor]:
    """Return the coordinates of the grid that vectors span."""
    return list(_torch.meshgrid(*arrays, indexing=indexing))


def isdtype(dtype: Any, kind: Any) -> Any:
    """Tell whether a dtype is of a kind: a name of the standard, a dtype, or a tuple of them."""
    if isinstance(kind, tuple):
        return builtins.any(isdtype(dtype, k) for k in kind)
    if not isinstance(kind, str):
        return dtype is kind
    if kind not in _KINDS:
        raise ValueError(f"isdtype: expected one of {sorted(_KINDS)}, got {kind!r}")
    return dtype in _KINDS[kind]


_SIGNED, _UNSIGNED = {int8, int16, int32, int64}, {uint8, uint16, uint32, uint64}
_REAL = {_dtypes.float16, _dtypes.bfloat16, float32, float64}
_COMPLEX = {complex64, complex128}
_KINDS: dict[str, set[Any]] = {
    "bool": {bool},
    "signed integer": _SIGNED,
    "unsigned integer": _UNSIGNED,
    "integral": _SIGNED | _UNSIGNED,
    "real floating": _REAL,
    "complex floating": _COMPLEX,
    "numeric": _SIGNED | _UNSIGNED | _REAL | _COMPLEX,
}


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """Return `x` limited to [min, max]; None: no limit."""
    return x.clone() if min is None and max is None else _torch.clamp(x, min, max)


# --- reductions -----------------------------------------------------------------------------------


def _over(function: Any, x: Tensor, axis: Axis, keepdims: Any, **options: Any) -> Tensor:
    if axis == ():
        return function(x.unsqueeze(0), dim=0, **options)  # over nothing: each element for itself
    dims = tuple(range(x.ndim)) if axis is None else axis
    if not x.ndim:
        return function(x.reshape(1), dim=0, **options)
    return function(x, dim=dims, keepdim=keepdims, **options)


def sum(x: Tensor, /, *, axis: Axis = None, dtype: Any = None, keepdims: Any = False) -> Tensor:
    """Return the sum over axes."""
    return _over(_torch.sum, x, axis, keepdims, dtype=dtype)


def mean(x: Tensor, /, *, axis: Axis = None, keepdims: Any = False) -> Tensor:
    """Return the mean over axes."""
    return _over(_torch.mean, x, axis, keepdims)


def max(x: Tensor, /, *, axis: Axis = None, keepdims: Any = False) -> Tensor:
    """Return the largest element over axes."""
    return _over(_torch.amax, x, axis, keepdims)


def min(x: Tensor, /, *, axis: Axis = None, keepdims: Any = False) -> Tensor:
    """Return the smallest element over axes."""
    return _over(_torch.amin, x, axis, keepdims)


def all(x: Tensor, /, *, axis: Axis = None, keepdims: Any = False) -> Tensor:
    """Tell whether all elements over axes are nonzero."""
    return _over(_torch.all, x.bool(), axis, keepdims)


def any(x: Tensor, /, *, axis: Axis = None, keepdims: Any = False) -> Tensor:
    """Tell whether some element over axes is nonzero."""
    return _over(_torch.any, x.bool(), axis, keepdims)


def var(x: Tensor, /, *, axis: Axis = None, correction: float = 0, keepdims: Any = False) -> Tensor:
    """Return the variance over axes."""
    return _over(_torch.var, x, axis, keepdims, correction=correction)


def std(x: Tensor, /, *, axis: Axis = None, correction: float = 0, keepdims: Any = False) -> Tensor:
    """Return the standard deviation over axes."""
    return _over(_torch.std, x, axis, keepdims, correction=correction)


def prod(x: Tensor, /, *, axis: Axis = None, dtype: Any = None, keepdims: Any = False) -> Tensor:
    """Return the product over axes."""
    wide = x if dtype is None else x.to(dtype)
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    for a in sorted((a % x.ndim for a in axes), reverse=True):
        wide = _torch.prod(wide, a, keepdims)
    return wide if dtype is not None or x.is_floating_point() or x.is_complex() else wide.long()


def count_nonzero(x: Tensor, /, *, axis: Axis = None, keepdims: Any = False) -> Tensor:
    """Return how many elements over axes are nonzero."""
    return sum((x != 0).to(int64), axis=axis, keepdims=keepdims)


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: Any = False) -> Tensor:
    """Return where the largest element is."""
    return _torch.argmax(x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: Any = False) -> Tensor:
    """Return where the smallest element is."""
    return _torch.argmin(x, axis, keepdims)


def _cumulative(
    function: Any, first: int, x: Tensor, axis: int | None, dtype: Any, include_initial: Any
) -> Tensor:
    if axis is None:
        if x.ndim != 1:
            raise ValueError("a cumulative function needs `axis` unless x has one dimension")
        axis = 0
    y = function(x, axis, dtype=dtype)
    if not include_initial:
        return y
    shape = list(y.shape)
    shape[axis] = 1
    return _torch.cat([_torch.full(shape, first, dtype=y.dtype, device=y.device), y], axis)


def cumulative_sum(
    x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: Any = False
) -> Tensor:
    """Return the running sums, from 0 on if `include_initial`."""
    return _cumulative(_torch.cumsum, 0, x, axis, dtype, include_initial)


def cumulative_prod(
    x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: Any = False
) -> Tensor:
    """Return the running products, from 1 on if `include_initial`."""
    return _cumulative(_torch.cumprod, 1, x, axis, dtype, include_initial)


def diff(
    x: Tensor, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
) -> Tensor:
    """Return the n-th differences along an axis."""
    return _torch.diff(x, n, axis, prepend, append)


# --- shapes ---------------------------------------------------------------------------------------


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """Join tensors along an axis; None: flattened."""
    if axis is None:
        return _torch.cat([x.reshape(-1) for x in arrays])
    return _torch.cat(list(arrays), axis)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """Join tensors along a new axis."""
    return _torch.stack(list(arrays), axis)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along an axis."""
    return tuple(x.unbind(axis))


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """Return the tensors in their common shape."""
    return list(_torch.broadcast_tensors(*arrays))


def expand_dims(x: Tensor, /, *, axis: int = 0) -> Tensor:
    """Return `x` with one axis more."""
    return x.unsqueeze(axis)


def squeeze(x: Tensor, /, axis: int | tuple[int, ...]) -> Tensor:
    """Return `x` without axes, which must have extent 1."""
    for a in (axis,) if isinstance(axis, int) else axis:
        if x.shape[a] != 1:
            raise ValueError(f"squeeze: axis {a} has extent {x.shape[a]}, expected 1")
    return x.squeeze(axis)


def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """Return `x` with its axes in another order."""
    return x.permute(axes)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """Return each matrix transposed."""
    return x.mT


def moveaxis(x: Tensor, source: Any, destination: Any, /) -> Tensor:
    """Return `x` with axes at other places."""
    return _torch.movedim(x, source, destination)


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: Any = None) -> Tensor:
    """Return the elements in another shape."""
    if copy is False:
        return x.view(shape)
    return x.reshape(shape).clone() if copy else x.reshape(shape)


def flip(x: Tensor, /, *, axis: Axis = None) -> Tensor:
    """Return `x` reversed along axes (None: all)."""
    return _torch.flip(x, tuple(range(x.ndim)) if axis is None else _tuple(axis))


def _tuple(axis: int | tuple[int, ...]) -> tuple[int, ...]:
    return (axis,) if isinstance(axis, int) else axis


def roll(x: Tensor, /, shift: Any, *, axis: Axis = None) -> Tensor:
    """Return `x` with elements shifted around."""
    return _torch.roll(x, shift, axis)


def repeat(x: Tensor, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """Return `x` with each element repeated."""
    return _torch.repeat_interleave(x, repeats, axis)


# --- products, searching, sorting, sets -----------------------------------------------------------


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    """Return the sum of products over axes of both."""
    return _torch.tensordot(x1, x2, dims=axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the inner products along an axis."""
    return _torch.linalg.vecdot(x1, x2, dim=axis)


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """Return the slices at indices along an axis."""
    return _torch.index_select(x, 0 if axis is None else axis, indices)


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the elements at indices along an axis."""
    return _torch.take_along_dim(x, indices, axis)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """Return the indices of nonzero elements, one tensor for each axis."""
    return tuple(_torch.nonzero(x, as_tuple=True))


def searchsorted(
    x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Tensor | None = None
) -> Tensor:
    """Return where the elements of x2 belong in the sorted x1."""
    return _torch.searchsorted(x1, x2, side=side, sorter=sorter)


def sort(x: Tensor, /, *, axis: int = -1, descending: Any = False, stable: Any = True) -> Tensor:
    """Return `x` sorted along an axis."""
    return _torch.sort(x, dim=axis, descending=descending, stable=stable)[0]


def argsort(x: Tensor, /, *, axis: int = -1, descending: Any = False, stable: Any = True) -> Tensor:
    """Return the indices that sort `x` along an axis."""
    return _torch.sort(x, dim=axis, descending=descending, stable=stable)[1]


class UniqueAll(NamedTuple):
    """The results of `unique_all`."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """The results of `unique_counts`."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """The results of `unique_inverse`."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor, /) -> UniqueAll:
    """Return the distinct elements, where each is first, where to find each, and their counts."""
    values, inverse, counts = _torch.unique(x, return_inverse=True, return_counts=True)
    order = _torch.sort(inverse.reshape(-1), stable=True)[1]
    starts = _torch.cumsum(counts, 0) - counts
    return UniqueAll(values, order[starts], inverse, counts)


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """Return the distinct elements and how often each occurs."""
    values, counts = _torch.unique(x, return_counts=True)
    return UniqueCounts(values, counts)


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """Return the distinct elements and where to find each element among them."""
    values, inverse = _torch.unique(x, return_inverse=True)
    return UniqueInverse(values, inverse)


def unique_values(x: Tensor, /) -> Tensor:
    """Return the distinct elements."""
    return _torch.unique(x)


# --- inspection -----------------------------------------------------------------------------------


class _Info:
    """What the namespace can do."""

    def capabilities(self) -> dict[str, Any]:
        """Return which optional parts of the standard there are."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Any:
        """Return the device that tensors are made on."""
        return _torch.get_default_device()

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """Return the dtypes that tensors get if none is named."""
        real = _torch.get_default_dtype()
        complex_ = complex128 if real is float64 else complex64
        return {
            "real floating": real, "complex floating": complex_, "integral": int64,
            "indexing": int64,
        }  # fmt: skip

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """Return the dtypes of a kind by name."""
        names = ("bool", *(f"{sign}int{n}" for sign in ("", "u") for n in (8, 16, 32, 64)))
        names = (*names, "float32", "float64", "complex64", "complex128")
        found = {name: globals()[name] for name in names}
        return {n: d for n, d in found.items() if kind is None or isdtype(d, kind)}

    def devices(self) -> list[Any]:
        """Return the devices there are."""
        gpus = range(_torch.cuda.device_count())
        return [_torch.device("cpu"), *(_torch.device("cuda", i) for i in gpus)]


def __array_namespace_info__() -> _Info:
    """Return what the namespace can do."""
    return _Info()
