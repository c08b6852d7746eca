"""`rushlight.masked`: reductions and normalisations that leave masked elements out.

A mask is True where an element counts. The others are replaced by what does not change the result:
0 in a sum, -inf in a maximum.
"""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..backend import dtype as dtypes
from ..backend.dtype import dtype as DType
from . import compare, extrema, reduction, rounding, scan, softmax as normalized, sorting
from ._arguments import dims, require_tensor
from ._facade import facade
from .casts import cast
from .elementwise_binary import logaddexp as _logaddexp
from .linalg_norms import vector_norm


def _read_mask(name: str, input: Tensor, mask: Any) -> Tensor | None:
    """Return the mask as booleans in the input's shape; None if there is none.

    Raises:
        IndexError: the mask has more dimensions than the input.
        RuntimeError: it cannot be broadcast to the input.
    """
    if mask is None:
        return None
    mask = require_tensor(name, mask, "mask")
    if mask.array.ndim > input.array.ndim:
        raise IndexError(
            "_input_mask expected broadcastable mask (got mask dimensionality higher than of the "
            "input)"
        )
    return mask.expand(input.array.shape).bool()


def _filled(x: Tensor, mask: Tensor | None, value: Any) -> Tensor:
    """Return x with `value` where the mask is False."""
    return x if mask is None else x.masked_fill(~mask, value)


def _lowest(name: str, x: Tensor) -> Any:
    """Return what is never a maximum: -inf, or the least integer.

    Raises:
        NotImplementedError: the tensor holds booleans.
    """
    return -math.inf if x.dtype.is_floating_point else _bound(name, x).min


def _highest(name: str, x: Tensor) -> Any:
    return math.inf if x.dtype.is_floating_point else _bound(name, x).max


def _bound(name: str, x: Tensor) -> Any:
    if x.array.dtype.kind not in "iu":
        raise NotImplementedError(f"identity of {name} on {x.dtype} input")
    return dtypes.iinfo(x.dtype)


def _axes(input: Tensor, dim: Any) -> tuple[int, ...]:
    """Return the axes to reduce: all of them for None and for an empty tuple."""
    ndim = input.array.ndim
    if dim is None or dim == ():
        return tuple(range(ndim))
    found = dims(dim, ndim)
    return found if ndim else ()


def _accumulated_in(input: Tensor, dtype: DType | None) -> DType:
    """Return the dtype of a sum or product: 64 bits for integers."""
    if dtype is not None:
        return dtype
    return dtypes.int64 if input.array.dtype.kind in "iub" else input.dtype


def _count(input: Tensor, mask: Tensor | None, axes: tuple[int, ...]) -> Any:
    """Return how many elements count, axes kept."""
    if mask is None:
        return math.prod(input.array.shape[a] for a in axes)
    return reduction.sum(mask, axes, keepdim=True) if axes else cast(mask, dtypes.int64)


def _total(x: Tensor, axes: tuple[int, ...], keepdim: bool, dtype: DType | None = None) -> Tensor:
    if not axes:
        return x if dtype is None else cast(x, dtype)
    return reduction.sum(x, axes, keepdim=keepdim, dtype=dtype)


# --- sums, products, means ---


@facade("masked", out=False)
def sum(
    input: Tensor,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the sum of the elements whose mask is True, 0 where there are none.

    Args:
        input: a tensor.
        dim: a dimension or several; None means all.
        keepdim: keep reduced dimensions at extent 1.
        dtype: the result's dtype (int64 for integers unless given).
        mask: a tensor that broadcasts to the input; None leaves nothing out.

    Raises:
        IndexError: `mask` has more dimensions than `input`.
        RuntimeError: `mask` does not broadcast to `input`.

    Note:
        There is no `MaskedTensor`: inputs and results are plain tensors.

    Example:
        >>> x = rushlight.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> rushlight.masked.sum(x, 1, mask=rushlight.tensor([[True, False], [True, True]]))
        tensor([1., 7.])
    """
    x = require_tensor("sum", input)
    kept = _filled(x, _read_mask("sum", x, mask), 0)
    return _total(kept, _axes(x, dim), keepdim, _accumulated_in(x, dtype))


@facade("masked", out=False)
def prod(
    input: Tensor,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the product of the elements whose mask is True, 1 where there are none; see `sum`."""
    x = require_tensor("prod", input)
    y = _filled(x, _read_mask("prod", x, mask), 1)
    y = cast(y, _accumulated_in(x, dtype))
    for axis in sorted(_axes(x, dim), reverse=True):
        y = reduction.prod(y, axis, keepdim=keepdim)
    return y


@facade("masked", out=False)
def mean(
    input: Tensor,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the mean of the elements whose mask is True, NaN where there are none; see `sum`.

    Raises:
        ValueError: the input holds integers and no `dtype` is given.

    Example:
        >>> x = rushlight.tensor([1.0, 2.0, 30.0])
        >>> rushlight.masked.mean(x, mask=rushlight.tensor([True, True, False]))
        tensor(1.5000)
    """
    x = require_tensor("mean", input)
    if dtype is None and x.array.dtype.kind in "iub":
        raise ValueError(
            "mean(): Could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {x.dtype}"
        )
    allowed, axes = _read_mask("mean", x, mask), _axes(x, dim)
    y = _total(_filled(x, allowed, 0), axes, True, dtype) / _count(x, allowed, axes)
    return y if keepdim or not axes else y.squeeze(axes)


def _variance(
    name: str,
    input: Any,
    dim: Any,
    unbiased: bool | None,
    correction: float | None,
    keepdim: bool,
    dtype: DType | None,
    mask: Any,
) -> Tensor:
    x = require_tensor(name, input)
    assert unbiased is None or correction is None, (
        "Only one of unbiased and correction may be given"
    )
    if correction is None:
        correction = 1.0 if unbiased is None or unbiased else 0.0
    if x.array.dtype.kind == "b":
        raise RuntimeError(f"{name}(): bool tensors have no variance")
    if dtype is None:
        dtype = dtypes.get_default_dtype() if x.array.dtype.kind in "iu" else x.dtype
    x = cast(x, dtype)
    allowed, axes = _read_mask(name, x, mask), _axes(x, dim)
    count = _count(x, allowed, axes)
    centred = x - _total(_filled(x, allowed, 0), axes, True) / count
    squares = _filled(centred * centred.conj(), allowed, 0)
    if allowed is None:
        freedom: Any = max(count - correction, 0)
    else:
        freedom = rounding.clamp(count - correction, min=0)
    y = _total(squares, axes, True) / freedom
    return y if keepdim or not axes else y.squeeze(axes)


@facade("masked", out=False)
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the variance of the elements whose mask is True.

        sum((x - mean)^2) / max(count - correction, 0)

    Args:
        input: a tensor.
        dim: a dimension or several; None means all.
        unbiased: True for correction 1 (the default), False for correction 0.
        correction: what is subtracted from the count.
        keepdim: keep reduced dimensions at extent 1.
        dtype: the result's dtype (the default dtype for integers unless given).
        mask: a tensor that broadcasts to the input; None leaves nothing out.

    Raises:
        AssertionError: both `unbiased` and `correction` are given.
    """
    return _variance("var", input, dim, unbiased, correction, keepdim, dtype, mask)


@facade("masked", out=False)
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the square root of the variance of the elements whose mask is True; see `var`."""
    return _variance("std", input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()


# --- extremes and orders ---


@facade("masked", out=False)
def amax(
    input: Tensor,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the maximum of the elements whose mask is True, -inf where there are none; see `sum`.

    Dtype:
        For integers the least one stands for -inf.

    Example:
        >>> x = rushlight.tensor([1.0, 2.0, 30.0])
        >>> rushlight.masked.amax(x, mask=rushlight.tensor([True, True, False]))
        tensor(2.)
    """
    x = require_tensor("amax", input)
    y = x if mask is None else _filled(x, _read_mask("amax", x, mask), _lowest("amax", x))
    return cast(extrema.amax(y, _axes(x, dim), keepdim), dtype or x.dtype)


@facade("masked", out=False)
def amin(
    input: Tensor,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the minimum of the elements whose mask is True, inf where none is left; see `sum`."""
    x = require_tensor("amin", input)
    y = x if mask is None else _filled(x, _read_mask("amin", x, mask), _highest("amin", x))
    return cast(extrema.amin(y, _axes(x, dim), keepdim), dtype or x.dtype)


@facade("masked", out=False)
def argmax(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the place of the maximum of the elements whose mask is True.

    Dtype:
        The input's, as in torch, unless `dtype` is given.
    """
    x = require_tensor("argmax", input)
    y = x if mask is None else _filled(x, _read_mask("argmax", x, mask), _lowest("argmax", x))
    return cast(extrema.argmax(y, dim, bool(keepdim)), dtype or x.dtype)


@facade("masked", out=False)
def argmin(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the place of the minimum of the elements whose mask is True; see `argmax`."""
    x = require_tensor("argmin", input)
    y = x if mask is None else _filled(x, _read_mask("argmin", x, mask), _highest("argmin", x))
    return cast(extrema.argmin(y, dim, bool(keepdim)), dtype or x.dtype)


@facade("masked", out=False)
def median(
    input: Tensor,
    dim: int = -1,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the lower median of the elements whose mask is True, NaN where there are none.

    Raises:
        ValueError: the input holds integers and nothing is left in some place.
    """
    x = require_tensor("median", input)
    to = dtype or x.dtype
    allowed = _read_mask("median", x, mask)
    if allowed is None:
        return cast(sorting.median(x, dim, keepdim).values, to)
    if not x.dtype.is_floating_point:
        if not allowed.any(dim).all():
            raise ValueError(
                "masked median expects no fully masked out rows if dtype is not floating point"
            )
        x = cast(x, dtypes.float64)
    return cast(sorting.nanmedian(_filled(x, allowed, math.nan), dim, keepdim).values, to)


# --- norms ---


@facade("masked", out=False)
def norm(
    input: Tensor,
    ord: float = 2.0,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the norm of the vector of the elements whose mask is True.

    Args:
        input: a tensor of real or complex numbers.
        ord: the order; `inf` and `-inf` give the largest and the least magnitude.
        dim: a dimension or several; None means all.
        keepdim: keep reduced dimensions at extent 1.
        dtype: the dtype to compute in.
        mask: a tensor that broadcasts to the input; None leaves nothing out.

    Example:
        >>> x = rushlight.tensor([3.0, 4.0, 9.0])
        >>> rushlight.masked.norm(x, 2, mask=rushlight.tensor([True, True, False]))
        tensor(5.)
    """
    x = require_tensor("norm", input)
    if ord == -math.inf:
        assert x.dtype.is_floating_point, f"input must be floating point, got {x.dtype}"
    kept = _filled(x, _read_mask("norm", x, mask), math.inf if ord == -math.inf else 0)
    return vector_norm(kept, ord, _axes(x, dim), keepdim, dtype=dtype)


@facade("masked", out=False)
def normalize(
    input: Tensor,
    ord: float,
    dim: int,
    *,
    eps: float = 1e-12,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Divide the elements whose mask is True by their `norm` along a dimension; the others are 0.

    Args:
        input: a tensor of real or complex numbers.
        ord: the order of the norm.
        dim: the dimension.
        eps: the least that is divided by.
        dtype: the dtype to compute in.
        mask: a tensor that broadcasts to the input; None leaves nothing out.
    """
    x = require_tensor("normalize", input)
    length = norm(x, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    least = length.new_full((), eps)
    return _filled(x, _read_mask("normalize", x, mask), 0) / compare.maximum(length, least)


# --- running sums and softmax ---


@facade("masked", out=False)
def cumsum(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """Return running sums that pass over the elements whose mask is False.

    Example:
        >>> x = rushlight.tensor([1.0, 2.0, 3.0])
        >>> rushlight.masked.cumsum(x, 0, mask=rushlight.tensor([True, False, True]))
        tensor([1., 1., 4.])
    """
    x = require_tensor("cumsum", input)
    y = _filled(x, _read_mask("cumsum", x, mask), 0)
    return scan.cumsum(y, dim, dtype=dtype or x.dtype)


@facade("masked", out=False)
def cumprod(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """Return running products that pass over the elements whose mask is False."""
    x = require_tensor("cumprod", input)
    y = _filled(x, _read_mask("cumprod", x, mask), 1)
    return scan.cumprod(y, dim, dtype=dtype or x.dtype)


def _for_softmax(name: str, input: Any, mask: Any, dtype: DType | None, sign: int) -> Tensor:
    x = require_tensor(name, input)
    if mask is None:
        return x if dtype is None else cast(x, dtype)
    identity = _lowest("amax", x) if sign < 0 else _highest("amin", x)
    return cast(_filled(x, _read_mask(name, x, mask), identity), dtype or x.dtype)


@facade("masked", out=False)
def softmax(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """Return the softmax of the elements whose mask is True; the others get 0.

    Where nothing is left along `dim` the result is NaN.

    Example:
        >>> x = rushlight.tensor([1.0, 1.0, 9.0])
        >>> rushlight.masked.softmax(x, 0, mask=rushlight.tensor([True, True, False]))
        tensor([0.5000, 0.5000, 0.0000])
    """
    return normalized.softmax(_for_softmax("softmax", input, mask, dtype, -1), dim)


@facade("masked", out=False)
def log_softmax(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """Return the logarithm of `softmax`; -inf where the mask is False."""
    return normalized.log_softmax(_for_softmax("log_softmax", input, mask, dtype, -1), dim)


@facade("masked", out=False)
def softmin(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """Return `softmax` of the negative input; 0 where the mask is False."""
    return normalized.softmax(-_for_softmax("softmin", input, mask, dtype, 1), dim)


@facade("masked", out=False)
def logsumexp(
    input: Tensor,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Return ln(sum(exp(x))) over the elements whose mask is True, -inf where there are none."""
    x = require_tensor("logsumexp", input)
    y = x if mask is None else _filled(x, _read_mask("logsumexp", x, mask), _lowest("logsumexp", x))
    return cast(reduction.logsumexp(y, _axes(x, dim), bool(keepdim)), dtype or x.dtype)


@facade("masked", out=False)
def logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: DType | None = None,
    input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:
    """Return ln(exp(x) + exp(y)), with -inf in place of what a mask leaves out.

    Args:
        input: a tensor.
        other: a tensor.
        dtype: the result's dtype.
        input_mask: True where an element of `input` counts; None leaves nothing out.
        other_mask: the same for `other`.
    """
    pair = []
    for x, mask in ((input, input_mask), (other, other_mask)):
        x = require_tensor("logaddexp", x)
        identity = None if mask is None else _lowest("logaddexp", x)
        pair.append(_filled(x, _read_mask("logaddexp", x, mask), identity))
    return cast(_logaddexp(*pair), dtype or pair[0].dtype)
