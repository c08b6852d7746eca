"""LeNet-5 on MNIST, whole epochs, on rushlight or on PyTorch: the same program, data and loader.

RUSHLIGHT_DATA=DIR python -m benchmarks.lenet_mnist rushlight --epochs 10
RUSHLIGHT_DATA=DIR python -m benchmarks.lenet_mnist torch --epochs 10
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from _bench import models


def read(part: str) -> tuple[Any, Any]:
    """Return standardised images and labels of "train" or "t10k"."""
    folder = Path(os.environ["RUSHLIGHT_DATA"]) / "MNIST" / "raw"
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28).astype(np.float32)
    return (pixels / 255 - 0.1307) / 0.3081, np.frombuffer(labels, np.uint8, offset=8).astype(
        np.int64
    )


def main() -> None:
    """Train and print seconds, loss and accuracy of each epoch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("framework", choices=["rushlight", "torch"])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true", help="train under autocast")
    options = parser.parse_args()
    T = importlib.import_module(options.framework)
    data = importlib.import_module(f"{options.framework}.utils.data")
    T.set_num_threads(options.threads)
    T.manual_seed(0)
    F = T.nn.functional
    model = models.lenet(T)
    optimizer = T.optim.NAdam(model.parameters(), lr=3e-3)
    train, test = (data.TensorDataset(*map(T.from_numpy, read(part))) for part in ("train", "t10k"))
    loader = data.DataLoader(train, batch_size=64, shuffle=True)
    for epoch in range(options.epochs):
        start, total = time.perf_counter(), 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            with T.autocast("cpu", dtype=T.bfloat16, enabled=options.bfloat16):
                loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        seconds = time.perf_counter() - start
        with T.no_grad():
            hits = sum(
                int((model(x).argmax(1) == y).sum())
                for x, y in data.DataLoader(test, batch_size=1000)
            )
        print(
            f"epoch {epoch + 1:2d}: {seconds:6.2f} s, loss {total / len(train):.5f}, test "
            f"{hits / len(test):.2%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
