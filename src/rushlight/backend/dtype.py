"""Data types: torch's objects over NumPy's, and torch's promotion rules.

`rushlight.float32` is a `dtype`; `dtype.numpy` is the NumPy dtype that stores it (bfloat16
through ml_dtypes). Promotion differs from NumPy's in two ways: int + float gives the float type
whatever the widths (int64 + float32 is float32), and operands come in categories (a dimensioned
tensor outranks a 0-d tensor, which outranks a Python number) that only yield to a higher kind.
"""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

_KIND_BOOL, _KIND_INT, _KIND_FLOAT, _KIND_COMPLEX = range(4)


class dtype:
    """A data type of tensor elements, such as `rushlight.float32`."""

    __slots__ = (
        "_name",
        "is_complex",
        "is_floating_point",
        "is_signed",
        "itemsize",
        "kind",
        "numpy",
    )

    def __init__(self, name: str, numpy_dtype: Any, kind: int, signed: bool = True):
        self._name = name
        self.numpy: np.dtype[Any] = np.dtype(numpy_dtype)
        self.itemsize = self.numpy.itemsize
        self.kind = kind
        self.is_floating_point = kind == _KIND_FLOAT
        self.is_complex = kind == _KIND_COMPLEX
        self.is_signed = signed

    def to_real(self) -> dtype:
        """Return the dtype of the real part: complex64 gives float32."""
        return _REAL_OF.get(self, self)

    def to_complex(self) -> dtype:
        """Return the complex dtype whose parts have this dtype: float32 gives complex64."""
        return _COMPLEX_OF.get(self, self)

    @property
    def type_name(self) -> str:
        """The name torch's messages use: `Float`, `Long`."""
        return _TYPE_NAMES[self._name]

    def __repr__(self) -> str:
        return "torch." + self._name

    def __reduce__(self) -> Any:
        return _by_name, (self._name,)


bool_ = dtype("bool", np.bool_, _KIND_BOOL, signed=False)
uint8 = dtype("uint8", np.uint8, _KIND_INT, signed=False)
uint16 = dtype("uint16", np.uint16, _KIND_INT, signed=False)
uint32 = dtype("uint32", np.uint32, _KIND_INT, signed=False)
uint64 = dtype("uint64", np.uint64, _KIND_INT, signed=False)
int8 = dtype("int8", np.int8, _KIND_INT)
int16 = dtype("int16", np.int16, _KIND_INT)
int32 = dtype("int32", np.int32, _KIND_INT)
int64 = dtype("int64", np.int64, _KIND_INT)
float16 = dtype("float16", np.float16, _KIND_FLOAT)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, _KIND_FLOAT)
float32 = dtype("float32", np.float32, _KIND_FLOAT)
float64 = dtype("float64", np.float64, _KIND_FLOAT)
complex64 = dtype("complex64", np.complex64, _KIND_COMPLEX)
complex128 = dtype("complex128", np.complex128, _KIND_COMPLEX)

ALL = (
    bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64,
    float16, bfloat16, float32, float64, complex64, complex128,
)  # fmt: skip
# The names under which the dtypes are public; short forms are torch's aliases.
NAMES: dict[str, dtype] = {d._name: d for d in ALL} | {
    "short": int16, "int": int32, "long": int64, "half": float16, "float": float32,
    "double": float64, "cfloat": complex64, "cdouble": complex128,
}  # fmt: skip

_TYPE_NAMES = {
    "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int",
    "int64": "Long", "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64", "float16": "Half",
    "bfloat16": "BFloat16", "float32": "Float", "float64": "Double", "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}  # fmt: skip

_REAL_OF = {complex64: float32, complex128: float64}
_COMPLEX_OF = {float16: complex64, bfloat16: complex64, float32: complex64, float64: complex128}


def _by_name(name: str) -> dtype:
    return NAMES[name]


_BY_NUM: dict[int, dtype] = {d.numpy.num: d for d in ALL}
# C's `long` and `long long` are distinct NumPy type numbers of the same width on most systems.
for _code in "lLqQiI":
    _BY_NUM.setdefault(
        np.dtype(_code).num,
        _BY_NUM[np.dtype(f"{np.dtype(_code).kind}{np.dtype(_code).itemsize}").num],
    )


def from_numpy(numpy_dtype: np.dtype[Any]) -> dtype:
    """Return the dtype that a NumPy dtype stores.

    Raises:
        TypeError: no dtype matches (strings, objects, float128, foreign byte orders).
    """
    found = _BY_NUM.get(numpy_dtype.num)
    if found is None or not numpy_dtype.isnative:
        raise TypeError(
            f"can't convert np.ndarray of type {numpy_dtype}. The only supported types are: "
            "float64, float32, float16, bfloat16, complex64, complex128, int64, int32, int16, "
            "int8, uint64, uint32, uint16, uint8, and bool."
        )
    return found


def as_dtype(value: Any) -> dtype:
    """Turn a dtype, a Python type (`float`, `int`, `bool`, `complex`) or NumPy's into a dtype."""
    if isinstance(value, dtype):
        return value
    python_types = {float: float64, int: int64, bool: bool_, complex: complex128}
    if isinstance(value, type) and value in python_types:
        return python_types[value]
    raise TypeError(f"dtype: expected a rushlight dtype such as rushlight.float32, got {value!r}")


# --- the default floating point dtype ----------------------------------------------------------

_default = [float32]


def get_default_dtype() -> dtype:
    """Return the dtype that Python floats take on (float32 unless changed)."""
    return _default[0]


def set_default_dtype(d: dtype, /) -> None:
    """Set the dtype that Python floats take on.

    Raises:
        TypeError: `d` is not a floating point dtype.
    """
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default[0] = d


def default_of_kind(kind: int) -> dtype:
    """Return the dtype a Python number of this kind becomes on its own."""
    if kind == _KIND_FLOAT:
        return get_default_dtype()
    if kind == _KIND_COMPLEX:
        return get_default_dtype().to_complex()
    return int64 if kind == _KIND_INT else bool_


def of_scalar(value: Any) -> dtype:
    """Return the dtype a Python (or NumPy) number becomes on its own."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return get_default_dtype()
    if isinstance(value, (complex, np.complexfloating)):
        return get_default_dtype().to_complex()
    return from_numpy(np.asarray(value).dtype)


# --- promotion ---------------------------------------------------------------------------------


def _float_join(a: dtype, b: dtype) -> dtype:
    if {a, b} == {float16, bfloat16}:
        return float32
    return a if a.itemsize >= b.itemsize else b


def _int_join(a: dtype, b: dtype) -> dtype:
    if a.is_signed == b.is_signed:
        return a if a.itemsize >= b.itemsize else b
    unsigned, signed = (b, a) if a.is_signed else (a, b)
    if unsigned.itemsize > 1:
        raise RuntimeError(
            f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{a._name} and {b._name}"
        )
    return int16 if signed is int8 else signed


def _join(a: dtype, b: dtype) -> dtype:
    if a is b:
        return a
    if a.kind != b.kind:
        low, high = (a, b) if a.kind < b.kind else (b, a)
        if high.is_complex and low.is_floating_point:
            return _join(high, low.to_complex())
        return high
    if a.kind == _KIND_FLOAT:
        return _float_join(a, b)
    if a.kind == _KIND_INT:
        return _int_join(a, b)
    return a if a.itemsize >= b.itemsize else b


_JOINS: dict[tuple[dtype, dtype], dtype] = {}


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """Return the smallest dtype that both can be converted to.

    Example:
        >>> rushlight.promote_types(rushlight.int64, rushlight.float16)
        torch.float16
    """
    key = (type1, type2)
    joined = _JOINS.get(key)
    if joined is None:
        joined = _JOINS[key] = _join(type1, type2)
    return joined


def can_cast(from_: dtype, to: dtype) -> bool:
    """Tell whether values may be converted from one dtype to another within promotion's rules.

    Example:
        >>> rushlight.can_cast(rushlight.float64, rushlight.int32)
        False
    """
    if from_.kind > to.kind:
        return False
    return not (from_.kind == _KIND_INT and to is bool_)


# --- limits ------------------------------------------------------------------------------------


class finfo:
    """Numerical limits of a floating point dtype (the default dtype if none is given).

    Example:
        >>> rushlight.finfo(rushlight.float32).eps
        1.1920928955078125e-07
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, type: dtype | None = None):
        d = get_default_dtype() if type is None else as_dtype(type).to_real()
        if not d.is_floating_point:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use "
                f"torch.iinfo to handle '{d}'"
            )
        info = ml_dtypes.finfo(d.numpy)
        self.bits = d.itemsize * 8
        self.dtype = d._name
        self.eps = float(info.eps)
        self.max = float(info.max)
        self.min = float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = 10.0 ** -int(-math.log10(self.eps))

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """Numerical limits of an integer dtype.

    Example:
        >>> rushlight.iinfo(rushlight.int8).max
        127
    """

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, type: dtype):
        d = as_dtype(type)
        if d.kind != _KIND_INT:
            raise TypeError(
                f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{d}'"
            )
        info = np.iinfo(d.numpy)
        self.bits = d.itemsize * 8
        self.dtype = d._name
        self.min, self.max = int(info.min), int(info.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
