"""Knowledge distillation: a small network learns from a large one what to say of unlabelled digits.

Both students see as many batches. One has a few labels; the other has none, but a teacher to ask.

python examples/distillation.py
"""

from __future__ import annotations

import argparse

import rushlight
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.utils.data import DataLoader, TensorDataset
from rushlight.vision.datasets import Digits


def teacher() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def student() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))


def distilled(logits, wanted, temperature: float = 4.0):
    """Return how far the student's softened answer is from the teacher's."""
    ours = F.log_softmax(logits / temperature, dim=1)
    theirs = F.log_softmax(wanted / temperature, dim=1)
    return F.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2


def fit(model, data, steps: int, guide=None):
    """Train on labels, or, where there is a guide, on its answers alone."""
    optimizer = rushlight.optim.Adam(model.parameters(), lr=3e-3)
    loader, step = DataLoader(data, batch_size=32, shuffle=True), 0
    while step < steps:
        for x, y in loader:
            if guide is None:
                loss = F.cross_entropy(model(x), y)
            else:
                with rushlight.no_grad():
                    wanted = guide(x)
                loss = distilled(model(x), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1000, help="batches for each student")
    parser.add_argument("--labels", type=int, default=100, help="digits with a label")
    options = parser.parse_args()
    train, test = (
        TensorDataset(part.data.unsqueeze(1) / 255, part.targets)
        for part in (Digits(train=True), Digits(train=False))
    )
    small = TensorDataset(*(t[: options.labels] for t in train.tensors))
    images, labels = test.tensors

    def show(name: str, model) -> None:
        with rushlight.no_grad():
            logits = model(images)
        right = (logits.argmax(1) == labels).float().mean()
        size = sum(p.numel() for p in model.parameters())
        print(f"{name:<24} {size:>10,} {F.cross_entropy(logits, labels):10.4f} {right:14.1%}")

    print(f"{'network':<24} {'parameters':>10} {'test loss':>10} {'test accuracy':>14}")
    rushlight.manual_seed(0)
    guide = fit(teacher(), train, options.steps // 3)
    show("teacher", guide)
    rushlight.manual_seed(1)
    show("student, few labels", fit(student(), small, options.steps))
    rushlight.manual_seed(1)  # the same start
    show("student, no labels", fit(student(), train, options.steps, guide))


if __name__ == "__main__":
    main()
