"""Character-level RNN, GRU and LSTM language models: train, then sample."""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

TEXT = (
    "the quick brown fox jumps over the lazy dog. pack my box with five dozen liquor jugs. "
    "how vexingly quick daft zebras jump. sphinx of black quartz, judge my vow. "
) * 12


class CharRNN(nn.Module):
    def __init__(self, kind, vocab, embed=24, hidden=48, layers=2, dropout=0.1):
        super().__init__()
        self.encoder = nn.Embedding(vocab, embed)
        self.drop = nn.Dropout(dropout)
        self.rnn = getattr(nn, kind)(embed, hidden, layers, dropout=dropout, batch_first=True)
        self.decoder = nn.Linear(hidden, vocab)
        self.init_weights()

    def init_weights(self):
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)

    def forward(self, x, hidden=None):
        output, hidden = self.rnn(self.drop(self.encoder(x)), hidden)
        return self.decoder(self.drop(output)), hidden


def repackage(hidden):
    """Detach the state from its history."""
    if isinstance(hidden, torch.Tensor):
        return hidden.detach()
    return tuple(repackage(h) for h in hidden)


def batchify(data, batch_size):
    n = data.size(0) // batch_size
    return data.narrow(0, 0, n * batch_size).view(batch_size, -1).contiguous()


@torch.no_grad()
def sample(model, stoi, itos, prompt, length, temperature=0.8):
    model.eval()
    ids = torch.tensor([[stoi[c] for c in prompt]])
    out, hidden = model(ids)
    text = prompt
    for _ in range(length):
        weights = out[0, -1].div(temperature).exp()
        index = torch.multinomial(weights, 1)[0]
        text += itos[index.item()]
        out, hidden = model(index.view(1, 1), hidden)
    return text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--bptt", type=int, default=16)
    parser.add_argument("--clip", type=float, default=0.25)
    parser.add_argument("--lr", type=float, default=0.01)
    args = parser.parse_args()

    chars = sorted(set(TEXT))
    stoi = {c: i for i, c in enumerate(chars)}
    itos = dict(enumerate(chars))
    data = batchify(torch.tensor([stoi[c] for c in TEXT], dtype=torch.long), 8)
    for kind in ("RNN", "GRU", "LSTM"):
        torch.manual_seed(1111)
        model = CharRNN(kind, len(chars))
        optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
        for epoch in range(1, args.epochs + 1):
            model.train()
            hidden, total, count = None, 0.0, 0
            for i in range(0, data.size(1) - 1, args.bptt):
                length = min(args.bptt, data.size(1) - 1 - i)
                x, y = data[:, i : i + length], data[:, i + 1 : i + 1 + length]
                if hidden is not None:
                    hidden = repackage(hidden)
                optimizer.zero_grad()
                logits, hidden = model(x, hidden)
                loss = F.cross_entropy(logits.reshape(-1, len(chars)), y.reshape(-1))
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)
                optimizer.step()
                total += loss.item() * length
                count += length
            print(f"| {kind:4} | epoch {epoch} | loss {total / count:5.4f} |")
        print(sample(model, stoi, itos, "the ", 40))


if __name__ == "__main__":
    main()
