"""A tiny denoising diffusion model on a two-dimensional spiral, with an EMA of the weights."""

import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def extract(a, t, x_shape):
    return a.gather(-1, t).reshape(t.shape[0], *((1,) * (len(x_shape) - 1)))


class SinusoidalPosEmb(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, x):
        half_dim = self.dim // 2
        emb = math.log(10000) / (half_dim - 1)
        emb = torch.exp(torch.arange(half_dim, device=x.device) * -emb)
        emb = x[:, None] * emb[None, :]
        return torch.cat((emb.sin(), emb.cos()), dim=-1)


class Denoiser(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.time_mlp = nn.Sequential(
            SinusoidalPosEmb(dim), nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, 2 * dim)
        )
        self.inp = nn.Linear(2, dim)
        self.mid = nn.Linear(dim, dim)
        self.norm = nn.GroupNorm(4, dim)
        self.out = nn.Linear(dim, 2)

    def forward(self, x, t):
        scale, shift = self.time_mlp(t).chunk(2, dim=1)
        h = self.norm(F.silu(self.inp(x)))
        h = h * (scale + 1) + shift
        return self.out(F.mish(self.mid(h)) + h)


class Diffusion(nn.Module):
    def __init__(self, model, timesteps=30):
        super().__init__()
        self.model, self.timesteps = model, timesteps
        x = torch.linspace(0, timesteps, timesteps + 1, dtype=torch.float64)
        cumprod = torch.cos(((x / timesteps) + 0.008) / 1.008 * math.pi * 0.5) ** 2
        cumprod = cumprod / cumprod[0]
        betas = torch.clip(1 - (cumprod[1:] / cumprod[:-1]), 0, 0.999)
        alphas = 1.0 - betas
        bar = torch.cumprod(alphas, dim=0)
        previous = F.pad(bar[:-1], (1, 0), value=1.0)
        for name, value in {
            "betas": betas,
            "sqrt_bar": torch.sqrt(bar),
            "sqrt_one_minus_bar": torch.sqrt(1.0 - bar),
            "recip_alpha": torch.rsqrt(alphas),
            "variance": betas * (1.0 - previous) / (1.0 - bar),
        }.items():
            self.register_buffer(name, value.to(torch.float32))

    def forward(self, x):
        t = torch.randint(0, self.timesteps, (x.shape[0],), device=x.device).long()
        noise = torch.randn_like(x)
        noisy = (
            extract(self.sqrt_bar, t, x.shape) * x
            + extract(self.sqrt_one_minus_bar, t, x.shape) * noise
        )
        return F.mse_loss(self.model(noisy, t), noise)

    @torch.inference_mode()
    def sample(self, n):
        img = torch.randn(n, 2)
        for i in reversed(range(0, self.timesteps)):
            t = torch.full((n,), i, dtype=torch.long)
            eps = self.model(img, t)
            mean = extract(self.recip_alpha, t, img.shape) * (
                img - extract(self.betas / self.sqrt_one_minus_bar, t, img.shape) * eps
            )
            img = (
                mean
                if i == 0
                else mean + extract(self.variance, t, img.shape).sqrt() * torch.randn_like(img)
            )
        return img


torch.manual_seed(7)
angle = 3 * math.pi * torch.sqrt(torch.rand(1024, 1))
data = torch.cat((angle.cos(), angle.sin()), 1) * angle / 6 + 0.05 * torch.randn(1024, 2)
diffusion = Diffusion(Denoiser())
ema = copy.deepcopy(diffusion).requires_grad_(False)
optimizer = torch.optim.Adam(diffusion.parameters(), lr=4e-3, betas=(0.9, 0.99))
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 20))
for step in range(1, 121):
    loss = diffusion(data[torch.randint(0, 1024, (128,))])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step()
    with torch.no_grad():
        for slow, fast in zip(ema.parameters(), diffusion.parameters()):
            slow.lerp_(fast, 0.05)
    if step % 40 == 0:
        print(f"step {step} loss {loss.item():.5f}")
points = ema.sample(256)
print(f"mean {points.mean(0).tolist()[0]:.4f} std {points.std(0)[1]:.4f}")
print(f"distance to the data {torch.cdist(points, data).min(1).values.mean():.4f}")
print(sorted(diffusion.state_dict())[:3])
