"""Notes on layers: blocks of one's own, parameters, files, and a table of a model."""

import os
import tempfile

import handwriting
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


class CenteredLayer(nn.Module):
    def forward(self, x):
        return x - x.mean()


class MyLinear(nn.Module):
    def __init__(self, inputs, units):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, units))
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, x):
        return F.relu(torch.matmul(x, self.weight.data) + self.bias.data)


class EpochDropout(nn.Module):
    """A dropout whose mask is kept for an epoch."""

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p
        self.register_buffer("mask", None, persistent=False)

    def new_epoch(self):
        self.mask = None

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        if self.mask is None:
            self.mask = torch.bernoulli(torch.full_like(x[:1], 1 - self.p)) / (1 - self.p)
        return x * self.mask


class NestMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.linear = nn.Linear(32, 16)

    def forward(self, x):
        return self.linear(self.net(x))


class FixedHidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.random = torch.rand((20, 20), requires_grad=False)
        self.linear = nn.Linear(20, 20)

    def forward(self, x):
        x = self.linear(x)
        x = F.relu(torch.mm(x, self.random) + 1)
        x = self.linear(x)
        while x.abs().sum() > 1:
            x /= 2
        return x.sum()


def blocks():
    torch.manual_seed(0)
    x = torch.rand(2, 20)
    chimera = nn.Sequential(NestMLP(), nn.Linear(16, 20), FixedHidden())
    print(chimera)
    print(f"chimera {chimera(x).item():.5f}")
    print(f"centered {CenteredLayer()(x).mean().abs().item():.5f}")
    print(f"own linear {MyLinear(20, 3)(x).sum().item():.4f}")


def parameters():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    print(net[2].state_dict().keys(), net[2].bias.data, type(net[2].bias).__name__)
    print(*[(name, param.shape) for name, param in net.named_parameters()])

    def init(module):
        if type(module) is nn.Linear:
            nn.init.xavier_uniform_(module.weight)
            nn.init.constant_(module.bias, 0.1)

    net.apply(init)
    print(f"{net[0].weight[0]}", net.state_dict()["2.bias"].data)
    shared = nn.Linear(8, 8)
    tied = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), shared, nn.ReLU(), shared, nn.Linear(8, 1))
    tied[2].weight.data[0, 0] = 100
    print(tied[2].weight[0] is tied[4].weight[0], torch.equal(tied[2].weight, tied[4].weight))
    print("parameters", sum(p.numel() for p in tied.parameters()))
    lazy = nn.Sequential(nn.LazyLinear(6), nn.ReLU(), nn.LazyBatchNorm1d(), nn.LazyLinear(2))
    print(lazy)
    lazy(torch.rand(3, 5))
    print(lazy)


def files():
    torch.manual_seed(2)
    net = NestMLP()
    x = torch.randn(2, 20)
    folder = tempfile.mkdtemp()
    torch.save(net.state_dict(), os.path.join(folder, "mlp.params"))
    torch.save({"x": x, "list": [x[0], 3], "note": "text"}, os.path.join(folder, "mixed"))
    clone = NestMLP()
    print(clone.load_state_dict(torch.load(os.path.join(folder, "mlp.params"))))
    print(torch.equal(clone.eval()(x), net(x)))
    mixed = torch.load(os.path.join(folder, "mixed"))
    print(mixed["note"], mixed["list"][1], torch.equal(mixed["x"], x))
    try:
        nn.Linear(2, 2).load_state_dict(net.state_dict())
    except RuntimeError as error:
        print(str(error).splitlines()[0])
    print(clone.load_state_dict({"linear.bias": torch.zeros(16)}, strict=False).missing_keys)


def layers():
    torch.manual_seed(3)
    x = torch.randn(2, 4, 9, 9)
    for layer in (
        nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=2), nn.MaxPool2d(3, stride=2, padding=1),
        nn.AvgPool2d((2, 3)), nn.AdaptiveMaxPool2d((None, 3)), nn.AdaptiveAvgPool2d((2, None)),
        nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.LeakyReLU(0.2),
        nn.Softmax(dim=1), nn.Tanh(), nn.Sequential(nn.Flatten(), nn.LazyLinear(5)), EpochDropout(),
        nn.ConvTranspose2d(4, 2, 3, stride=2), nn.ZeroPad2d(1), nn.Flatten(2),
    ):  # fmt: skip
        y = layer(x)
        print(layer, tuple(y.shape), f"{y.detach().abs().mean().item():.5f}")
    dropout = EpochDropout()
    same = torch.equal(dropout(x), dropout(x))
    kept = dropout.mask
    dropout.new_epoch()
    dropout(x)
    print("mask kept", same, torch.equal(kept, dropout.mask), list(dropout.state_dict()))


class LeNet(nn.Module):
    """The first LeNet: sigmoids and average pooling."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, stride=2),
            nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(), nn.AvgPool2d(2, stride=2), nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(),
            nn.Linear(84, 10),
        )  # fmt: skip

    def forward(self, x):
        return self.net(x)


def train(args):
    train_set, test_set = handwriting.load(args, args.images, 200)
    torch.manual_seed(0)
    model = LeNet()
    model.apply(lambda m: nn.init.xavier_uniform_(m.weight) if hasattr(m, "weight") else None)
    x = torch.rand(1, 1, 28, 28)
    for layer in model.net:
        x = layer(x)
        print(layer.__class__.__name__, "output shape:\t", x.shape)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.9)
    for epoch in range(args.epochs):
        total = 0.0
        for images, labels in DataLoader(train_set, batch_size=32, shuffle=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        print(f"epoch {epoch} loss {total / len(train_set):.5f}")
    x, y = test_set[:]
    print("correct counted", 0 <= (model(x).argmax(1) == y).sum().item() <= 200)


if __name__ == "__main__":
    options = handwriting.options(__doc__, images=256, epochs=2)
    blocks()
    parameters()
    files()
    layers()
    train(options)
