"""What the members of a group do together. A group has one, so that results are the inputs."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from .group import ProcessGroup, member_of

Group = ProcessGroup | None


class ReduceOp(enum.Enum):
    """How values of several members become one."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7


class Work:
    """A collective under way. It has come to its end already."""

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Wait for the result, which is there."""
        return True

    def is_completed(self) -> bool:
        """Tell whether the result is there."""
        return True

    def is_success(self) -> bool:
        """Tell whether nothing failed."""
        return True


def _done(group: Group, async_op: bool) -> Work | None:
    member_of(group)
    return Work() if async_op else None


def _only_root(rank: int | None, what: str) -> None:
    if rank not in (0, None):
        raise RuntimeError(f"{what}: invalid root rank: {rank}, the one member has rank 0")


def _only_item(items: Sequence[Any] | None, what: str) -> None:
    if items is None or len(items) != 1:
        count = "no list" if items is None else len(items)
        raise RuntimeError(f"{what}: expected a list of one item, for the one member, got {count}")


def _copy(target: Tensor, source: Tensor) -> None:
    with no_grad():
        target.copy_(source.reshape(target.shape))


def all_reduce(
    tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: Group = None, async_op: bool = False
) -> Work | None:
    """Replace a tensor by the sum (or what `op` says) over all members."""
    return _done(group, async_op)


def reduce(
    tensor: Tensor, dst: int | None = None, op: ReduceOp = ReduceOp.SUM, group: Group = None,
    async_op: bool = False, group_dst: int | None = None,
) -> Work | None:  # fmt: skip
    """Replace member `dst`'s tensor by the sum (or what `op` says) over all members."""
    _only_root(dst, "reduce")
    return _done(group, async_op)


def broadcast(
    tensor: Tensor, src: int | None = None, group: Group = None, async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:  # fmt: skip
    """Replace a tensor by member `src`'s."""
    _only_root(src, "broadcast")
    return _done(group, async_op)


def barrier(group: Group = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Wait until all members are here."""
    return _done(group, async_op)


def monitored_barrier(
    group: Group = None, timeout: timedelta | None = None, wait_all_ranks: bool = False
) -> None:
    """Wait until all members are here."""
    member_of(group)


def all_gather(
    tensor_list: list[Tensor], tensor: Tensor, group: Group = None, async_op: bool = False
) -> Work | None:
    """Copy every member's tensor into a list of tensors."""
    _only_item(tensor_list, "all_gather")
    _copy(tensor_list[0], tensor)
    return _done(group, async_op)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Group = None, async_op: bool = False
) -> Work | None:
    """Copy every member's tensor into one tensor, behind one another."""
    _copy(output_tensor, input_tensor)
    return _done(group, async_op)


def gather(
    tensor: Tensor, gather_list: list[Tensor] | None = None, dst: int | None = None,
    group: Group = None, async_op: bool = False, group_dst: int | None = None,
) -> Work | None:  # fmt: skip
    """Copy every member's tensor into member `dst`'s list of tensors."""
    _only_root(dst, "gather")
    if gather_list is None:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    _only_item(gather_list, "gather")
    _copy(gather_list[0], tensor)
    return _done(group, async_op)


def scatter(
    tensor: Tensor, scatter_list: list[Tensor] | None = None, src: int | None = None,
    group: Group = None, async_op: bool = False, group_src: int | None = None,
) -> Work | None:  # fmt: skip
    """Copy to each member its item of member `src`'s list."""
    _only_root(src, "scatter")
    if scatter_list is None:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    _only_item(scatter_list, "scatter")
    _copy(tensor, scatter_list[0])
    return _done(group, async_op)


def reduce_scatter(
    output: Tensor, input_list: list[Tensor], op: ReduceOp = ReduceOp.SUM, group: Group = None,
    async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Copy to each member the sum of all members' items for it."""
    _only_item(input_list, "reduce_scatter")
    _copy(output, input_list[0])
    return _done(group, async_op)


def reduce_scatter_tensor(
    output: Tensor, input: Tensor, op: ReduceOp = ReduceOp.SUM, group: Group = None,
    async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Copy to each member the sum of all members' parts for it."""
    _copy(output, input)
    return _done(group, async_op)


def all_to_all(
    output_tensor_list: list[Tensor], input_tensor_list: list[Tensor], group: Group = None,
    async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Give each member its item of every member's list."""
    _only_item(output_tensor_list, "all_to_all")
    _only_item(input_tensor_list, "all_to_all")
    _copy(output_tensor_list[0], input_tensor_list[0])
    return _done(group, async_op)


def all_to_all_single(
    output: Tensor, input: Tensor, output_split_sizes: Any = None, input_split_sizes: Any = None,
    group: Group = None, async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Give each member its part of every member's tensor."""
    _copy(output, input)
    return _done(group, async_op)


def all_gather_object(object_list: list[Any], obj: Any, group: Group = None) -> None:
    """Put every member's object into a list."""
    member_of(group)
    _only_item(object_list, "all_gather_object")
    object_list[0] = obj


def gather_object(
    obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None,
    group: Group = None, group_dst: int | None = None,
) -> None:  # fmt: skip
    """Put every member's object into member `dst`'s list."""
    _only_root(dst, "gather_object")
    _only_item(object_gather_list, "gather_object")
    all_gather_object(object_gather_list, obj, group)  # type: ignore[arg-type]


def broadcast_object_list(
    object_list: list[Any], src: int | None = None, group: Group = None, device: Any = None,
    group_src: int | None = None,
) -> None:  # fmt: skip
    """Replace the objects in a list by member `src`'s."""
    _only_root(src, "broadcast_object_list")
    member_of(group)


def scatter_object_list(
    scatter_object_output_list: list[Any], scatter_object_input_list: list[Any] | None = None,
    src: int | None = None, group: Group = None, group_src: int | None = None,
) -> None:  # fmt: skip
    """Give each member its item of member `src`'s list."""
    _only_root(src, "scatter_object_list")
    _only_item(scatter_object_input_list, "scatter_object_list")
    member_of(group)
    scatter_object_output_list[0] = scatter_object_input_list[0]  # type: ignore[index]
