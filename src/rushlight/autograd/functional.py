"""Derivatives of functions, without setting `requires_grad` by hand.

The functions take a function and its inputs and differentiate it there. Those that multiply with
the Jacobian from the right (`jvp`, `hvp`) do so by two reverse passes: u -> J^T u is linear in u,
and its transpose is v -> J v.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..backend.array import array_module
from ._api import grad as _grad
from .mode import enable_grad, is_grad_enabled
from .node import edge_to

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]
_INPUT_IS = "the input to the user-provided function is"
Tensors = tuple[Tensor, ...]


# --- what all share -------------------------------------------------------------------------------


def _as_tuple(given: Any, what: str, name: str) -> tuple[bool, Tensors]:
    """Return whether a tuple was given, and the tensors as one."""
    is_tuple = isinstance(given, tuple)
    tensors = given if is_tuple else (given,)
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            if is_tuple:
                raise TypeError(
                    f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but "
                    f"the value at index {i} has type {type(x)}."
                )
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the "
                f"given {what} has type {type(x)}."
            )
    return is_tuple, tensors


def _inputs(tensors: Tensors, create_graph: bool) -> Tensors:
    """Return aliases to differentiate by: in the caller's graph if the result is to be, too."""
    return tuple([
        x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_()
        for x in tensors
    ])  # fmt: skip


def _finished(tensors: Any, create_graph: bool) -> Any:
    """Return results (nested tuples) in the graph only if the caller asked for that."""
    if isinstance(tensors, tuple):
        return tuple([_finished(x, create_graph) for x in tensors])
    return tensors if create_graph else tensors.detach()


def leads_elsewhere(outputs: Sequence[Tensor], own: Sequence[Tensor]) -> bool:
    """Tell whether the outputs also depend on tensors that somebody else differentiates by.

    Args:
        outputs: what was computed.
        own: what it was computed from; those of them that are no leaves have a past themselves.
    """
    if any(x._node is not None for x in own):
        return True
    seen: set[Any] = set(own)
    edges = [edge_to(y) for y in outputs]
    while edges:
        edge = edges.pop()
        if edge is None or edge[0] in seen:
            continue
        if isinstance(edge[0], Tensor):
            return True
        seen.add(edge[0])
        edges.extend(edge[0].edges)
    return False


def _shaped(is_tuple: bool, tensors: Sequence[Any]) -> Any:
    return tuple(tensors) if is_tuple else tensors[0]


def _zeros(x: Tensor) -> Tensor:
    return wrap(array_module(x.array).zeros(x.array.shape, x.array.dtype))


def _checked_outputs(outputs: Any, name: str, strict: bool) -> tuple[bool, Tensors]:
    is_tuple, tensors = _as_tuple(outputs, "outputs of the user-provided function", name)
    if strict:
        for i, y in enumerate(tensors):
            if not y.requires_grad:
                raise RuntimeError(
                    f"Output {i} of the user-provided function does not require gradients. The "
                    f"outputs must be computed in a differentiable manner from the input when "
                    f"running in strict mode."
                )
    return is_tuple, tensors


def _direction(v: Any, like: Tensors, is_tuple: bool, name: str, what: str) -> Tensors:
    """Return the vector to multiply with: given, or 1 for a single number."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if {what} a single Tensor with a single element."
            )
        return (wrap(np.ones_like(like[0].array)),)
    _, vectors = _as_tuple(v, "v", name)
    if len(vectors) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}."
            if is_tuple
            else f"The given v should contain a single Tensor, got {len(vectors)}."
        )
    for i, (x, y) in enumerate(zip(vectors, like, strict=True)):
        if x.shape != y.shape:
            where = f"Entry {i} in v" if is_tuple else "v"
            raise RuntimeError(f"{where} has invalid size: should be {y.shape} but got {x.shape}.")
    return vectors


def _pull_back(
    outputs: Tensors, inputs: Tensors, cotangents: Sequence[Tensor] | None, *,
    create_graph: bool, strict: bool = False, keep: bool = True, what: str = "Output",
) -> Tensors:  # fmt: skip
    """Return J^T u; zeros for what does not depend on an input (an error if `strict`)."""
    pairs = [
        (y, None if cotangents is None else cotangents[i])
        for i, y in enumerate(outputs)
        if y.requires_grad
    ]
    found: Sequence[Any] = [None] * len(inputs)
    if pairs:
        found = _grad(
            [y for y, _ in pairs], inputs,
            None if cotangents is None else [u for _, u in pairs],
            retain_graph=keep or create_graph, create_graph=create_graph, allow_unused=True,
        )  # fmt: skip
    if strict:
        for i, g in enumerate(found):
            if g is None:
                raise RuntimeError(
                    f"{what} of the user-provided function is independent of input {i}. This is "
                    "not allowed in strict mode."
                )
            if create_graph and not g.requires_grad:
                raise RuntimeError(
                    f"The jacobian of the user-provided function with respect to input {i} is "
                    "independent of that input. This is not allowed in strict mode when "
                    "create_graph=True."
                )
    return tuple([_zeros(x) if g is None else g for g, x in zip(found, inputs, strict=True)])


# --- products -------------------------------------------------------------------------------------


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the value of `func` and J^T v.

    Args:
        func: a function of tensors that returns a tensor or a tuple of them.
        inputs: where to differentiate; a tensor or a tuple.
        v: the vector, of the outputs' structure; None if the output is a single number.
        create_graph: record the result, so that it can be differentiated.
        strict: raise if an output does not depend on an input, instead of returning zeros.

    Returns:
        (value of func, J^T v); the latter with the structure of `inputs`.

    Example:
        >>> vjp = rushlight.autograd.functional.vjp
        >>> vjp(lambda x: x * x, rushlight.tensor([1.0, 2.0]), rushlight.ones(2))
        (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        in_tuple, xs = _as_tuple(inputs, "inputs", "vjp")
        xs = _inputs(xs, create_graph)
        out_tuple, ys = _checked_outputs(func(*xs), "vjp", strict)
        vectors = _direction(v, ys, out_tuple, "vjp", "the user-provided function returns")
        record = create_graph and is_grad_enabled()
        found = _pull_back(ys, xs, vectors, create_graph=record, strict=strict)
    return (
        _shaped(out_tuple, _finished(ys, create_graph)),
        _shaped(in_tuple, _finished(found, create_graph)),
    )


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the value of `func` and J v.

    Args:
        func: a function of tensors that returns a tensor or a tuple of them.
        inputs: where to differentiate; a tensor or a tuple.
        v: the vector, of the inputs' structure; None if the input is a single number.
        create_graph: record the result, so that it can be differentiated.
        strict: raise if an output does not depend on an input, instead of returning zeros.

    Returns:
        (value of func, J v); both with the structure of the outputs.

    Example:
        >>> jvp = rushlight.autograd.functional.jvp
        >>> jvp(lambda x: (x * x).sum(), rushlight.tensor([1.0, 2.0]), rushlight.ones(2))
        (tensor(5.), tensor(6.))
    """
    with enable_grad():
        in_tuple, xs = _as_tuple(inputs, "inputs", "jvp")
        xs = _inputs(xs, create_graph)
        vectors = _direction(v, xs, in_tuple, "jvp", _INPUT_IS)
        out_tuple, ys = _checked_outputs(func(*xs), "jvp", strict)
        us = tuple([_zeros(y).requires_grad_() for y in ys])
        pulled = _pull_back(ys, xs, us, create_graph=True, strict=strict)
        found = _pull_back(pulled, us, vectors, create_graph=create_graph, strict=False)
    return (
        _shaped(out_tuple, _finished(ys, create_graph)),
        _shaped(out_tuple, _finished(found, create_graph)),
    )


def _gradient(
    func: Function, inputs: Any, name: str, create_graph: bool, strict: bool
) -> tuple[bool, Tensors, Tensor, Tensors]:
    """Return (inputs in a tuple?, aliases, value, gradient) of a function with one number."""
    in_tuple, xs = _as_tuple(inputs, "inputs", name)
    xs = _inputs(xs, create_graph)
    out_tuple, ys = _checked_outputs(func(*xs), name, strict)
    if out_tuple or ys[0].numel() != 1:
        raise RuntimeError(
            f"The function given to {name} should return a single Tensor"
            if out_tuple
            else f"The Tensor returned by the function given to {name} should contain a single "
            "element"
        )
    return in_tuple, xs, ys[0], _pull_back(ys, xs, None, create_graph=True, strict=strict)


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the value of `func`, a single number, and v^T H, H the second derivatives.

    Args:
        func: a function of tensors that returns a single number.
        inputs: where to differentiate; a tensor or a tuple.
        v: the vector, of the inputs' structure.
        create_graph: record the result, so that it can be differentiated.
        strict: raise if the result does not depend on an input, instead of returning zeros.

    Returns:
        (value of func, v^T H); the latter with the structure of `inputs`.

    Example:
        >>> vhp = rushlight.autograd.functional.vhp
        >>> vhp(lambda x: (x**3).sum(), rushlight.tensor([1.0, 2.0]), rushlight.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        in_tuple, xs, y, gradient = _gradient(func, inputs, "vhp", create_graph, strict)
        vectors = _direction(v, xs, in_tuple, "vhp", _INPUT_IS)
        found = _pull_back(gradient, xs, vectors, create_graph=create_graph, strict=strict)
    return _finished(y, create_graph), _shaped(in_tuple, _finished(found, create_graph))


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the value of `func`, a single number, and H v, H the second derivatives.

    H is symmetric, so the result equals that of `vhp`, which needs one pass less.

    Args:
        func: a function of tensors that returns a single number.
        inputs: where to differentiate; a tensor or a tuple.
        v: the vector, of the inputs' structure.
        create_graph: record the result, so that it can be differentiated.
        strict: raise if the result does not depend on an input, instead of returning zeros.

    Returns:
        (value of func, H v); the latter with the structure of `inputs`.

    Example:
        >>> hvp = rushlight.autograd.functional.hvp
        >>> hvp(lambda x: (x**3).sum(), rushlight.tensor([1.0, 2.0]), rushlight.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        in_tuple, xs, y, gradient = _gradient(func, inputs, "hvp", create_graph, strict)
        vectors = _direction(v, xs, in_tuple, "hvp", _INPUT_IS)
        us = tuple([_zeros(x).requires_grad_() for x in xs])
        pulled = _pull_back(gradient, xs, us, create_graph=True, strict=strict)
        found = _pull_back(pulled, us, vectors, create_graph=create_graph)
    return _finished(y, create_graph), _shaped(in_tuple, _finished(found, create_graph))


# --- whole matrices -------------------------------------------------------------------------------


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the Jacobian of `func`.

    Args:
        func: a function of tensors that returns a tensor or a tuple of them.
        inputs: where to differentiate; a tensor or a tuple.
        create_graph: record the result, so that it can be differentiated.
        strict: raise if an output does not depend on an input, instead of returning zeros.
        vectorize: accepted; rows are computed one at a time.
        strategy: "reverse-mode", or "forward-mode" (with vectorize=True), which computes columns.

    Shape:
        For an output of shape S and an input of shape T: (*S, *T). Tuples of outputs and of inputs
        give tuples (of tuples) of these.

    Example:
        >>> jacobian = rushlight.autograd.functional.jacobian
        >>> jacobian(lambda x: x * x.sum(), rushlight.tensor([1.0, 2.0]))
        tensor([[4., 1.],
                [2., 5.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                "torch.autograd.functional.jacobian: `create_graph=True` and "
                '`strategy="forward-mode"` are not supported together (yet). Please either set '
                '`create_graph=False` or `strategy="reverse-mode"`.'
            )
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only "
                "implemented for `vectorize=True`."
            )
        if strict:
            raise RuntimeError(
                'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` '
                "are not supported together (yet). Please either set `strict=False` or "
                '`strategy="reverse-mode"`.'
            )
    elif strict and vectorize:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
            "supported together. Please either set `strict=False` or `vectorize=False`."
        )
    with enable_grad():
        in_tuple, xs = _as_tuple(inputs, "inputs", "jacobian")
        xs = _inputs(xs, create_graph)
        out_tuple, ys = _checked_outputs(func(*xs), "jacobian", strict)
        blocks = []
        for i, y in enumerate(ys):
            rows = _rows(y, xs, create_graph, strict, i)
            blocks.append(_shaped(in_tuple, _finished(rows, create_graph)))
    return _shaped(out_tuple, blocks)


def _rows(y: Tensor, xs: Tensors, create_graph: bool, strict: bool, index: int) -> Tensors:
    """Return the Jacobian of one output with respect to each input."""
    jacobians = [_zeros_between(y, x) for x in xs]
    for k in range(y.numel()):
        unit = np.zeros(y.array.size, y.array.dtype)
        unit[k] = 1
        xp = array_module(y.array)
        cotangent = wrap(xp.asarray(unit.reshape(y.array.shape)))
        row = _pull_back(
            (y,), xs, (cotangent,),
            create_graph=create_graph, strict=strict, what=f"Output {index}",
        )  # fmt: skip
        for matrix, g in zip(jacobians, row, strict=True):
            matrix[k] = g
    return tuple(
        [
            matrix.reshape(*y.array.shape, *x.array.shape)
            for matrix, x in zip(jacobians, xs, strict=True)
        ]
    )


def _zeros_between(y: Tensor, x: Tensor) -> Tensor:
    shape = (y.array.size, *x.array.shape)
    return wrap(array_module(x.array).zeros(shape, x.array.dtype))


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the second derivatives of `func`, a single number.

    Args:
        func: a function of tensors that returns a single number.
        inputs: where to differentiate; a tensor or a tuple.
        create_graph: record the result, so that it can be differentiated.
        strict: raise if the result does not depend on an input, instead of returning zeros.
        vectorize: accepted; rows are computed one at a time.
        outer_jacobian_strategy: "reverse-mode", or "forward-mode" (with vectorize=True).

    Shape:
        For an input of shape T: (*T, *T). A tuple of inputs gives a tuple of tuples.

    Example:
        >>> hessian = rushlight.autograd.functional.hessian
        >>> hessian(lambda x: (x**3).sum(), rushlight.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    if outer_jacobian_strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    in_tuple, xs = _as_tuple(inputs, "inputs", "hessian")

    def gradient(*points: Tensor) -> Any:
        out_tuple, ys = _checked_outputs(func(*points), "hessian", strict)
        if out_tuple:
            raise RuntimeError("The function given to hessian should return a single Tensor")
        if ys[0].numel() != 1:
            raise RuntimeError(
                "The Tensor returned by the function given to hessian should contain a single "
                "element"
            )
        return _pull_back(ys, points, None, create_graph=True, strict=strict)

    found = jacobian(
        gradient, xs, create_graph=create_graph, strict=strict, vectorize=vectorize,
        strategy=outer_jacobian_strategy,
    )  # fmt: skip
    return found if in_tuple else found[0][0]
