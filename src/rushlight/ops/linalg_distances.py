"""Distances between rows, covariance, and bounding the norms of slices."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..backend.array import array_module
from ..errors import wrap_dim
from ._arguments import require_tensor
from ._autocast import autocast
from ._broadcast import sum_to
from ._export import export
from ._operands import is_integral
from ._promote import promote
from ._unary import keep
from .casts import cast
from .complex import conjugate
from .vector_norm import vector_norm

# From so many rows on the squares of distances are computed by a matrix product.
_MANY_ROWS = 25


class EuclideanDistances(Op):
    """D_ij = |x_i - y_j|.  dL/dx_i = sum_j g_ij (x_i - y_j) / D_ij, 0 where D_ij = 0."""

    label = "Cdist"

    def forward(ctx, x: Array, y: Array, *, by_product: bool) -> Array:
        xp = array_module(x)
        if by_product:
            squares = (x * x).sum(-1)[..., :, None] + (y * y).sum(-1)[..., None, :]
            squares = squares - 2 * (x @ y.swapaxes(-1, -2))
            d = xp.sqrt(xp.maximum(squares, 0))
        else:
            difference = x[..., :, None, :] - y[..., None, :, :]
            d = xp.sqrt(np.square(difference).sum(-1))
        ctx.save(x, y, d)
        return d

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y, d = ctx.saved_tensors
        to_x, to_y = ctx.edges
        weight = keep(g / d, d.array != 0)
        gx = gy = None
        if to_x:
            gx = sum_to(weight.sum(-1, True) * x - weight @ y, x.array.shape)
        if to_y:
            back = weight.mT
            gy = sum_to(back.sum(-1, True) * y - back @ x, y.array.shape)
        return gx, gy


_MODES = {
    None: None,
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": True,
    "donot_use_mm_for_euclid_dist": False,
}


@export
@autocast("float32")
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """Return the p-norm distances of all pairs of rows of two (batches of) matrices.

    Args:
        x1: rows (*, P, M).
        x2: rows (*, R, M); batch dimensions broadcast.
        p: the order of the norm.
        compute_mode: for p = 2, whether to use a matrix product: "use_mm_for_euclid_dist",
            "donot_use_mm_for_euclid_dist", or by default if there are more than 25 rows.

    Shape:
        result (*, P, R).

    Raises:
        RuntimeError: shapes or dtypes do not fit, or p is negative.

    Example:
        >>> rushlight.cdist(rushlight.tensor([[0.0, 0.0]]), rushlight.tensor([[3.0, 4.0]]))
        tensor([[5.]])
    """
    x, y = require_tensor("cdist", x1, "x1"), require_tensor("cdist", x2, "x2", 2)
    for label, t in (("X1", x), ("X2", y)):
        if not t.dtype.is_floating_point:
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {label} got: {t.dtype.type_name}"
            )
        if t.array.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {label} got: {t.array.ndim}D"
            )
    if x.array.shape[-1] != y.array.shape[-1]:
        raise RuntimeError(
            "X1 and X2 must have the same number of columns. "
            f"X1: {x.array.shape[-1]} X2: {y.array.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    x, y = promote(x, y)
    if p == 2:
        by_product = _MODES[compute_mode]
        if by_product is None:
            by_product = max(x.array.shape[-2], y.array.shape[-2]) > _MANY_ROWS
        return EuclideanDistances.apply(x, y, by_product=by_product)
    difference = x.unsqueeze(-2) - y.unsqueeze(-3)
    if not difference.array.shape[-1]:
        return difference.sum(-1)
    return vector_norm(difference, p, (difference.array.ndim - 1,), False, name="cdist")


@export(method=True)
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of input - other.

    Example:
        >>> rushlight.dist(rushlight.tensor([3.0, 4.0]), rushlight.zeros(2))
        tensor(5.)
    """
    require_tensor("dist", input)
    require_tensor("dist", other, "other", 2)
    return vector_norm(input - other, p, None, False, name="dist")


@export(method=True, inplace=True, out=True)
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Scale the slices along a dimension whose p-norm exceeds `maxnorm` down to it.

    Args:
        input: a tensor of at least two dimensions.
        p: the order of the norm, positive.
        dim: the dimension whose places are the slices.
        maxnorm: the largest norm.

    Raises:
        RuntimeError: p is not positive, maxnorm negative, or the tensor has too few dimensions.
    """
    x = require_tensor("renorm", input)
    if not (x.dtype.is_floating_point or x.dtype.is_complex):
        raise RuntimeError(f"renorm: expected floating point numbers, got {x.dtype.type_name}")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if x.array.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {x.array.ndim} dimensions"
        )
    axis = wrap_dim(dim, x.array.ndim)
    others = tuple(d for d in range(x.array.ndim) if d != axis)
    norms = vector_norm(x, p, others, True, name="renorm")
    large = norms > maxnorm
    factor = (maxnorm / (norms + 1e-7)).masked_fill(~large, 1.0)
    return x * cast(factor, x.dtype.to_real())


# --- covariance ---


def _weights(name: str, w: Any, count: int, integral: bool) -> Tensor | None:
    if w is None:
        return None
    w = require_tensor("cov", w, name)
    if w.array.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{w.array.ndim} dimensions"
        )
    if is_integral(w) != integral:
        kind = "integral" if integral else "floating point"
        raise RuntimeError(
            f"cov(): expected {name} to have {kind} dtype but got {name} with {w.dtype.type_name} "
            "dtype"
        )
    if w.array.size != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input "
            f"but got {w.array.size} != {count}"
        )
    if count and w.array.min() < 0:
        raise RuntimeError(f"cov(): {name} cannot be negative")
    return w.reshape(count)


@export(method=True)
def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """Return the covariance matrix of variables (rows) over observations (columns).

    Args:
        input: a matrix, or a vector for one variable.
        correction: what is taken off the number of observations that sums are divided by.
        fweights: how often each observation counts, integers.
        aweights: how much each observation counts.

    Raises:
        RuntimeError: the input has more than two dimensions or is boolean, or weights do not fit.

    Example:
        >>> rushlight.cov(rushlight.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    x = require_tensor("cov", input)
    if x.array.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{x.array.ndim} dimensions"
        )
    if x.array.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = x.reshape(1, -1) if x.array.ndim < 2 else x
    if is_integral(x):
        x = cast(x, dtypes.get_default_dtype())
    count = x.array.shape[1]
    counts = _weights("fweights", fweights, count, True)
    shares = _weights("aweights", aweights, count, False)
    w = counts if shares is None else shares if counts is None else counts * shares
    return _covariance(x, w, shares, correction).squeeze()


def _covariance(x: Tensor, w: Tensor | None, shares: Tensor | None, correction: int) -> Tensor:
    """Return the matrix of covariances, the weights checked."""
    if w is None:
        total: Any = wrap(np.asarray(x.array.shape[1], np.int64))
        mean = x.sum(1, True) / total
    else:
        total = w.sum()
        if x.array.shape[1] and total.array == 0:
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        mean = (x * w).sum(1, True) / total
    if w is None or shares is None or correction == 0:
        factor = total - correction
    else:
        factor = total - correction * (w * shares).sum() / total
    if (factor.array <= 0).any():
        warnings.warn("cov(): degrees of freedom is <= 0", UserWarning, stacklevel=4)
        factor = factor.clamp_min(0)
    centred = x - mean
    weighted = centred if w is None else centred * w
    return (centred @ conjugate(cast(weighted, centred.dtype)).mT) / factor


@export(method=True)
def corrcoef(input: Tensor) -> Tensor:
    """Return the matrix of correlation coefficients of variables (rows).

    Example:
        >>> rushlight.corrcoef(rushlight.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    x = require_tensor("corrcoef", input)
    if x.array.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{x.array.ndim} dimensions"
        )
    c = cov(x)
    if not c.array.ndim:
        return c / c
    deviation = c.diagonal().sqrt()
    # Two divisions: the product of small deviations could vanish.
    y = c / deviation.unsqueeze(-1) / deviation
    return y if y.dtype.is_complex else y.clamp(-1, 1)
