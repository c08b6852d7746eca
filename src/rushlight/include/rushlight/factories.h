// Tensors from values and from memory that exists: torch::tensor, torch::from_blob.
#pragma once

#include <rushlight/indexing.h>

namespace rushlight {

// A tensor over foreign memory; `deleter(context)` is called when nothing looks at it any more.
at::Tensor tensor_over(void* memory, c10::IntArrayRef sizes, const c10::OptionalIntArrayRef& strides,
                       const c10::TensorOptions& options, void (*deleter)(void*), void* context);

// The dtype of numbers that come without one.
c10::ScalarType default_dtype();

}  // namespace rushlight

namespace at {

// `torch::tensor({1.0, 2.0})`, `torch::tensor(3)`, `torch::tensor(vector)`: the C++ type gives the
// dtype; the options may name another.
template <class T, class = std::enable_if_t<CppTypeToScalarType<T>::is_known>>
Tensor tensor(ArrayRef<T> values, const TensorOptions& options = {}) {
  const Tensor made = empty({static_cast<int64_t>(values.size())},
                            TensorOptions(CppTypeToScalarType<T>::value));
  T* memory = made.data_ptr<T>();
  for (size_t i = 0; i < values.size(); ++i) memory[i] = values[i];
  ScalarType type = CppTypeToScalarType<T>::value;
  // As in Python: integers are int64, floating-point numbers get the default dtype.
  if (type == kInt) type = kLong;
  if (type == kDouble || type == kFloat) type = ::rushlight::default_dtype();
  if (options.has_dtype()) type = options.dtype().toScalarType();
  const Tensor placed = made.to(options.device_opt().value_or(Device(kCPU)), type);
  return options.requires_grad() ? placed.requires_grad_() : placed;
}
template <class T>
auto tensor(std::initializer_list<T> values, const TensorOptions& options = {}) {
  return tensor(ArrayRef<T>(values), options);
}
template <class T>
auto tensor(const std::vector<T>& values, const TensorOptions& options = {}) {
  return tensor(ArrayRef<T>(values), options);
}
template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
Tensor tensor(T value, const TensorOptions& options = {}) {
  return tensor(ArrayRef<T>(value), options).reshape(IntArrayRef());
}
// Rows: `torch::tensor({{1, 2}, {3, 4}})`.
template <class T>
Tensor tensor(std::initializer_list<std::initializer_list<T>> rows,
              const TensorOptions& options = {}) {
  std::vector<Tensor> made;
  for (const auto& row : rows) made.push_back(tensor(ArrayRef<T>(row), options.requires_grad(false)));
  const Tensor stacked = stack(made);
  return options.requires_grad() ? stacked.requires_grad_() : stacked;
}

template <class T>
Tensor tensor(std::initializer_list<std::initializer_list<std::initializer_list<T>>> planes,
              const TensorOptions& options = {}) {
  std::vector<Tensor> made;
  for (const auto& plane : planes) made.push_back(tensor(plane, options.requires_grad(false)));
  const Tensor stacked = stack(made);
  return options.requires_grad() ? stacked.requires_grad_() : stacked;
}

template <class Deleter, class = decltype(std::declval<const Deleter&>()(nullptr))>
Tensor from_blob(void* memory, IntArrayRef sizes, IntArrayRef strides, const Deleter& deleter,
                 const TensorOptions& options = {}) {
  auto* context = new std::pair<Deleter, void*>(deleter, memory);
  const auto run = [](void* pointer) {
    auto* pair = static_cast<std::pair<Deleter, void*>*>(pointer);
    pair->first(pair->second);
    delete pair;
  };
  return ::rushlight::tensor_over(memory, sizes, strides, options, run, context);
}
template <class Deleter, class = decltype(std::declval<Deleter>()(nullptr))>
Tensor from_blob(void* memory, IntArrayRef sizes, const Deleter& deleter,
                 const TensorOptions& options = {}) {
  auto* context = new std::pair<Deleter, void*>(deleter, memory);
  const auto run = [](void* pointer) {
    auto* pair = static_cast<std::pair<Deleter, void*>*>(pointer);
    pair->first(pair->second);
    delete pair;
  };
  return ::rushlight::tensor_over(memory, sizes, nullopt, options, run, context);
}
inline Tensor from_blob(void* memory, IntArrayRef sizes, IntArrayRef strides,
                        const TensorOptions& options = {}) {
  return ::rushlight::tensor_over(memory, sizes, strides, options, nullptr, nullptr);
}
inline Tensor from_blob(void* memory, IntArrayRef sizes, const TensorOptions& options = {}) {
  return ::rushlight::tensor_over(memory, sizes, nullopt, options, nullptr, nullptr);
}

}  // namespace at
