"""class Optimizer: parameter groups, per-parameter state, hooks, and saving them."""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .._settings import typename
from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.hooks import RemovableHandle, add_hook
from ..autograd.mode import enable_grad
from ..autograd.view import bump
from ..kernels._float_errors import quiet


class _Required:
    """Stands for an option that has no default."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


_HOOKS = ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_pre", "load_post")


class Optimizer:
    """Base class of all optimizers.

    Args:
        params: the parameters, or dictionaries with a key "params" and options of that group, or
            (name, parameter) pairs.
        defaults: the options of groups that do not set their own.

    Raises:
        ValueError: there are no parameters, or one is no leaf.
        TypeError: something in `params` is no Tensor.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]):
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {params.type()}"
            )
        self.defaults = defaults
        self.state: dict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Wrap `step` of each subclass so that step hooks run."""
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with options of its own."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = dict(param_group)
        params = group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        params = list(params)
        names = [p[0] for p in params if isinstance(p, tuple)]
        if names:
            if len(names) != len(params):
                raise ValueError(
                    "all optimizer params should be with/without names. "
                    "Some param names are missing"
                )
            group["param_names"] = names
            params = [p for _, p in params]
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {typename(p)}"
                )
            if not (p.is_leaf or p.retains_grad or self.defaults.get("differentiable")):
                raise ValueError("can't optimize a non-leaf Tensor")
        group["params"] = params
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(
                    "parameter group didn't specify a value of required "
                    f"optimization parameter {name}"
                )
            group.setdefault(name, default)
        check_implementation(group)
        if any(("param_names" in g) != ("param_names" in group) for g in self.param_groups):
            found = "with" if "param_names" in group else "without"
            raise ValueError(
                "all optimizer param groups should be with/without names. "
                f"cannot add param group {found} names to the optimizer"
            )
        known = {id(p) for g in self.param_groups for p in g["params"]}
        if any(id(p) in known for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        if len({id(p) for p in params}) != len(params):
            import warnings

            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 "
                "for more information",
                stacklevel=3,
            )
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or zero them with `set_to_none=False`."""
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is None:
                    continue
                if set_to_none:
                    p._grad = None
                else:
                    p._grad.detach_().requires_grad_(False).zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; every subclass defines it."""
        raise NotImplementedError

    # --- hooks ---

    @functools.cached_property
    def _hooks(self) -> dict[str, OrderedDict[int, Callable[..., Any]]]:
        # Made when asked for: optimizers around others often leave Optimizer.__init__ out.
        return {name: OrderedDict() for name in _HOOKS}

    def _add(self, name: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        handle = add_hook(self._hooks[name], hook)
        if prepend:
            self._hooks[name].move_to_end(handle.id, last=False)
        return handle

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step."""
        return self._add("step_pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return self._add("step_post", hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`."""
        return self._add("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; what it returns replaces it."""
        return self._add("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; what it returns is loaded instead."""
        return self._add("load_pre", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return self._add("load_post", hook, prepend)

    # --- state ---

    def state_dict(self) -> dict[str, Any]:
        """Return the state and the groups' options, with parameters as numbers."""
        for hook in self._hooks["state_dict_pre"].values():
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {numbers[id(p)] if isinstance(p, Tensor) else p: s for p, s in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._hooks["state_dict_post"].values():
            replaced = hook(self, result)
            result = result if replaced is None else replaced
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` returned.

        Raises:
            ValueError: the groups differ in number or size.
        """
        loaded = dict(state_dict)
        for hook in self._hooks["load_pre"].values():
            replaced = hook(self, loaded)
            loaded = loaded if replaced is None else replaced
        saved = copy.deepcopy(loaded["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(
            len(s["params"]) != len(g["params"])
            for s, g in zip(saved, self.param_groups, strict=True)
        ):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        by_number = {
            number: p
            for s, g in zip(saved, self.param_groups, strict=True)
            for number, p in zip(s["params"], g["params"], strict=True)
        }
        state: dict[Any, dict[str, Any]] = defaultdict(dict)
        for key, value in loaded["state"].items():
            p = by_number.get(key)
            if p is None:
                state[key] = value
            else:
                state[p] = {name: _like_parameter(p, name, v) for name, v in value.items()}
        for s, g in zip(saved, self.param_groups, strict=True):
            s["params"] = g["params"]
            if "param_names" in g and "param_names" not in s:
                s["param_names"] = g["param_names"]
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._hooks["load_post"].values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * (i > 0) + [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    # --- for subclasses ---

    def _run_closure(self, closure: Callable[[], Any] | None) -> Any:
        if closure is None:
            return None
        with enable_grad():
            return closure()

    def _groups_for_kernels(self) -> Iterator[dict[str, Any]]:
        """Yield the groups whose steps are not recorded; take the recorded steps of the others."""
        for group in self.param_groups:
            if group.get("differentiable"):
                from ._recorded import recorded_step

                recorded_step(self, group)
            else:
                yield group

    def _sparse_step(self, p: Tensor, group: dict[str, Any]) -> None:
        """Update one parameter whose gradient is sparse; most optimizers have no such step."""
        raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")

    def _batches(
        self,
        group: dict[str, Any],
        state_names: Callable[[], tuple[str, ...]] | tuple[str, ...],
        **initial: float,
    ) -> Iterator[tuple[float, list[Tensor], list[list[Any]]]]:
        """Yield (step, parameters, lists of arrays) for parameters that took equally many steps.

        The first two lists are the parameters' and the gradients' arrays; then one for each name of
        state, which starts as zeros (or as the value given by keyword). The step is counted here.
        Complex arrays come as real ones: their parts are parameters of their own.
        """
        names = state_names() if callable(state_names) else state_names
        by_step: dict[float, list[Tensor]] = {}
        for p in group["params"]:
            if p._grad is None:
                continue
            if not p._grad._dense:
                self._sparse_step(p, group)
                continue
            state = self.state[p]
            if not state:
                state["step"] = 0
                for name in names:
                    state[name] = filled_like(p, initial.get(name, 0.0))
            by_step.setdefault(count_step(state), []).append(p)
        for step_number, params in by_step.items():
            lists = [*real_arrays(params)]
            lists += [[as_real(self.state[p][name].array) for p in params] for name in names]
            yield step_number, params, lists


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    if getattr(step, "_runs_hooks", False):
        return step

    @functools.wraps(step)
    @quiet
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        hooks = self._hooks
        for hook in list(hooks["step_pre"].values()):
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                args, kwargs = replaced
        result = step(self, *args, **kwargs)
        for hook in list(hooks["step_post"].values()):
            hook(self, args, kwargs)
        return result

    hooked._runs_hooks = True  # type: ignore[attr-defined]
    return hooked


def _like_parameter(p: Tensor, name: str, value: Any) -> Any:
    """Return a loaded value on the parameter's device and in its dtype (steps stay as they are)."""
    if isinstance(value, Tensor):
        if name == "step":
            return value.clone()
        dtype = p.dtype if p.dtype.is_floating_point and value.dtype.is_floating_point else None
        return value.to(device=p.device, dtype=dtype, copy=True)
    if isinstance(value, dict):
        return {k: _like_parameter(p, name, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_like_parameter(p, name, v) for v in value)
    return value


def written(params: Iterable[Tensor]) -> None:
    """Note that an optimizer kernel has written to these parameters."""
    for p in params:
        bump(p)


def as_real(x: Array) -> Array:
    """View a complex array as a real one with the parts along a last axis; return others as is."""
    return x[..., None].view(x.real.dtype) if x.dtype.kind == "c" else x


def real_arrays(params: Iterable[Tensor]) -> tuple[list[Array], list[Array]]:
    """Return the arrays of parameters and of their gradients, complex ones as real ones."""
    pairs = [(as_real(p.array), as_real(p._grad.array)) for p in params if p._grad is not None]
    return [p for p, _ in pairs], [g for _, g in pairs]


def sparse_gradient(p: Tensor) -> tuple[tuple[Array, ...], Array]:
    """Return where a parameter's sparse gradient has elements, once each, and these."""
    g: Any = p._grad
    g = g.coalesce()
    return tuple(g._indices().array), as_real(g._values().array)


def filled_like(p: Tensor, value: float) -> Tensor:
    """Return state of a parameter's form that holds `value`, in both parts if it is complex."""
    return wrap(np.full_like(p.array, complex(value, value) if p.is_complex() else value))


def count_step(state: dict[str, Any]) -> float:
    """Add 1 to a state's step and return it; a step that is a plain number becomes a Tensor."""
    step = state["step"]
    if not isinstance(step, Tensor):
        step = state["step"] = wrap(np.asarray(step, np.float32))
    step.array += 1
    return float(step.array)


def check_implementation(options: dict[str, Any]) -> None:
    """Check the options that choose between PyTorch's implementations of one optimizer.

    Raises:
        RuntimeError: the options exclude each other.
    """
    if options.get("differentiable") and options.get("fused"):
        raise RuntimeError("`fused` does not support `differentiable`")
    if options.get("fused") and options.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def check_range(
    name: str, value: Any, low: float = 0.0, high: float | None = None, *, option: str = ""
) -> None:
    """Check an option: low <= value (< high). `option` is its name in the signature if it differs.

    Raises:
        ValueError: it lies outside.
    """
    if not low <= _number(value, option or name) or (high is not None and not float(value) < high):
        raise ValueError(f"Invalid {name}: {value}")


def check_lr(lr: Any, message: str = "Invalid learning rate") -> None:
    """Check a learning rate.

    Raises:
        ValueError: it is negative, or a Tensor of several elements.
    """
    if not 0.0 <= _number(lr, "lr"):
        raise ValueError(f"{message}: {lr}")


def _number(value: Any, option: str) -> float:
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Tensor {option} must be 1-element")
    return float(value)
