"""FusedConvReLU in a network: against the plain layers, dead at first, cured by initialisation."""

import copy
import time

import handwriting
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader


class FusedConvReLUFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        y = torch.relu(F.conv2d(x, weight, bias, padding=1))
        ctx.save_for_backward(x, weight, bias, y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, _, y = ctx.saved_tensors
        grad = grad_output * (y > 0).to(grad_output.dtype)
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = torch.nn.grad.conv2d_input(x.shape, weight, grad, padding=1)
        if ctx.needs_input_grad[1]:
            grad_weight = torch.nn.grad.conv2d_weight(x, weight.shape, grad, padding=1)
        if ctx.needs_input_grad[2]:
            grad_bias = grad.sum(dim=(0, 2, 3))
        return grad_x, grad_weight, grad_bias


class FusedConvReLU(nn.Module):
    def __init__(self):
        super().__init__()
        plain = nn.Conv2d(1, 1, 3, padding=1)
        self.weight = nn.Parameter(plain.weight.detach().clone())
        self.bias = nn.Parameter(plain.bias.detach().clone())

    def forward(self, x):
        return FusedConvReLUFunction.apply(x, self.weight, self.bias)

    def extra_repr(self):
        return f"{tuple(self.weight.shape)}"


class CNNBaseline(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(1, 1, 3, padding=1) for _ in range(n)])
        self.fc1, self.fc2 = nn.Linear(196, 64), nn.Linear(64, 10)

    def features(self, x):
        for conv in self.convs:
            x = F.relu(conv(x))
        return x

    def forward(self, x):
        x = F.max_pool2d(self.features(x), 2)
        return self.fc2(F.relu(self.fc1(x.view(x.size(0), -1))))


class CNNFused(CNNBaseline):
    def __init__(self, n):
        super().__init__(n)
        self.convs = nn.ModuleList([FusedConvReLU() for _ in range(n)])

    def features(self, x):
        for conv in self.convs:
            x = conv(x)
        return x


def copy_weights(source, target):
    with torch.no_grad():
        for ours, theirs in zip(target.parameters(), source.parameters(), strict=True):
            ours.copy_(theirs)


def cure(model):
    for conv in model.convs:
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        nn.init.zeros_(conv.bias)


def train(model, loader, test_set, name, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    times = dict.fromkeys(("total", "forward", "backward"), 0.0)
    losses, begin = [], time.perf_counter()
    model.train()
    for images, labels in loader:
        start = time.perf_counter()
        loss = criterion(model(images), labels)
        middle = time.perf_counter()
        optimizer.zero_grad()
        loss.backward()
        end = time.perf_counter()
        optimizer.step()
        times["forward"] += middle - start
        times["backward"] += end - middle
        losses.append(loss.item())
    times["total"] = time.perf_counter() - begin
    assert times["forward"] + times["backward"] <= times["total"]
    model.eval()
    with torch.inference_mode():
        images, labels = test_set[:]
        accuracy = (model(images).argmax(1) == labels).float().mean().item()
    print(f"{name}: loss {sum(losses) / len(losses):.5f} accuracy {accuracy:.2f}")


def main():
    args = handwriting.options(__doc__, images=512, layers=2, deep=10)
    train_set, test_set = handwriting.load(args, args.images, 200)
    torch.manual_seed(0)
    x = torch.randn(2, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    w = torch.randn(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    b = torch.randn(1, dtype=torch.float64, requires_grad=True)
    print("gradcheck", torch.autograd.gradcheck(FusedConvReLUFunction.apply, (x, w, b)))

    torch.manual_seed(5)
    baseline, fused = CNNBaseline(args.layers), CNNFused(args.layers)
    copy_weights(baseline, fused)
    print(fused)
    for name, model in (("baseline", baseline), ("fused", fused)):
        torch.manual_seed(1)
        train(model, DataLoader(train_set, 32, shuffle=True), test_set, name, 0.05)
    distance = max(
        (a - b).abs().max().item()
        for a, b in zip(baseline.parameters(), fused.parameters(), strict=True)
    )
    print("weights alike", distance < 1e-4)

    torch.manual_seed(0)
    deep = CNNFused(args.deep)
    images = train_set[:64][0]
    print("alive pixels, deep:", round((deep.features(images) > 0).float().mean().item(), 3))
    spread = deep.features(images).std(dim=0).max().item()
    print("images told apart:", spread > 1e-3)
    cured = copy.deepcopy(deep)
    torch.manual_seed(7)
    cure(cured)
    print("images told apart, cured:", cured.features(images).std(dim=0).max().item() > 1e-3)
    torch.manual_seed(1)
    train(deep, DataLoader(train_set, 32, shuffle=True), test_set, "deep", 0.05)
    torch.manual_seed(1)
    train(cured, DataLoader(train_set, 32, shuffle=True), test_set, "cured", 0.02)


if __name__ == "__main__":
    main()
