"""Train the Conv+ReLU network on either framework and say where the time went."""

from __future__ import annotations

import gzip
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def read(folder: str | None, part: str, limit: int | None) -> tuple[Any, Any]:
    """Return images, standardised, and labels of "train" or "t10k"; synthetic without a folder."""
    if folder is None:
        return synthetic(limit or (60000 if part == "train" else 10000), part == "train")
    images, labels = (_raw(Path(folder, f"{part}-{kind}-ubyte")) for kind in _KINDS)
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28)[:limit]
    answers = np.frombuffer(labels, np.uint8, offset=8)[:limit].astype(np.int64)
    return (pixels.astype(np.float32) / 255 - 0.1307) / 0.3081, answers


_KINDS = ("images-idx3", "labels-idx1")


def _raw(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())


def synthetic(count: int, is_train: bool) -> tuple[Any, Any]:
    """Return ten patterns under noise."""
    patterns = np.random.default_rng(0).random((10, 1, 28, 28), np.float32) > 0.8
    random = np.random.default_rng(1 + is_train)
    labels = random.integers(0, 10, count)
    images = patterns[labels] * 2 + random.standard_normal((count, 1, 28, 28), np.float32)
    return images.astype(np.float32), labels


def network(T: Any, count: int, fused: bool) -> Any:
    """Return the network; from a seed, the same weights in either framework."""
    nn = T.nn
    T.manual_seed(0)
    layers: list[Any] = []
    for _ in range(count):
        conv = nn.Conv2d(1, 1, 3, padding=1)
        nn.init.kaiming_uniform_(conv.weight, nonlinearity="relu")
        nn.init.zeros_(conv.bias)
        layers += [conv, nn.ReLU()]
    head = [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 10)]
    if fused:
        return nn.Sequential(*importlib.import_module("rushlight.nn.fused").fuse_modules(
            nn.Sequential(*layers)), *head)  # fmt: skip
    return nn.Sequential(*layers, *head)


def main(settings: dict[str, Any]) -> dict[str, float]:
    """Train and return the seconds of the last epoch by part, and the accuracy."""
    T = importlib.import_module(settings["framework"])
    T.set_num_threads(settings["threads"])
    device, batch = settings["device"], settings["batch"]
    wait: Callable[[], Any] = T.cuda.synchronize if device.startswith("cuda") else lambda: None
    model = network(T, settings["count"], settings["network"] == "CNNFused").to(device)
    optimizer = T.optim.Adam(model.parameters())
    train, test = (
        [T.from_numpy(a).to(device) for a in read(settings["data"], part, settings["images"])]
        for part in ("train", "t10k")
    )
    for epoch in range(settings["epochs"]):
        seconds = _epoch(T, model, optimizer, train, batch, wait, settings["title"], epoch)
    with T.no_grad():
        right = sum(
            int((model(x).argmax(1) == y).sum())
            for x, y in zip(test[0].split(1000), test[1].split(1000), strict=True)
        )
    return {**seconds, "total": sum(seconds.values()), "accuracy": right / len(test[1])}


def _epoch(
    T: Any, model: Any, optimizer: Any, train: list[Any], batch: int, wait: Callable[[], Any],
    title: str, epoch: int,
) -> dict[str, float]:  # fmt: skip
    seconds = {"forward": 0.0, "backward": 0.0, "other": 0.0}
    order = T.randperm(len(train[1])).to(train[1].device).split(batch)
    clock = time.perf_counter()

    def lap(part: str) -> None:
        nonlocal clock
        wait()
        before, clock = clock, time.perf_counter()
        seconds[part] += clock - before

    for step, chosen in enumerate(order):
        x, y = train[0][chosen], train[1][chosen]
        optimizer.zero_grad()
        lap("other")
        loss = T.nn.functional.cross_entropy(model(x), y)
        lap("forward")
        loss.backward()
        lap("backward")
        optimizer.step()
        lap("other")
        if step % 50 == 0 and sys.stderr.isatty():
            done = f"epoch {epoch + 1}, {step / len(order):.0%}"
            print(f"\r{title}: {done}", end="", file=sys.stderr, flush=True)
            clock = time.perf_counter()
    return seconds
