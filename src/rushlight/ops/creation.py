"""Tensors from sizes: empty, zeros, ones, full, their kin of another tensor's sizes, and eye."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from .._tensor import Tensor, method
from .._typing import Array, Number, Shape
from ..backend import dtype as dtypes
from ..backend.memory_format import (
    SPARSE_LAYOUTS,
    check_rank,
    memory_format,
    memory_order,
    order_in_memory,
    preserve_format,
    strided,
)
from ._arguments import (
    allocate,
    check_dtype,
    check_layout,
    finish,
    number_for,
    require_tensor,
    sizes,
)
from ._export import export
from ._waiting import sparse_package
from .from_data import tensor

_Fill = Callable[[ModuleType, Shape, Any], Array]


def _without_elements(
    name: str, shape: Shape, kind: Any, layout: Any, device: Any, requires_grad: bool
) -> Tensor:
    """Return zeros in a sparse layout, where nothing needs to be stored."""
    if name == "ones" or layout not in SPARSE_LAYOUTS:
        check_layout(name, layout)
    empty: Tensor = sparse_package().zeros(shape, kind, layout, device, requires_grad)
    return empty


def _factory(name: str, fill: _Fill, summary: str) -> Callable[..., Tensor]:
    """Make `zeros`, `ones` or `empty`: they differ only in how the memory is filled."""

    def create(
        *size: Any,
        out: Tensor | None = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
        memory_format: Any = None,
        **other: Any,
    ) -> Tensor:
        shape = _size_argument(name, size, other)
        kind = check_dtype(name, dtype)
        if layout is not None and layout is not strided:
            return _without_elements(name, shape, kind, layout, device, requires_grad)
        if kind is None:
            kind = dtypes.get_default_dtype() if out is None else out.dtype
        if out is not None and device is None:
            device = out.device
        numpy_dtype = kind.numpy

        def make(xp: ModuleType) -> Array:
            return _in_format(xp, fill, shape, numpy_dtype, memory_format)

        return finish(name, allocate(device, make), out, requires_grad)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"""{summary}

    Args:
        *size: the extents, one by one or as one sequence.
        out: a tensor to write the result into.
        dtype: dtype of the result; None: the default dtype.
        layout: `rushlight.strided`.
        device: where the result lives; None: the default device.
        pin_memory: accepted for compatibility.
        requires_grad: whether operations on the result are recorded.
        memory_format: order of the dimensions in memory.

    Raises:
        RuntimeError: an extent is negative.
        TypeError: an extent is not an integer.
    """
    return export(create)


def _size_argument(name: str, size: tuple[Any, ...], other: dict[str, Any]) -> Shape:
    if "size" in other and not size:
        size = (other.pop("size"),)
    if other:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(other))}'")
    if not size:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    shape = sizes(name, size)
    _check_sizes(shape)
    return shape


def _check_sizes(shape: Shape) -> None:
    for extent in shape:
        if extent < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {extent}: {list(shape)}"
            )


def _in_format(
    xp: ModuleType, fill: _Fill, shape: Shape, d: Any, form: memory_format | None
) -> Array:
    if form is None or form.rank is None:
        return fill(xp, shape, d)
    check_rank(form, len(shape))
    order = memory_order(form, len(shape))
    array = fill(xp, tuple([shape[i] for i in order]), d)
    return array.transpose(sorted(range(len(shape)), key=order.__getitem__))


empty = _factory(
    "empty", lambda xp, n, d: xp.empty(n, d), "Return a tensor of these sizes, uninitialised."
)
zeros = _factory("zeros", lambda xp, n, d: xp.zeros(n, d), "Return a tensor of zeros.")
ones = _factory("ones", lambda xp, n, d: xp.ones(n, d), "Return a tensor of ones.")


@export
def full(
    size: Any,
    fill_value: Any,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor filled with one number.

    Args:
        size: the extents, a sequence.
        fill_value: the number (a 0-d Tensor may stand for it).
        out: a tensor to write the result into.
        dtype: dtype of the result; None: the number's.
        layout: `rushlight.strided`.
        device: where the result lives.
        pin_memory: accepted for compatibility.
        requires_grad: whether operations on the result are recorded.

    Example:
        >>> rushlight.full((2, 2), 7)
        tensor([[7, 7],
                [7, 7]])
    """
    if hasattr(size, "__index__"):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    shape = sizes("full", (size,))
    _check_sizes(shape)
    value = _number("full", fill_value, 2)
    kind = check_dtype("full", dtype)
    if kind is None:
        kind = dtypes.of_scalar(value) if out is None else out.dtype
    check_layout("full", layout)
    value = np.asarray(number_for(value, kind)).astype(kind.numpy)
    return finish(
        "full", allocate(device, lambda xp: xp.full(shape, value, kind.numpy)), out, requires_grad
    )


def _number(name: str, value: Any, position: int) -> Any:
    if isinstance(value, Tensor):
        if value.array.ndim:
            raise TypeError(
                f"{name}(): argument 'fill_value' (position {position}) must be Number, not Tensor"
            )
        return value.item()
    if not isinstance(value, (bool, int, float, complex, np.number, np.bool_)):
        raise TypeError(
            f"{name}(): argument 'fill_value' (position {position}) must be Number, not "
            f"{type(value).__name__}"
        )
    return value


def _like(name: str, fill: _Fill, summary: str) -> Callable[..., Tensor]:
    """Make `zeros_like`, `ones_like` or `empty_like`."""

    def create(
        input: Tensor,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
        memory_format: Any = preserve_format,
    ) -> Tensor:
        return _made_like(name, input, fill, dtype, layout, device, requires_grad, memory_format)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"""{summary}

    Args:
        input: the tensor to take after.
        dtype: dtype of the result; None: that of `input`.
        layout: `rushlight.strided`.
        device: where the result lives; None: where `input` does.
        pin_memory: accepted for compatibility.
        requires_grad: whether operations on the result are recorded.
        memory_format: order in memory; the default takes that of `input`.
    """
    return export(create)


def _made_like(
    name: str,
    input: Tensor,
    fill: _Fill,
    dtype: Any,
    layout: Any,
    device: Any,
    requires_grad: bool,
    form: memory_format | None,
) -> Tensor:
    source = require_tensor(name, input).array
    check_layout(name, layout)
    kind = check_dtype(name, dtype)
    numpy_dtype = source.dtype if kind is None else kind.numpy

    def make(xp: ModuleType) -> Array:
        if form is None or form is preserve_format:
            order = order_in_memory(source)
            array = fill(xp, tuple([source.shape[i] for i in order]), numpy_dtype)
            return array.transpose(sorted(range(len(order)), key=order.__getitem__))
        return _in_format(xp, fill, source.shape, numpy_dtype, form)

    array = allocate(input.device if device is None else device, make)
    return finish(name, array, None, requires_grad)


empty_like = _like(
    "empty_like",
    lambda xp, n, d: xp.empty(n, d),
    "Return an uninitialised tensor of another one's sizes.",
)
zeros_like = _like(
    "zeros_like", lambda xp, n, d: xp.zeros(n, d), "Return zeros of another tensor's sizes."
)
ones_like = _like(
    "ones_like", lambda xp, n, d: xp.ones(n, d), "Return ones of another tensor's sizes."
)


@export
def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Return a tensor of another one's sizes filled with one number.

    The dtype is that of `input` unless given, whatever the number.
    """
    value = _number("full_like", fill_value, 2)

    def fill(xp: ModuleType, shape: Shape, d: Any) -> Array:
        return xp.full(shape, np.asarray(number_for(value, dtypes.from_numpy(d))).astype(d), d)

    return _made_like("full_like", input, fill, dtype, layout, device, requires_grad, memory_format)


@export
def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return an uninitialised tensor with these extents and strides (counted in elements)."""
    shape, steps = sizes("empty_strided", (size,)), sizes("empty_strided", (stride,))
    if len(shape) != len(steps):
        raise RuntimeError(
            f"dimensionality of sizes ({len(shape)}) must match dimensionality of strides "
            f"({len(steps)})"
        )
    kind = check_dtype("empty_strided", dtype) or dtypes.get_default_dtype()
    span = (
        0 if 0 in shape else 1 + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    )

    def make(xp: ModuleType) -> Array:
        flat = xp.empty(span, kind.numpy)
        width = kind.itemsize
        return xp.lib.stride_tricks.as_strided(flat, shape, tuple([step * width for step in steps]))

    return finish("empty_strided", allocate(device, make), None, requires_grad)


@export
def scalar_tensor(
    s: Number,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Return a 0-d tensor of the default dtype (or `dtype`) that holds a number."""
    kind = check_dtype("scalar_tensor", dtype) or dtypes.get_default_dtype()
    return finish(
        "scalar_tensor",
        allocate(device, lambda xp: xp.asarray(np.asarray(s).astype(kind.numpy))),
        None,
        requires_grad,
    )


# --- Tensor.new_... ----------------------------------------------------------------------------


def _options_like(x: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    if options.get("dtype") is None:
        options["dtype"] = x.dtype
    if options.get("device") is None:
        options["device"] = x.device
    return options


@method
def new_tensor(self: Tensor, data: Any, **options: Any) -> Tensor:
    """Copy data into a new tensor of this tensor's dtype and device, unless others are given."""
    return tensor(data, **_options_like(self, options))


@method
def new_empty(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Return an uninitialised tensor of this tensor's dtype and device, unless others are given."""
    return empty(*size, **_options_like(self, options))


@method
def new_zeros(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Return zeros of this tensor's dtype and device, unless others are given."""
    return zeros(*size, **_options_like(self, options))


@method
def new_ones(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Return ones of this tensor's dtype and device, unless others are given."""
    return ones(*size, **_options_like(self, options))


@method
def new_full(self: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    """Return a filled tensor of this tensor's dtype and device, unless others are given."""
    return full(size, fill_value, **_options_like(self, options))


@method
def new_empty_strided(self: Tensor, size: Any, stride: Any, **options: Any) -> Tensor:
    """Return an uninitialised tensor with these strides, of this tensor's dtype and device."""
    return empty_strided(size, stride, **_options_like(self, options))


@method
def new(self: Tensor, *data: Any, device: Any = None) -> Tensor:
    """Return a tensor of this dtype: `x.new(2, 3)` uninitialised, `x.new([1, 2])` with values."""
    options = _options_like(self, {"device": device})
    if (
        len(data) == 1
        and not hasattr(data[0], "__index__")
        and not isinstance(data[0], (tuple, np.ndarray))
    ):
        return tensor(data[0], **options)
    return empty(*data or (0,), **options)


# --- identity and triangles --------------------------------------------------------------------


@export
def eye(
    n: int,
    m: int | None = None,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Return an (n, m) matrix with ones on its diagonal, zeros elsewhere (m = n if not given)."""
    m = n if m is None else m
    for name, extent in (("n", n), ("m", m)):
        if extent < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {extent}")
    kind = check_dtype("eye", dtype) or (dtypes.get_default_dtype() if out is None else out.dtype)
    array = allocate(device, lambda xp: xp.eye(n, m).astype(kind.numpy, copy=False))
    return finish("eye", array, out, requires_grad)


def _triangle(
    name: str, row: int, col: int, offset: int, dtype: Any, device: Any, lower: bool
) -> Tensor:
    kind = check_dtype(name, dtype) or dtypes.int64
    if row < 0 or col < 0:
        extent, which = (row, "row") if row < 0 else (col, "col")
        raise RuntimeError(f"{which} must be non-negative, got {extent}")

    def make(xp: ModuleType) -> Array:
        i, j = xp.arange(row)[:, None], xp.arange(col)[None, :]
        inside = j - i <= offset if lower else j - i >= offset
        return xp.stack(xp.nonzero(inside)).astype(kind.numpy)

    return finish(name, allocate(device, make), None, False)


@export
def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
) -> Tensor:
    """Return the (2, n) indices of the lower triangle of a (row, col) matrix.

    Example:
        >>> rushlight.tril_indices(2, 2)
        tensor([[0, 1, 1],
                [0, 0, 1]])
    """
    return _triangle("tril_indices", row, col, offset, dtype, device, lower=True)


@export
def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
) -> Tensor:
    """Return the (2, n) indices of the upper triangle of a (row, col) matrix."""
    return _triangle("triu_indices", row, col, offset, dtype, device, lower=False)
