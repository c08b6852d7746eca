"""ESPCN super-resolution: sub-pixel convolution, orthogonal start, PSNR."""

from math import log10

import torch
import torch.nn as nn
import torch.nn.init as init
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 16, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(16, 16, (3, 3), (1, 1), (1, 1))
        self.conv3 = nn.Conv2d(16, 8, (3, 3), (1, 1), (1, 1))
        self.conv4 = nn.Conv2d(8, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = self.relu(self.conv3(x))
        return self.pixel_shuffle(self.conv4(x))

    def _initialize_weights(self):
        init.orthogonal_(self.conv1.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv2.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv3.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv4.weight)


def waves(n, size):
    grid = torch.linspace(0, 1, size)
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    f = 2 + 8 * torch.rand(n, 4, 1, 1)
    return (
        0.5
        + 0.25 * torch.sin(f[:, :1] * x + 6 * f[:, 1:2] * y)
        + 0.25 * torch.cos(5 * f[:, 2:3] * x * y)
    )


torch.manual_seed(123)
high = waves(48, 24)
low = nn.functional.interpolate(high, scale_factor=1 / 3, mode="bicubic", align_corners=False)
loader = DataLoader(TensorDataset(low[:40], high[:40]), batch_size=8, shuffle=True)
model = Net(upscale_factor=3)
criterion = nn.MSELoss()
optimizer = optim.Adam(model.parameters(), lr=0.003)
for epoch in range(1, 5):
    epoch_loss = 0
    for iteration, (input, target) in enumerate(loader, 1):
        optimizer.zero_grad()
        loss = criterion(model(input), target)
        epoch_loss += loss.item()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        mse = criterion(model(low[40:]), high[40:])
    print(
        f"===> Epoch {epoch} Complete: Avg. Loss: {epoch_loss / len(loader):.4f}, PSNR: {10 * log10(1 / mse.item()):.4f} dB"
    )
bicubic = nn.functional.interpolate(low[40:], size=(24, 24), mode="bicubic")
print(f"bicubic PSNR {10 * log10(1 / criterion(bicubic, high[40:]).item()):.4f} dB")
torch.save(model, "model_epoch_4.pth")
again = torch.load("model_epoch_4.pth", weights_only=False)
print((again(low[:1]) - model(low[:1])).abs().max().item() == 0)
