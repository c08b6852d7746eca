"""Softmax along a dimension, its logarithm, and the functions made of them."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.mode import is_grad_enabled
from ..autograd.node import Op
from ..backend.array import row_major
from ..backend.dtype import dtype as DType
from ..errors import wrap_dim
from ..kernels import softmax as K
from ._export import export
from ._operands import not_a_tensor, not_implemented
from .casts import cast


class Softmax(Op):
    """y = exp(x) / sum exp(x).  dL/dx = y (g - sum g y)."""

    autocast_cuda = "float32"

    def forward(ctx, x: Array, *, axis: int) -> Array:
        y = row_major(K.softmax(x, axis=axis))
        ctx.save(y)
        ctx.axis = axis
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        if not is_grad_enabled():
            return wrap(K.softmax_grad(g.array, y.array, axis=ctx.axis))
        return y * (g - (g * y).sum(ctx.axis, keepdim=True))


class LogSoftmax(Op):
    """y = x - log sum exp(x).  dL/dx = g - exp(y) sum g."""

    autocast_cuda = "float32"

    def forward(ctx, x: Array, *, axis: int) -> Array:
        y = row_major(K.log_softmax(x, axis=axis))
        ctx.save(y)
        ctx.axis = axis
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        if not is_grad_enabled():
            return wrap(K.log_softmax_grad(g.array, y.array, axis=ctx.axis))
        return g - y.exp() * g.sum(ctx.axis, keepdim=True)


def _run(op: type[Op], name: str, input: Any, dim: int | None, dtype: DType | None) -> Tensor:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    if dim is None:
        # torch's rule for calls without a dimension: 0 for 0-, 1- and 3-d tensors, else 1.
        dim = 0 if input.array.ndim in (0, 1, 3) else 1
    x = input if dtype is None else cast(input, dtype)
    if x.array.dtype.kind in "iub":
        raise not_implemented(f"{name}_lastdim_kernel_impl", x)
    return op.apply(x, axis=wrap_dim(dim, x.array.ndim))


@export(method=True, functional=True, out=True, numpy_names=True)
def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """Return exp(x) / sum(exp(x)) along a dimension.

    Args:
        input: the scores.
        dim: the dimension whose elements will sum to 1.
        dtype: convert to this dtype first.

    Example:
        >>> rushlight.softmax(rushlight.tensor([0.0, 0.0]), dim=0)
        tensor([0.5000, 0.5000])
    """
    return _run(Softmax, "softmax", input, dim, _dtype(_stacklevel, dtype))


@export(method=True, functional=True, out=True, numpy_names=True)
def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """Return log(softmax(x)) along a dimension, without the loss of digits of the two steps."""
    return _run(LogSoftmax, "log_softmax", input, dim, _dtype(_stacklevel, dtype))


def _dtype(third: Any, dtype: DType | None) -> DType | None:
    """Third comes the dtype in `torch.softmax(x, dim, dtype)`, a stack level in `F.softmax`."""
    return third if isinstance(third, DType) else dtype


@export(functional=True, public=False)
def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """Return softmax(-x) along a dimension."""
    return softmax(-input, dim, dtype=dtype)


@export(functional=True, public=False)
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """Draw from the Gumbel-softmax distribution; `hard`: one-hot values with the soft gradient.

    Reference:
        Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax", 2016.
    """
    from .creation import empty_like, zeros_like

    gumbels = -empty_like(logits).exponential_().log()
    soft = softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one_hot = zeros_like(logits).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft
