"""A DCGAN: one network draws digits, another tells them from real ones, and both improve.

python examples/dcgan.py --epochs 20
"""

from __future__ import annotations

import argparse

from shared import pictures

import rushlight
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.utils.data import DataLoader, TensorDataset
from rushlight.vision.datasets import Digits

NOISE = 16


def artist() -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(NOISE, 64, 2, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(32),
        nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1), nn.Tanh(),
    )  # fmt: skip


def critic() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 32, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(64),
        nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 2), nn.Flatten(0),
    )  # fmt: skip


def start(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def judged(logits, real: bool):
    """Return the loss of a critic that should have said "real", or "drawn"."""
    return F.binary_cross_entropy_with_logits(logits, rushlight.full_like(logits, float(real)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    images = Digits(train=True).data.unsqueeze(1) / 127.5 - 1

    rushlight.manual_seed(0)
    draw, judge = artist().apply(start), critic().apply(start)
    drawing, judging = (
        rushlight.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999)) for net in (draw, judge)
    )
    loader = DataLoader(TensorDataset(images), batch_size=64, shuffle=True, drop_last=True)
    print(f"{'epoch':>5} {'critic':>8} {'artist':>8} {'p(real)':>8} {'p(drawn)':>9}")
    for epoch in range(1, options.epochs + 1):
        for (real,) in loader:
            drawn = draw(rushlight.randn(len(real), NOISE, 1, 1))
            of_real, of_drawn = judge(real), judge(drawn.detach())
            critic_loss = judged(of_real, True) + judged(of_drawn, False)
            judging.zero_grad()
            critic_loss.backward()
            judging.step()
            artist_loss = judged(judge(drawn), True)
            drawing.zero_grad()
            artist_loss.backward()
            drawing.step()
        if epoch % max(options.epochs // 5, 1) == 0:
            p_real, p_drawn = of_real.sigmoid().mean(), of_drawn.sigmoid().mean()
            print(f"{epoch:5d} {critic_loss:8.3f} {artist_loss:8.3f} {p_real:8.3f} {p_drawn:9.3f}")
    draw.eval()
    with rushlight.no_grad():
        print("\ndrawn from noise:")
        print(pictures(draw(rushlight.randn(6, NOISE, 1, 1))[:, 0] / 2 + 0.5))


if __name__ == "__main__":
    main()
