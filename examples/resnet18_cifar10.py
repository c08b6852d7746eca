"""ResNet-18 on CIFAR-10: shortcuts around pairs of convolutions.

Data: cifar-10-batches-bin/data_batch_1.bin and test_batch.bin (the binary version of CIFAR-10) in
the folder that RUSHLIGHT_DATA names.

    python examples/resnet18_cifar10.py --images 512 --epochs 3
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from shared import data_file

import rushlight
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.utils.data import DataLoader, TensorDataset

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self, width: int = 64, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        blocks, inputs = [], width
        for outputs, stride in ((width, 1), (2 * width, 2), (4 * width, 2), (8 * width, 2)):
            blocks += [BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1)]
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.blocks(F.relu(self.bn1(self.conv1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def read(name: str, count: int):
    """Return standardised images (N, 3, 32, 32) and labels."""
    raw = np.fromfile(data_file("cifar-10-batches-bin", name), np.uint8).reshape(-1, 3073)[:count]
    images = raw[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255
    mean, std = images.mean((0, 2, 3), keepdims=True), images.std((0, 2, 3), keepdims=True)
    return rushlight.from_numpy((images - mean) / std), rushlight.tensor(raw[:, 0].tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--width", type=int, default=64, help="channels of the first blocks")
    options = parser.parse_args()
    train = TensorDataset(*read("data_batch_1.bin", options.images))
    images, labels = read("test_batch.bin", min(options.images, 1000))

    rushlight.manual_seed(0)
    model = ResNet18(options.width)
    loader = DataLoader(train, batch_size=64, shuffle=True)
    optimizer = rushlight.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    schedule = rushlight.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.02, total_steps=options.epochs * len(loader)
    )
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(train):,} images")
    print(f"{'epoch':>5} {'loss':>8} {'test loss':>10} {'test accuracy':>14} {'images/s':>9}")
    for epoch in range(1, options.epochs + 1):
        start, total = time.perf_counter(), 0.0
        model.train()
        for x, y in loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(y)
        speed = len(train) / (time.perf_counter() - start)
        model.eval()
        with rushlight.no_grad():
            logits = rushlight.cat([model(x) for x in images.split(100)])
        found = logits.argmax(1)
        print(
            f"{epoch:5d} {total / len(train):8.4f} {F.cross_entropy(logits, labels):10.4f} "
            f"{(found == labels).float().mean():14.1%} {speed:9.0f}"
        )
    print("\nclass       found right")
    for number, name in enumerate(CLASSES):
        right = (found[labels == number] == number).float().mean().item()
        print(f"{name:<11} {right:5.0%} {'#' * round(20 * right)}")


if __name__ == "__main__":
    main()
