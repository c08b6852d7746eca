"""Filling arrays from a stream, number for number as PyTorch's CPU generator does.

Every fill takes a NumPy array of any layout and writes it in the order of its memory. The rules,
with w a word of 32 bits and d one of 64:

    uniform        float32   (w mod 2^24) / 2^24        float64   (d mod 2^53) / 2^53
    integers       w mod range, or d mod range if range >= 2^28
    normal         Box and Muller's pairs; in blocks of 16 if contiguous and 16 or more
    all others     from float64 uniforms

float16 and bfloat16 are drawn as float32 and rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from rushlight._typing import Array
from rushlight.backend import dtype as dtypes
from rushlight.backend.dtype import from_numpy
from rushlight.kernels._float_errors import quiet
from rushlight.kernels.random import BLOCK, bounds, normal_blocks_, normal_pairs
from rushlight.kernels.random.bounds import DIGITS, INTEGER_BITS, not_implemented
from rushlight.kernels.random.mt19937 import Stream

_CHUNK = 1 << 15  # elements per step: the intermediate arrays stay in the cache
_MASK24 = np.uint32((1 << 24) - 1)
_MASK53 = np.uint64((1 << 53) - 1)
_LONG_RANGE = 1 << 28


def memory_axes(x: Array) -> list[int]:
    """Return the axes of `x` from the longest stride to the shortest: the order fills go in."""
    axes = list(range(x.ndim))
    return axes if x.flags.c_contiguous else sorted(axes, key=lambda axis: -x.strides[axis])


def uniform(out: Array, stream: Stream, low: float = 0.0, high: float = 1.0) -> None:
    """Fill with low + (high - low) u, u uniform in [0, 1); what rounds up to `high` becomes `low`.

    Raises:
        NotImplementedError: the dtype is neither floating nor complex.
        RuntimeError: a bound is out of the dtype's range, or low > high.
    """
    d = bounds.real_dtype(out, "check_uniform_bounds")
    bounds.check_bounds(d, low, high)
    if d is dtypes.float64:
        draw, scale, largest = uniform53, high - low, 1 - 2.0**-53
    else:
        low, high = float(np.float32(low)), float(np.float32(high))
        draw, scale, largest = uniform24, float(np.float32(high) - np.float32(low)), 1 - 2.0**-24
    lowest, top = d.numpy.type(low), d.numpy.type(high)
    reaches_top = d.numpy.type(low + scale * largest) == top

    def fill(flat: Array) -> None:
        for part in _chunks(flat):
            part[...] = draw(stream, part.size, scale, low)
            if reaches_top:
                part[part == top] = lowest

    _fill(out, stream, fill)


def normal(out: Array, stream: Stream, mean: float = 0.0, std: float = 1.0) -> None:
    """Fill with mean + std z, z standard normal.

    The parts of complex numbers have the standard deviation std / sqrt(2).

    Raises:
        NotImplementedError: the dtype is neither floating nor complex.
        RuntimeError: std is negative or NaN.
    """
    d = bounds.real_dtype(out, "normal_kernel_cpu")
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    if out.dtype.kind == "c":
        std /= math.sqrt(2)
    in_blocks = out.flags.c_contiguous and out.size * (1 + (out.dtype.kind == "c")) >= BLOCK
    wide = np.dtype(np.float64 if d is dtypes.float64 else np.float32)

    def fill(flat: Array) -> None:
        if not in_blocks:
            z = _normal_serial(stream, flat.size)
            z *= std
            z += mean
            _store(flat, z)
        elif flat.dtype == wide:
            _normal_in_blocks(flat, stream, mean, std, rounded=False)
        else:
            z = np.empty(flat.size, wide)
            _normal_in_blocks(z, stream, mean, std, rounded=True)
            _store(flat, z)

    _fill(out, stream, fill)


def integers(out: Array, stream: Stream, low: int, high: int | None) -> None:
    """Fill with integers of [low, high), or [low, largest of the dtype] if `high` is None.

    Raises:
        RuntimeError: the interval is empty or goes beyond the dtype.
    """
    d = from_numpy(out.dtype)
    if high is None:
        bounds.check_within(d, low, "from")
        high = 1 + (1 << DIGITS[d] if d in DIGITS else bounds.LIMITS[d][1])
    else:
        if low >= high:
            raise RuntimeError(
                f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
            )
        if d in DIGITS:
            low, high = bounds.representable_bounds(d, low, high)
        bounds.check_within(d, low, "from")
        bounds.check_within(d, high - 1, "to - 1")
    span = high - low

    def fill(flat: Array) -> None:
        for part in _chunks(flat):
            drawn = _below(stream, part.size, span)
            if span < 1 << 64:
                drawn += np.uint64(low % (1 << 64))  # modulo 2^64: right for negative `low` too
            _store(part, drawn if d is dtypes.uint64 else drawn.view(np.int64))

    _fill(out, stream, fill)


def any_integers(out: Array, stream: Stream) -> None:
    """Fill with integers from 0 to the largest the dtype holds (2^digits for floating dtypes).

    Raises:
        NotImplementedError: the dtype is complex or a wide unsigned one.
    """
    d = from_numpy(out.dtype)
    if d in INTEGER_BITS:
        span = 1 << INTEGER_BITS[d]
    elif d in DIGITS:
        span = (1 << DIGITS[d]) + 1
    else:
        raise not_implemented("random_kernel_cpu", d)
    long = d is dtypes.int64 or d is dtypes.float64

    def fill(flat: Array) -> None:
        for part in _chunks(flat):
            _store(part, _below(stream, part.size, span, long).view(np.int64))

    _fill(out, stream, fill)


def bernoulli(out: Array, stream: Stream, p: float | Array) -> None:
    """Fill with 1 where a uniform number is below p, else 0.

    Args:
        out: real numbers or booleans.
        stream: where the words come from.
        p: a number, or an array of float dtype that broadcasts to out's shape.

    Raises:
        NotImplementedError: the dtype cannot be drawn.
        RuntimeError: a probability lies outside [0, 1].
    """
    d = from_numpy(out.dtype)
    if d not in INTEGER_BITS and d not in DIGITS:
        raise not_implemented("bernoulli_scalar_cpu_", d)
    if isinstance(p, np.ndarray):
        _bernoulli_each(out, stream, p)
        return
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    # k / 2^53 < p for an integer k, without leaving the integers.
    bound = np.uint64(math.ceil(p * 2.0**53))

    def fill(flat: Array) -> None:
        for part in _chunks(flat):
            part[...] = (stream.words64(part.size) & _MASK53) < bound

    _fill(out, stream, fill)


def exponential(out: Array, stream: Stream, rate: float = 1.0) -> None:
    """Fill with -log(1 - u) / rate.

    Raises:
        RuntimeError: rate <= 0, or the dtype is not floating.
    """
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    bounds.require_floating(out, "Exponential")
    _transform(out, stream, lambda u: np.log1p(-u) * (-1 / rate))


def geometric(out: Array, stream: Stream, p: float) -> None:
    """Fill with the number of trials up to the first success: ceil(log(u) / log(1 - p)).

    Raises:
        RuntimeError: p is not in (0, 1).
    """
    d = from_numpy(out.dtype)
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    if d is dtypes.bool_ or (d not in INTEGER_BITS and d not in DIGITS):
        raise not_implemented("geometric_cpu", d)
    _transform(out, stream, lambda u: np.ceil(np.log(u) / math.log1p(-p)))


def cauchy(out: Array, stream: Stream, median: float = 0.0, sigma: float = 1.0) -> None:
    """Fill with median + sigma tan(pi (u - 1/2)).

    Raises:
        RuntimeError: sigma <= 0, or the dtype is not floating.
    """
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    bounds.require_floating(out, "Cauchy")
    _transform(out, stream, lambda u: median + sigma * np.tan(math.pi * (u - 0.5)))


def log_normal(out: Array, stream: Stream, mean: float = 1.0, std: float = 2.0) -> None:
    """Fill with exp(mean + std z), z standard normal (in pairs, whatever the layout).

    Raises:
        NotImplementedError: the dtype is not floating.
        RuntimeError: std <= 0.
    """
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    if from_numpy(out.dtype) not in DIGITS:
        raise not_implemented("log_normal_cpu", from_numpy(out.dtype))

    def fill(flat: Array) -> None:
        _store(flat, np.exp(mean + std * _normal_serial(stream, flat.size)))

    _fill(out, stream, fill)


# --- the parts ---------------------------------------------------------------------------------


@quiet
def _fill(out: Array, stream: Stream, fill: Callable[[Array], None]) -> None:
    """Call `fill` with the real numbers of `out` as one contiguous row, in the order of memory."""
    ordered = out.transpose(memory_axes(out))
    direct = ordered.flags.c_contiguous
    flat = ordered.reshape(-1) if direct else np.empty(out.size, out.dtype)
    real = flat.view(f"f{out.itemsize // 2}") if out.dtype.kind == "c" else flat
    with stream.lock:
        fill(real)
    if not direct:
        ordered[...] = flat.reshape(ordered.shape)


def _transform(out: Array, stream: Stream, of_uniform: Callable[[Array], Array]) -> None:
    """Fill with a function of float64 uniforms."""

    def fill(flat: Array) -> None:
        for part in _chunks(flat):
            _store(part, of_uniform(uniform53(stream, part.size)))

    _fill(out, stream, fill)


def _chunks(flat: Array) -> Iterator[Array]:
    for start in range(0, flat.size, _CHUNK):
        yield flat[start : start + _CHUNK]


def _store(part: Array, values: Array) -> None:
    """Convert as C does: to half precision by way of float32."""
    if values.dtype == np.float64 and part.itemsize == 2 and part.dtype.kind not in "iu":
        values = values.astype(np.float32)
    np.copyto(part, values, casting="unsafe")


def uniform24(stream: Stream, count: int, scale: float = 1.0, shift: float = 0.0) -> Array:
    """Return float32 shift + scale u, rounded once (as a fused multiply-add does)."""
    words = stream.words32(count)
    words &= _MASK24
    if scale == 1 and shift == 0:
        return np.multiply(words, np.float32(2.0**-24), dtype=np.float32, casting="unsafe")
    # 24 bits times 24 bits are exact in float64.
    u = np.multiply(words, scale * 2.0**-24, dtype=np.float64)
    u += shift
    return u.astype(np.float32)


def uniform53(stream: Stream, count: int, scale: float = 1.0, shift: float = 0.0) -> Array:
    """Return float64 shift + scale u."""
    words = stream.words64(count)
    words &= _MASK53
    u = np.multiply(words.view(np.int64), 2.0**-53)
    if scale != 1:
        u *= scale
    if shift != 0:
        u += shift
    return u


def _below(stream: Stream, count: int, span: int, long: bool | None = None) -> Array:
    """Return uint64 integers in [0, span)."""
    if span >= _LONG_RANGE if long is None else long:
        words = stream.words64(count)
        if span < 1 << 64:
            words %= np.uint64(span)
        return words
    short = stream.words32(count)
    if span < 1 << 32:
        # NumPy divides by one number with vector instructions, but takes no remainder that way.
        short -= short // np.uint32(span) * np.uint32(span)
    return short.astype(np.uint64)


def _normal_in_blocks(z: Array, stream: Stream, mean: float, std: float, rounded: bool) -> None:
    """Fill contiguous float32 or float64 `z`, at least 16, with normal numbers in blocks of 16.

    A rest that is no block has its uniforms drawn and lost, except where z will be rounded to half
    precision; then the last 16 numbers are drawn anew.
    """
    draw = uniform53 if z.dtype == np.float64 else uniform24
    whole = z.size - z.size % BLOCK
    for part in _chunks(z[:whole] if rounded else z):
        part[...] = draw(stream, part.size)
        normal_blocks_(part[: part.size - part.size % BLOCK])
    if whole < z.size:
        last = draw(stream, BLOCK)
        normal_blocks_(last)
        z[-BLOCK:] = last
    if std != 1:
        z *= std
    if mean != 0:
        z += mean


def _normal_serial(stream: Stream, count: int) -> Array:
    """Return float64 normal numbers in pairs; of an odd count the last second one is kept."""
    kept = stream.kept_normal
    if count == 0:
        return np.empty(0)
    fresh = count - (kept is not None)
    pairs = (fresh + 1) // 2
    z = np.empty(1 + 2 * pairs)
    z[1:] = normal_pairs(uniform53(stream, 2 * pairs))
    stream.kept_normal = float(z[-1]) if fresh % 2 else None
    if kept is None:
        return z[1 : 1 + count]
    z[0] = kept
    return z[:count]


def _bernoulli_each(out: Array, stream: Stream, p: Array) -> None:
    d = from_numpy(p.dtype)
    if d not in DIGITS:
        raise not_implemented("bernoulli_tensor_cpu_p_", d)
    if not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError(
            "bernoulli: Expected p_in >= 0 && p_in <= 1 to be true for every probability in p"
        )
    draw = uniform53 if d is dtypes.float64 else uniform24
    # The fill goes through memory, so p has to be laid out along it.
    ordered = np.broadcast_to(p, out.shape).transpose(memory_axes(out)).reshape(-1)

    def fill(flat: Array) -> None:
        flat[...] = draw(stream, flat.size) < ordered

    _fill(out, stream, fill)
