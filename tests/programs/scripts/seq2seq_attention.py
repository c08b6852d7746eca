"""Sequence to sequence with Bahdanau attention: learn to reverse a string of digits."""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

SOS, EOS, PAD = 10, 11, 12
VOCAB = 13


class Encoder(nn.Module):
    def __init__(self, hidden_size, dropout_p=0.1):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, hidden_size, padding_idx=PAD)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(hidden_size * 2, hidden_size)
        self.dropout = nn.Dropout(dropout_p)

    def forward(self, x, lengths):
        embedded = self.dropout(self.embedding(x))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        outputs, hidden = self.gru(packed)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True)
        hidden = torch.tanh(self.fc(torch.cat((hidden[-2], hidden[-1]), dim=1)))
        return outputs, hidden.unsqueeze(0)


class BahdanauAttention(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.Wa = nn.Linear(hidden_size, hidden_size)
        self.Ua = nn.Linear(2 * hidden_size, hidden_size)
        self.Va = nn.Linear(hidden_size, 1)

    def forward(self, query, keys, mask):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys))).squeeze(2).unsqueeze(1)
        scores = scores.masked_fill(mask.unsqueeze(1), float("-inf"))
        weights = F.softmax(scores, dim=-1)
        return torch.bmm(weights, keys), weights


class AttnDecoder(nn.Module):
    def __init__(self, hidden_size, dropout_p=0.1):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, hidden_size)
        self.attention = BahdanauAttention(hidden_size)
        self.gru = nn.GRU(3 * hidden_size, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, VOCAB)
        self.dropout = nn.Dropout(dropout_p)

    def forward(self, keys, hidden, mask, steps, target=None, forcing=0.5):
        batch = keys.size(0)
        token = torch.empty(batch, 1, dtype=torch.long).fill_(SOS)
        outputs, attentions = [], []
        for i in range(steps):
            embedded = self.dropout(self.embedding(token))
            context, weights = self.attention(hidden.permute(1, 0, 2), keys, mask)
            output, hidden = self.gru(torch.cat((embedded, context), dim=2), hidden)
            output = self.out(output)
            outputs.append(output)
            attentions.append(weights)
            if target is not None and random.random() < forcing:
                token = target[:, i].unsqueeze(1)
            else:
                _, top = output.topk(1)
                token = top.squeeze(-1).detach()
        return F.log_softmax(torch.cat(outputs, dim=1), dim=-1), torch.cat(attentions, dim=1)


def make_batch(size):
    sources, targets = [], []
    for _ in range(size):
        digits = torch.randint(0, 10, (random.randint(2, 6),))
        sources.append(torch.cat((digits, torch.tensor([EOS]))))
        targets.append(torch.cat((digits.flip(0), torch.tensor([EOS]))))
    lengths = torch.tensor([len(s) for s in sources])
    x = pad_sequence(sources, batch_first=True, padding_value=PAD)
    y = pad_sequence(targets, batch_first=True, padding_value=PAD)
    return x, y, lengths


def main():
    random.seed(5)
    torch.manual_seed(5)
    encoder, decoder = Encoder(32), AttnDecoder(32)
    encoder_optimizer = optim.Adam(encoder.parameters(), lr=0.003)
    decoder_optimizer = optim.Adam(decoder.parameters(), lr=0.003)
    criterion = nn.NLLLoss(ignore_index=PAD)
    running = 0.0
    for step in range(1, 61):
        x, y, lengths = make_batch(16)
        encoder_optimizer.zero_grad()
        decoder_optimizer.zero_grad()
        keys, hidden = encoder(x, lengths)
        log_probs, _ = decoder(keys, hidden, x.eq(PAD), y.size(1), y)
        loss = criterion(log_probs.view(-1, VOCAB), y.view(-1))
        loss.backward()
        encoder_optimizer.step()
        decoder_optimizer.step()
        running += loss.item()
        if step % 20 == 0:
            print(f"step {step:3d}  loss {running / 20:.4f}")
            running = 0.0
    encoder.eval()
    decoder.eval()
    with torch.no_grad():
        x, y, lengths = make_batch(64)
        keys, hidden = encoder(x, lengths)
        log_probs, attention = decoder(keys, hidden, x.eq(PAD), y.size(1))
        keep = y.ne(PAD)
        accuracy = (log_probs.argmax(-1)[keep] == y[keep]).float().mean()
    print(f"token accuracy {accuracy.item():.4f}, attention sums to {attention.sum(-1).mean():.4f}")


if __name__ == "__main__":
    main()
