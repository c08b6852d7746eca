"""The reverse walk: from outputs to leaves, each node once, when all its gradients have come.

First the reachable part of the graph is counted (how many edges lead to each node), then nodes
run, the latest recorded first, as their counts fall to zero. Nothing recurses, so depth does not
matter; all state belongs to the call, so threads and a backward inside a backward do not meet.
"""

from __future__ import annotations

import heapq
import sys
import threading
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..backend.memory_format import has_format, in_format, is_channels_last
from ..kernels._float_errors import IGNORE, restore_errors, set_errors
from . import anomaly, interception
from .mode import GRAD, NO_GRAD, grad_mode
from .node import Edge, Node
from .view import bump


def _references(tensor: Tensor) -> int:
    return sys.getrefcount(tensor.array)


# Measured rather than written down: Python versions differ in what they count.
_REFERENCES_OF_AN_UNSHARED_ARRAY = _references(wrap(np.empty(1)))

_current: ContextVar[_Walk] = ContextVar("reverse_pass")
current_pass = _current.get  # for hooks: the reverse pass that calls them

# Two threads may finish the same leaf; NumPy lets go of the interpreter while it adds.
_accumulating = threading.Lock()


def run_backward(
    roots: Sequence[tuple[Edge, Tensor]],
    *,
    keep_graph: bool,
    create_graph: bool,
    targets: Sequence[Edge] | None = None,
    accumulate: bool = True,
) -> list[Any]:
    """Pass gradients from the roots to the leaves.

    Args:
        roots: pairs of an edge to start at and its gradient.
        keep_graph: leave saved tensors in place for another pass.
        create_graph: record the gradients' own computation.
        targets: edges to whose gradients the pass is restricted; None: every leaf.
        accumulate: add to the targets' (or leaves') `.grad`; otherwise only return.

    Returns:
        The gradients of the targets, in order (None where no path leads there).
    """
    walk = _Walk(roots, targets)
    walk.accumulates = accumulate
    token = grad_mode.set(GRAD if create_graph else NO_GRAD)
    walk_token = _current.set(walk)
    errors = set_errors(IGNORE)
    try:
        for edge, grad in roots:
            walk.send(edge, grad)
        walk.run(keep_graph)
    finally:
        restore_errors(errors)
        _current.reset(walk_token)
        grad_mode.reset(token)
    return [walk.captured.get(target) for target in targets or ()]


class _Walk:
    """The state of one reverse pass."""

    def __init__(self, roots: Iterable[tuple[Edge, Tensor]], targets: Sequence[Edge] | None):
        sources = [edge[0] for edge, _ in roots]
        self.pending = count_edges(sources)
        self.grads: dict[Any, Any] = {}
        self.captured: dict[Edge, Tensor | None] = {}
        self.targets = None if targets is None else frozenset(targets)
        self.wanted = None if targets is None else _leading_to(targets, self.pending)
        self.accumulates = True
        self.shared: set[Tensor] = set()  # leaves whose gradient so far is also held elsewhere
        self.ready: list[tuple[int, Any]] = []
        for source in dict.fromkeys(sources):
            if not self.pending[source]:
                self._enqueue(source)

    # Leaves are finished after the roots' gradients have been sent, so they wait in `ready` too:
    # a leaf sorts after every node, as sequence numbers are positive.
    def _enqueue(self, source: Any) -> None:
        if isinstance(source, Tensor):
            heapq.heappush(self.ready, (0, _LeafEntry(source)))
        else:
            heapq.heappush(self.ready, (-source.sequence, source))

    def send(self, edge: Edge, grad: Tensor, *, shared: bool = True) -> None:
        """Add a gradient to what `edge` leads to; `shared` if others may hold the same Tensor."""
        source, index = edge
        if isinstance(source, Tensor):
            have = self.grads.get(source)
            self.grads[source] = grad if have is None else _add(have, grad)
            if have is None and shared:
                self.shared.add(source)
            else:
                self.shared.discard(source)
        elif source.outputs is None:
            have = self.grads.get(source)
            self.grads[source] = grad if have is None else _add(have, grad)
        else:
            slots = self.grads.setdefault(source, [None] * len(source.outputs))
            slots[index] = grad if slots[index] is None else _add(slots[index], grad)

    def reaches(self, edge: Edge | None) -> bool:
        """Tell whether this pass brings a gradient to where `edge` leads."""
        if edge is None or edge[0] not in self.pending:
            return False
        if self.wanted is None or edge[0] in self.wanted:
            return True
        return self.targets is not None and any(edge[0] is target[0] for target in self.targets)

    def run(self, keep_graph: bool) -> None:
        """Run nodes until none is left."""
        if self.targets is None and run_walk(self, keep_graph):
            return
        ready, pending, wanted = self.ready, self.pending, self.wanted
        while ready:
            source = heapq.heappop(ready)[1]
            if type(source) is _LeafEntry:
                self._finish_leaf(source.leaf)
                continue
            grads = self._arrived(source)
            if not grads or (wanted is not None and source not in wanted):
                results: Any = ()
            else:
                results = self._run_node(source, grads)
                if not keep_graph:
                    source.release()
            for position, edge in enumerate(source.edges):
                if edge is None:
                    continue
                result = results[position] if position < len(results) else None
                if result is not None:
                    passed_on = any(result is other for other in (*grads, *results[:position]))
                    self.send(edge, result, shared=passed_on or not source.gives_away)
                target = edge[0]
                count = pending[target] = pending[target] - 1
                if not count:
                    if isinstance(target, Tensor):
                        self._finish_leaf(target)
                    else:
                        heapq.heappush(ready, (-target.sequence, target))

    def _arrived(self, node: Node) -> list[Any]:
        """Return the gradients of the node's outputs, after hooks; empty if none has come."""
        arrived = self.grads.pop(node, None)
        if arrived is None:
            return []
        grads = [arrived] if node.outputs is None else arrived
        if node.tensor_hooks is not None:
            for index, hooks in node.tensor_hooks.items():
                grads[index] = _apply_hooks(hooks, grads[index])
        if node.retained is not None:
            for index, reference in node.retained.items():
                tensor = reference()
                if tensor is not None and grads[index] is not None:
                    _accumulate(tensor, grads[index], take=False)
        if self.targets is not None:
            for index, grad in enumerate(grads):
                edge = (node, index)
                if edge in self.targets:
                    self.captured[edge] = grad
        if node.outputs is not None and node.materialize:
            like = zip(grads, node.outputs, strict=True)
            grads = [wrap(np.zeros(*made)) if g is None else g for g, made in like]
        return grads

    def _run_node(self, node: Node, grads: list[Any]) -> Any:
        if node.prehooks:
            for hook in list(node.prehooks.values()):
                replaced = hook(tuple(grads))
                if replaced is not None:
                    grads = [replaced] if isinstance(replaced, Tensor) else list(replaced)
        results = anomaly.run_node(node, grads) if anomaly.enabled else node.run(grads)
        if type(results) is not tuple:
            results = (results,) if not isinstance(results, list) else tuple(results)
        if node.hooks:
            node.gives_away = False
            for hook in list(node.hooks.values()):
                replaced = hook(results, tuple(grads))
                if replaced is not None:
                    results = (replaced,) if isinstance(replaced, Tensor) else tuple(replaced)
        return results

    def _finish_leaf(self, leaf: Tensor) -> None:
        grad = self.grads.pop(leaf, None)
        if grad is None:
            return
        if leaf._hooks is not None:
            grad = _apply_hooks(leaf._hooks.before, grad)
            self.shared.add(leaf)
        if self.targets is not None:
            if (leaf, 0) not in self.targets:
                return
            self.captured[(leaf, 0)] = grad
        if not self.accumulates:
            return
        _accumulate(leaf, grad, take=leaf not in self.shared)
        if leaf._hooks is not None:
            for hook in list(leaf._hooks.after.values()):
                hook(leaf)


def run_walk(walk: _Walk, keep_graph: bool) -> bool:
    """Run a walk without targets natively; False where it is to run here. Replaced if it can be."""
    return False


class _LeafEntry:
    """A leaf that is itself a root, waiting for its gradient among the ready nodes."""

    __slots__ = ("leaf",)

    def __init__(self, leaf: Tensor):
        self.leaf = leaf

    def __lt__(self, other: object) -> bool:
        return False


def count_edges(sources: Iterable[Any]) -> dict[Any, int]:
    """Count, for everything reachable, the edges that lead to it."""
    pending = dict.fromkeys(sources, 0)
    stack = [source for source in pending if not isinstance(source, Tensor)]
    while stack:
        for edge in stack.pop().edges:
            if edge is None:
                continue
            target = edge[0]
            if target in pending:
                pending[target] += 1
            else:
                pending[target] = 1
                if not isinstance(target, Tensor):
                    stack.append(target)
    return pending


def _leading_to(targets: Iterable[Edge], reachable: Iterable[Any]) -> set[Any]:
    """Return the nodes with a path to a target. An edge always leads to an earlier node."""
    ends = {edge[0] for edge in targets}
    leading: set[Any] = set()
    nodes = [node for node in reachable if not isinstance(node, Tensor)]
    for node in sorted(nodes, key=lambda node: node.sequence):
        for edge in node.edges:
            if edge is not None and (edge[0] in ends or edge[0] in leading):
                leading.add(node)
                break
    return leading


def _add(a: Tensor, b: Tensor) -> Tensor:
    if not a._dense:
        return b + a  # a sum of dense and sparse is written in this order
    if a.requires_grad or b.requires_grad or interception.interceptors or not b._dense:
        return a + b
    return wrap(np.asarray(a.array + b.array) if a.array.ndim == 0 else a.array + b.array)


def _apply_hooks(hooks: Any, grad: Tensor) -> Tensor:
    for hook in list(hooks.values()):
        replaced = hook(grad)
        if replaced is not None:
            grad = replaced
    return grad


def _accumulate(tensor: Tensor, grad: Tensor, *, take: bool) -> None:
    """Add to `tensor.grad`; with `take`, a first gradient may be kept without copying it."""
    with _accumulating:
        have = tensor._grad
        if not (grad._dense and tensor._dense and (have is None or have._dense)):
            tensor._grad = _with_sparse(tensor, grad)
        elif have is None:
            tensor._grad = grad if grad.requires_grad else _own(grad, tensor, take)
        elif grad.requires_grad or have.requires_grad:
            tensor._grad = have + grad
        else:
            have.array += grad.array
            bump(have)


def _with_sparse(tensor: Tensor, grad: Tensor) -> Tensor:
    """Return the gradient of a leaf after adding another, where one of the three is sparse."""
    have = tensor._grad
    grad = grad if grad.dtype is tensor.dtype else grad.to(tensor.dtype)
    if have is None:
        return grad if grad.requires_grad else grad.clone()
    if have.requires_grad or grad.requires_grad or (grad._dense and not have._dense):
        return _add(have, grad)
    return have.add_(grad)


def _own(grad: Tensor, like: Tensor, take: bool) -> Tensor:
    """Return a gradient in the leaf's dtype and format whose memory nothing else refers to."""
    array, last = grad.array, is_channels_last(like.array)
    if array.dtype != like.array.dtype:
        return wrap(in_format(array.astype(like.array.dtype), last))
    del array
    if take and _references(grad) <= _REFERENCES_OF_AN_UNSHARED_ARRAY:
        array = grad.array
        if array.base is None and has_format(array, last):
            return wrap(array)
    return wrap(in_format(grad.array, last, copy=True))
