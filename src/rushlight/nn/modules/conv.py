"""Convolution layers in one, two and three dimensions, and transposed convolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..._tensor import Tensor
from ...ops.creation import empty
from .. import functional as F, init
from ..parameter import Parameter, UninitializedParameter
from .lazy import LazyModuleMixin
from .module import Module

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _tuple(value: Any, count: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, Sequence) else (value,) * count


class _ConvNd(Module):
    """What all convolutions share: options, parameters and their initialisation."""

    spatial: int
    transposed = False
    function: Callable[..., Tensor]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any,
        dilation: Any, output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any,
        dtype: Any,
    ):  # fmt: skip
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        n = self.spatial
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (
            _tuple(kernel_size, n),
            _tuple(stride, n),
            _tuple(dilation, n),
        )
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}"
                )
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
            self.padding: Any = padding
        else:
            self.padding = _tuple(padding, n)
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {set(_PADDING_MODES)}, but got "
                f"padding_mode='{padding_mode}'"
            )
        self.output_padding, self.padding_mode = _tuple(output_padding, n), padding_mode
        shape = self._weight_shape()
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        if self.transposed:
            return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw weight and bias from U(-k, k), k = 1 / sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def _pad_widths(self) -> list[int]:
        """Return (before, after) from the last axis on, for padding modes other than zeros."""
        if self.padding == "valid":
            return [0, 0] * self.spatial
        widths: list[int] = []
        for axis in reversed(range(self.spatial)):
            if self.padding == "same":
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                widths += [total // 2, total - total // 2]
            else:
                widths += [self.padding[axis]] * 2
        return widths

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._pad_widths(), mode=self.padding_mode)
            padding = 0
        return type(self).function(
            input, weight, bias, self.stride, padding, self.dilation, self.groups
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of the input with the weight."""
        return self._conv_forward(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Describe the layer, leaving out what has its default value."""
        n = self.spatial
        parts = [
            str(self.in_channels),
            str(self.out_channels),
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        if self.padding != (0,) * n:
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * n:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != (0,) * n:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Conv(_ConvNd):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
        padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ):  # fmt: skip
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )


class Conv1d(_Conv):
    """Convolution of signals (N, C, L); the arguments are those of `Conv2d`."""

    spatial = 1
    function = F.conv1d


class Conv2d(_Conv):
    """Convolution of images; see `nn.functional.conv2d` for the formula.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: size of the filters.
        stride: step of the window.
        padding: border on both sides, or "same" or "valid".
        dilation: distance between the elements of a filter.
        groups: number of groups of channels that are convolved apart.
        bias: whether a learned number is added to each output channel.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        device: where the parameters are.
        dtype: dtype of the parameters.

    Shape:
        input (N, C, H, W) or (C, H, W); result (N, O, OH, OW) with
        OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1.

    Example:
        >>> rushlight.nn.Conv2d(1, 6, 5)(rushlight.ones(2, 1, 28, 28)).shape
        torch.Size([2, 6, 24, 24])
    """

    spatial = 2
    function = F.conv2d


class Conv3d(_Conv):
    """Convolution of volumes (N, C, D, H, W); the arguments are those of `Conv2d`."""

    spatial = 3
    function = F.conv3d


class _ConvTransposeNd(_ConvNd):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
        padding: Any = 0, output_padding: Any = 0, groups: int = 1, bias: bool = True,
        dilation: Any = 1, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ):  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def _output_padding(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """Return the output padding that leads to a wanted size."""
        if output_size is None:
            return self.output_padding
        n = self.spatial
        wanted = list(output_size)
        if len(wanted) == input.ndim:
            wanted = wanted[-n:]
        if len(wanted) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.ndim}D input, output_size must have {n} or "
                f"{input.ndim} elements (got {len(output_size)})"
            )
        extra = []
        for axis, target in enumerate(wanted):
            size = input.array.shape[axis - n]
            least = (
                (size - 1) * self.stride[axis]
                - 2 * self.padding[axis]
                + self.dilation[axis] * (self.kernel_size[axis] - 1)
                + 1
            )
            if not least <= target < least + self.stride[axis]:
                raise ValueError(
                    f"requested an output size of {wanted}, but valid sizes range from {least} to "
                    f"{least + self.stride[axis] - 1} (for an input of "
                    f"{list(input.array.shape[-n:])})"
                )
            extra.append(target - least)
        return tuple(extra)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Return the transposed convolution, of `output_size` where several sizes are possible."""
        extra = self._output_padding(input, output_size)
        return type(self).function(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution of signals; the arguments are those of `ConvTranspose2d`."""

    spatial = 1
    function = F.conv_transpose1d


class ConvTranspose2d(_ConvTransposeNd):
    """The transposed map of `Conv2d`, often used to enlarge images.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: size of the filters.
        stride: step of the window in the output.
        padding: rows and columns cut from each side of the output.
        output_padding: extra rows and columns at the end.
        groups: number of groups of channels that are convolved apart.
        bias: whether a learned number is added to each output channel.
        dilation: distance between the elements of a filter.
        padding_mode: "zeros" only.
        device: where the parameters are.
        dtype: dtype of the parameters.
    """

    spatial = 2
    function = F.conv_transpose2d


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of volumes; the arguments are those of `ConvTranspose2d`."""

    spatial = 3
    function = F.conv_transpose3d


class _LazyConv(LazyModuleMixin, _ConvNd):
    """A convolution without the argument `in_channels`, which it learns from its first input."""

    weight: UninitializedParameter
    bias: UninitializedParameter

    def __init__(self, out_channels: int, kernel_size: Any, *args: Any, **kwargs: Any):
        # The parameters' shapes need `in_channels`: it starts with as many as there are groups.
        names = _ARGUMENTS[issubclass(type(self), _ConvTransposeNd)]
        options = {**dict(zip(names, args, strict=False)), **kwargs}
        bias = options.pop("bias", True)
        groups = options.get("groups", 1)
        super().__init__(groups, groups, kernel_size, bias=False, **options)
        self.in_channels, self.out_channels = 0, out_channels
        made: dict[str, Any] = {name: options.get(name) for name in ("device", "dtype")}
        self.weight = UninitializedParameter(**made)
        if bias:
            self.bias = UninitializedParameter(**made)

    def reset_parameters(self) -> None:
        """Initialise the parameters once their shape is known."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes, from the first input."""
        if not self.has_uninitialized_params():
            return
        n = self.spatial
        if input.ndim not in (n + 1, n + 2):
            raise RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        self.in_channels = input.array.shape[-n - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        self.weight.materialize(self._weight_shape())
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


_ARGUMENTS = {
    False: ("stride", "padding", "dilation", "groups", "bias", "padding_mode", "device", "dtype"),
    True: (
        "stride",
        "padding",
        "output_padding",
        "groups",
        "bias",
        "dilation",
        "padding_mode",
        "device",
        "dtype",
    ),
}


class LazyConv1d(_LazyConv, Conv1d):
    """A Conv1d that learns `in_channels` from its first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A Conv2d that learns `in_channels` from its first input."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A Conv3d that learns `in_channels` from its first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConv, ConvTranspose1d):
    """A ConvTranspose1d that learns `in_channels` from its first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConv, ConvTranspose2d):
    """A ConvTranspose2d that learns `in_channels` from its first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConv, ConvTranspose3d):
    """A ConvTranspose3d that learns `in_channels` from its first input."""

    cls_to_become = ConvTranspose3d
