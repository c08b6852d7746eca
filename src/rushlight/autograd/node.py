"""One recorded operation.

An operator is a class derived from `Op`: `forward` takes and returns raw arrays, `backward` takes
and returns Tensors, so that a gradient is itself differentiable. Calling `X.apply(...)` runs
`forward` on a new instance; that instance is at once torch's `ctx` and the node of the graph.

An edge leads from a node to where an input came from: a pair (node, output index), or
(leaf tensor, 0) for a leaf that requires grad, or None.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from .._deferred import Deferred, take, wait
from .._tensor import Tensor, waiting, wrap
from .._typing import Array
from ..errors import broadcast_error
from ..kernels._float_errors import IGNORE, restore_errors, set_errors
from . import interception, mode
from .hooks import LeafHooks, RemovableHandle, add_hook
from .mode import GRAD, INFERENCE, read_mode
from .saved import Saved, SavedItem, modified
from .version import INFERENCE_VERSION, View, share_version

_new = object.__new__
_ndarray = np.ndarray
sequence_numbers = itertools.count(1)
next_sequence = sequence_numbers.__next__

Edge = tuple[Any, int]

_FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward."
)


class Node:
    """A node of the graph: where its inputs came from and how to pass a gradient back to them."""

    # Defaults live on the class: an instance holds only what its operator sets.
    edges: tuple[Edge | None, ...] = ()
    sequence = 0
    saved: Any = ()
    versions: tuple[int, ...] = ()
    outputs: Sequence[tuple[tuple[int, ...], Any]] | None = None  # shapes and dtypes, if several
    materialize = True  # absent gradients of one output among several arrive as zeros
    gives_away = True  # nobody else keeps the gradients that `backward` returns
    hooks: OrderedDict[int, Any] | None = None
    prehooks: OrderedDict[int, Any] | None = None
    tensor_hooks: dict[int, OrderedDict[int, Any]] | None = None
    retained: dict[int, Any] | None = None
    label: str = ""  # shown in place of the class's name
    overload = 0  # which of the operator's forms, as torch counts them

    def name(self) -> str:
        """Return the name that `print(tensor)` shows: `AddBackward0`."""
        return f"{self.label or type(self).__name__}Backward{self.overload}"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that the inputs came from; a leaf appears as its AccumulateGrad."""
        return tuple(
            (None, 0) if edge is None
            else (AccumulateGrad(edge[0]), 0) if isinstance(edge[0], Tensor)
            else edge
            for edge in self.edges
        )  # fmt: skip

    @property
    def metadata(self) -> dict[str, Any]:
        """A dictionary for whatever the user wants to keep with the node."""
        return self.__dict__.setdefault("_metadata", {})

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        """For each input of forward, whether its gradient is wanted."""
        return tuple(edge is not None for edge in self.edges)

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` after this node's gradients are computed."""
        if self.hooks is None:
            self.hooks = OrderedDict()
        return add_hook(self.hooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(grad_outputs)` before this node's gradients are computed."""
        if self.prehooks is None:
            self.prehooks = OrderedDict()
        return add_hook(self.prehooks, hook)

    # --- saved tensors ---

    def keep(self, items: list[Any], versions: list[int]) -> None:
        """Save items for `backward`, through the hooks on saved tensors if there are any."""
        hooks = mode.saved_hooks.get()
        if hooks and not isinstance(hooks[-1], str):
            items = [hooks[-1].keep(item, self) for item in items]
        self.saved, self.versions = items, tuple(versions)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `forward` saved, as Tensors; checks that nobody wrote to them since."""
        if self.saved is None:
            raise RuntimeError(_FREED)
        return tuple(map(self._unpack, self.saved, self.versions))

    def _unpack(self, item: Any, version: int) -> Any:
        if isinstance(item, Tensor):
            if item._counter is not None and item._counter.value != version:
                raise modified(self, item.array, item._counter.value, version)
            return item
        if isinstance(item, SavedItem):
            return item.open(self)
        return (
            wrap(item)
            if isinstance(item, _ndarray) or hasattr(item, "__array_priority__")
            else item
        )

    def release(self) -> None:
        """Free what was saved. A node that saved nothing can be passed again."""
        if self.saved:
            self.saved = None

    # --- the reverse pass ---

    def backward(self, *grads: Any) -> Any:
        """Return the gradients of the inputs, given those of the outputs."""
        raise NotImplementedError(f"{self.name()}: the derivative is not implemented")

    def run(self, grads: Sequence[Any]) -> Any:
        """Call `backward`; what the engine uses."""
        return self.backward(*grads)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class AccumulateGrad(Node):
    """The end of a path at a leaf: adds the gradient to `variable.grad`.

    The engine treats leaves directly; this object stands for one where a program looks at
    `next_functions`. Its hooks are those of the leaf.
    """

    def __init__(self, variable: Tensor):
        self.variable = variable

    def name(self) -> str:
        """Return torch's name of this node."""
        return "torch::autograd::AccumulateGrad"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook((), (grad,))` once the leaf's gradient has been accumulated."""
        leaf = self.variable
        if leaf._hooks is None:
            leaf._hooks = LeafHooks()
        return add_hook(leaf._hooks.after, lambda tensor: hook((), (tensor.grad,)))


def edge_to(tensor: Any) -> Edge | None:
    """Return the edge that leads to where `tensor` came from, or None if no gradient is wanted."""
    if not isinstance(tensor, Tensor) or not tensor._requires_grad:
        return None
    return (tensor, 0) if tensor._node is None else (tensor._node, tensor._index)


class Op(Node):
    """An operator: `forward` on arrays, `backward` on Tensors; the instance is the graph's node.

    Class attributes that an operator may set:
        differentiable: False for operators without gradient.
        nondifferentiable: indices of outputs without gradient (index results).
        view: True if the output shares the first input's memory.
        autocast: "lower", "float32" or "promote", torch's mixed precision policy; None leaves
            dtypes alone. `autocast_cuda`: a policy that only CUDA's list has.
        only_kernels: True if `forward` leaves all arithmetic to kernels, which see to floating
            point errors themselves: its native call need not.
        label: torch's name in `grad_fn` where it is not the class name.
        absorbs: what `forward` takes in place of an array, if an input waits for that.
    """

    differentiable: ClassVar[bool] = True
    nondifferentiable: ClassVar[tuple[int, ...]] = ()
    view: ClassVar[bool] = False
    only_kernels: ClassVar[bool] = False
    autocast: ClassVar[str | None] = None
    autocast_cuda: ClassVar[str | None] = None
    absorbs: ClassVar[type[Deferred] | None] = None

    def forward(ctx, *arrays: Array, **params: Any) -> Any:
        """Return the output array, or a tuple of them, for the input arrays."""
        raise NotImplementedError

    def save(ctx, *arrays: Any) -> None:
        """Keep arrays for `backward`. Inputs and outputs are recognised and stay differentiable."""
        ctx.saved = arrays

    def save_factors(ctx, x: Any, y: Any) -> None:
        """Keep the factors of a product: each only if the other one wants a gradient."""
        edges = ctx.edges
        if edges:
            ctx.saved = (x if edges[1] else None, y if edges[0] else None)

    @classmethod
    def apply(cls, *inputs: Any, **params: Any) -> Any:
        """Run the operator on Tensors (or Python scalars) and record it if a gradient is wanted."""
        if interception.interceptors:
            result = interception.intercept(cls, inputs, params)
            if result is not interception.PLAIN:
                return result
        node = _new(cls)
        arrays: list[Any] = []
        tracked = False
        absorbs = cls.absorbs if waiting else None
        for x in inputs:
            if isinstance(x, Tensor):
                arrays.append(x.array if absorbs is None else take(x, absorbs) or x.array)
                view = x._view
                if view is not None and view.version != x._counter.value:
                    view.refresh(x)
                if x._requires_grad:
                    tracked = True
            else:
                arrays.append(x)
        grad_mode = read_mode()
        if tracked:
            if grad_mode == GRAD and cls.differentiable:
                node.edges = tuple([edge_to(x) for x in inputs])
                node.sequence = next_sequence()
            else:
                tracked = False

        before = set_errors(IGNORE)
        try:
            result = node.forward(*arrays, **params)
        except ValueError as error:
            raise _in_torch_words(cls, error, arrays) from None
        finally:
            restore_errors(before)

        return _finish(node, result, inputs, arrays, tracked, grad_mode, params)


def _finish(
    node: Op, result: Any, inputs: Any, arrays: Any, tracked: bool, grad_mode: int,
    params: dict[str, Any],
) -> Any:  # fmt: skip
    """Make a Tensor of what `forward` returned, and give it its place in the graph."""
    cls = type(node)
    if type(result) is _ndarray:
        output = wrap(result)
    elif type(result) is tuple:
        return _several(node, result, inputs, arrays, tracked, grad_mode, params)
    else:
        output = _wrap_other(node, result, inputs)
    if cls.view:
        output._counter = share_version(inputs[0])
        output._view = View(inputs[0], cls, inputs[1:], params, grad_mode)
    elif grad_mode == INFERENCE:
        output._counter = INFERENCE_VERSION
    if tracked:
        output._requires_grad = True
        output._node = node
        if node.saved:
            _pack(node, inputs, arrays, (output,))
    return output


def _in_torch_words(cls: type[Op], error: ValueError, arrays: list[Any]) -> Exception:
    """Translate NumPy's complaint about shapes; leave any other error as it is."""
    if str(error).startswith("operands could not be broadcast"):
        return broadcast_error(
            cls.__name__.lower(), [a.shape for a in arrays if hasattr(a, "shape")]
        )
    return error


def _failed(cls: type[Op], error: ValueError, arrays: list[Any]) -> None:
    """Raise what the user is to see of an error in `forward`."""
    try:
        raise error
    except ValueError:
        raise _in_torch_words(cls, error, arrays) from None


def _wrap_other(node: Node, result: Any, inputs: Any) -> Tensor:
    """Wrap what is no NumPy array: a scalar, which NumPy returns for 0-d inputs, and what waits."""
    if isinstance(result, np.generic):
        array = np.asarray(result)
        node.saved = tuple([array if item is result else item for item in node.saved])
        return wrap(array)
    if isinstance(result, Deferred):
        return wait(result)
    if isinstance(result, _ndarray) or hasattr(result, "__cuda_array_interface__"):
        return wrap(result)
    first = type(inputs[0]).__name__ if inputs else "nothing"
    raise TypeError(
        f"{type(node).__name__.lower()}(): argument 'input' (position 1) must be "
        f"Tensor, not {first}"
    )


def _several(
    node: Op,
    results: tuple[Any, ...],
    inputs: Any,
    arrays: Any,
    tracked: bool,
    grad_mode: int,
    params: Any,
) -> tuple[Tensor, ...]:
    """Wrap the outputs of an operator that has more than one."""
    cls = type(node)
    outputs = tuple(
        [wrap(y) if type(y) is _ndarray else _wrap_other(node, y, inputs) for y in results]
    )
    if cls.view:
        for index, output in enumerate(outputs):
            output._counter = share_version(inputs[0])
            output._view = View(inputs[0], cls, inputs[1:], params, grad_mode, index)
    elif grad_mode == INFERENCE:
        for output in outputs:
            output._counter = INFERENCE_VERSION
    if tracked:
        node.outputs = [(y.shape, y.dtype) for y in results]
        for index, output in enumerate(outputs):
            if index not in cls.nondifferentiable:
                output._requires_grad, output._node, output._index = True, node, index
        if node.saved:
            _pack(node, inputs, arrays, outputs)
    return outputs


def _pack(node: Node, inputs: Any, arrays: Any, outputs: tuple[Tensor, ...]) -> None:
    """Replace saved arrays that are inputs or outputs by what keeps them differentiable."""
    packed = []
    versions = []
    for item in node.saved:
        version = 0
        for place, array in enumerate(arrays):
            x = inputs[place]
            if array is item and isinstance(x, Tensor):
                if x._counter is not None:
                    _refuse_inference(x)
                    version = x._counter.value
                item = x
                break
        else:
            for index, output in enumerate(outputs):
                if id(output) in waiting:
                    continue  # what waits is not saved
                if output.array is item and output._node is node:
                    item = Saved(output, index)
                    break
        packed.append(item)
        versions.append(version)
    node.keep(packed, versions)


def _refuse_inference(tensor: Tensor) -> None:
    if tensor._counter is INFERENCE_VERSION:
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
            "inference mode in computation tracked by autograd. To work around this, you can make "
            "a clone to get a normal tensor and use it in autograd, or use `torch.no_grad()` "
            "instead of `torch.inference_mode()`."
        )
