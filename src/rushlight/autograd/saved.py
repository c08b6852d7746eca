"""What a node keeps for its gradient where it does not keep the tensor itself."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor, wrap
from .._typing import Array
from .version import share_version


class SavedItem:
    """What a node keeps in place of a tensor."""

    __slots__ = ()

    def open(self, node: Any) -> Tensor:
        """Return the tensor, in its place of the graph."""
        raise NotImplementedError


class Saved(SavedItem):
    """An output of the node it is saved by: an array without its Tensor, to avoid a cycle."""

    __slots__ = ("array", "counter", "index", "version")

    def __init__(self, output: Tensor, index: int):
        self.index = index
        self.move_to(output)

    def move_to(self, output: Tensor) -> None:
        """Keep the memory of `output`, which has the same values."""
        self.array = output.array
        self.counter = share_version(output)
        self.version = self.counter.value

    def open(self, node: Any) -> Tensor:
        """Return the output; checks that nobody wrote to it since."""
        if self.counter.value != self.version:
            raise modified(node, self.array, self.counter.value, self.version)
        output = wrap(self.array)
        output._counter = self.counter
        output._requires_grad, output._node, output._index = True, node, self.index
        return output


def modified(node: Any, array: Array, now: int, then: int) -> RuntimeError:
    """Return the error for a saved tensor that has been written to since."""
    kind = f"torch.{array.dtype.name} tensor of shape {list(array.shape)}"
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [{kind}], saved for the gradient of {node.name()}, is at version {now}; "
        f"expected version {then} instead. Hint: enable anomaly detection to find the "
        "operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True)."
    )
