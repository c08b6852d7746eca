"""Parameters: tensors that a Module owns and an optimizer updates."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._printing import parameter_str
from .._tensor import Tensor, wrap_as
from ..autograd.version import share_version
from ..backend.device import as_device
from ..backend.dtype import as_dtype, get_default_dtype


class Parameter(Tensor):
    """A tensor that becomes a parameter of the Module it is assigned to.

    Args:
        data: the values; their memory is shared.
        requires_grad: whether gradients are wanted.

    Example:
        >>> p = rushlight.nn.Parameter(rushlight.zeros(2))
        >>> p.requires_grad, p.is_leaf
        (True, True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        """Return a leaf over the memory of `data`."""
        if data is None:
            data = Tensor(0)
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter(): argument 'data' must be Tensor, not {type(data).__name__}"
            )
        parameter = wrap_as(cls, data.array)
        parameter._counter = share_version(data)
        parameter.requires_grad = requires_grad
        return parameter

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True):
        """Everything is done in __new__: the values are shared, not made."""

    def __repr__(self) -> str:
        return parameter_str(self)


class Buffer(Tensor):
    """A tensor that becomes a buffer of the Module it is assigned to.

    Args:
        data: the values; their memory is shared.
        persistent: whether the buffer belongs to the module's `state_dict`.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        """Return a tensor over the memory of `data`."""
        source = Tensor(0) if data is None else data
        buffer = wrap_as(cls, source.array)
        buffer._counter = share_version(source)
        buffer._requires_grad = source.requires_grad
        buffer.persistent = persistent
        return buffer

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True):
        """Everything is done in __new__: the values are shared, not made."""


class _Uninitialized(Tensor):
    """A tensor whose shape is not known yet; what a lazy module starts with."""

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give the tensor its shape; the values are not initialised."""
        where = as_device(device)
        if where.type != "cpu":
            from ..backend.array import to_device

            self.array = to_device(np.empty(shape, self.array.dtype), where)
        else:
            wanted = self.array.dtype if dtype is None else as_dtype(dtype).numpy
            self.array = np.empty(tuple(shape), wanted)
        self.__class__ = self._materialized_class  # type: ignore[attr-defined]

    @property
    def shape(self) -> Any:
        """Raise: there is no shape yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter that waits for the first forward call to learn its shape."""

    _materialized_class = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        """Return a parameter without elements."""
        d = get_default_dtype() if dtype is None else as_dtype(dtype)
        parameter = wrap_as(cls, np.empty(0, d.numpy))
        parameter._requires_grad = requires_grad
        return parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None):
        """Everything is done in __new__."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        twin = memo.get(id(self))
        if twin is None:
            twin = memo[id(self)] = type(self)(self._requires_grad, dtype=self.dtype)
        return twin


class UninitializedBuffer(_Uninitialized):
    """A buffer that waits for the first forward call to learn its shape."""

    _materialized_class = Tensor
    persistent = True

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> Any:
        """Return a buffer without elements."""
        d = get_default_dtype() if dtype is None else as_dtype(dtype)
        return wrap_as(cls, np.empty(0, d.numpy))

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None):
        """Everything is done in __new__."""


def is_lazy(value: Any) -> bool:
    """Tell whether a parameter or buffer has no shape yet."""
    return isinstance(value, _Uninitialized)
