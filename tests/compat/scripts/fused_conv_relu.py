"""A convolution with ReLU as one function: per pixel in Python, then with its own gradient."""

import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def conv_relu_kernel_py(i, x, w, b, out, N, H, W):
    n, rest = divmod(i, H * W)
    h, c = divmod(rest, W)
    acc = b[0]
    for kh in range(3):
        for kw in range(3):
            row, column = h + kh - 1, c + kw - 1
            if 0 <= row < H and 0 <= column < W:
                acc = acc + x[n, 0, row, column] * w[0, 0, kh, kw]
    out[n, 0, h, c] = max(acc, 0)


def run_kernel(f, times, *args):
    for i in range(times):
        f(i, *args)


class FusedConvReLUFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        y = F.relu(F.conv2d(x, weight, bias, padding=1))
        ctx.save_for_backward(x, weight, bias, y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, _, y = ctx.saved_tensors
        grad = grad_output * (y > 0)
        grad_x = torch.nn.grad.conv2d_input(x.shape, weight, grad, padding=1)
        grad_w = torch.nn.grad.conv2d_weight(x, weight.shape, grad, padding=1)
        return grad_x, grad_w, grad.sum(dim=(0, 2, 3))


class FusedConvReLU(nn.Module):
    def __init__(self):
        super().__init__()
        conv = nn.Conv2d(1, 1, 3, padding=1)
        self.weight, self.bias = nn.Parameter(conv.weight.data), nn.Parameter(conv.bias.data)

    def forward(self, x):
        return FusedConvReLUFunction.apply(x, self.weight, self.bias)


class CNN(nn.Module):
    def __init__(self, block, layers=2):
        super().__init__()
        self.layers = nn.ModuleList(block() for _ in range(layers))
        self.fc1, self.fc2 = nn.Linear(49, 16), nn.Linear(16, 10)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        x = F.max_pool2d(x, 2).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


torch.manual_seed(0)
N, H, W = 2, 6, 5
x, conv = torch.randn(N, 1, H, W), nn.Conv2d(1, 1, 3, padding=1)
out = torch.empty(N, 1, H, W)
with torch.no_grad():
    run_kernel(conv_relu_kernel_py, N * H * W, x, conv.weight, conv.bias, out, N, H, W)
    print("per pixel agrees", bool((out - F.relu(conv(x))).abs().max() < 1e-5))

double = [t.double().detach().requires_grad_() for t in (x[:1, :, :3, :3], conv.weight, conv.bias)]
print("gradcheck", torch.autograd.gradcheck(FusedConvReLUFunction.apply, double))

fused = CNN(FusedConvReLU)
baseline = CNN(lambda: nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()))
for name, value in fused.state_dict().items():
    parts = name.split(".")
    key = ".".join([*parts[:2], "0", parts[2]]) if parts[0] == "layers" else name
    baseline.state_dict()[key].copy_(value)

images, labels = torch.randn(64, 1, 14, 14), torch.randint(0, 10, (64,))
losses = {}
for name, model in (("fused", fused), ("baseline", baseline)):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    times = {"forward": 0.0, "backward": 0.0}
    for _ in range(5):
        start = time.perf_counter()
        loss = F.cross_entropy(model(images), labels)
        middle = time.perf_counter()
        optimizer.zero_grad()
        loss.backward()
        end = time.perf_counter()
        optimizer.step()
        times["forward"] += middle - start
        times["backward"] += end - middle
    losses[name] = loss.item()
    print(f"{name} loss {loss.item():.5f}", all(value > 0 for value in times.values()))
print("both train alike", abs(losses["fused"] - losses["baseline"]) < 1e-4)
