// Seeds and offsets for kernels that draw random numbers with Philox.
#pragma once

#include <rushlight/cuda.h>
#include <rushlight/generator.h>

#include <mutex>
#include <tuple>

namespace at {

struct PhiloxCudaState {
  uint64_t seed = 0, offset = 0;
};

// Every launch gets a seed of its own, drawn from the library's generator: after the same
// `manual_seed` the same numbers come again.
struct CUDAGeneratorImpl {
  std::mutex mutex_;
  uint64_t current_seed() const { return from_library("initial_seed"); }
  PhiloxCudaState philox_cuda_state(uint64_t /*increment*/) const { return {from_library("draw_seed"), 0}; }
  std::pair<uint64_t, uint64_t> philox_engine_inputs(uint64_t increment) const {
    const PhiloxCudaState state = philox_cuda_state(increment);
    return {state.seed, state.offset};
  }

 private:
  static uint64_t from_library(const char* name) {
    ::rushlight::Gil gil;
    const auto number =
        ::rushlight::checked(PyObject_CallMethod(::rushlight::runtime(), name, nullptr));
    return PyLong_AsUnsignedLongLongMask(number.get());
  }
};

namespace cuda::detail {
inline CUDAGeneratorImpl& default_generator() {
  static auto* made = new CUDAGeneratorImpl;
  return *made;
}
inline Generator getDefaultCUDAGenerator(DeviceIndex = -1) { return {}; }
}  // namespace cuda::detail

template <class Impl>
Impl* get_generator_or_default(const std::optional<Generator>&, const Generator&) {
  return &cuda::detail::default_generator();
}
template <class Impl>
Impl* check_generator(const std::optional<Generator>&) {
  return &cuda::detail::default_generator();
}

namespace cuda::philox {
C10_HOST_DEVICE inline std::tuple<uint64_t, uint64_t> unpack(const PhiloxCudaState& state) {
  return std::make_tuple(state.seed, state.offset);
}
}  // namespace cuda::philox

}  // namespace at
