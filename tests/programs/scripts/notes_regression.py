"""Notes on regression: updates written by hand, and k-fold cross-validation."""

import math

import handwriting
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def polynomial():
    torch.manual_seed(0)
    x = torch.linspace(-math.pi, math.pi, 200)
    y = torch.sin(x)
    a, b, c, d = (torch.randn((), requires_grad=True) for _ in range(4))
    for step in range(301):
        loss = (a + b * x + c * x**2 + d * x**3 - y).pow(2).sum()
        if step % 100 == 0:
            print(f"polynomial {step} loss {loss.item():.4f}")
        loss.backward()
        with torch.no_grad():
            for p in (a, b, c, d):
                p -= 1e-6 * p.grad
                p.grad = None


def logistic():
    torch.manual_seed(1)
    x = torch.cat([torch.randn(50, 2) + 1.5, torch.randn(50, 2) - 1.5])
    y = torch.cat([torch.ones(50), torch.zeros(50)])
    w, b = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
    for _ in range(50):
        p = 1 / (1 + torch.exp(-(x @ w + b)))
        loss = -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()
        loss.backward()
        with torch.no_grad():
            w -= 0.5 * w.grad
            b -= 0.5 * b.grad
            w.grad.zero_()
            b.grad.zero_()
    same = nn.functional.binary_cross_entropy_with_logits(x @ w + b, y)
    print(f"logistic loss {loss.item():.5f} then {same.item():.5f}")
    print("accuracy", ((p > 0.5).float() == y).float().mean().item())


def softmax_by_hand(args):
    train_set, test_set = handwriting.load(args, args.images, 200)
    torch.manual_seed(0)
    w = torch.normal(0, 0.01, size=(784, 10), requires_grad=True)
    b = torch.zeros(10, requires_grad=True)

    def net(x):
        e = torch.exp(x.reshape(-1, 784) @ w + b)
        return e / e.sum(dim=1, keepdim=True)

    def cross_entropy(p, y):
        return -torch.log(p[range(len(p)), y])

    for epoch in range(3):
        total = 0.0
        for x, y in DataLoader(train_set, batch_size=64, shuffle=True):
            loss = cross_entropy(net(x), y)
            loss.sum().backward()
            total += loss.sum().item()
            with torch.no_grad():
                for p in (w, b):
                    p -= 0.05 * p.grad / len(y)
                    p.grad.zero_()
        print(f"softmax epoch {epoch} loss {total / len(train_set):.5f}")
    x, y = test_set.tensors
    print(f"accuracy {(net(x).argmax(dim=1) == y).float().mean().item():.2f}")


def houses():
    """Prices over several sizes: logarithmic error, Adam with weight decay, k folds."""
    torch.manual_seed(2)
    x = torch.rand(90, 4)
    prices = torch.exp(x @ torch.tensor([1.0, 2.0, 0.5, -0.5]) + 3)[:, None]

    def log_rmse(net, x, y):
        clipped = torch.clamp(net(x), 1, float("inf"))
        return torch.sqrt(nn.MSELoss()(torch.log(clipped), torch.log(y))).item()

    def fold(k, i):
        size = x.shape[0] // k
        held = slice(i * size, (i + 1) * size)
        keep = torch.ones(len(x), dtype=torch.bool)
        keep[held] = False
        return x[keep], prices[keep], x[held], prices[held]

    for i in range(3):
        tx, ty, vx, vy = fold(3, i)
        net = nn.Sequential(nn.Linear(4, 1))
        net[0].weight.data.normal_(0, 0.01)
        net[0].bias.data.fill_(0)
        optimizer = torch.optim.Adam(net.parameters(), lr=5, weight_decay=0.1)
        for _ in range(20):
            for bx, by in DataLoader(TensorDataset(tx, ty), 20, shuffle=True):
                optimizer.zero_grad()
                loss = nn.MSELoss()(net(bx), by)
                loss.backward()
                optimizer.step()
        print(f"fold {i} train {log_rmse(net, tx, ty):.4f} valid {log_rmse(net, vx, vy):.4f}")


def log_cosh(prediction, target):
    return torch.log(torch.cosh(prediction - target)).mean()


def losses():
    torch.manual_seed(3)
    p, t = torch.randn(8, requires_grad=True), torch.randn(8)
    for name, loss in (
        ("mse", nn.MSELoss()), ("l1", nn.L1Loss()), ("huber", nn.HuberLoss(delta=0.5)),
        ("bce", lambda p, t: nn.BCEWithLogitsLoss()(p, (t > 0).float())), ("log-cosh", log_cosh),
        ("log-mse", lambda p, t: nn.MSELoss()(torch.log1p(p.abs()), torch.log1p(t.abs()))),
    ):  # fmt: skip
        value = loss(p, t)
        (gradient,) = torch.autograd.grad(value, p)
        print(f"{name} {value.item():.5f} gradient {gradient.norm().item():.5f}")


def optimizers():
    for name, options in (
        ("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {"lr": 0.1}), ("RMSprop", {"lr": 0.05}),
        ("Adagrad", {"lr": 0.5}), ("AdamW", {"lr": 0.1, "weight_decay": 0.1}),
        ("NAdam", {"lr": 0.1}),
    ):  # fmt: skip
        torch.manual_seed(4)
        w = torch.randn(3, requires_grad=True)
        optimizer = getattr(torch.optim, name)([w], **options)
        for _ in range(30):
            optimizer.zero_grad()
            loss = ((w - torch.tensor([1.0, -2.0, 0.5])) ** 2 * torch.tensor([1.0, 4.0, 0.5])).sum()
            loss.backward()
            optimizer.step()
        print(f"{name} {loss.item():.6f}", [round(v, 3) for v in w.tolist()])


if __name__ == "__main__":
    options = handwriting.options(__doc__, images=512)
    polynomial()
    logistic()
    softmax_by_hand(options)
    houses()
    losses()
    optimizers()
