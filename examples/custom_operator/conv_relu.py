"""A fused Conv+ReLU, built up: Python kernel per pixel, C++, CUDA, Function, Module, networks.

python examples/custom_operator/conv_relu.py                # everything
python examples/custom_operator/conv_relu.py --only dead    # one part: kernels, networks or dead
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import rushlight
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.nn.fused import ConvReLU2d, fuse_modules
from rushlight.utils.cpp_extension import load_inline
from rushlight.vision.datasets import Digits

HERE = Path(__file__).parent


# --- kernels --------------------------------------------------------------------------------------


def conv_relu_kernel_py(i, x, w, b, out, N, H, W):
    """Compute output pixel i: what one GPU thread does."""
    n, pixel = divmod(i, H * W)
    row, column = divmod(pixel, W)
    total = b[0]
    for p in range(3):
        for q in range(3):
            h, v = row + p - 1, column + q - 1
            if 0 <= h < H and 0 <= v < W:
                total = total + x[n, 0, h, v] * w[0, 0, p, q]
    out[n, 0, row, column] = max(total, 0)


def run_kernel(f, times, *args):
    """Call a kernel once for each thread, one after the other."""
    for i in range(times):
        f(i, *args)


def conv_relu_python(x, w, b):
    """Run the Python kernel over a batch."""
    out = rushlight.empty_like(x)
    N, _, H, W = x.shape
    run_kernel(conv_relu_kernel_py, N * H * W, x, w, b, out, N, H, W)
    return out


def conv_relu_cpp():
    """Return the kernel in C++."""
    source = (HERE / "conv_relu.cpp").read_text()
    return load_inline("conv_relu_cpp", [source], functions=["conv_relu"]).conv_relu


def conv_relu_cuda():
    """Return the kernel in CUDA, for the GPU; emulated on the processor where there is none."""
    module = load_inline(
        "conv_relu_cuda",
        cpp_sources=["torch::Tensor conv_relu_cuda(torch::Tensor, torch::Tensor, torch::Tensor);"],
        cuda_sources=[(HERE / "conv_relu.cu").read_text()],
        functions=["conv_relu_cuda"],
        extra_cuda_cflags=["-O2"],
    )
    return module.conv_relu_cuda


def kernel_device() -> str:
    """Return where the tensors of the CUDA kernel live."""
    return "cuda" if rushlight.cuda.is_available() else "cpu"


def measured_kernels(size: int) -> list[tuple[str, float, float]]:
    """Return name, largest difference and nanoseconds for each pixel of every kernel."""
    conv, layer = nn.Conv2d(1, 1, 3, padding=1), ConvReLU2d(1, 1, 3, padding=1)
    layer.load_state_dict(conv.state_dict())
    few, many = rushlight.randn(1, 1, size, size), rushlight.randn(64, 1, 28, 28)
    cuda = "CUDA" if kernel_device() == "cuda" else "CUDA, emulated"
    kernels = {
        "Python, per pixel": (conv_relu_python, few),
        "C++": (conv_relu_cpp(), many),
        cuda: (conv_relu_cuda(), many),
        "F.relu(F.conv2d)": (lambda x, w, b: F.relu(F.conv2d(x, w, b, padding=1)), many),
        "fused.ConvReLU2d": (lambda x, w, b: layer(x), many),
    }
    rows = []
    with rushlight.no_grad():
        for name, (kernel, x) in kernels.items():
            device = kernel_device() if name == cuda else "cpu"
            args = [t.to(device) for t in (x, conv.weight, conv.bias)]
            y, nanoseconds = timed(kernel, args)
            rows.append((name, (y.cpu() - F.relu(conv(x))).abs().max().item(), nanoseconds))
    return rows


def compare_kernels(size: int) -> None:
    print(f"{'kernel':<20}{'difference':>12}{'ns a pixel':>12}")
    for name, difference, nanoseconds in measured_kernels(size):
        print(f"{name:<20}{difference:>12.1e}{nanoseconds:>12.2f}")


def timed(kernel, args) -> tuple:
    """Return a kernel's result and the nanoseconds for each pixel, the best of three."""
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        y = kernel(*args)
        rushlight.cuda.synchronize() if y.is_cuda else None
        best = min(best, time.perf_counter() - start)
    return y, 1e9 * best / y.numel()


# --- the operator, the layer, the networks --------------------------------------------------------


def differentiable(kernel):
    """Make an operator of a kernel: the gradient is that of the convolution, masked by y > 0."""

    class ConvReLU(rushlight.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight, bias):
            y = kernel(x.contiguous(), weight, bias)
            ctx.save_for_backward(x, weight, bias, y)
            return y

        @staticmethod
        def backward(ctx, grad):
            x, weight, _, y = ctx.saved_tensors
            grad = grad * (y > 0)
            gx = rushlight.nn.grad.conv2d_input(x.shape, weight, grad, padding=1)
            gw = rushlight.nn.grad.conv2d_weight(x, weight.shape, grad, padding=1)
            return gx, gw, grad.sum((0, 2, 3))

    return ConvReLU.apply


class FusedConvReLU(nn.Module):
    """A 3x3 convolution of one channel and ReLU, by a kernel of our own."""

    def __init__(self, operator):
        super().__init__()
        conv = nn.Conv2d(1, 1, 3, padding=1)
        self.weight, self.bias = conv.weight, conv.bias
        self.operator = operator

    def forward(self, x):
        return self.operator(x, self.weight, self.bias)


class CNN(nn.Module):
    """A stack of one-channel blocks, then pooling and two linear layers."""

    def __init__(self, blocks):
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.fc1, self.fc2 = nn.Linear(196, 64), nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(self.blocks(x), 2).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


def baseline(count: int) -> CNN:
    """Conv2d and ReLU, `count` times."""
    blocks = [nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()) for _ in range(count)]
    return CNN(blocks)


def fused(like: CNN, operator) -> CNN:
    """The same network with our own layer, and the same weights."""
    made = CNN([FusedConvReLU(operator) for _ in like.blocks])
    for ours, (conv, _) in zip(made.blocks, like.blocks, strict=True):
        ours.weight.data.copy_(conv.weight.data)
        ours.bias.data.copy_(conv.bias.data)
    made.fc1.load_state_dict(like.fc1.state_dict())
    made.fc2.load_state_dict(like.fc2.state_dict())
    return made


def of_library(like: CNN) -> CNN:
    """The same network with the library's fused layers."""
    made = baseline(len(like.blocks))
    made.load_state_dict(like.state_dict())
    for block in made.blocks:
        fuse_modules(block, [["0", "1"]], inplace=True)
    return made


def kaiming(model: CNN) -> CNN:
    """Draw weights that keep the size of what passes through a ReLU, and start without bias."""
    for conv, _ in model.blocks:
        nn.init.kaiming_uniform_(conv.weight, nonlinearity="relu")
        nn.init.zeros_(conv.bias)
    return model


# --- training -------------------------------------------------------------------------------------


def digits(train: bool):
    """Return the digits that come with rushlight, 28x28, and their labels."""
    source = Digits(train=train)
    pixels = source.data.repeat_interleave(3, 1).repeat_interleave(3, 2).unsqueeze(1)
    return F.pad(pixels.float() / 255, (2, 2, 2, 2)), source.targets


def train(model: CNN, epochs: int) -> tuple[float, float, dict[str, float]]:
    """Train and return the last loss, the accuracy on the test digits, and where time went."""
    (x, y), (test_x, test_y) = digits(train=True), digits(train=False)
    optimizer = rushlight.optim.Adam(model.parameters())
    seconds = {"forward": 0.0, "backward": 0.0, "other": 0.0}
    rushlight.manual_seed(1)
    for _ in range(epochs):
        for batch in rushlight.randperm(len(x)).split(64):
            times = [time.perf_counter()]
            images, labels = x[batch], y[batch]
            optimizer.zero_grad()
            times.append(time.perf_counter())
            loss = F.cross_entropy(model(images), labels)
            times.append(time.perf_counter())
            loss.backward()
            times.append(time.perf_counter())
            optimizer.step()
            times.append(time.perf_counter())
            seconds["forward"] += times[2] - times[1]
            seconds["backward"] += times[3] - times[2]
            seconds["other"] += times[1] - times[0] + times[4] - times[3]
    with rushlight.no_grad():
        right = (model(test_x).argmax(1) == test_y).float().mean().item()
    return loss.item(), right, seconds


def compare_networks(count: int, epochs: int) -> None:
    """Train the same network three ways; the weights and the data are the same."""
    rushlight.manual_seed(0)
    plain = kaiming(baseline(count))
    models = {
        "baseline": plain,
        "our operator": fused(plain, differentiable(conv_relu_cpp())),
        "library's": of_library(plain),
    }
    print(f"\n{count} convolutions, {epochs} epochs")
    print(f"{'network':<14}{'loss':>9}{'test':>8}{'forward':>10}{'backward':>10}{'other':>9}")
    for name, model in models.items():
        loss, right, seconds = train(model, epochs)
        times = f"{seconds['forward']:>9.2f}s{seconds['backward']:>9.2f}s{seconds['other']:>8.2f}s"
        print(f"{name:<14}{loss:>9.4f}{right:>8.1%}{times}")


def show_dead_units(epochs: int) -> None:
    """Ten one-channel layers from seed 0: one of them gives zeros only, and nothing can learn."""
    print("\nten convolutions  output above 0      loss      test")
    for name, prepare in (("as initialised", lambda model: model), ("Kaiming", kaiming)):
        rushlight.manual_seed(0)
        model = prepare(baseline(10))
        with rushlight.no_grad():
            alive = (model.blocks(digits(train=True)[0]) > 0).float().mean().item()
        loss, right, _ = train(model, epochs)
        print(f"{name:<16}{alive:>16.1%}{loss:>10.4f}{right:>10.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=["kernels", "networks", "dead"])
    parser.add_argument("--size", type=int, default=28, help="of the Python kernel's image")
    parser.add_argument("--convs", type=int, nargs="+", default=[2, 10])
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    rushlight.manual_seed(0)
    if options.only in (None, "kernels"):
        compare_kernels(options.size)
    if options.only in (None, "networks"):
        for count in options.convs:
            compare_networks(count, options.epochs)
    if options.only in (None, "dead"):
        show_dead_units(options.epochs)


if __name__ == "__main__":
    main()
