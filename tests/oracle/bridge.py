"""Carries tensors, arguments and functions from torch to rushlight, and compares results."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import torch

import rushlight
from rushlight._tensor import Tensor, wrap

TOLERANCE = {"float32": (2e-4, 2e-5), "float64": (1e-7, 1e-8), "complex64": (2e-4, 2e-5)}


def to_array(t: torch.Tensor) -> np.ndarray:
    """Copy a torch tensor to NumPy, strides kept."""
    t = t.detach().resolve_conj().resolve_neg()
    if torch._is_zerotensor(t):
        t = t.clone()
    if t.dtype is torch.bfloat16:
        return np.array(t.view(torch.int16).numpy()).view(ml_dtypes.bfloat16)
    source = t.numpy()
    if any(s < 0 for s in source.strides) or 0 in source.strides:
        return np.array(source)
    return np.array(source, order="K")


def _mirror(t: torch.Tensor, memo: dict[Any, Any]) -> np.ndarray:
    """Copy a tensor's storage, once for all tensors that share it, and window the copy alike."""
    if not t.numel():
        return np.empty(tuple(t.shape), to_array(t.new_zeros(1)).dtype)
    if t.is_conj() or t.is_neg():
        return to_array(t)
    storage = t.untyped_storage()
    where = ("storage", storage.data_ptr())
    if where not in memo:
        whole = torch.empty(0, dtype=torch.uint8).set_(storage, 0, (storage.nbytes(),), (1,))
        # Not whole.numpy() itself: torch would hold the storage to be unresizable from then on.
        memo[where] = whole.clone().numpy()
    memory = memo[where]
    kind = np.dtype(ml_dtypes.bfloat16) if t.dtype is torch.bfloat16 else _plain(t.dtype)
    start = t.storage_offset() * kind.itemsize
    usable = (memory.size - start) // kind.itemsize * kind.itemsize
    return np.lib.stride_tricks.as_strided(
        memory[start : start + usable].view(kind),
        tuple(t.shape),
        tuple(s * kind.itemsize for s in t.stride()),
        writeable=not any(s == 0 and n > 1 for s, n in zip(t.stride(), t.shape, strict=True)),
    )


def _plain(dtype: torch.dtype) -> np.dtype:
    return torch.empty(0, dtype=dtype).numpy().dtype


def translate(value: Any, memo: dict[Any, Any]) -> Any:
    """Turn torch objects inside arguments into rushlight's; shared memory stays shared."""
    if isinstance(value, torch.Tensor):
        if id(value) not in memo:
            tensor = wrap(_mirror(value, memo))
            tensor._requires_grad = value.requires_grad
            memo[id(value)] = tensor
        return memo[id(value)]
    if isinstance(value, torch.dtype):
        return getattr(rushlight, str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return rushlight.device(str(value))
    if isinstance(value, torch.Generator):
        return rushlight.Generator().manual_seed(value.initial_seed())
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, (list, tuple)):
        items = [translate(v, memo) for v in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict):
        return {k: translate(v, memo) for k, v in value.items()}
    if value is torch.strided or isinstance(value, (torch.layout, torch.memory_format)):
        return getattr(rushlight, str(value).removeprefix("torch."))
    if isinstance(value, types.FunctionType):
        return rebind(value)
    if isinstance(value, torch.nn.Module):
        return getattr(rushlight.nn, type(value).__name__)()
    return value


def find(name: str, theirs: Any) -> Callable[..., Any]:
    """Return rushlight's function for an op_db entry, given torch's.

    Raises:
        AttributeError: there is none.
    """
    if isinstance(theirs, types.FunctionType) and theirs.__name__ == "<lambda>":
        return rebind(theirs)
    if name == "slice":
        return _slice
    target: Any = rushlight
    for part in name.split("."):
        target = getattr(target, part, None)
        if target is None:
            return getattr(Tensor, name)
    return target if callable(target) else getattr(Tensor, name)


def _slice(x: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Tensor:
    """Do what torch calls `slice` inside and users write in brackets."""
    return x[(slice(None),) * dim + (slice(start, end, step),)]


class _Namespace:
    """`torch` as rebound functions see it: rushlight's names, submodules included."""

    def __init__(self, module: Any):
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        return _Namespace(found) if isinstance(found, types.ModuleType) else found


def _with_seed(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    rushlight.manual_seed(42)
    return function(*args, **kwargs)


def rebind(function: types.FunctionType) -> types.FunctionType:
    """Return a Python function of the test database that calls rushlight instead of torch."""
    names = {
        **function.__globals__,
        "torch": _Namespace(rushlight),
        "wrapper_set_seed": _with_seed,
        "F": _Namespace(rushlight.nn.functional),
    }
    cells = tuple(types.CellType(_rebound(c.cell_contents)) for c in function.__closure__ or ())
    copy = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, cells
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _rebound(value: Any) -> Any:
    if isinstance(value, types.FunctionType):
        return rebind(value)
    if isinstance(value, types.BuiltinFunctionType) and hasattr(torch, value.__name__):
        return getattr(rushlight, value.__name__)
    return value


def flatten(result: Any) -> Iterator[Any]:
    """Yield the leaves of nested results in order."""
    if isinstance(result, (list, tuple)):
        for item in result:
            yield from flatten(item)
    elif isinstance(result, dict):
        yield from flatten(list(result.values()))
    elif result is not None:
        yield result


def close(ours: np.ndarray, theirs: np.ndarray, dtype: str, slack: float = 1) -> bool:
    """Tell whether two results agree within `slack` times the dtype's tolerance."""
    if theirs.dtype.kind in "biu":
        return bool(np.array_equal(ours, theirs))
    own = "float32" if dtype == "loose" and theirs.dtype.itemsize > 2 else str(theirs.dtype)
    rtol, atol = TOLERANCE.get(own, TOLERANCE.get(dtype, (2e-2, 2e-2)))
    rtol, atol = slack * rtol, slack * atol
    wide = np.complex128 if theirs.dtype.kind == "c" else np.float64
    a, b = ours.astype(wide), theirs.astype(wide)
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=1.0)
    return bool(np.allclose(a, b, rtol=rtol, atol=atol * max(scale, 1.0), equal_nan=True))


def differing(ours: Any, theirs: Any, dtype: str, *, values: bool = True) -> str | None:
    """Say how one result differs from torch's; None if it does not."""
    if not isinstance(theirs, torch.Tensor):
        if type(theirs) in (bool, int, float, complex):
            same = ours == theirs or (ours != ours and theirs != theirs)
            return None if same else f"{ours!r} instead of {theirs!r}"
        return None if ours == translate(theirs, {}) else f"{ours!r} instead of {theirs!r}"
    if not isinstance(ours, Tensor):
        return f"{type(ours).__name__} instead of a Tensor"
    if str(ours.dtype) != str(theirs.dtype):
        return f"{ours.dtype} instead of {theirs.dtype}"
    if tuple(ours.shape) != tuple(theirs.shape):
        return f"shape {tuple(ours.shape)} instead of {tuple(theirs.shape)}"
    if values and not close(ours.array, to_array(theirs), dtype):
        return f"values differ: {ours.array.ravel()[:6]} instead of {to_array(theirs).ravel()[:6]}"
    return None


def error_class(name: str) -> type[BaseException]:
    """Return rushlight's class of an exception that torch raised."""
    if name in ("LinAlgError", "_LinAlgError"):
        return rushlight.linalg.LinAlgError
    found = getattr(sys.modules["builtins"], name, None)
    return found if isinstance(found, type) else RuntimeError
