// 3x3 convolution of one channel with padding 1, then ReLU: a thread for each pixel.

#include <torch/extension.h>
#include <c10/cuda/CUDAException.h>

#define CHECK_CUDA(x) TORCH_CHECK(x.is_cuda(), #x " must be a CUDA tensor")
#define CHECK_CONTIGUOUS(x) TORCH_CHECK(x.is_contiguous(), #x " must be contiguous")
#define CHECK_INPUT(x) CHECK_CUDA(x); CHECK_CONTIGUOUS(x)

__global__ void conv_relu_kernel(const float* x, const float* w, const float* b, float* out,
                                 int N, int H, int W) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= N * H * W) return;
  int column = i % W;
  int row = (i / W) % H;
  const float* image = x + (i / (W * H)) * H * W;
  float sum = b[0];
  for (int p = 0; p < 3; ++p) {
    for (int q = 0; q < 3; ++q) {
      int h = row + p - 1, v = column + q - 1;
      if (h >= 0 && h < H && v >= 0 && v < W) sum += image[h * W + v] * w[p * 3 + q];
    }
  }
  out[i] = sum > 0.0f ? sum : 0.0f;
}

torch::Tensor conv_relu_cuda(torch::Tensor x, torch::Tensor w, torch::Tensor b) {
  CHECK_INPUT(x);
  CHECK_INPUT(w);
  CHECK_INPUT(b);
  TORCH_CHECK(x.dim() == 4 && x.size(1) == 1, "conv_relu: expected x (N, 1, H, W), got ", x.sizes());
  auto out = torch::empty_like(x);
  int N = x.size(0), H = x.size(2), W = x.size(3);
  const int threads = 256;
  const int blocks = (N * H * W + threads - 1) / threads;
  conv_relu_kernel<<<blocks, threads>>>(x.data_ptr<float>(), w.data_ptr<float>(),
                                        b.data_ptr<float>(), out.data_ptr<float>(), N, H, W);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}
