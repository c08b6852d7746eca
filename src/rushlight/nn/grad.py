"""The gradients of convolutions as functions of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._tensor import Tensor
from ..ops.conv import ConvGradInput, ConvGradWeight


def _options(spatial: int, stride: Any, padding: Any, dilation: Any, groups: int) -> dict[str, Any]:
    def each(value: Any) -> tuple[int, ...]:
        return (value,) * spatial if isinstance(value, int) else tuple(value)

    return {
        "stride": each(stride),
        "padding": each(padding),
        "dilation": each(dilation),
        "groups": groups,
    }


def _check(name: str, spatial: int, **tensors: Tensor) -> None:
    for label, t in tensors.items():
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}: expected {label} to be a Tensor, got {type(t).__name__}")
        if t.ndim != spatial + 2:
            raise RuntimeError(
                f"{name}: expected {label} with {spatial + 2} dimensions, got {list(t.shape)}"
            )


def _check_sizes(
    name: str, input_size: Any, weight_size: Any, grad_output: Tensor, options: Any
) -> None:
    """Compare the upstream gradient's shape with the convolution's output."""
    windows = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(
            input_size[2:],
            weight_size[2:],
            options["stride"],
            options["padding"],
            options["dilation"],
            strict=True,
        )
    ]
    expected = (input_size[0], weight_size[0], *windows)
    channels = weight_size[1] * options["groups"]
    if tuple(grad_output.shape) != expected or channels != input_size[1]:
        raise RuntimeError(
            f"{name}: expected grad_output {expected} for input {tuple(input_size)} and weight "
            f"{tuple(weight_size)}, got {tuple(grad_output.shape)}"
        )


def _grad_input(
    spatial: int,
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    name = f"conv{spatial}d_input"
    if input_size is None:
        raise ValueError(f"{name}: grad.{name} requires specifying an input_size")
    options = _options(spatial, stride, padding, dilation, groups)
    _check(name, spatial, weight=weight, grad_output=grad_output)
    shape = tuple(int(n) for n in input_size)
    _check_sizes(name, shape, weight.shape, grad_output, options)
    return ConvGradInput.apply(grad_output, weight, input_shape=shape, **options)


def _grad_weight(
    spatial: int,
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    name = f"conv{spatial}d_weight"
    options = _options(spatial, stride, padding, dilation, groups)
    _check(name, spatial, input=input, grad_output=grad_output)
    shape = tuple(int(n) for n in weight_size)
    _check_sizes(name, input.shape, shape, grad_output, options)
    return ConvGradWeight.apply(grad_output, input, weight_shape=shape, **options)


def conv1d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of `conv1d` by its input; see `conv2d_input`."""
    return _grad_input(1, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of `conv1d` by its weight; see `conv2d_weight`."""
    return _grad_weight(1, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv2d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of `conv2d` by its input.

    Args:
        input_size: shape of the input.
        weight: the filters.
        grad_output: the gradient by the output.
        stride: as given to the convolution.
        padding: as given to the convolution.
        dilation: as given to the convolution.
        groups: as given to the convolution.

    Example:
        >>> w, g = rushlight.ones(1, 1, 2, 2), rushlight.ones(1, 1, 1, 1)
        >>> rushlight.nn.grad.conv2d_input((1, 1, 2, 2), w, g)
        tensor([[[[1., 1.],
                  [1., 1.]]]])
    """
    return _grad_input(2, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of `conv2d` by its weight.

    Args:
        input: the images.
        weight_size: shape of the weight.
        grad_output: the gradient by the output.
        stride: as given to the convolution.
        padding: as given to the convolution.
        dilation: as given to the convolution.
        groups: as given to the convolution.
    """
    return _grad_weight(2, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of `conv3d` by its input; see `conv2d_input`."""
    return _grad_input(3, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of `conv3d` by its weight; see `conv2d_weight`."""
    return _grad_weight(3, input, weight_size, grad_output, stride, padding, dilation, groups)
