"""The C++ Conv+ReLU as a registered operator: schema, gradient, shapes, and a check of all three.

python examples/custom_operator/registered.py
"""

from __future__ import annotations

from conv_relu import conv_relu_cpp

import rushlight
import rushlight.nn.functional as F
from rushlight import Tensor
from rushlight.library import custom_op, opcheck

kernel = conv_relu_cpp()


@custom_op("example::conv_relu", mutates_args=())
def conv_relu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """ReLU of a 3x3 convolution of one channel with padding 1."""
    return kernel(x.detach().contiguous(), weight.detach(), bias.detach())


@conv_relu.register_fake
def _(x, weight, bias):
    return rushlight.empty_like(x)


def setup_context(ctx, inputs, output):
    ctx.save_for_backward(*inputs, output)


def backward(ctx, grad):
    x, weight, _, y = ctx.saved_tensors
    grad = grad * (y > 0)
    gx = rushlight.nn.grad.conv2d_input(x.shape, weight, grad, padding=1)
    gw = rushlight.nn.grad.conv2d_weight(x, weight.shape, grad, padding=1)
    return gx, gw, grad.sum((0, 2, 3))


conv_relu.register_autograd(backward, setup_context=setup_context)


def main() -> None:
    rushlight.manual_seed(0)
    x = rushlight.randn(4, 1, 8, 8, requires_grad=True)
    conv = rushlight.nn.Conv2d(1, 1, 3, padding=1)
    operator = rushlight.ops.example.conv_relu
    print(operator.default._schema)
    for name, outcome in opcheck(operator, (x, conv.weight, conv.bias)).items():
        print(f"  {name:<28}{outcome}")

    y = operator(x, conv.weight, conv.bias)
    difference = (y - F.relu(conv(x))).abs().max().item()
    (gx,) = rushlight.autograd.grad(y.sum(), x)
    (expected,) = rushlight.autograd.grad(F.relu(conv(x)).sum(), x)
    print(f"difference from F.relu(conv(x)) {difference:.1e}")
    print(f"difference of gradients         {(gx - expected).abs().max().item():.1e}")
    batches = rushlight.vmap(lambda images: operator(images, conv.weight, conv.bias))
    print(f"under vmap                      {tuple(batches(rushlight.randn(2, 4, 1, 8, 8)).shape)}")

    try:
        operator(x, conv.weight, 0.5)
    except RuntimeError as error:
        print(f"\na number for a tensor: {str(error).splitlines()[0]}")


if __name__ == "__main__":
    main()
