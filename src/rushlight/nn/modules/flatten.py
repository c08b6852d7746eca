"""Joining dimensions into one, and splitting one into several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._tensor import Tensor
from .module import Module


class Flatten(Module):
    """Joins the dimensions from `start_dim` to `end_dim`; by default all but the first, the batch.

    Args:
        start_dim: the first dimension to join.
        end_dim: the last dimension to join.

    Example:
        >>> rushlight.nn.Flatten()(rushlight.zeros(8, 3, 4, 4)).shape
        torch.Size([8, 48])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with dimensions joined."""
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits a dimension into several.

    Args:
        dim: the dimension.
        unflattened_size: the sizes it is split into; one may be -1.

    Example:
        >>> rushlight.nn.Unflatten(1, (3, 4))(rushlight.zeros(8, 12)).shape
        torch.Size([8, 3, 4])
    """

    def __init__(self, dim: int | str, unflattened_size: Sequence[Any]):
        super().__init__()
        _check_sizes(dim, unflattened_size)
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with the dimension split."""
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


def _check_sizes(dim: int | str, sizes: Sequence[Any]) -> None:
    if isinstance(dim, str):
        raise TypeError("Unflatten: named dimensions are not supported, dim should be an int")
    if not isinstance(sizes, (tuple, list)):
        raise TypeError(
            f"unflattened_size must be a tuple of ints, but found type {type(sizes).__name__}"
        )
    for position, size in enumerate(sizes):
        if not isinstance(size, int):
            raise TypeError(
                "unflattened_size must be tuple of ints, but found element of type "
                f"{type(size).__name__} at pos {position}"
            )
