"""Convolution in one, two and three dimensions, transposed convolution, and their gradients.

The three maps (output from input and weight, input from output and weight, weight from output and
input) are each other's gradients, so three operators are closed under differentiation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._tensor import Tensor
from .._typing import Array, IntOrPair, Shape
from ..autograd.node import Op
from ..backend.memory_format import is_channels_last
from ..kernels import conv as K
from ._arguments import per_axis
from ._autocast import is_on
from ._export import export
from ._operands import not_a_tensor
from .casts import to_format

Sizes = tuple[int, ...]


class Conv(Op):
    """y = b + w * x (cross-correlation).

    dx, dw by the operators below, db = sum of g over N and space.
    """

    label = "Convolution"
    autocast = "lower"

    def forward(ctx, x: Array, w: Array, b: Array | None, **options: Any) -> Array:
        ctx.save(x, w)
        ctx.options = options
        return K.conv(x, w, b, **options)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w = ctx.saved_tensors
        to_x, to_w, to_b = ctx.edges
        # The gradients' format is that of the result, whatever g has.
        g = to_format(g, is_channels_last(x.array) or is_channels_last(w.array))
        return (
            ConvGradInput.apply(g, conj(w), input_shape=x.array.shape, **ctx.options)
            if to_x
            else None,
            ConvGradWeight.apply(g, conj(x), weight_shape=w.array.shape, **ctx.options)
            if to_w
            else None,
            ConvGradBias.apply(g) if to_b else None,
        )


class ConvGradInput(Op):
    """gx of Conv, linear in g and in w; also the transposed convolution of g."""

    label = "ConvolutionBackward"
    autocast = "lower"

    def forward(ctx, g: Array, w: Array, *, input_shape: Shape, **options: Any) -> Array:
        ctx.save(g, w)
        ctx.options = options
        return K.conv_grad_input(g, w, input_shape=input_shape, **options)

    def backward(ctx, gg: Tensor) -> tuple[Tensor | None, ...]:
        g, w = ctx.saved_tensors
        to_g, to_w = ctx.edges
        gg = to_format(gg, is_channels_last(g.array) or is_channels_last(w.array))
        return (
            _cropped(Conv.apply(gg, conj(w), None, **ctx.options), g) if to_g else None,
            ConvGradWeight.apply(conj(g), gg, weight_shape=w.array.shape, **ctx.options)
            if to_w
            else None,
        )


class ConvGradWeight(Op):
    """gw of Conv, linear in g and in x."""

    label = "ConvolutionBackward"

    def forward(ctx, g: Array, x: Array, *, weight_shape: Shape, **options: Any) -> Array:
        ctx.save(g, x)
        ctx.options = options
        return K.conv_grad_weight(g, x, weight_shape=weight_shape, **options)

    def backward(ctx, ggw: Tensor) -> tuple[Tensor | None, ...]:
        g, x = ctx.saved_tensors
        to_g, to_x = ctx.edges
        return (
            _cropped(Conv.apply(conj(x), ggw, None, **ctx.options), g) if to_g else None,
            ConvGradInput.apply(conj(g), ggw, input_shape=x.array.shape, **ctx.options)
            if to_x
            else None,
        )


class ConvGradBias(Op):
    """gb = sum of g over all axes but the channels.  dg = gg, broadcast."""

    label = "Sum"

    def forward(ctx, g: Array) -> Array:
        ctx.shape = g.shape
        return K.conv_grad_bias(g)

    def backward(ctx, gg: Tensor) -> Tensor:
        spatial = len(ctx.shape) - 2
        return gg.reshape(1, -1, *(1,) * spatial).expand(ctx.shape)


def _cropped(y: Tensor, like: Tensor) -> Tensor:
    """Cut off windows that only output padding has made room for."""
    if y.array.shape == like.array.shape:
        return y
    return y[tuple(slice(0, n) for n in like.array.shape)]


def conj(x: Tensor) -> Tensor:
    """Return the complex conjugate; a real tensor unchanged."""
    return x.conj() if x.dtype.is_complex else x


def _sizes(name: str, what: str, value: Any, spatial: int) -> Sizes:
    """Turn an int or a sequence into one int for each spatial axis."""
    sizes = per_axis(value, spatial)
    if len(sizes) != spatial:
        raise RuntimeError(
            f"{name}: expected {what} to be a single integer value or a list of {spatial} values "
            f"to match the convolution dimensions, but got {what}={list(sizes)}"
        )
    return sizes


def _check(
    name: str,
    x: Any,
    w: Any,
    b: Any,
    spatial: int,
    channels_in: int,
    groups: int,
    channels_out: int,
) -> None:
    for position, (label, t) in enumerate((("input", x), ("weight", w)), start=1):
        if not isinstance(t, Tensor):
            raise not_a_tensor(name, t, label, position)
    x_shape, w_shape = x.array.shape, w.array.shape
    if len(x_shape) not in (spatial + 1, spatial + 2):
        raise RuntimeError(
            f"Expected {spatial + 1}D (unbatched) or {spatial + 2}D (batched) input to {name}, "
            f"but got input of size: {list(x_shape)}"
        )
    if len(w_shape) != spatial + 2:
        raise RuntimeError(
            f"{name}: expected weight with {spatial + 2} dimensions, but got weight of size "
            f"{list(w_shape)}"
        )
    if groups <= 0:
        raise RuntimeError(f"{name}: non-positive groups is not supported")
    if x.array.dtype != w.array.dtype and not is_on(x):
        raise RuntimeError(
            f"{name}: expected input and weight of one dtype: Input type ({x.dtype}) and weight "
            f"type ({w.dtype}) should be the same"
        )
    if b is not None:
        if b.array.dtype != x.array.dtype and not is_on(x):
            raise RuntimeError(
                f"{name}: Input type ({x.dtype}) and bias type ({b.dtype}) should be the same"
            )
        if b.array.shape != (channels_out,):
            raise RuntimeError(
                f"Given weight of size {list(w_shape)}, expected bias to be 1-dimensional with "
                f"{channels_out} elements, but got bias of size {list(b.array.shape)} instead"
            )
    found = x_shape[-spatial - 1]
    if found != channels_in:
        raise RuntimeError(
            f"{name}: Given groups={groups}, weight of size {list(w_shape)}, expected "
            f"input{list(x_shape)} to have {channels_in} channels, but got "
            f"{found} channels instead"
        )


def _check_options(name: str, stride: Sizes, padding: Sizes, dilation: Sizes) -> None:
    if any(s <= 0 for s in stride):
        raise RuntimeError(f"{name}: non-positive stride is not supported, got {list(stride)}")
    if any(p < 0 for p in padding):
        raise RuntimeError(f"{name}: negative padding is not supported, got {list(padding)}")
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"{name}: dilation should be greater than zero, got {list(dilation)}")


def _same_padding(x: Tensor, w: Tensor, dilation: Sizes) -> tuple[Tensor, Sizes]:
    """Return the padding that keeps the size; an odd remainder is padded onto the input's end."""
    totals = [d * (k - 1) for d, k in zip(dilation, w.array.shape[2:], strict=True)]
    if any(t % 2 for t in totals):
        from .padding import pad

        widths: list[int] = []
        for total in reversed(totals):
            widths += [0, total % 2]
        x = pad(x, widths)
    return x, tuple(t // 2 for t in totals)


def _conv(
    name: str,
    spatial: int,
    x: Any,
    w: Any,
    b: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    channels_out = w.array.shape[0] if isinstance(w, Tensor) and w.array.ndim else 0
    channels_in = w.array.shape[1] * groups if isinstance(w, Tensor) and w.array.ndim > 1 else 0
    _check(name, x, w, b, spatial, channels_in, groups, channels_out)
    if channels_out % groups:
        raise RuntimeError(
            f"{name}: expected weight.shape[0] to be divisible by groups={groups}, got weight of "
            f"size {list(w.shape)}"
        )
    stride = _sizes(name, "stride", stride, spatial)
    dilation = _sizes(name, "dilation", dilation, spatial)
    if isinstance(padding, str):
        if padding == "same":
            if any(s != 1 for s in stride):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
            x, padding = _same_padding(x, w, dilation)
        elif padding == "valid":
            padding = (0,) * spatial
        else:
            raise RuntimeError(f"Invalid padding string: '{padding}'")
    else:
        padding = _sizes(name, "padding", padding, spatial)
    _check_options(name, stride, padding, dilation)
    sizes, kernel = x.array.shape[-spatial:], w.array.shape[2:]
    padded = [n + 2 * p for n, p in zip(sizes, padding, strict=True)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    if any(r > n for r, n in zip(reach, padded, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel "
            f"size: ({' x '.join(map(str, reach))}). Kernel size can't be greater "
            "than actual input size"
        )
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if x.array.ndim == spatial + 1:
        return Conv.apply(x.unsqueeze(0), w, b, **options).squeeze(0)
    return Conv.apply(x, w, b, **options)


def _conv_transpose(
    name: str,
    spatial: int,
    x: Any,
    w: Any,
    b: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    channels_out = w.array.shape[1] * groups if isinstance(w, Tensor) and w.array.ndim > 1 else 0
    channels_in = w.array.shape[0] if isinstance(w, Tensor) and w.array.ndim else 0
    _check(name, x, w, b, spatial, channels_in, groups, channels_out)
    if channels_in % groups:
        raise RuntimeError(
            f"{name}: expected weight.shape[0] to be divisible by groups={groups}, got "
            f"{channels_in}"
        )
    stride = _sizes(name, "stride", stride, spatial)
    padding = _sizes(name, "padding", padding, spatial)
    extra = _sizes(name, "output_padding", output_padding, spatial)
    dilation = _sizes(name, "dilation", dilation, spatial)
    _check_options(name, stride, padding, dilation)
    for e, s, d in zip(extra, stride, dilation, strict=True):
        if e >= max(s, d) or e < 0:
            raise RuntimeError(
                "output padding must be smaller than either stride or dilation, but got "
                f"output_padding: {list(extra)} stride: {list(stride)} dilation: {list(dilation)}"
            )
    unbatched = x.array.ndim == spatial + 1
    if unbatched:
        x = x.unsqueeze(0)
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(
            x.array.shape[2:], stride, padding, dilation, w.array.shape[2:], extra, strict=True
        )
    )
    if any(n <= 0 for n in size):
        raise RuntimeError(
            f"Given input size per channel: ({' x '.join(map(str, x.array.shape[2:]))}). "
            f"Calculated output size per channel: ({' x '.join(map(str, size))}). "
            "Output size is too small"
        )
    y = ConvGradInput.apply(
        x, w, input_shape=(x.array.shape[0], channels_out, *size),
        stride=stride, padding=padding, dilation=dilation, groups=groups,
    )  # fmt: skip
    if b is not None:
        y = to_format(y + b.reshape(-1, *(1,) * spatial), is_channels_last(y.array))
    return y.squeeze(0) if unbatched else y


@export(functional=True)
def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Convolve signals with filters; see `conv2d`.

    Shape:
        input (N, C, L) or (C, L), weight (O, C / groups, K), bias (O); result (N, O, OL).

    Example:
        >>> rushlight.conv1d(rushlight.ones(1, 1, 4), rushlight.ones(1, 1, 3))
        tensor([[[3., 3.]]])
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@export(functional=True)
def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: IntOrPair = 1,
    padding: IntOrPair | str = 0, dilation: IntOrPair = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Convolve images with filters.

    y[n, o, p, q] = b[o] + sum over c, i, j of
        w[o, c, i, j] x[n, c, p s - pad + i d, q s - pad + j d]

    Args:
        input: the images.
        weight: the filters.
        bias: added to each output channel.
        stride: step of the window, one int or one for each axis.
        padding: zeros added on both sides, or "same" or "valid".
        dilation: distance between the elements of a filter.
        groups: number of groups of channels that are convolved apart.

    Shape:
        input (N, C, H, W) or (C, H, W), weight (O, C / groups, KH, KW), bias (O);
        result (N, O, OH, OW) with OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1.

    Raises:
        RuntimeError: shapes, dtypes or options do not fit together.

    Example:
        >>> rushlight.conv2d(rushlight.ones(1, 1, 3, 3), rushlight.ones(1, 1, 2, 2))
        tensor([[[[4., 4.],
                  [4., 4.]]]])
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@export(functional=True)
def conv3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Convolve volumes with filters; see `conv2d`.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, KD, KH, KW);
        result (N, O, OD, OH, OW).
    """
    return _conv("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


@export(functional=True)
def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0, output_padding: int | Sequence[int] = 0, groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:  # fmt: skip
    """Apply the transposed map of `conv1d`; see `conv_transpose2d`."""
    return _conv_transpose(
        "conv_transpose1d",
        1,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


@export(functional=True)
def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: IntOrPair = 1,
    padding: IntOrPair = 0, output_padding: IntOrPair = 0, groups: int = 1, dilation: IntOrPair = 1,
) -> Tensor:  # fmt: skip
    """Apply the transposed map of `conv2d`, which is its gradient by its input.

    Args:
        input: the images.
        weight: the filters.
        bias: added to each output channel.
        stride: step of the window in the output.
        padding: rows and columns cut from each side of the output.
        output_padding: extra rows and columns at the end of the output.
        groups: number of groups of channels that are convolved apart.
        dilation: distance between the elements of a filter.

    Shape:
        input (N, C, H, W), weight (C, O / groups, KH, KW), bias (O); result (N, O, OH, OW) with
        OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1.

    Raises:
        RuntimeError: shapes, dtypes or options do not fit together.
    """
    return _conv_transpose(
        "conv_transpose2d",
        2,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


@export(functional=True)
def conv_transpose3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0, output_padding: int | Sequence[int] = 0, groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:  # fmt: skip
    """Apply the transposed map of `conv3d`; see `conv_transpose2d`."""
    return _conv_transpose(
        "conv_transpose3d",
        3,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


@export(functional=True)
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """Convolve signals whose first dimension is time.

    Args:
        input: the signals.
        weight: the filters.
        bias: added to each output channel.
        pad: zeros added before and after.

    Shape:
        input (T, N, C), weight (K, C, O), bias (O); result (T + 2 pad - K + 1, N, O).

    Raises:
        RuntimeError: shapes do not fit together.

    Example:
        >>> rushlight.conv_tbc(rushlight.ones(4, 1, 1), rushlight.ones(3, 1, 1), rushlight.zeros(1))
        tensor([[[3.]],
        <BLANKLINE>
                [[3.]]])
    """
    x, w, b = input.array.shape, weight.array.shape, bias.array.shape
    if len(x) != 3 or len(w) != 3 or x[2] != w[1] or b != w[2:]:
        raise RuntimeError(
            "conv_tbc: expected input (T, N, C), weight (K, C, O) and bias (O), got "
            f"{x}, {w} and {b}"
        )
    y = conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
    return y.permute(2, 0, 1)
