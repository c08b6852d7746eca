"""LeNet-5 with GELU: the operator by hand, checked, then trained with NAdam; TensorBoard."""

import math
import os
import tempfile

import handwriting
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter


class GELUFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        phi = 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))
        ctx.save_for_backward(x, phi)
        return x * phi

    @staticmethod
    def backward(ctx, grad_output):
        x, phi = ctx.saved_tensors
        density = torch.exp(-x.pow(2) / 2) / math.sqrt(2 * math.pi)
        return grad_output * (phi + x * density)


class GELU(nn.Module):
    def forward(self, x):
        return GELUFunction.apply(x)


def lenet(activation):
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2), activation(),
        nn.MaxPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), activation(),
        nn.MaxPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(400, 120), activation(),
        nn.Linear(120, 84), activation(),
        nn.Linear(84, 10),
    )  # fmt: skip


def verify():
    torch.manual_seed(0)
    x = torch.randn(1000, dtype=torch.float64)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    ours, theirs = GELUFunction.apply(a), F.gelu(b)
    ours.sum().backward()
    theirs.sum().backward()
    print("value agrees", (ours - theirs).abs().max().item() < 1e-14)
    print("gradient agrees", (a.grad - b.grad).abs().mean().item() < 1e-15)
    print(
        "gradcheck",
        torch.autograd.gradcheck(GELUFunction.apply, (a[:10].detach().requires_grad_(),)),
    )


def main():
    args = handwriting.options(__doc__, epochs=1, images=640, lr=3e-3, batch_size=64)
    verify()
    train_set, test_set = handwriting.load(args, args.images, 200)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for name, activation in (("own", GELU), ("built in", nn.GELU)):
        torch.manual_seed(0)
        model = lenet(activation).to(device)
        loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
        optimizer = torch.optim.NAdam(model.parameters(), lr=args.lr)
        criterion = nn.CrossEntropyLoss().to(device)
        folder = tempfile.mkdtemp()
        writer = SummaryWriter(folder)
        step = 0
        for epoch in range(args.epochs):
            model.train()
            total = 0.0
            for data in loader:
                images, targets = data
                images, targets = images.to(device), targets.to(device)
                loss = criterion(model(images), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step += 1
                total += loss.item()
                writer.add_scalar("train_loss", loss.item(), step)
            print(f"{name} GELU, epoch {epoch}: loss {total / len(loader):.5f}")
            model.eval()
            right = 0
            with torch.no_grad():
                for images, targets in DataLoader(test_set, batch_size=64):
                    outputs = model(images.to(device))
                    right += (outputs.argmax(1) == targets.to(device)).sum()
            accuracy = right / len(test_set)
            print(f"accuracy {accuracy.item():.2f}")
            writer.add_scalar("test_accuracy", accuracy, step)
        writer.close()
        print("event files:", len(os.listdir(folder)))


if __name__ == "__main__":
    main()
