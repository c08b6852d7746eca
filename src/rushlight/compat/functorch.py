"""`functorch`, which `torch.func` has taken the place of, as older programs use it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from .._tensor import Tensor
from ..func import (
    functional_call,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)
from ..nn import Module

__all__ = [
    "combine_state_for_ensemble",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "make_functional",
    "make_functional_with_buffers",
    "vjp",
    "vmap",
]

Tensors = tuple[Tensor, ...]


def make_functional(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[Callable[..., Any], Tensors]:
    """Return `f(params, *args)`, which does what the module does, and its parameters."""
    call, params, buffers = make_functional_with_buffers(model, disable_autograd_tracking)
    return lambda params, *args, **kwargs: call(params, buffers, *args, **kwargs), params


def make_functional_with_buffers(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[Callable[..., Any], Tensors, Tensors]:
    """Return `f(params, buffers, *args)`, the parameters and the buffers of a module."""
    params, buffers = dict(model.named_parameters()), dict(model.named_buffers())
    skeleton = copy.deepcopy(model)

    def call(new_params: Sequence[Tensor], new_buffers: Sequence[Tensor], *args: Any, **kwargs: Any
    ) -> Any:  # fmt: skip
        state = dict(zip([*params, *buffers], [*new_params, *new_buffers], strict=True))
        return functional_call(skeleton, state, args, kwargs)

    taken = [p.detach() if disable_autograd_tracking else p for p in params.values()]
    return call, tuple(taken), tuple(buffers.values())


def combine_state_for_ensemble(
    models: Sequence[Module],
) -> tuple[Callable[..., Any], Tensors, Tensors]:
    """Return `f(params, buffers, *args)` of one model, and the stacked states of all."""
    if not models:
        raise RuntimeError("combine_state_for_ensemble: Expected at least one model, got 0.")
    call, _, _ = make_functional_with_buffers(models[0])
    params, buffers = stack_module_state(list(models))
    return call, tuple(params.values()), tuple(buffers.values())
