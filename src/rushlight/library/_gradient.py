"""The gradient of an operator: a `Function` made of its kernel and the registered `backward`.

A `Function` tracks only arguments that are tensors themselves, so lists of tensors travel
flattened; the user's functions get them in their own shape again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._tensor import Tensor
from ..autograd.function import Function
from ._dispatch import backend, below, device_of_call
from ._registry import Operator


class Gradient:
    """How a gradient passes through an operator.

    Args:
        backward: `backward(ctx, *grads)`, or None where none was registered.
        setup_context: `setup_context(ctx, inputs, output)` saves what `backward` needs.
    """

    def __init__(
        self,
        backward: Callable[..., Any] | None = None,
        setup_context: Callable[..., Any] | None = None,
    ):
        self.backward = backward
        self.setup_context = setup_context
        self.function: type[Function] | None = None

    def call(self, operator: Operator, values: Sequence[Any]) -> Any:
        """Run an operator and record it."""
        if self.function is None:
            self.function = _function_of(operator, self)
        call = _Call(*_flatten(values))
        leaves = self.function.apply(*call.leaves, call=call)
        return call.result(operator, leaves)


class _Layout:
    """The shape of some values, of which some are lists: how many leaves, and which are tensors."""

    def __init__(self, sizes: list[int | None], are_tensors: list[bool]):
        self.sizes = sizes
        self.are_tensors = are_tensors

    def nested(self, leaves: Sequence[Any]) -> list[Any]:
        """Return flat values with the lists put together again."""
        rest = iter(leaves)
        return [
            next(rest) if size is None else [next(rest) for _ in range(size)] for size in self.sizes
        ]


def _flatten(values: Sequence[Any]) -> tuple[_Layout, list[Any]]:
    sizes = [len(v) if isinstance(v, (list, tuple)) else None for v in values]
    leaves: list[Any] = []
    for value, size in zip(values, sizes, strict=True):
        leaves += [value] if size is None else value
    return _Layout(sizes, [isinstance(leaf, Tensor) for leaf in leaves]), leaves


class _Call:
    """One call on its way through `Function.apply`."""

    results: _Layout

    def __init__(self, arguments: _Layout, leaves: list[Any]):
        self.arguments = arguments
        self.leaves = leaves

    def result(self, operator: Operator, leaves: tuple[Any, ...]) -> Any:
        """Return what the operator returns, given its flattened results."""
        nested = self.results.nested(leaves)
        count = len(operator.schema.returns)
        return tuple(nested) if count > 1 else nested[0] if count else None


def _function_of(operator: Operator, rule: Gradient) -> type[Function]:
    """Make the Function class of an operator."""
    schema = operator.schema
    count = len(schema.positional)
    keywords = [argument.name for argument in schema.arguments[count:]]

    def forward(ctx: Any, *leaves: Any, call: _Call) -> Any:
        values = call.arguments.nested(leaves)
        with below("Autograd"):
            result = backend(operator, values, device_of_call(operator, values))
        returned = {0: [], 1: [result]}.get(len(schema.returns), result)
        call.results, flat = _flatten(returned)
        ctx.layouts = call.arguments, call.results
        if rule.setup_context is not None:
            inputs = tuple(values[:count])
            if keywords:
                named = dict(zip(keywords, values[count:], strict=True))
                rule.setup_context(ctx=ctx, inputs=inputs, keyword_only_inputs=named, output=result)
            else:
                rule.setup_context(ctx=ctx, inputs=inputs, output=result)
        return tuple(flat)

    def backward(ctx: Any, *grads: Any) -> Any:
        if rule.backward is None:
            raise RuntimeError(
                f"Trying to backward through {operator.label} but no autograd formula was "
                "registered. Please use register_autograd to add one."
            )
        arguments, results = ctx.layouts
        found = rule.backward(ctx, *results.nested(grads))
        found = found if isinstance(found, tuple) else (found,)
        return tuple(_flat_gradients(ctx.name(), arguments, found, count))

    def needs_input_grad(ctx: Any) -> tuple[Any, ...]:
        nested = ctx.layouts[0].nested(ctx._wanted)
        return tuple(nested[:count])

    name = f"GeneratedBackwardFor_{operator.label.replace('.', '_')}"
    return type(
        name,
        (Function,),
        {
            "forward": staticmethod(forward),
            "backward": staticmethod(backward),
            "needs_input_grad": property(needs_input_grad),
            "__doc__": f"Records `{schema}`.",
        },
    )


def _flat_gradients(
    name: str, arguments: _Layout, found: tuple[Any, ...], count: int
) -> list[Tensor | None]:
    """Return one gradient for each flattened argument, given those the user's function returned."""
    if len(found) != count:
        raise RuntimeError(
            f"function {name} returned an incorrect number of gradients (expected {count}, got "
            f"{len(found)})"
        )
    flat: list[Any] = []
    padded = (*found, *[None] * (len(arguments.sizes) - count))
    for grads, size in zip(padded, arguments.sizes, strict=True):
        if size is None:
            flat.append(grads)
        elif grads is None:
            flat += [None] * size
        elif isinstance(grads, (list, tuple)) and len(grads) == size:
            flat += grads
        else:
            raise RuntimeError(
                "Expected the return from backward to be of the same structure as the inputs. Got: "
                f"{_structure(grads)} (return from backward), a list of {size} (inputs)"
            )
    for place, (grad, is_tensor) in enumerate(zip(flat, arguments.are_tensors, strict=True)):
        if grad is not None and not is_tensor:
            raise RuntimeError(
                f"function {name} returned a gradient different than None at position {place + 1}, "
                "but the corresponding forward input was not a Variable"
            )
    return flat


def _structure(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, (list, tuple)) else type(value).__name__
