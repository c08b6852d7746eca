"""How a tensor gets to another process: its memory's descriptor, and its place in that memory."""

from __future__ import annotations

from multiprocessing.reduction import DupFd, ForkingPickler
from typing import Any

from .._tensor import Tensor, wrap_as
from ..backend.dtype import dtype
from ..backend.shared_memory import map_of, open_map
from ..backend.storage import UntypedStorage, layout_of
from ..nn.parameter import Buffer, Parameter


def init_reductions() -> None:
    """Teach `multiprocessing` to send tensors, and modules with them, by shared memory."""
    for cls in (Tensor, Parameter, Buffer):
        ForkingPickler.register(cls, reduce_tensor)


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
