"""What the C++ headers ask Python for: things that are not worth compiling into every extension."""

from __future__ import annotations

import builtins
import ctypes
import importlib
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

import rushlight
from rushlight import Tensor, autograd
from rushlight._tensor import wrap
from rushlight.backend import cuda

# --- functions by name ---

_MODULES = (
    "rushlight", "rushlight.nn.functional", "rushlight.linalg", "rushlight.special",
    "rushlight.fft",
)  # fmt: skip


def function(name: str) -> Callable[..., Any]:
    """Return the library's function of a name.

    Raises:
        NotImplementedError: there is none.
    """
    if name in _ADAPTERS:
        return _ADAPTERS[name]
    for module in _MODULES:
        found = getattr(importlib.import_module(module), name, None)
        if callable(found):
            return found
    raise NotImplementedError(f"the library has no function '{name}'")


def unique2(
    tensor: Tensor, is_sorted: bool, inverse: bool, counts: bool, dim: int | None = None
) -> tuple[Tensor, ...]:
    """Return values, inverse and counts; what is not wanted is empty."""
    return _with_empty(rushlight.unique(tensor, is_sorted, inverse, counts, dim), inverse, counts)


def unique_runs(tensor: Tensor, inverse: bool, counts: bool, dim: int | None) -> tuple[Tensor, ...]:
    """Return `unique_consecutive`'s values, inverse and counts; what is not wanted is empty."""
    return _with_empty(rushlight.unique_consecutive(tensor, inverse, counts, dim), inverse, counts)


def _with_empty(found: Any, *wanted: bool) -> tuple[Tensor, ...]:
    values, *others = found if any(wanted) else (found,)
    return values, *(
        others.pop(0) if is_wanted else rushlight.empty(0, dtype=rushlight.int64)
        for is_wanted in wanted
    )


def tensordot_over(x: Tensor, y: Tensor, *dims: int) -> Tensor:
    """Return `tensordot` over the first half of `dims` in x and the second in y."""
    half = len(dims) // 2
    return rushlight.tensordot(x, y, (list(dims[:half]), list(dims[half:])))


# Operators of C++ that differ from the function of the name, or have none.
_ADAPTERS: dict[str, Callable[..., Any]] = {
    "unique2": unique2,
    "unique_runs": unique_runs,
    "tensordot": tensordot_over,
    "adaptive_max_pool2d": lambda x, size: rushlight.nn.functional.adaptive_max_pool2d(
        x, size, return_indices=True
    ),
    "linalg_svd": lambda a, full: rushlight.linalg.svd(a, full_matrices=full),
    "linalg_qr": lambda a, mode: rushlight.linalg.qr(a, mode),
    "linalg_cholesky": lambda a, upper: rushlight.linalg.cholesky(a, upper=upper),
    "linalg_norm": lambda *args, **kwargs: rushlight.linalg.norm(*args, **kwargs),
}


def slice_along(tensor: Tensor, dim: int, start: int | None, end: int | None, step: int) -> Tensor:
    """Return `tensor[start:end:step]` along one dimension.

    Raises:
        IndexError: there is no such dimension.
    """
    dims = tensor.ndim
    if not -dims <= dim < dims:
        raise IndexError(
            "Dimension out of range (expected to be in range of "
            f"[{-max(dims, 1)}, {max(dims, 1) - 1}], but got {dim})"
        )
    sliced: Tensor = tensor[(slice(None),) * (dim % dims) + (slice(start, end, step),)]
    return sliced


def operator(name: str, overload: str) -> Callable[..., Any]:
    """Return the registered operator "ns::name" as `torch.ops` has it."""
    namespace, _, plain = name.partition("::")
    packet = getattr(getattr(rushlight.ops, namespace), plain)
    return getattr(packet, overload or "default")


# --- functions that extensions define ---


def signature(
    name: str, names: Sequence[str], types: Sequence[str], defaults: dict[int, Any], result: str
) -> str:
    """Return how a function is called: `f(x: torch.Tensor, by: float = 2.0) -> torch.Tensor`."""
    parameters = []
    for i, kind in enumerate(types):
        if names[i].startswith("*"):
            parameters.append(names[i])
            continue
        parameter = f"{names[i] or f'arg{i}'}: {kind}"
        parameters.append(f"{parameter} = {defaults[i]!r}" if i in defaults else parameter)
    return f"{name}({', '.join(parameters)}) -> {result}"


def docstring(name: str, overloads: Sequence[tuple[str, str]]) -> str:
    """Return the docstring of a function with these (signature, text) overloads."""
    if len(overloads) == 1:
        return _paragraph(*overloads[0])
    numbered = [
        f"{number}. {_paragraph(*overload)}" for number, overload in enumerate(overloads, start=1)
    ]
    return "\n".join([f"{name}(*args, **kwargs)\nOverloaded function.\n", *numbered])


def _paragraph(call: str, text: str) -> str:
    return f"{call}\n\n{text}\n" if text else f"{call}\n"


def raise_wrong_arguments(
    name: str, signatures: Sequence[str], args: Sequence[Any], kwargs: dict[str, Any]
) -> NoReturn:
    """Raise the error of a call that fits no overload."""
    calls, kind = [call.removeprefix(name) for call in signatures], "function"
    if name == "__init__" and args:
        made, args, kind = type(args[0]), args[1:], "constructor"
        calls = [f"{made.__module__}.{made.__qualname__}{_without_self(call)}" for call in calls]
    supported = [f"    {number}. {call}\n" for number, call in enumerate(calls, 1)]
    given = ", ".join(map(_shown, args))
    if kwargs:
        given += "; " if given else ""
        given += "kwargs: " + ", ".join(f"{key}={_shown(value)}" for key, value in kwargs.items())
    raise TypeError(
        f"{name}(): incompatible {kind} arguments. The following argument types are supported:\n"
        f"{''.join(supported)}\nInvoked with: {given}"
    )


def _without_self(call: str) -> str:
    """Return `(self: object, x: int) -> None` as `(x: int)`."""
    return re.sub(r"^\(self: [^,)]*(?:, )?", "(", call).removesuffix(" -> None")


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # `__repr__` of an object whose `__init__` has just failed
        return object.__repr__(value)


def exception_type(name: str) -> type[BaseException]:
    """Return the exception that a C++ exception of this name becomes."""
    homes = (builtins, rushlight, rushlight.linalg)
    found = next((getattr(home, name) for home in homes if hasattr(home, name)), RuntimeError)
    return found if isinstance(found, type) else RuntimeError


# --- gradients ---


def function_class(cpp_name: str, backward: Callable[..., Any]) -> type[autograd.Function]:
    """Return the `autograd.Function` that stands for a C++ one.

    Its `forward` gets, before the tensors, the callable that runs the C++ one.

    Args:
        cpp_name: the text in which the compiler names the C++ class, as `... [with T = Scale; ...`.
        backward: called with the context and the gradients; returns those of the arguments.
    """

    def call_forward(ctx: Any, forward: Callable[[Any], Any], *tensors: Any) -> Any:
        return forward(ctx)

    def call_backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        return None, *backward(ctx, *gradients)

    match = re.search(r"T = (?:[\w:]|\(anonymous namespace\)|\{anonymous\})*?(\w+)[;\]]", cpp_name)
    name = match.group(1) if match else "CppFunction"
    members = {"forward": staticmethod(call_forward), "backward": staticmethod(call_backward)}
    return type(name, (autograd.Function,), members)


def autograd_grad(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    grad_outputs: Sequence[Tensor],
    retain_graph: bool | None,
    create_graph: bool,
    allow_unused: bool,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of outputs with regard to inputs."""
    return autograd.grad(
        outputs, inputs, grad_outputs or None, retain_graph, create_graph, allow_unused
    )


def autograd_backward(
    tensors: Sequence[Tensor],
    grad_tensors: Sequence[Tensor],
    retain_graph: bool | None,
    create_graph: bool,
) -> None:
    """Accumulate gradients in the leaves."""
    autograd.backward(tensors, grad_tensors or None, retain_graph, create_graph)


# --- random numbers ---


def initial_seed() -> int:
    """Return the seed of the library's generator."""
    return rushlight.initial_seed()


def draw_seed() -> int:
    """Return a seed for one launch of a kernel, drawn from the library's generator."""
    return int(rushlight.randint(0, 2**62, ()).item())


# --- memory ---


def tensor_over(
    address: int,
    sizes: Sequence[int],
    strides: Sequence[int] | None,
    dtype: Any,
    device: Any,
    requires_grad: bool,
    owner: Any,
) -> Tensor:
    """Return a tensor over memory of C++; `owner` lives as long as anything looks at it."""
    item = dtype.itemsize
    if strides is None:
        strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    reach = sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True)) + 1
    count = reach if math.prod(sizes) else 0
    if device.type == "cuda":
        steps = [stride * item for stride in strides]
        made = cuda.array_over(address, count * item, sizes, steps, dtype.numpy, owner)
    else:
        made = _numpy_array(address, count * item, sizes, strides, dtype, owner)
    return wrap(made).requires_grad_(requires_grad)


def _numpy_array(
    address: int, size: int, sizes: Any, strides: Any, dtype: Any, owner: Any
) -> np.ndarray[Any, Any]:
    if not size:
        return np.empty(sizes, dtype.numpy)
    buffer = (ctypes.c_char * size).from_address(address)
    buffer.owner = owner  # type: ignore[attr-defined]  # what keeps the memory alive
    flat = np.frombuffer(memoryview(buffer), np.uint8).view(dtype.numpy)
    steps = [stride * dtype.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(flat, sizes, steps)


def storage_of(tensor: Tensor) -> tuple[int, int]:
    """Return address and bytes of the memory behind a tensor and all views of it."""
    storage = tensor.untyped_storage()
    return storage.data_ptr(), storage.nbytes()


def read_array(array: Any) -> tuple[int, Any, int, tuple[int, ...], tuple[int, ...]]:
    """Return address, NumPy dtype, device index, sizes and strides in bytes of a GPU's array."""
    return array.data.ptr, array.dtype, array.device.id, array.shape, array.strides


def current_stream() -> int:
    """Return the address of the CUDA stream on which arrays are computed."""
    return cuda.stream_address()
