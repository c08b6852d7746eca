"""What the normalisations with a learned scale share."""

from __future__ import annotations

from typing import Any

from ..._tensor import Tensor
from ...ops.creation import empty
from .. import init
from ..parameter import Parameter
from .module import Module


class AffineNorm(Module):
    """A normalisation followed by y = weight x + bias, both of them optional."""

    weight: Tensor | None
    bias: Tensor | None

    def _make_affine(self, shape: Any, affine: bool, bias: bool, device: Any, dtype: Any) -> None:
        """Register weight and bias of this shape, or None in the place of what is not wanted."""
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            values = empty(shape, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, None if values is None else Parameter(values))

    def reset_parameters(self) -> None:
        """Set weight to 1 and bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)
