"""Clothes by torchvision: both generations of transforms, softmax regression, a small network."""

import argparse

import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.transforms import v2

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--root", required=True, help="folder with FashionMNIST/raw")
parser.add_argument("--images", type=int, default=2048)
args = parser.parse_args()

first = transforms.Compose(
    [transforms.Resize(14), transforms.ToTensor(), transforms.Normalize((0.2860,), (0.3530,))]
)
second = v2.Compose(
    [
        v2.Resize((14, 14)),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.2860,), (0.3530,)),
    ]
)
sets = [
    torchvision.datasets.FashionMNIST(root=args.root, train=False, transform=t, download=False)
    for t in (first, second)
]
a, b = sets[0][0][0], sets[1][0][0]
print(a.shape, a.dtype, "transforms agree", (a - b).abs().max().item() < 1e-5)
print(len(sets[0]), sets[0].classes[sets[0][0][1]])

torch.manual_seed(0)
for name, net in (
    ("softmax", nn.Sequential(nn.Flatten(), nn.Linear(196, 10))),
    ("mlp", nn.Sequential(nn.Flatten(), nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 10))),
):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    losses = []
    for x, y in DataLoader(Subset(sets[0], range(args.images)), batch_size=64, shuffle=True):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(name, "first", round(losses[0], 2), "learns", losses[-1] < 0.6 * losses[0])
