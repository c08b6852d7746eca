"""Metric learning: a siamese net with contrastive loss, a triplet net, and nearest neighbours."""

import random

import handwriting
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

# Nearest neighbours and folds of few images show differences of rounding.
torch.set_default_dtype(torch.float64)
args = handwriting.options("Siamese and triplet", epochs=2, images=320)
random.seed(0)
torch.manual_seed(0)
train_set, test_set = handwriting.load(args, args.images, 160)


class EmbeddingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.convnet = nn.Sequential(
            nn.Conv2d(1, 8, 5),
            nn.PReLU(),
            nn.MaxPool2d(2, stride=2),
            nn.Conv2d(8, 16, 5),
            nn.PReLU(),
            nn.MaxPool2d(2, stride=2),
        )
        self.fc = nn.Sequential(nn.Linear(16 * 4 * 4, 32), nn.PReLU(), nn.Linear(32, 8))

    def forward(self, x):
        output = self.convnet(x)
        output = output.view(output.size()[0], -1)
        return self.fc(output)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin):
        super().__init__()
        self.margin = margin
        self.eps = 1e-9

    def forward(self, output1, output2, target):
        distances = (output2 - output1).pow(2).sum(1)
        losses = 0.5 * (
            target.float() * distances
            + (1 + -1 * target).float() * F.relu(self.margin - (distances + self.eps).sqrt()).pow(2)
        )
        return losses.mean()


class Triplets(Dataset):
    def __init__(self, source):
        self.source = source
        self.labels = source.tensors[1]
        self.by_label = {c: torch.where(self.labels == c)[0].tolist() for c in range(10)}

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        anchor, label = self.source[index]
        positive = random.choice(self.by_label[label.item()])
        other = random.choice([c for c in range(10) if c != label])
        negative = random.choice(self.by_label[other])
        return anchor, self.source[positive][0], self.source[negative][0]


def accuracy(net):
    net.eval()
    with torch.no_grad():
        keys, queries = net(train_set.tensors[0]), net(test_set.tensors[0])
        nearest = torch.cdist(queries, keys).argmin(dim=1)
    return (train_set.tensors[1][nearest] == test_set.tensors[1]).double().mean().item()


loader = DataLoader(Triplets(train_set), batch_size=32, shuffle=True)
for name in ("siamese", "triplet", "cosine"):
    net = EmbeddingNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    contrastive, triplet = ContrastiveLoss(1.0), nn.TripletMarginLoss(margin=1.0, swap=True)
    cosine = nn.CosineEmbeddingLoss(margin=0.2)
    for epoch in range(args.epochs):
        net.train()
        total = 0.0
        for anchor, positive, negative in loader:
            a, p, n = net(anchor), net(positive), net(negative)
            if name == "siamese":
                same, other = torch.ones(len(a)), torch.zeros(len(a))
                loss = contrastive(a, p, same) + contrastive(a, n, other)
            elif name == "triplet":
                loss = triplet(a, p, n)
            else:
                loss = cosine(a, p, torch.ones(len(a))) + cosine(a, n, -torch.ones(len(a)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        print(f"{name} epoch {epoch} loss {total / len(loader):.4f}")
    print(f"{name} nearest neighbour accuracy {accuracy(net):.4f}")
