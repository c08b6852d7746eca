// A kernel for callers that know nothing of C++: its parameters in letters, and a launch.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <exception>
#include <string>

namespace rushlight::emu {

/// A type as a letter and a size: i4, u1, f8, b1 (bool), h2 (half), B2 (bfloat16), x12 (other).
template <class T>
std::string type_code() {
  using V = std::remove_cv_t<T>;
  if constexpr (std::is_void_v<V>) return "v0";
  else {
    const char* letter = "x";
    if (std::is_same_v<V, bool>) letter = "b";
    else if (std::is_floating_point_v<V>) letter = "f";
    else if (std::is_same_v<V, __half>) letter = "h";
    else if (std::is_same_v<V, __nv_bfloat16>) letter = "B";
    else if (std::is_integral_v<V>) letter = std::is_signed_v<V> ? "i" : "u";
    return letter + std::to_string(sizeof(V));
  }
}

template <class P>
std::string parameter_code() {
  if constexpr (std::is_pointer_v<P>) return "p" + type_code<std::remove_pointer_t<P>>() + " ";
  else return type_code<P>() + " ";
}

template <class... P>
const char* parameter_codes(void (*)(P...)) {
  static const std::string codes = (std::string() + ... + parameter_code<P>());
  return codes.c_str();
}

inline std::string raw_error;

template <class Kernel>
int raw_launch(Kernel kernel, const unsigned* size, size_t shared, void** args) {
  try {
    const dim3 grid(size[0], size[1], size[2]), block(size[3], size[4], size[5]);
    const cudaError_t error = cudaLaunchKernel(kernel, grid, block, args, shared);
    if (error != cudaSuccess) raw_error = std::string("CUDA error: ") + cudaGetErrorString(error);
    cudaGetLastError();
    return error;
  } catch (const std::exception& error) {
    raw_error = error.what();
    cudaGetLastError();
    return cudaErrorUnknown;
  }
}

}  // namespace rushlight::emu

#define RUSHLIGHT_RAW_KERNEL(...)                                                                 \
  extern "C" const char* rushlight_raw_parameters() {                                             \
    return ::rushlight::emu::parameter_codes(__VA_ARGS__);                                        \
  }                                                                                               \
  extern "C" int rushlight_raw_launch(const unsigned* size, size_t shared, void** args) {         \
    return ::rushlight::emu::raw_launch(__VA_ARGS__, size, shared, args);                         \
  }                                                                                               \
  extern "C" const char* rushlight_raw_error() { return ::rushlight::emu::raw_error.c_str(); }    \
  extern "C" int rushlight_raw_allow_shared(int bytes) {                                          \
    return cudaFuncSetAttribute(0, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);           \
  }                                                                                               \
  extern "C" void rushlight_raw_forget_tensors() {                                                \
    ::rushlight::emu::allocations().remove_tensors();                                             \
  }                                                                                               \
  extern "C" void rushlight_raw_allow([[maybe_unused]] const void* address,                       \
                                      [[maybe_unused]] size_t bytes) {                            \
    ::rushlight::emu::allocations().add(address, bytes, false);                                   \
  }
