"""A vision transformer: an image read as a sentence of sixteen 2x2 patches.

python examples/vision_transformer.py --epochs 15
"""

from __future__ import annotations

import argparse

import rushlight
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.utils.data import DataLoader, TensorDataset
from rushlight.vision.datasets import Digits


class VisionTransformer(nn.Module):
    def __init__(self, size: int = 8, patch: int = 2, width: int = 48, depth: int = 3):
        super().__init__()
        self.patches = nn.Conv2d(1, width, patch, stride=patch)
        self.summary = nn.Parameter(rushlight.zeros(1, 1, width))
        self.places = nn.Parameter(0.02 * rushlight.randn(1, (size // patch) ** 2 + 1, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)  # (N, patches, width)
        x = rushlight.cat([self.summary.expand(len(x), -1, -1), x], dim=1)
        return self.head(self.encoder(x + self.places)[:, 0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    train, test = (
        TensorDataset(part.data.unsqueeze(1) / 127.5 - 1, part.targets)
        for part in (Digits(train=True), Digits(train=False))
    )
    images, labels = test.tensors

    rushlight.manual_seed(0)
    model = VisionTransformer()
    loader = DataLoader(train, batch_size=64, shuffle=True)
    optimizer = rushlight.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = rushlight.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, options.epochs * len(loader)
    )
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(train):,} digits")
    print(f"{'epoch':>5} {'loss':>8} {'test loss':>10} {'test accuracy':>14}")
    for epoch in range(1, options.epochs + 1):
        total = 0.0
        model.train()
        for x, y in loader:
            loss = F.cross_entropy(model(x), y, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(y)
        if epoch % max(options.epochs // 5, 1) == 0:
            model.eval()
            with rushlight.no_grad():
                logits = model(images)
            right = (logits.argmax(1) == labels).float().mean()
            test_loss = F.cross_entropy(logits, labels)
            print(f"{epoch:5d} {total / len(train):8.4f} {test_loss:10.4f} {right:14.1%}")


if __name__ == "__main__":
    main()
