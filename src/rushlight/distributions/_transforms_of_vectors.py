"""Transforms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Size, Tensor
from ..backend.dtype import finfo
from ..ops.activation import logsigmoid, softplus
from ..ops.creation import eye
from ..ops.linalg_cholesky import cholesky
from ..ops.padding import pad
from . import constraints
from ._transform import Transform, _check_enough
from ._transforms_elementwise import Parameterless, clipped_sigmoid
from .parameters import tril_matrix_to_vec, vec_to_tril_matrix


class SoftmaxTransform(Parameterless):
    """y = exp(x) / sum exp(x): vectors to the simplex, one dimension too many.

    Not bijective, since x + c gives the same y; use `StickBreakingTransform` for that. The
    inverse is log(y).

    Example:
        >>> from rushlight.distributions import SoftmaxTransform
        >>> SoftmaxTransform()(rushlight.zeros(4))
        tensor([0.2500, 0.2500, 0.2500, 0.2500])

    Reference: `torch.distributions.transforms.SoftmaxTransform`.
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        weights = (x - x.max(-1, True)[0]).exp()
        return weights / weights.sum(-1, True)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        """Return the shape, which must have a dimension."""
        _check_enough(shape, 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(Parameterless):
    """Vectors of K numbers to the simplex of K + 1, by breaking a stick again and again.

    y_i = z_i (1 - z_1) ... (1 - z_(i-1)) with z_i = sigmoid(x_i - log(K + 1 - i)), and the last
    element is what is left. Bijective; x = 0 gives equal parts.

    Example:
        >>> from rushlight.distributions import StickBreakingTransform
        >>> StickBreakingTransform()(rushlight.zeros(3))
        tensor([0.2500, 0.2500, 0.2500, 0.2500])

    Reference: `torch.distributions.transforms.StickBreakingTransform`.
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        z = clipped_sigmoid(x - _parts_left(x).log())
        left = (1 - z).cumprod(-1)
        return pad(z, [0, 1], value=1) * pad(left, [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        broken = y[..., :-1]
        # Rounding may leave less than nothing.
        left = (1 - broken.cumsum(-1)).clamp(min=finfo(y.dtype).tiny)
        return broken.log() - left.log() + _parts_left(broken).log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the sum of log(y_i (1 - z_i)) over all but the last element."""
        x = x - _parts_left(x).log()
        return (-x + logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        """Return the shape with one element more."""
        _check_enough(shape, 1)
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Any) -> Any:
        """Return the shape with one element less."""
        _check_enough(shape, 1)
        return Size((*shape[:-1], shape[-1] - 1))


def _parts_left(x: Tensor) -> Tensor:
    """Return K, K - 1, ..., 1: how many parts are left behind each break."""
    count = x.shape[-1]
    return count + 1 - x.new_ones(count).cumsum(-1)


class LowerCholeskyTransform(Parameterless):
    """Square matrices to lower triangles with a positive diagonal: y_ii = exp(x_ii).

    Example:
        >>> from rushlight.distributions import LowerCholeskyTransform
        >>> LowerCholeskyTransform()(rushlight.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])

    Reference: `torch.distributions.transforms.LowerCholeskyTransform`.
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(Parameterless):
    """Square matrices to positive definite ones: L L^T of the lower triangle.

    Example:
        >>> from rushlight.distributions import PositiveDefiniteTransform
        >>> PositiveDefiniteTransform()(rushlight.tensor([[0.0, 5.0], [2.0, 0.0]]))
        tensor([[1., 2.],
                [2., 5.]])

    Reference: `torch.distributions.transforms.PositiveDefiniteTransform`.
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(cholesky(y))


class CorrCholeskyTransform(Transform):
    """Vectors of D (D - 1) / 2 numbers to Cholesky factors of D x D correlation matrices.

    The numbers fill the lower triangle row by row; tanh makes them the partial correlations r_ij,
    and y_ij = r_ij sqrt((1 - r_i1^2) ... (1 - r_i(j-1)^2)) with r_ii = 1 has rows of length 1.

    Example:
        >>> from rushlight.distributions import CorrCholeskyTransform
        >>> CorrCholeskyTransform()(rushlight.tensor([0.5493]))
        tensor([[1.0000, 0.0000],
                [0.5000, 0.8660]])

    Reference: `torch.distributions.transforms.CorrCholeskyTransform`; Lewandowski, Kurowicka and
        Joe, Generating random correlation matrices based on vines and extended onion method
        (2009).
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        eps = finfo(x.dtype).eps
        r = vec_to_tril_matrix(x.tanh().clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - r**2).sqrt().cumprod(-1)
        r = r + eye(r.shape[-1], dtype=r.dtype, device=r.device)
        return r * _shifted(left)

    def _inverse(self, y: Tensor) -> Tensor:
        left = _shifted(1 - (y * y).cumsum(-1))
        r = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (r.log1p() - r.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the logarithm of the determinant: of tanh, and of the breaking of the rows."""
        left = 1 - (y * y).cumsum(-1)  # the same as the cumulative product of 1 - r^2
        rows = 0.5 * tril_matrix_to_vec(left, diag=-2).log().sum(-1)
        squashed = -2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)
        return rows + squashed

    def forward_shape(self, shape: Any) -> Any:
        """Return (..., D, D) for (..., D (D - 1) / 2)."""
        _check_enough(shape, 1)
        count = shape[-1]
        size = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if size * (size - 1) // 2 != count:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return Size((*shape[:-1], size, size))

    def inverse_shape(self, shape: Any) -> Any:
        """Return (..., D (D - 1) / 2) for (..., D, D)."""
        _check_enough(shape, 2)
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        size = shape[-1]
        return Size((*shape[:-2], size * (size - 1) // 2))


def _shifted(left: Tensor) -> Tensor:
    """Return what is left before each element: 1 before the first."""
    return pad(left[..., :-1], [1, 0], value=1)
