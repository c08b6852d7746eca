"""Modules as functions of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from .._tensor import Tensor
from ..nn.modules.module import Module
from ..ops.joining import stack


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other tensors in the place of its parameters and buffers.

    Args:
        module: the module; it is as before afterwards.
        parameter_and_buffer_dicts: tensors by the names of `named_parameters()` and
            `named_buffers()`, in one dictionary or several; what is not named is used as it is, and
            names that the module does not know are passed over.
        args: the positional arguments, in a tuple (or a single one).
        kwargs: the keyword arguments.
        tie_weights: a tensor for one name also stands in for the other names of a shared
            parameter.
        strict: raise if a name is missing or unknown.

    Example:
        >>> layer = rushlight.nn.Linear(2, 1)
        >>> weights = {"weight": rushlight.ones(1, 2), "bias": rushlight.zeros(1)}
        >>> rushlight.func.functional_call(layer, weights, rushlight.tensor([3.0, 4.0]))
        tensor([7.])
    """
    given: dict[str, Tensor] = {}
    dicts = parameter_and_buffer_dicts
    for part in (dicts,) if isinstance(dicts, Mapping) else dicts:
        repeated = sorted(given.keys() & part.keys())
        if repeated:
            raise ValueError(
                f"{repeated} appeared in multiple dictionaries; behavior of functional call is "
                "ambiguous"
            )
        given.update(part)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def _places(module: Module) -> dict[str, tuple[dict[str, Any], str]]:
    """Return, for each name of a parameter or buffer, the dictionary and key that hold it."""
    places = {}
    for prefix, owner in module.named_modules(remove_duplicate=False):
        for held in (owner._parameters, owner._buffers):
            for name, tensor in held.items():
                if tensor is not None:
                    places[f"{prefix}.{name}" if prefix else name] = (held, name)
    return places


@contextmanager
def _replaced(
    module: Module, given: Mapping[str, Tensor], tie_weights: bool, strict: bool
) -> Iterator[None]:
    places = _places(module)
    unknown = sorted(given.keys() - places.keys())
    missing = sorted(places.keys() - given.keys())
    if strict and (unknown or missing):
        raise RuntimeError(
            "Error(s) in loading state_dict for functional_call: "
            f"Unexpected key(s): {unknown}. Missing key(s): {missing}."
        )
    values = {name: value for name, value in given.items() if name in places}
    if tie_weights:
        values |= _tied(places, values)
    before = {name: places[name][0][places[name][1]] for name in values}
    try:
        for name, value in values.items():
            held, key = places[name]
            held[key] = value
        yield
    finally:
        for name, tensor in before.items():
            held, key = places[name]
            held[key] = tensor


def _tied(places: Mapping[str, Any], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the given tensors under the other names of the parameters they stand for."""
    names: dict[int, list[str]] = {}
    for name, (held, key) in places.items():
        names.setdefault(id(held[key]), []).append(name)
    tied: dict[str, Tensor] = {}
    for group in names.values():
        stand_ins = [given[name] for name in group if name in given]
        if len({id(tensor) for tensor in stand_ins}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(group)}, which are tied. "
                "Consider using tie_weights=False"
            )
        if stand_ins:
            tied |= {name: stand_ins[0] for name in group if name not in given}
    return tied


def stack_module_state(
    models: Sequence[Module],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the parameters and the buffers of several like modules, stacked by name.

    With `functional_call` and `vmap` the modules then run as one ensemble.

    Args:
        models: modules of the same class, all in the same mode (train or eval).

    Returns:
        (parameters, buffers): dictionaries of tensors with a leading dimension, one entry for each
        module. The parameters are leaves that require grad.

    Raises:
        RuntimeError: there are no modules, or they differ in class or mode.

    Example:
        >>> layers = [rushlight.nn.Linear(2, 3) for _ in range(4)]
        >>> parameters, buffers = rushlight.func.stack_module_state(layers)
        >>> parameters["weight"].shape
        torch.Size([4, 3, 2])
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(members: Sequence[Mapping[str, Tensor]], learn: bool) -> dict[str, Tensor]:
        result = {}
        for name, first in members[0].items():
            whole = stack([member[name].detach() for member in members])
            result[name] = whole.requires_grad_(first.requires_grad) if learn else whole
        return result

    parameters = stacked([dict(model.named_parameters()) for model in models], True)
    return parameters, stacked([dict(model.named_buffers()) for model in models], False)


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """Return `func`: its in-place writes are part of the recorded graph anyway.

    Args:
        func: a function of tensors.
        remove: "mutations" or "mutations_and_views"; accepted.
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}"
        )
    return func
