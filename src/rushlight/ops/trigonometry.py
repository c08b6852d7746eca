"""Trigonometric and hyperbolic functions, their inverses, and conversions of angles."""

from __future__ import annotations

import math

import numpy as np

from .._tensor import Tensor
from ._export import export
from ._operands import as_float
from ._unary import Unary, UnaryFromOutput


class Sin(Unary):
    """y = sin x.  dL/dx = g conj(cos x)."""

    f = np.sin

    def slope(ctx, x: Tensor) -> Tensor:
        return Cos.apply(x)


class Cos(Unary):
    """y = cos x.  dL/dx = -g conj(sin x)."""

    f = np.cos

    def slope(ctx, x: Tensor) -> Tensor:
        return -Sin.apply(x)


class Tan(UnaryFromOutput):
    """y = tan x.  dL/dx = g conj(1 + y^2)."""

    autocast_cuda = "float32"
    f = np.tan

    def slope(ctx, y: Tensor) -> Tensor:
        return y * y + 1


class Asin(Unary):
    """y = arcsin x.  dL/dx = g conj((1 - x^2)^(-1/2))."""

    autocast_cuda = "float32"
    f = np.arcsin

    def slope(ctx, x: Tensor) -> Tensor:
        return (1 - x * x).rsqrt()


class Acos(Unary):
    """y = arccos x.  dL/dx = -g conj((1 - x^2)^(-1/2))."""

    autocast_cuda = "float32"
    f = np.arccos

    def slope(ctx, x: Tensor) -> Tensor:
        return -((1 - x * x).rsqrt())


class Atan(Unary):
    """y = arctan x.  dL/dx = g conj(1 / (1 + x^2))."""

    f = np.arctan

    def slope(ctx, x: Tensor) -> Tensor:
        return (x * x + 1).reciprocal()


class Sinh(Unary):
    """y = sinh x.  dL/dx = g conj(cosh x)."""

    autocast_cuda = "float32"
    f = np.sinh

    def slope(ctx, x: Tensor) -> Tensor:
        return Cosh.apply(x)


class Cosh(Unary):
    """y = cosh x.  dL/dx = g conj(sinh x)."""

    autocast_cuda = "float32"
    f = np.cosh

    def slope(ctx, x: Tensor) -> Tensor:
        return Sinh.apply(x)


class Asinh(Unary):
    """y = arsinh x.  dL/dx = g conj((x^2 + 1)^(-1/2))."""

    f = np.arcsinh

    def slope(ctx, x: Tensor) -> Tensor:
        return (x * x + 1).rsqrt()


class Acosh(Unary):
    """y = arcosh x.  dL/dx = g conj((x - 1)^(-1/2) (x + 1)^(-1/2))."""

    f = np.arccosh

    def slope(ctx, x: Tensor) -> Tensor:
        # One root of the product would be on the wrong branch for complex x.
        return (x - 1).rsqrt() * (x + 1).rsqrt()


class Atanh(Unary):
    """y = artanh x.  dL/dx = g conj(1 / (1 - x^2))."""

    f = np.arctanh

    def slope(ctx, x: Tensor) -> Tensor:
        return (1 - x * x).reciprocal()


@export(method=True, out=True, inplace=True)
def sin(input: Tensor) -> Tensor:
    """Return the sine of each element.

    Example:
        >>> rushlight.sin(rushlight.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8415])
    """
    return Sin.apply(as_float(input, "sin"))


@export(method=True, out=True, inplace=True)
def cos(input: Tensor) -> Tensor:
    """Return the cosine of each element.

    Example:
        >>> rushlight.cos(rushlight.tensor([0.0, 1.0]))
        tensor([1.0000, 0.5403])
    """
    return Cos.apply(as_float(input, "cos"))


@export(method=True, out=True, inplace=True, saves_input=False)
def tan(input: Tensor) -> Tensor:
    """Return the tangent of each element."""
    return Tan.apply(as_float(input, "tan"))


@export(method=True, out=True, inplace=True, aliases=["arcsin"])
def asin(input: Tensor) -> Tensor:
    """Return the arc sine of each element; NaN outside [-1, 1]."""
    return Asin.apply(as_float(input, "asin"))


@export(method=True, out=True, inplace=True, aliases=["arccos"])
def acos(input: Tensor) -> Tensor:
    """Return the arc cosine of each element; NaN outside [-1, 1]."""
    return Acos.apply(as_float(input, "acos"))


@export(method=True, out=True, inplace=True, aliases=["arctan"])
def atan(input: Tensor) -> Tensor:
    """Return the arc tangent of each element."""
    return Atan.apply(as_float(input, "atan"))


@export(method=True, out=True, inplace=True)
def sinh(input: Tensor) -> Tensor:
    """Return the hyperbolic sine of each element."""
    return Sinh.apply(as_float(input, "sinh"))


@export(method=True, out=True, inplace=True)
def cosh(input: Tensor) -> Tensor:
    """Return the hyperbolic cosine of each element."""
    return Cosh.apply(as_float(input, "cosh"))


@export(method=True, out=True, inplace=True, aliases=["arcsinh"])
def asinh(input: Tensor) -> Tensor:
    """Return the inverse hyperbolic sine of each element."""
    return Asinh.apply(as_float(input, "asinh"))


@export(method=True, out=True, inplace=True, aliases=["arccosh"])
def acosh(input: Tensor) -> Tensor:
    """Return the inverse hyperbolic cosine of each element; NaN below 1."""
    return Acosh.apply(as_float(input, "acosh"))


@export(method=True, out=True, inplace=True, aliases=["arctanh"])
def atanh(input: Tensor) -> Tensor:
    """Return the inverse hyperbolic tangent of each element; NaN outside [-1, 1]."""
    return Atanh.apply(as_float(input, "atanh"))


@export(method=True, out=True, inplace=True)
def deg2rad(input: Tensor) -> Tensor:
    """Convert degrees to radians."""
    return _scale_angle("deg2rad", input, math.pi / 180)


@export(method=True, out=True, inplace=True)
def rad2deg(input: Tensor) -> Tensor:
    """Convert radians to degrees."""
    return _scale_angle("rad2deg", input, 180 / math.pi)


def _scale_angle(name: str, input: Tensor, factor: float) -> Tensor:
    x = as_float(input, name)
    if x.array.dtype.kind == "c":
        raise RuntimeError(f"{name} is not supported for complex tensors.")
    return x * factor
