"""Networks as functions of place: a picture as a sine network, and a small radiance field."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class Sine(nn.Module):
    def __init__(self, inputs, outputs, first=False, w0=30.0):
        super().__init__()
        self.w0, self.linear = w0, nn.Linear(inputs, outputs)
        with torch.no_grad():
            bound = 1 / inputs if first else math.sqrt(6 / inputs) / w0
            self.linear.weight.uniform_(-bound, bound)

    def forward(self, x):
        return torch.sin(self.w0 * self.linear(x))


def gradient(y, x):
    return torch.autograd.grad(y, [x], grad_outputs=torch.ones_like(y), create_graph=True)[0]


def laplace(y, x):
    slope = gradient(y, x)
    return sum(gradient(slope[..., i], x)[..., i : i + 1] for i in range(slope.shape[-1]))


grid = torch.stack(
    torch.meshgrid(torch.linspace(-1, 1, 12), torch.linspace(-1, 1, 12), indexing="ij"), -1
)
coordinates = grid.reshape(-1, 2).clone().detach().requires_grad_(True)
target = torch.exp(-4 * coordinates.detach().pow(2).sum(-1, keepdim=True))
siren = nn.Sequential(Sine(2, 32, first=True), Sine(32, 32), nn.Linear(32, 1))
optimizer = torch.optim.Adam(siren.parameters(), 1e-3)
for step in range(6):
    out = siren(coordinates)
    curvature = laplace(out, coordinates)
    loss = F.mse_loss(out, target) + 1e-6 * curvature.abs().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(
        f"sine {step} loss {loss.item():.4f} slope {gradient(siren(coordinates), coordinates).norm():.2f}"
    )


def encode(x, octaves=4):
    return torch.cat(
        [x] + [f(2.0**i * x) for i in range(octaves) for f in (torch.sin, torch.cos)], -1
    )


def rays(height, width, focal, camera):
    i, j = torch.meshgrid(torch.arange(float(width)), torch.arange(float(height)), indexing="xy")
    d = torch.stack([(i - width / 2) / focal, -(j - height / 2) / focal, -torch.ones_like(i)], -1)
    return camera[:3, -1].expand_as(d), torch.sum(d[..., None, :] * camera[:3, :3], -1)


def before(t):
    """Products of all that come earlier along the ray."""
    t = torch.roll(torch.cumprod(t, -1), 1, -1)
    t[..., 0] = 1.0
    return t


origins, directions = rays(8, 8, 10.0, torch.eye(4))
picture = torch.stack([grid[:8, :8, 0].sigmoid(), grid[:8, :8, 1].cos(), grid[:8, :8].prod(-1)], -1)
field = nn.Sequential(nn.Linear(27, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.Adam(field.parameters(), 5e-3)
for step in range(6):
    z = torch.linspace(2.0, 6.0, 8).to(origins) + torch.rand(8, 8, 8) * 0.5
    points = origins[..., None, :] + directions[..., None, :] * z[..., :, None]
    raw = torch.cat([field(encode(part)) for part in points.reshape(-1, 3).split(128)], 0).view(
        8, 8, 8, 4
    )
    far = torch.tensor([1e10]).expand(z[..., :1].shape)
    gaps = torch.cat([z[..., 1:] - z[..., :-1], far], -1)
    alpha = 1.0 - torch.exp(-F.relu(raw[..., 3]) * gaps)
    weights = alpha * before(1.0 - alpha + 1e-10)
    image = (weights[..., None] * torch.sigmoid(raw[..., :3])).sum(-2)
    loss = F.mse_loss(image, picture)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"field {step} loss {loss.item():.4f} psnr {-10.0 * torch.log10(loss):.2f}")
cdf = torch.cumsum(weights.detach().flatten(0, 1)[:, 1:-1] + 1e-5, -1)
cdf = torch.cat([torch.zeros_like(cdf[..., :1]), cdf / cdf[..., -1:]], -1)
places = torch.searchsorted(
    cdf, torch.linspace(0, 1, 5).expand(64, 5).contiguous() * 0.99, right=True
)
print(
    places.shape,
    places.min().item() >= 1,
    torch.gather(cdf, 1, (places - 1).clamp(min=0)).max() < 1,
)
