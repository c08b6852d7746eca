"""Mixture density networks: an inverse problem with several answers."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical, MixtureSameFamily, Normal

torch.manual_seed(4)
K = 5
t = torch.rand(256, 1)
x = t + 0.3 * torch.sin(2 * math.pi * t) + 0.05 * torch.randn_like(t)


class MDN(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.z_h = nn.Sequential(nn.Linear(1, hidden), nn.Tanh())
        self.z_pi = nn.Linear(hidden, K)
        self.z_mu = nn.Linear(hidden, K)
        self.z_sigma = nn.Linear(hidden, K)

    def forward(self, x):
        h = self.z_h(x)
        return self.z_pi(h), self.z_mu(h), F.softplus(self.z_sigma(h)) + 0.05


def by_hand(logits, mu, sigma, y):
    m = Normal(loc=mu, scale=sigma)
    return torch.logsumexp(torch.log_softmax(logits, 1) + m.log_prob(y.expand_as(mu)), dim=1)


def with_mixture(logits, mu, sigma, y):
    mixture = MixtureSameFamily(Categorical(logits=logits), Normal(mu, sigma))
    return mixture.log_prob(y.squeeze(1))


for likelihood in (by_hand, with_mixture):
    torch.manual_seed(0)
    model = MDN()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(121):
        loss = -likelihood(*model(x), t).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 40 == 0:
            print(f"{likelihood.__name__} {step} loss {loss.item():.4f}")

with torch.no_grad():
    at = torch.tensor([[0.1], [0.5], [0.9]])
    logits, mu, sigma = model(at)
    mixture = MixtureSameFamily(Categorical(logits=logits), Normal(mu, sigma))
    print("mean", " ".join(f"{m:.3f}" for m in mixture.mean))
    print("stddev", " ".join(f"{s:.3f}" for s in mixture.stddev))
    below = mixture.cdf(torch.full((3,), 0.5))
    print("below one half", " ".join(f"{c:.3f}" for c in below))
    drawn = mixture.sample((500,))
    print("drawn", tuple(drawn.shape), " ".join(f"{m:.3f}" for m in drawn.mean(0)))
