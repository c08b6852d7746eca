"""Special functions: `rushlight.special`, and those that torch has at top level too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.node import Op
from ..kernels import activation as activation_kernels, special as K
from ._broadcast import sum_to
from ._export import export
from ._operands import as_float, both_tensors
from ._special import real_float, real_floats, special
from ._unary import Unary, UnaryFromOutput, keep
from .elementwise import exp, log

_ROOT_PI = math.sqrt(math.pi)


# --- error function and normal distribution ---


class Erf(Unary):
    """y = erf x.  dL/dx = g 2 / sqrt(pi) exp(-x^2)."""

    f = staticmethod(activation_kernels.erf)

    def slope(ctx, x: Tensor) -> Tensor:
        return exp(-(x * x)) * (2 / _ROOT_PI)


class Erfc(Unary):
    """y = 1 - erf x.  dL/dx = -g 2 / sqrt(pi) exp(-x^2)."""

    f = staticmethod(K.erfc)

    def slope(ctx, x: Tensor) -> Tensor:
        return exp(-(x * x)) * (-2 / _ROOT_PI)


class Erfcx(Unary):
    """y = exp(x^2) erfc x.  dL/dx = g (2 x y - 2 / sqrt(pi))."""

    f = staticmethod(K.erfcx)

    def slope(ctx, x: Tensor) -> Tensor:
        return Erfcx.apply(x) * x * 2 - 2 / _ROOT_PI


class Erfinv(UnaryFromOutput):
    """y with erf y = x.  dL/dx = g sqrt(pi) / 2 exp(y^2)."""

    autocast_cuda = "float32"
    f = staticmethod(K.erfinv)

    def slope(ctx, y: Tensor) -> Tensor:
        return exp(y * y) * (_ROOT_PI / 2)


class Ndtr(Unary):
    """y = P(X <= x), X normal.  dL/dx = g exp(-x^2 / 2) / sqrt(2 pi)."""

    f = staticmethod(K.ndtr)

    def slope(ctx, x: Tensor) -> Tensor:
        return exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))


class LogNdtr(Unary):
    """y = ln P(X <= x), X normal.  dL/dx = g sqrt(2 / pi) / erfcx(-x / sqrt 2)."""

    f = staticmethod(K.log_ndtr)

    def slope(ctx, x: Tensor) -> Tensor:
        return math.sqrt(2 / math.pi) / Erfcx.apply(x * -math.sqrt(0.5))


class Ndtri(UnaryFromOutput):
    """y with P(X <= y) = x, X normal.  dL/dx = g sqrt(2 pi) exp(y^2 / 2)."""

    f = staticmethod(K.ndtri)

    def slope(ctx, y: Tensor) -> Tensor:
        return exp(y * y * 0.5) * math.sqrt(2 * math.pi)


# --- gamma function ---


class Lgamma(Unary):
    """y = ln |gamma(x)|.  dL/dx = g digamma(x)."""

    f = staticmethod(K.lgamma)

    def slope(ctx, x: Tensor) -> Tensor:
        return Digamma.apply(x)


class Digamma(Unary):
    """y = d/dx ln gamma(x).  dL/dx = g polygamma(1, x)."""

    f = staticmethod(K.digamma)

    def slope(ctx, x: Tensor) -> Tensor:
        return Polygamma.apply(x, order=1)


class Polygamma(Op):
    """y = digamma's derivative of order n.  dL/dx = g times that of order n + 1."""

    def forward(ctx, x: Array, *, order: int) -> Array:
        ctx.save(x)
        ctx.order = order
        return K.polygamma(order, x)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g * Polygamma.apply(x, order=ctx.order + 1)


class Zeta(Op):
    """z = sum over k >= 0 of (q + k)^-s.  dL/dq = -g s zeta(s + 1, q); none for s, as in torch."""

    def forward(ctx, s: Array, q: Array) -> Array:
        ctx.save(s, q)
        return K.zeta(s, q)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        s, q = ctx.saved_tensors
        to_s, to_q = ctx.edges
        if to_s:
            raise NotImplementedError(
                "the derivative for 'self' of 'special_zeta' is not implemented"
            )
        return None, sum_to(-g * s * Zeta.apply(s + 1, q), q.array.shape) if to_q else None


class IncompleteGamma(Op):
    """z = P(a, x) or Q = 1 - P.  dL/dx = g exp(-x) x^(a-1) / gamma(a), negative for Q."""

    def forward(ctx, a: Array, x: Array, *, upper: bool) -> Array:
        ctx.save(a, x)
        ctx.upper = upper
        return K.igammac(a, x) if upper else K.igamma(a, x)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        a, x = ctx.saved_tensors
        to_a, to_x = ctx.edges
        name = "igammac" if ctx.upper else "igamma"
        if to_a:
            raise NotImplementedError(f"the derivative for 'input' of '{name}' is not implemented")
        slope = exp((a - 1) * log(x) - x - Lgamma.apply(a))
        return None, sum_to(g * (-slope if ctx.upper else slope), x.array.shape) if to_x else None


# --- entropy and the like ---


class Entr(Unary):
    """y = -x ln x, 0 at 0, -inf below.  dL/dx = -g (ln x + 1)."""

    @staticmethod
    def f(x: Array) -> Array:
        y = np.where(x == 0, x, -x * np.log(x))
        return np.where(x < 0, x.dtype.type(-np.inf), y)

    def slope(ctx, x: Tensor) -> Tensor:
        return -log(x) - 1


class Logit(Op):
    """y = ln(x / (1 - x)), x clamped to [eps, 1 - eps] first.  dL/dx = g / (x - x^2), 0 outside."""

    def forward(ctx, x: Array, *, eps: float | None) -> Array:
        ctx.eps = eps
        ctx.save(x)
        one = x.dtype.type(1)
        if eps is not None:
            x = np.clip(x, x.dtype.type(eps), x.dtype.type(1 - eps))
        return np.log(x / (one - x))

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gx = g / (x * (1 - x))
        if ctx.eps is not None:
            return keep(gx, (x.array >= ctx.eps) & (x.array <= 1 - ctx.eps))
        outside = (x.array < 0) | (x.array > 1)
        return (
            gx + wrap(np.where(outside, np.nan, 0).astype(x.array.dtype)) if outside.any() else gx
        )


class Sinc(Unary):
    """y = sin(pi x) / (pi x), 1 at 0.  dL/dx = g (cos(pi x) - y) / x, 0 at 0."""

    @staticmethod
    def f(x: Array) -> Array:
        z = x * x.dtype.type(np.pi)
        return np.where(x == 0, x.dtype.type(1), np.sin(z) / z)

    def slope(ctx, x: Tensor) -> Tensor:
        zero = x.array == 0
        safe = x.masked_fill(x == 0, 1) if zero.any() else x
        slope = ((x * math.pi).cos() - Sinc.apply(x)) / safe
        return keep(slope, ~zero) if zero.any() else slope


class XLogY(Op):
    """z = x ln y or x ln(1 + y), 0 at x = 0.  dL/dx = g ln y, 0 at x = 0 >= y; dL/dy = g x / y."""

    def forward(ctx, x: Array, y: Array, *, plus_one: bool) -> Array:
        ctx.save(x, y)
        ctx.plus_one = plus_one
        z = x * (np.log1p(y) if plus_one else np.log(y))
        return np.where(np.isnan(y), y, np.where(np.equal(x, 0), z.dtype.type(0), z))

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.edges
        a, b = (t.array if isinstance(t, Tensor) else t for t in (x, y))
        gx = gy = None
        if to_x:
            edge = -1 if ctx.plus_one else 0
            factor = _logarithm(y, ctx.plus_one)
            gx = keep(g * factor, ~((a == 0) & (b <= edge)))
            gx = sum_to(gx, a.shape)
        if to_y:
            gy = sum_to(g * x / (y + 1 if ctx.plus_one else y), b.shape)
        return gx, gy


def _logarithm(y: Any, plus_one: bool) -> Any:
    if isinstance(y, Tensor):
        return y.log1p() if plus_one else log(y)
    with np.errstate(all="ignore"):
        return float(np.log1p(y) if plus_one else np.log(y))


# --- public functions: error function and normal distribution ---


@export(method=True, out=True, inplace=True)
def erf(input: Tensor) -> Tensor:
    """Return the error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    Example:
        >>> rushlight.erf(rushlight.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8427])
    """
    return Erf.apply(real_float(input, "erf"))


@export(method=True, out=True, inplace=True)
def erfc(input: Tensor) -> Tensor:
    """Return 1 - erf(x), precise for large x."""
    return Erfc.apply(real_float(input, "erfc"))


@export(method=True, out=True, inplace=True, saves_input=False)
def erfinv(input: Tensor) -> Tensor:
    """Return the inverse of the error function: infinite at -1 and 1, NaN beyond.

    Example:
        >>> rushlight.erfinv(rushlight.tensor([0.0, 0.5]))
        tensor([0.0000, 0.4769])
    """
    return Erfinv.apply(real_float(input, "erfinv"))


@special
def erfcx(input: Tensor) -> Tensor:
    """Return exp(x^2) erfc(x), which does not underflow for large x."""
    return Erfcx.apply(real_float(input, "erfcx"))


@special
def ndtr(input: Tensor) -> Tensor:
    """Return the distribution function of the standard normal distribution.

    Example:
        >>> rushlight.special.ndtr(rushlight.tensor([0.0, 1.0]))
        tensor([0.5000, 0.8413])
    """
    return Ndtr.apply(real_float(input, "ndtr"))


@special
def log_ndtr(input: Tensor) -> Tensor:
    """Return the logarithm of `ndtr`, precise for very negative x."""
    return LogNdtr.apply(real_float(input, "log_ndtr"))


@special
def ndtri(input: Tensor) -> Tensor:
    """Return the quantiles of the standard normal distribution, the inverse of `ndtr`."""
    return Ndtri.apply(real_float(input, "ndtri"))


# --- public functions: gamma function ---


@export(method=True, out=True, inplace=True)
def lgamma(input: Tensor) -> Tensor:
    """Return ln |gamma(x)|.

    Example:
        >>> rushlight.lgamma(rushlight.tensor([1.0, 4.0]))
        tensor([0.0000, 1.7918])
    """
    return Lgamma.apply(real_float(input, "lgamma"))


@export(method=True, out=True, inplace=True)
def digamma(input: Tensor) -> Tensor:
    """Return the derivative of ln gamma(x).

    Example:
        >>> rushlight.digamma(rushlight.tensor([1.0]))
        tensor([-0.5772])
    """
    return Digamma.apply(real_float(input, "digamma"))


@export(method=True)
def polygamma(n: Any, input: Any) -> Tensor:
    """Return the derivative of digamma of order `n`.

    Args:
        n: the order, an integer >= 0 (as a method: `input.polygamma(n)`).
        input: a real tensor.

    Raises:
        RuntimeError: `n` is negative.

    Example:
        >>> rushlight.polygamma(1, rushlight.tensor([1.0]))
        tensor([1.6449])
    """
    if isinstance(n, Tensor) and not isinstance(input, Tensor):
        n, input = input, n
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    x = real_float(input, "polygamma")
    return Digamma.apply(x) if n == 0 else Polygamma.apply(x, order=n)


@export(method=True, out=True, inplace=True)
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Return the logarithm of the multivariate gamma function of dimension `p`.

        p (p - 1) / 4 ln pi + sum over i < p of ln gamma(x - i / 2)

    Raises:
        RuntimeError: `p` < 1.
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    x = real_float(input, "mvlgamma")
    offsets = wrap(np.arange(p, dtype=x.array.dtype) / 2)
    return Lgamma.apply(x.unsqueeze(-1) - offsets).sum(-1) + p * (p - 1) / 4 * math.log(math.pi)


@export(method=True, out=True, inplace=True)
def igamma(input: Tensor, other: Tensor) -> Tensor:
    """Return the regularised lower incomplete gamma function P(input, other).

    Note:
        As in torch, there is no gradient for `input`.
    """
    both_tensors("igamma", input, other)
    return IncompleteGamma.apply(*real_floats("igamma", input, other), upper=False)


@export(method=True, out=True, inplace=True)
def igammac(input: Tensor, other: Tensor) -> Tensor:
    """Return the regularised upper incomplete gamma function Q(input, other)."""
    both_tensors("igammac", input, other)
    return IncompleteGamma.apply(*real_floats("igammac", input, other), upper=True)


@special
def zeta(input: Any, other: Any) -> Tensor:
    """Return Hurwitz' zeta function: the sum of (other + k)^-input over k >= 0."""
    return Zeta.apply(*real_floats("zeta", input, other))


# --- public functions: entropy and the like ---


@special
def entr(input: Tensor) -> Tensor:
    """Return -x ln x: 0 at 0 and -inf for negative x."""
    return Entr.apply(real_float(input, "entr"))


@export(method=True, out=True, inplace=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return ln(x / (1 - x)), the inverse of the sigmoid function.

    Args:
        input: a real tensor.
        eps: if given, the input is first clamped to [eps, 1 - eps].

    Example:
        >>> rushlight.logit(rushlight.tensor([0.5, 0.75]))
        tensor([0.0000, 1.0986])
    """
    return Logit.apply(real_float(input, "logit"), eps=eps)


@export(method=True, out=True, inplace=True)
def sinc(input: Tensor) -> Tensor:
    """Return sin(pi x) / (pi x), 1 at 0."""
    return Sinc.apply(as_float(input, "sinc"))


@export(method=True, out=True, inplace=True)
def xlogy(input: Any, other: Any) -> Tensor:
    """Return x ln y, 0 where x = 0.

    Example:
        >>> rushlight.xlogy(rushlight.tensor([0.0, 2.0]), rushlight.tensor([0.0, 1.0]))
        tensor([0., 0.])
    """
    return XLogY.apply(*real_floats("xlogy", input, other), plus_one=False)


@special
def xlog1py(input: Any, other: Any) -> Tensor:
    """Return x ln(1 + y), 0 where x = 0."""
    return XLogY.apply(*real_floats("xlog1py", input, other), plus_one=True)
