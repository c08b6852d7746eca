"""What waits: the last step of a batch normalisation, and ReLU's gradient on its way to one.

    y = x scale + shift,    y + residual,    max(y [+ residual], 0)

are one pass over x whichever is wanted in the end; the gradient of a normalisation needs g where
the ReLU behind it let something through, and can look itself.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np

from .._deferred import Deferred, alike, is_worthwhile, replace, wait
from .._tensor import Tensor, waiting, wrap
from .._typing import Array
from ..autograd import interception
from ..autograd.node import Op
from ..autograd.saved import Saved
from ..autograd.view import bump, check_memory, record, write_
from ..kernels import activation, norm


class Normalised(Deferred):
    """y = (x - mean) rstd w + b [+ residual].

    Args:
        x: what is normalised.
        channels: w, b, mean and rstd; copied, as they may change before y is computed.
        residual: what is added.
    """

    __slots__ = ("channels", "residual", "x")

    def __init__(self, x: Array, channels: Any, residual: Array | None = None):
        super().__init__(x)
        self.x, self.residual = x, residual
        self.channels = [None if v is None else v.copy() for v in channels]

    def operands(self) -> tuple[Array | None, ...]:
        """Return what is not copied."""
        return self.x, self.residual

    def compute(self, *, relu: bool = False) -> Array:
        """Return y, or max(y, 0)."""
        return norm.batch_norm_apply(self.x, *self.channels, self.residual, relu=relu)

    def plus(self, other: Any, *, kept: bool) -> Array | Normalised:
        """Return the sum with another operand; it waits too if that operand is sure to be kept."""
        if type(other) is Normalised:
            other = other.compute()
        fits = isinstance(other, np.ndarray) and other.shape == self.shape
        if kept and fits and other.dtype == self.dtype and self.residual is None:
            return Normalised(self.x, self.channels, other)
        return np.add(self.compute(), other)


class Gated(Deferred):
    """g where y, the result of a ReLU, is positive, else 0."""

    __slots__ = ("g", "y")

    def __init__(self, g: Array, y: Array):
        super().__init__(g)
        self.g, self.y = g, y

    def operands(self) -> tuple[Array | None, ...]:
        """Return both arrays."""
        return self.g, self.y

    def compute(self) -> Array:
        """Return the gradient by the ReLU's input."""
        return activation.relu_grad(self.g, self.y)


def renew_(dst: Tensor, value: Tensor) -> Tensor:
    """Write a fresh result, which nobody else has, into `dst`; its node then saves `dst` instead.

    If `dst` waits, nobody has seen its memory, and it may as well get that of the value.
    """
    if waiting and alike(dst, value):
        check_memory(dst, None)
        replace(dst, value)
        bump(dst)
        if value._requires_grad:
            record(dst, value)
    else:
        write_(dst, value)
    if dst._view is None and value._node is not None and dst._node is value._node:
        for item in value._node.saved:
            if isinstance(item, Saved):
                item.move_to(dst)
    return dst


def may_wait(x: Array) -> bool:
    """Tell whether a step over this array should wait, as things are."""
    return x.ndim > 2 and is_worthwhile(x) and not interception.interceptors


def is_kept(ctx: Op, place: int, x: Any, **options: Any) -> bool:
    """Tell whether an input of `ctx.forward` is sure to keep its values until a write is noticed.

    So are results of recorded operations. Where nothing is recorded, the array must be nobody's
    but its tensor's: NumPy code that had it could write to it. To be called by `forward` itself,
    with its options: functions on the way here would be counted too.
    """
    edge = ctx.edges[place] if ctx.edges else None
    if edge is not None:
        return not isinstance(edge[0], Tensor)
    if not isinstance(x, np.ndarray):
        return type(x) is Normalised
    return x.base is None and sys.getrefcount(x) <= _references_of_an_input(bool(options))


@functools.cache
def _references_of_an_input(with_options: bool) -> int:
    """Count the references to an input of `forward` that only its tensor holds.

    Measured rather than written down: Python versions differ. So do the ways into `forward`: with
    options as into a normalisation, without as into a sum, whose other operand waits.
    """
    counts: list[int] = []
    _Probe.seen = counts.append
    x = wrap(np.empty(1, np.float32))
    if with_options:
        _Probe.apply(x, eps=0)
    else:
        _Probe.apply(x, wait(Normalised(np.empty(1, np.float32), ())))
    return counts[0]


class _Probe(Op):
    seen: Any = None
    absorbs = Normalised

    def forward(ctx, x: Array, other: Any = None, **options: Any) -> Array:
        # Spelt as the calls of `is_kept` are: the interpreter may hold on to arguments.
        _Probe.seen(_count(ctx, 0, x, eps=0) if options else _count(ctx, 0, x))
        return x


def _count(ctx: Op, place: int, x: Array, **options: Any) -> int:
    return sys.getrefcount(x)
