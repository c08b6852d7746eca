// c10::cuda and at::cuda: streams, guards, checks. With the emulator as with CUDA.
#pragma once

#include <cuda_runtime.h>

#include <rushlight/torch.h>

namespace c10::cuda {

// Throws what a CUDA call that failed says.
inline void check(cudaError_t error) {
  if (C10_LIKELY(error == cudaSuccess)) return;
  cudaGetLastError();  // so that the next check does not find it again
  ::rushlight::fail<::c10::Error>(::rushlight::text_of("CUDA error: ", cudaGetErrorString(error)));
}

inline DeviceIndex current_device() {
  int device = 0;
  check(cudaGetDevice(&device));
  return static_cast<DeviceIndex>(device);
}
inline void set_device(DeviceIndex device) { check(cudaSetDevice(device)); }
inline DeviceIndex device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) cudaGetLastError();
  return static_cast<DeviceIndex>(count);
}
inline void device_synchronize() { check(cudaDeviceSynchronize()); }

class CUDAStream {
 public:
  CUDAStream(cudaStream_t stream, DeviceIndex device) : stream_(stream), device_(device) {}
  cudaStream_t stream() const { return stream_; }
  operator cudaStream_t() const { return stream_; }
  DeviceIndex device_index() const { return device_; }
  Device device() const { return Device(kCUDA, device_); }
  void synchronize() const { check(cudaStreamSynchronize(stream_)); }
  friend bool operator==(const CUDAStream& a, const CUDAStream& b) {
    return a.stream_ == b.stream_ && a.device_ == b.device_;
  }

 private:
  cudaStream_t stream_;
  DeviceIndex device_;
};

inline CUDAStream getDefaultCUDAStream(DeviceIndex device = -1) {
  return {nullptr, device < 0 ? current_device() : device};
}
// The stream on which the library's operators run just now.
inline CUDAStream getCurrentCUDAStream(DeviceIndex device = -1) {
  if (::rushlight::emulates_cuda) return getDefaultCUDAStream(device);
  static ::rushlight::Name name{"current_stream"};
  const int64_t address = ::rushlight::call_runtime<int64_t>(name, {});
  return {reinterpret_cast<cudaStream_t>(address), device < 0 ? current_device() : device};
}

// Makes a device the current one, for its lifetime.
class CUDAGuard {
 public:
  explicit CUDAGuard(DeviceIndex device) : outer_(current_device()) { set_index(device); }
  explicit CUDAGuard(Device device) : CUDAGuard(device.index()) {}
  ~CUDAGuard() { cudaSetDevice(outer_); }
  CUDAGuard(const CUDAGuard&) = delete;
  void set_index(DeviceIndex device) {
    if (device >= 0) set_device(device);
  }
  void set_device_(Device device) { set_index(device.index()); }

 private:
  DeviceIndex outer_;
};
// The same, where there may be nothing to choose.
class OptionalCUDAGuard {
 public:
  OptionalCUDAGuard() : outer_(current_device()) {}
  explicit OptionalCUDAGuard(std::optional<Device> device) : OptionalCUDAGuard() {
    if (device.has_value()) set_index(device->index());
  }
  ~OptionalCUDAGuard() { cudaSetDevice(outer_); }
  OptionalCUDAGuard(const OptionalCUDAGuard&) = delete;
  void set_index(DeviceIndex device) {
    if (device >= 0) set_device(device);
  }

 private:
  DeviceIndex outer_;
};

}  // namespace c10::cuda

namespace c10 {
using DeviceGuard = cuda::OptionalCUDAGuard;
using OptionalDeviceGuard = cuda::OptionalCUDAGuard;
}  // namespace c10

namespace at {
// For the guards above: nothing if the tensor is undefined.
inline std::optional<Device> device_of(const Tensor& tensor) {
  return tensor.defined() ? std::optional<Device>(tensor.device()) : std::nullopt;
}
}  // namespace at

namespace at::cuda {

using namespace c10::cuda;

inline cudaDeviceProp* getDeviceProperties(DeviceIndex device) {
  static cudaDeviceProp properties[16];
  static bool is_known[16];
  const int index = device < 0 ? current_device() : device;
  TORCH_CHECK(index < 16, "getDeviceProperties: there is no device ", index);
  if (!is_known[index]) c10::cuda::check(cudaGetDeviceProperties(&properties[index], index));
  is_known[index] = true;
  return &properties[index];
}
inline cudaDeviceProp* getCurrentDeviceProperties() { return getDeviceProperties(-1); }
inline int warp_size() { return getCurrentDeviceProperties()->warpSize; }
inline bool is_available() { return device_count() > 0; }

template <class T>
C10_HOST_DEVICE constexpr T ATenCeilDiv(T a, T b) {
  return (a + b - 1) / b;
}

}  // namespace at::cuda

#define C10_CUDA_CHECK(expression) ::c10::cuda::check(expression)
#define C10_CUDA_CHECK_WARN(expression) \
  if (const cudaError_t error_ = (expression); error_ != cudaSuccess) TORCH_WARN("CUDA warning: ", cudaGetErrorString(error_))
#define C10_CUDA_KERNEL_LAUNCH_CHECK() C10_CUDA_CHECK(cudaGetLastError())
#define AT_CUDA_CHECK(expression) C10_CUDA_CHECK(expression)
#define TORCH_CUDA_CHECK(expression) C10_CUDA_CHECK(expression)

// A thread's share of n items, in a kernel.
#define CUDA_KERNEL_LOOP_TYPE(i, n, index_t)                                   \
  for (index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x; \
       i < static_cast<index_t>(n); i += static_cast<index_t>(blockDim.x) * gridDim.x)
#define CUDA_KERNEL_LOOP(i, n) CUDA_KERNEL_LOOP_TYPE(i, n, int)
#define CUDA_1D_KERNEL_LOOP(i, n) CUDA_KERNEL_LOOP(i, n)
