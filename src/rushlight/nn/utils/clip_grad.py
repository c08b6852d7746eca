"""Limiting gradients before an optimizer's step."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..._tensor import Tensor, wrap
from ..._typing import Array
from ...autograd.mode import no_grad


def _gradients(parameters: Tensor | Iterable[Tensor], caller: str) -> list[Tensor]:
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    else:
        parameters = list(parameters)
        if not parameters:
            warnings.warn(
                f"`parameters` is an empty generator, no gradient clipping will occur. ({caller})",
                stacklevel=4,
            )
    return [p.grad for p in parameters if p.grad is not None]


def _norm(array: Any, norm_type: float) -> float:
    """Return the p-norm of all elements, added up in double precision."""
    flat = array.reshape(-1)
    if math.isinf(norm_type):
        size = np.abs(flat)
        return float(size.max() if norm_type > 0 else size.min()) if flat.size else 0.0
    if norm_type == 2 and flat.dtype.kind == "f":
        wide = flat if flat.itemsize >= 4 else flat.astype(np.float32)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            square = float(np.dot(wide, wide))
        # A square beyond the type's range says nothing about the norm.
        if 1e-30 < square < 1e30:
            return math.sqrt(square)
    return float(np.linalg.norm(flat.astype(np.result_type(np.float64, flat.dtype)), norm_type))


def _stored(tensor: Tensor) -> Array:
    """Return the elements; of a sparse tensor those that are not zero."""
    if tensor._dense:
        return tensor.array
    return tensor.coalesce()._values().array if tensor.is_sparse else tensor._values().array


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of all tensors as if their elements stood in one vector.

    Args:
        tensors: the tensors.
        norm_type: the p of the norm; may be inf.
        error_if_nonfinite: raise if the norm is inf or NaN.
        foreach: accepted for compatibility.

    Raises:
        RuntimeError: the norm is not finite, and `error_if_nonfinite`.

    Example:
        >>> rushlight.nn.utils.get_total_norm([rushlight.tensor([3.0]), rushlight.tensor([4.0])])
        tensor(5.)
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not tensors:
        return wrap(np.zeros((), np.float32))
    norm_type = float(norm_type)
    norms = np.array([_norm(_stored(t), norm_type) for t in tensors])
    total = _norm(norms, norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return wrap(np.array(total, _stored(tensors[0]).real.dtype))


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale the gradients in place by max_norm / total_norm where that is less than 1.

    Args:
        parameters: the parameters whose gradients are scaled.
        max_norm: the largest norm allowed.
        total_norm: the norm the gradients have, from `get_total_norm`.
        foreach: accepted for compatibility.
    """
    grads = _gradients(parameters, "clip_grads_with_norm_")
    factor = min(float(max_norm) / (float(total_norm) + 1e-6), 1.0)
    if factor == 1.0:
        return
    with no_grad():
        for grad in grads:
            grad.mul_(factor)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients in place so that the norm of all of them is at most `max_norm`.

    Args:
        parameters: the parameters whose gradients are scaled.
        max_norm: the largest norm allowed.
        norm_type: the p of the norm; may be inf.
        error_if_nonfinite: raise if the norm is inf or NaN.
        foreach: accepted for compatibility.

    Returns:
        The norm before scaling.

    Example:
        >>> p = rushlight.nn.Parameter(rushlight.zeros(2))
        >>> p.grad = rushlight.tensor([3.0, 4.0])
        >>> rushlight.nn.utils.clip_grad_norm_([p], max_norm=1.0), p.grad
        (tensor(5.), tensor([0.6000, 0.8000]))

    Reference:
        Pascanu et al., "On the difficulty of training recurrent neural networks", 2013.
    """
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    grads = _gradients(parameters, "clip_grad_norm_")
    total = get_total_norm(grads, norm_type, error_if_nonfinite, foreach)
    if grads:
        clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients in place; the deprecated name of `clip_grad_norm_`."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Limit each element of the gradients to [-clip_value, clip_value], in place.

    Args:
        parameters: the parameters whose gradients are limited.
        clip_value: the limit.
        foreach: accepted for compatibility.
    """
    clip_value = float(clip_value)
    with no_grad():
        for grad in _gradients(parameters, "clip_grad_value_"):
            grad.clamp_(-clip_value, clip_value)
