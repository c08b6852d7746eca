"""Weight uncertainty in neural networks: a variational posterior over every weight."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence


class ScaleMixturePrior:
    def __init__(self, pi, sigma1, sigma2):
        self.pi = pi
        self.gaussian1 = torch.distributions.Normal(0, sigma1)
        self.gaussian2 = torch.distributions.Normal(0, sigma2)

    def log_prob(self, input):
        prob1 = torch.exp(self.gaussian1.log_prob(input))
        prob2 = torch.exp(self.gaussian2.log_prob(input))
        return torch.log(self.pi * prob1 + (1 - self.pi) * prob2).sum()


class Gaussian:
    def __init__(self, mu, rho):
        self.mu, self.rho = mu, rho
        self.normal = torch.distributions.Normal(0, 1)

    @property
    def sigma(self):
        return torch.log1p(torch.exp(self.rho))

    def sample(self):
        epsilon = self.normal.sample(self.rho.size())
        return self.mu + self.sigma * epsilon

    def log_prob(self, input):
        log_density = -torch.log(self.sigma) - (input - self.mu) ** 2 / (2 * self.sigma**2)
        return (log_density - math.log(math.sqrt(2 * math.pi))).sum()


class BayesianLinear(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight_mu = nn.Parameter(torch.empty(out_features, in_features).uniform_(-0.2, 0.2))
        self.weight_rho = nn.Parameter(torch.empty(out_features, in_features).uniform_(-5, -4))
        self.bias_mu = nn.Parameter(torch.empty(out_features).uniform_(-0.2, 0.2))
        self.bias_rho = nn.Parameter(torch.empty(out_features).uniform_(-5, -4))
        self.weight = Gaussian(self.weight_mu, self.weight_rho)
        self.bias = Gaussian(self.bias_mu, self.bias_rho)
        self.prior = ScaleMixturePrior(0.5, math.exp(-0.0), math.exp(-6))
        self.log_prior = self.log_variational_posterior = 0

    def forward(self, input):
        weight, bias = self.weight.sample(), self.bias.sample()
        self.log_prior = self.prior.log_prob(weight) + self.prior.log_prob(bias)
        posterior = self.weight.log_prob(weight) + self.bias.log_prob(bias)
        self.log_variational_posterior = posterior
        return F.linear(input, weight, bias)


class BayesianNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = BayesianLinear(1, 16)
        self.l2 = BayesianLinear(16, 16)
        self.l3 = BayesianLinear(16, 1)

    def forward(self, x):
        return self.l3(F.relu(self.l2(F.relu(self.l1(x)))))

    def sample_elbo(self, x, y, samples=3):
        complexity = likelihood = 0
        for _ in range(samples):
            noise = torch.distributions.Normal(self(x), 0.1)
            likelihood = likelihood + noise.log_prob(y).sum() / samples
            for layer in (self.l1, self.l2, self.l3):
                gap = layer.log_variational_posterior - layer.log_prior
                complexity = complexity + gap / samples
        return complexity / 4 - likelihood


torch.manual_seed(3)
x = torch.linspace(-1, 1, 64).unsqueeze(1)
y = x + 0.3 * torch.sin(2 * math.pi * x) + 0.02 * torch.randn_like(x)
net = BayesianNetwork()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for step in range(41):
    optimizer.zero_grad()
    loss = net.sample_elbo(x, y)
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step} loss {loss.item():.3f}")

with torch.no_grad():
    outputs = torch.stack([net(x) for _ in range(20)])
    print(
        f"error {(outputs.mean(0) - y).pow(2).mean().sqrt():.4f} spread {outputs.std(0).mean():.4f}"
    )
    posterior = Normal(net.l2.weight_mu, net.l2.weight.sigma)
    print(f"kl to a unit prior {kl_divergence(posterior, Normal(0.0, 1.0)).mean():.4f}")
    ratio = (net.l2.weight_mu.abs() / net.l2.weight.sigma).log10()
    print(f"signal to noise {ratio.mean():.4f}")
