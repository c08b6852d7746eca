"""A variational autoencoder: digits squeezed through eight numbers, and digits that never were.

python examples/vae.py --epochs 30
"""

from __future__ import annotations

import argparse

from shared import pictures

import rushlight
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.utils.data import DataLoader, TensorDataset
from rushlight.vision.datasets import Digits


class VAE(nn.Module):
    def __init__(self, pixels: int = 64, hidden: int = 128, latent: int = 8):
        super().__init__()
        self.latent = latent
        self.encoder = nn.Sequential(
            nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, pixels), nn.Sigmoid()
        )

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mean + (0.5 * log_variance).exp() * rushlight.randn_like(mean)
        return self.decoder(z), mean, log_variance


def losses(model, x):
    """Return how badly x is redrawn, and how far z is from a standard normal (both per image)."""
    y, mean, log_variance = model(x)
    redrawn = F.binary_cross_entropy(y, x, reduction="sum") / len(x)
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum() / len(x)
    return redrawn, divergence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    train, test = (Digits(train=part).data.flatten(1) / 255 for part in (True, False))

    rushlight.manual_seed(0)
    model = VAE()
    optimizer = rushlight.optim.Adam(model.parameters(), lr=3e-3)
    loader = DataLoader(TensorDataset(train), batch_size=64, shuffle=True)
    print(f"{'epoch':>5} {'redrawn':>9} {'divergence':>11} {'test, both':>11}")
    for epoch in range(1, options.epochs + 1):
        for (x,) in loader:
            redrawn, divergence = losses(model, x)
            optimizer.zero_grad()
            (redrawn + divergence).backward()
            optimizer.step()
        if epoch % max(options.epochs // 5, 1) == 0:
            with rushlight.no_grad():
                held_out = sum(losses(model, test))
            print(f"{epoch:5d} {redrawn:9.3f} {divergence:11.3f} {held_out:11.3f}")
    with rushlight.no_grad():
        print("\ntest digits, and what comes back through eight numbers:")
        print(pictures(test[:6].view(-1, 8, 8)))
        print(pictures(model(test[:6])[0].view(-1, 8, 8)))
        print("\nfrom noise:")
        print(pictures(model.decoder(rushlight.randn(6, model.latent)).view(-1, 8, 8)))


if __name__ == "__main__":
    main()
