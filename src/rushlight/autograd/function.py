"""autograd.Function: a user's operator, by the same mechanism as the built-in ones.

A subclass of `Function` is a Node class; `apply` makes an instance, the `ctx`, and hands Tensors
instead of arrays to the user's static `forward`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Shape
from . import interception
from .mode import GRAD, is_grad_enabled, no_grad, read_mode
from .node import Node, edge_to, next_sequence
from .saved import Saved
from .version import share_version
from .view import bump, check_recordable, record


class Function(Node):
    """Base class of operators with a hand-written gradient.

    Example:
        >>> class Exp(rushlight.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         y = x.exp()
        ...         ctx.save_for_backward(y)
        ...         return y
        ...
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         (y,) = ctx.saved_tensors
        ...         return g * y
        >>> x = rushlight.zeros(2, requires_grad=True)
        >>> Exp.apply(x).sum().backward()
        >>> x.grad
        tensor([1., 1.])
    """

    generate_vmap_rule: ClassVar[bool] = False
    autocast: ClassVar[str | None] = None  # mixed precision leaves a user's operator alone
    _to_save: tuple[Any, ...] = ()
    _dirty: tuple[Tensor, ...] = ()
    _non_differentiable: tuple[Tensor, ...] = ()
    _wanted: tuple[bool, ...] = ()
    _inputs: tuple[Any, ...] = ()  # shapes and dtypes of the arguments that are tensors
    gives_away = False

    # --- what a user writes ---

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; the first argument is `ctx` unless `setup_context` is defined."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save for `backward` what `forward` (then without `ctx`) was given and returned."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return one gradient (or None) for each argument of `forward`."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at {id(self):#x}>"

    # --- what `ctx` offers ---

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `backward`, where `ctx.saved_tensors` returns them."""
        self._to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for forward-mode differentiation."""
        self._for_forward = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs `forward` has modified in place."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs carry no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Choose whether absent gradients reach `backward` as zeros (the default) or as None."""
        self.materialize = value

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        """For each argument of `forward`, whether its gradient is wanted."""
        return self._wanted

    # --- the mechanism ---

    def name(self) -> str:
        """Return the name that `print(tensor)` shows."""
        return type(self).__name__ + "Backward"

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` and record it if a gradient is wanted."""
        if interception.interceptors:
            result = interception.intercept(cls, args, kwargs)
            if result is not interception.PLAIN:
                return result
        ctx = cls.__new__(cls)
        wanted = [isinstance(a, Tensor) and a.requires_grad for a in args]
        tracked = read_mode() == GRAD and any(wanted)
        ctx._wanted = tuple(wanted) if tracked else (False,) * len(args)
        edges = tuple([edge_to(a) for a in args]) if tracked else ()
        ctx._inputs = tuple(
            [(a.array.shape, a.dtype) if isinstance(a, Tensor) else None for a in args]
        )
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
            else:
                result = cls.forward(ctx, *args, **kwargs)
        outputs = result if isinstance(result, tuple) else (result,)
        for tensor in ctx._dirty:
            bump(tensor)
        outputs = tuple([ctx._fresh(y, args) for y in outputs])
        if tracked:
            ctx.edges = edges
            ctx.sequence = next_sequence()
            ctx._record(outputs)
        return outputs if isinstance(result, tuple) else outputs[0]

    def _fresh(self, output: Any, args: tuple[Any, ...]) -> Any:
        """Give an output that is an unmodified input an identity of its own."""
        if isinstance(output, Tensor) and any(output is a for a in args):
            if not any(output is d for d in self._dirty):
                alias = wrap(output.array)
                alias._counter = share_version(output)
                return alias
        return output

    def _record(self, outputs: tuple[Any, ...]) -> None:
        if len(outputs) > 1:
            self.outputs = [
                (y.array.shape, y.array.dtype) if isinstance(y, Tensor) else ((), np.float32)
                for y in outputs
            ]
        for index, y in enumerate(outputs):
            if not isinstance(y, Tensor) or any(y is n for n in self._non_differentiable):
                continue
            if not (y.dtype.is_floating_point or y.dtype.is_complex):
                continue
            if any(y is d for d in self._dirty) or (y._node is None and y._requires_grad):
                check_recordable(y)
                written = wrap(y.array)
                written._requires_grad, written._node, written._index = True, self, index
                record(y, written)
            else:
                y._requires_grad, y._node, y._index = True, self, index
        packed, versions = [], []
        for item in self._to_save:
            if not isinstance(item, Tensor) and item is not None:
                raise TypeError(
                    "save_for_backward can only save variables, but argument is of type "
                    f"{type(item).__name__}"
                )
            is_output = isinstance(item, Tensor) and item._node is self
            packed.append(Saved(item, item._index) if is_output and item is not None else item)
            versions.append(item._version if isinstance(item, Tensor) else 0)
        self.keep(packed, versions)
        self._to_save = ()

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved for `backward`; during `forward`, what has been saved so far."""
        return tuple(self._to_save) if self._to_save else super().saved_tensors

    def run(self, grads: Sequence[Any]) -> Any:
        """Call the user's static `backward`; check how many gradients it returns."""
        results = type(self).backward(self, *grads)
        results = results if isinstance(results, tuple) else (results,)
        expected = len(self.edges)
        if len(results) > expected and all(r is None for r in results[expected:]):
            results = results[:expected]
        if len(results) != expected:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {expected}, got {len(results)})"
            )
        return tuple(
            [
                None if edge is None else self._checked(r, i)
                for i, (edge, r) in enumerate(zip(self.edges, results, strict=True))
            ]
        )

    def _checked(self, grad: Any, index: int) -> Any:
        """Return a gradient in the shape and dtype of its input."""
        if grad is None:
            return None
        if not isinstance(grad, Tensor):
            raise TypeError(
                f"function {self.name()} returned a gradient of type {type(grad).__name__} at "
                f"position {index}, expected a Tensor or None"
            )
        shape, dtype = self._inputs[index]
        if grad.array.shape != shape:
            if not _broadcasts_to(shape, grad.array.shape):
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {index} - got "
                    f"{list(grad.shape)} but expected shape compatible with {list(shape)}"
                )
            grad = grad.sum_to_size(*shape)
        return grad if grad.dtype is dtype else grad.to(dtype)


class InplaceFunction(Function):
    """A `Function` of older programs, which ask for it to be done in place when they make it."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace


FunctionCtx = Function  # what `forward` and `backward` get; PyTorch has a base class for that


def _broadcasts_to(shape: Shape, target: Shape) -> bool:
    ends = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(n in (1, m) for n, m in ends)


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that cannot be differentiated again: a second pass then says so."""

    @functools.wraps(function)
    def backward(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            results = function(ctx, *grads)
        if not is_grad_enabled():
            return results
        if not any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            return results
        results = results if isinstance(results, tuple) else (results,)
        return tuple([_Once.guard(r) if isinstance(r, Tensor) else r for r in results])

    return backward


class _Once(Node):
    """Stands behind a gradient that has no gradient of its own."""

    label = "DelayedError"

    @classmethod
    def guard(cls, tensor: Tensor) -> Tensor:
        """Return an alias of `tensor` whose gradient raises."""
        node = cls()
        node.sequence = next_sequence()
        alias = wrap(tensor.array)
        alias._requires_grad, alias._node = True, node
        return alias

    def backward(self, *grads: Any) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )
