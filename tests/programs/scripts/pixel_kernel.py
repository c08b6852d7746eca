"""A convolution with ReLU written per pixel, and the mistakes one makes on the way."""

import torch
import torch.nn.functional as F


def conv_relu_kernel_py(i, x, w, b, out, N, H, W):
    n, rest = divmod(i, H * W)
    h, c = divmod(rest, W)
    acc = 0.0
    for kh in range(3):
        for kw in range(3):
            ih, iw = h + kh - 1, c + kw - 1
            if 0 <= ih < H and 0 <= iw < W:
                acc += x[n, 0, ih, iw] * w[0, 0, kh, kw]
    acc += b[0]
    out[n, 0, h, c] = max(acc, 0)


def wrong_channel(i, x, w, b, out, N, H, W):
    n, rest = divmod(i, H * W)
    h, c = divmod(rest, W)
    out[n, 0, h, c] = x[n, 1, h, c] * w[0, 0, 1, 1]


def shadowed(i, x, w, b, out, N, H, W):
    n, rest = divmod(i, H * W)
    h, w = divmod(rest, W)
    out[n, 0, h, w] = x[n, 0, h, w] * w[0, 0, 1, 1]


def wrong_shape(i, x, w, b, out, N, H, W):
    out[0, 0] = x[0, 0, :2]


def several_values(i, x, w, b, out, N, H, W):
    out[0, 0, 0, 0] = max(x[0, 0, 0], 0)


def run_kernel(f, times, *args):
    for i in range(times):
        f(i, *args)


torch.manual_seed(0)
N, H, W = 2, 6, 5
x, w, b = torch.randn(N, 1, H, W), torch.randn(1, 1, 3, 3), torch.randn(1)
out = torch.zeros(N, 1, H, W)
run_kernel(conv_relu_kernel_py, N * H * W, x, w, b, out, N, H, W)
expected = F.relu(F.conv2d(x, w, b, padding=1))
print("max difference below 1e-5:", (out - expected).abs().max().item() < 1e-5)
print("sum", round(out.sum().item(), 3))

for kernel in (wrong_channel, shadowed, wrong_shape, several_values):
    try:
        run_kernel(kernel, 1, x, w, b, out, N, H, W)
    except (IndexError, TypeError, RuntimeError) as error:
        print(f"{kernel.__name__}: {type(error).__name__}: {error}")

print(max(torch.tensor(-1.5), 0), max(torch.tensor(2.5), 0), min(torch.tensor(2.5), 0))
print(max(0, torch.tensor(2.5)), max(torch.tensor([1, 3, 2])), min(torch.tensor([1.5, 0.5])))
print(sum(torch.tensor([1.0, 2.0])), abs(torch.tensor(-3)), round(torch.tensor(2.7).item()))
