"""How operators run on a batch at once.

A rule gets (op, inputs, batched, ndims, params): the physical tensors, which of them have the batch
as their first dimension, how many dimensions a sample has, and the operator's parameters. It
returns the physical result, or NotImplemented, whereupon the operator runs sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from .._tensor import Tensor
from ..ops.shape import reshape

Rule = Callable[[Any, list[Any], list[bool], list[int], dict[str, Any]], Any]


@cache
def rule_for(op: Any) -> Rule | None:
    """Return the rule of an operator class: its own or the nearest base class's."""
    for cls in op.__mro__:
        if cls.__name__ in _RULES and cls.__module__.startswith("rushlight.ops"):
            return _RULES[cls.__name__]
    return None


def _size(inputs: list[Any], here: list[bool]) -> int:
    return next(len(x) for x, at in zip(inputs, here, strict=True) if at)


def _padded(x: Tensor, ndim: int, rank: int) -> Tensor:
    """Return a batch with dimensions of 1 behind the first, so that samples have `rank`."""
    if ndim == rank:
        return x
    return x.reshape(x.shape[0], *(1,) * (rank - ndim), *x.shape[1:])


def _everywhere(x: Tensor, at: bool, size: int) -> Tensor:
    """Return `x` with the batch as its first dimension, repeated if it has none."""
    return x if at else x.expand(size, *x.shape)


def elementwise(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Broadcast: the samples' dimensions have to line up from the right."""
    rank = max(ndims)
    aligned = zip(xs, here, ndims, strict=True)
    return op.apply(*[_padded(x, n, rank) if at else x for x, at, n in aligned], **params)


_AXES = ("axis", "axes", "dim", "dims", "dim0", "dim1", "dim2")


def along_axes(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Count the axes of a single input from one further on."""
    ndim = ndims[0]
    if not ndim or not here[0] or any(here[1:]):
        return NotImplemented
    moved = dict(params)
    for name in _AXES:
        if name not in params:
            continue
        value = params[name]
        if value is None:
            if name != "axes":
                return NotImplemented  # of the flattened sample
            moved[name] = tuple(range(1, ndim + 1))
        elif isinstance(value, Iterable):
            moved[name] = tuple([d + 1 if d >= 0 else d for d in value])
        else:
            moved[name] = value + 1 if value >= 0 else value
    return op.apply(*xs, **moved)


def permute(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Keep the batch in front."""
    dims = [d % ndims[0] for d in params["dims"]]
    return op.apply(xs[0], dims=(0, *[d + 1 for d in dims]))


def to_shape(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Put the batch before the shape asked for."""
    shape = params["shape"]
    return reshape(xs[0], (xs[0].shape[0], *shape))


def broadcast(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Put the batch before the shape asked for, and ones between."""
    shape = params["shape"]
    x = _padded(xs[0], ndims[0], len(shape))
    return op.apply(x, **params | {"shape": (x.shape[0], *shape)})


def basic_index(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Take everything of the batch."""
    return op.apply(xs[0], index=(slice(None), *params["index"]))


def copied(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Copy, unless the order of the sample's dimensions in memory matters."""
    return (
        op.apply(xs[0], **params) if isinstance(params.get("order", "K"), str) else NotImplemented
    )


def joined(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Join batches; what is no batch is joined to each sample."""
    size = _size(xs, here)
    every = [_everywhere(x, at, size) for x, at in zip(xs, here, strict=True)]
    return op.apply(*every, dim=params["dim"] + 1)


def gathered(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Look up in each sample with its own index."""
    if 0 in ndims:
        return NotImplemented
    return joined(op, xs, here, ndims, params)


def matmul(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """Make matrices of vectors and let the batch be one more dimension of the product."""
    sides = []
    for position, (x, at, n) in enumerate(zip(xs, here, ndims, strict=True)):
        if n == 1:
            x, n = x.unsqueeze(-1 if position else -2), 2
        sides.append((x, at, n))
    rank = max(n for _, _, n in sides)
    y = op.apply(*[_padded(x, n, rank) if at else x for x, at, n in sides])
    if ndims[1] == 1:
        y = y.squeeze(-1)
    return y.squeeze(-2 if ndims[1] != 1 else -1) if ndims[0] == 1 else y


def linear(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """One product if the weight is the same for all samples, else one for each."""
    x, w, b = xs
    if here == [True, False, False]:
        return op.apply(x, w, b)
    rank = max(ndims[0], 2)
    if ndims[0] == 1:
        x = x.unsqueeze(-2)
    x = _padded(x, rank, rank) if here[0] else x
    w = _padded(w, 2, rank) if here[1] else w
    y = x @ w.transpose(-1, -2)
    if b is not None:
        y = y + (_padded(b, 1, rank) if here[2] else b)
    return y.squeeze(-2) if ndims[0] == 1 else y


def conv(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """The batch becomes images; filters that differ from sample to sample become groups."""
    x, w, b = xs
    if here == [True, False, False]:
        size, images = x.shape[:2]
        y = op.apply(x.reshape(size * images, *x.shape[2:]), w, b, **params)
        return y.reshape(size, images, *y.shape[1:])
    if params.get("transposed") or "groups" not in params:
        return NotImplemented
    size = _size(xs, here)
    x, w = _everywhere(x, here[0], size), _everywhere(w, here[1], size)
    images, channels = x.shape[1:3]
    filters = w.shape[1]
    beside = x.transpose(0, 1).reshape(images, size * channels, *x.shape[3:])
    if b is not None:
        b = _everywhere(b, here[2], size).reshape(size * filters)
    grouped = params | {"groups": size * params["groups"]}
    y = op.apply(beside, w.reshape(size * filters, *w.shape[2:]), b, **grouped)
    return y.reshape(images, size, filters, *y.shape[2:]).transpose(0, 1)


def image_wise(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """The batch becomes images."""
    if any(here[1:]) or not here[0] or ndims[0] < 2:
        return NotImplemented
    x = xs[0]
    size, images = x.shape[:2]
    result = op.apply(x.reshape(size * images, *x.shape[2:]), *xs[1:], **params)
    if isinstance(result, tuple):
        return tuple([y.reshape(size, images, *y.shape[1:]) for y in result])
    return result.reshape(size, images, *result.shape[1:])


def last_dimensions(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """The operator looks at the last dimensions only."""
    if any(here[1:]):
        return NotImplemented
    return op.apply(*xs, **params)


def looked_up(op: Any, xs: list[Any], here: list[bool], ndims: list[int], params: Any) -> Any:
    """One table for all samples."""
    return NotImplemented if here[0] else op.apply(*xs, **params)


_RULES: dict[str, Rule] = {
    **dict.fromkeys(
        (
            "Abs", "Add", "Angle", "Atan2", "Cast", "Ceil", "Clamp", "Compare", "Complex",
            "Conj", "Copysign", "Div", "DivRounded", "ELU", "Eq", "Extremum", "Fmax", "Fmin",
            "FloorDivide", "Frac", "GELU", "Hypot", "Imag", "LeakyReLU", "Lerp", "LogAddExp",
            "LogSigmoid", "Logic", "Logit", "MaskedFill", "Maximum", "Minimum", "Mul", "Ne", "Neg",
            "NumberExtremum", "Pow", "PowNumber", "ReLU", "Real", "Remainder", "SiLU", "Sgn",
            "Sigmoid", "Sign", "Softplus", "Step", "Sub", "Tanh", "Test", "Unary",
            "UnaryFromOutput", "Where", "XLogY",
        ),
        elementwise,
    ),
    **dict.fromkeys(
        (
            "Amax", "Amin", "ArgExtremum", "Cumprod", "Cumsum", "CumulativeExtremum", "Diagonal",
            "ExtremumAlong", "Flip", "LogSoftmax", "LogSumExp", "Logcumsumexp", "Mean", "NanSum",
            "Prod", "Softmax", "Split", "Squeeze", "Std", "Sum", "Transpose", "Unsqueeze", "Unbind",
            "Var", "VectorNorm",
        ),
        along_axes,
    ),
    **dict.fromkeys(("BroadcastTo", "Expand"), broadcast),
    **dict.fromkeys(("Reshape", "View"), to_shape),
    **dict.fromkeys(("Cat", "Stack"), joined),
    **dict.fromkeys(("AdaptiveAvgPool", "AvgPool", "GroupNorm", "MaxPool"), image_wise),
    "Clone": copied,
    "Conv": conv,
    "Embedding": looked_up,
    "Gather": gathered,
    "LayerNorm": last_dimensions,
    "Linear": linear,
    "MatMul": matmul,
    "Permute": permute,
    "RMSNorm": last_dimensions,
    "Slice": basic_index,
}  # fmt: skip

# Public functions that compute with operators only, looking at nothing but shapes and dtypes of
# their arguments: under vmap they run as they are. All others are called sample by sample.
TRANSPARENT = frozenset("""
    __abs__ __add__ __and__ __eq__ __ge__ __gt__ __invert__ __le__ __lt__ __matmul__ __mod__ __mul__
    __ne__ __neg__ __or__ __pow__ __radd__ __rmatmul__ __rmul__ __rpow__ __rsub__ __rtruediv__
    __sub__ __truediv__ __xor__ rsub radd rmul rtruediv rpow truediv matmul mod and or xor invert
    abs absolute acos acosh add addcdiv addcmul addmm addmv all amax amin angle any
    arccos arccosh arcsin arcsinh arctan arctanh argmax argmin asin asinh atan atan2 atanh
    adaptive_avg_pool1d adaptive_avg_pool2d avg_pool1d avg_pool2d avg_pool3d
    baddbmm bmm broadcast_to cat ceil celu chunk clamp clamp_max clamp_min clip clone
    concat concatenate conj contiguous conv1d conv2d conv3d copysign cos cosh cosine_similarity
    cummax cummin cumprod cumsum diagonal digamma div divide dot double elu embedding eq erf erfc
    erfinv exp exp2 expand expand_as expm1 flatten flip float floor floor_divide fmax fmin fmod frac
    gather ge gelu glu group_norm gt half hardswish hstack hypot
    imag isfinite isinf isnan layer_norm ldexp le leaky_relu lerp lgamma linear log log10 log1p
    log2 log_softmax logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit
    logsigmoid logsumexp lt mT masked_fill matmul max max_pool1d max_pool2d maximum mean min
    minimum mish mm movedim moveaxis mse_loss mul multiply mv narrow ne neg negative norm
    outer permute positive pow prod ravel reciprocal relu remainder reshape
    reshape_as rms_norm round rsqrt select selu sigmoid sign signbit silu sin sinc sinh
    smooth_l1_loss huber_loss l1_loss softmax softmin softplus softsign split sqrt
    square squeeze stack
    std std_mean sub subtract sum swapaxes swapdims t tan tanh tanhshrink tile transpose
    true_divide trunc type_as unbind unflatten unsqueeze upsample var var_mean vdot vector_norm view
    view_as vstack where xlogy
""".split())  # fmt: skip

# Functions of each element of one tensor that do look at its values: they run on the whole batch.
OF_ELEMENTS = frozenset("hardshrink hardsigmoid hardtanh relu6 softshrink threshold".split())
