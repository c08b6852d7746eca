// torch::nn::functional, as far as extensions use it. Options of functions: nn_options.h.
#pragma once

#include <rushlight/operators.h>

namespace torch::nn::functional {

using at::adaptive_avg_pool1d;
using at::adaptive_avg_pool2d;
using at::avg_pool1d;
using at::avg_pool2d;
using at::bilinear;
using at::binary_cross_entropy;
using at::binary_cross_entropy_with_logits;
using at::celu;
using at::conv1d;
using at::conv2d;
using at::conv3d;
using at::cosine_similarity;
using at::embedding;
using at::gelu;
using at::hardshrink;
using at::hardsigmoid;
using at::hardswish;
using at::hardtanh;
using at::huber_loss;
using at::kl_div;
using at::leaky_relu;
using at::elu;
using at::linear;
using at::max_pool1d;
using at::max_pool2d;
using at::mish;
using at::one_hot;
using at::pixel_shuffle;
using at::relu;
using at::relu6;
using at::selu;
using at::scaled_dot_product_attention;
using at::sigmoid;
using at::silu;
using at::smooth_l1_loss;
using at::softplus;
using at::softshrink;
using at::tanh;

// An operator's options: `F::softmax(x, F::SoftmaxFuncOptions(1))`.
#define RUSHLIGHT_DIM_OPTIONS(Options, function)                        \
  struct Options {                                                      \
    Options(int64_t dim) : dim(dim) {}                         \
    int64_t dim;                                                        \
  };                                                                    \
  inline at::Tensor function(const at::Tensor& x, const Options& options) { \
    return at::function(x, options.dim);                                \
  }
RUSHLIGHT_DIM_OPTIONS(SoftmaxFuncOptions, softmax)
RUSHLIGHT_DIM_OPTIONS(LogSoftmaxFuncOptions, log_softmax)
#undef RUSHLIGHT_DIM_OPTIONS

inline at::Tensor mse_loss(const at::Tensor& input, const at::Tensor& target) {
  return at::mse_loss(input, target);
}
inline at::Tensor l1_loss(const at::Tensor& input, const at::Tensor& target) {
  return at::l1_loss(input, target);
}
inline at::Tensor cross_entropy(const at::Tensor& input, const at::Tensor& target) {
  return at::cross_entropy_loss(input, target);
}
inline at::Tensor nll_loss(const at::Tensor& input, const at::Tensor& target) {
  return at::nll_loss(input, target);
}

struct DropoutFuncOptions {
  double rate = 0.5;
  bool is_training = true;
  DropoutFuncOptions& p(double value) {
    rate = value;
    return *this;
  }
  DropoutFuncOptions& training(bool value) {
    is_training = value;
    return *this;
  }
};
inline at::Tensor dropout(const at::Tensor& x, const DropoutFuncOptions& options = {}) {
  return at::dropout(x, options.rate, options.is_training);
}

}  // namespace torch::nn::functional
