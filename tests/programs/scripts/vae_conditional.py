"""Variational autoencoders, plain and conditioned on the digit."""

import handwriting
import torch
import torch.nn.functional as F
import torch.utils.data
from torch import nn, optim

args = handwriting.options("VAE and CVAE", epochs=3, images=640)
torch.manual_seed(1)
train_set, test_set = handwriting.load(args, args.images, 200)
mean, std = 0.1307, 0.3081


def pixels(x):
    return (x * std + mean).clamp_(0, 1)


class VAE(nn.Module):
    def __init__(self, classes=0):
        super().__init__()
        self.classes = classes
        self.fc1 = nn.Linear(784 + classes, 64)
        self.fc21 = nn.Linear(64, 8)
        self.fc22 = nn.Linear(64, 8)
        self.fc3 = nn.Linear(8 + classes, 64)
        self.fc4 = nn.Linear(64, 784)

    def condition(self, x, labels):
        if not self.classes:
            return x
        return torch.cat([x, F.one_hot(labels, self.classes).to(x.dtype)], dim=1)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x, labels):
        mu, logvar = self.encode(self.condition(x.view(-1, 784), labels))
        z = self.reparameterize(mu, logvar)
        return self.decode(self.condition(z, labels)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


for classes in (0, 10):
    model = VAE(classes)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    train_loader = torch.utils.data.DataLoader(train_set, batch_size=32, shuffle=True)
    test_loader = torch.utils.data.DataLoader(test_set, batch_size=100)
    for epoch in range(1, args.epochs + 1):
        model.train()
        train_loss = 0
        for data, labels in train_loader:
            data = pixels(data)
            optimizer.zero_grad()
            recon, mu, logvar = model(data, labels)
            loss = loss_function(recon, data, mu, logvar)
            loss.backward()
            train_loss += loss.item()
            optimizer.step()
        model.eval()
        test_loss = 0
        with torch.no_grad():
            for data, labels in test_loader:
                data = pixels(data)
                test_loss += loss_function(model(data, labels)[0], data, mu, logvar).item()
        print(
            f"====> Epoch: {epoch} Average loss: {train_loss / len(train_set):.4f} test: {test_loss / len(test_set):.4f}"
        )
    with torch.no_grad():
        labels = torch.arange(8)
        sample = model.decode(model.condition(torch.randn(8, 8), labels)).view(8, 1, 28, 28)
    print("sample ink", [f"{v:.4f}" for v in sample.mean((1, 2, 3)).tolist()])
