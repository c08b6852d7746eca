"""Three regressions: a polynomial through a sine, a line between two clouds, ten kinds of digit.

python examples/regression.py
"""

from __future__ import annotations

import argparse
import math

import rushlight
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.vision.datasets import Digits


def fit(model, x, y, loss_of, steps: int, **options) -> list[float]:
    """Train on all of the data and return the losses."""
    optimizer = rushlight.optim.SGD(model.parameters(), **options)
    losses = []
    for _ in range(steps):
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def told(losses: list[float]) -> str:
    shown = [losses[round(i * (len(losses) - 1) / 4)] for i in range(5)]
    return "loss " + " > ".join(f"{loss:.4f}" for loss in shown)


def polynomial(steps: int) -> None:
    x = rushlight.linspace(-math.pi, math.pi, 200).unsqueeze(1)
    powers = (x / math.pi) ** rushlight.arange(1, 4)  # (N, 3): x, x^2, x^3
    model = nn.Linear(3, 1)
    losses = fit(model, powers, x.sin(), F.mse_loss, 20 * steps, lr=0.5, momentum=0.9)
    a, b, c = (w / math.pi**n for n, w in enumerate(model.weight[0].tolist(), 1))
    print("polynomial", told(losses))
    print(f"  sin x = {model.bias.item():.3f} + {a:.3f} x + {b:.3f} x^2 + {c:.3f} x^3")
    print(f"  Taylor: 0.000 + 1.000 x + 0.000 x^2 + {-1 / 6:.3f} x^3, good near 0 only")


def logistic(steps: int) -> None:
    labels = rushlight.arange(200) % 2
    x = rushlight.randn(200, 2) + 2.5 * labels.unsqueeze(1)
    model = nn.Linear(2, 1)

    def loss_of(logits, y):
        return F.binary_cross_entropy_with_logits(logits.squeeze(1), y)

    losses = fit(model, x, labels.float(), loss_of, steps, lr=0.5)
    right = ((model(x).squeeze(1) > 0) == labels.bool()).float().mean()
    (a, b), c = model.weight[0].tolist(), model.bias.item()
    print("logistic  ", told(losses))
    print(f"  {right:.1%} of 200 points right; the border is {a:.2f} x + {b:.2f} y + {c:.2f} = 0")


def softmax(steps: int) -> None:
    train, test = Digits(train=True), Digits(train=False)
    model = nn.Linear(64, 10)
    losses = fit(
        model, train.data.flatten(1) / 255, train.targets, F.cross_entropy, steps, lr=1.0,
        momentum=0.9,
    )  # fmt: skip
    found = model(test.data.flatten(1) / 255).argmax(1)
    confusion = rushlight.zeros(10, 10, dtype=rushlight.long)
    confusion.index_put_((test.targets, found), rushlight.tensor(1), accumulate=True)
    print("softmax   ", told(losses))
    print(f"  {(found == test.targets).float().mean():.1%} of {len(test)} test digits right")
    print("  digit found as " + "".join(f"{digit:4d}" for digit in range(10)))
    for digit, row in enumerate(confusion.tolist()):
        print(f"  {digit:5d}          " + "".join(f"{count or '.':>4}" for count in row))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    rushlight.manual_seed(0)
    polynomial(options.steps)
    logistic(options.steps)
    softmax(options.steps)


if __name__ == "__main__":
    main()
