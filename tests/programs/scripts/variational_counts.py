"""Beliefs about counts: Thompson sampling, and variational inference through gamma draws."""

import torch
from torch.distributions import (
    Beta,
    Binomial,
    Categorical,
    Dirichlet,
    Gamma,
    LogNormal,
    Multinomial,
    Poisson,
    StudentT,
    constraints,
    kl_divergence,
    transform_to,
)

torch.manual_seed(9)

# Thompson sampling with beta beliefs.
chances = torch.tensor([0.2, 0.5, 0.65])
wins, losses = torch.ones(3), torch.ones(3)
for _ in range(150):
    arm = Beta(wins, losses).sample().argmax()
    won = torch.bernoulli(chances[arm])
    wins[arm] += won
    losses[arm] += 1 - won
print("pulls", " ".join(f"{n:.1f}" for n in wins + losses - 2))
print("belief", " ".join(f"{m:.3f}" for m in Beta(wins, losses).mean))

# A gamma posterior of Poisson rates, by gradients through its draws; the exact one is known.
counts = Poisson(torch.tensor([1.5, 6.0, 20.0])).sample((30,))
prior = Gamma(torch.full((3,), 2.0), torch.full((3,), 0.5))
unconstrained = torch.zeros(2, 3, requires_grad=True)
positive = transform_to(constraints.positive)
optimizer = torch.optim.Adam([unconstrained], lr=0.1)
for step in range(201):
    concentration, rate = positive(unconstrained)
    posterior = Gamma(concentration, rate)
    rates = posterior.rsample((8,))
    likelihood = Poisson(rates.unsqueeze(1)).log_prob(counts).sum(1).mean(0)
    loss = (kl_divergence(posterior, prior) - likelihood).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"rates {step} loss {loss.item():.2f}")
exact = Gamma(2.0 + counts.sum(0), 0.5 + len(counts))
print("exact mean", " ".join(f"{m:.3f}" for m in exact.mean))
print("kl to exact is small", (kl_divergence(posterior, exact) < 3).tolist())

# Shares of categories, through Dirichlet draws.
seen = Multinomial(60, torch.tensor([0.1, 0.3, 0.6])).sample()
log_concentration = torch.zeros(3, requires_grad=True)
optimizer = torch.optim.Adam([log_concentration], lr=0.1)
for step in range(101):
    shares = Dirichlet(log_concentration.exp())
    drawn = shares.rsample((16,))
    fit = (seen * drawn.log()).sum(-1).mean()
    loss = kl_divergence(shares, Dirichlet(torch.ones(3))) - fit
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"shares {step} loss {loss.item():.2f}")
print("seen", seen.tolist(), "mean", " ".join(f"{m:.2f}" for m in shares.mean))

# Maximum likelihood with heavy tails.
data = StudentT(4.0, 1.0, 0.5).sample((300,))
raw = torch.zeros(3, requires_grad=True)
optimizer = torch.optim.LBFGS([raw], max_iter=12)


def closure():
    optimizer.zero_grad()
    loss = -StudentT(raw[0].exp(), raw[1], raw[2].exp()).log_prob(data).mean()
    loss.backward()
    return loss


print(f"student first {optimizer.step(closure):.3f} last {closure():.3f} loc {raw[1]:.2f}")
print(f"binomial {Binomial(9, torch.tensor(0.4)).log_prob(torch.arange(10.0)).exp().sum():.3f}")
print(f"lognormal {LogNormal(0.0, 0.5).cdf(torch.tensor(1.0)):.3f}")
print(Categorical(torch.ones(4)).entropy(), Categorical(logits=torch.zeros(2, 3)))
