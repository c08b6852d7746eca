"""Random tensors: uniform, normal, integers, permutations and draws from given probabilities.

The numbers are PyTorch's on the CPU (see `rushlight.random`). Draws have no gradient: where a
parameter asks for one it is zero. The methods that fill a tensor are in `sampling_inplace`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..backend.array import array_module, device_of, to_device, to_numpy
from ..backend.dtype import dtype as DType
from ..backend.memory_format import preserve_format
from ..kernels.random import draw, fill, rejection
from ..kernels.random.bounds import DIGITS, INTEGER_BITS, not_implemented
from ..kernels.random.mt19937 import Stream
from ..random import Generator
from ._arguments import finish, require_tensor
from ._export import export, into
from ._sampling import (
    bounds_of_randint,
    drawn,
    dtype_of_result,
    filled,
    integer,
    number,
    place_of_result,
    stream_for,
)
from .creation import _check_sizes, _size_argument, empty_like
from .shape import common_shape

# --- uniform and normal numbers ----------------------------------------------------------------


@export
def rand(
    *size: Any, generator: Generator | None = None, out: Tensor | None = None, dtype: Any = None,
    layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    **other: Any,
) -> Tensor:  # fmt: skip
    """Return uniform random numbers from [0, 1).

    Args:
        *size: the extents, one by one or as one sequence.
        generator: where the numbers come from; None: the default generator.
        out: a tensor to write the result into.
        dtype: a floating or complex dtype; None: the default dtype.
        layout: `rushlight.strided`.
        device: where the result lives; None: the default device.
        pin_memory: accepted for compatibility.
        requires_grad: whether operations on the result are recorded.
        **other: `size` given by name.

    Raises:
        NotImplementedError: the dtype is an integer or bool.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.rand(2, 2)
        tensor([[0.4963, 0.7682],
                [0.0885, 0.1320]])
    """
    shape = _size_argument("rand", size, other)
    kind = dtype_of_result("rand", dtype, layout, out, None)
    return drawn("rand", shape, kind, device, generator, out, requires_grad, fill.uniform)


@export
def randn(
    *size: Any, generator: Generator | None = None, out: Tensor | None = None, dtype: Any = None,
    layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    **other: Any,
) -> Tensor:  # fmt: skip
    """Return standard normal random numbers: mean 0, variance 1; the arguments are those of `rand`.

    The parts of complex numbers have variance 1/2 each.

    Raises:
        NotImplementedError: the dtype is an integer or bool.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.randn(4)
        tensor([ 1.5410, -0.2934, -2.1788,  0.5684])
    """
    shape = _size_argument("randn", size, other)
    kind = dtype_of_result("randn", dtype, layout, out, None)
    return drawn("randn", shape, kind, device, generator, out, requires_grad, fill.normal)


@export
def rand_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:  # fmt: skip
    """Return uniform random numbers of another tensor's sizes, dtype and memory order."""
    made = empty_like(input, dtype=dtype, layout=layout, device=device, memory_format=memory_format)
    return filled("rand_like", made, generator, requires_grad, fill.uniform)


@export
def randn_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:  # fmt: skip
    """Return standard normal random numbers of another tensor's sizes, dtype and memory order."""
    made = empty_like(input, dtype=dtype, layout=layout, device=device, memory_format=memory_format)
    return filled("randn_like", made, generator, requires_grad, fill.normal)


@export
def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
    out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return normal random numbers: mean + std z with z standard normal.

    `normal(mean, std)` takes one or two tensors and draws one number for each of their elements;
    `normal(mean, std, size)` takes two numbers and the sizes of the result.

    Args:
        mean: the mean of each number (a tensor), or of all.
        std: the standard deviation of each number (a tensor), or of all.
        size: sizes of the result, where both are numbers.
        generator: where the numbers come from; None: the default generator.
        out: a tensor to write the result into.
        dtype: dtype of the result, where both are numbers; else it is that of `mean` (of `std`
            where `mean` is a number).
        layout: `rushlight.strided`.
        device: where the result lives, where both are numbers.
        pin_memory: accepted for compatibility.
        requires_grad: whether operations on the result are recorded.

    Raises:
        RuntimeError: a standard deviation is negative, or the sizes do not broadcast.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.normal(rushlight.arange(3.0), 0.1)
        tensor([0.1541, 0.9707, 1.7821])
    """
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        if size is None:
            return _normal_of_tensors(mean, std, generator, out)
        mean, std = number("normal", "mean", mean), number("normal", "std", std)
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"normal() received an invalid combination of arguments - got ({type(mean).__name__}, "
            f"{type(std).__name__}, {type(size).__name__}), but expected (float mean, float std, "
            "tuple of ints size), or a Tensor as mean or std"
        )
    shape = _size_argument("normal", (size,), {})
    kind = dtype_of_result("normal", dtype, layout, out, None)
    return drawn(
        "normal", shape, kind, device, generator, out, requires_grad, fill.normal, mean, std
    )


def _normal_of_tensors(
    mean: Any, std: Any, generator: Generator | None, out: Tensor | None
) -> Tensor:
    first = mean if isinstance(mean, Tensor) else std
    _check_std(std)
    stream = stream_for("normal", first.device, generator)
    result = Normal.apply(mean, std, stream=stream)
    return result if out is None else into("normal", out, result)


def _check_std(std: Any) -> None:
    if not isinstance(std, Tensor):
        if not std >= 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    elif std.dtype.is_complex:
        raise RuntimeError("normal expects standard deviation to be non-complex")
    elif not (std.array >= 0).all():
        raise RuntimeError("normal expects all elements of std >= 0.0")


class Drawn(Op):
    """y drawn from a distribution whose parameters are the inputs.  dL/dx = 0."""

    def keep_shapes(ctx, *parameters: Any) -> None:
        """Remember what zeros to return as gradients."""
        ctx.like = [getattr(p, "shape", None) for p in parameters]

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        xp = array_module(g.array)
        return tuple([None if n is None else wrap(xp.zeros(n, g.array.dtype)) for n in ctx.like])


class Normal(Drawn):
    """y = mean + std z, z standard normal, drawn for contiguous memory.  Gradients: 0."""

    def forward(ctx, mean: Any, std: Any, *, stream: Stream) -> Array:
        ctx.keep_shapes(mean, std)
        first = mean if hasattr(mean, "shape") else std
        z = np.empty(common_shape(np.shape(mean), np.shape(std)), first.dtype)
        fill.normal(z, stream)
        z = to_device(z, device_of(first))
        z *= std
        z += mean
        return z


class Bernoulli(Drawn):
    """y = 1 with probability p, else 0, drawn for contiguous memory.  Gradient: 0."""

    def forward(ctx, p: Array, *, stream: Stream) -> Array:
        ctx.keep_shapes(p)
        y = np.empty(p.shape, p.dtype)
        fill.bernoulli(y, stream, to_numpy(p))
        return to_device(y, device_of(p))


class Poisson(Drawn):
    """y = a Poisson number of the given rate.  Gradient: 0."""

    def forward(ctx, rate: Array, *, stream: Stream) -> Array:
        ctx.keep_shapes(rate)
        return to_device(rejection.poisson(to_numpy(rate), stream), device_of(rate))


# --- integers ----------------------------------------------------------------------------------


@export
def randint(
    *bounds_and_size: Any, generator: Generator | None = None, out: Tensor | None = None,
    dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
    requires_grad: bool = False, **named: Any,
) -> Tensor:  # fmt: skip
    """Return random integers from [low, high): `randint(high, size)` or `randint(low, high, size)`.

    Args:
        *bounds_and_size: `low` (0 unless given), `high` and `size` (a sequence), also by name.
        generator: where the numbers come from; None: the default generator.
        out: a tensor to write the result into.
        dtype: dtype of the result; None: int64.
        layout: `rushlight.strided`.
        device: where the result lives; None: the default device.
        pin_memory: accepted for compatibility.
        requires_grad: whether operations on the result are recorded.
        **named: `low`, `high` or `size` given by name.

    Raises:
        RuntimeError: low >= high, or a bound goes beyond the dtype.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.randint(3, 10, (5,))
        tensor([7, 6, 3, 5, 4])
    """
    given = list(bounds_and_size)
    size = named.pop("size") if "size" in named else given.pop() if given else None
    low, high = bounds_of_randint("randint", given, named)
    if not isinstance(size, (tuple, list, Tensor)):
        raise TypeError(
            f"randint(): argument 'size' (position {len(given) + 1}) must be tuple of ints, not "
            f"{type(size).__name__}"
        )
    shape = _size_argument("randint", (size,), {})
    kind = dtype_of_result("randint", dtype, layout, out, dtypes.int64)
    return drawn(
        "randint", shape, kind, device, generator, out, requires_grad, fill.integers, low, high
    )


@export
def randint_like(
    input: Tensor, *bounds: Any, generator: Generator | None = None, dtype: Any = None,
    layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    memory_format: Any = preserve_format, **named: Any,
) -> Tensor:  # fmt: skip
    """Return random integers from [low, high) of another tensor's sizes, dtype and memory order.

    The bounds are given as `randint_like(input, high)` or `randint_like(input, low, high)`.
    """
    low, high = bounds_of_randint("randint_like", list(bounds), named)
    made = empty_like(input, dtype=dtype, layout=layout, device=device, memory_format=memory_format)
    return filled("randint_like", made, generator, requires_grad, fill.integers, low, high)


@export
def randperm(
    n: int, *, generator: Generator | None = None, out: Tensor | None = None, dtype: Any = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Return the integers 0 ... n-1 in random order.

    Args:
        n: how many.
        generator: where the numbers come from; None: the default generator.
        out: a tensor to write the result into.
        dtype: dtype of the result; None: int64.
        layout: `rushlight.strided`.
        device: where the result lives; None: the default device.
        requires_grad: whether operations on the result are recorded.
        pin_memory: accepted for compatibility.

    Raises:
        RuntimeError: n is negative, or the dtype cannot hold n-1.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.randperm(5)
        tensor([4, 0, 1, 3, 2])
    """
    n = integer("randperm", "n", n)
    _check_sizes((n,))
    kind = dtype_of_result("randperm", dtype, layout, out, dtypes.int64)
    _check_holds(kind, n)
    where = place_of_result(device, out)
    order = draw.permutation(n, stream_for("randperm", where, generator))
    array = to_device(order.astype(kind.numpy, copy=False), where)
    return finish("randperm", array, out, requires_grad)


def _check_holds(kind: DType, n: int) -> None:
    if kind not in DIGITS and (kind not in INTEGER_BITS or kind is dtypes.bool_):
        raise not_implemented("randperm", kind)
    if kind in DIGITS and n > (1 << DIGITS[kind]) + 1:
        raise RuntimeError(
            f"n cannot be greater than {(1 << DIGITS[kind]) + 1} for {kind.type_name} type."
        )
    if kind in INTEGER_BITS and n - 1 >= 1 << INTEGER_BITS[kind]:
        raise RuntimeError(
            f"randperm: value {n - 1} cannot be converted to type {kind} without overflow"
        )


# --- draws from given probabilities ------------------------------------------------------------


@export(method=True, out=True)
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Return 1 with the probability each element of `input` gives, else 0.

    Args:
        input: the probabilities, of a floating dtype; the result has the same dtype.
        p: one probability for all elements; only the sizes and dtype of `input` count then.
        generator: where the numbers come from; None: the default generator.

    Raises:
        RuntimeError: a probability lies outside [0, 1].

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.bernoulli(rushlight.tensor([0.0, 0.5, 1.0]))
        tensor([0., 0., 1.])
    """
    require_tensor("bernoulli", input)
    if input.is_meta:
        return empty_like(input)
    stream = stream_for("bernoulli", input.device, generator)
    if p is None:
        return Bernoulli.apply(input, stream=stream)
    y = np.empty(input.array.shape, input.array.dtype)
    fill.bernoulli(y, stream, number("bernoulli", "p", p))
    return finish("bernoulli", to_device(y, input.device), None, False)


@export
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Return one Poisson random number for each rate in `input`, in its (floating) dtype.

    Raises:
        RuntimeError: a rate is negative.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.poisson(rushlight.tensor([0.0, 3.0, 100.0]))
        tensor([ 0.,  6., 96.])
    """
    require_tensor("poisson", input)
    if input.dtype not in DIGITS:
        raise not_implemented("poisson_cpu", input.dtype)
    return Poisson.apply(input, stream=stream_for("poisson", input.device, generator))


@export(method=True)
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return indices into the last dimension of `input`, drawn in proportion to its weights.

    Args:
        input: the weights, (C) or (N, C), of a floating dtype; they need not sum to one.
        num_samples: how many indices to draw per row.
        replacement: whether an index may come up again.
        generator: where the numbers come from; None: the default generator.
        out: an int64 tensor to write the result into.

    Shape: result (num_samples) or (N, num_samples), int64.

    Raises:
        RuntimeError: a weight is negative, infinite or NaN, all weights of a row are zero, or more
            indices are asked for than there are without replacement.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.multinomial(rushlight.tensor([0.0, 10.0, 3.0, 0.0]), 2)
        tensor([1, 2])
    """
    require_tensor("multinomial", input)
    num_samples = integer("multinomial", "num_samples", num_samples)
    if input.is_meta:
        return input.new_empty((*input.shape[:-1], num_samples), dtype=dtypes.int64)
    _check_weights(input, num_samples, replacement)
    if out is not None and out.dtype is not dtypes.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype.type_name}")
    where = input.device
    stream = stream_for("multinomial", where, generator)
    chosen = draw.multinomial(to_numpy(input.array), num_samples, bool(replacement), stream)
    return finish("multinomial", to_device(chosen, where), out, False)


def _check_weights(input: Tensor, num_samples: int, replacement: bool) -> None:
    if input.dtype not in DIGITS:
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: "
            f"{input.dtype.type_name}"
        )
    if input.array.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got {input.array.ndim}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > input.array.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )
