"""Reading the arguments that many operators share: sizes, dimensions, dtypes and devices."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from types import ModuleType
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Shape
from ..autograd.mode import INFERENCE, read_mode
from ..autograd.version import INFERENCE_VERSION
from ..backend import dtype as dtypes
from ..backend.array import module_for
from ..backend.device import as_device, device
from ..backend.memory_format import layout, strided
from ..errors import wrap_dim
from ._export import into
from ._operands import not_a_tensor


def sizes(name: str, given: tuple[Any, ...]) -> Shape:
    """Read sizes given one by one or as one sequence: `f(2, 3)` or `f((2, 3))`.

    Raises:
        TypeError: something is not an integer.
    """
    if len(given) == 1 and not hasattr(given[0], "__index__"):
        given = given[0]
    elif len(given) == 1 and isinstance(given[0], Tensor) and given[0].array.ndim:
        given = given[0].array.tolist()
    try:
        return tuple([index(n) for n in given])
    except TypeError:
        wrong = (
            next((n for n in given if not hasattr(n, "__index__")), given)
            if isinstance(given, (tuple, list))
            else given
        )
        raise TypeError(
            f"{name}(): argument 'size' (position 1) must be tuple of ints, not "
            f"{type(wrong).__name__}"
        ) from None


def by_name(name: str, given: tuple[Any, ...], named: dict[str, Any], keyword: str) -> Any:
    """Return what was given one by one or, instead, as the one keyword there is.

    Raises:
        TypeError: there is another keyword, or both were given.
    """
    if not named:
        return given
    if given or set(named) != {keyword}:
        wrong = next((k for k in named if k != keyword), keyword)
        raise TypeError(f"{name}() got an unexpected keyword argument '{wrong}'")
    return (named[keyword],)


def per_axis(value: Any, count: int) -> Shape:
    """Repeat an integer, or a sequence of one, for each of `count` axes; keep other sequences."""
    if isinstance(value, int):
        return (value,) * count
    given = tuple(int(v) for v in value)
    return given * count if len(given) == 1 else given


def dims(given: Any, ndim: int) -> Shape:
    """Read one dimension or several, counted from the front.

    Raises:
        IndexError: a dimension does not exist.
        RuntimeError: a dimension appears twice.
    """
    if not isinstance(given, (tuple, list)):
        return (wrap_dim(index(given), ndim),)
    found = tuple([wrap_dim(index(d), ndim) for d in given])
    if len(set(found)) != len(found):
        twice = next(d for i, d in enumerate(found) if d in found[:i])
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return found


def require_tensor(name: str, value: Any, argument: str = "input", position: int = 1) -> Tensor:
    """Return `value` if it is a Tensor.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, Tensor):
        raise not_a_tensor(name, value, argument, position)
    return value


def check_dtype(name: str, value: Any) -> dtypes.dtype | None:
    """Read the argument `dtype`; None stays None.

    Raises:
        TypeError: it is no dtype.
    """
    if value is None or isinstance(value, dtypes.dtype):
        return value
    if isinstance(value, type) and value in (float, complex, int, bool):
        return {float: dtypes.float64, complex: dtypes.complex128}.get(value) or dtypes.as_dtype(
            value
        )
    raise TypeError(f"{name}(): argument 'dtype' must be torch.dtype, not {type(value).__name__}")


def check_layout(name: str, value: Any) -> None:
    """Refuse layouts other than strided.

    Raises:
        TypeError: `value` is no layout.
        NotImplementedError: it is one that rushlight does not have.
    """
    if value is None or value is strided:
        return
    if not isinstance(value, layout):
        raise TypeError(
            f"{name}(): argument 'layout' must be torch.layout, not {type(value).__name__}"
        )
    raise NotImplementedError(f"{name}(): layout {value} is not available; use torch.strided")


def allocate(where: device | None, make: Callable[[ModuleType], Array]) -> Array:
    """Call `make` with a device's array module (None: the default device), the device current."""
    where = as_device(where)
    if where.type == "cpu":
        return make(np)
    xp = module_for(where)
    if where.type == "meta":
        return make(xp)
    with xp.cuda.Device(where.index or 0):
        return make(xp)


def finish(name: str, array: Array, out: Tensor | None, requires_grad: bool) -> Tensor:
    """Turn a freshly made array into the Tensor a creation function returns."""
    result = wrap(array)
    if out is not None:
        if out.dtype is not result.dtype:
            raise RuntimeError(
                f"{name}(): dtype {result.dtype.type_name} does not match dtype of out parameter "
                f"({out.dtype.type_name})"
            )
        if out.array.shape != array.shape:
            out.array = array
            return out
        return into(name, out, result)
    if read_mode() == INFERENCE:
        result._counter = INFERENCE_VERSION
    if requires_grad:
        result.requires_grad = True
    return result


def _limits(d: dtypes.dtype) -> tuple[float, float]:
    if d.kind == 0:
        return -np.inf, np.inf
    info: Any = dtypes.iinfo(d) if d.kind == 1 else dtypes.finfo(d.to_real())
    return info.min, info.max


_LIMITS = {d: _limits(d) for d in dtypes.ALL}
_C_NAMES = {
    dtypes.int32: "int",
    dtypes.float32: "float",
    dtypes.float64: "double",
    dtypes.float16: "c10::Half",
    dtypes.bfloat16: "c10::BFloat16",
    dtypes.complex64: "c10::complex<float>",
    dtypes.complex128: "c10::complex<double>",
}


def number_for(value: Any, to: dtypes.dtype) -> Any:
    """Return a number as it will be stored in a dtype; fractions are cut off for integers.

    Integers may be one turn below an unsigned range: -1 becomes 255, as in C.

    Raises:
        RuntimeError: the dtype cannot hold it.
    """
    low, high = _LIMITS[to]
    kind = type(value)
    if kind is complex or (kind is not float and kind is not int and isinstance(value, complex)):
        if to.kind == 3 or to.kind == 0:
            return value
        if value.imag == 0:
            return number_for(value.real, to)
    elif low <= value <= high:
        return int(value) if to.kind == 1 and kind is not int else value
    elif to.kind == 1:
        if not to.is_signed and isinstance(value, int) and -high <= value < 0:
            return value % (high + 1)
    elif value != value or value in (np.inf, -np.inf):
        return value
    name = _C_NAMES.get(to) or f"{to._name}_t"
    raise RuntimeError(f"value cannot be converted to type {name} without overflow")
