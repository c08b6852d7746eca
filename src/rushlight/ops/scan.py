"""Sums, products and the like along a dimension, differences, and integrals of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Number
from ..autograd.node import Op
from ..backend.array import row_major
from ..backend.dtype import dtype as DType
from ..errors import wrap_dim
from ._arguments import dims
from ._export import export
from ._operands import not_a_tensor, not_implemented
from ._reduce import is_half, read_dtype
from ._unary import keep
from .casts import cast
from .complex import conjugate
from .joining import cat


class Cumsum(Op):
    """y_i = the sum of x_j over j <= i, or j >= i in reverse.  dL/dx: the same of g, reversed."""

    autocast_cuda = "float32"

    def forward(ctx, x: Array, *, axis: int, reverse: bool = False) -> Array:
        ctx.axis, ctx.reverse = axis, reverse
        if reverse:
            return np.flip(_cumulated(np.flip(x, axis), np.add, axis), axis)
        return _cumulated(x, np.add, axis)

    def backward(ctx, g: Tensor) -> Tensor:
        return Cumsum.apply(g, axis=ctx.axis, reverse=not ctx.reverse)


def _cumulated(x: Array, ufunc: Any, axis: int) -> Array:
    """Accumulate: integers in int64, half precision in float32."""
    if x.dtype.kind in "iub":
        return ufunc.accumulate(row_major(x), axis=axis, dtype=np.int64)
    if is_half(x):
        return ufunc.accumulate(row_major(x), axis=axis, dtype=np.float32).astype(x.dtype)
    return ufunc.accumulate(row_major(x), axis=axis)


class Cumprod(Op):
    """y_i = the product of x_j over j <= i.  dL/dx_k = sum of g_i y_i / x_k over i >= k."""

    autocast_cuda = "float32"

    def forward(ctx, x: Array, *, axis: int) -> Array:
        y = _cumulated(x, np.multiply, axis)
        ctx.axis = axis
        ctx.save(x, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        axis = ctx.axis
        if np.all(x.array):
            return Cumsum.apply(g * conjugate(y), axis=axis, reverse=True) / conjugate(x)
        return _cumprod_gradient(g, x, axis)


def _cumprod_gradient(g: Tensor, x: Tensor, axis: int) -> Tensor:
    """Without division: for each k, the cumulative product with x_k replaced by 1 (quadratic)."""
    columns = x.movedim(axis, -1)
    length = columns.array.shape[-1]
    own = np.eye(length, dtype=bool)
    table = keep(columns.unsqueeze(-2).expand(*columns.shape[:-1], length, length), ~own)
    ones = np.broadcast_to(own, table.array.shape).astype(x.array.dtype)
    products = Cumprod.apply(table + wrap(ones), axis=table.array.ndim - 1)
    later = keep(products, ~np.tri(length, k=-1, dtype=bool))
    return (g.movedim(axis, -1).unsqueeze(-2) * conjugate(later)).sum(-1).movedim(-1, axis)


class Logcumsumexp(Op):
    """y_i = ln of the sum of exp(x_j), j <= i.  dL/dx_j = sum of g_i exp(x_j - y_i), i >= j."""

    def forward(ctx, x: Array, *, axis: int) -> Array:
        wide = x.astype(np.float32) if is_half(x) else x
        y = np.logaddexp.accumulate(wide, axis=axis).astype(x.dtype, copy=False)
        ctx.axis = axis
        ctx.save(x, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        return _summed_exp(g, x, y, ctx.axis) - _summed_exp(-g, x, y, ctx.axis)


def _summed_exp(g: Tensor, x: Tensor, y: Tensor, axis: int) -> Tensor:
    """The gradient from the positive part of g, summed in logarithms against overflow."""
    log_g = keep(g, g.array > 0).log()
    # Where nothing but exp(-inf) has been added up, x_j - y_i would be inf - inf.
    y = keep(y, y.array != -np.inf)
    later = Logcumsumexp.apply((log_g - y).flip(axis), axis=axis).flip(axis)
    return (later + x).exp()


def _scan(op: type[Op], name: str, input: Any, dim: int, dtype: DType | None = None) -> Tensor:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    if dtype is not None:
        input = cast(input, read_dtype(name, dtype))
    axis = wrap_dim(dim, input.array.ndim)
    if not input.array.ndim:
        return _scan(op, name, input.reshape(1), 0, dtype).reshape(())
    y = op.apply(input, axis=axis)
    return y if dtype is None else cast(y, dtype)


@export(method=True, out=True, inplace=True, saves_input=False, numpy_names=True)
def cumsum(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Return the sum of the elements so far along a dimension.

    Args:
        input: a tensor.
        dim: the dimension.
        dtype: convert to this dtype first; without it integers and booleans become int64.

    Example:
        >>> rushlight.cumsum(rushlight.tensor([1, 2, 3]), dim=0)
        tensor([1, 3, 6])
    """
    return _scan(Cumsum, "cumsum", input, dim, dtype)


@export(method=True, out=True, inplace=True, numpy_names=True)
def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Return the product of the elements so far along a dimension.

    Example:
        >>> rushlight.cumprod(rushlight.tensor([1, 2, 3]), dim=0)
        tensor([1, 2, 6])
    """
    return _scan(Cumprod, "cumprod", input, dim, dtype)


@export(method=True, out=True, numpy_names=True)
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return the logarithm of the sum of exponentials so far along a dimension."""
    if isinstance(input, Tensor) and input.array.dtype.kind in "iubc":
        raise not_implemented("logcumsumexp_out", input)
    return _scan(Logcumsumexp, "logcumsumexp", input, dim)


# --- differences and integrals ---


@export(method=True, out=True, numpy_names=True)
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """Return the n-th differences of neighbours along a dimension.

    Args:
        input: a tensor.
        n: how many times to take differences.
        dim: the dimension.
        prepend: what to put before the input first.
        append: what to put behind it.

    Dtype:
        the input's; differences of booleans tell whether neighbours differ.

    Example:
        >>> rushlight.diff(rushlight.tensor([1, 4, 9]))
        tensor([3, 5])
    """
    if not input.array.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    axis = wrap_dim(dim, input.array.ndim)
    for extra in (prepend, append):
        if extra is not None and extra.array.ndim != input.array.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:
        return input.clone()
    parts = [part for part in (prepend, input, append) if part is not None]
    y = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(min(n, y.array.shape[axis])):
        later = y.narrow(axis, 1, y.array.shape[axis] - 1)
        earlier = y.narrow(axis, 0, y.array.shape[axis] - 1)
        y = later != earlier if y.array.dtype.kind == "b" else later - earlier
    return y


def _steps(x: Tensor, axis: int, ndim: int) -> Tensor:
    """Return the distances between sample points, shaped to lie along `axis`."""
    if x.array.ndim == 1:
        return diff(x).reshape([-1] + [1] * (ndim - axis - 1))
    return diff(x, dim=axis - ndim)


def _trapezoids(name: str, y: Tensor, x: Any, dx: Number | None, dim: int) -> tuple[Tensor, int]:
    """Return the area of each trapezoid, and the axis they lie along."""
    axis = wrap_dim(dim, y.array.ndim)
    if isinstance(x, Tensor) and not x.array.ndim:
        raise RuntimeError(f"{name}: Expected at least one dimension for x")
    if x is not None and dx is not None:
        raise TypeError(f"{name}(): expected either x or dx, got both")
    count = y.array.shape[axis]
    if isinstance(x, Tensor) and x.array.ndim == 1 and x.array.shape[0] != count:
        raise RuntimeError(
            f"{name}: There must be one `x` value for each sample point, got {x.array.shape[0]} "
            f"for {count}"
        )
    both = y.narrow(axis, 1, max(count - 1, 0)) + y.narrow(axis, 0, max(count - 1, 0))
    if isinstance(x, Tensor):
        return both * _steps(x, axis, y.array.ndim) / 2, axis
    return both * (1 if dx is None else dx) / 2, axis


@export(aliases=["trapz"])
def trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1
) -> Tensor:
    """Integrate samples along a dimension by the trapezoidal rule.

    Args:
        y: the samples.
        x: where they were taken; or
        dx: the distance between them (1).
        dim: the dimension.

    Example:
        >>> rushlight.trapezoid(rushlight.tensor([1.0, 5.0, 10.0]))
        tensor(10.5000)
    """
    if y.array.size and y.array.shape[wrap_dim(dim, y.array.ndim)] == 0:
        return y.sum(dim)
    areas, axis = _trapezoids("trapezoid", y, x, dx, dim)
    return areas.sum(axis)


@export
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1
) -> Tensor:
    """Integrate samples along a dimension by the trapezoidal rule, up to each but the first."""
    areas, axis = _trapezoids("cumulative_trapezoid", y, x, dx, dim)
    return areas.cumsum(axis)


@export
def gradient(
    input: Tensor,
    *,
    spacing: Any = None,
    dim: Any = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """Estimate the derivative of samples along dimensions by central differences.

    Args:
        input: the samples.
        spacing: the distance between samples (1), one number or one for each dimension; or for each
            dimension a 1-d tensor of coordinates.
        dim: the dimension or dimensions, all if None.
        edge_order: 1 or 2, the order of the one-sided differences at the ends.

    Returns:
        one tensor for each dimension.

    Example:
        >>> rushlight.gradient(rushlight.tensor([1.0, 4.0, 9.0, 16.0]))
        (tensor([3., 4., 6., 7.]),)
    """
    ndim = input.array.ndim
    axes = range(ndim) if dim is None else dims(dim, ndim)
    if isinstance(spacing, Tensor):
        raise TypeError("gradient(): spacing must be a number or a sequence of numbers or tensors")
    spacing = 1 if spacing is None else spacing
    spacings = list(spacing) if isinstance(spacing, Sequence) else [spacing] * len(axes)
    if len(spacings) != len(axes):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"equal to 'self.dim() = {ndim}', but got a list of length {len(spacings)}"
        )
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    for axis in axes:
        if input.array.shape[axis] < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1"
            )
    pairs = zip(axes, spacings, strict=True)
    return tuple([_derivative(input, axis, h, edge_order) for axis, h in pairs])


def _derivative(y: Tensor, axis: int, spacing: Any, edge_order: int) -> Tensor:
    """Differences of second order inside, one-sided ones at the two ends."""
    count = y.array.shape[axis]
    steps = _gradient_steps(y, count, spacing).reshape([-1] + [1] * (y.array.ndim - axis - 1))
    slopes = diff(y, dim=axis) / steps

    def part(x: Tensor, start: int, length: int) -> Tensor:
        return x.narrow(axis, start, length)

    before, after = steps.narrow(0, 0, count - 2), steps.narrow(0, 1, count - 2)
    left, right = part(slopes, 0, count - 2), part(slopes, 1, count - 2)
    inner = (left * after + right * before) / (before + after)
    ends = []
    for last, second in ((0, 1), (count - 2, count - 3)):
        slope = part(slopes, last, 1)
        if edge_order == 2:
            h, h2 = steps.narrow(0, last, 1), steps.narrow(0, second, 1)
            slope = slope + (slope - part(slopes, second, 1)) * h / (h + h2)
        ends.append(slope)
    return cat([ends[0], inner, ends[1]], axis)


def _gradient_steps(y: Tensor, count: int, spacing: Any) -> Tensor:
    if not isinstance(spacing, Tensor):
        exact = y.array.real.dtype if y.array.dtype.kind in "fcV" else np.dtype(np.float32)
        return wrap(np.full(count - 1, spacing, exact))
    if spacing.array.shape != (count,):
        raise RuntimeError(
            "torch.gradient expected each element of `spacing` tensor list to have the same size "
            "as the corresponding dimension"
        )
    return diff(spacing)
