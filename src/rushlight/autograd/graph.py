"""The recorded graph as a program sees it: nodes, edges, and hooks on what nodes save."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from .._tensor import Tensor, wrap
from .._typing import Array
from .hooks import RemovableHandle
from .mode import no_grad, saved_hooks
from .node import AccumulateGrad, Edge, Node, edge_to, next_sequence
from .saved import Saved, SavedItem
from .version import share_version

__all__ = [
    "GradientEdge",
    "Node",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class GradientEdge(NamedTuple):
    """A place in the graph: output `output_nr` of `node`. `autograd.grad` takes it for a tensor."""

    node: Node
    output_nr: int
    ownership_token: Any = None

    @property
    def requires_grad(self) -> bool:
        """True: the place is part of a graph."""
        return True


def get_gradient_edge(tensor: Tensor | GradientEdge) -> GradientEdge:
    """Return the place in the graph that the gradient of `tensor` arrives at.

    Raises:
        RuntimeError: the tensor does not require grad.

    Example:
        >>> x = rushlight.ones(2, requires_grad=True)
        >>> rushlight.autograd.graph.get_gradient_edge(x.exp()).node.name()
        'ExpBackward0'
    """
    if isinstance(tensor, GradientEdge):
        return tensor
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    node = AccumulateGrad(tensor) if tensor._node is None else tensor._node
    return GradientEdge(node, tensor._index)


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Note that something autograd cannot see has written to the memory of `tensor`."""
    for written in (tensor,) if isinstance(tensor, Tensor) else tensor:
        share_version(written).value += 1


# --- hooks on saved tensors --------------------------------------------------------------------


class saved_tensors_hooks:
    """Within the context, keep `pack_hook(tensor)` for each tensor that is saved for a gradient.

    What it returned is handed to `unpack_hook` when the gradient asks for the tensor, which must
    come back with the same contents.

    Args:
        pack_hook: from a tensor to any object; called at once for each saved tensor.
        unpack_hook: from that object to a tensor.

    Example:
        >>> packed = []
        >>> def pack(x):
        ...     packed.append(x)
        ...     return len(packed) - 1
        >>> x = rushlight.tensor(3.0, requires_grad=True)
        >>> with rushlight.autograd.graph.saved_tensors_hooks(pack, packed.__getitem__):
        ...     y = x.exp()
        >>> packed
        [tensor(20.0855)]
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        stack = saved_hooks.get()
        if stack and isinstance(stack[-1], str):
            raise RuntimeError(stack[-1])
        saved_hooks.set((*stack, self))

    def __exit__(self, *exc: object) -> None:
        saved_hooks.set(saved_hooks.get()[:-1])

    def keep(self, item: Any, node: Node) -> Any:
        """Return what `node` keeps instead of `item`; what is no tensor stays as it is."""
        if isinstance(item, Tensor):
            return Packed(self, item.array, edge_to(item))
        if isinstance(item, Saved):
            return Packed(self, item.array, (None, item.index))
        if isinstance(item, SavedItem) or not hasattr(item, "__array_priority__"):
            return item
        return Packed(self, item, None)


class Packed(SavedItem):
    """A saved tensor in the keeping of a pair of hooks."""

    __slots__ = ("edge", "packed", "unpack")

    def __init__(self, hooks: saved_tensors_hooks, array: Array, edge: Edge | None):
        self.edge = edge  # of an output of the node itself: (None, index), to avoid a cycle
        self.unpack = hooks.unpack_hook
        tensor = wrap(array)
        with no_grad():
            self.packed = hooks.pack_hook(tensor)
        if tensor._version:
            raise RuntimeError(
                "A saved tensor pack hook is modifying its input in place. Tensors provided as "
                "input to pack hook can not be modified by in-place operations as this can lead to "
                "unexpected side-effects. Please open an issue if you need to perform in-place "
                "operations on the input to a pack hook."
            )

    def open(self, node: Node) -> Tensor:
        """Return the tensor, in its place of the graph."""
        tensor = self.unpack(self.packed)
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got result of "
                f"type {type(tensor).__name__}"
            )
        if self.edge is None:
            return tensor
        placed = wrap(tensor.array)
        source, index = self.edge
        if source is None:
            source = node
        elif isinstance(source, Tensor):
            source, index = _Alias(self.edge), 0
        placed._requires_grad, placed._node, placed._index = True, source, index
        return placed


class _Alias(Node):
    """Stands between an unpacked copy of a leaf and the leaf."""

    label = "Alias"

    def __init__(self, edge: Edge):
        self.edges = (edge,)
        self.sequence = next_sequence()

    def backward(self, g: Tensor) -> Tensor:
        return g


class save_on_cpu(saved_tensors_hooks):
    """Within the context, keep saved tensors in main memory and bring them back when needed.

    Args:
        pin_memory: copy into page-locked memory, from where a GPU reads faster.
        device_type: the device whose memory is short.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        def pack(tensor: Tensor) -> tuple[Any, Tensor]:
            copy = tensor.cpu() if not tensor.is_cpu else tensor.clone()
            return tensor.device, copy.pin_memory() if pin_memory else copy

        def unpack(packed: tuple[Any, Tensor]) -> Tensor:
            device, copy = packed
            return copy.to(device, non_blocking=pin_memory)

        super().__init__(pack, unpack)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Within the context, entering `saved_tensors_hooks` raises RuntimeError(error_message)."""
    token = saved_hooks.set((*saved_hooks.get(), error_message))
    try:
        yield
    finally:
        saved_hooks.reset(token)


# --- hooks on several gradients ----------------------------------------------------------------


def register_multi_grad_hook(
    tensors: Sequence[Tensor],
    fn: Callable[[Any], None],
    *,
    mode: Literal["all", "any"] = "all",
) -> RemovableHandle | _Handles:
    """Call `fn` once in each backward() when the gradients of several tensors are known.

    Args:
        tensors: the tensors; each must require grad.
        fn: with mode "all", called with the list of gradients (None where a tensor got none in
            this pass) once all that will come have; with "any", with the first gradient.
        mode: "all" or "any".

    Returns:
        A handle whose `remove()` takes the hooks away.

    Example:
        >>> a, b = (rushlight.ones(1, requires_grad=True) for _ in range(2))
        >>> hook = lambda grads: print([g.item() for g in grads])
        >>> handle = rushlight.autograd.graph.register_multi_grad_hook((a, b), hook)
        >>> (a * 2 + b * 3).backward()
        [2.0, 3.0]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    arrivals = _Arrivals(tensors, fn, needed=len(tensors) if mode == "all" else 1, mode=mode)
    return _Handles([t.register_hook(arrivals.hook(i)) for i, t in enumerate(tensors)])


class _Handles:
    """The handles of several hooks, removed together."""

    def __init__(self, handles: Sequence[RemovableHandle]):
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Unregister all the hooks."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class _Arrivals:
    """Collects gradients, one pass at a time."""

    def __init__(self, tensors: Sequence[Tensor], fn: Any, needed: int, mode: str):
        self.tensors, self.fn, self.needed, self.mode = tensors, fn, needed, mode
        self.lock = threading.Lock()
        self.passes: dict[int, tuple[int, list[Any], int]] = {}

    def hook(self, position: int) -> Callable[[Tensor], None]:
        """Return the hook of the tensor at `position`."""
        return lambda grad: self._arrived(position, grad)

    def _arrived(self, position: int, grad: Tensor) -> None:
        from .engine import current_pass

        walk = current_pass()
        with self.lock:
            count, grads, expected = self.passes.get(id(walk), (0, [None] * len(self.tensors), 0))
            if not count:
                # How many will come depends on the part of the graph that this pass walks.
                expected = sum(walk.reaches(edge_to(t)) for t in self.tensors)
            grads[position] = grad
            count += 1
            done = count == (1 if self.mode == "any" else expected)
            if count >= expected:
                self.passes.pop(id(walk), None)
            else:
                self.passes[id(walk)] = (count, grads, expected)
        if done:
            self.fn(grad if self.mode == "any" else grads)
