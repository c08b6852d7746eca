"""Normalizing flows on two moons: coupling layers, and transforms of distributions."""

import math

import torch
import torch.nn as nn
from torch.distributions import MultivariateNormal, TransformedDistribution, Uniform
from torch.distributions.transforms import AffineTransform, SigmoidTransform, TanhTransform


def moons(n, generator=None):
    angle = math.pi * torch.rand(n)
    upper = torch.rand(n) < 0.5
    x = torch.where(upper, torch.cos(angle), 1 - torch.cos(angle))
    y = torch.where(upper, torch.sin(angle), 0.5 - torch.sin(angle))
    return torch.stack([x - 0.5, y - 0.25], 1) + 0.08 * torch.randn(n, 2)


class RealNVP(nn.Module):
    def __init__(self, masks, prior):
        super().__init__()
        self.prior = prior
        self.mask = nn.Parameter(masks, requires_grad=False)
        self.t = nn.ModuleList([self.net() for _ in masks])
        self.s = nn.ModuleList([nn.Sequential(self.net(), nn.Tanh()) for _ in masks])

    def net(self):
        return nn.Sequential(nn.Linear(2, 24), nn.LeakyReLU(), nn.Linear(24, 2))

    def g(self, z):
        x = z
        for mask, t, s in zip(self.mask, self.t, self.s):
            x_ = x * mask
            scale, shift = s(x_) * (1 - mask), t(x_) * (1 - mask)
            x = x_ + (1 - mask) * (x * torch.exp(scale) + shift)
        return x

    def f(self, x):
        log_det_J, z = x.new_zeros(x.shape[0]), x
        for mask, t, s in reversed(list(zip(self.mask, self.t, self.s))):
            z_ = mask * z
            scale, shift = s(z_) * (1 - mask), t(z_) * (1 - mask)
            z = (1 - mask) * (z - shift) * torch.exp(-scale) + z_
            log_det_J -= scale.sum(dim=1)
        return z, log_det_J

    def log_prob(self, x):
        z, logp = self.f(x)
        return self.prior.log_prob(z) + logp

    def sample(self, n):
        return self.g(self.prior.sample((n,)))


torch.manual_seed(6)
prior = MultivariateNormal(torch.zeros(2), torch.eye(2))
flow = RealNVP(torch.tensor([[0.0, 1.0], [1.0, 0.0]] * 3), prior)
optimizer = torch.optim.Adam([p for p in flow.parameters() if p.requires_grad], lr=5e-3)
for step in range(121):
    loss = -flow.log_prob(moons(128)).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
    if step % 40 == 0:
        print(f"iter {step}: loss = {loss:.3f}")

with torch.no_grad():
    drawn = flow.sample(500)
    print(f"drawn mean {drawn.mean(0)[0]:.3f} {drawn.mean(0)[1]:.3f} std {drawn.std():.3f}")
    back, _ = flow.f(drawn[:5])
    print(f"inverse {(flow.g(back) - drawn[:5]).abs().max() < 1e-4}")

# A chain of simple transforms with learned numbers, fitted to logistic data.
loc, scale = torch.zeros(1, requires_grad=True), torch.ones(1, requires_grad=True)
data = 2.0 + 0.5 * torch.logit(torch.rand(400, 1).clamp(1e-4, 1 - 1e-4))
optimizer = torch.optim.Adam([loc, scale], lr=0.05)
for step in range(101):
    base = Uniform(torch.zeros(1), torch.ones(1))
    logistic = TransformedDistribution(base, [SigmoidTransform().inv, AffineTransform(loc, scale)])
    loss = -logistic.log_prob(data).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(
            f"logistic {step} loss {loss.item():.4f} loc {loc.item():.3f} scale {scale.item():.3f}"
        )

squashed = TransformedDistribution(prior, [TanhTransform(cache_size=1)])
action = squashed.rsample((4,))
print(f"squashed {action.abs().max() < 1} log density {squashed.log_prob(action).sum():.3f}")
