"""Wasserstein GAN with gradient penalty on a ring of Gaussians."""

import argparse

import numpy as np
import torch
import torch.autograd as autograd
import torch.nn as nn
from torch.autograd import Variable

parser = argparse.ArgumentParser()
parser.add_argument("--n_steps", type=int, default=40)
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--latent_dim", type=int, default=4)
parser.add_argument("--n_critic", type=int, default=3)
opt = parser.parse_args()

cuda = True if torch.cuda.is_available() else False
Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor
np.random.seed(3)
torch.manual_seed(3)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()

        def block(in_feat, out_feat, normalize=True):
            layers = [nn.Linear(in_feat, out_feat)]
            if normalize:
                layers.append(nn.BatchNorm1d(out_feat, 0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(
            *block(opt.latent_dim, 32, normalize=False), *block(32, 64), nn.Linear(64, 2)
        )

    def forward(self, z):
        return self.model(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(2, 64),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(64, 32),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(32, 1),
        )

    def forward(self, points):
        return self.model(points.view(points.shape[0], -1))


def real_batch(n):
    angle = 2 * np.pi * np.random.randint(0, 8, n) / 8
    centre = np.stack([np.cos(angle), np.sin(angle)], 1)
    return Tensor(centre + 0.05 * np.random.randn(n, 2))


def compute_gradient_penalty(D, real_samples, fake_samples):
    alpha = Tensor(np.random.random((real_samples.size(0), 1)))
    interpolates = (alpha * real_samples + ((1 - alpha) * fake_samples)).requires_grad_(True)
    d_interpolates = D(interpolates)
    fake = Variable(Tensor(real_samples.shape[0], 1).fill_(1.0), requires_grad=False)
    gradients = autograd.grad(
        outputs=d_interpolates,
        inputs=interpolates,
        grad_outputs=fake,
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


generator, discriminator = Generator(), Discriminator()
optimizer_G = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.9))
for step in range(1, opt.n_steps + 1):
    for _ in range(opt.n_critic):
        optimizer_D.zero_grad()
        real = Variable(real_batch(opt.batch_size))
        z = Variable(Tensor(np.random.normal(0, 1, (opt.batch_size, opt.latent_dim))))
        fake = generator(z)
        penalty = compute_gradient_penalty(discriminator, real.data, fake.data)
        d_loss = -torch.mean(discriminator(real)) + torch.mean(discriminator(fake)) + 10 * penalty
        d_loss.backward()
        optimizer_D.step()
    optimizer_G.zero_grad()
    g_loss = -torch.mean(discriminator(generator(z)))
    g_loss.backward()
    optimizer_G.step()
    if step % 10 == 0:
        print(
            "[Step %d/%d] [D loss: %f] [G loss: %f] [penalty %f]"
            % (step, opt.n_steps, d_loss.item(), g_loss.item(), penalty.item())
        )
generator.eval()
with torch.no_grad():
    radius = generator(torch.randn(256, opt.latent_dim)).norm(dim=1)
print(f"radius {radius.mean():.4f} +- {radius.std():.4f}")
