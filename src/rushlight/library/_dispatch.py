"""Which kernel a call reaches: by autocast, autograd, and the device of its tensors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..autograd.mode import GRAD, no_grad, read_mode
from ..autograd.node import Node, edge_to, next_sequence
from ..autograd.view import bump
from ..backend import cuda
from ._arguments import tensors_in
from ._registry import BY_DEVICE, CompiledKernel, Operator

_COMPOSITE = ("CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional")

_ndarray = np.ndarray

# What the kernels that are now running have passed already.
_below: ContextVar[frozenset[str]] = ContextVar("below", default=frozenset())


@contextmanager
def below(*layers: str) -> Iterator[None]:
    """Within the block, operators skip the kernels of these layers: "Autograd", "Autocast".

    Below "Autograd" nothing is recorded.
    """
    token = _below.set(_below.get().union(layers))
    try:
        with no_grad() if "Autograd" in layers else nullcontext():
            yield
    finally:
        _below.reset(token)


def call(operator: Operator, values: Sequence[Any]) -> Any:
    """Run an operator on bound arguments, all layers included."""
    tensors = tensors_in(values)
    device = _device_of(operator, tensors, values)
    passed = _below.get()
    if "Autocast" not in passed:
        cast = _autocast(operator, device)
        if cast is not None:
            with below("Autocast"):
                return cast(operator, values)
    if "Autograd" not in passed:
        kernel = operator.kernels.get("Autograd" + BY_DEVICE.get(device, "CPU"))
        kernel = kernel or operator.kernels.get("Autograd")
        if kernel is not None:
            return run(operator, kernel, values)
        if operator.gradient is not None and _recording(tensors):
            result = operator.gradient.call(operator, values)
            _note_writes(operator, values)
            return result
    result = backend(operator, values, device)
    _note_writes(operator, values)
    return result


def backend(operator: Operator, values: Sequence[Any], device: str) -> Any:
    """Run the kernel of a device, or one for all devices."""
    kernels = operator.kernels
    kernel = kernels.get(BY_DEVICE.get(device, ""))
    if kernel is None and device == "meta" and operator.fake is not None:
        from ._fake import run_fake

        return run_fake(operator, values)
    for key in _COMPOSITE:
        kernel = kernel or kernels.get(key)
    if kernel is None:
        kernel = kernels.get("CompositeImplicitAutograd")
        if kernel is not None:
            return run(operator, kernel, values)
        kernel = _emulated(operator, device)
    result = run(operator, kernel, values)
    if operator.gradient is None and "Autograd" not in _below.get():
        _mark_undifferentiable(operator, values, result)
    return result


def _emulated(operator: Operator, device: str) -> Any:
    """Return a compiled CUDA kernel to run on the CPU, where there is no GPU; else raise."""
    kernel = operator.kernels.get("CUDA")
    if device == "cpu" and type(kernel) is CompiledKernel and not cuda.available():
        return kernel
    raise _no_kernel(operator, device)


def run(operator: Operator, kernel: Any, values: Sequence[Any]) -> Any:
    """Call a kernel and check what it returns."""
    if type(kernel) is CompiledKernel:
        result = kernel.function(*values)
    else:
        args, kwargs = operator.signature.for_kernel(values)
        result = kernel(*args, **kwargs)
    result = operator.signature.result(result)
    if operator.checks_aliases:
        check_aliases(operator, values, result)
    return result


def device_of_call(operator: Operator, values: Sequence[Any]) -> str:
    """Return the type of the device whose kernel is to run; empty if nothing tells."""
    return _device_of(operator, tensors_in(values), values)


def _device_of(operator: Operator, tensors: Sequence[Tensor], values: Sequence[Any]) -> str:
    if tensors and all(type(x.array) is _ndarray for x in tensors):
        return "cpu"
    types = {x.device.type for x in tensors}
    if not types:
        types = {
            value.type
            for argument, value in zip(operator.schema.arguments, values, strict=True)
            if argument.type.base == "Device" and value is not None
        }
    return next((t for t in ("meta", "cuda", "cpu") if t in types), min(types, default=""))


def _recording(tensors: Sequence[Tensor]) -> bool:
    return read_mode() == GRAD and any(x.requires_grad for x in tensors)


def _note_writes(operator: Operator, values: Sequence[Any]) -> None:
    for index in operator.mutated:
        for x in tensors_in([values[index]]):
            bump(x)


def _no_kernel(operator: Operator, device: str) -> NotImplementedError:
    name, known = operator.schema.name, f"[{', '.join(operator.kernels)}]"
    if not device:
        return NotImplementedError(
            "There were no tensor arguments to this function (e.g., you passed an empty list of "
            f"Tensors), but no fallback function is registered for schema {name}.  This usually "
            "means that this function requires a non-empty list of Tensors, or that you (the "
            "operator writer) forgot to register a fallback function.  Available functions are "
            f"{known}."
        )
    key = BY_DEVICE.get(device, device)
    return NotImplementedError(
        f"Could not run '{name}' with arguments from the '{key}' backend. This could be because "
        "the operator doesn't exist for this backend, or was omitted during the "
        f"selective/custom build process (if using custom build). '{name}' is only available for "
        f"these backends: {known}."
    )


# --- autocast ---------------------------------------------------------------------------------


def _autocast(operator: Operator, device: str) -> Any:
    """Return what runs a call under the autocast that is switched on; None if nothing does."""
    kernels = operator.kernels
    if not operator.casts and "AutocastCPU" not in kernels and "AutocastCUDA" not in kernels:
        return None
    from ..amp.autocast_mode import is_autocast_enabled

    if device not in ("cpu", "cuda") or not is_autocast_enabled(device):
        return None
    kernel = kernels.get("Autocast" + BY_DEVICE[device])
    if kernel is not None:
        return lambda operator, values: run(operator, kernel, values)
    if device not in operator.casts:
        return None
    target = operator.casts[device]

    def cast(operator: Operator, values: Sequence[Any]) -> Any:
        from ..amp import autocast

        with autocast(device, enabled=False):
            return call(operator, [_cast(value, target, device) for value in values])

    return cast


def _cast(value: Any, dtype: Any, device: str) -> Any:
    if isinstance(value, list):
        return [_cast(item, dtype, device) for item in value]
    if isinstance(value, Tensor) and value.is_floating_point() and value.device.type == device:
        return value if str(value.dtype) == "torch.float64" else value.to(dtype)
    return value


# --- results ----------------------------------------------------------------------------------


def check_aliases(operator: Operator, values: Sequence[Any], result: Any) -> None:
    """Refuse results that share memory with an argument or with each other.

    Raises:
        RuntimeError: one does.
    """
    seen = {memory_of(x) for x in tensors_in(values) if x.array.size}
    for y in tensors_in([result] if isinstance(result, Tensor) else result or ()):
        memory = memory_of(y)
        if y.array.size and memory in seen:
            raise RuntimeError(
                f"{operator.schema.name} (with implementation in {operator.definition}): The "
                "output of this custom operator (1) must not also be an input to this custom "
                "operator and (2) may not alias any inputs to this custom operator or other "
                "returns. The most common way to trigger this error is if we have y = "
                "custom_op(x) and y and x are the same Tensor. Please instead return a clone of "
                "the offending output tensor(s) (e.g. return x.clone()) or refactor the custom "
                "operator to not return y."
            )
        seen.add(memory)


def memory_of(x: Tensor) -> int:
    """Return what identifies the memory that a tensor shows a part of."""
    array = x.array
    while hasattr(getattr(array, "base", None), "dtype"):
        array = array.base
    return id(array)


class _WarnNotImplemented(Node):
    """Stands behind a result whose operator has no gradient: says so, and passes none on."""

    qualname = ""

    def name(self) -> str:
        return "WarnNotImplemented"

    def backward(self, *grads: Any) -> tuple[None, ...]:
        warnings.warn(
            f"{self.qualname}: an autograd kernel was not registered to the Autograd key(s) but we "
            "are trying to backprop through it. This may lead to silently incorrect behavior. If "
            "your operator is differentiable, please ensure you have registered an autograd "
            "kernel to the correct Autograd key (e.g. DispatchKey::Autograd, "
            "DispatchKey::CompositeImplicitAutograd).",
            UserWarning,
            stacklevel=2,
        )
        return (None,) * len(self.edges)


def _mark_undifferentiable(operator: Operator, values: Sequence[Any], result: Any) -> None:
    """Let results of a kernel without gradient say so, rather than look like constants."""
    tensors = tensors_in(values)
    if not _recording(tensors) or operator.mutated:
        return
    outputs = tensors_in([result] if isinstance(result, Tensor) else result or ())
    for y in outputs:
        floating = y.dtype.is_floating_point or y.dtype.is_complex
        if y.requires_grad or not floating or any(y is x for x in tensors):
            continue
        node = _WarnNotImplemented()
        node.qualname = operator.schema.name
        node.edges = tuple(edge_to(x) for x in tensors)
        node.sequence = next_sequence()
        y._requires_grad, y._node, y._index = True, node, 0
