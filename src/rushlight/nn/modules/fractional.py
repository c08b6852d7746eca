"""Fractional max-pooling as modules."""

from __future__ import annotations

from typing import Any

from ..._tensor import Tensor
from .. import functional as F
from .module import Module


class _FractionalMaxPoolNd(Module):
    spatial: int
    function: Any

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name = f"FractionalMaxPool{self.spatial}d"
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        self.kernel_size = self._each(kernel_size)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else self._each(output_size)
        self.output_ratio = None if output_ratio is None else self._each(output_ratio)
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def _each(self, value: Any) -> tuple[Any, ...]:
        return tuple(value) if isinstance(value, (tuple, list)) else (value,) * self.spatial

    def forward(self, input: Tensor) -> Any:
        """Return the maxima, and where they are if `return_indices`."""
        return type(self).function(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maxima over windows of images at random, roughly even distances.

    Args:
        kernel_size: size of the window.
        output_size: how many windows there are in each direction.
        output_ratio: that number as a fraction of the input's size.
        return_indices: also return where the maxima are, for `MaxUnpool2d`.

    Example:
        >>> pool = rushlight.nn.FractionalMaxPool2d(3, output_size=(13, 12))
        >>> pool(rushlight.zeros(1, 2, 50, 32)).shape
        torch.Size([1, 2, 13, 12])
    """

    spatial = 2
    function = staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Maxima over windows of volumes; the arguments are those of `FractionalMaxPool2d`."""

    spatial = 3
    function = staticmethod(F.fractional_max_pool3d)
