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
  bool query() const { return cudaStreamQuery(stream_) == cudaSuccess; }
  int64_t id() const { return reinterpret_cast<int64_t>(stream_); }
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

// A stream beside the library's; it is never destroyed, as torch's pool never is.
inline CUDAStream getStreamFromPool(bool = false, DeviceIndex device = -1) {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return {stream, device < 0 ? current_device() : device};
}
inline CUDAStream getStreamFromExternal(cudaStream_t stream, DeviceIndex device) {
  return {stream, device};
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
  void reset_device(Device device) { set_index(device.index()); }
  Device original_device() const { return Device(kCUDA, outer_); }

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
  explicit OptionalCUDAGuard(DeviceIndex device) : OptionalCUDAGuard() { set_index(device); }
  ~OptionalCUDAGuard() { cudaSetDevice(outer_); }
  OptionalCUDAGuard(const OptionalCUDAGuard&) = delete;
  void set_index(DeviceIndex device) {
    if (device >= 0) set_device(device);
  }

 private:
  DeviceIndex outer_;
};

// Puts the library's operators on a stream. The emulator has one stream; on a GPU, the guard keeps
// the order: each side waits for the other.
class CUDAStreamGuard {
 public:
  explicit CUDAStreamGuard(CUDAStream stream) : stream_(stream), outer_(getCurrentCUDAStream()) {
    outer_.synchronize();
  }
  ~CUDAStreamGuard() { cudaStreamSynchronize(stream_.stream()); }
  CUDAStreamGuard(const CUDAStreamGuard&) = delete;
  CUDAStream current_stream() const { return stream_; }
  CUDAStream original_stream() const { return outer_; }

 private:
  CUDAStream stream_, outer_;
};

namespace CUDACachingAllocator {
inline void emptyCache() {}
inline void* raw_alloc(size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes));
  return memory;
}
inline void raw_delete(void* memory) { check(cudaFree(memory)); }
}  // namespace CUDACachingAllocator

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

inline bool canUse32BitIndexMath(const Tensor& tensor, int64_t most = INT32_MAX) {
  return tensor.numel() <= most;
}

// An event of a stream.
class CUDAEvent {
 public:
  explicit CUDAEvent(unsigned flags = cudaEventDisableTiming) {
    c10::cuda::check(cudaEventCreateWithFlags(&event_, flags));
  }
  CUDAEvent(CUDAEvent&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  ~CUDAEvent() {
    if (event_ != nullptr) cudaEventDestroy(event_);
  }
  cudaEvent_t event() const { return event_; }
  operator cudaEvent_t() const { return event_; }
  void record() { record(getCurrentCUDAStream()); }
  void record(const CUDAStream& stream) { c10::cuda::check(cudaEventRecord(event_, stream.stream())); }
  void block(const CUDAStream& stream) {
    c10::cuda::check(cudaStreamWaitEvent(stream.stream(), event_, 0));
  }
  bool query() const { return cudaEventQuery(event_) == cudaSuccess; }
  void synchronize() const { c10::cuda::check(cudaEventSynchronize(event_)); }
  float elapsed_time(const CUDAEvent& end) const {
    float milliseconds = 0;
    c10::cuda::check(cudaEventElapsedTime(&milliseconds, event_, end.event_));
    return milliseconds;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

namespace detail {
constexpr int CUDA_NUM_THREADS = 1024;
inline int GET_BLOCKS(int64_t n, int64_t threads_per_block = CUDA_NUM_THREADS) {
  TORCH_INTERNAL_ASSERT(n > 0, "CUDA kernel launch blocks must be positive, but got N=", n);
  const int64_t blocks = (n - 1) / threads_per_block + 1;
  TORCH_INTERNAL_ASSERT(blocks <= INT32_MAX, "Can't schedule too many blocks on CUDA device");
  return static_cast<int>(blocks);
}
}  // namespace detail

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

#define AT_CUDA_LAUNCH_CHECK() C10_CUDA_KERNEL_LAUNCH_CHECK()
#define TORCH_CUDA_KERNEL_LAUNCH_CHECK() C10_CUDA_KERNEL_LAUNCH_CHECK()

// A thread's share of n items, in a kernel.
#define CUDA_KERNEL_LOOP_TYPE(i, n, index_t)                                   \
  for (index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x; \
       i < static_cast<index_t>(n); i += static_cast<index_t>(blockDim.x) * gridDim.x)
#define CUDA_KERNEL_LOOP(i, n) CUDA_KERNEL_LOOP_TYPE(i, n, int)
#define CUDA_1D_KERNEL_LOOP(i, n) CUDA_KERNEL_LOOP(i, n)
