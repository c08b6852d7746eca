"""Complex numbers: parts, conjugates, polar form, absolute value."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, install
from .._typing import Array
from ..autograd.node import Op
from ._arguments import require_tensor
from ._autocast import autocast
from ._broadcast import sum_to
from ._export import export, into
from ._operands import as_float, not_a_tensor, not_implemented
from .casts import cast


class Conj(Op):
    """y = conj(x).  dL/dx = conj(g)."""

    def forward(ctx, x: Array) -> Array:
        return np.conjugate(x)

    def backward(ctx, g: Tensor) -> Tensor:
        return Conj.apply(g)


def conjugate(x: Any) -> Any:
    """Return the conjugate of a tensor or number, and what is real as it is: for gradients."""
    if isinstance(x, Tensor):
        return Conj.apply(x) if x.array.dtype.kind == "c" else x
    return x.conjugate() if isinstance(x, complex) else x


class Real(Op):
    """y = Re(x), in x's memory.  dL/dx = g."""

    view = True

    def forward(ctx, x: Array) -> Array:
        return x.real

    def backward(ctx, g: Tensor) -> Tensor:
        return Complex.apply(g, g * 0)


class Imag(Op):
    """y = Im(x), in x's memory.  dL/dx = i g."""

    view = True

    def forward(ctx, x: Array) -> Array:
        return x.imag

    def backward(ctx, g: Tensor) -> Tensor:
        return Complex.apply(g * 0, g)


class Complex(Op):
    """z = x + i y.  dL/dx = Re(g), dL/dy = Im(g)."""

    def forward(ctx, x: Array, y: Array) -> Array:
        ctx.shapes = x.shape, y.shape
        z = np.empty_like(
            x, np.result_type(x.dtype, np.complex64), shape=np.broadcast_shapes(x.shape, y.shape)
        )
        z.real, z.imag = x, y
        return z

    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor]:
        x_shape, y_shape = ctx.shapes
        return sum_to(Real.apply(g), x_shape), sum_to(Imag.apply(g), y_shape)


class ViewAsReal(Op):
    """y = x, the parts of each element along a new last dimension.  dL/dx: g seen as complex."""

    view = True

    def forward(ctx, x: Array) -> Array:
        return x[..., None].view(x.real.dtype)

    def backward(ctx, g: Tensor) -> Tensor:
        return ViewAsComplex.apply(g.contiguous())


class ViewAsComplex(Op):
    """y = x with the two elements along the last dimension seen as one.  dL/dx: g seen as real."""

    view = True

    def forward(ctx, x: Array) -> Array:
        return x.view(np.result_type(x.dtype, np.complex64))[..., 0]

    def backward(ctx, g: Tensor) -> Tensor:
        return ViewAsReal.apply(g)


class Abs(Op):
    """y = |x|.  dL/dx = g sgn(x): 0 at x = 0."""

    def forward(ctx, x: Array) -> Array:
        ctx.save(x)
        return np.absolute(x)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g * sgn(x)


class Sign(Op):
    """y = sign(x).  dL/dx = 0."""

    def forward(ctx, x: Array) -> Array:
        before = x.dtype
        # NumPy's sign(nan) is nan, torch's 0.
        return (np.greater(x, 0).astype(np.int8) - np.less(x, 0)).astype(before)

    def backward(ctx, g: Tensor) -> Tensor:
        return g * 0


class Sgn(Op):
    """y = x / |x|, 0 at x = 0.  dL/dx = (g - Re(conj(g) y) y) / |x|."""

    def forward(ctx, x: Array) -> Array:
        size = np.absolute(x)
        y = np.where(size == 0, x.dtype.type(0), x / size)
        ctx.save(x, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        size = Abs.apply(x)
        tangent = (g - y * Real.apply(Conj.apply(g) * y)) / size
        return (
            (size != 0) * tangent.nan_to_num(0.0, 0.0, 0.0) if not np.all(size.array) else tangent
        )


class Angle(Op):
    """y = arg(x); for real x pi where x < 0, else 0.  dL/dx = g i x / |x|^2 (0 for real x)."""

    def forward(ctx, x: Array) -> Array:
        ctx.save(x)
        if x.dtype.kind == "c":
            return np.arctan2(x.imag, x.real)
        y = np.where(np.less(x, 0), x.dtype.type(np.pi), x.dtype.type(0))
        return np.where(np.isnan(x), x, y)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        if x.array.dtype.kind != "c":
            return g * 0
        slope = x / (x * Conj.apply(x))
        if not np.all(x.array):
            slope = slope.masked_fill(x == 0, 0)
        return g * (slope * 1j)


# --- public functions ---


def _require_complex(name: str, input: Tensor) -> None:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    if input.array.dtype.kind != "c":
        raise RuntimeError(f"{name} is not implemented for tensors with non-complex dtypes.")


@export
def real(input: Tensor) -> Tensor:
    """Return the real part of a complex tensor, sharing its memory; a real tensor itself.

    Example:
        >>> rushlight.real(rushlight.tensor([1 + 2j]))
        tensor([1.])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("real", input)
    return Real.apply(input) if input.array.dtype.kind == "c" else input


@export
def imag(input: Tensor) -> Tensor:
    """Return the imaginary part of a complex tensor, sharing its memory.

    Raises:
        RuntimeError: `input` is real.

    Example:
        >>> rushlight.imag(rushlight.tensor([1 + 2j]))
        tensor([2.])
    """
    _require_complex("imag", input)
    return Imag.apply(input)


def _set_part(op: type[Op]) -> Any:
    def set_part(self: Tensor, value: Any) -> None:
        part = self if self.array.dtype.kind != "c" and op is Real else op.apply(self)
        part.copy_(value if isinstance(value, Tensor) else cast(self, self.dtype).new_tensor(value))

    return set_part


install(
    real=property(real, _set_part(Real), doc="The real part, sharing memory."),
    imag=property(imag, _set_part(Imag), doc="The imaginary part, sharing memory."),
)


@export(method=True)
def conj(input: Tensor) -> Tensor:
    """Return the complex conjugate; a real tensor itself.

    Note:
        torch returns a lazy view of a complex tensor; here the result is a tensor of its own.

    Example:
        >>> rushlight.conj(rushlight.tensor([1 + 2j]))
        tensor([1.-2.j])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("conj", input)
    return conjugate(input)


@export(method=True, out=True, inplace=True, saves_input=False)
def conj_physical(input: Tensor) -> Tensor:
    """Return the complex conjugate, computed at once; a real tensor itself."""
    return conj(input)


@export(method=True)
def resolve_conj(input: Tensor) -> Tensor:
    """Return `input`: conjugates are always computed at once here."""
    return input


@export(method=True)
def resolve_neg(input: Tensor) -> Tensor:
    """Return `input`: negatives are always computed at once here."""
    return input


@export(method=True)
def is_conj(input: Tensor) -> bool:
    """Tell whether a lazy conjugation is pending: never here."""
    return False


@export(method=True)
def is_neg(input: Tensor) -> bool:
    """Tell whether a lazy negation is pending: never here."""
    return False


@export(name="complex")
def complex_(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Make a complex tensor from its real and imaginary parts.

    Raises:
        RuntimeError: the parts are not both float16, both float32 or both float64.

    Example:
        >>> rushlight.complex(rushlight.tensor([1.0]), rushlight.tensor([2.0]))
        tensor([1.+2.j])
    """
    _check_parts(
        require_tensor("complex", real, "real"), require_tensor("complex", imag, "imag", 2)
    )
    z = Complex.apply(real, imag)
    if out is None:
        return z
    if out.dtype is not z.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {z.dtype.type_name} but got scalar type "
            f"{out.dtype.type_name} for argument 'out'"
        )
    return into("complex", out, z)


def _check_parts(x: Tensor, y: Tensor) -> None:
    for part in (x, y):
        if part.array.dtype.kind != "f":
            raise RuntimeError(
                "Expected both inputs to be Half, Float or Double tensors but got "
                f"{x.dtype.type_name} and {y.dtype.type_name}"
            )
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {x.dtype.type_name} but got scalar type "
            f"{y.dtype.type_name} for second argument"
        )


@export(out=True)
@autocast("float32")
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """Make a complex tensor from absolute values and angles: abs (cos(angle) + i sin(angle)).

    Example:
        >>> rushlight.polar(rushlight.tensor([2.0]), rushlight.tensor([0.0]))
        tensor([2.+0.j])
    """
    _check_parts(require_tensor("polar", abs, "abs"), require_tensor("polar", angle, "angle", 2))
    return Complex.apply(abs * angle.cos(), abs * angle.sin())


@export
def view_as_real(input: Tensor) -> Tensor:
    """Return a view of a complex tensor with a new last dimension: real and imaginary part.

    Raises:
        RuntimeError: `input` is not complex.
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("view_as_real", input)
    if input.array.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return ViewAsReal.apply(input)


@export
@autocast("float32")
def view_as_complex(input: Tensor) -> Tensor:
    """Return a complex view of a real tensor whose last dimension holds the two parts.

    Raises:
        RuntimeError: `input` is not float32 or float64, or its last dimension is not of size 2 and
            stride 1.
    """
    array = input.array
    if array.dtype.kind != "f":
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {input.dtype.type_name}"
        )
    if not array.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if array.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if array.strides[-1] != array.itemsize:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(stride % (2 * array.itemsize) for stride in array.strides[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    return ViewAsComplex.apply(input)


@export(method=True, out=True, inplace=True, aliases=["absolute"])
def abs(input: Tensor) -> Tensor:
    """Return the absolute value of each element, real for complex tensors.

    Example:
        >>> rushlight.abs(rushlight.tensor([-1.0, 3 + 4j]))
        tensor([1., 5.])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("abs", input)
    if input.array.dtype.kind == "b":
        raise not_implemented("abs", input)
    return Abs.apply(input)


install(__abs__=abs)


@export(method=True, out=True, inplace=True, saves_input=False)
def sign(input: Tensor) -> Tensor:
    """Return -1, 0 or 1 for each element; 0 for NaN.

    Raises:
        NotImplementedError: `input` is complex (use `sgn`).

    Example:
        >>> rushlight.sign(rushlight.tensor([-2.5, 0.0, 4.0]))
        tensor([-1.,  0.,  1.])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("sign", input)
    if input.array.dtype.kind == "c":
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use "
            "torch.sgn instead."
        )
    return Sign.apply(input)


@export(method=True, out=True, inplace=True)
def sgn(input: Tensor) -> Tensor:
    """Return x / |x| (0 for 0) of each complex element, `sign` of each real one."""
    return Sgn.apply(input) if input.array.dtype.kind == "c" else sign(input)


@export(method=True, out=True)
def angle(input: Tensor) -> Tensor:
    """Return the angle of each element in radians: pi for negative real ones, 0 for positive.

    Example:
        >>> rushlight.angle(rushlight.tensor([1j, -1.0]))
        tensor([1.5708, 3.1416])
    """
    return Angle.apply(as_float(input, "angle"))
