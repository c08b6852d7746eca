"""A module whose gradients are the mean over the members of a group."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..nn.modules import Module
from .group import ProcessGroup, member_of


class DistributedDataParallel(Module):
    """Calls `module`; the keys of its state begin with `module.`, as they do in torch.

    Args:
        module: what to call.
        device_ids: accepted for torch's sake, as are the options that follow.
        output_device: see `device_ids`.
        dim: see `device_ids`.
        broadcast_buffers: see `device_ids`.
        init_sync: see `device_ids`.
        process_group: the group (default: the one of `init_process_group`).
        find_unused_parameters: see `device_ids`.
        static_graph: see `device_ids`.
        **options: see `device_ids`.

    Raises:
        ValueError: `init_process_group` has not run.
        RuntimeError: no parameter requires a gradient.

    Example:
        >>> rushlight.distributed.init_process_group("gloo", rank=0, world_size=1)
        >>> model = rushlight.nn.parallel.DistributedDataParallel(rushlight.nn.Linear(3, 2))
        >>> list(model.state_dict())
        ['module.weight', 'module.bias']
        >>> rushlight.distributed.destroy_process_group()
    """

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        init_sync: bool = True,
        process_group: ProcessGroup | None = None,
        find_unused_parameters: bool = False,
        static_graph: bool = False,
        **options: Any,
    ):
        super().__init__()
        self.process_group = member_of(process_group)
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter "
                "that requires a gradient."
            )
        self.module = module
        self.device_ids, self.output_device, self.dim = device_ids, output_device, dim
        self.broadcast_buffers, self.static_graph = broadcast_buffers, static_graph
        self.find_unused_parameters = find_unused_parameters
        self.require_backward_grad_sync = True

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module."""
        return self.module(*inputs, **kwargs)

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Let gradients add up in this process only, over several backward passes."""
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    @contextlib.contextmanager
    def join(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        """Let members have different numbers of batches."""
        yield
