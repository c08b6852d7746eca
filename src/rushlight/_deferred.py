"""Results whose last step waits, so that the operator after it can be taken along.

Batch normalisation is followed by ReLU more often than not. Computed apart, each reads and writes
the whole activation; the statistics must be computed at once, but `y = x scale + shift` may wait
for the ReLU and then cost it nothing. So an operator's `forward` may return a `Deferred` in place
of an array. Its tensor is a `_Waiting`, whose slot `array` is empty: who looks at it starts the
computation and finds an ordinary Tensor. An operator that can take a Deferred along says so
(`Op.absorbs`) and gets it in place of the array.

Nothing else may be seen of all this, so the operands must keep their values while a result waits.
Small ones are copied, large ones must be results that no NumPy code has hold of, and before
anything writes to a tensor or hands out its memory, all that waits is computed (`settle`).
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np

from ._tensor import Tensor, waiting, wrap
from ._typing import Array, Shape
from .kernels._float_errors import IGNORE, restore_errors, set_errors
from .kernels._kernel import fast_paths_enabled
from .kernels._native import core

D = TypeVar("D", bound="Deferred")

# Below this many elements the bookkeeping costs more than a pass over the data.
_LEAST = 1 << 14

_computing = threading.RLock()
_enabled = True


class Deferred:
    """An array that is not computed yet; subclasses say what else can be computed instead."""

    __slots__ = ("dtype", "shape")

    def __init__(self, like: Array):
        self.shape: Shape = like.shape
        self.dtype: np.dtype[Any] = like.dtype

    def operands(self) -> tuple[Array | None, ...]:
        """Return the arrays that must keep their values until then."""
        raise NotImplementedError

    def compute(self) -> Array:
        """Return the array; called once at most, but for what was taken along by others before."""
        raise NotImplementedError


class _Kind(type):
    """Lets `type(x) == rushlight.Tensor` hold for tensors that wait."""

    def __eq__(cls, other: object) -> bool:
        return other is Tensor or type.__eq__(cls, other)

    def __hash__(cls) -> int:
        return hash(Tensor)


class _Waiting(Tensor, metaclass=_Kind):
    """A Tensor without values: becomes a plain Tensor when it gets them."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name == "array":
            return _finish(self)
        raise AttributeError(f"'Tensor' object has no attribute '{name}'")

    # These look at the class before the values.
    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        _finish(self)
        return self.__reduce_ex__(protocol)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        _finish(self)
        return self.__deepcopy__(memo)


_Waiting.__name__ = _Waiting.__qualname__ = Tensor.__name__
_Waiting.__module__ = Tensor.__module__


def wait(deferred: Deferred) -> Tensor:
    """Return an untracked tensor that gets its values when somebody asks for them."""
    tensor = wrap(None)
    del tensor.array
    tensor.__class__ = _Waiting
    _put(tensor, deferred)
    return tensor


def _put(tensor: Tensor, deferred: Deferred) -> None:
    key = id(tensor)
    waiting[key] = (weakref.ref(tensor, lambda _: waiting.pop(key, None)), deferred)


def _finish(tensor: Tensor) -> Array:
    with _computing:
        entry = waiting.get(id(tensor))
        if entry is not None:  # else another thread has done it in the meantime
            before = set_errors(IGNORE)
            try:
                _give(tensor, entry[1].compute())
            finally:
                restore_errors(before)
        return tensor.array


def _give(tensor: Tensor, array: Array) -> None:
    tensor.array = array
    tensor.__class__ = Tensor
    waiting.pop(id(tensor), None)


def settle(memory: Array) -> None:
    """Compute what waits to read this memory, which is about to change."""
    for reference, deferred in list(waiting.values()):
        tensor = reference()
        if tensor is None:
            continue
        if any(x is not None and np.may_share_memory(x, memory) for x in deferred.operands()):
            _finish(tensor)


def take(tensor: Any, kind: type[D]) -> D | None:
    """Return what `tensor` waits for if it is of that kind, else None."""
    entry = waiting.get(id(tensor))
    return entry[1] if entry is not None and isinstance(entry[1], kind) else None


def alike(a: Any, b: Any) -> bool:
    """Tell whether `a` waits and `b` is a tensor of the same shape and dtype."""
    entry = waiting.get(id(a))
    if entry is None or not isinstance(b, Tensor):
        return False
    have, other = entry[1], waiting.get(id(b))
    want = b.array if other is None else other[1]
    return bool(have.shape == want.shape and have.dtype == want.dtype)


def replace(tensor: Tensor, value: Tensor) -> None:
    """Let a waiting tensor have the values of another, which it does without its own."""
    entry = waiting.get(id(value))
    if entry is None:
        _give(tensor, value.array)
    else:
        _put(tensor, entry[1])


@contextlib.contextmanager
def deferring(enabled: bool) -> Iterator[None]:
    """Switch waiting on or off in all threads, for tests and comparisons."""
    global _enabled
    before, _enabled = _enabled, enabled
    try:
        yield
    finally:
        _enabled = before


def is_worthwhile(x: Array) -> bool:
    """Tell whether a step over an array like this should wait: it is large, and so is the gain."""
    return (
        _enabled
        and type(x) is np.ndarray
        and x.size >= _LEAST
        and x.dtype == np.float32
        and fast_paths_enabled()
        and core is not None
    )
