"""What random operators share: where the numbers come from, filling tensors, reading arguments."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array, Shape
from ..autograd.view import write_
from ..backend import dtype as dtypes
from ..backend.array import device_of, to_device
from ..backend.device import as_device, device
from ..backend.dtype import dtype as DType
from ..backend.meta import MetaArray, meta_array
from ..kernels.random.mt19937 import Stream
from ..random import Generator, generator_for
from ._arguments import check_dtype, check_layout, finish

Filler = Callable[..., None]
_INT64 = range(-(1 << 63), 1 << 63)


def stream_for(name: str, where: device, generator: Generator | None) -> Stream:
    """Return the stream of a generator, or of the device's default one."""
    if generator is None:
        return generator_for(where).stream
    if not isinstance(generator, Generator):
        raise TypeError(
            f"{name}(): argument 'generator' must be torch.Generator, "
            f"not {type(generator).__name__}"
        )
    if generator.device.type != where.type:
        raise RuntimeError(
            f"Expected a '{where.type}' device type for generator but found "
            f"'{generator.device.type}'"
        )
    return generator.stream


def _run(filler: Filler, array: Array, stream: Stream, args: tuple[Any, ...]) -> None:
    """Fill an array of any device; a GPU's is filled on the CPU and copied."""
    if isinstance(array, MetaArray):
        return
    if isinstance(array, np.ndarray):
        filler(array, stream, *args)
        return
    host = np.empty(array.shape, array.dtype)
    filler(host, stream, *args)
    array[...] = to_device(host, device_of(array))


def write(
    name: str, dst: Tensor, generator: Generator | None, filler: Filler, *args: Any
) -> Tensor:
    """Fill a tensor in place, noting the write."""
    stream = stream_for(name, dst.device, generator)
    return write_(dst, None, store=lambda array: _run(filler, array, stream, args))


def filled(
    name: str, made: Tensor, generator: Generator | None, requires_grad: bool, filler: Filler,
    *args: Any,
) -> Tensor:  # fmt: skip
    """Fill a tensor nobody has seen yet."""
    _run(filler, made.array, stream_for(name, made.device, generator), args)
    if requires_grad:
        made.requires_grad = True
    return made


def drawn(
    name: str, shape: Shape, kind: DType, where: Any, generator: Generator | None,
    out: Tensor | None, requires_grad: bool, filler: Filler, *args: Any,
) -> Tensor:  # fmt: skip
    """Return a new tensor of random numbers, or fill `out` with them in its own memory order."""
    if out is not None and out.array.shape == shape:
        return write(name, out, generator, filler, *args)
    place = place_of_result(where, out)
    if place.type == "meta":
        return finish(name, meta_array(shape, kind.numpy), out, requires_grad)
    host = np.empty(shape, kind.numpy)
    filler(host, stream_for(name, place, generator), *args)
    return finish(name, to_device(host, place), out, requires_grad)


def place_of_result(where: Any, out: Tensor | None) -> device:
    """Return the device asked for, that of `out`, or the default one."""
    return as_device(where) if out is None or where is not None else out.device


def dtype_of_result(
    name: str, given: Any, layout: Any, out: Tensor | None, default: DType | None
) -> DType:
    """Return the dtype asked for, that of `out`, or the default one; refuse a contradiction."""
    check_layout(name, layout)
    kind = check_dtype(name, given)
    if out is None:
        return kind or default or dtypes.get_default_dtype()
    if kind is not None and kind is not out.dtype:
        raise RuntimeError(
            f"dtype {kind.type_name} does not match dtype of out parameter ({out.dtype.type_name})"
        )
    return out.dtype


def number(name: str, argument: str, value: Any) -> float:
    """Read a real number, which may be a tensor of one element."""
    if isinstance(value, (int, float, np.number)) or (
        isinstance(value, Tensor) and value.array.size == 1 and not value.dtype.is_complex
    ):
        return float(value)
    raise TypeError(f"{name}(): argument '{argument}' must be float, not {type(value).__name__}")


def integer(name: str, argument: str, value: Any) -> int:
    """Read an integer of 64 bits."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}(): argument '{argument}' must be int, not {type(value).__name__}")
    number = index(value)
    if number not in _INT64:
        raise ValueError(f"Overflow when unpacking long long: {name}(): {argument} = {number}")
    return number


def bounds_of_fill(
    name: str, given: tuple[Any, ...], named: dict[str, Any], default: tuple[Any, Any]
) -> tuple[Any, Any]:
    """Read `from` and `to`, by place or by name (`from` is no name Python lets us write)."""
    names = ("from", "to")
    if len(given) > len(names):
        raise TypeError(f"{name}() takes at most 2 positional arguments ({len(given)} given)")
    for unknown in named.keys() - set(names):
        raise TypeError(f"{name}() got an unexpected keyword argument '{unknown}'")
    for twice in named.keys() & set(names[: len(given)]):
        raise TypeError(f"{name}() got multiple values for argument '{twice}'")
    positional = dict(zip(names, given, strict=False))
    read = dict(zip(names, default, strict=True)) | positional | named
    return read["from"], read["to"]


def bounds_of_randint(name: str, given: list[Any], named: dict[str, Any]) -> tuple[int, int]:
    """Read the bounds of randint: (high), (low, high), or either by name."""
    for unknown in named.keys() - {"low", "high"}:
        raise TypeError(f"{name}() got an unexpected keyword argument '{unknown}'")
    if len(given) == 1 and "high" not in named:
        given = [named.get("low", 0), given[0]]
    read = dict(zip(("low", "high"), given, strict=False)) | named
    if len(given) > 2 or "high" not in read:
        raise TypeError(
            f"{name}() received an invalid combination of arguments: expected high, or low and high"
        )
    return integer(name, "low", read.get("low", 0)), integer(name, "high", read["high"])
