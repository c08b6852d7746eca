// torch's namespaces, put together.
#pragma once

#include <rushlight/autograd.h>
#include <rushlight/dispatch.h>
#include <rushlight/factories.h>
#include <rushlight/irange.h>
#include <rushlight/nn.h>
#include <rushlight/parallel.h>

namespace rushlight {

inline at::Tensor tensor_over(void* memory, c10::IntArrayRef sizes,
                              const c10::OptionalIntArrayRef& strides,
                              const c10::TensorOptions& options, void (*deleter)(void*),
                              void* context) {
  static Name name{"tensor_over"};
  Gil gil;
  Object owner = Object::borrow(Py_None);
  if (deleter != nullptr) {
    auto* pair = new std::pair<void (*)(void*), void*>(deleter, context);
    owner = checked(PyCapsule_New(pair, nullptr, [](PyObject* capsule) {
      auto* held = static_cast<std::pair<void (*)(void*), void*>*>(
          PyCapsule_GetPointer(capsule, nullptr));
      held->first(held->second);
      delete held;
    }));
  }
  const auto address = static_cast<int64_t>(reinterpret_cast<intptr_t>(memory));
  return call_runtime<at::Tensor>(name, {address, sizes, strides, options.dtype().toScalarType(),
                                         options.device(), options.requires_grad(), owner});
}

inline c10::ScalarType default_dtype() {
  Gil gil;
  Caster<c10::ScalarType> caster;
  caster.load(checked(PyObject_CallMethod(library(), "get_default_dtype", nullptr)).get());
  return caster.value;
}

}  // namespace rushlight

namespace at {
inline int64_t numel(const Tensor& x) { return x.numel(); }
inline bool is_floating_point(const Tensor& x) { return x.is_floating_point(); }
inline bool is_complex(const Tensor& x) { return x.is_complex(); }
inline bool is_nonzero(const Tensor& x) { return x.is_nonzero(); }
}  // namespace at

namespace torch {

using namespace at;
using Dtype = at::ScalarType;
using at::Tensor;

inline void manual_seed(uint64_t seed) {
  ::rushlight::Gil gil;
  ::rushlight::checked(PyObject_CallMethod(::rushlight::library(), "manual_seed", "K",
                                           static_cast<unsigned long long>(seed)));
}
inline caffe2::TypeMeta get_default_dtype() { return ::rushlight::default_dtype(); }

namespace cuda {
inline bool is_available() {
  ::rushlight::Gil gil;
  const auto module = ::rushlight::import("rushlight.cuda");
  return ::rushlight::emulates_cuda ||
         ::rushlight::Result<bool>::from(
             ::rushlight::checked(PyObject_CallMethod(module.get(), "is_available", nullptr)));
}
}  // namespace cuda

}  // namespace torch
