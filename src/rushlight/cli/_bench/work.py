"""How much arithmetic a call of one of rushlight's kernels is, and how much memory it moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np


def _conv(args: tuple[Any, ...], options: Mapping[str, Any], y: Any) -> float:
    return 2.0 * y.size * args[1][0].size


def _conv_grad_input(args: tuple[Any, ...], options: Mapping[str, Any], gx: Any) -> float:
    return 2.0 * args[0].size * args[1][0].size


def _conv_grad_weight(args: tuple[Any, ...], options: Mapping[str, Any], gw: Any) -> float:
    return 2.0 * args[0].size * prod(options["weight_shape"][1:])


def _product(args: tuple[Any, ...], options: Mapping[str, Any], y: Any) -> float:
    return 2.0 * y.size * args[0].shape[-1]


def _attention(products: int, first: int) -> Callable[..., float]:
    """Products of all pairs of places; a causal mask leaves half of the pairs."""

    def count(args: tuple[Any, ...], options: Mapping[str, Any], results: Any) -> float:
        q, k = args[first], args[first + 1]
        return products * 2.0 * q.size * k.shape[-2] / (2 if options["causal"] else 1)

    return count


def _recurrent(weight: int) -> Callable[..., float]:
    """The product of a step with the state: each row of the gates with the whole weight."""

    def count(args: tuple[Any, ...], options: Mapping[str, Any], results: Any) -> float:
        return 2.0 * len(args[0]) * args[weight].size

    return count


# By the kernel's name; backward counts as many products as its formula has, not those repeated.
_FLOPS: dict[str, Callable[..., float]] = {
    "matmul": _product,
    "linear": _product,
    "conv": _conv,
    "conv_relu": _conv,
    "conv_grad_input": _conv_grad_input,
    "conv_grad_weight": _conv_grad_weight,
    "attention": _attention(2, 0),
    "attention_grad": _attention(4, 1),
    "lstm": _recurrent(3),
    "lstm_grad": _recurrent(6),
    "gru": _recurrent(2),
    "gru_grad": _recurrent(5),
    "simple": _recurrent(2),
    "simple_grad": _recurrent(3),
}


def flops(name: str, args: tuple[Any, ...], options: Mapping[str, Any], result: Any) -> float:
    """Return the multiplications and additions of products and sums; 0 where memory counts."""
    count = _FLOPS.get(name)
    return 0.0 if count is None else count(args, options, result)


def traffic(args: tuple[Any, ...], options: Mapping[str, Any], result: Any) -> float:
    """Return the bytes of operands and results, each once.

    Kernels of optimizers, which take lists (parameters, gradients, state), also write what they
    read but for the gradients.
    """
    seen = {id(a): a for a in arrays((args, tuple(options.values()), result))}
    total = float(sum(a.nbytes for a in seen.values()))
    if not (args and isinstance(args[0], list)):
        return total
    return 2 * total - sum(a.nbytes for a in arrays(args[1]))


def arrays(value: Any) -> Iterator[Any]:
    """Yield the arrays in nested lists and tuples, or the value itself if it is one."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from arrays(each)


def shapes(args: tuple[Any, ...]) -> str:
    """Return the shapes of a call's first operands: what tells it from others of the same name."""
    found = ["x".join(map(str, a.shape)) for a in args[:2] if isinstance(a, np.ndarray)]
    return ", ".join(found)
