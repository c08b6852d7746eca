"""A model's graph for TensorBoard, read off the autograd graph of one run.

Every operator that takes part in the gradient is a node already; hooks on the modules tell which
module made it, and TensorBoard folds nodes whose names share a prefix into one box.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...autograd import enable_grad
from .._layers import tensors
from ._proto import blob, integer

_PRODUCER = 22
_BACKWARD = re.compile(r"Backward\d*$")
# Name, operator, names of the inputs, shape where it is known.
_Described = tuple[str, str, list[str], Sequence[int] | None]


def graph_def(model: Any, inputs: Sequence[Any]) -> tuple[bytes, str]:
    """Run the model in eval mode and return its `GraphDef`, and the same as lines of text."""
    recorder = _Recorder(model)
    inputs = [_tracked(value) for value in inputs]
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with recorder, enable_grad():
            outputs = model(*inputs)
    finally:
        for module in training:
            module.training = True
    nodes = recorder.describe(_leaf_names(model, inputs), outputs)
    listing = "\n".join(f"{name} = {op}({', '.join(sources)})" for name, op, sources, _ in nodes)
    graph = b"".join(_node_def(*node) for node in nodes) + blob(4, integer(1, _PRODUCER))
    return graph, listing


def _tracked(value: Any) -> Any:
    """Return a float tensor as a new leaf that requires grad, so that the graph reaches it."""
    dtype = getattr(value, "dtype", None)
    return value.detach().requires_grad_() if getattr(dtype, "is_floating_point", False) else value


def _node_def(name: str, op: str, sources: Sequence[str], shape: Sequence[int] | None) -> bytes:
    body = blob(1, name) + blob(2, op) + b"".join(blob(3, source) for source in sources)
    if shape is not None:
        sizes = b"".join(blob(2, integer(1, size)) for size in shape)
        body += blob(5, blob(1, "_output_shapes") + blob(2, blob(1, blob(7, sizes))))
    return blob(1, body)


class _Recorder:
    """Notes, while hooked to a model, which module made each node of the graph."""

    def __init__(self, model: Any):
        self._paths = _module_paths(model)
        self._path_of: dict[Any, str] = {}
        self._shape_of: dict[Any, Sequence[int]] = {}
        self._entered: list[set[Any]] = []
        self._handles: list[Any] = []

    def __enter__(self) -> None:
        for module in self._paths:
            self._handles.append(module.register_forward_pre_hook(self._enter))
            self._handles.append(module.register_forward_hook(self._leave))

    def __exit__(self, *exc: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _enter(self, module: Any, inputs: Any) -> None:
        self._entered.append({tensor.grad_fn for tensor in tensors(inputs)})

    def _leave(self, module: Any, inputs: Any, outputs: Any) -> None:
        """Claim the nodes between the module's inputs and outputs that no child has claimed."""
        for tensor in tensors(outputs):
            self._shape_of[tensor.grad_fn] = tuple(tensor.shape)
        for node in _ancestors(outputs, stop=self._entered.pop()):
            self._path_of.setdefault(node, self._paths[module])

    def describe(self, leaves: dict[int, str], outputs: Any) -> list[_Described]:
        """Return the nodes that lead to the outputs, inputs first; `leaves` names tensors by id."""
        names: dict[Any, str] = {}
        taken: dict[str, int] = {}
        described = []
        for node in _ancestors(outputs, stop=set()):
            variable = getattr(node, "variable", None)
            if variable is None:
                op = _BACKWARD.sub("", node.name())
                name = f"{self._path_of.get(node, 'input')}/{op}"
                shape = self._shape_of.get(node)
            else:
                op, shape = "Variable", tuple(variable.shape)
                name = leaves.get(id(variable), "constant")
            count = taken[name] = taken.get(name, -1) + 1
            names[node] = f"{name}_{count}" if count else name
            described.append((names[node], op, _sources(node, names), shape))
        for i, tensor in enumerate(tensors(outputs)):
            made = tensor.grad_fn is not None
            source = [_edge(names[tensor.grad_fn], tensor.output_nr)] if made else []
            described.append((f"output/{i}", "Output", source, tuple(tensor.shape)))
        return described


def _module_paths(model: Any) -> dict[Any, str]:
    """Return each module's place as TensorBoard shows it: `Net/Sequential[body]/Conv2d[0]`."""
    paths: dict[str, str] = {}
    for name, module in model.named_modules():
        parent, _, own = name.rpartition(".")
        kind = type(module).__name__
        paths[name] = f"{paths[parent]}/{kind}[{own}]" if name else kind
    return {module: paths[name] for name, module in model.named_modules()}


def _leaf_names(model: Any, inputs: Any) -> dict[int, str]:
    """Return the names of parameters, which stand in their modules' boxes, and of the inputs."""
    paths = _module_paths(model)
    names = {
        id(parameter): f"{path}/{name}"
        for module, path in paths.items()
        for name, parameter in module.named_parameters(recurse=False)
    }
    return names | {id(tensor): f"input/{i}" for i, tensor in enumerate(tensors(inputs))}


def _sources(node: Any, names: dict[Any, str]) -> list[str]:
    """Return where a node's inputs come from."""
    return [_edge(names[made_by], i) for made_by, i in node.next_functions if made_by is not None]


def _edge(name: str, output: int) -> str:
    return f"{name}:{output}" if output else name


def _ancestors(outputs: Any, stop: set[Any]) -> list[Any]:
    """Return every node that leads to the outputs, each after those it was computed from."""
    ordered: dict[Any, None] = {}
    seen = {None, *stop}
    stack = [(tensor.grad_fn, False) for tensor in tensors(outputs)]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            ordered[node] = None
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((source, False) for source, _ in node.next_functions)
    return list(ordered)
