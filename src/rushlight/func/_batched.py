"""class Batched: what a function under `vmap` gets instead of one sample.

A Batched has the shape of one sample and stands for a whole batch, which is the leading dimension
of `physical`: an ordinary tensor, or a Batched of an outer vmap. Its own array is the first
sample, so that code which looks at shapes and dtypes sees those of a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap_as
from ..autograd.interception import Proceed
from ..backend.array import array_module
from ..backend.device import device
from ..ops.creation import zeros
from ..ops.joining import stack
from ..overrides import DisableTorchFunctionSubclass
from . import _tree
from ._table import OF_ELEMENTS, TRANSPARENT, rule_for

_NO_VALUE = (
    "vmap: It looks like you're {what} on a Tensor. We don't support vmap over {what} on a Tensor. "
    "Please try to rewrite what you're doing to avoid data-dependent control flow or host "
    "synchronisation."
)

_CONTROL_FLOW = (
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. "
    "A function under vmap runs once for all samples. Please use where() instead."
)


class LooksAtValues(Exception):
    """A function that is not written with operators looked at the values of one sample."""


class Representative(np.ndarray[Any, Any]):
    """The first sample's array: its shape and dtype are those of all samples, its values are not.

    Whoever computes with the values instead of leaving that to an operator meets `LooksAtValues`;
    the function under vmap is then called sample by sample.
    """

    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
        raise LooksAtValues

    def __array_function__(self, *args: Any, **kwargs: Any) -> Any:
        raise LooksAtValues

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise LooksAtValues

    __bool__ = __complex__ = __float__ = __index__ = __int__ = __getitem__ = __iter__ = _refuse
    argsort = astype = copy = item = nonzero = searchsorted = sort = tobytes = tolist = _refuse
    __setitem__ = _refuse


class Batched(Tensor):
    """One sample's view of a batch.

    Attributes:
        physical: the batch, sample by sample along its first dimension.
        level: how deep the vmap lies that this batch belongs to; 1 is the outermost.
    """

    physical: Tensor
    level: int

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Compute a public function for all samples."""
        kwargs = kwargs or {}
        name = func.__name__
        if name in _NAMED:
            return _NAMED[name](*args, **kwargs)
        if name == "batch_norm":
            _check_batch_norm(*args, **kwargs)
        if name in OF_ELEMENTS:
            return _on_elements(func, *args, **kwargs)
        if name in TRANSPARENT:
            try:
                with DisableTorchFunctionSubclass():
                    return func(*args, **kwargs)
            except LooksAtValues:
                pass
        return by_sample(func, args, kwargs)

    # --- the place in the graph is that of the batch ---

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded for the reverse pass."""
        return self.physical.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.physical.requires_grad = value

    @property
    def grad_fn(self) -> Any:
        """The recorded operation this tensor came from; None for a leaf."""
        return self.physical.grad_fn

    @property
    def device(self) -> device:
        """The device whose memory holds the elements."""
        return plain(self).device

    # --- what needs one value ---

    def item(self) -> Any:
        """Refuse: there is one value for each sample."""
        raise RuntimeError(_NO_VALUE.format(what="calling .item()"))

    def tolist(self) -> Any:
        """Refuse: there is one list for each sample."""
        raise RuntimeError(_NO_VALUE.format(what="calling .tolist()"))

    def numpy(self, *, force: bool = False) -> Any:
        """Refuse: there is one array for each sample."""
        raise RuntimeError(_NO_VALUE.format(what="calling .numpy()"))

    def __bool__(self) -> bool:
        raise RuntimeError(_CONTROL_FLOW)

    def _number(self) -> Any:
        return self.item()

    def __index__(self) -> int:
        return int(self.item())

    def __repr__(self) -> str:
        return f"Batched(level={self.level}, samples={len(self.physical)}, {self.physical!r})"


def batched(physical: Tensor, level: int) -> Batched:
    """Return the Batched over a tensor whose first dimension is the batch."""
    first = physical.array
    if not len(first):
        first = array_module(first).zeros((1, *first.shape[1:]), first.dtype)
    if isinstance(first, np.ndarray):
        first = np.ndarray.__getitem__(first, (0, ...)).view(Representative)
    else:
        first = first[0]
    made = wrap_as(Batched, first)
    made.physical, made.level = physical, level
    return made


def innermost(values: Iterable[Any]) -> int:
    """Return the deepest level among values; 0 if none is a Batched."""
    return max((x.level for x in values if type(x) is Batched), default=0)


def at_level(x: Any, level: int) -> bool:
    """Tell whether `x` is a Batched of this very level."""
    return type(x) is Batched and x.level == level


def plain(x: Tensor) -> Tensor:
    """Return the ordinary tensor behind all levels."""
    while type(x) is Batched:
        x = x.physical
    return x


def levels_of(x: Tensor) -> tuple[int, ...]:
    """Return the levels of a tensor, the outermost first."""
    found: tuple[int, ...] = ()
    while type(x) is Batched:
        found = (x.level, *found)
        x = x.physical
    return found


def rebatched(x: Tensor, levels: Sequence[int]) -> Tensor:
    """Return the tensor of these levels over an ordinary one whose first dimensions they are."""
    if not levels:
        return x
    # The representative of an outer level has the inner batches as its first dimensions.
    return batched(rebatched(x, levels[:-1]), levels[-1])


# --- sample by sample -----------------------------------------------------------------------------


def by_sample(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a function once for each sample of the innermost level; stack what it returns."""
    leaves, rebuild = _tree.flatten((tuple(args), kwargs))
    level = innermost(leaves)
    batches = [x.physical if at_level(x, level) else None for x in leaves]
    name = getattr(function, "__name__", "")
    if _writes(name):
        _check_target(name, leaves[0], level)
    rows = []
    for batch_row in _samples(batches):
        sample = [x if row is None else row for x, row in zip(leaves, batch_row, strict=True)]
        row_args, row_kwargs = rebuild(sample)
        rows.append(_tree.flatten(function(*row_args, **row_kwargs)))
    if _writes(name):
        return leaves[0]
    columns = zip(*[leaves for leaves, _ in rows], strict=True)
    size = _length(batches)
    return rows[0][1]([_joined(column, level, size) for column in columns])


def _length(batches: Sequence[Any]) -> int:
    return next(len(x) for x in batches if x is not None)


def _samples(batches: Sequence[Any]) -> list[list[Any]]:
    """Return a row of tensors for each sample; one of zeros if there are none."""
    size = _length(batches)
    if not size:
        return [[x if x is None else _nothing(x) for x in batches]]
    return [[x if x is None else x[i] for x in batches] for i in range(size)]


# The names under which `x += y` and its like, and `x[i] = y`, are called.
_SIGNS = frozenset(
    "iadd iand ifloordiv ilshift imatmul imod imul ior ipow irshift isub itruediv ixor "
    "setitem".split()
)


def _nothing(x: Tensor) -> Tensor:
    return zeros(x.shape[1:], dtype=x.dtype, device=x.device)


def _writes(name: str) -> bool:
    """Tell whether a function writes to its first argument."""
    if name in ("complex_", "range_"):  # named so for Python's sake
        return False
    return name in _SIGNS or (name.endswith("_") and not name.endswith("__"))


def _check_target(name: str, target: Any, level: int) -> None:
    if not at_level(target, level):
        raise RuntimeError(
            f"vmap: aten::{name}(self, *extra_args) is not possible because there exists a Tensor "
            "`other` in extra_args that has more elements than `self`. This happened due to "
            "`other` being vmapped over but `self` not being vmapped over at level "
            f"{level}. Please try to use out-of-place operators instead of {name}."
        )


def _joined(column: tuple[Any, ...], level: int, size: int) -> Any:
    """Return one result for all samples: a batch of tensors, or a value that they share."""
    if isinstance(column[0], Tensor):
        return batched(stack(list(column))[:size], level)
    if any(value != column[0] for value in column[1:]):
        raise RuntimeError(_CONTROL_FLOW)
    return column[0]


# --- operators ------------------------------------------------------------------------------------


def intercept(op: Any, inputs: tuple[Any, ...], params: dict[str, Any], proceed: Proceed) -> Any:
    """Run an operator on batches: by its rule, or sample by sample."""
    level = innermost(inputs)
    if not level:
        return proceed(op, inputs, params)
    ndims = [x.array.ndim if isinstance(x, Tensor) else 0 for x in inputs]
    here = [at_level(x, level) for x in inputs]
    rule = rule_for(op)
    physical = [x.physical if at else x for x, at in zip(inputs, here, strict=True)]
    result = NotImplemented if rule is None else rule(op, physical, here, ndims, params)
    if result is NotImplemented:
        result = _each(op, physical, here, params)
    if isinstance(result, tuple):
        return tuple([batched(y, level) for y in result])
    return batched(result, level)


def _each(op: Any, physical: list[Any], here: list[bool], params: dict[str, Any]) -> Any:
    batches = [x if at else None for x, at in zip(physical, here, strict=True)]
    size = _length(batches)
    rows = [
        op.apply(
            *[x if row is None else row for x, row in zip(physical, sample, strict=True)], **params
        )
        for sample in _samples(batches)
    ]
    if isinstance(rows[0], tuple):
        return tuple([stack(list(column))[:size] for column in zip(*rows, strict=True)])
    return stack(rows)[:size]


# --- methods that never become an operator --------------------------------------------------------


def _detach(x: Batched) -> Batched:
    return batched(x.physical.detach(), x.level)


def _requires_grad_(x: Batched, requires_grad: bool = True) -> Batched:
    x.physical.requires_grad_(requires_grad)
    return x


def _on_elements(func: Callable[..., Any], x: Any, *args: Any, **kwargs: Any) -> Any:
    y = func(x.physical, *args, **kwargs)
    return x if y is x.physical else batched(y, x.level)


def _is_all_true(x: Tensor) -> Tensor:
    return plain(x)._is_all_true()


def _check_batch_norm(
    input: Any, mean: Any = None, var: Any = None, weight: Any = None, bias: Any = None,
    training: bool = False, *args: Any, **kwargs: Any,
) -> None:  # fmt: skip
    mean = kwargs.get("running_mean", mean)
    if training and mean is not None and innermost([mean]) < innermost([input]):
        raise RuntimeError(
            "Batch norm got a batched tensor as input while the running_mean or running_var, which "
            "will be updated in place, were not batched. Please use a layer that keeps no running "
            "statistics (track_running_stats=False), or GroupNorm."
        )


def _getitem(x: Any, index: Any) -> Any:
    if any(type(item) is Batched for item in _tree.flatten(index)[0]):
        return by_sample(type(x).__getitem__, (x, index), {})
    with DisableTorchFunctionSubclass():
        return x[index]


_NAMED: dict[str, Callable[..., Any]] = {
    "detach": _detach,
    "requires_grad_": _requires_grad_,
    "getitem": _getitem,
    "is_nonzero": bool,
    "_is_all_true": _is_all_true,
}
