"""Two Sequential branches, batch norm, AdamW and MSE; and the gradients of the layers by hand."""

import handwriting
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class OneHot(Dataset):
    def __init__(self, base, transform=None):
        self.base, self.transform = base, transform

    def __len__(self):
        return len(self.base)

    def __getitem__(self, index):
        image, label = self.base[index]
        if self.transform:
            image = self.transform(image)
        return image, F.one_hot(label, 10).float()


class Block(nn.Module):
    def __init__(self, inputs, outputs, **options):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, **options), nn.ReLU(), nn.BatchNorm2d(outputs)
        )

    def forward(self, x):
        return self.body(x)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            Block(1, 8, stride=2, padding=1), Block(8, 12, dilation=(2, 1), bias=False)
        )
        self.pools = nn.ModuleList([nn.MaxPool2d(2), nn.AvgPool2d(2)])
        self.flatten = nn.Flatten(start_dim=1, end_dim=-1)
        self.head = nn.Sequential(
            nn.Linear(2 * 12 * 5 * 6, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Dropout(0.2)
        )
        self.out = nn.Sequential(nn.Linear(32, 10), nn.Sigmoid())

    def forward(self, x):
        x = self.features(x)
        x = torch.cat([pool(x) for pool in self.pools], dim=1)
        return self.out(self.head(self.flatten(x)))


def train(model, loader, optimizer, device):
    model.train()
    criterion = nn.MSELoss()
    total = 0.0
    for images, targets in loader:
        images, targets = images.to(device), targets.to(device)
        optimizer.zero_grad()
        loss = criterion(model(images), targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
    return total / len(loader.dataset)


def evaluate(model, loader, device):
    model.eval()
    correct = 0
    with torch.no_grad():
        for images, targets in loader:
            found = model(images.to(device)).argmax(dim=1)
            correct += (found == targets.to(device).argmax(dim=1)).sum().item()
    return correct / len(loader.dataset)


def prove_gradients():
    """Write the backward formulas of the layers out, and compare."""
    torch.manual_seed(1)
    x = torch.randn(5, 4, requires_grad=True)
    linear = nn.Linear(4, 3)
    y = linear(x)
    g = torch.randn_like(y)
    y.backward(g)
    print("linear dW", torch.allclose(linear.weight.grad, g.t() @ x.detach(), atol=1e-5))
    print("linear dX", torch.allclose(x.grad, g @ linear.weight.detach(), atol=1e-5))
    print("linear db", torch.allclose(linear.bias.grad, g.sum(0), atol=1e-5))

    image = torch.randn(2, 3, 6, 6, requires_grad=True)
    conv = nn.Conv2d(3, 4, 3)
    out = conv(image)
    g = torch.randn_like(out)
    out.backward(g)
    by_hand = torch.zeros_like(image)
    for i in range(3):
        for j in range(3):
            part = torch.einsum("nohw,oc->nchw", g, conv.weight[:, :, i, j])
            by_hand[:, :, i : i + 4, j : j + 4] += part
    print("conv dX", torch.allclose(image.grad, by_hand, atol=1e-4))
    columns = F.unfold(image.detach(), 3)
    by_hand = torch.einsum("nol,nkl->ok", g.flatten(2), columns).view_as(conv.weight)
    print("conv dW", torch.allclose(conv.weight.grad, by_hand, atol=1e-4))
    print("conv db", torch.allclose(conv.bias.grad, g.sum((0, 2, 3)), atol=1e-4))

    z = torch.randn(6, requires_grad=True)
    s = z.sigmoid()
    s.sum().backward()
    print("sigmoid", torch.allclose(z.grad, (s * (1 - s)).detach()))
    ties = torch.ones(1, 1, 4, 4, requires_grad=True)
    F.max_pool2d(ties, 2).sum().backward()
    print("pool ties", ties.grad.sum().item(), ties.grad.max().item())


def main():
    args = handwriting.options(__doc__, epochs=2, images=384, lr=3e-3)
    torch.manual_seed(0)
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    train_set, test_set = handwriting.load(args, args.images, 128)
    flip = OneHot(train_set, transform=lambda image: image.clamp(-1, 3))
    train_loader = DataLoader(dataset=flip, shuffle=True, batch_size=32)
    test_loader = DataLoader(OneHot(test_set), batch_size=64)

    model = Model().to(device)
    print(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    for epoch in range(args.epochs):
        loss = train(model, train_loader, optimizer, device)
        print(f"epoch {epoch} loss {loss:.6f}")
    accuracy = evaluate(model, test_loader, device)

    state = {name: value.clone() for name, value in model.state_dict().items()}
    other = Model()
    print(other.load_state_dict(state))
    other.to("cpu").eval()
    print("same accuracy", accuracy == evaluate(other.to(device), test_loader, device))
    prove_gradients()


if __name__ == "__main__":
    main()
