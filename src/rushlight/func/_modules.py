"""Modules as functions of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._tensor import Tensor
from ..nn.modules.batchnorm import _BatchNorm
from ..nn.modules.module import Module
from ..nn.utils.stateless import reparametrized
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
    if not isinstance(dicts, (Mapping, list, tuple)):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
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
    with reparametrized(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


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


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Make all batch normalisations of a module keep no running statistics; return the module.

    Running statistics cannot be updated under `vmap`.

    Args:
        root: the module; changed in place.

    Example:
        >>> layer = rushlight.func.replace_all_batch_norm_modules_(rushlight.nn.BatchNorm1d(3))
        >>> layer.running_mean is None
        True
    """
    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


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
