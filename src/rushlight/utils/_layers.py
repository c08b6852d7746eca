"""One pass through a model, recorded layer by layer: what `summary` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..autograd import no_grad


def tensors(value: Any) -> Iterator[Any]:
    """Yield the tensors in a nest of sequences and mappings."""
    if hasattr(value, "grad_fn"):
        yield value
    elif isinstance(value, Mapping):
        yield from tensors(list(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)


def nbytes(value: Any) -> int:
    """Return the bytes of all tensors in a nest."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors(value))


@dataclass(eq=False)
class Layer:
    """One call of a module, or a container that stands between two that are called."""

    module: Any
    name: str
    depth: int
    index: int = 0
    repeated: bool = False
    finished: int | None = None
    input_shape: list[int] | None = None
    output_shapes: list[list[int]] = field(default_factory=list)
    output_bytes: int = 0
    mult_adds: int = 0
    children: list[Layer] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Name of the module's class."""
        return type(self.module).__name__

    def walk(self) -> Iterator[Layer]:
        """Yield the layer and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


class Run:
    """One pass through a model, recorded by hooks on its modules."""

    def __init__(self, model: Any):
        self.model = model
        self.root = Layer(model, "", 0)
        self.input_bytes = 0
        self._names = {module: name for name, module in model.named_modules()}
        self._open: list[Layer] = []
        self._index: dict[Any, int] = {}
        self._count: dict[int, int] = {}
        self._finished = 0

    def list_modules(self) -> None:
        """Record the modules in the order of their registration instead of running them."""

        def add_children(layer: Layer) -> None:
            for name, child in layer.module.named_children():
                add_children(self._add(layer, child, name))

        add_children(self.root)

    def forward(self, inputs: Any, kwargs: Mapping[str, Any], training: bool) -> None:
        """Run the model."""
        self.input_bytes = nbytes(inputs)
        hooks = []
        flags = [(module, module.training) for module in self._names]
        try:
            for module in self._names:
                hooks.append(module.register_forward_pre_hook(self._enter))
                hooks.append(module.register_forward_hook(self._leave))
            self.model.train(training)
            with no_grad():
                if isinstance(inputs, Mapping):
                    self.model(**inputs, **kwargs)
                else:
                    self.model(*inputs, **kwargs)
        except Exception as error:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors(inputs))
            ran = ", ".join(layer.kind for layer in self.root.walk() if layer.finished)
            raise RuntimeError(
                f"summary: {type(self.model).__name__} failed on input of shape {shapes}: {error} "
                f"(layers that ran: {ran or 'none'})"
            ) from error
        finally:
            for hook in hooks:
                hook.remove()
            for module, flag in flags:
                module.training = flag

    def _add(self, parent: Layer, module: Any, name: str) -> Layer:
        layer = Layer(module, name, parent.depth + 1)
        layer.repeated = module in self._index
        if not layer.repeated:
            self._index[module] = self._count[layer.depth] = self._count.get(layer.depth, 0) + 1
        layer.index = self._index[module]
        parent.children.append(layer)
        return layer

    def _enter(self, module: Any, inputs: Any) -> None:
        if module is self.model:
            layer = self.root
        else:
            parent = self._open[-1]
            *between, own = self._names_below(parent.module, module)
            for name in between:
                parent = self._container(parent, name)
            layer = self._add(parent, module, own)
        first = next(tensors(inputs), None)
        layer.input_shape = list(first.shape) if first is not None else None
        self._open.append(layer)

    def _names_below(self, above: Any, module: Any) -> list[str]:
        """Return the names that lead from one module down to another."""
        path, prefix = self._names[module], self._names[above]
        prefix = f"{prefix}." if prefix else ""
        return path[len(prefix) :].split(".") if path.startswith(prefix) else [path]

    def _container(self, parent: Layer, name: str) -> Layer:
        """Return the row of a module that holds others but is not called, such as a ModuleList."""
        module = parent.module.get_submodule(name)
        last = parent.children[-1] if parent.children else None
        return last if last and last.module is module else self._add(parent, module, name)

    def _leave(self, module: Any, inputs: Any, outputs: Any) -> None:
        layer = self._open.pop()
        self._finished += 1
        layer.finished = self._finished
        results = list(tensors(outputs))
        layer.output_shapes = [list(tensor.shape) for tensor in results]
        taken = {tensor.data_ptr() for tensor in tensors(inputs)}
        layer.output_bytes = nbytes([each for each in results if each.data_ptr() not in taken])
        if results and not layer.children:
            source = next(tensors(inputs), results[0])
            layer.mult_adds = _mult_adds(module, source, results[0])


def _mult_adds(module: Any, source: Any, result: Any) -> int:
    """Count the multiply-adds of a module that has weights of a known kind; 0 for others."""
    weight = getattr(module, "weight", None)
    inputs, outputs = source.numel(), result.numel()
    parameters = sum(parameter.numel() for parameter in module.parameters())
    count = 0
    if hasattr(module, "hidden_size") and hasattr(module, "input_size"):
        count = inputs // module.input_size * parameters
    elif weight is None:
        pass
    elif getattr(module, "transposed", False):
        bias = outputs if module.bias is not None else 0
        count = inputs // module.in_channels * weight.numel() + bias
    elif hasattr(module, "out_channels"):
        count = outputs // module.out_channels * parameters
    elif hasattr(module, "out_features"):
        count = outputs // module.out_features * parameters
    elif hasattr(module, "eps"):
        count = outputs
    return count
