"""A data set, a network of Sequential blocks, AdamW and a checkpoint: a first PyTorch program."""

import os
import tempfile

import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset


class Squares(Dataset):
    """Images of one bright square; the target is where its centre lies."""

    def __init__(self, count, transform=None):
        generator = torch.Generator().manual_seed(1)
        self.corners = torch.randint(0, 9, (count, 2), generator=generator)
        self.transform = transform

    def __len__(self):
        return len(self.corners)

    def __getitem__(self, index):
        row, column = self.corners[index].tolist()
        image = torch.zeros(1, 12, 12)
        image[:, row : row + 3, column : column + 3] = 1
        if self.transform is not None:
            image = self.transform(image)
        return image, (self.corners[index].float() + 1) / 12


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.BatchNorm2d(8),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, stride=2, padding=(1, 1)),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(16),
        )
        self.head = nn.Sequential(
            nn.Linear(16 * 3 * 3, 32),
            nn.ReLU(),
            nn.BatchNorm1d(32),
            nn.Dropout(0.1),
            nn.Linear(32, 2),
        )

    def forward(self, x):
        x = self.features(x)
        return self.head(torch.flatten(x, 1))


torch.manual_seed(0)
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
train = DataLoader(Squares(160, transform=lambda x: (x - 0.06) / 0.24), batch_size=32, shuffle=True)
model = Net().to(device)
print(model)
print("parameters", sum(p.numel() for p in model.parameters() if p.requires_grad))
criterion = nn.MSELoss()
optimizer = optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-2)

for epoch in range(3):
    model.train()
    total = 0.0
    for images, targets in train:
        images, targets = images.to(device), targets.to(device)
        optimizer.zero_grad()
        loss = criterion(model(images), targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * images.size(0)
    print(f"epoch {epoch} loss {total / len(train.dataset):.6f}")

model.eval()
with torch.no_grad():
    sample = torch.stack([train.dataset[i][0] for i in range(4)]).to(device)
    before = model(sample)
path = os.path.join(tempfile.mkdtemp(), "model.pt")
torch.save(model.state_dict(), path)
other = Net().to(device)
print(other.load_state_dict(torch.load(path, map_location=device)))
other.eval()
with torch.no_grad():
    print("same after loading", torch.equal(other(sample), before))
print(sorted(name for name in model.state_dict() if "num_batches" in name))
