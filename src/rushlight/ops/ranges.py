"""Evenly spaced numbers: arange, linspace, logspace."""

from __future__ import annotations

import math
import warnings
from types import ModuleType
from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..backend import dtype as dtypes
from ..backend.dtype import dtype as DType
from ._arguments import allocate, check_dtype, check_layout, finish
from ._export import export


@export
def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Return start, start + step, ... up to but without end.

    `arange(end)` starts at 0. With integers only the result is int64, else of the default dtype.

    Raises:
        RuntimeError: the step is zero or leads away from the end.

    Example:
        >>> rushlight.arange(1, 2.5, 0.5)
        tensor([1.0000, 1.5000, 2.0000])
    """
    if end is None:
        start, end = end, start
    if end is None:
        raise TypeError('arange() missing 1 required positional arguments: "end"')
    start, end, step = [_bound(x) for x in (0 if start is None else start, end, step)]
    kind = check_dtype("arange", dtype) or (None if out is None else out.dtype)
    check_layout("arange", layout)
    if kind is None:
        whole = all(isinstance(x, (int, np.integer)) for x in (start, end, step))
        kind = dtypes.int64 if whole else dtypes.get_default_dtype()
    count = _range_length(start, end, step, kind)
    # torch steps in double precision whatever the dtype, and rounds each element once.
    # Integers step by what is left of the numbers once their fractions are cut off.
    wide = np.int64 if kind.kind == 1 else np.complex128 if kind.is_complex else np.float64

    def make(xp: ModuleType) -> Array:
        values = xp.arange(count, dtype=wide)
        values *= wide(step)
        values += wide(start)
        return values.astype(kind.numpy, copy=False)

    return finish("arange", allocate(device, make), out, requires_grad)


def _bound(x: Any) -> Any:
    return x.item() if isinstance(x, (Tensor, np.generic)) else x


def _range_length(start: Any, end: Any, step: Any, kind: DType) -> int:
    if kind is dtypes.bool_:
        raise NotImplementedError("\"arange_cpu\" not implemented for 'Bool'")
    if any(isinstance(x, complex) for x in (start, end, step)):
        raise RuntimeError("value cannot be converted to type double without overflow")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if kind is dtypes.int64 and math.isfinite(start) and math.isfinite(end):
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if kind is dtypes.int64:
        return -((start - end) // step)
    return math.ceil((end - start) / step)


@export(name="range")
def range_(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return start, start + step, ... up to and including end. Deprecated: use `arange`."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior "
        "is inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    kind = check_dtype("range", dtype) or dtypes.get_default_dtype()
    count = math.floor((_bound(end) - _bound(start)) / _bound(step)) + 1
    values = np.float64(_bound(start)) + np.arange(count) * np.float64(_bound(step))
    return finish(
        "range",
        allocate(device, lambda xp: xp.asarray(values.astype(kind.numpy))),
        out,
        requires_grad,
    )


@export
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Return `steps` evenly spaced numbers from start to end, both included.

    Raises:
        RuntimeError: `steps` is negative.

    Example:
        >>> rushlight.linspace(0, 1, 5)
        tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    kind = _spacing_dtype("linspace", dtype, out, start, end)
    start, end = _ends("linspace", start, end)
    count = _step_count(steps)

    def make(xp: ModuleType) -> Array:
        return _spaced(xp, start, end, count, kind).astype(kind.numpy, copy=False)

    return finish("linspace", allocate(device, make), out, requires_grad)


@export
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Return base ** x for `steps` evenly spaced exponents x from start to end.

    Raises:
        RuntimeError: `steps` is negative.

    Example:
        >>> rushlight.logspace(0, 2, 3)
        tensor([  1.,  10., 100.])
    """
    kind = _spacing_dtype("logspace", dtype, out, start, end)
    start, end = _ends("logspace", start, end)
    count = _step_count(steps)

    def make(xp: ModuleType) -> Array:
        exponents = _spaced(xp, start, end, count, kind)
        return xp.power(exponents.dtype.type(base), exponents).astype(kind.numpy, copy=False)

    return finish("logspace", allocate(device, make), out, requires_grad)


def _spacing_dtype(name: str, dtype: Any, out: Tensor | None, *ends: Any) -> DType:
    kind = check_dtype(name, dtype)
    if kind is not None:
        return kind
    if out is not None:
        return out.dtype
    default = dtypes.get_default_dtype()
    return default.to_complex() if any(isinstance(_bound(x), complex) for x in ends) else default


def _ends(name: str, start: Any, end: Any) -> tuple[Any, Any]:
    for argument, x in (("start", start), ("end", end)):
        if isinstance(x, Tensor) and x.array.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got {argument} "
                f"with {x.array.ndim} dimension(s)."
            )
    return _bound(start), _bound(end)


def _step_count(steps: Any) -> int:
    if not hasattr(steps, "__index__"):
        raise TypeError(f"linspace(): argument 'steps' must be int, not {type(steps).__name__}")
    count = int(steps)
    if count < 0:
        raise RuntimeError("number of steps must be non-negative")
    return count


def _spaced(xp: ModuleType, start: Any, end: Any, count: int, kind: DType) -> Array:
    """Space evenly; the two halves count from their own end, so that both ends are exact.

    The step is rounded to the dtype and each element once, as torch's fused arithmetic does.
    """
    narrow = np.dtype(np.float32) if kind.itemsize < 4 and kind.kind == 2 else kind.numpy
    given: Any = narrow.type if kind.kind > 1 else np.float64
    wide: Any = np.complex128 if kind.is_complex else np.float64
    if count < 2:
        return xp.full((count,), start, dtype=wide)
    if kind.kind == 1:
        start, end = int(start), int(end)
    first, last = given(start), given(end)
    step = wide((last - first) / given(count - 1))
    places = xp.arange(count, dtype=np.float64)
    lower = wide(first) + step * places
    upper = wide(last) - step * (count - 1 - places)
    return xp.where(places < count // 2, lower, upper)
