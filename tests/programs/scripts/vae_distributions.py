"""A variational autoencoder written with torch.distributions."""

import handwriting
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.utils.data import DataLoader

args = handwriting.options("VAE with distributions", epochs=3, images=640)
torch.manual_seed(1)
train_set, test_set = handwriting.load(args, args.images, 200)
LATENT = 6


def binarize(x):
    return (x * 0.3081 + 0.1307 > 0.5).float().flatten(1)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 64)
        self.loc = nn.Linear(64, LATENT)
        self.scale = nn.Linear(64, LATENT)

    def forward(self, x):
        h = torch.tanh(self.hidden(x))
        return Independent(Normal(self.loc(h), F.softplus(self.scale(h)) + 1e-4), 1)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(LATENT, 64), nn.Tanh(), nn.Linear(64, 784))

    def forward(self, z):
        return Independent(Bernoulli(logits=self.net(z)), 1)


encoder, decoder = Encoder(), Decoder()
prior = Independent(Normal(torch.zeros(LATENT), torch.ones(LATENT)), 1)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)
loader = DataLoader(train_set, batch_size=64, shuffle=True)


def elbo(x, samples=1):
    posterior = encoder(x)
    z = posterior.rsample((samples,))
    likelihood = decoder(z).log_prob(x).mean(0)
    return likelihood.mean(), kl_divergence(posterior, prior).mean()


for epoch in range(args.epochs):
    total = 0.0
    for x, _ in loader:
        likelihood, kl = elbo(binarize(x))
        loss = kl - likelihood
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} negative ELBO {total / len(loader):.3f}")

x = binarize(torch.stack([image for image, _ in test_set]))
with torch.no_grad():
    likelihood, kl = elbo(x, samples=4)
    posterior = encoder(x)
    z = posterior.sample((16,))
    weights = decoder(z).log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)
    bound = torch.logsumexp(weights, 0) - torch.tensor(16.0).log()
    print(f"test likelihood {likelihood:.3f} kl {kl:.3f} importance bound {bound.mean():.3f}")
    print(f"posterior entropy {posterior.entropy().mean():.3f}")
    print(f"mean pixel of samples {decoder(prior.sample((64,))).mean.mean():.4f}")
print(posterior)
