"""nn.TransformerEncoder language model with sinusoidal positions, SGD and StepLR; nn.Transformer copy task."""

import math

import torch
from torch import Tensor, nn
from torch.nn import TransformerEncoder, TransformerEncoderLayer


class PositionalEncoding(nn.Module):
    def __init__(self, d_model: int, dropout: float = 0.1, max_len: int = 500):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x + self.pe[: x.size(0)])


class TransformerModel(nn.Module):
    def __init__(self, ntoken, d_model, nhead, d_hid, nlayers, dropout=0.2):
        super().__init__()
        self.model_type = "Transformer"
        self.pos_encoder = PositionalEncoding(d_model, dropout)
        layers = TransformerEncoderLayer(d_model, nhead, d_hid, dropout)
        self.transformer_encoder = TransformerEncoder(layers, nlayers)
        self.embedding = nn.Embedding(ntoken, d_model)
        self.d_model = d_model
        self.linear = nn.Linear(d_model, ntoken)
        self.init_weights()

    def init_weights(self) -> None:
        initrange = 0.1
        self.embedding.weight.data.uniform_(-initrange, initrange)
        self.linear.bias.data.zero_()
        self.linear.weight.data.uniform_(-initrange, initrange)

    def forward(self, src: Tensor, src_mask: Tensor | None = None) -> Tensor:
        src = self.pos_encoder(self.embedding(src) * math.sqrt(self.d_model))
        return self.linear(self.transformer_encoder(src, src_mask))


def batchify(data: Tensor, bsz: int) -> Tensor:
    seq_len = data.size(0) // bsz
    return data[: seq_len * bsz].view(bsz, seq_len).t().contiguous()


def get_batch(source: Tensor, i: int, bptt: int) -> tuple[Tensor, Tensor]:
    seq_len = min(bptt, len(source) - 1 - i)
    return source[i : i + seq_len], source[i + 1 : i + 1 + seq_len].reshape(-1)


def evaluate(model, source, ntokens, bptt, criterion):
    model.eval()
    total = 0.0
    with torch.no_grad():
        for i in range(0, source.size(0) - 1, bptt):
            data, targets = get_batch(source, i, bptt)
            output = model(data, nn.Transformer.generate_square_subsequent_mask(data.size(0)))
            total += data.size(0) * criterion(output.view(-1, ntokens), targets).item()
    return total / (len(source) - 1)


class Copy(nn.Module):
    """Encoder and decoder with all three masks."""

    def __init__(self, ntoken, d_model):
        super().__init__()
        self.embed = nn.Embedding(ntoken, d_model)
        self.core = nn.Transformer(
            d_model, 2, 1, 2, 32, 0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.out = nn.Linear(d_model, ntoken)

    def forward(self, src, tgt):
        mask = nn.Transformer.generate_square_subsequent_mask(tgt.size(1))
        padding = src == 0
        x = self.core(
            self.embed(src),
            self.embed(tgt),
            tgt_mask=mask,
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
            tgt_is_causal=True,
        )
        return self.out(x)


def main():
    torch.manual_seed(0)
    ntokens, bptt = 20, 15
    walk = torch.randint(-2, 3, (1500,)).cumsum(0) % ntokens
    train_data, val_data = batchify(walk[:1200], 8), batchify(walk[1200:], 4)
    model = TransformerModel(ntokens, 32, 4, 40, 2)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1.0, gamma=0.95)
    for epoch in range(1, 5):
        model.train()
        total = 0.0
        for i in range(0, train_data.size(0) - 1, bptt):
            data, targets = get_batch(train_data, i, bptt)
            mask = nn.Transformer.generate_square_subsequent_mask(data.size(0))
            loss = criterion(model(data, mask).view(-1, ntokens), targets)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            total += loss.item()
        val_loss = evaluate(model, val_data, ntokens, bptt, criterion)
        print(
            f"| epoch {epoch} | lr {scheduler.get_last_lr()[0]:.4f} | train {total / 10:.4f} "
            f"| valid {val_loss:.4f} | ppl {math.exp(val_loss):.3f} |"
        )
        scheduler.step()

    copy = Copy(12, 16)
    optimizer = torch.optim.RAdam(copy.parameters(), lr=0.01)
    for step in range(30):
        src = torch.randint(1, 12, (8, 7))
        src[:4, 5:] = 0
        tgt = torch.cat((torch.full((8, 1), 1), src[:, :-1]), 1)
        loss = nn.functional.cross_entropy(
            copy(src, tgt).transpose(1, 2), src, ignore_index=0, label_smoothing=0.1
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 9:
            print(f"copy step {step + 1} loss {loss:.4f}")


if __name__ == "__main__":
    main()
