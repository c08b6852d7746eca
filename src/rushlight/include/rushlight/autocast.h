// at::autocast: what a kernel of the key Autocast casts its arguments with.
#pragma once

#include <rushlight/library.h>

namespace at::autocast {

inline Tensor cached_cast(ScalarType type, const Tensor& tensor, DeviceType = kCUDA) {
  const bool is_cast = tensor.defined() && tensor.is_floating_point() && tensor.scalar_type() != kDouble;
  return is_cast ? tensor.to(type) : tensor;
}
inline std::optional<Tensor> cached_cast(ScalarType type, const std::optional<Tensor>& tensor,
                                         DeviceType device = kCUDA) {
  if (!tensor.has_value()) return std::nullopt;
  return cached_cast(type, *tensor, device);
}
inline std::vector<Tensor> cached_cast(ScalarType type, TensorList tensors, DeviceType device = kCUDA) {
  std::vector<Tensor> cast;
  for (const Tensor& tensor : tensors) cast.push_back(cached_cast(type, tensor, device));
  return cast;
}

}  // namespace at::autocast
