"""K-fold cross-validation: how wide should the network be? Every digit is tested on once.

python examples/cross_validation.py --folds 5
"""

from __future__ import annotations

import argparse

import rushlight
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.utils.data import DataLoader, Subset, TensorDataset
from rushlight.vision.datasets import Digits


def network(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def accuracy_without(fold, others, data, width: int, epochs: int) -> float:
    """Train a new network on the other folds and return its accuracy on this one."""
    model = network(width)
    optimizer = rushlight.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(epochs):
        for x, y in DataLoader(Subset(data, others), batch_size=64, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    x, y = data[fold]
    with rushlight.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--widths", type=int, nargs="+", default=[2, 8, 32, 128])
    options = parser.parse_args()
    digits = Digits(train=True)
    data = TensorDataset(digits.data.flatten(1) / 255, digits.targets)

    rushlight.manual_seed(0)
    folds = rushlight.randperm(len(data)).chunk(options.folds)
    columns = "".join(f"  fold {n + 1}" for n in range(options.folds))
    print(f"width{columns}    mean     std")
    means = {}
    for width in options.widths:
        scores = []
        for n, fold in enumerate(folds):
            others = rushlight.cat([*folds[:n], *folds[n + 1 :]]).tolist()
            scores.append(accuracy_without(fold, others, data, width, options.epochs))
        of_all = rushlight.tensor(scores)
        means[width] = of_all.mean().item()
        cells = "".join(f"{score:8.1%}" for score in scores)
        print(f"{width:5d}{cells}{of_all.mean():8.1%}{of_all.std():8.2%}")
    print(f"the best width is {max(means, key=means.get)}")


if __name__ == "__main__":
    main()
