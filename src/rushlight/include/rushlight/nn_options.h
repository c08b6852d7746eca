// torch::nn::functional with options: F::conv2d(x, w, F::Conv2dFuncOptions().stride(2).padding(1)).
#pragma once

#include <rushlight/torch.h>

namespace torch {

// The names of modes and reductions.
namespace enumtype {
#define RUSHLIGHT_WORD(name, text)                          \
  struct k##name {                                          \
    operator std::string_view() const { return text; }      \
  };
RUSHLIGHT_WORD(None, "none") RUSHLIGHT_WORD(Mean, "mean") RUSHLIGHT_WORD(Sum, "sum")
RUSHLIGHT_WORD(BatchMean, "batchmean") RUSHLIGHT_WORD(Constant, "constant")
RUSHLIGHT_WORD(Reflect, "reflect") RUSHLIGHT_WORD(Replicate, "replicate")
RUSHLIGHT_WORD(Circular, "circular") RUSHLIGHT_WORD(Nearest, "nearest")
RUSHLIGHT_WORD(NearestExact, "nearest-exact") RUSHLIGHT_WORD(Area, "area")
RUSHLIGHT_WORD(Linear, "linear") RUSHLIGHT_WORD(Bilinear, "bilinear")
RUSHLIGHT_WORD(Bicubic, "bicubic") RUSHLIGHT_WORD(Trilinear, "trilinear")
RUSHLIGHT_WORD(Zeros, "zeros") RUSHLIGHT_WORD(Border, "border")
RUSHLIGHT_WORD(Reflection, "reflection") RUSHLIGHT_WORD(Same, "same")
RUSHLIGHT_WORD(Valid, "valid")
#undef RUSHLIGHT_WORD
}  // namespace enumtype
#define RUSHLIGHT_WORD(name) inline const enumtype::name name;
RUSHLIGHT_WORD(kNone) RUSHLIGHT_WORD(kMean) RUSHLIGHT_WORD(kSum) RUSHLIGHT_WORD(kBatchMean)
RUSHLIGHT_WORD(kConstant) RUSHLIGHT_WORD(kReflect) RUSHLIGHT_WORD(kReplicate)
RUSHLIGHT_WORD(kCircular) RUSHLIGHT_WORD(kNearest) RUSHLIGHT_WORD(kNearestExact)
RUSHLIGHT_WORD(kArea) RUSHLIGHT_WORD(kLinear) RUSHLIGHT_WORD(kBilinear) RUSHLIGHT_WORD(kBicubic)
RUSHLIGHT_WORD(kTrilinear) RUSHLIGHT_WORD(kZeros) RUSHLIGHT_WORD(kBorder)
RUSHLIGHT_WORD(kReflection) RUSHLIGHT_WORD(kSame) RUSHLIGHT_WORD(kValid)
#undef RUSHLIGHT_WORD

namespace nn::functional {

// Several numbers, or one for all dimensions.
struct Extents : std::vector<int64_t> {
  Extents() = default;
  Extents(int64_t all) : vector(1, all) {}
  Extents(int all) : vector(1, all) {}
  Extents(std::initializer_list<int64_t> list) : vector(list) {}
  Extents(at::IntArrayRef list) : vector(list.begin(), list.end()) {}
  Extents(const std::vector<int64_t>& list) : vector(list) {}
};
using Word = std::string_view;

// An option: a member, and a function that sets it and returns the options.
#define RUSHLIGHT_OPTION(T, name, ...)             \
 private:                                          \
  T name##_{__VA_ARGS__};                          \
                                                   \
 public:                                           \
  auto& name(const T& value) {                     \
    name##_ = value;                               \
    return *this;                                  \
  }                                                \
  const T& name() const { return name##_; }

#define RUSHLIGHT_CONV_OPTIONS(Name, function)                                                   \
  class Name {                                                                                   \
    RUSHLIGHT_OPTION(at::Tensor, bias)                                                           \
    RUSHLIGHT_OPTION(Extents, stride, 1)                                                         \
    RUSHLIGHT_OPTION(Extents, padding, 0)                                                        \
    RUSHLIGHT_OPTION(Extents, dilation, 1)                                                       \
    RUSHLIGHT_OPTION(int64_t, groups, 1)                                                         \
  };                                                                                             \
  inline at::Tensor function(const at::Tensor& x, const at::Tensor& w, const Name& options) {    \
    return at::function(x, w, options.bias(), options.stride(), options.padding(),               \
                        options.dilation(), options.groups());                                   \
  }
RUSHLIGHT_CONV_OPTIONS(Conv1dFuncOptions, conv1d)
RUSHLIGHT_CONV_OPTIONS(Conv2dFuncOptions, conv2d)
RUSHLIGHT_CONV_OPTIONS(Conv3dFuncOptions, conv3d)
#undef RUSHLIGHT_CONV_OPTIONS

#define RUSHLIGHT_TRANSPOSE_OPTIONS(Name, function)                                              \
  class Name {                                                                                   \
    RUSHLIGHT_OPTION(at::Tensor, bias)                                                           \
    RUSHLIGHT_OPTION(Extents, stride, 1)                                                         \
    RUSHLIGHT_OPTION(Extents, padding, 0)                                                        \
    RUSHLIGHT_OPTION(Extents, output_padding, 0)                                                 \
    RUSHLIGHT_OPTION(int64_t, groups, 1)                                                         \
    RUSHLIGHT_OPTION(Extents, dilation, 1)                                                       \
  };                                                                                             \
  inline at::Tensor function(const at::Tensor& x, const at::Tensor& w, const Name& options = {}) { \
    return at::function(x, w, options.bias(), options.stride(), options.padding(),               \
                        options.output_padding(), options.groups(), options.dilation());         \
  }
RUSHLIGHT_TRANSPOSE_OPTIONS(ConvTranspose1dFuncOptions, conv_transpose1d)
RUSHLIGHT_TRANSPOSE_OPTIONS(ConvTranspose2dFuncOptions, conv_transpose2d)
#undef RUSHLIGHT_TRANSPOSE_OPTIONS

#define RUSHLIGHT_MAX_POOL_OPTIONS(Name, function)                                               \
  class Name {                                                                                   \
    RUSHLIGHT_OPTION(Extents, kernel_size, 1)                                                    \
    RUSHLIGHT_OPTION(Extents, stride)                                                            \
    RUSHLIGHT_OPTION(Extents, padding, 0)                                                        \
    RUSHLIGHT_OPTION(Extents, dilation, 1)                                                       \
    RUSHLIGHT_OPTION(bool, ceil_mode, false)                                                     \
   public:                                                                                       \
    explicit Name(Extents size) : kernel_size_(size) {}                                          \
  };                                                                                             \
  inline at::Tensor function(const at::Tensor& x, const Name& options) {                         \
    return at::function(x, options.kernel_size(), options.stride(), options.padding(),           \
                        options.dilation(), options.ceil_mode());                                \
  }
RUSHLIGHT_MAX_POOL_OPTIONS(MaxPool1dFuncOptions, max_pool1d)
RUSHLIGHT_MAX_POOL_OPTIONS(MaxPool2dFuncOptions, max_pool2d)
#undef RUSHLIGHT_MAX_POOL_OPTIONS

class AvgPool2dFuncOptions {
  RUSHLIGHT_OPTION(Extents, kernel_size, 1)
  RUSHLIGHT_OPTION(Extents, stride)
  RUSHLIGHT_OPTION(Extents, padding, 0)
  RUSHLIGHT_OPTION(bool, ceil_mode, false)
  RUSHLIGHT_OPTION(bool, count_include_pad, true)
 public:
  explicit AvgPool2dFuncOptions(Extents size) : kernel_size_(size) {}
};
inline at::Tensor avg_pool2d(const at::Tensor& x, const AvgPool2dFuncOptions& options) {
  return at::avg_pool2d(x, options.kernel_size(), options.stride(), options.padding(),
                        options.ceil_mode(), options.count_include_pad());
}

class AdaptiveAvgPool2dFuncOptions {
  RUSHLIGHT_OPTION(Extents, output_size, 1)
 public:
  explicit AdaptiveAvgPool2dFuncOptions(Extents size) : output_size_(size) {}
};
inline at::Tensor adaptive_avg_pool2d(const at::Tensor& x, const AdaptiveAvgPool2dFuncOptions& o) {
  return at::adaptive_avg_pool2d(x, o.output_size());
}

class PadFuncOptions {
  RUSHLIGHT_OPTION(Extents, pad)
  RUSHLIGHT_OPTION(Word, mode, "constant")
  RUSHLIGHT_OPTION(double, value, 0)
 public:
  explicit PadFuncOptions(const std::vector<int64_t>& pad) : pad_(pad) {}
};
inline at::Tensor pad(const at::Tensor& x, const PadFuncOptions& options) {
  if (options.mode() != "constant") return at::pad(x, options.pad(), options.mode());
  return at::pad(x, options.pad(), options.mode(), options.value());
}

class InterpolateFuncOptions {
  RUSHLIGHT_OPTION(std::optional<std::vector<int64_t>>, size)
  RUSHLIGHT_OPTION(std::optional<std::vector<double>>, scale_factor)
  RUSHLIGHT_OPTION(Word, mode, "nearest")
  RUSHLIGHT_OPTION(std::optional<bool>, align_corners)
  RUSHLIGHT_OPTION(std::optional<bool>, recompute_scale_factor)
  RUSHLIGHT_OPTION(bool, antialias, false)
};
inline at::Tensor interpolate(const at::Tensor& x, const InterpolateFuncOptions& options = {}) {
  using ::rushlight::by;
  std::optional<at::IntArrayRef> size;
  std::optional<at::ArrayRef<double>> scale;
  if (options.size()) size = *options.size();
  if (options.scale_factor()) scale = *options.scale_factor();
  RUSHLIGHT_CALL_FUNCTION(at::Tensor, interpolate, x, by("size", size), by("scale_factor", scale),
                          by("mode", options.mode()), by("align_corners", options.align_corners()),
                          by("antialias", options.antialias()));
}

class GridSampleFuncOptions {
  RUSHLIGHT_OPTION(Word, mode, "bilinear")
  RUSHLIGHT_OPTION(Word, padding_mode, "zeros")
  RUSHLIGHT_OPTION(std::optional<bool>, align_corners)
};
inline at::Tensor grid_sample(const at::Tensor& x, const at::Tensor& grid,
                              const GridSampleFuncOptions& options = {}) {
  RUSHLIGHT_CALL_FUNCTION(at::Tensor, grid_sample, x, grid, options.mode(), options.padding_mode(),
                          options.align_corners().value_or(false));
}

class NormalizeFuncOptions {
  RUSHLIGHT_OPTION(double, p, 2)
  RUSHLIGHT_OPTION(int64_t, dim, 1)
  RUSHLIGHT_OPTION(double, eps, 1e-12)
};
inline at::Tensor normalize(const at::Tensor& x, const NormalizeFuncOptions& options = {}) {
  RUSHLIGHT_CALL_FUNCTION(at::Tensor, normalize, x, options.p(), options.dim(), options.eps());
}

class LayerNormFuncOptions {
  RUSHLIGHT_OPTION(Extents, normalized_shape)
  RUSHLIGHT_OPTION(at::Tensor, weight)
  RUSHLIGHT_OPTION(at::Tensor, bias)
  RUSHLIGHT_OPTION(double, eps, 1e-5)
 public:
  explicit LayerNormFuncOptions(const std::vector<int64_t>& shape) : normalized_shape_(shape) {}
};
inline at::Tensor layer_norm(const at::Tensor& x, const LayerNormFuncOptions& o) {
  return at::layer_norm(x, o.normalized_shape(), o.weight(), o.bias(), o.eps());
}
class GroupNormFuncOptions {
  RUSHLIGHT_OPTION(int64_t, num_groups, 1)
  RUSHLIGHT_OPTION(at::Tensor, weight)
  RUSHLIGHT_OPTION(at::Tensor, bias)
  RUSHLIGHT_OPTION(double, eps, 1e-5)
 public:
  explicit GroupNormFuncOptions(int64_t groups) : num_groups_(groups) {}
};
inline at::Tensor group_norm(const at::Tensor& x, const GroupNormFuncOptions& o) {
  return at::group_norm(x, o.num_groups(), o.weight(), o.bias(), o.eps());
}
class BatchNormFuncOptions {
  RUSHLIGHT_OPTION(at::Tensor, weight)
  RUSHLIGHT_OPTION(at::Tensor, bias)
  RUSHLIGHT_OPTION(bool, training, false)
  RUSHLIGHT_OPTION(std::optional<double>, momentum, 0.1)
  RUSHLIGHT_OPTION(double, eps, 1e-5)
};
inline at::Tensor batch_norm(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& var,
                             const BatchNormFuncOptions& o = {}) {
  return at::batch_norm(x, o.weight(), o.bias(), mean, var, o.training(), o.momentum().value_or(0),
                        o.eps());
}

class UnfoldFuncOptions {
  RUSHLIGHT_OPTION(Extents, kernel_size, 1)
  RUSHLIGHT_OPTION(Extents, dilation, 1)
  RUSHLIGHT_OPTION(Extents, padding, 0)
  RUSHLIGHT_OPTION(Extents, stride, 1)
 public:
  explicit UnfoldFuncOptions(Extents size) : kernel_size_(size) {}
};
// Python takes one number where C++ takes a list of one.
inline std::vector<int64_t> in_2d(const Extents& list) {
  if (list.size() == 1) return {list[0], list[0]};
  return list;
}
inline at::Tensor unfold(const at::Tensor& x, const UnfoldFuncOptions& o) {
  return at::im2col(x, in_2d(o.kernel_size()), in_2d(o.dilation()), in_2d(o.padding()),
                    in_2d(o.stride()));
}
class FoldFuncOptions {
  RUSHLIGHT_OPTION(Extents, output_size, 1)
  RUSHLIGHT_OPTION(Extents, kernel_size, 1)
  RUSHLIGHT_OPTION(Extents, dilation, 1)
  RUSHLIGHT_OPTION(Extents, padding, 0)
  RUSHLIGHT_OPTION(Extents, stride, 1)
 public:
  FoldFuncOptions(Extents output, Extents kernel) : output_size_(output), kernel_size_(kernel) {}
};
inline at::Tensor fold(const at::Tensor& x, const FoldFuncOptions& o) {
  return at::col2im(x, in_2d(o.output_size()), in_2d(o.kernel_size()), in_2d(o.dilation()),
                    in_2d(o.padding()), in_2d(o.stride()));
}

// Activations of one number.
#define RUSHLIGHT_NUMBER_OPTIONS(Name, function, number, standard)                           \
  class Name {                                                                               \
    RUSHLIGHT_OPTION(double, number, standard)                                               \
  };                                                                                         \
  inline at::Tensor function(const at::Tensor& x, const Name& options) {                     \
    return at::function(x, options.number());                                                \
  }
RUSHLIGHT_NUMBER_OPTIONS(LeakyReLUFuncOptions, leaky_relu, negative_slope, 0.01)
RUSHLIGHT_NUMBER_OPTIONS(ELUFuncOptions, elu, alpha, 1)
RUSHLIGHT_NUMBER_OPTIONS(CELUFuncOptions, celu, alpha, 1)
RUSHLIGHT_NUMBER_OPTIONS(SoftshrinkFuncOptions, softshrink, lambda, 0.5)
#undef RUSHLIGHT_NUMBER_OPTIONS
class ReLUFuncOptions {
  RUSHLIGHT_OPTION(bool, inplace, false)
};
inline at::Tensor relu(at::Tensor x, const ReLUFuncOptions& options) {
  return options.inplace() ? x.relu_() : at::relu(x);
}
class GELUFuncOptions {
  RUSHLIGHT_OPTION(std::string, approximate, "none")
};
inline at::Tensor gelu(const at::Tensor& x, const GELUFuncOptions& options) {
  return at::gelu(x, options.approximate());
}
class SoftplusFuncOptions {
  RUSHLIGHT_OPTION(double, beta, 1)
  RUSHLIGHT_OPTION(double, threshold, 20)
};
inline at::Tensor softplus(const at::Tensor& x, const SoftplusFuncOptions& options) {
  return at::softplus(x, options.beta(), options.threshold());
}
class GLUFuncOptions {
  RUSHLIGHT_OPTION(int64_t, dim, -1)
 public:
  GLUFuncOptions(int64_t dim = -1) : dim_(dim) {}
};
inline at::Tensor glu(const at::Tensor& x, const GLUFuncOptions& options = {}) {
  return at::glu(x, options.dim());
}
class CosineSimilarityFuncOptions {
  RUSHLIGHT_OPTION(int64_t, dim, 1)
  RUSHLIGHT_OPTION(double, eps, 1e-8)
};
inline at::Tensor cosine_similarity(const at::Tensor& x, const at::Tensor& y,
                                    const CosineSimilarityFuncOptions& o) {
  return at::cosine_similarity(x, y, o.dim(), o.eps());
}

// Losses.
inline int64_t reduction_of(Word word) {
  return word == "none" ? at::Reduction::None : word == "sum" ? at::Reduction::Sum : at::Reduction::Mean;
}
#define RUSHLIGHT_LOSS_OPTIONS(Name, function)                                                  \
  class Name {                                                                                  \
    RUSHLIGHT_OPTION(Word, reduction, "mean")                                                   \
   public:                                                                                      \
    Name() = default;                                                                           \
    template <class W, class = std::enable_if_t<std::is_convertible_v<W, Word>>>                \
    Name(const W& reduction) : reduction_(reduction) {}                                         \
  };                                                                                            \
  inline at::Tensor function(const at::Tensor& x, const at::Tensor& target, const Name& o) {    \
    return at::function(x, target, reduction_of(o.reduction()));                                \
  }
RUSHLIGHT_LOSS_OPTIONS(MSELossFuncOptions, mse_loss)
RUSHLIGHT_LOSS_OPTIONS(L1LossFuncOptions, l1_loss)
RUSHLIGHT_LOSS_OPTIONS(SmoothL1LossFuncOptions, smooth_l1_loss)
RUSHLIGHT_LOSS_OPTIONS(HuberLossFuncOptions, huber_loss)
#undef RUSHLIGHT_LOSS_OPTIONS
#define RUSHLIGHT_LOSS_OPTIONS(Name, function, more)                                            \
  class Name {                                                                                  \
    RUSHLIGHT_OPTION(at::Tensor, weight)                                                        \
    RUSHLIGHT_OPTION(int64_t, ignore_index, -100)                                               \
    RUSHLIGHT_OPTION(Word, reduction, "mean")                                                   \
    RUSHLIGHT_OPTION(double, label_smoothing, 0)                                                \
    RUSHLIGHT_OPTION(at::Tensor, pos_weight)                                                    \
    RUSHLIGHT_OPTION(bool, log_target, false)                                                   \
  };                                                                                            \
  inline at::Tensor function(const at::Tensor& x, const at::Tensor& target, const Name& o) {    \
    return more;                                                                                \
  }
RUSHLIGHT_LOSS_OPTIONS(CrossEntropyFuncOptions, cross_entropy,
                       at::cross_entropy_loss(x, target, o.weight(), reduction_of(o.reduction()),
                                              o.ignore_index(), o.label_smoothing()))
RUSHLIGHT_LOSS_OPTIONS(NLLLossFuncOptions, nll_loss,
                       at::nll_loss(x, target, o.weight(), reduction_of(o.reduction()), o.ignore_index()))
RUSHLIGHT_LOSS_OPTIONS(BinaryCrossEntropyFuncOptions, binary_cross_entropy,
                       at::binary_cross_entropy(x, target, o.weight(), reduction_of(o.reduction())))
RUSHLIGHT_LOSS_OPTIONS(BinaryCrossEntropyWithLogitsFuncOptions, binary_cross_entropy_with_logits,
                       at::binary_cross_entropy_with_logits(x, target, o.weight(), o.pos_weight(),
                                                            reduction_of(o.reduction())))
#undef RUSHLIGHT_LOSS_OPTIONS
#undef RUSHLIGHT_OPTION

}  // namespace nn::functional
}  // namespace torch
