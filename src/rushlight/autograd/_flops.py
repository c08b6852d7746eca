"""How many floating point operations an operator takes: two for a product that is summed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

Shape = tuple[int, ...]


def _matmul(shapes: Sequence[Shape], out: Shape) -> int:
    return 2 * prod(out) * shapes[0][-1]


def _conv(shapes: Sequence[Shape], out: Shape) -> int:
    return 2 * prod(out) * prod(shapes[1][1:])


def _conv_grad_input(shapes: Sequence[Shape], out: Shape) -> int:
    return 2 * prod(shapes[0]) * prod(shapes[1][1:])


def _conv_grad_weight(shapes: Sequence[Shape], out: Shape) -> int:
    return 2 * prod(shapes[0]) * prod(out[1:])


def _attention(shapes: Sequence[Shape], out: Shape) -> int:
    q, k, v = shapes[:3]
    return 2 * prod(q[:-1]) * k[-2] * (k[-1] + v[-1])


def _attention_grad(shapes: Sequence[Shape], out: Shape) -> int:
    q, k, v = shapes[1:4]
    return 2 * prod(q[:-1]) * k[-2] * (3 * k[-1] + 2 * v[-1])


# By the operator's name; what `utils.flop_counter` counts.
PRODUCTS: dict[str, Callable[[Sequence[Shape], Shape], int]] = {
    "Attention": _attention,
    "AttentionGrad": _attention_grad,
    "Conv": _conv,
    "ConvGradInput": _conv_grad_input,
    "ConvGradWeight": _conv_grad_weight,
    "ConvReLU": _conv,
    "Linear": _matmul,
    "LinearReLU": _matmul,
    "MatMul": _matmul,
}
ELEMENTWISE = frozenset({"Add", "Mul", "Sub", "Div"})


def flops_of(op: Any, inputs: Sequence[Any], result: Any) -> int:
    """Return the count for a call of an operator; 0 for operators nobody counts."""
    name = op.__name__
    if name not in PRODUCTS and name not in ELEMENTWISE:
        return 0
    first = result[0] if isinstance(result, tuple) else result
    out = first.array.shape
    if name in ELEMENTWISE:
        return prod(out)
    shapes = [x.array.shape for x in inputs if hasattr(x, "array")]
    return PRODUCTS[name](shapes, out)
