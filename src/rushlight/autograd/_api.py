"""What a program calls: backward, grad, and the autograd methods of Tensor."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor, install, method, wrap, wrap_as
from ..backend.array import array_module
from .engine import run_backward
from .hooks import LeafHooks, RemovableHandle, add_hook
from .mode import is_grad_enabled, is_inference_mode_enabled
from .node import AccumulateGrad, Edge, edge_to
from .version import INFERENCE_VERSION, share_version

TensorOrTensors = Tensor | Sequence[Tensor]


def _as_tuple(tensors: Any) -> tuple[Any, ...]:
    if tensors is None:
        return ()
    # A GradientEdge is a tuple, but stands for one tensor.
    single = isinstance(tensors, Tensor) or hasattr(tensors, "output_nr")
    return (tensors,) if single else tuple(tensors)


def _edge(place: Any) -> Edge | None:
    """Return the edge to a tensor or GradientEdge; None if it does not require grad."""
    if isinstance(place, Tensor):
        return edge_to(place) if place.requires_grad else None
    if isinstance(place.node, AccumulateGrad):
        return place.node.variable, 0
    return place.node, place.output_nr


def _implicit_gradient(output: Any) -> Tensor:
    if not isinstance(output, Tensor):
        raise RuntimeError("an edge of the graph needs its gradient: pass it as grad_outputs")
    if output.shape.numel() != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if not output.dtype.is_floating_point:
        raise RuntimeError(
            f"grad can be implicitly created only for real scalar outputs but got {output.dtype}"
        )
    return wrap(np.ones_like(output.array))


def _roots(outputs: tuple[Tensor, ...], grads: tuple[Any, ...]) -> list[tuple[Edge, Tensor]]:
    if grads and len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    roots = []
    for position, output in enumerate(outputs):
        grad = grads[position] if grads else None
        edge = _edge(output)
        if edge is None:
            raise RuntimeError(
                f"element {position} of tensors does not require grad and does not have a grad_fn"
            )
        if grad is None:
            grad = _implicit_gradient(output)
        elif isinstance(grad, Tensor) and not isinstance(output, Tensor):
            pass  # an edge does not tell its shape
        elif not isinstance(grad, Tensor):
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(grad).__name__}"
            )
        elif grad.shape != output.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{position}] has a shape of {grad.shape} and "
                f"output[{position}] has a shape of {output.shape}."
            )
        roots.append((edge, grad))
    return roots


def backward(
    tensors: TensorOrTensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradient of `tensors` with respect to the graph's leaves to their `.grad`.

    Args:
        tensors: where to start; scalars unless `grad_tensors` is given.
        grad_tensors: the gradient at each of `tensors`.
        retain_graph: keep saved tensors for another pass (default: the value of `create_graph`).
        create_graph: record the gradients' own computation, for second order.
        grad_variables: the former name of `grad_tensors`.
        inputs: accumulate into these tensors only.

    Raises:
        RuntimeError: a tensor has no graph, is no scalar, or its graph was freed.

    Example:
        >>> x = rushlight.tensor(3.0, requires_grad=True)
        >>> rushlight.autograd.backward(x * x)
        >>> x.grad
        tensor(6.)
    """
    targets: list[Any] | None = None
    if inputs is not None:
        targets = [_edge(x) for x in _as_tuple(inputs)]
        if not targets:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        for position, edge in enumerate(targets):
            if edge is None:
                raise RuntimeError(
                    f"One of the differentiated Tensors (input {position}) does not require grad"
                )
    if grad_tensors is None:
        grad_tensors = grad_variables
    roots = _roots(_as_tuple(tensors), _as_tuple(grad_tensors))
    found = run_backward(
        roots,
        keep_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
        targets=targets,
    )
    for x, grad in zip(_as_tuple(inputs), found, strict=True):
        if isinstance(x, Tensor) and x._node is not None and grad is not None:
            x._grad = grad if x._grad is None else x._grad + grad


def grad(
    outputs: TensorOrTensors,
    inputs: TensorOrTensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """Return the gradients of `outputs` with respect to `inputs`; no `.grad` is touched.

    Args:
        outputs: the differentiated tensors.
        inputs: with respect to which tensors.
        grad_outputs: the gradient at each output (default: 1 for scalars).
        retain_graph: keep saved tensors for another pass (default: the value of `create_graph`).
        create_graph: record the gradients' own computation, for second order.
        only_inputs: accepted; no other gradient is ever accumulated.
        allow_unused: return None for an input that no output depends on, instead of raising.
        is_grads_batched: `grad_outputs` carry a leading batch dimension; one pass for each entry.
        materialize_grads: return zeros instead of None for unused inputs.

    Raises:
        RuntimeError: an input is unused and `allow_unused` is not set.

    Example:
        >>> x = rushlight.tensor(3.0, requires_grad=True)
        >>> rushlight.autograd.grad(x**3, x)
        (tensor(27.),)
    """
    sources, wanted = _as_tuple(outputs), _as_tuple(inputs)
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True"
        )
    targets = []
    for x in wanted:
        edge = _edge(x)
        if edge is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        targets.append(edge)
    options: dict[str, Any] = {
        "create_graph": create_graph, "targets": targets, "accumulate": False,
    }  # fmt: skip
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        found = _batched_grad(sources, grad_outputs, keep, options)
    else:
        roots = _roots(sources, _as_tuple(grad_outputs))
        found = run_backward(roots, keep_graph=keep, **options)
    if materialize_grads:
        return tuple(
            [
                wrap(np.zeros_like(x.array)).requires_grad_(create_graph) if g is None else g
                for x, g in zip(wanted, found, strict=True)
            ]
        )
    unused = None if allow_unused else next((i for i, g in enumerate(found) if g is None), None)
    if unused is not None:
        raise RuntimeError(
            f"The differentiated Tensor at index {unused} appears to not have been used in the "
            "graph. Set allow_unused=True if this is the desired behavior."
        )
    return tuple(found)


def _batched_grad(sources: Any, grad_outputs: Any, keep: bool, options: Any) -> list[Any]:
    batches = _as_tuple(grad_outputs)
    count = len(batches[0])
    rows = []
    for i in range(count):
        roots = _roots(sources, tuple(g[i] for g in batches))
        rows.append(run_backward(roots, keep_graph=keep or i + 1 < count, **options))
    return [_stacked(column) for column in zip(*rows, strict=True)]


def _stacked(gradients: Sequence[Tensor | None]) -> Tensor | None:
    first = gradients[0]
    if first is None:
        return None
    shape = (len(gradients), *first.array.shape)
    stacked = wrap(array_module(first.array).empty(shape, first.array.dtype))
    for i, gradient in enumerate(gradients):
        stacked[i] = gradient
    return stacked


# --- methods of Tensor -------------------------------------------------------------------------

_module_backward = backward


def _tensor_backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of this tensor with respect to the graph's leaves to their `.grad`.

    Example:
        >>> x = rushlight.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """
    _module_backward(self, gradient, retain_graph, create_graph, inputs=inputs)


install(backward=_tensor_backward)


@method
def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Set `requires_grad` in place; return the tensor."""
    self.requires_grad = requires_grad
    return self


@method
def detach(self: Tensor) -> Tensor:
    """Return a tensor that shares memory and version but is outside the graph."""
    alias = wrap(self.array)
    alias._counter = share_version(self)
    return alias


@method
def as_subclass(self: Tensor, cls: type[Tensor]) -> Tensor:
    """Return this tensor as an instance of a subclass: same memory, same place in the graph.

    Raises:
        TypeError: `cls` is no subclass of Tensor.
    """
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError("cls must be a type that inherits from Tensor")
    if self.requires_grad and self._node is None and is_grad_enabled():
        self = self.view_as(self)  # the gradient has to find its way to this leaf
    twin = wrap_as(cls, self.array)
    twin._counter, twin._view = share_version(self), self._view
    twin._requires_grad, twin._node, twin._index = self._requires_grad, self._node, self._index
    return twin


@method
def detach_(self: Tensor) -> Tensor:
    """Take this tensor out of the graph; it becomes a leaf.

    Raises:
        RuntimeError: the tensor is a view.
    """
    if self._view is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    self._requires_grad, self._node, self._index = False, None, 0
    return self


@method
def register_hook(self: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """Call `hook(grad)` when this tensor's gradient is known; a returned tensor replaces it.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    node = self._node
    if node is None:
        if self._hooks is None:
            self._hooks = LeafHooks()
        return add_hook(self._hooks.before, hook)
    if node.tensor_hooks is None:
        node.tensor_hooks = {}
    return add_hook(node.tensor_hooks.setdefault(self._index, OrderedDict()), hook)


@method
def register_post_accumulate_grad_hook(
    self: Tensor, hook: Callable[[Tensor], None]
) -> RemovableHandle:
    """Call `hook(tensor)` each time backward() has added to this leaf's `.grad`.

    Raises:
        RuntimeError: the tensor does not require grad, or is no leaf.
    """
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self._node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if self._hooks is None:
        self._hooks = LeafHooks()
    return add_hook(self._hooks.after, hook)


@method
def retain_grad(self: Tensor) -> None:
    """Have backward() fill in `.grad` of this tensor although it is no leaf."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self._node is None:
        return
    if self._node.retained is None:
        self._node.retained = {}
    self._node.retained[self._index] = weakref.ref(self)


@method
def is_inference(self: Tensor) -> bool:
    """Tell whether the tensor was made in inference mode."""
    return self._counter is INFERENCE_VERSION


@method
def _check_inference(self: Tensor) -> None:
    if self._counter is INFERENCE_VERSION and not is_inference_mode_enabled():
        raise RuntimeError(
            "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
        )


@method
def _is_view(self: Tensor) -> bool:
    """Tell whether the tensor shows memory of another one, its `_base`."""
    return self._view is not None


def _retains_grad(self: Tensor) -> bool:
    """Whether a non-leaf keeps its gradient: `retain_grad()` was called."""
    node = self._node
    return node is not None and node.retained is not None and self._index in node.retained


def _base(self: Tensor) -> Tensor | None:
    """The tensor whose memory this view shows; None for a tensor that is no view."""
    return None if self._view is None else self._view.base


install(retains_grad=property(_retains_grad), _base=property(_base))
