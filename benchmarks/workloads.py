"""What is measured: each workload is a function of the framework's module that returns one step.

The same code runs on PyTorch and on rushlight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Step = Callable[[], dict[str, float]]


def _classification(T: Any, model: Any, optimizer: Any, images: Any, classes: int) -> Step:
    import time

    F = T.nn.functional
    labels = T.randint(0, classes, (images.shape[0],))

    def step() -> dict[str, float]:
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        forward = time.perf_counter()
        loss.backward()
        backward = time.perf_counter()
        optimizer.step()
        end = time.perf_counter()
        return {
            "forward": forward - start,
            "backward": backward - forward,
            "optimizer": end - backward,
            "step": end - start,
        }

    return step


def lenet(T: Any) -> Step:
    """LeNet-5 with GELU, batch 64 of 28x28, NAdam."""
    nn = T.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.GELU(), nn.AvgPool2d(2), nn.GELU(), nn.Conv2d(6, 16, 5), nn.GELU(),
        nn.AvgPool2d(2), nn.GELU(), nn.Flatten(), nn.Linear(256, 120), nn.GELU(),
        nn.Linear(120, 84), nn.GELU(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = T.optim.NAdam(model.parameters(), lr=3e-3)
    return _classification(T, model, optimizer, T.randn(64, 1, 28, 28), 10)


def _cnn(T: Any, count: int) -> Step:
    nn = T.nn
    layers: list[Any] = []
    for _ in range(count):
        layers += [nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()]
    head = [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 10)]
    model = nn.Sequential(*layers, *head)
    optimizer = T.optim.Adam(model.parameters(), lr=1e-3)
    return _classification(T, model, optimizer, T.randn(64, 1, 28, 28), 10)


def cnn2(T: Any) -> Step:
    """Two 1-channel 3x3 convolutions with ReLU, batch 64 of 28x28, Adam."""
    return _cnn(T, 2)


def cnn10(T: Any) -> Step:
    """Ten 1-channel 3x3 convolutions with ReLU, batch 64 of 28x28, Adam."""
    return _cnn(T, 10)


def mlp(T: Any) -> Step:
    """784-512-512-10 with ReLU, batch 128, Adam."""
    nn = T.nn
    model = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )
    optimizer = T.optim.Adam(model.parameters(), lr=1e-3)
    return _classification(T, model, optimizer, T.randn(128, 784), 10)


WORKLOADS = {"lenet": lenet, "cnn2": cnn2, "cnn10": cnn10, "mlp": mlp}
