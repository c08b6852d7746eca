"""A GPT that writes Shakespeare, letter by letter.

Four blocks of causal self-attention read 64 letters and predict the next one. Data: the file
tinyshakespeare/input.txt (a megabyte of plays) in the folder that RUSHLIGHT_DATA names.

    python examples/char_gpt.py --steps 500
"""

from __future__ import annotations

import argparse
import time

from shared import data_file

import rushlight
import rushlight.nn.functional as F
from rushlight import nn


class Block(nn.Module):
    """Letters exchange what they know (attention), then each one thinks (two layers)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = (
            part.view(n, length, self.heads, width // self.heads).transpose(1, 2)  # (N, H, L, D)
            for part in self.qkv(self.norm1(x)).chunk(3, dim=-1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(y.transpose(1, 2).reshape(n, length, width))
        return x + self.think(self.norm2(x))


class GPT(nn.Module):
    def __init__(
        self, vocabulary: int, block: int = 64, layers: int = 4, heads: int = 4, width: int = 128
    ):
        super().__init__()
        self.block = block
        self.letters = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(block, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.apply(self._start)
        self.head.weight = self.letters.weight  # what reads a letter also writes it

    @staticmethod
    def _start(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, letters):
        x = self.letters(letters) + self.places(rushlight.arange(letters.shape[1]))
        return self.head(self.norm(self.blocks(x)))

    @rushlight.no_grad()
    def write(self, letters, count: int, temperature: float = 0.8, top: int = 20):
        """Append `count` letters, each drawn from the `top` likeliest."""
        for _ in range(count):
            logits = self(letters[:, -self.block :])[:, -1] / temperature
            least = logits.topk(top).values[:, [-1]]
            odds = F.softmax(logits.masked_fill(logits < least, -float("inf")), dim=-1)
            letters = rushlight.cat([letters, rushlight.multinomial(odds, 1)], dim=1)
        return letters


def batch_of(data, block: int, size: int = 12):
    starts = rushlight.randint(len(data) - block, (size,))
    x = rushlight.stack([data[i : i + block] for i in starts.tolist()])
    y = rushlight.stack([data[i + 1 : i + 1 + block] for i in starts.tolist()])
    return x, y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--letters", type=int, default=300, help="length of the sample")
    options = parser.parse_args()
    text = data_file("tinyshakespeare", "input.txt").read_text()
    alphabet = sorted(set(text))
    number = {letter: i for i, letter in enumerate(alphabet)}
    data = rushlight.tensor([number[letter] for letter in text])
    train, valid = data[: int(0.9 * len(data))], data[int(0.9 * len(data)) :]

    rushlight.manual_seed(1337)
    model = GPT(len(alphabet))
    optimizer = rushlight.optim.AdamW(model.parameters(), lr=1e-3)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(text):,} letters")
    print(f"{'step':>5} {'training':>9} {'validation':>11} {'s/100 steps':>12}")
    start = time.perf_counter()
    every = max(options.steps // 5, 1)
    for step in range(1, options.steps + 1):
        x, y = batch_of(train, model.block)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % every == 0:
            seconds = 100 * (time.perf_counter() - start) / step
            with rushlight.no_grad():
                x, y = batch_of(valid, model.block, 48)
                held_out = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
            print(f"{step:5d} {loss.item():9.4f} {held_out.item():11.4f} {seconds:12.2f}")
    start = rushlight.tensor([[number["\n"]]])
    print("".join(alphabet[i] for i in model.write(start, options.letters)[0].tolist()))


if __name__ == "__main__":
    main()
