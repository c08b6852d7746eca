"""Comparing tensors in tests, and making tensors to test with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import ops
from ._tensor import Tensor
from .backend import dtype as dtypes
from .backend.dtype import dtype as DType
from .backend.memory_format import sparse_bsc, sparse_csc
from .ops._promote import result_type

__all__ = ["assert_close", "make_tensor"]

_TOLERANCES = {
    dtypes.float16: (1e-3, 1e-5),
    dtypes.bfloat16: (1.6e-2, 1e-5),
    dtypes.float32: (1.3e-6, 1e-5),
    dtypes.float64: (1e-7, 1e-7),
    dtypes.complex64: (1.3e-6, 1e-5),
    dtypes.complex128: (1e-7, 1e-7),
}


class _Rules(NamedTuple):
    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool
    msg: Any


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless |actual - expected| <= atol + rtol |expected| everywhere.

    Args:
        actual: a tensor, array or number, or sequences and mappings of them.
        expected: what it should be.
        allow_subclasses: compare tensors of different classes.
        rtol: relative tolerance, by dtype unless given (then give `atol`, too).
        atol: absolute tolerance.
        equal_nan: two NaN are equal.
        check_device: devices must agree.
        check_dtype: dtypes must agree; otherwise they are promoted.
        check_layout: layouts must agree.
        check_stride: strides must agree.
        msg: the message of the error, or a function that makes it from the one there is.

    Raises:
        AssertionError: something differs.
        ValueError: only one of `rtol` and `atol` is given.
        TypeError: something cannot be compared.

    Example:
        >>> rushlight.testing.assert_close(rushlight.tensor(1.0), rushlight.tensor(1.0 + 1e-7))
    """
    if (rtol is None) != (atol is None):
        missing = "atol" if atol is None else "rtol"
        raise ValueError(
            f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
        )
    rules = _Rules(
        allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout,
        check_stride, msg,
    )  # fmt: skip
    for a, b, where in _pairs(actual, expected, "", rules):
        _compare(a, b, where, rules)


def _pairs(a: Any, b: Any, where: str, rules: _Rules) -> Iterator[tuple[Any, Any, str]]:
    """Walk through containers, side by side."""
    if _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            _fail(f"The length of the sequences mismatch: {len(a)} != {len(b)}", where, rules)
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _pairs(x, y, f"{where}[{i}]", rules)
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        if a.keys() != b.keys():
            missing, more = sorted(b.keys() - a.keys()), sorted(a.keys() - b.keys())
            _fail(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {missing}\n"
                f"Additional keys in the actual mapping: {more}",
                where,
                rules,
            )
        for key in b:
            yield from _pairs(a[key], b[key], f"{where}[{key!r}]", rules)
    else:
        yield a, b, where


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _compare(a: Any, b: Any, where: str, rules: _Rules) -> None:
    if a is None or b is None:
        if a is not b:
            _fail(f"None mismatch: {a} is not {b}", where, rules)
        return
    numbers = not isinstance(a, (Tensor, np.ndarray)) and not isinstance(b, (Tensor, np.ndarray))
    if isinstance(a, Tensor) != isinstance(b, Tensor) and not numbers:
        raise TypeError(
            "No comparison pair was able to handle inputs of type "
            f"{type(a)} and {type(b)}.{_place(where)}"
        )
    if numbers and rules.check_dtype and type(a) is not type(b):
        _fail(f"The (d)types do not match: {type(a)} != {type(b)}.", where, rules)
    if not rules.allow_subclasses and type(a) is not type(b):
        raise TypeError(f"Types of {type(a)} and {type(b)} differ.{_place(where)}")
    x, y = _as_tensor(a, b, where), _as_tensor(b, a, where)
    if not numbers:
        _check_attributes(x, y, where, rules)
    kind = x.dtype if x.dtype is y.dtype else result_type(x, y)
    x, y = (t.detach().cpu().to(kind) for t in (x, y))
    _check_values(x, y, kind, where, rules)


def _as_tensor(value: Any, other: Any, where: str) -> Tensor:
    if isinstance(value, Tensor):
        return value
    known = isinstance(value, (bool, int, float, complex, np.ndarray, np.generic))
    if not known:
        raise TypeError(
            f"No comparison pair was able to handle inputs of type {type(value)} and "
            f"{type(other)}.{_place(where)}"
        )
    if isinstance(value, float):
        return ops.from_data.tensor(value, dtype=dtypes.float64)
    if isinstance(value, complex):
        return ops.from_data.tensor(value, dtype=dtypes.complex128)
    return ops.from_data.tensor(value)


def _check_attributes(a: Tensor, b: Tensor, where: str, rules: _Rules) -> None:
    if a.shape != b.shape:
        _mismatch("shape", a.shape, b.shape, where, rules)
    if rules.check_device and a.device != b.device:
        _mismatch("device", repr(str(a.device)), repr(str(b.device)), where, rules)
    if rules.check_dtype and a.dtype is not b.dtype:
        _mismatch("dtype", a.dtype, b.dtype, where, rules)
    if rules.check_layout and a.layout is not b.layout:
        _mismatch("layout", a.layout, b.layout, where, rules)
    if rules.check_stride and a.stride() != b.stride():
        _mismatch("stride()", a.stride(), b.stride(), where, rules)


def _mismatch(what: str, a: Any, b: Any, where: str, rules: _Rules) -> None:
    a, b = (tuple(v) if isinstance(v, tuple) else v for v in (a, b))
    if what == "shape":
        a, b = (f"torch.Size({list(v)})" for v in (a, b))
    _fail(f"The values for attribute '{what}' do not match: {a} != {b}.", where, rules)


def _check_parts(a: Tensor, b: Tensor, kind: DType, where: str, rules: _Rules) -> None:
    """Compare the indices and the values of sparse tensors of the same layout."""
    name = f"Sparse {str(a.layout).rpartition('_')[2].upper()}"
    if a.is_sparse:
        a, b = a.coalesce(), b.coalesce()
    if a._nnz() != b._nnz():
        _fail(
            f"The number of specified values in s{name[1:]} tensors does not match: "
            f"{a._nnz()} != {b._nnz()}",
            where,
            rules,
        )
    exact = rules._replace(rtol=0.0, atol=0.0)
    columns = a.layout in (sparse_csc, sparse_bsc)
    parts = ("ccol_indices", "row_indices") if columns else ("crow_indices", "col_indices")
    for part in ("indices",) if a.is_sparse else parts:
        x, y = getattr(a, part)(), getattr(b, part)()
        _check_values(x, y, x.dtype, where, exact, f"{name} {part}")
    _check_values(a.values(), b.values(), kind, where, rules, f"{name} values")


def _check_values(
    a: Tensor, b: Tensor, kind: DType, where: str, rules: _Rules, name: str = "Tensor-likes"
) -> None:
    if not (a._dense and b._dense):
        if a.layout is b.layout:
            return _check_parts(a, b, kind, where, rules)
        a, b = (x if x._dense else x.to_dense() for x in (a, b))
    default = _TOLERANCES.get(kind, (0.0, 0.0))
    rtol, atol = default if rules.rtol is None or rules.atol is None else (rules.rtol, rules.atol)
    near = _near(a, b, rtol, atol, rules.equal_nan)
    if near.all():
        return
    x, y = (_signed(t.array) for t in (a, b))
    with np.errstate(all="ignore"):
        off = np.abs(x - y)
        relative = off / np.abs(y)
        off, relative = (np.where(near, v.dtype.type(0), v) for v in (off, relative))
    about = _about_tensors if a.array.ndim else _about_numbers
    text = about(a, b, near, off, relative, (rtol, atol))
    _fail(text.replace("Tensor-likes", name, 1), where, rules)
    return None


def _near(a: Tensor, b: Tensor, rtol: float, atol: float, equal_nan: bool) -> Any:
    if a.array.dtype.kind in "fcV":
        wide = dtypes.complex128 if a.array.dtype.kind == "c" else dtypes.float64
        pair = a.to(wide), b.to(wide)
        return ops.compare.isclose(*pair, rtol=rtol, atol=atol, equal_nan=equal_nan).array
    same = a.array == b.array
    if rtol == 0 and atol == 0:
        return np.asarray(same)
    x, y = _wide(a.array), _wide(b.array)
    return same | (np.abs(x - y) <= atol + rtol * np.abs(y))


def _signed(array: Any) -> Any:
    """In a dtype that has the differences of its values."""
    return array if array.dtype.kind in "fcV" else array.astype(np.int64)


def _wide(array: Any) -> Any:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _about_numbers(
    a: Tensor, b: Tensor, near: Any, off: Any, relative: Any, tolerance: tuple[float, float]
) -> str:
    rtol, atol = tolerance
    close = bool(rtol or atol)
    lines = [f"Scalars are not {'close' if close else 'equal'}!", ""]
    lines.append(f"Expected {b.item()} but got {a.item()}.")
    for label, value, bound in (("Absolute", off, atol), ("Relative", relative, rtol)):
        allowed = f" (up to {bound} allowed)" if close else ""
        lines.append(f"{label} difference: {value.item()}{allowed}")
    return "\n".join(lines)


def _about_tensors(
    a: Tensor, b: Tensor, near: Any, off: Any, relative: Any, tolerance: tuple[float, float]
) -> str:
    rtol, atol = tolerance
    count, total = int((~near).sum()), near.size
    close = bool(rtol or atol)
    lines = [f"Tensor-likes are not {'close' if close else 'equal'}!", ""]
    lines.append(f"Mismatched elements: {count} / {total} ({100 * count / total:.1f}%)")
    for label, values, bound in (("absolute", off, atol), ("relative", relative, rtol)):
        place = np.unravel_index(
            int(np.argmax(np.nan_to_num(_wide(values), nan=np.inf))), near.shape
        )
        index = tuple(int(i) for i in place)
        allowed = f" (up to {bound} allowed)" if close else ""
        lines.append(
            f"Greatest {label} difference: {values[place].item()} at index {index}{allowed}"
        )
    return "\n".join(lines)


def _place(where: str) -> str:
    return f"\n\nThe failure occurred for item {where}" if where else ""


def _fail(words: str, where: str, rules: _Rules) -> None:
    words += _place(where)
    if rules.msg is not None:
        words = rules.msg(words) if callable(rules.msg) else rules.msg
    raise AssertionError(words)


# --- making tensors ---

_WHOLE_NUMBERS = 9


def make_tensor(
    *shape: Any,
    dtype: DType,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Return a tensor of uniform random numbers for a test.

    Args:
        shape: its extents.
        dtype: its dtype.
        device: where it lives.
        low: least value, by dtype unless given: -9 (0 for unsigned integers and bool).
        high: bound of the values, 9 for floating point, 10 for integers, 2 for bool.
        requires_grad: whether it requires grad.
        noncontiguous: let neighbours lie two elements apart.
        exclude_zero: put the smallest positive number (1 for integers) in place of 0.
        memory_format: its memory format.

    Example:
        >>> x = rushlight.testing.make_tensor((2, 3), dtype=rushlight.int64, low=1, high=4)
        >>> bool(((x >= 1) & (x < 4)).all())
        True
    """
    sizes = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"noncontiguous={noncontiguous!r} and memory_format={memory_format!r}"
        )
    spread = noncontiguous and math.prod(sizes) > 1
    drawn = (*sizes[:-1], 2 * sizes[-1]) if spread else sizes
    result = _drawn(drawn, dtype, low, high).to(device)
    if spread:
        result = result[..., 1::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        smallest = dtypes.finfo(dtype.to_real()).tiny if _inexact(dtype) else 1
        result = result.masked_fill(result == 0, smallest)
    return result.requires_grad_() if requires_grad else result


def _inexact(kind: DType) -> bool:
    return kind.is_floating_point or kind.is_complex


def _drawn(sizes: tuple[int, ...], kind: DType, low: float | None, high: float | None) -> Tensor:
    if _inexact(kind):
        low, high = _bounds(low, high, -_WHOLE_NUMBERS, _WHOLE_NUMBERS)
        real = kind.to_real()
        shape = (*sizes, 2) if kind.is_complex else sizes
        drawn = ops.creation.empty(shape, dtype=real).uniform_(low, high)
        return ops.complex.view_as_complex(drawn) if kind.is_complex else drawn
    if kind is dtypes.bool_:
        low, high = _bounds(low, high, 0, 2)
    else:
        low, high = _bounds(low, high, -_WHOLE_NUMBERS if kind.is_signed else 0, 10)
        limits = dtypes.iinfo(kind)
        low, high = max(low, limits.min), min(high, limits.max)
    return ops.sampling.randint(math.floor(low), math.ceil(high), sizes, dtype=kind)


def _bounds(low: float | None, high: float | None, least: int, most: int) -> tuple[float, float]:
    low, high = least if low is None else low, most if high is None else high
    if low == high:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` is deprecated since 2.1 and will "
            "be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=4,
        )
    elif low > high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    return low, high
