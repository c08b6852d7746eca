"""Which numbers a dtype can be filled with, and torch's words where it cannot."""

from __future__ import annotations

import math
import warnings

import numpy as np

from rushlight._typing import Array
from rushlight.backend import dtype as dtypes
from rushlight.backend.dtype import dtype, from_numpy
from rushlight.errors import RushlightWarning

# Bits of the largest integer that fits, and digits of a float: integers up to 2^digits are exact.
INTEGER_BITS = {
    dtypes.bool_: 1, dtypes.uint8: 8, dtypes.int8: 7, dtypes.int16: 15, dtypes.int32: 31,
    dtypes.int64: 63,
}  # fmt: skip
DIGITS = {dtypes.float16: 11, dtypes.bfloat16: 8, dtypes.float32: 24, dtypes.float64: 53}
LARGEST = {d: dtypes.finfo(d).max for d in DIGITS}
# The smallest and the largest integer a dtype holds.
LIMITS = {d: (-int(largest), int(largest)) for d, largest in LARGEST.items()}
LIMITS |= {d: (dtypes.iinfo(d).min, dtypes.iinfo(d).max) for d in dtypes.ALL if d.kind == 1}
LIMITS[dtypes.bool_] = (0, 1)


def not_implemented(name: str, d: dtype) -> NotImplementedError:
    """Build torch's error for a dtype that a fill cannot write."""
    return NotImplementedError(f"\"{name}\" not implemented for '{d.type_name}'")


def real_dtype(out: Array, name: str) -> dtype:
    """Return the float dtype of an array or of the parts of its complex numbers."""
    d = from_numpy(out.dtype)
    if d.to_real() not in DIGITS:
        raise not_implemented(name, d)
    return d.to_real()


def require_floating(out: Array, distribution: str) -> None:
    """Refuse integers and complex numbers where a distribution is continuous."""
    d = from_numpy(out.dtype)
    if d not in DIGITS:
        raise RuntimeError(
            f"{distribution} distribution is a continuous probability distribution. dtype must be "
            f"a floating point but you specified {d.type_name}"
        )


def check_within(d: dtype, value: int, what: str) -> None:
    """Refuse an integer bound that the dtype cannot hold; warn where it skips integers below it."""
    if d.is_complex:
        raise RuntimeError(
            "check_random_bounds handles only integral, floating-point and boolean types"
        )
    low, high = LIMITS[d]
    if not low <= value <= high:
        raise RuntimeError(f"{what} is out of bounds for {d}: {value} is not in [{low}, {high}]")
    if d in DIGITS and abs(value) > 1 << DIGITS[d]:
        warnings.warn(
            f"{what} is out of bounds [-(2^{DIGITS[d]}), 2^{DIGITS[d]}]: {d} cannot hold every "
            "integer of the interval, so the numbers are not uniform",
            RushlightWarning,
            stacklevel=5,
        )


def check_bounds(d: dtype, low: float, high: float) -> None:
    """Refuse an interval of uniform numbers that is reversed or beyond the dtype."""
    largest = LARGEST[d]
    for value, what in ((low, "from"), (high, "to")):
        if not abs(value) <= largest:
            raise RuntimeError(f"{what} is out of bounds for {d}: {value:g}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{d.type_name}>::max(), but found "
            f"to={high:g} and from={low:g} which result in to-from to exceed the limit"
        )


def representable_bounds(d: dtype, low: int, high: int) -> tuple[int, int]:
    """Move bounds that would round out of [low, high) to the next number the float dtype holds."""
    after, before = _rounded(d, low + 1), _rounded(d, high - 1)
    if after < low:
        low = after + _spacing(d, low + 1)
    if before >= high:
        high = before - _spacing(d, high - 1)
    if low >= high:
        raise RuntimeError(
            "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
            f"from={low} >= to={high}"
        )
    return low, high


def _rounded(d: dtype, value: int) -> int:
    with np.errstate(over="ignore"):
        rounded = float(d.numpy.type(value))
    return int(rounded) if math.isfinite(rounded) else value


def _spacing(d: dtype, value: int) -> int:
    return 1 << (abs(value).bit_length() - DIGITS[d])
