"""An LSTM language model over words: perplexity, and a few lines it writes.

The state runs on from batch to batch, as in reading; gradients stop where a batch begins.
Data: tinyshakespeare/input.txt in the folder that RUSHLIGHT_DATA names.

    python examples/lstm_language_model.py --epochs 3
"""

from __future__ import annotations

import argparse
import math
import re
from collections import Counter

from shared import data_file

import rushlight
import rushlight.nn.functional as F
from rushlight import nn


class LanguageModel(nn.Module):
    def __init__(self, vocabulary: int, width: int = 96, layers: int = 2):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.drop = nn.Dropout(0.2)
        self.lstm = nn.LSTM(width, width, layers, dropout=0.2, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, words, state=None):
        x, state = self.lstm(self.drop(self.words(words)), state)
        return self.head(self.drop(x)), state


def numbered(text: str, size: int):
    """Return the text as numbers of its `size` most frequent words; the others are one word."""
    words = re.findall(r"\w+|[^\w\s]|\n", text.lower())
    names = ["<rare>", *(word for word, _ in Counter(words).most_common(size - 1))]
    number = {word: i for i, word in enumerate(names)}
    return rushlight.tensor([number.get(word, 0) for word in words]), names


def run(model, data, length: int, optimizer=None) -> float:
    """Read (N, L) words in order and return the mean loss; learn if there is an optimizer."""
    model.train(optimizer is not None)
    total, count, state = 0.0, 0, None
    for i in range(0, data.shape[1] - 1, length):
        y = data[:, i + 1 : i + 1 + length]
        x = data[:, i : i + y.shape[1]]
        logits, (h, c) = model(x, state)
        state = h.detach(), c.detach()
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        if optimizer:
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
        total, count = total + loss.item() * y.numel(), count + y.numel()
    return total / count


@rushlight.no_grad()
def write(model, names, count: int) -> str:
    model.eval()
    word, state, words = rushlight.tensor([[names.index("\n")]]), None, []
    for _ in range(count):
        logits, state = model(word, state)
        odds = F.softmax(logits[0, -1] / 0.8, dim=-1)
        odds[0] = 0  # never the rare word
        word = rushlight.multinomial(odds, 1).view(1, 1)
        words.append(names[word.item()])
    return re.sub(" ?\n ?", "\n", " ".join(words))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--words", type=int, default=60_000, help="how much of the text to read")
    parser.add_argument("--vocabulary", type=int, default=2000)
    options = parser.parse_args()
    text = data_file("tinyshakespeare", "input.txt").read_text()
    numbers, names = numbered(text, options.vocabulary)
    numbers = numbers[: options.words]
    columns = numbers[: len(numbers) // 20 * 20].view(20, -1)  # 20 readers, side by side
    cut = int(0.9 * columns.shape[1])
    train, valid = columns[:, :cut], columns[:, cut:]

    rushlight.manual_seed(0)
    model = LanguageModel(len(names))
    optimizer = rushlight.optim.Adam(model.parameters(), lr=3e-3)
    schedule = rushlight.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    print(f"{train.numel():,} words, {len(names):,} different")
    print(f"{'epoch':>5} {'rate':>8} {'training ppl':>13} {'validation ppl':>15}")
    for epoch in range(1, options.epochs + 1):
        rate = schedule.get_last_lr()[0]
        losses = run(model, train, 32, optimizer), run(model, valid, 32)
        schedule.step()
        print(f"{epoch:5d} {rate:8.5f} {math.exp(losses[0]):13.2f} {math.exp(losses[1]):15.2f}")
    print(write(model, names, 60))


if __name__ == "__main__":
    main()
