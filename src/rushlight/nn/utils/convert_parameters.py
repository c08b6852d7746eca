"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ..._tensor import Tensor
from ...ops.joining import cat


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all parameters, flattened, in one vector.

    Example:
        >>> model = rushlight.nn.Linear(3, 2)
        >>> rushlight.nn.utils.parameters_to_vector(model.parameters()).shape
        torch.Size([8])
    """
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Set the parameters to the elements of a vector, in order.

    Raises:
        TypeError: `vec` is no tensor.
        RuntimeError: the vector is too short.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    start = 0
    for p in parameters:
        count = p.numel()
        part = vec[start : start + count]
        if part.numel() != count:
            raise RuntimeError(
                f"vector_to_parameters: the vector has {vec.numel()} elements, more are needed"
            )
        p.data = part.view_as(p).data
        start += count
