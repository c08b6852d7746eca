// 3x3 convolution of one channel with padding 1, then ReLU: the whole batch in one loop.

#include <torch/extension.h>

#define CHECK_INPUT(x) \
  TORCH_CHECK(!x.is_cuda() && x.is_contiguous(), #x " must be contiguous and on the CPU")

torch::Tensor conv_relu(torch::Tensor x, torch::Tensor w, torch::Tensor b) {
  CHECK_INPUT(x);
  CHECK_INPUT(w);
  TORCH_CHECK(x.dim() == 4 && x.size(1) == 1, "conv_relu: expected x (N, 1, H, W), got ", x.sizes());
  TORCH_CHECK(w.numel() == 9, "conv_relu: expected a 3x3 kernel, got ", w.sizes());
  TORCH_CHECK(x.scalar_type() == torch::kFloat32, "conv_relu: expected float32");
  const int64_t N = x.size(0), H = x.size(2), W = x.size(3);
  auto out = torch::empty_like(x);
  const float* from = x.data_ptr<float>();
  const float* k = w.data_ptr<float>();
  const float bias = b.data_ptr<float>()[0];
  float* to = out.data_ptr<float>();
  for (int64_t n = 0; n < N; ++n) {
    for (int64_t h = 0; h < H; ++h) {
      for (int64_t v = 0; v < W; ++v) {
        float sum = bias;
        for (int64_t i = 0; i < 3; ++i) {
          for (int64_t j = 0; j < 3; ++j) {
            const int64_t row = h + i - 1, column = v + j - 1;
            if (row >= 0 && row < H && column >= 0 && column < W) {
              sum += from[(n * H + row) * W + column] * k[i * 3 + j];
            }
          }
        }
        to[(n * H + h) * W + v] = sum > 0 ? sum : 0;
      }
    }
  }
  return out;
}
