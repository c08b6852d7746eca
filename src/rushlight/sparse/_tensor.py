"""class SparseTensor: a Tensor that keeps coordinates and values in place of an array.

The parts are Tensors of their own. The sparse tensor itself has the place in the graph, as in
PyTorch: its gradient may be sparse or dense. What there is to compute with it is written as rules
(`_rules.py`); everything else refuses, since `array`, which operators read, is not there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Size, Tensor, wrap
from .._typing import Array
from ..autograd.version import share_version
from ..backend.array import device_of
from ..backend.device import CPU, device
from ..backend.dtype import dtype
from ..backend.memory_format import (
    layout,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
)
from ._rules import RULES, refuse

_new = object.__new__

ROW_COMPRESSED = (sparse_csr, sparse_bsr)
BLOCKED = (sparse_bsr, sparse_bsc)


class SparseTensor(Tensor):
    """A tensor of which only some elements are stored; the others are zero.

    The slots: `_places` holds the indices, one Tensor (S, nnz) for coordinates or the compressed
    and the plain one; `_elements` the values; `_extent` the shape; `_form` the layout. `_sorted`
    says that coordinates are in order and without duplicates.
    """

    __slots__ = ("_elements", "_extent", "_form", "_places", "_sorted")

    _dense = False
    _places: tuple[Tensor, ...]
    _elements: Tensor
    _extent: Size
    _form: layout
    _sorted: bool

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Compute `func` by its rule.

        Raises:
            NotImplementedError: there is none.
        """
        rule = RULES.get(func.__name__)
        if rule is None and func.__name__ in _OF_THE_GRAPH:
            return func.__wrapped__(*args, **(kwargs or {}))
        if rule is None:
            raise refuse(func.__name__, (*args, *(kwargs or {}).values()))
        options = dict(kwargs or {})
        out = options.pop("out", None)
        result = rule(*args, **options)
        return result if out is None else into(out, result)

    # --- what the parts know ---

    @property
    def array(self) -> Any:
        """Raise: there is no array."""
        kind = "Sparse" if self.is_sparse else "SparseCsr"
        raise NotImplementedError(
            f"Could not run an operator with arguments from the '{kind}CPU' backend: it takes "
            "dense tensors; convert with to_dense() first"
        )

    @property
    def shape(self) -> Size:
        """The extent of each dimension."""
        return self._extent

    @property
    def dtype(self) -> dtype:
        """The dtype of the values."""
        return self._elements.dtype

    @property
    def device(self) -> device:
        """The device whose memory holds the values."""
        array = self._elements.array
        return CPU if type(array) is np.ndarray else device_of(array)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._extent)

    @property
    def itemsize(self) -> int:
        """Bytes of one value."""
        return self._elements.itemsize

    @property
    def nbytes(self) -> int:
        """Raise: it is not defined."""
        raise RuntimeError(
            "nbytes is not defined for sparse tensors.  If you want the size of the constituent "
            "tensors, add the nbytes of the indices and values.  If you want the size of the  "
            "equivalent dense tensor, multiply numel() by element_size()"
        )

    @property
    def layout(self) -> layout:
        """Which kind of indices there are: `torch.sparse_coo`, `torch.sparse_csr`, ..."""
        return self._form

    @property
    def is_sparse(self) -> bool:
        """Whether the indices are coordinates."""
        return self._form is sparse_coo

    @property
    def is_sparse_csr(self) -> bool:
        """Whether the indices are compressed rows."""
        return self._form is sparse_csr

    @property
    def data(self) -> Tensor:
        """The same parts outside the graph."""
        return alias(self)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, SparseTensor):
            raise RuntimeError(
                "Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have "
                "incompatible tensor type."
            )
        take_parts(self, value)
        self._counter = None

    @property
    def T(self) -> Tensor:
        """The tensor with its dimensions in reverse."""
        reverse = tuple(range(self.ndim))[::-1]
        return RULES["permute"](self, reverse) if self.ndim != 2 else RULES["t"](self)

    mT = property(lambda self: RULES["transpose"](self, -2, -1))
    H = property(lambda self: RULES["conj"](self).T)
    mH = property(lambda self: RULES["conj"](self).mT)
    real = property(lambda self: RULES["real"](self))
    imag = property(lambda self: RULES["imag"](self))

    # --- what needs an array elsewhere ---

    def numpy(self, *, force: bool = False) -> Any:
        """Raise: a sparse tensor has no NumPy form."""
        kind = "Sparse" if self.is_sparse else _LONG_NAMES[self._form]
        raise TypeError(
            f"can't convert {kind} layout tensor to numpy. Use Tensor.to_dense() first."
        )

    def item(self) -> Any:
        """Return the only element as a Python number."""
        if self._extent.numel() != 1:
            raise RuntimeError(
                f"a Tensor with {self._extent.numel()} elements cannot be converted to Scalar"
            )
        return RULES["to_dense"](self).item()

    def tolist(self) -> Any:
        """Return the elements, zeros included, as (nested lists of) Python numbers."""
        return RULES["to_dense"](self).tolist()

    def __bool__(self) -> bool:
        if self._extent.numel() != 1:
            what = "no values" if self._extent.numel() == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
        return bool(self.item())

    def _number(self) -> Any:
        if self._extent.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def __index__(self) -> int:
        return RULES["to_dense"](self).__index__()

    def __len__(self) -> int:
        if not self._extent:
            raise TypeError("len() of a 0-d tensor")
        return self._extent[0]

    def __repr__(self) -> str:
        from ._printing import sparse_str

        return sparse_str(self)

    def __format__(self, spec: str) -> str:
        return repr(self)

    __hash__ = object.__hash__

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        if self._node is not None:
            return super().__reduce_ex__(protocol)
        parts = (*self._places, self._elements)
        return _rebuild, (self._form, parts, tuple(self._extent), self._sorted, self._requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> SparseTensor:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            super().__deepcopy__(memo)  # raises
        twin = make(
            self._form, tuple([copy_of(p) for p in self._places]), copy_of(self._elements),
            self._extent, self._sorted,
        )  # fmt: skip
        memo[id(self)] = twin
        twin._requires_grad = self._requires_grad
        if self._grad is not None:
            twin._grad = self._grad.__deepcopy__(memo)
        return twin


# Methods that need no rule: they know the tensor by its place in the graph.
_OF_THE_GRAPH = frozenset({
    "_tensor_backward", "register_hook", "register_post_accumulate_grad_hook", "retain_grad",
})  # fmt: skip
_LONG_NAMES = {
    sparse_coo: "Sparse", sparse_csr: "SparseCsr", sparse_csc: "SparseCsc",
    sparse_bsr: "SparseBsr", sparse_bsc: "SparseBsc",
}  # fmt: skip


def long_name(tensor: Tensor) -> str:
    """Return the layout as PyTorch's messages spell it: `Strided`, `Sparse`, `SparseCsr`."""
    return _LONG_NAMES[tensor._form] if isinstance(tensor, SparseTensor) else "Strided"


def make(
    form: layout, places: tuple[Tensor, ...], elements: Tensor, extent: Any, ordered: bool = False
) -> SparseTensor:
    """Return an untracked sparse tensor over its parts, unchecked and without copying."""
    tensor = _new(SparseTensor)
    tensor._form, tensor._places, tensor._elements = form, places, elements
    tensor._extent = extent if type(extent) is Size else Size(extent)
    # A single element has no other to be out of order with.
    tensor._sorted = ordered or (form is sparse_coo and places[0].array.shape[-1] < 2)
    tensor._requires_grad = False
    tensor._node = tensor._grad = tensor._counter = tensor._view = tensor._hooks = None
    tensor._index = 0
    return tensor


def coordinate_tensor(
    indices: Array, values: Array, extent: Any, ordered: bool = False
) -> SparseTensor:
    """Return an untracked tensor over arrays of coordinates (S, nnz) and values (nnz, *dense)."""
    return make(sparse_coo, (wrap(indices),), wrap(values), extent, ordered)


def alias(x: SparseTensor) -> SparseTensor:
    """Return another tensor over the same parts, outside the graph."""
    return make(x._form, x._places, x._elements, x._extent, x._sorted)


def take_parts(x: SparseTensor, source: SparseTensor) -> None:
    """Give `x` the parts of another tensor, in place."""
    x._form, x._places, x._elements = source._form, source._places, source._elements
    x._extent, x._sorted = source._extent, source._sorted


def copy_of(x: Tensor) -> Tensor:
    """Return an untracked copy of a part."""
    return wrap(x.array.copy())


def part(x: Tensor) -> Tensor:
    """Return a part as a program gets it: a tensor over the same memory, outside the graph."""
    tensor = wrap(x.array)
    tensor._counter = share_version(x)
    return tensor


def into(out: Tensor, result: Tensor) -> Tensor:
    """Write a result into the tensor that was given as `out=`."""
    if isinstance(out, SparseTensor) and isinstance(result, SparseTensor):
        take_parts(out, result)
        return out
    if isinstance(out, SparseTensor) or isinstance(result, SparseTensor):
        raise RuntimeError(
            f"out= expected a tensor of layout {long_name(result)}, got {long_name(out)}"
        )
    if out.array.shape != result.array.shape:
        out.array = result.array.astype(out.array.dtype)
        return out
    return out.copy_(result)


def _rebuild(
    form: layout, parts: tuple[Tensor, ...], extent: Any, ordered: bool, requires_grad: bool
) -> SparseTensor:
    tensor = make(form, parts[:-1], parts[-1], extent, ordered)
    tensor._requires_grad = requires_grad
    return tensor
