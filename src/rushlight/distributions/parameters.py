"""What distributions do to their parameters before and while they compute with them.

PyTorch has these in `torch.distributions.utils`, which resolves to this module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from .._tensor import Tensor
from ..autograd.mode import enable_grad
from ..backend.array import array_module
from ..backend.dtype import finfo, get_default_dtype
from ..ops.creation import empty
from ..ops.from_data import tensor
from ..ops.shape import broadcast_tensors
from ..overrides import is_tensor_like

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

Number = (int, float, bool)
EULER = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Return tensors and numbers as tensors of one shape.

    Args:
        values: tensors, or numbers, which get the dtype and device of the first tensor (the
            default dtype if all are numbers).

    Returns:
        Views of the tensors, expanded.

    Raises:
        ValueError: a value is neither.

    Example:
        >>> from rushlight.distributions.parameters import broadcast_all
        >>> loc, scale = broadcast_all(rushlight.zeros(2, 1), 1.0)
        >>> scale
        tensor([[1.],
                [1.]])
    """
    if not all(is_tensor_like(v) or isinstance(v, Number) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects "
            "implementing __torch_function__."
        )
    first = next((v for v in values if isinstance(v, Tensor)), None)
    dtype = get_default_dtype() if first is None else first.dtype
    device = None if first is None else first.device
    filled = [v if is_tensor_like(v) else tensor(v, dtype=dtype, device=device) for v in values]
    return tuple(broadcast_tensors(*filled))


# --- probabilities and logits ---


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Return the probabilities that logits stand for.

    Args:
        logits: log odds if `is_binary`, else log probabilities along the last dimension, up to a
            constant.
        is_binary: whether each logit is of an event by itself.

    Example:
        >>> from rushlight.distributions.parameters import logits_to_probs
        >>> logits_to_probs(rushlight.zeros(4))
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Return probabilities kept apart from 0 and 1 by the dtype's epsilon.

    Example:
        >>> from rushlight.distributions.parameters import clamp_probs
        >>> clamp_probs(rushlight.tensor([0.0, 0.5, 1.0]))
        tensor([1.1921e-07, 5.0000e-01, 1.0000e+00])
    """
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Return the logits of probabilities: the inverse of `logits_to_probs`.

    Args:
        probs: probabilities; 0 and 1 are taken as the nearest ones with a finite logit.
        is_binary: whether each probability is of an event by itself.

    Example:
        >>> from rushlight.distributions.parameters import probs_to_logits
        >>> probs_to_logits(rushlight.tensor([0.5, 0.75]), is_binary=True)
        tensor([0.0000, 1.0986])
    """
    inside = clamp_probs(probs)
    return inside.log() - (-inside).log1p() if is_binary else inside.log()


class lazy_property:
    """A property that is computed, with gradients, when first asked for, and then kept.

    Example:
        >>> from rushlight.distributions.parameters import lazy_property
        >>> class Square:
        ...     side = 3
        ...     @lazy_property
        ...     def area(self):
        ...         print("computing")
        ...         return self.side**2
        >>> square = Square()
        >>> square.area, square.area
        computing
        (9, 9)
    """

    def __init__(self, wrapped: Callable[[Any], Any]):
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> lazy_property: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Any: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


# --- lower triangles as vectors ---


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """Return the lower triangles of square matrices as vectors, row by row.

    Args:
        mat: (..., D, D).
        diag: the diagonal that the triangle ends with, 0 for the main one.

    Raises:
        ValueError: the matrices have no such diagonal.

    Example:
        >>> from rushlight.distributions.parameters import tril_matrix_to_vec
        >>> tril_matrix_to_vec(rushlight.tensor([[1, 2], [3, 4]]))
        tensor([1, 3, 4])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[(..., *_lower_triangle(mat, n, diag))]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Return lower triangular matrices with the elements of vectors, row by row.

    Args:
        vec: (..., L).
        diag: the diagonal that the triangle ends with, 0 for the main one.

    Raises:
        ValueError: no square matrix has L elements in its triangle.

    Example:
        >>> from rushlight.distributions.parameters import vec_to_tril_matrix
        >>> vec_to_tril_matrix(rushlight.tensor([1.0, 3.0, 4.0]))
        tensor([[1., 0.],
                [3., 4.]])
    """
    length = vec.shape[-1]
    step = 1 + 2 * diag  # length = (D^2 + step D - |diag| (diag + 1)) / 2
    root = (step**2 + 8 * length + 4 * abs(diag) * (diag + 1)) ** 0.5
    exact = (root - step) / 2
    n = round(exact)
    if n - exact > finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {length} which cannot be expressed as the lower "
            "triangular part of a square D x D matrix."
        )
    mat = vec.new_zeros((*vec.shape[:-1], n, n))
    mat[(..., *_lower_triangle(vec, n, diag))] = vec
    return mat


def _lower_triangle(like: Tensor, n: int, diag: int) -> tuple[Any, Any]:
    rows, columns = array_module(like.array).tril_indices(n, diag)
    return tensor(rows, device=like.device), tensor(columns, device=like.device)


# --- for samplers and densities ---


def _standard_normal(shape: Any, dtype: Any, device: Any) -> Tensor:
    """Draw from N(0, 1)."""
    return empty(shape, dtype=dtype, device=device).normal_()


def _sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """Add up the last `dim` dimensions."""
    if dim == 0:
        return value
    return value.reshape((*value.shape[:-dim], -1)).sum(-1)
