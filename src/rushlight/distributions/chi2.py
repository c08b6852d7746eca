"""Chi-squared distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from . import constraints
from .gamma import Gamma

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The distribution of the sum of `df` squares of standard normal numbers: Gamma(df/2, 1/2).

    Args:
        df: the degrees of freedom.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import Chi2
        >>> Chi2(4.0).mean
        tensor(4.)

    Reference: `torch.distributions.Chi2`.
    """

    arg_constraints = {"df": constraints.positive}
    _parameters = Gamma._parameters

    def __init__(self, df: Any, validate_args: bool | None = None):
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return self.concentration * 2
