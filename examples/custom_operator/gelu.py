"""GELU by hand: with operators, as a Function, in C++ with tensors, in C++ as one loop.

python examples/custom_operator/gelu.py            # the four beside F.gelu
python examples/custom_operator/gelu.py --train    # and LeNet-5 trained with one of them
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import rushlight
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.utils.cpp_extension import load
from rushlight.vision.datasets import Digits

HERE = Path(__file__).parent


def gelu_operators(x):
    """x (1 + erf(x / sqrt 2)) / 2: every operator knows its gradient, so this needs none."""
    return 0.5 * x * (1 + rushlight.erf(x / math.sqrt(2)))


class GELU(rushlight.autograd.Function):
    """The same as one operator, with the gradient written by hand."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return gelu_operators(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        cdf = 0.5 * (1 + rushlight.erf(x / math.sqrt(2)))
        pdf = rushlight.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return grad * (cdf + x * pdf)


def compiled(forward, backward):
    """Make an operator of two C++ functions."""

    class GELUInC(rushlight.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return backward(grad, x)

    return GELUInC.apply


def variants() -> dict:
    """Return the four by name."""
    module = load("gelu_example", [str(HERE / "gelu.cpp")])
    return {
        "operators": gelu_operators,
        "function": GELU.apply,
        "cpp": compiled(module.forward, module.backward),
        "loop": compiled(module.forward_loop, module.backward_loop),
    }


class LeNet5(nn.Module):
    """Two convolutions and three linear layers, with the activation that it is given."""

    def __init__(self, activation):
        super().__init__()
        self.activation = activation
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.pool = nn.AvgPool2d(2)
        self.fc1, self.fc2, self.fc3 = nn.Linear(256, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        act = self.activation
        x = self.pool(act(self.conv1(x)))
        x = self.pool(act(self.conv2(x))).flatten(1)
        return self.fc3(act(self.fc2(act(self.fc1(x)))))


def digits(train: bool):
    """Return the digits that come with rushlight, 28x28, and their labels."""
    source = Digits(train=train)
    pixels = source.data.repeat_interleave(3, 1).repeat_interleave(3, 2).unsqueeze(1)
    return (F.pad(pixels.float() / 255, (2, 2, 2, 2)) - 0.1307) / 0.3081, source.targets


def milliseconds(function, x) -> float:
    """Return the time of a forward and backward pass, the best of five."""
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        function(x).sum().backward()
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


def compare(functions: dict, size: int) -> None:
    print(f"{'GELU':<10}{'difference':>13}{'of gradients':>14}{'ms':>10}")
    for name, function in {**functions, "F.gelu": F.gelu}.items():
        x = rushlight.linspace(-6, 6, 4001, dtype=rushlight.float64, requires_grad=True)
        x2 = x.detach().clone().requires_grad_()
        y, expected = function(x), F.gelu(x2)
        y.sum().backward()
        expected.sum().backward()
        difference, of_gradients = (y - expected).abs().max(), (x.grad - x2.grad).abs().max()
        timed = milliseconds(function, rushlight.randn(size, requires_grad=True))
        print(f"{name:<10}{difference.item():>13.1e}{of_gradients.item():>14.1e}{timed:>10.2f}")


def train(name: str, function, epochs: int) -> None:
    rushlight.manual_seed(0)
    model = LeNet5(function)
    optimizer = rushlight.optim.NAdam(model.parameters(), lr=3e-3)
    (x, y), (test_x, test_y) = digits(train=True), digits(train=False)
    print(f"\nLeNet-5 with '{name}'\nepoch      loss      test")
    for epoch in range(1, epochs + 1):
        total = 0.0
        for batch in rushlight.randperm(len(x)).split(64):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        with rushlight.no_grad():
            right = (model(test_x).argmax(1) == test_y).float().mean().item()
        print(f"{epoch:5d}{total / len(x):10.4f}{right:10.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=1_000_000, help="elements of the timed tensor")
    parser.add_argument("--train", action="store_true", help="train LeNet-5 afterwards")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument(
        "--operator", choices=["operators", "function", "cpp", "loop"], default="loop"
    )
    options = parser.parse_args()
    rushlight.manual_seed(0)
    functions = variants()
    compare(functions, options.size)
    if options.train:
        train(options.operator, functions[options.operator], options.epochs)


if __name__ == "__main__":
    main()
