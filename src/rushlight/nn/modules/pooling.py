"""Pooling layers: maxima, means and p-norms over windows, fixed and adaptive, and max-unpooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..._tensor import Tensor
from .. import functional as F
from .module import Module


def _tuple(value: Any, count: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, Sequence) else (value,) * count


class _MaxPoolNd(Module):
    """What the max-pools share: options, and `function`, which does the work."""

    function: Callable[..., Any]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Return the maximum of each window, with their positions if asked for."""
        return type(self).function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self) -> str:
        """Describe the layer."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """Maxima over windows of signals (N, C, L); the arguments are those of `MaxPool2d`."""

    function = F.max_pool1d


class MaxPool2d(_MaxPoolNd):
    """Maxima over windows of images; see `nn.functional.max_pool2d` for the sizes.

    Args:
        kernel_size: size of the window.
        stride: step of the window (default: its size).
        padding: border of -inf on both sides.
        dilation: distance between the elements of a window.
        return_indices: also return where the maxima are, for `MaxUnpool2d`.
        ceil_mode: let a last window run over the end.

    Example:
        >>> rushlight.nn.MaxPool2d(2)(rushlight.zeros(1, 3, 8, 8)).shape
        torch.Size([1, 3, 4, 4])
    """

    function = F.max_pool2d


class MaxPool3d(_MaxPoolNd):
    """Maxima over windows of volumes (N, C, D, H, W); the arguments are those of `MaxPool2d`."""

    function = F.max_pool3d


class _MaxUnpoolNd(Module):
    """What the unpooling layers share."""

    spatial: int
    function: Callable[..., Tensor]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0):
        super().__init__()
        n = self.spatial
        self.kernel_size = _tuple(kernel_size, n)
        self.stride = _tuple(kernel_size if stride is None else stride, n)
        self.padding = _tuple(padding, n)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """Return zeros with the maxima put back where they were."""
        return type(self).function(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts the maxima of `MaxPool1d` back where they were; arguments as for `MaxUnpool2d`."""

    spatial = 1
    function = F.max_unpool1d


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts the maxima of `MaxPool2d` back where they were; zeros elsewhere.

    Args:
        kernel_size: size of the window.
        stride: step of the window (default: its size).
        padding: what was padded when pooling.
    """

    spatial = 2
    function = F.max_unpool2d


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts the maxima of `MaxPool3d` back where they were; arguments as for `MaxUnpool2d`."""

    spatial = 3
    function = F.max_unpool3d


class AvgPool1d(Module):
    """Means over windows of signals (N, C, L).

    Args:
        kernel_size: size of the window.
        stride: step of the window (default: its size).
        padding: border of zeros on both sides.
        ceil_mode: let a last window run over the end.
        count_include_pad: count padding among the elements of a window.
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        super().__init__()
        self.kernel_size = _tuple(kernel_size, 1)
        self.stride = _tuple(kernel_size if stride is None else stride, 1)
        self.padding = _tuple(padding, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of each window."""
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    """What the means over images and volumes share."""

    function: Callable[..., Tensor]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of each window."""
        return type(self).function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """Means over windows of images; see `nn.functional.avg_pool2d` for the sizes.

    Args:
        kernel_size: size of the window.
        stride: step of the window (default: its size).
        padding: border of zeros on both sides.
        ceil_mode: let a last window run over the end.
        count_include_pad: count padding among the elements of a window.
        divisor_override: divide by this instead of the number of elements.
    """

    function = F.avg_pool2d


class AvgPool3d(_AvgPoolNd):
    """Means over windows of volumes (N, C, D, H, W); the arguments are those of `AvgPool2d`."""

    function = F.avg_pool3d


class _LPPoolNd(Module):
    """What the p-norm pools share."""

    function: Callable[..., Tensor]

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ):
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = (
            norm_type,
            kernel_size,
            stride,
            ceil_mode,
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the p-norm of each window."""
        return type(self).function(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """Describe the layer."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """p-norms over windows of signals (N, C, L); the arguments are those of `LPPool2d`."""

    function = F.lp_pool1d


class LPPool2d(_LPPoolNd):
    """(sum x^p)^(1/p) over windows of images.

    Args:
        norm_type: p.
        kernel_size: size of the window.
        stride: step of the window (default: its size).
        ceil_mode: let a last window run over the end.
    """

    function = F.lp_pool2d


class LPPool3d(_LPPoolNd):
    """p-norms over windows of volumes (N, C, D, H, W); the arguments are those of `LPPool2d`."""

    function = F.lp_pool3d


class _AdaptivePoolNd(Module):
    """What the adaptive pools share."""

    function: Callable[..., Any]

    def __init__(self, output_size: Any):
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of each window."""
        return type(self).function(input, self.output_size)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePoolNd):
    """Means over windows chosen so that signals get a given length.

    Args:
        output_size: the length.
    """

    function = F.adaptive_avg_pool1d


class AdaptiveAvgPool2d(_AdaptivePoolNd):
    """Means over windows chosen so that images get a given size.

    Args:
        output_size: one int or two; None keeps the input's size on that axis.

    Example:
        >>> rushlight.nn.AdaptiveAvgPool2d(1)(rushlight.zeros(2, 8, 7, 7)).shape
        torch.Size([2, 8, 1, 1])
    """

    function = F.adaptive_avg_pool2d


class AdaptiveAvgPool3d(_AdaptivePoolNd):
    """Means over windows chosen so that volumes get a given size; see `AdaptiveAvgPool2d`."""

    function = F.adaptive_avg_pool3d


class _AdaptiveMaxPoolNd(_AdaptivePoolNd):
    def __init__(self, output_size: Any, return_indices: bool = False):
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Return the maximum of each window, with their positions if asked for."""
        return type(self).function(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima over windows chosen so that signals get a given length; see `AdaptiveMaxPool2d`."""

    function = F.adaptive_max_pool1d


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima over windows chosen so that images get a given size.

    Args:
        output_size: one int or two; None keeps the input's size on that axis.
        return_indices: also return where the maxima are.
    """

    function = F.adaptive_max_pool2d


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima over windows chosen so that volumes get a given size; see `AdaptiveMaxPool2d`."""

    function = F.adaptive_max_pool3d


class _FractionalMaxPoolNd(Module):
    spatial: int
    function: Any

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name = f"FractionalMaxPool{self.spatial}d"
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        self.kernel_size = self._each(kernel_size)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else self._each(output_size)
        self.output_ratio = None if output_ratio is None else self._each(output_ratio)
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def _each(self, value: Any) -> tuple[Any, ...]:
        return tuple(value) if isinstance(value, (tuple, list)) else (value,) * self.spatial

    def forward(self, input: Tensor) -> Any:
        """Return the maxima, and where they are if `return_indices`."""
        return type(self).function(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maxima over windows of images at random, roughly even distances.

    Args:
        kernel_size: size of the window.
        output_size: how many windows there are in each direction.
        output_ratio: that number as a fraction of the input's size.
        return_indices: also return where the maxima are, for `MaxUnpool2d`.

    Example:
        >>> pool = rushlight.nn.FractionalMaxPool2d(3, output_size=(13, 12))
        >>> pool(rushlight.zeros(1, 2, 50, 32)).shape
        torch.Size([1, 2, 13, 12])
    """

    spatial = 2
    function = F.fractional_max_pool2d


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Maxima over windows of volumes; the arguments are those of `FractionalMaxPool2d`."""

    spatial = 3
    function = F.fractional_max_pool3d
