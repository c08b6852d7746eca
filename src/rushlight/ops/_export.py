"""@export: the only registration an operator needs.

It puts the function under `rushlight`, makes the same function object a Tensor method, derives the
in-place method, adds the `nn.functional` name, and lists the operator for the type stub, the
documentation and the test that every operator has a case.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, overload

import numpy as np

from .._tensor import Tensor
from ..autograd.mode import GRAD, read_mode
from ..autograd.view import check_memory, snapshot, write_
from ..backend import dtype as dtypes
from ..errors import RushlightWarning
from .casts import cast

F = TypeVar("F", bound=Callable[..., Any])


class Export(NamedTuple):
    """One exported operator and the places where users find it."""

    name: str
    function: Callable[..., Any]
    public: Callable[..., Any] | None
    method: bool
    inplace: bool
    functional: bool
    out: bool
    module: str


EXPORTS: dict[str, Export] = {}

_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}
_ELSEWHERE = {**_NUMPY_NAMES, "x2": "other"}

# Operators whose `out=` must have exactly the result's dtype; the others convert.
_EXACT_OUT = frozenset({
    "abs", "addbmm", "addmm", "addmv", "addr", "all", "amax", "amin", "aminmax", "any", "argmax",
    "argmin",
    "argsort", "baddbmm", "bitwise_not", "bmm", "ceil", "chain_matmul", "cummax", "cummin", "diag",
    "dot", "floor", "gather", "index_add", "index_copy", "index_select", "inner", "kthvalue",
    "linalg.norm", "linalg.vector_norm", "linalg_ldl_factor", "linalg_ldl_factor_ex",
    "linalg_ldl_solve", "log_softmax", "masked_select", "matmul", "median", "mm",
    "mode", "mv", "neg",
    "negative", "nonzero", "norm", "round", "scatter", "scatter_add", "sign", "softmax", "sort",
    "take", "topk", "tril", "triu", "trunc", "where",
})  # fmt: skip

# Operators that read their inputs while they write in torch: `out=` may be none of them.
_SEPARATE_OUT = frozenset({
    "cat", "concat", "concatenate", "gather", "index_select", "kthvalue", "masked_select",
    "take",
})  # fmt: skip

_JOINING = frozenset(
    {"cat", "concat", "concatenate", "dstack", "hstack", "row_stack", "stack", "vstack"}
)

# Methods that torch also offers as functions.
_METHODS_AS_FUNCTIONS = (
    "detach", "detach_", "fill_", "get_device", "is_inference", "is_signed", "resize_as_", "zero_",
)  # fmt: skip


@overload
def export(function: F) -> F: ...
@overload
def export(
    function: None = None,
    *,
    name: str | None = None,
    public: bool = True,
    method: bool = False,
    inplace: bool = False,
    functional: bool = False,
    out: bool = False,
    numpy_names: bool = False,
    other_names: Mapping[str, str] | None = None,
    saves_input: bool = True,
    aliases: Sequence[str] = (),
    factors: Sequence[str] = (),
) -> Callable[[F], F]: ...
def export(
    function: Any = None,
    *,
    name: str | None = None,
    public: bool = True,
    method: bool = False,
    inplace: bool = False,
    functional: bool = False,
    out: bool = False,
    numpy_names: bool = False,
    other_names: Mapping[str, str] | None = None,
    saves_input: bool = True,
    aliases: Sequence[str] = (),
    factors: Sequence[str] = (),
) -> Any:
    """Register an operator (decorator).

    Args:
        function: the operator, where the decorator is used without options.
        name: the public name, where it is not the function's (`bool`, `max`).
        public: available as `rushlight.NAME`.
        method: available as `Tensor.NAME`.
        inplace: derive `Tensor.NAME_` (and `rushlight.NAME_`).
        functional: available as `rushlight.nn.functional.NAME`.
        out: the public function takes `out=`.
        numpy_names: takes `axis` for `dim` and `keepdims` for `keepdim`.
        other_names: further keywords, and the parameter that each of them means.
        saves_input: False if no gradient looks at the first input; the in-place form can then do
            without a copy of it.
        aliases: further names with the same uses.
        factors: keywords that may also be given by position, before the tensors they scale: the
            order in which PyTorch once had them, and still takes them.
    """

    def register(function: F) -> F:
        own_name = name or function.__name__
        names = _NUMPY_NAMES if numpy_names else other_names
        used = _with_names(function, names) if names else function
        called = in_either_order(factors)(used) if factors else used
        shown = _with_out(called, own_name) if out else called
        for label in (own_name, *aliases):
            if label in EXPORTS:
                raise ValueError(f"two operators are exported as '{label}'")
            EXPORTS[label] = Export(
                label,
                used,
                shown if public else None,
                method,
                inplace,
                functional,
                out,
                function.__module__,
            )
            if method:
                setattr(Tensor, label, called)
            if inplace:
                setattr(Tensor, label + "_", _in_place(used, label + "_", saves_input, factors))
        return used  # type: ignore[return-value]

    return register if function is None else register(function)


def public_names() -> dict[str, Any]:
    """Return what `rushlight` itself offers of the exported operators."""
    names = {e.name: e.public for e in EXPORTS.values() if e.public is not None}
    in_place = {
        n + "_": getattr(Tensor, n + "_") for n, e in EXPORTS.items() if e.inplace and e.public
    }
    methods = {n: getattr(Tensor, n) for n in _METHODS_AS_FUNCTIONS}
    return methods | in_place | names


def functional_names() -> dict[str, Any]:
    """Return what `rushlight.nn.functional` offers of the exported operators."""
    functional = [e for e in EXPORTS.values() if e.functional]
    in_place = {e.name + "_": getattr(Tensor, e.name + "_") for e in functional if e.inplace}
    return in_place | {e.name: e.public or e.function for e in functional}


def in_either_order(factors: Sequence[str]) -> Callable[[F], F]:
    """Let an operator take its factors before the tensors that they scale (decorator).

    `x.add(alpha, y)` and `addmm(beta, x, alpha, a, b)` is how PyTorch once had it.
    """

    def decorate(function: F) -> F:
        expected = inspect.unwrap(function).__code__.co_argcount

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if len(args) > expected:
                args, kwargs = _factors_by_name(function.__name__, args, kwargs, factors, expected)
            return function(*args, **kwargs)

        return called  # type: ignore[return-value]

    return decorate


def _factors_by_name(
    label: str, args: Any, kwargs: dict[str, Any], factors: Sequence[str], expected: int
) -> tuple[Any, dict[str, Any]]:
    tensors = [x for x in args if isinstance(x, Tensor)]
    numbers = [x for x in args if not isinstance(x, Tensor)]
    if len(tensors) != expected or len(numbers) > len(factors) or not isinstance(args[-1], Tensor):
        return args, kwargs
    names = ", ".join(factors)
    warnings.warn(
        f"This overload of {label} is deprecated: give {names} by keyword, behind the tensors",
        stacklevel=4,
    )
    return tensors, kwargs | dict(zip(factors, numbers, strict=False))


def _in_place(
    function: Callable[..., Any], label: str, saves_input: bool, factors: Sequence[str]
) -> Callable[..., Any]:
    def in_place(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        source = snapshot(self) if saves_input else self
        try:
            value = function(source, *args, **kwargs)
        except TypeError:
            if not factors or len(args) < 2 or isinstance(args[0], Tensor):
                raise
            value = in_either_order(factors)(function)(source, *args, **kwargs)
        _check_shape(label, self, value)
        if value.array.dtype != self.array.dtype and value.requires_grad and read_mode() == GRAD:
            value = cast(value, self.dtype)
        return write_(self, value)

    in_place.__name__ = in_place.__qualname__ = label
    in_place.__module__ = function.__module__
    in_place.__doc__ = (
        f"In-place form of `{label[:-1]}`: writes the result into this tensor and returns it."
    )
    return in_place


def _check_shape(label: str, dst: Tensor, value: Tensor) -> None:
    if value.array.shape != dst.array.shape:
        raise RuntimeError(
            f"{label}: output with shape {list(dst.shape)} doesn't match the broadcast shape "
            f"{list(value.shape)}"
        )


def _with_names(function: Callable[..., Any], names: Mapping[str, str]) -> Callable[..., Any]:
    foreign = names.keys()

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if kwargs and not foreign.isdisjoint(kwargs):
            kwargs = {names.get(k, k): v for k, v in kwargs.items()}
        return function(*args, **kwargs)

    return renamed


def _renamed(function: Callable[..., Any], kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """Return keywords under the function's own names; None if all were its own already."""
    names = list(inspect.signature(function).parameters)
    other = dict.fromkeys(("A", "a", "input", "self", "x", "x1"), names[0]) | _ELSEWHERE
    found = {k if k in names else other.get(k, k): v for k, v in kwargs.items()}
    return found if found.keys() != kwargs.keys() else None


def _with_out(function: Callable[..., Any], label: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def with_out(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        try:
            result = function(*args, **kwargs)
        except TypeError:
            # The array API's and NumPy's names of arguments, which torch's functions take as well.
            own = _renamed(function, kwargs) if kwargs else None
            if own is None:
                raise
            result = function(*args, **own)
        if out is None:
            return result
        _check_overlap(label, out, (*args, *kwargs.values()))
        if isinstance(result, Tensor):
            return into(label, out, result)
        exact = label in _EXACT_OUT or label in ("max", "min")
        into_each = [into(label, dst, y, exact=exact) for dst, y in zip(out, result, strict=True)]
        return type(result)(into_each) if type(result) is tuple else type(result)(*into_each)

    return with_out


def _check_overlap(label: str, out: Any, operands: Any) -> None:
    """Refuse to write over an operand that is at another place of the same memory."""
    for dst in out if isinstance(out, (tuple, list)) else (out,):
        for x in operands:
            if isinstance(x, (tuple, list)):
                _check_overlap(label, dst, x)
            elif isinstance(x, Tensor) and isinstance(dst, Tensor) and _overlap(label, dst, x):
                raise RuntimeError(
                    "unsupported operation: some elements of the input tensor and the written-to "
                    "tensor refer to a single memory location. Please clone() the tensor before "
                    "performing the operation."
                )


def _overlap(label: str, out: Tensor, x: Tensor) -> bool:
    a, b = out.array, x.array
    if type(a) is not np.ndarray or type(b) is not np.ndarray or not np.may_share_memory(a, b):
        return False
    if label in _SEPARATE_OUT:
        return True
    if not (a.flags.forc and b.flags.forc):
        return False  # whether elements coincide is then too hard to say
    same_place = a.__array_interface__["data"][0] == b.__array_interface__["data"][0]
    return not (same_place and a.shape == b.shape and a.strides == b.strides)


def _check_exact(label: str, out: Tensor, value: Tensor) -> None:
    have, want = out.dtype, value.dtype
    if have is want or (label in ("all", "any") and have in (dtypes.uint8, dtypes.bool_)):
        return
    raise RuntimeError(
        f"{label}(): Expected out tensor to have dtype {want}, but got {have} instead"
    )


def _check_castable(label: str, out: Tensor, value: Tensor) -> None:
    if dtypes.can_cast(value.dtype, out.dtype):
        return
    want = out.dtype.type_name
    if label in _JOINING:
        raise TypeError(f"torch.cat(): input types can't be cast to the desired output type {want}")
    raise RuntimeError(
        f"result type {value.dtype.type_name} can't be cast to the desired output type {want}"
    )


def into(label: str, out: Tensor, value: Tensor, *, exact: bool | None = None) -> Tensor:
    """Write `value` into the tensor given as `out=`, resizing it as torch does; return it.

    Raises:
        TypeError: `out` is no Tensor.
        RuntimeError: a gradient would be wanted, or `out` cannot hold the value's dtype.
    """
    if not isinstance(out, Tensor):
        raise TypeError(f"{label}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if label in _EXACT_OUT if exact is None else exact:
        _check_exact(label, out, value)
    else:
        _check_castable(label, out, value)
    if read_mode() == GRAD and (value.requires_grad or out.requires_grad):
        raise RuntimeError(
            f"{label}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )
    if out.array.shape != value.array.shape:
        check_memory(out, out.array)
        if out.array.size:
            import warnings

            warnings.warn(
                "An output with one or more elements was resized since it had shape "
                f"{list(out.shape)}, which does not match the required output shape "
                f"{list(value.shape)}.",
                RushlightWarning,
                stacklevel=3,
            )
        out.array = value.array.astype(out.array.dtype)
        return out
    return write_(out, value)
