"""Interleaving groups of channels."""

from __future__ import annotations

from ..._tensor import Tensor
from .. import functional as F
from .module import Module


class ChannelShuffle(Module):
    """Interleaves groups of channels: (N, g c, ...) is transposed to (N, c g, ...).

    Args:
        groups: g.

    Example:
        >>> rushlight.nn.ChannelShuffle(2)(rushlight.arange(4.0).reshape(1, 4, 1)).flatten()
        tensor([0., 2., 1., 3.])

    Reference:
        Zhang et al., "ShuffleNet", 2018.
    """

    def __init__(self, groups: int):
        super().__init__()
        if not isinstance(groups, int) or groups <= 0:
            raise ValueError(
                f"ChannelShuffle: expected a positive integer for groups, got {groups}"
            )
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """Return the channels in another order."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"groups={self.groups}"
