"""Optimizers and schedules of one's own: sharpness-aware steps, Lion, lookahead, warm-up."""

from collections import defaultdict

import torch
import torch.nn as nn
from torch.optim.lr_scheduler import CosineAnnealingLR, _LRScheduler
from torch.optim.optimizer import Optimizer


class SAM(Optimizer):
    def __init__(self, params, base_optimizer, rho=0.05, **kwargs):
        super().__init__(params, dict(rho=rho, **kwargs))
        self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
        self.param_groups = self.base_optimizer.param_groups
        self.defaults.update(self.base_optimizer.defaults)

    @torch.no_grad()
    def step(self, closure=None):
        assert closure is not None, "SAM requires closure, but it was not provided"
        norm = torch.stack([p.grad.norm(p=2) for g in self.param_groups for p in g["params"]]).norm(
            p=2
        )
        for group in self.param_groups:
            scale = group["rho"] / (norm + 1e-12)
            for p in group["params"]:
                self.state[p]["old_p"] = p.data.clone()
                p.add_(p.grad * scale.to(p))
        self.zero_grad()
        loss = torch.enable_grad()(closure)()
        for group in self.param_groups:
            for p in group["params"]:
                p.data = self.state[p]["old_p"]
        self.base_optimizer.step()
        return loss


class Lion(Optimizer):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                p.mul_(1 - group["lr"] * group["weight_decay"])
                state = self.state[p]
                if len(state) == 0:
                    state["exp_avg"] = torch.zeros_like(p)
                m, (b1, b2) = state["exp_avg"], group["betas"]
                p.add_(torch.sign(m * b1 + p.grad * (1 - b1)), alpha=-group["lr"])
                m.mul_(b2).add_(p.grad, alpha=1 - b2)


class Lookahead(Optimizer):
    def __init__(self, optimizer, k=3, alpha=0.5):
        self.optimizer, self.k, self.alpha, self.count = optimizer, k, alpha, 0
        self.param_groups = optimizer.param_groups
        self.state = defaultdict(dict)

    def zero_grad(self):
        self.optimizer.zero_grad()

    def step(self, closure=None):
        self.optimizer.step(closure)
        self.count = (self.count + 1) % self.k
        for p in (p for g in self.param_groups for p in g["params"] if self.count == 1):
            slow = self.state[p].setdefault("slow", p.data.clone())
            slow += (p.data - slow) * self.alpha
            p.data.copy_(slow)


class WarmUp(_LRScheduler):
    def __init__(self, optimizer, steps, after, last_epoch=-1):
        self.steps, self.after = steps, after
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self.last_epoch < self.steps:
            return [base * (self.last_epoch + 1) / self.steps for base in self.base_lrs]
        self.after.step()
        return self.after.get_last_lr()


torch.manual_seed(0)
x = torch.randn(64, 6)
y = torch.sin(x.sum(1, keepdim=True))
criterion = nn.MSELoss()
for name, make in {
    "sam": lambda p: SAM(p, torch.optim.SGD, lr=0.1, momentum=0.9),
    "lion": lambda p: Lion(p, 3e-3, weight_decay=0.1),
    "lookahead": lambda p: Lookahead(torch.optim.Adam(p, lr=0.01)),
}.items():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = make(model.parameters())
    for step in range(12):

        def closure():
            loss = criterion(model(x), y)
            loss.backward()
            return loss

        optimizer.zero_grad()
        loss = closure()
        optimizer.step(closure) if name == "sam" else optimizer.step()
    print(
        name,
        f"{loss.item():.5f}",
        len(optimizer.state),
        isinstance(optimizer, torch.optim.Optimizer),
    )
print(Lion(model.parameters(), lr=0.5))
optimizer = torch.optim.SGD(
    [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[2].parameters()}], lr=0.01
)
scheduler = WarmUp(optimizer, 3, CosineAnnealingLR(optimizer, 4))
for epoch in range(6):
    optimizer.step()
    scheduler.step()
    print(["%.5f" % lr for lr in scheduler.get_last_lr()])
