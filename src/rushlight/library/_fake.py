"""Fake implementations: shapes and dtypes of an operator's results, without computing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .._tensor import Tensor
from ._registry import Operator

__all__ = ["FakeImplCtx", "get_ctx"]

# Stand-ins for sizes that depend on values: primes that no example has by accident.
_SIZES = (10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079)


class FakeImplCtx:
    """What a fake implementation may ask for; see `get_ctx`."""

    def __init__(self, operator: Operator, allows_dynamic_sizes: bool):
        self._operator = operator
        self._allows = allows_dynamic_sizes
        self.sizes: list[int] = []

    def new_dynamic_size(self, *, min: int = 0, max: int | None = None) -> int:
        """Return a stand-in for a size that depends on the values of the inputs.

        Args:
            min: the smallest size possible.
            max: the largest size possible.

        Raises:
            ValueError: the bounds are no whole numbers of at least 0.
            RuntimeError: the operator was called with meta tensors, whose sizes must be known.
        """
        if not isinstance(min, int) or (max is not None and not isinstance(max, int)) or min < 0:
            raise ValueError(
                f"ctx.new_dynamic_size(min={min}, max={max}): expected min and max to be "
                "statically known ints and min to be >= 0."
            )
        if not self._allows:
            raise RuntimeError(
                f"{self._operator.schema.name}: You're trying to run this operator with meta "
                "Tensors (as opposed to FakeTensors), but this operator may return an output "
                "Tensor with data-dependent shape. Meta Tensors don't support operators with "
                "outputs that have data-dependent shapes. If your operator does not return an "
                "output with data-dependent shape, make sure the fake implementation does not "
                "call torch.library.get_ctx()."
            )
        self.sizes.append(_SIZES[len(self.sizes) % len(_SIZES)])
        return self.sizes[-1]

    create_unbacked_symint = new_dynamic_size


_current: ContextVar[FakeImplCtx | None] = ContextVar("fake_context", default=None)


def get_ctx() -> FakeImplCtx | None:
    """Return the context of the fake implementation that is running; None outside of one.

    Example:
        >>> rushlight.library.get_ctx() is None
        True
    """
    return _current.get()


@contextmanager
def _running(context: FakeImplCtx) -> Iterator[None]:
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def run_fake(operator: Operator, values: Sequence[Any]) -> Any:
    """Run the fake implementation for a call with meta tensors."""
    return _run(operator, values, FakeImplCtx(operator, allows_dynamic_sizes=False))


def trial(operator: Operator, values: Sequence[Any]) -> tuple[Any, list[int]]:
    """Run the fake implementation on stand-ins; return its result and the sizes left open."""
    context = FakeImplCtx(operator, allows_dynamic_sizes=True)
    return _run(operator, [_stand_in(value) for value in values], context), context.sizes


def _run(operator: Operator, values: Sequence[Any], context: FakeImplCtx) -> Any:
    args, kwargs = operator.signature.for_kernel(values)
    assert operator.fake is not None
    with _running(context):
        return operator.signature.result(operator.fake(*args, **kwargs))


def _stand_in(value: Any) -> Any:
    """Return tensors without values in place of tensors."""
    if isinstance(value, list):
        return [_stand_in(item) for item in value]
    if not isinstance(value, Tensor):
        return value
    return value.detach().to("meta")
