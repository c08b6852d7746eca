"""How a tensor gets to another process: its memory's descriptor, and its place in that memory."""

from __future__ import annotations

import threading
import time
from multiprocessing import parent_process, resource_sharer, util
from multiprocessing.reduction import DupFd, ForkingPickler
from typing import Any

from .._tensor import Tensor, wrap_as
from ..backend.dtype import dtype
from ..backend.shared_memory import map_of, open_map
from ..backend.storage import UntypedStorage, layout_of
from ..nn.parameter import Buffer, Parameter

# For how many seconds a process waits at its end for tensors it has sent to be fetched.
_PATIENCE = 5.0


def init_reductions() -> None:
    """Teach `multiprocessing` to send tensors, and modules with them, by shared memory."""
    for cls in (Tensor, Parameter, Buffer):
        ForkingPickler.register(cls, reduce_tensor)
    _wait_at_the_end()
    # A forked process forgets what it should do at its end.
    util.register_after_fork(_until_fetched, _wait_at_the_end)


def reduce_tensor(tensor: Tensor) -> tuple[Any, ...]:
    """Return what the other process rebuilds the tensor from; its memory becomes shared.

    Raises:
        RuntimeError: the tensor has a history, which cannot follow it.
    """
    if tensor._node is not None or not tensor.is_cpu:
        return tensor.__reduce_ex__(2)
    tensor.share_memory_()
    memory, layout = map_of(tensor.array), layout_of(tensor.array)
    assert memory is not None
    assert layout is not None
    return rebuild_tensor, (
        type(tensor), DupFd(memory.fd), len(memory), tensor.dtype, layout.offset, layout.size,
        layout.stride, tensor._requires_grad, tensor.__dict__,
    )  # fmt: skip


def rebuild_tensor(
    cls: type[Tensor], descriptor: Any, nbytes: int, kind: dtype, offset: int,
    size: tuple[int, ...], stride: tuple[int, ...], requires_grad: bool, extra: dict[str, Any],
) -> Tensor:  # fmt: skip
    """Return the tensor that another process has sent, in the same memory."""
    memory = open_map(descriptor.detach(), nbytes)
    storage = UntypedStorage.from_buffer(memory)
    tensor = wrap_as(cls, storage.as_array(kind, offset, size, stride))
    tensor._requires_grad = requires_grad
    tensor.__dict__.update(extra)
    return tensor


def _wait_at_the_end(_: Any = None) -> None:
    """Let a worker that puts its last tensor into a queue live until the tensor is fetched.

    The receiver asks this process for the memory's descriptor when it unpickles the tensor.
    """
    # After the queues have been told to end (10), before the sockets that are asked go away (0).
    util.Finalize(None, _until_fetched, exitpriority=5)


def _until_fetched() -> None:
    end, parent = time.monotonic() + _PATIENCE, parent_process()
    if parent is None:
        return  # the first process
    for thread in threading.enumerate():
        if thread.name == "QueueFeederThread":  # still pickling, perhaps
            thread.join(max(0.0, end - time.monotonic()))
    # What is offered and not yet asked for; CPython has no public name for it.
    offered = getattr(resource_sharer._resource_sharer, "_cache", ())  # type: ignore[attr-defined]
    while offered and time.monotonic() < end and parent.is_alive():
        time.sleep(0.002)
