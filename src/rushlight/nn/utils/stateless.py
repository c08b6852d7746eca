"""A module called with other tensors in the place of its own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..._tensor import Tensor
from ..modules.module import Module

__all__ = ["functional_call", "reparametrized"]


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other tensors; the former name of `rushlight.func.functional_call`.

    Args:
        module: the module; it is as before afterwards.
        parameters_and_buffers: tensors by their dotted names.
        args: the positional arguments, in a tuple (or a single one).
        kwargs: the keyword arguments.
        tie_weights: a tensor for one name stands in for the other names of a shared parameter too.
        strict: raise if a name is missing or unknown.
    """
    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be "
        "removed in a future version of PyTorch. Please use `torch.func.functional_call` instead "
        "which is a drop-in replacement.",
        FutureWarning,
        stacklevel=2,
    )
    given = () if args is None else args if isinstance(args, tuple) else (args,)
    with reparametrized(module, parameters_and_buffers, tie_weights, strict):
        return module(*given, **(kwargs or {}))


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
def reparametrized(
    module: Module, given: dict[str, Tensor], tie_weights: bool = False, strict: bool = False
) -> Iterator[None]:
    """Put tensors in the place of a module's own within the context.

    What the module assigns to its buffers meanwhile is found in `given` afterwards.
    """
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
            if name in given:
                given[name] = held[key]
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
