"""A fused convolution and ReLU as a CUDA extension against torch's headers, on any machine."""

from __future__ import annotations

import shutil

import pytest

import rushlight
import rushlight.nn.functional as F
from rushlight.cuda import is_emulated
from rushlight.utils.cpp_extension import load_inline

DECLARATION = (
    "torch::Tensor conv_relu_forward(torch::Tensor x, torch::Tensor weight, torch::Tensor bias);"
)
SOURCE = r"""
#include <torch/extension.h>
#include <c10/cuda/CUDAException.h>

#define CHECK_CUDA(x) TORCH_CHECK(x.is_cuda(), #x " must be a CUDA tensor")
#define CHECK_CONTIGUOUS(x) TORCH_CHECK(x.is_contiguous(), #x " must be contiguous")
#define CHECK_INPUT(x) CHECK_CUDA(x); CHECK_CONTIGUOUS(x)

__global__ void conv_relu_kernel(const float* __restrict__ x, const float* __restrict__ weight,
                                 const float* __restrict__ bias, float* __restrict__ out,
                                 int N, int H, int W) {
  const int index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= N * H * W) return;
  const int w = index % W, h = (index / W) % H, n = index / (H * W);
  float value = bias[0];
  #pragma unroll
  for (int i = -1; i <= 1; ++i) {
    for (int j = -1; j <= 1; ++j) {
      const int row = h + i, column = w + j;
      if (row >= 0 && row < H && column >= 0 && column < W LIMIT)
        value += x[(n * H + row) * W + column] * weight[(i + 1) * 3 + j + 1];
    }
  }
  out[index] = fmaxf(value, 0.0f);
}

torch::Tensor conv_relu_forward(torch::Tensor x, torch::Tensor weight, torch::Tensor bias) {
  CHECK_INPUT(x);
  CHECK_INPUT(weight);
  CHECK_INPUT(bias);
  TORCH_CHECK(x.dim() == 4 && x.size(1) == 1, "x must be (N, 1, H, W)");
  auto out = torch::empty_like(x);
  const int N = x.size(0), H = x.size(2), W = x.size(3);
  const int threads = 256, blocks = (N * H * W + threads - 1) / threads;
  conv_relu_kernel<<<blocks, threads>>>(x.data_ptr<float>(), weight.data_ptr<float>(),
                                        bias.data_ptr<float>(), out.data_ptr<float>(), N, H, W);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}
"""


def build(name, source, flags=()):
    return load_inline(
        name=name,
        cpp_sources=[DECLARATION],
        cuda_sources=[source],
        functions=["conv_relu_forward"],
        extra_cuda_cflags=["-O2", "--use_fast_math", *flags],
    )


@pytest.fixture
def inputs():
    # As a script that wants to run anywhere picks its device.
    device = "cuda" if rushlight.cuda.is_available() else "cpu"
    shapes = [(4, 1, 28, 20), (1, 1, 3, 3), (1,)]
    return [rushlight.randn(shape).to(device) for shape in shapes]


def test_it_agrees_with_the_library(compiler, inputs):
    module = build("conv_relu_cuda", SOURCE.replace(" LIMIT", ""))
    x, weight, bias = inputs
    y = module.conv_relu_forward(x, weight, bias)
    assert y.device == x.device
    expected = F.relu(F.conv2d(x, weight, bias, padding=1))
    assert (y - expected).abs().max().item() <= 1e-5
    with pytest.raises(RuntimeError, match="x must be contiguous"):
        module.conv_relu_forward(x.transpose(2, 3), weight, bias)
    with pytest.raises(RuntimeError, match=r"x must be \(N, 1, H, W\)"):
        module.conv_relu_forward(x[0], weight, bias)


@pytest.mark.slow
def test_the_debug_mode_names_the_line(compiler, inputs):
    if not is_emulated() or shutil.which("addr2line") is None:
        pytest.skip("needs the emulator, and addr2line")
    source = SOURCE.replace("row < H", "row <= H").replace(" LIMIT", "")
    module = build("conv_relu_mistake", source, ["-DRUSHLIGHT_CUDA_CHECK"])
    line = next(i for i, text in enumerate(source.splitlines(), 1) if "value += x" in text)
    with pytest.raises(RuntimeError) as raised:
        module.conv_relu_forward(*inputs)
    report = str(raised.value)
    assert f"out-of-bounds read of 4 bytes at cuda_sources:{line}: just past the end" in report
    assert "of a tensor of 8960 bytes" in report
    assert "(kernel conv_relu_kernel, block (" in report
