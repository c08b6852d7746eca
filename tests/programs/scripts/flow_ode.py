"""A RealNVP flow, and a neural ODE with RK4 and the adjoint method as an autograd.Function."""

import math

import torch
import torch.nn as nn


class Coupling(nn.Module):
    def __init__(self, dim, hidden, flip):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(
            nn.Linear(dim // 2, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(),
            nn.Linear(hidden, dim),
        )  # fmt: skip

    def forward(self, x):
        a, b = x.chunk(2, 1)
        if self.flip:
            a, b = b, a
        s, t = self.net(a).chunk(2, dim=1)
        s = torch.tanh(s)
        b = b * s.exp() + t
        return torch.cat((b, a) if self.flip else (a, b), 1), s.sum(1)

    def inverse(self, z):
        a, b = z.chunk(2, 1)
        if self.flip:
            a, b = b, a
        s, t = self.net(a).chunk(2, dim=1)
        b = (b - t) * torch.exp(-torch.tanh(s))
        return torch.cat((b, a) if self.flip else (a, b), 1)


class RealNVP(nn.Module):
    def __init__(self, dim=2, hidden=24, layers=4):
        super().__init__()
        self.flows = nn.ModuleList(Coupling(dim, hidden, i % 2 == 1) for i in range(layers))

    def log_prob(self, x):
        logdet = x.new_zeros(x.shape[0])
        for flow in self.flows:
            x, d = flow(x)
            logdet += d
        return logdet - 0.5 * (x**2).sum(-1) - math.log(2 * math.pi)

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, 2)
        for flow in self.flows[::-1]:
            z = flow.inverse(z)
        return z


def moons(n):
    t = math.pi * torch.rand(n)
    sign = torch.sign(torch.rand(n) - 0.5)
    x = torch.stack((torch.cos(t) * sign - 0.5 * sign + 0.0, torch.sin(t) * sign - 0.25 * sign), -1)
    return x + 0.05 * torch.randn_like(x)


torch.manual_seed(0)
model = RealNVP()
optimizer = torch.optim.Adamax(model.parameters(), lr=0.01)
for i in range(61):
    optimizer.zero_grad()
    loss = -model.log_prob(moons(128)).mean()
    loss.backward()
    optimizer.step()
    if i % 20 == 0:
        print(f"flow {i} nll {loss:.4f}")
sample = model.sample(200)
print(f"flow sample {sample.abs().mean():.4f}")
jac = torch.autograd.functional.jacobian(lambda x: model.flows[0](x[None])[0][0], sample[0])
same = torch.allclose(jac.det().abs().log(), model.flows[0](sample[:1])[1][0], atol=1e-5)
print("log determinant agrees", same)


class ODEFunc(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 2))
        for m in self.net.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, mean=0, std=0.1)
                nn.init.constant_(m.bias, val=0)

    def forward(self, t, y):
        return self.net(y**3)


def rk4(f, y, t0, t1, steps):
    h = (t1 - t0) / steps
    for i in range(steps):
        t = t0 + i * h
        k1 = f(t, y)
        k2 = f(t + h / 2, y + h / 2 * k1)
        k3 = f(t + h / 2, y + h / 2 * k2)
        k4 = f(t + h, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


class Adjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx, func, y0, t0, t1, *params):
        ctx.func, ctx.t0, ctx.t1 = func, t0, t1
        with torch.no_grad():
            y1 = rk4(func, y0, t0, t1, 4)
        ctx.save_for_backward(y1, *params)
        return y1

    @staticmethod
    def backward(ctx, grad):
        y1, *params = ctx.saved_tensors
        n, shape = y1.numel(), y1.shape
        sizes = [p.numel() for p in params]

        def augmented(t, state):
            y, a = state[:n].view(shape), state[n : 2 * n].view(shape)
            with torch.enable_grad():
                y = y.detach().requires_grad_(True)
                f = ctx.func(t, y)
                grads = torch.autograd.grad(f, (y, *params), -a, allow_unused=True)
            return torch.cat([f.detach().reshape(-1)] + [g.reshape(-1) for g in grads])

        state = torch.cat((y1.reshape(-1), grad.reshape(-1), torch.zeros(sum(sizes))))
        state = rk4(augmented, state, ctx.t1, ctx.t0, 4)
        found = state[2 * n :].split(sizes)
        grads = [g.view_as(p) for g, p in zip(found, params)]
        return None, state[n : 2 * n].view(shape), None, None, *grads


true_A = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
y = torch.tensor([[2.0, 0.0]])
path = [y]
for _ in range(60):
    y = rk4(lambda t, y: torch.mm(y**3, true_A), y, 0.0, 0.05, 4)
    path.append(y)
path = torch.cat(path)
for adjoint in (False, True):
    torch.manual_seed(1)
    func = ODEFunc()
    optimizer = torch.optim.RMSprop(func.parameters(), lr=1e-2)
    for itr in range(1, 41):
        start = torch.randint(0, 60, (16,))
        optimizer.zero_grad()
        if adjoint:
            pred = Adjoint.apply(func, path[start], 0.0, 0.05, *func.parameters())
        else:
            pred = rk4(func, path[start], 0.0, 0.05, 4)
        loss = torch.mean(torch.abs(pred - path[start + 1]))
        loss.backward()
        optimizer.step()
        if itr % 20 == 0:
            print(f"ode adjoint {adjoint} {itr} loss {loss.item():.5f}")
