"""LeNet-5 with a GELU of one's own, NAdam, and scalars for TensorBoard."""

import math
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.tensorboard import SummaryWriter


class GELU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        pdf = torch.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
        return grad * (cdf + x * pdf)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        gelu = GELU.apply
        x = F.avg_pool2d(gelu(self.conv1(x)), 2)
        x = F.max_pool2d(gelu(self.conv2(x)), kernel_size=2)
        x = x.view(x.size(0), -1)
        return self.fc3(gelu(self.fc2(gelu(self.fc1(x)))))


probe = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
(own,) = torch.autograd.grad(GELU.apply(probe).sum(), probe)
(built_in,) = torch.autograd.grad(F.gelu(probe).sum(), probe)
print("gelu gradient agrees", bool((own - built_in).abs().max() < 1e-12))
print("gradcheck", torch.autograd.gradcheck(GELU.apply, (probe,)))

torch.manual_seed(0)
classes = torch.rand(10, 1, 28, 28)
labels = torch.randint(0, 10, (192,))
images = classes[labels] + 0.3 * torch.randn(192, 1, 28, 28)
loader = DataLoader(TensorDataset(images, labels), batch_size=64, shuffle=True, drop_last=False)

device = "cuda" if torch.cuda.is_available() else "cpu"
model = torch.compile(LeNet().to(device), backend="eager")
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)
folder = tempfile.mkdtemp()
writer = SummaryWriter(log_dir=folder)
step = 0
for epoch in range(3):
    correct = total = 0
    model.train()
    for x, y in loader:
        x, y = x.to(device, non_blocking=True), y.to(device)
        optimizer.zero_grad()
        output = model(x)
        loss = criterion(output, y)
        loss.backward()
        optimizer.step()
        writer.add_scalar("loss/train", loss.item(), step)
        step += 1
        correct += (output.argmax(dim=1) == y).sum().item()
        total += y.size(0)
    writer.add_scalar("accuracy/train", correct / total, epoch)
    print(f"epoch {epoch} loss {loss.item():.5f} accuracy {correct / total:.3f}")
writer.close()
print("event files", len([name for name in os.listdir(folder) if "tfevents" in name]))
