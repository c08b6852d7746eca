"""Loading a state_dict into a tree of modules: what `Module.load_state_dict` does."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._tensor import Tensor
from ...autograd.mode import no_grad
from ..parameter import Parameter, is_lazy

if TYPE_CHECKING:
    from .module import Module


class _IncompatibleKeys(NamedTuple):
    """What load_state_dict(strict=False) did not find, or found too much."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        missing, unexpected = self
        if not missing and not unexpected:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={missing}, unexpected_keys={unexpected})"


def load_tree(
    root: Module, state_dict: Mapping[str, Any], strict: bool, assign: bool
) -> _IncompatibleKeys:
    """Load a state into a module and all below it; raise if something does not fit."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    metadata = getattr(state_dict, "_metadata", None)
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []
    report = _IncompatibleKeys(missing, unexpected)

    def load(module: Module, local: dict[str, Any], prefix: str) -> None:
        own = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            own = {**own, "assign_to_params_buffers": True}
        module._load_from_state_dict(local, prefix, own, True, missing, unexpected, errors)
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                load(child, {k: v for k, v in local.items() if k.startswith(below)}, below)
        for hook in module._load_state_dict_post_hooks.values():
            if hook(module, report) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )

    load(root, OrderedDict(state_dict), "")
    if strict:
        if unexpected:
            errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
        if missing:
            errors.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if errors:
        lines = "\n\t".join(errors)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(root).__name__}:\n\t{lines}")
    return report


def load_own(
    module: Module,
    state_dict: dict[str, Any],
    prefix: str,
    local_metadata: dict[str, Any],
    takes_extra: bool,
    missing_keys: list[str],
    unexpected_keys: list[str],
    error_msgs: list[str],
) -> None:
    """Load one module's own parameters and buffers; collect what does not fit."""
    own: dict[str, Any] = {n: p for n, p in module._parameters.items() if p is not None}
    for name, buffer in module._buffers.items():
        if buffer is not None and name not in module._non_persistent_buffers_set:
            own[name] = buffer
    assign = local_metadata.get("assign_to_params_buffers", False)
    for name, target in own.items():
        key = prefix + name
        if key not in state_dict:
            missing_keys.append(key)
            continue
        _warn_of_nothing(key, target, state_dict[key], assign)
        try:
            problem = _load_value(module, name, target, state_dict[key], assign)
        except (NotImplementedError, RuntimeError) as error:
            problem = (
                'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{target.shape} and whose dimensions in the checkpoint are "
                f"{state_dict[key].shape}, an exception occurred : {error.args}."
            )
        if problem:
            error_msgs.append(problem.replace("{key}", key))
    extra = prefix + "_extra_state"
    if takes_extra:
        if extra in state_dict:
            module.set_extra_state(state_dict[extra])
        else:
            missing_keys.append(extra)
    elif extra in state_dict:
        unexpected_keys.append(extra)
    for key in state_dict:
        if key.startswith(prefix) and key != extra:
            first, *rest = key[len(prefix) :].split(".", 1)
            known = first in module._modules if rest else first in own
            if not known:
                unexpected_keys.append(key)


def _warn_of_nothing(key: str, target: Any, value: Any, assign: bool) -> None:
    if target.is_meta and isinstance(value, Tensor) and not value.is_meta and not assign:
        warnings.warn(
            f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter "
            "in the current model, which is a no-op. (Did you mean to pass `assign=True` to assign "
            "items in the state dictionary to their corresponding key in the module instead of "
            "copying them in place?)",
            stacklevel=7,
        )


def _load_value(module: Module, name: str, target: Any, value: Any, assign: bool) -> str | None:
    """Copy one value; return what is wrong with it, if anything."""
    if not isinstance(value, Tensor):
        return (
            'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
            f"object from checkpoint but received {type(value)}"
        )
    if is_lazy(target) and not is_lazy(value):
        target.materialize(value.shape)
    if not is_lazy(target) and value.shape == (1,) and target.shape == ():
        value = value[0]  # files from before 0-d tensors
    if value.shape != target.shape:
        return (
            f"size mismatch for {{key}}: copying a param with shape {value.shape} from "
            f"checkpoint, the shape in current model is {target.shape}."
        )
    if assign:
        if isinstance(target, Parameter) and not isinstance(value, Parameter):
            value = Parameter(value, requires_grad=target.requires_grad)
        setattr(module, name, value)
    else:
        with no_grad():
            target.copy_(value)
    return None


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Take a prefix off the keys of a state, and off those of its metadata, in place.

    Args:
        state_dict: a state, of a wrapped model say.
        prefix: what to take off, `"module."` say.

    Example:
        >>> from rushlight.nn.modules.tuples import consume_prefix_in_state_dict_if_present
        >>> state = {"module.weight": 1, "other": 2}
        >>> consume_prefix_in_state_dict_if_present(state, "module.")
        >>> state
        {'other': 2, 'weight': 1}
    """
    for key in [key for key in state_dict if key.startswith(prefix)]:
        state_dict[key.removeprefix(prefix)] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", {})
    for key in list(metadata):
        # The module within has the prefix without its dot.
        if key and (key == prefix.replace(".", "") or key.startswith(prefix)):
            metadata[key[len(prefix) :]] = metadata.pop(key)
