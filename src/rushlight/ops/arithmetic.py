"""Addition, subtraction, multiplication and division, and what fuses them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._deferred import alike
from .._tensor import Tensor, install, method, waiting
from .._typing import Array, Number
from ..autograd.node import Op
from ..kernels import arithmetic as K
from ..kernels._float_errors import IGNORE, restore_errors, set_errors
from ._broadcast import shape_of, sum_to
from ._deferred import Normalised, is_kept, renew_
from ._export import export, in_either_order
from ._in_place import write_blocks, write_ufunc
from ._naming import named
from ._operands import as_floats, infix, infix_by, is_integral, not_a_tensor
from ._promote import promote
from .complex import conjugate
from .division import divide_rounded

# --- the four operators ---


class Add(Op):
    """z = x + y.  dL/dx = g, dL/dy = g."""

    absorbs = Normalised
    only_kernels = True

    def forward(ctx, x: Any, y: Any) -> Array | Normalised:
        if ctx.edges:
            ctx.shapes = shape_of(x), shape_of(y)
        if type(x) is Normalised:
            kept = is_kept(ctx, 1, y)
            return x.plus(y, kept=kept)
        if type(y) is Normalised:
            kept = is_kept(ctx, 0, x)
            return y.plus(x, kept=kept)
        return K.add(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x_shape, y_shape = ctx.shapes
        to_x, to_y = ctx.edges
        return sum_to(g, x_shape) if to_x else None, sum_to(g, y_shape) if to_y else None


class Sub(Op):
    """z = x - y.  dL/dx = g, dL/dy = -g."""

    only_kernels = True

    def forward(ctx, x: Array, y: Array) -> Array:
        if ctx.edges:
            ctx.shapes = shape_of(x), shape_of(y)
        return K.subtract(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x_shape, y_shape = ctx.shapes
        to_x, to_y = ctx.edges
        return sum_to(g, x_shape) if to_x else None, sum_to(Neg.apply(g), y_shape) if to_y else None


class Mul(Op):
    """z = x y.  dL/dx = g conj(y), dL/dy = g conj(x)."""

    only_kernels = True

    def forward(ctx, x: Array, y: Array) -> Array:
        if ctx.edges:
            ctx.save_factors(x, y)
            ctx.shapes = shape_of(x), shape_of(y)
        return K.multiply(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        x_shape, y_shape = ctx.shapes
        to_x, to_y = ctx.edges
        return (
            sum_to(Mul.apply(g, conjugate(y)), x_shape) if to_x else None,
            sum_to(Mul.apply(g, conjugate(x)), y_shape) if to_y else None,
        )


class Div(Op):
    """z = x / y.  dL/dx = g / conj(y), dL/dy = -g conj(x / y / y)."""

    only_kernels = True

    def forward(ctx, x: Array, y: Array) -> Array:
        edges = ctx.edges
        if edges:
            ctx.save(x if edges[1] else None, y)
            ctx.shapes = shape_of(x), shape_of(y)
        return K.divide(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        x_shape, y_shape = ctx.shapes
        to_x, to_y = ctx.edges
        gx = gy = None
        if to_x:
            gx = sum_to(Div.apply(g, conjugate(y)), x_shape)
        if to_y:
            slope = Div.apply(Div.apply(x, y), y)
            gy = sum_to(Neg.apply(Mul.apply(g, conjugate(slope))), y_shape)
        return gx, gy


class Neg(Op):
    """y = -x.  dL/dx = -g."""

    def forward(ctx, x: Array) -> Array:
        try:
            return np.negative(x)
        except TypeError:
            raise RuntimeError(_no_bool("Negation", "on a bool tensor")) from None

    def backward(ctx, g: Tensor) -> Tensor:
        return Neg.apply(g)


def _no_bool(operation: str, what: str) -> str:
    return (
        f"{operation}, the `-` operator, {what} is not supported. If you are trying to invert a "
        "mask, use the `~` or `logical_not()` operator instead."
    )


def _is_bool(value: Any) -> bool:
    return value.array.dtype.kind == "b" if isinstance(value, Tensor) else isinstance(value, bool)


def _scaled(value: Any, alpha: Number) -> Any:
    """Return alpha value, for `add` and `sub`."""
    if alpha is True or alpha is False:
        boolean = isinstance(value, bool) or (
            isinstance(value, Tensor) and value.array.dtype.kind == "b"
        )
        if not boolean:
            raise RuntimeError("Boolean alpha only supported for Boolean results.")
    elif isinstance(alpha, float) and (
        type(value) is int or (isinstance(value, Tensor) and is_integral(value))
    ):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    elif isinstance(alpha, complex) and not _is_complex(value):
        raise RuntimeError(
            "For non-complex input tensors, argument alpha must not be a complex number."
        )
    return mul(value, alpha) if isinstance(value, Tensor) else value * alpha


def _is_complex(value: Any) -> bool:
    return isinstance(value, complex) or (isinstance(value, Tensor) and value.dtype.is_complex)


@export(method=True, out=True, inplace=True, saves_input=False, factors=["alpha"])
def add(input: Any, other: Any, *, alpha: Number = 1) -> Tensor:
    r"""Add `alpha` times `other` to `input`, broadcasting.

        z = input + alpha other

    Args:
        input: a tensor.
        other: a tensor or a number.
        alpha: a factor for `other`; an integer if the result is one.

    Example:
        >>> rushlight.add(rushlight.tensor([1.0, 2.0]), rushlight.tensor([10.0, 20.0]), alpha=2)
        tensor([21., 42.])
    """
    x, y = promote(input, other)
    if alpha != 1 or alpha is True:
        y = _scaled(y, alpha)
    return Add.apply(x, y)


@export(
    method=True, out=True, inplace=True, saves_input=False, aliases=["subtract"], factors=["alpha"]
)
def sub(input: Any, other: Any, *, alpha: Number = 1) -> Tensor:
    """Subtract `alpha` times `other` from `input`, broadcasting.

    Raises:
        RuntimeError: an operand is boolean (use `^` or `~`).

    Example:
        >>> rushlight.sub(rushlight.tensor([3, 4]), 1)
        tensor([2, 3])
    """
    if _is_bool(input) or _is_bool(other):
        raise RuntimeError(_no_bool("Subtraction", "with a bool tensor"))
    x, y = promote(input, other)
    if alpha != 1 or alpha is True:
        y = _scaled(y, alpha)
    return Sub.apply(x, y)


@export(method=True, out=True)
def rsub(input: Tensor, other: Any, *, alpha: Number = 1) -> Tensor:
    """Subtract `alpha` times `input` from `other`."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("rsub", input)
    return named(sub(other, input, alpha=alpha), "Rsub", int(not isinstance(other, Tensor)))


@export(method=True, out=True, inplace=True, aliases=["multiply"])
def mul(input: Any, other: Any) -> Tensor:
    """Multiply elementwise, broadcasting.

    Example:
        >>> rushlight.mul(rushlight.tensor([1, 2, 3]), 0.5)
        tensor([0.5000, 1.0000, 1.5000])
    """
    x, y = promote(input, other)
    return Mul.apply(x, y)


@export(method=True, out=True, inplace=True, aliases=["divide"])
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Divide elementwise, broadcasting.

    Args:
        input: the dividend.
        other: the divisor, a tensor or a number.
        rounding_mode: None for the true quotient (of integers too), "trunc" to round it towards
            zero, "floor" to round it down; rounded quotients of integers are integers.

    Raises:
        RuntimeError: "ZeroDivisionError" for a rounded quotient of an integer and zero.

    Example:
        >>> rushlight.div(rushlight.tensor([-7, 7]), 2)
        tensor([-3.5000,  3.5000])
        >>> rushlight.div(rushlight.tensor([-7, 7]), 2, rounding_mode="floor")
        tensor([-4,  3])
    """
    if rounding_mode is not None:
        return divide_rounded(input, other, rounding_mode)
    x, y = as_floats(input, other)
    return Div.apply(x, y)


@export(method=True, out=True, inplace=True)
def true_divide(input: Any, other: Any) -> Tensor:
    """Divide elementwise; the same as `div` without rounding."""
    x, y = as_floats(input, other)
    return Div.apply(x, y)


@export(method=True, out=True, inplace=True, saves_input=False, aliases=["negative"])
def neg(input: Tensor) -> Tensor:
    """Return the negative of each element.

    Raises:
        RuntimeError: `input` is boolean (use `~`).
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("neg", input)
    return Neg.apply(input)


@export(method=True)
def positive(input: Tensor) -> Tensor:
    """Return `input` itself.

    Raises:
        RuntimeError: `input` is boolean.
    """
    if input.array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# --- signs ---

install(__add__=infix(Add), __radd__=infix(Add))
install(__sub__=infix_by(sub), __rsub__=infix_by(rsub))
install(__mul__=infix(Mul), __rmul__=infix(Mul))
install(__truediv__=infix_by(true_divide), __div__=infix_by(true_divide))
install(__neg__=neg, __pos__=positive)

# --- in place, without temporaries where nothing is recorded ---

_add_recorded, _sub_recorded = Tensor.add_, Tensor.sub_
_mul_recorded, _div_recorded = Tensor.mul_, Tensor.div_


def add_(self: Tensor, other: Any, *, alpha: Number = 1) -> Tensor:
    """Add `alpha` times `other` to this tensor."""
    done = None
    if waiting and alpha == 1 and alike(self, other):
        return renew_(self, Add.apply(self, other))
    if alpha == 1:
        done = write_ufunc(np.add, self, other)
    elif isinstance(other, Tensor) and type(alpha) in (int, float):
        done = _write_scaled(self, other, alpha)
    return _add_recorded(self, other, alpha=alpha) if done is None else done


def sub_(self: Tensor, other: Any, *, alpha: Number = 1) -> Tensor:
    """Subtract `alpha` times `other` from this tensor."""
    done = None
    if self.array.dtype.kind == "f":
        if alpha == 1:
            done = write_ufunc(np.subtract, self, other)
        elif isinstance(other, Tensor) and type(alpha) in (int, float):
            done = _write_scaled(self, other, -alpha)
    return _sub_recorded(self, other, alpha=alpha) if done is None else done


@method
def mul_(self: Tensor, other: Any) -> Tensor:
    """Multiply this tensor by `other`."""
    done = write_ufunc(np.multiply, self, other)
    return _mul_recorded(self, other) if done is None else done


@method
def div_(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Divide this tensor by `other`."""
    done = None
    if rounding_mode is None and self.array.dtype.kind not in "iub":
        done = write_ufunc(np.true_divide, self, other)
    return _div_recorded(self, other, rounding_mode=rounding_mode) if done is None else done


def _write_scaled(self: Tensor, other: Tensor, alpha: Number) -> Tensor | None:
    factor = self.array.dtype.type(alpha)

    def update(x: Array, y: Array, scratch: Array | None) -> None:
        np.add(x, np.multiply(y, factor, out=scratch), out=x)

    return write_blocks(update, self, other)


install(multiply_=mul_, divide_=div_)
_either_order = in_either_order(["alpha"])
install(add_=_either_order(add_), sub_=_either_order(sub_), subtract_=_either_order(sub_))
install(__iadd__=infix_by(add_), __isub__=infix_by(sub_), __imul__=infix_by(mul_))
install(__itruediv__=infix_by(div_), __idiv__=infix_by(div_))

# --- fused forms ---


@export(method=True, out=True, inplace=True, saves_input=False, factors=["value"])
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """Return input + value tensor1 tensor2.

    Example:
        >>> x = rushlight.tensor([1.0, 2.0])
        >>> rushlight.addcmul(x, x, x, value=0.5)
        tensor([1.5000, 4.0000])
    """
    product = mul(tensor1, tensor2)
    if value != 1:
        product = _scaled(product, value)
    return named(add(input, product), "Addcmul")


@export(method=True, out=True, inplace=True, saves_input=False, factors=["value"])
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """Return input + value tensor1 / tensor2.

    Raises:
        RuntimeError: both `tensor1` and `tensor2` are integral.

    Example:
        >>> x = rushlight.tensor([1.0, 2.0])
        >>> rushlight.addcdiv(x, x, x, value=0.5)
        tensor([1.5000, 2.5000])
    """
    if is_integral(tensor1) and is_integral(tensor2):
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future release addcdiv "
            "will perform a true division of tensor1 and tensor2. The historic addcdiv behavior "
            "can be implemented as (input + value * torch.trunc(tensor1 / tensor2))"
            ".to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for "
            "float inputs."
        )
    quotient = true_divide(tensor1, tensor2)
    return named(add(input, quotient if value == 1 else mul(quotient, value)), "Addcdiv")


_addcmul_recorded, _addcdiv_recorded = Tensor.addcmul_, Tensor.addcdiv_


def _write_fused(
    ufunc: Any, self: Tensor, tensor1: Any, tensor2: Any, value: Number
) -> Tensor | None:
    if not (
        isinstance(tensor1, Tensor) and isinstance(tensor2, Tensor) and type(value) in (int, float)
    ):
        return None
    factor = None if value == 1 else self.array.dtype.type(value)

    def update(x: Array, a: Array, b: Array, scratch: Array | None) -> None:
        scratch = ufunc(a, b, out=scratch)
        if factor is not None:
            scratch = np.multiply(scratch, factor, out=scratch)
        np.add(x, scratch, out=x)

    return write_blocks(update, self, tensor1, tensor2)


@method
@in_either_order(["value"])
def addcmul_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """Add value tensor1 tensor2 to this tensor."""
    done = _write_fused(np.multiply, self, tensor1, tensor2, value)
    return _addcmul_recorded(self, tensor1, tensor2, value=value) if done is None else done


@method
@in_either_order(["value"])
def addcdiv_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """Add value tensor1 / tensor2 to this tensor."""
    done = _write_fused(np.true_divide, self, tensor1, tensor2, value)
    return _addcdiv_recorded(self, tensor1, tensor2, value=value) if done is None else done


class Lerp(Op):
    """z = x + w (y - x).  dL/dx = g conj(1 - w), dL/dy = g conj(w), dL/dw = g conj(y - x)."""

    def forward(ctx, x: Array, y: Array, w: Any) -> Array:
        ctx.save(x, y, w)
        return _interpolate(x, y, w)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y, w = ctx.saved_tensors
        to_x, to_y, to_w = ctx.edges
        w = conjugate(w)
        return (
            sum_to(g * (1 - w), x.array.shape) if to_x else None,
            sum_to(g * w, y.array.shape) if to_y else None,
            sum_to(g * conjugate(y - x), w.array.shape) if to_w else None,
        )


def _interpolate(x: Array, y: Array, w: Any) -> Array:
    """From the nearer end, so that w = 1 gives y exactly."""
    if isinstance(w, (int, float)) and x.dtype.kind == "V":
        w = x.dtype.type(w)
    before = set_errors(IGNORE)
    try:
        step = np.subtract(y, x)
        if np.ndim(w) == 0 and not isinstance(w, (np.ndarray, np.generic)):
            return x + w * step if abs(w) < 0.5 else y - step * (1 - w)
        near = np.abs(w) < 0.5
        return np.where(near, x + w * step, y - step * (1 - w)).astype(x.dtype, copy=False)
    finally:
        restore_errors(before)


@export(method=True, out=True, inplace=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """Interpolate linearly: input + weight (end - input).

    Args:
        input: where weight 0 leads.
        end: where weight 1 leads.
        weight: a number or a tensor.

    Raises:
        RuntimeError: the dtypes of the tensors differ.

    Example:
        >>> rushlight.lerp(rushlight.tensor([1.0, 2.0]), rushlight.tensor([5.0, 10.0]), 0.5)
        tensor([3., 6.])
    """
    for label, other in (("end", end), ("weight", weight)):
        if isinstance(other, Tensor) and other.dtype is not input.dtype:
            if label == "weight" and not other.array.ndim:
                continue
            raise RuntimeError(
                f"expected dtype {input.dtype} for `{label}` but got dtype {other.dtype}"
            )
    return Lerp.apply(input, end, weight)


_lerp_recorded = Tensor.lerp_


@method
def lerp_(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    """Move this tensor the fraction `weight` of the way to `end`."""
    done = None
    if type(weight) in (int, float) and abs(weight) < 0.5 and isinstance(end, Tensor):
        factor = self.array.dtype.type(weight)

        def update(x: Array, y: Array, scratch: Array | None) -> None:
            step = np.subtract(y, x, out=scratch)
            np.add(x, np.multiply(step, factor, out=scratch), out=x)

        done = write_blocks(update, self, end)
    return _lerp_recorded(self, end, weight) if done is None else done
