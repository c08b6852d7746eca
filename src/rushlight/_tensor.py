"""class Tensor: an array with a place in the autograd graph.

A Tensor is a NumPy or CuPy array (`array`) plus what the reverse pass needs to know. Operators
are not written here: `ops/` and `autograd/` install theirs as methods (see `ops/_export.py`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from . import _printing
from ._typing import Array, Number
from .backend import dtype as dtypes
from .backend.array import device_of, to_numpy
from .backend.device import CPU, device
from .backend.dtype import dtype
from .kernels import _native

if TYPE_CHECKING:
    from ._tensor_methods import TensorMethods
else:
    TensorMethods = object

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T", bound="Tensor")
_new = object.__new__

# Tensors without values as yet, by their id, and what they wait for (see `_deferred`).
waiting: dict[int, Any] = {}

_BY_NUM = dtypes._BY_NUM


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as `torch.Size([2, 3])`."""

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements of a tensor of this shape."""
        count = 1
        for extent in self:
            count *= extent
        return count

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __add__(self, other: tuple[int, ...]) -> Size:  # type: ignore[override]
        return Size(tuple.__add__(self, other))

    def __mul__(self, count: Any) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __getitem__(self, item: Any) -> Any:
        found = tuple.__getitem__(self, item)
        return Size(found) if isinstance(item, slice) else found


class Tensor(TensorMethods):
    """A multi-dimensional array of one dtype on one device, with automatic differentiation.

    `Tensor(2, 3)` makes an uninitialised float tensor and `Tensor([1, 2])` one with these
    values, as in torch; `rushlight.tensor` is the constructor to use.

    The slots: `array` holds the values. A leaf has `_node` None; any other tensor is output
    `_index` of the recorded `_node`. `_counter` is the version shared with every alias (None while
    nobody asked: version 0). `_view` says how a view was made from its base. A leaf has `_hooks`.
    """

    __slots__ = (
        "__dict__", "__weakref__", "_counter", "_grad", "_hooks", "_index", "_node",
        "_requires_grad", "_view", "array",
    )  # fmt: skip

    array: Array
    _counter: Any
    _grad: Tensor | None
    _hooks: Any
    _index: int
    _node: Any
    _requires_grad: bool
    _view: Any

    __array_priority__ = 1000
    _dense = True  # whether there is an `array`

    def __new__(cls, *data: Any, device: Any = None, **_: Any) -> Tensor:
        """Return an uninitialised tensor of a shape, or one with given values."""
        if len(data) == 1 and not isinstance(data[0], (int, Size)):
            source = data[0].array if isinstance(data[0], Tensor) else np.asarray(data[0])
            array = np.array(source, dtype=dtypes.get_default_dtype().numpy)
        else:
            shape = data[0] if len(data) == 1 and isinstance(data[0], Size) else data or (0,)
            array = np.empty(shape, dtype=dtypes.get_default_dtype().numpy)
        return wrap_as(cls, array)

    def __init__(self, *data: Any, **options: Any):
        """Everything is done in __new__, so that subclasses may take arguments of their own."""

    # --- subclasses ---

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.__module__.startswith("rushlight."):
            _above("overrides").install()

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run `func`; results are instances of this class again.

        A subclass may override it to see every public function and method called on its instances.

        Args:
            func: the function or method.
            types: the classes among the arguments that have a `__torch_function__`.
            args: its arguments.
            kwargs: its keyword arguments.

        Example:
            >>> class Logged(rushlight.Tensor):
            ...     @classmethod
            ...     def __torch_function__(cls, func, types, args=(), kwargs=None):
            ...         print(func.__name__)
            ...         return super().__torch_function__(func, types, args, kwargs)
            >>> x = rushlight.ones(2).as_subclass(Logged)
            >>> type(rushlight.exp(x)).__name__
            exp
            'Logged'
        """
        return _above("overrides").keep_type(cls, func, types, args, kwargs)

    # --- what the array knows ---

    @property
    def shape(self) -> Size:
        """The extent of each dimension."""
        return Size(self.array.shape)

    @property
    def dtype(self) -> dtype:
        """The dtype of the elements."""
        return _BY_NUM[self.array.dtype.num]

    @property
    def device(self) -> device:
        """The device whose memory holds the elements."""
        array = self.array
        return CPU if type(array) is np.ndarray else device_of(array)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        ndim: int = self.array.ndim
        return ndim

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        size: int = self.array.itemsize
        return size

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        size: int = self.array.size * self.array.itemsize
        return size

    @property
    def is_cuda(self) -> bool:
        """Whether the elements are in a CUDA device's memory."""
        return self.device.type == "cuda"

    @property
    def is_cpu(self) -> bool:
        """Whether the elements are in main memory."""
        return self.device.type == "cpu"

    # --- the place in the graph ---

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded for the reverse pass."""
        if self._view is not None:
            self._view.refresh(self)
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not self.is_leaf:
            if value:
                return
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
        if value and not (self.dtype.is_floating_point or self.dtype.is_complex):
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients"
            )
        if value:
            self._check_inference()
        self._requires_grad = bool(value)

    @property
    def grad_fn(self) -> Any:
        """The recorded operation this tensor came from; None for a leaf."""
        if self._view is not None:
            self._view.refresh(self)
        return self._node

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user rather than by a recorded operation."""
        return self.grad_fn is None

    @property
    def output_nr(self) -> int:
        """Which output of `grad_fn` this tensor is."""
        return self._index

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward() has accumulated, or None."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            _check_grad(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph, with a version of its own."""
        return wrap(self.array)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        self.array, self._counter = value.array, None

    @property
    def _version(self) -> int:
        return 0 if self._counter is None else int(self._counter.value)

    # --- conversions ---

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """Return the elements as a NumPy array that shares this tensor's memory.

        Args:
            force: detach and move to the CPU first if need be (then memory may not be shared).

        Raises:
            RuntimeError: the tensor requires grad and operations are being recorded (call
                `detach()` first).
            TypeError: the tensor is on another device (call `cpu()` first).
        """
        if not force and self.requires_grad and _above("autograd.mode").is_grad_enabled():
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use "
                "tensor.detach().numpy() instead."
            )
        if not force and not self.is_cpu:
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to "
                "copy the tensor to host memory first."
            )
        return to_numpy(self._exposed())

    def _exposed(self) -> Array:
        """Return the array for others, who may write to it: nothing waits to read it any more."""
        if waiting:
            _above("_deferred").settle(self.array)
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_wrap__(
        self, array: Any, context: Any = None, return_scalar: bool = False
    ) -> Tensor:
        return wrap(np.asarray(array))

    def __dlpack__(self, **options: Any) -> Any:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self._exposed().__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    def item(self) -> Number:
        """Return the only element as a Python number.

        Raises:
            RuntimeError: the tensor has more or fewer elements than one.
        """
        if self.array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar"
            )
        number = self.array.item()
        # ml_dtypes' scalars are not Python numbers.
        return float(number) if isinstance(number, np.generic) else number

    def tolist(self) -> Any:
        """Return the elements as (nested lists of) Python numbers."""
        array = to_numpy(self.array)
        return (
            array.astype(np.float32).tolist() if self.dtype is dtypes.bfloat16 else array.tolist()
        )

    def __bool__(self) -> bool:
        if self.array.size != 1:
            what = "no values" if self.array.size == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
        return bool(self.array.item())

    def _number(self) -> Any:
        if self.array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def __int__(self) -> int:
        return int(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def __complex__(self) -> complex:
        return complex(self._number())

    def __index__(self) -> int:
        if self.array.size != 1 or self.dtype.kind > 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.array.item())

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __repr__(self) -> str:
        return _printing.tensor_str(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.array.ndim == 0 else object.__format__(self, spec)

    def __dir__(self) -> list[str]:
        return sorted(set(object.__dir__(self)))

    __hash__ = object.__hash__

    # --- copies that leave the process or the graph ---

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        if self._node is not None:
            raise RuntimeError(
                "Cowardly refusing to serialize non-leaf tensor which requires_grad, since "
                "autograd does not support crossing process boundaries. If you just want to "
                "transfer the data, call detach() on the tensor before serializing (e.g., putting "
                "it on the queue)."
            )
        return _rebuild, (
            type(self),
            to_numpy(self.array),
            self.device,
            self._requires_grad,
            self.__dict__,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment.  If you were attempting to deepcopy a module, this may be "
                "because of a torch.nn.utils.weight_norm usage, see "
                "https://github.com/pytorch/pytorch/pull/103001"
            )
        twin = wrap_as(type(self), self.array.copy(order="K"))
        memo[id(self)] = twin
        twin._requires_grad = self._requires_grad
        if self._grad is not None:
            twin._grad = self._grad.__deepcopy__(memo)
        if self.__dict__:
            import copy

            twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin


def _reset(tensor: Tensor, array: Array) -> None:
    """Make `tensor` an untracked leaf over `array`."""
    tensor.array = array
    tensor._requires_grad = False
    tensor._node = None
    tensor._index = 0
    tensor._grad = None
    tensor._counter = None
    tensor._view = None
    tensor._hooks = None


def wrap(array: Array) -> Tensor:
    """Return a Tensor over `array`, untracked, without copying."""
    tensor = _new(Tensor)
    # Written out: this runs once for every operator call.
    tensor.array = array
    tensor._requires_grad = False
    tensor._node = None
    tensor._index = 0
    tensor._grad = None
    tensor._counter = None
    tensor._view = None
    tensor._hooks = None
    return tensor


wrap = _native.wrapper(Tensor, wrap)


def wrap_as(cls: type[T], array: Array) -> T:
    """Return an instance of a Tensor subclass over `array`, untracked, without copying."""
    tensor = _new(cls)
    _reset(tensor, array)
    return tensor


def method(function: F) -> F:
    """Install a function as the Tensor method of its name (decorator)."""
    setattr(Tensor, function.__name__, function)
    return function


def install(**members: Any) -> None:
    """Make functions or properties members of Tensor, where a decorator cannot give the name."""
    for name, member in members.items():
        setattr(Tensor, name, member)


def _above(module: str) -> Any:
    """Return a module that imports this one."""
    return importlib.import_module(f"rushlight.{module}")


def _rebuild(
    cls: type[Tensor], array: Array, where: device, requires_grad: bool, extra: dict[str, Any]
) -> Tensor:
    from .backend.array import to_device

    tensor = wrap_as(cls, array if where.type == "cpu" else to_device(array, where))
    tensor._requires_grad = requires_grad
    tensor.__dict__.update(extra)
    return tensor


def _check_grad(tensor: Tensor, grad: Tensor) -> None:
    if not isinstance(grad, Tensor):
        raise TypeError(
            "assigned grad expected to be a Tensor or None but got grad of type "
            f"{type(grad).__name__}"
        )
    if grad is tensor:
        raise RuntimeError("can't assign Variable as its own grad")
    for what, have, want in (
        ("of size", list(grad.shape), list(tensor.shape)),
        ("with dtype", grad.dtype, tensor.dtype),
        ("with device type", grad.device, tensor.device),
    ):
        if have != want:
            raise RuntimeError(
                f"attempting to assign a gradient {what} '{have}' to a tensor {what} '{want}'; "
                "they have to agree"
            )
