"""Hooks around a module's forward pass: those of the module, and those of all modules."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..._tensor import Tensor
from ...autograd.hooks import RemovableHandle, add_hook
from ._backward_hooks import BackwardHooks

if TYPE_CHECKING:
    from .module import Module

Hook = Callable[..., Any]


class GlobalHooks:
    """The hooks of all modules, and those that see what any module registers."""

    def __init__(self) -> None:
        self.forward: OrderedDict[int, Hook] = OrderedDict()
        self.forward_pre: OrderedDict[int, Hook] = OrderedDict()
        self.backward: OrderedDict[int, Hook] = OrderedDict()
        self.backward_pre: OrderedDict[int, Hook] = OrderedDict()
        self.with_kwargs: set[int] = set()
        self.always_called: set[int] = set()
        self.backward_is_full: bool | None = None
        self.registered: dict[str, OrderedDict[int, Hook]] = {
            kind: OrderedDict() for kind in ("buffer", "module", "parameter")
        }

    def register(self, kind: str, module: Module, name: str, value: Any) -> Any:
        """Return what a module is to register: `value`, or what a hook wants instead."""
        for hook in self.registered[kind].values():
            replaced = hook(module, name, value)
            if replaced is not None:
                value = replaced
        return value


EVERYWHERE = GlobalHooks()


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, args)` before the forward of every module."""
    return add_hook(EVERYWHERE.forward_pre, hook)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the forward of every module.

    Args:
        hook: the function; what it returns replaces the output.
        with_kwargs: it takes the keyword arguments too, before the output.
        always_call: it runs after an exception as well.
    """
    handle = add_hook(EVERYWHERE.forward, hook)
    if with_kwargs:
        EVERYWHERE.with_kwargs.add(handle.id)
    if always_call:
        EVERYWHERE.always_called.add(handle.id)
    return handle


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_output)` before the backward pass of every module."""
    return add_hook(EVERYWHERE.backward_pre, hook)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` after the backward pass of every module.

    Raises:
        RuntimeError: there are hooks of `register_module_backward_hook` already.
    """
    _choose_kind_everywhere(full=True)
    return add_hook(EVERYWHERE.backward, hook)


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """Call `hook` with the gradients of the last node of every module.

    Raises:
        RuntimeError: there are hooks of `register_module_full_backward_hook` already.
    """
    _choose_kind_everywhere(full=False)
    return add_hook(EVERYWHERE.backward, hook)


def _choose_kind_everywhere(full: bool) -> None:
    if EVERYWHERE.backward_is_full is (not full):
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module "
            "hook. Please use only one of them."
        )
    EVERYWHERE.backward_is_full = full


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, buffer)` when any module registers a buffer."""
    return add_hook(EVERYWHERE.registered["buffer"], hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, submodule)` when any module registers a sub-module."""
    return add_hook(EVERYWHERE.registered["module"], hook)


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, parameter)` when any module registers a parameter."""
    return add_hook(EVERYWHERE.registered["parameter"], hook)


# --- a call -------------------------------------------------------------------------------------


class Call:
    """One call of a module that has hooks."""

    def __init__(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.module, self.args, self.kwargs = module, args, kwargs
        self.result: Any = None
        self.called: set[int] = set()

    def run(self) -> Any:
        """Run hooks, `forward` and hooks."""
        try:
            return self._run()
        except Exception:
            self._call_the_rest()
            raise

    def _run(self) -> Any:
        self._before()
        full, plain = self._backward_hooks()
        pre = [*EVERYWHERE.backward_pre.values(), *self.module._backward_pre_hooks.values()]
        watch = BackwardHooks(self.module, full, pre) if full or pre else None
        if watch is not None:
            self.args = watch.on_inputs(self.args)
        self.result = self.module.forward(*self.args, **self.kwargs)
        self._after()
        if watch is not None:
            self.result = watch.on_outputs(self.result)
        if plain:
            _hook_last_node(self.module, plain, self.args, self.result)
        return self.result

    def _before(self) -> None:
        own = self.module._forward_pre_hooks_with_kwargs
        for hook in EVERYWHERE.forward_pre.values():
            self._replace_args(hook(self.module, self.args))
        for key, hook in list(self.module._forward_pre_hooks.items()):
            if key in own:
                self._replace_all(hook(self.module, self.args, self.kwargs))
            else:
                self._replace_args(hook(self.module, self.args))

    def _replace_args(self, changed: Any) -> None:
        if changed is not None:
            self.args = changed if isinstance(changed, tuple) else (changed,)

    def _replace_all(self, changed: Any) -> None:
        if changed is None:
            return
        if not (isinstance(changed, tuple) and len(changed) == 2):
            raise RuntimeError(
                "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got "
                f"{changed}."
            )
        self.args, self.kwargs = changed

    def _hooks_after(self) -> Iterator[tuple[int, Hook, bool, bool]]:
        """Yield key, hook, whether it takes keywords, and whether it runs in any case."""
        for key, hook in list(EVERYWHERE.forward.items()):
            yield key, hook, key in EVERYWHERE.with_kwargs, key in EVERYWHERE.always_called
        module = self.module
        kwargs, always = module._forward_hooks_with_kwargs, module._forward_hooks_always_called
        for key, hook in list(module._forward_hooks.items()):
            yield key, hook, key in kwargs, key in always

    def _after(self) -> None:
        for key, hook, takes_kwargs, _ in self._hooks_after():
            self.called.add(key)
            self._call_after(hook, takes_kwargs)

    def _call_after(self, hook: Hook, takes_kwargs: bool) -> None:
        more = (self.kwargs,) if takes_kwargs else ()
        changed = hook(self.module, self.args, *more, self.result)
        if changed is not None:
            self.result = changed

    def _call_the_rest(self) -> None:
        """After an exception: call the hooks that run in any case and have not run."""
        for key, hook, takes_kwargs, always in self._hooks_after():
            if not always or key in self.called:
                continue
            try:
                self._call_after(hook, takes_kwargs)
            except Exception as error:
                where = "global module" if key in EVERYWHERE.forward else "module"
                warnings.warn(
                    f"{where} forward hook with ``always_call=True`` raised an exception that was "
                    f"silenced as another error was raised in forward: {error}",
                    stacklevel=4,
                )

    def _backward_hooks(self) -> tuple[list[Hook], list[Hook]]:
        """Return the full backward hooks, and those on the last node."""
        full: list[Hook] = []
        plain: list[Hook] = []
        own = self.module._backward_hooks.values()
        everywhere = EVERYWHERE.backward.values()
        (plain if EVERYWHERE.backward_is_full is False else full).extend(everywhere)
        (plain if self.module._is_full_backward_hook is False else full).extend(own)
        return full, plain


def _hook_last_node(module: Module, hooks: list[Hook], args: Any, result: Any) -> None:
    """Hook the node of a module's (first) output, as older programs want it."""
    while not isinstance(result, Tensor):
        if isinstance(result, dict):
            result = next(v for v in result.values() if isinstance(v, Tensor))
        else:
            result = result[0]
    node = result.grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(_of_module(module, hook))
    came_from = {id(a.grad_fn) for a in args if isinstance(a, Tensor) and a.grad_fn is not None}
    if came_from != {id(following) for following, _ in node.next_functions}:
        warnings.warn(
            "Using a non-full backward hook when the forward contains multiple autograd Nodes is "
            "deprecated and will be removed in future versions. This hook will be missing some "
            "grad_input. Please use register_full_backward_hook to get the documented behavior.",
            FutureWarning,
            stacklevel=5,
        )


def _of_module(module: Module, hook: Hook) -> Hook:
    return lambda grad_inputs, grad_outputs: hook(module, grad_inputs, grad_outputs)
