"""Small models by hand and by layer: losses, optimizers, cross-validation, a custom layer."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

torch.manual_seed(0)

# A polynomial fitted by a hand-written update.
x = torch.linspace(-3, 3, 50).unsqueeze(1)
y = torch.sin(x)
features = torch.cat([x**k / 3**k for k in range(4)], dim=1)
weight = torch.zeros(4, 1, requires_grad=True)
for _ in range(200):
    loss = ((features @ weight - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        weight -= 0.5 * weight.grad
        weight.grad.zero_()
print(
    f"polynomial loss {loss.item():.5f} weight {[round(v, 3) for v in weight.flatten().tolist()]}"
)

# Classification by softmax regression, with k-fold cross-validation.
points = torch.randn(120, 2) + torch.repeat_interleave(torch.eye(3, 2) * 4, 40, dim=0)
labels = torch.arange(3).repeat_interleave(40)
data = TensorDataset(points, labels)
order = torch.randperm(len(data)).tolist()
for fold in range(3):
    held_out = order[fold::3]
    kept = [i for i in order if i not in set(held_out)]
    model = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(5):
        for inputs, targets in DataLoader(Subset(data, kept), batch_size=16, shuffle=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        inputs, targets = data[held_out]
        accuracy = (model(inputs).argmax(1) == targets).float().mean()
    print(f"fold {fold} loss {loss.item():.5f} accuracy {accuracy.item():.4f}")


class StickyDropout(nn.Module):
    """A dropout whose mask stays until `renew` is called."""

    def __init__(self, p):
        super().__init__()
        self.p, self.mask = p, None

    def renew(self):
        self.mask = None

    def forward(self, x):
        if not self.training:
            return x
        if self.mask is None:
            self.mask = (torch.rand(x.shape[1:]) >= self.p).float() / (1 - self.p)
        return x * self.mask


# Logistic regression: the same task by several optimizers and losses.
binary = (labels > 0).float().unsqueeze(1)
for make in (torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.Adam, torch.optim.NAdam):
    torch.manual_seed(1)
    dropout = StickyDropout(0.2)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), dropout, nn.LazyLinear(1))
    model(points[:1])
    optimizer = make(model.parameters(), lr=0.05)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.5)
    for _ in range(10):
        optimizer.zero_grad(set_to_none=True)
        loss = nn.BCEWithLogitsLoss()(model(points), binary)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        dropout.renew()
    print(f"{make.__name__} loss {loss.item():.5f} lr {scheduler.get_last_lr()[0]:.5f}")

prediction, target = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([0.0, -1.5, 5.0])
for loss in (nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), nn.SmoothL1Loss(reduction="sum")):
    print(type(loss).__name__, f"{loss(prediction, target).item():.5f}")
print(f"log-cosh {torch.log(torch.cosh(prediction - target)).mean().item():.5f}")

first, second = random_split(data, [100, 20], generator=torch.Generator().manual_seed(3))
print(len(first), len(second), second.indices[:5])

image = torch.arange(64.0).reshape(1, 1, 8, 8) / 64
for layer in (
    nn.Conv2d(1, 2, 3, dilation=2),
    nn.MaxPool2d(2, stride=1, padding=1),
    nn.AvgPool2d(3),
    nn.AdaptiveMaxPool2d((None, 2)),
    nn.AdaptiveAvgPool2d(1),
    nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.Softmax(dim=1)),
    nn.Sequential(nn.Conv2d(1, 4, 1), nn.GroupNorm(2, 4), nn.LeakyReLU(0.1)),
    nn.Sequential(nn.InstanceNorm2d(1), nn.Sigmoid()),
):
    out = layer(image)
    print(tuple(out.shape), f"{out.detach().mean().item():.5f}")
for name, parameter in nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).named_parameters():
    print(name, tuple(parameter.shape))
