"""The one door through which every in-place operation writes.

A recorded write puts one node on the *base* (`Overwrite`): the gradient of the old base is that
of the new one with the written window zeroed, the gradient of the value is the window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._deferred import settle
from .._tensor import Tensor, waiting, wrap
from .._typing import Array
from ..backend import dtype as dtypes
from ..backend.array import array_module, each_once
from .mode import GRAD, INFERENCE, read_mode
from .node import Node, Op, edge_to, next_sequence
from .version import INFERENCE_VERSION, View, share_version


def write_(
    dst: Tensor,
    value: Any,
    *,
    store: Callable[[Array], object] | None = None,
    uniform: bool = False,
) -> Tensor:
    """Write `value` into `dst`'s memory and return `dst`.

    Args:
        dst: the tensor that is written to.
        value: a Tensor of dst's shape (of its dtype too if it carries a gradient), an array or a
            number.
        store: writes the values itself, given dst's array (an operator's `out=` form); `value` is
            then only looked at for its history.
        uniform: every element gets the same value, so that an expanded `dst`, of which several
            elements share memory, may be written to.

    Raises:
        RuntimeError: dst is a leaf that requires grad, a view that may not be written to, overlaps
            itself, or cannot hold the value's dtype.
    """
    history = value if isinstance(value, Tensor) else None
    recorded = _wants_grad(dst, history) and read_mode() == GRAD
    if recorded:
        check_recordable(dst)
    if waiting:
        settle(dst.array)
    target = dst.array
    if uniform and dst._view is not None:
        target = each_once(target, dst._view.base.array)
    check_memory(dst, target)
    if store is not None:
        store(target)
    else:
        array = value if history is None else history.array
        _check_cast(dst, array)
        target[...] = array
    if dst._counter is not INFERENCE_VERSION:
        share_version(dst).value += 1
    if recorded:
        record(dst, history)
    return dst


def _wants_grad(dst: Tensor, history: Tensor | None) -> bool:
    # Both are asked: the question brings the place of a stale view up to date.
    from_value = history is not None and history.requires_grad
    return (
        dst.requires_grad or from_value or (dst._view is not None and dst._view.base._requires_grad)
    )


def bump(tensor: Tensor) -> None:
    """Note that something outside the graph (a fused kernel) wrote to the memory."""
    if tensor._counter is not INFERENCE_VERSION:
        share_version(tensor).value += 1


def snapshot(tensor: Tensor) -> Tensor:
    """Return what an in-place operator computes from: a copy in the same place of the graph.

    Operators save their inputs: if `x.mul_(y)` saved x itself, its own write would spoil it.
    Where nothing is recorded the tensor itself will do.
    """
    if read_mode() != GRAD:
        return tensor
    copy = wrap(tensor.array.copy())
    copy._requires_grad = tensor.requires_grad
    copy._node, copy._index = tensor._node, tensor._index
    return copy


class ZeroWindow(Op):
    """y = x with the window of a view zeroed.  dL/dx = g with the same window zeroed."""

    def forward(ctx, x: Array, *, written: View) -> Array:
        # In the base's memory order: in another, `view` operators might have to copy.
        y = array_module(x).empty_like(written.base.array, dtype=x.dtype)
        y[...] = x
        each_once(written.window(wrap(y)).array, y)[...] = 0
        ctx.written = written
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        return ZeroWindow.apply(g, written=ctx.written)


class ZerosLike(Op):
    """y = zeros of x's shape, also where x is infinite.  dL/dx = 0."""

    def forward(ctx, x: Array) -> Array:
        return array_module(x).zeros_like(x)

    def backward(ctx, g: Tensor) -> Tensor:
        return ZerosLike.apply(g)


class Overwrite(Node):
    """base <- base with a window replaced by a value."""

    written: View | None

    def name(self) -> str:
        """Return torch's name of this node."""
        return "CopyBackwards" if self.written is None else "CopySlices"

    def backward(self, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        of_base, of_value = self.edges
        written = self.written
        if written is None:
            return ZerosLike.apply(g) if of_base else None, g if of_value else None
        return (
            ZeroWindow.apply(g, written=written) if of_base else None,
            written.window(g) if of_value else None,
        )


def record(dst: Tensor, history: Tensor | None) -> None:
    """Give the base of `dst` its new place in the graph."""
    view = dst._view
    if view is None and history is not None and history._node is not None:
        _move_to(dst, history._node, history._index)
        return
    base = dst if view is None else view.base
    node = Overwrite()
    node.written = view
    node.edges = (edge_to(base), edge_to(history))
    node.sequence = next_sequence()
    _move_to(base, node, 0)


def _move_to(tensor: Tensor, node: Node, index: int) -> None:
    """Make `tensor` output `index` of `node`; a gradient that it keeps is kept there."""
    before = tensor._node
    if before is not None and before.retained is not None:
        kept = before.retained.pop(tensor._index, None)
        if kept is not None:
            node.retained = {**(node.retained or {}), index: kept}
    tensor._requires_grad, tensor._node, tensor._index = True, node, index


def check_recordable(dst: Tensor) -> None:
    """Refuse a write that cannot be recorded."""
    if dst._node is None and dst._requires_grad:
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation."
        )
    view = dst._view
    if view is None:
        return
    if view.base._node is None and view.base._requires_grad:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation."
        )
    if view.index is not None:
        raise RuntimeError(
            f"Output {view.index} of {view.op.__name__}Backward0 is a view and is being modified "
            "inplace. This view is the output of a function that returns multiple views. Such "
            "functions do not allow the output views to be modified inplace. You should replace "
            "the inplace operation by an out-of-place one."
        )
    if view.made_in != GRAD:
        raise RuntimeError(
            "A view was created in no_grad mode and is being modified inplace with grad mode "
            "enabled. Given that this use case is ambiguous and error-prone, it is forbidden. You "
            "can clarify your code by moving both the view and the inplace either both inside the "
            "no_grad block (if you don't want the inplace to be tracked) or both outside (if you "
            "want the inplace to be tracked)."
        )


def check_memory(dst: Tensor, target: Array) -> None:
    """Refuse to write to an array that an inference tensor has, or whose elements overlap."""
    if dst._counter is INFERENCE_VERSION and read_mode() != INFERENCE:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed. You can "
            "make a clone to get a normal tensor before doing inplace update."
        )
    flags = getattr(target, "flags", None)
    if flags is not None and not getattr(flags, "writeable", True):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )


def _check_cast(dst: Tensor, value: Any) -> None:
    """Refuse what loses the kind of a number: writing a float into an integer tensor."""
    if not hasattr(value, "dtype") or value.dtype == dst.array.dtype:
        return
    have, want = dtypes.from_numpy(value.dtype), dst.dtype
    if not dtypes.can_cast(have, want):
        raise RuntimeError(
            f"result type {have.type_name} can't be cast to the desired output type "
            f"{want.type_name}"
        )
