// View: an array as a kernel sees it. No Python here.
#pragma once
#include <cstdint>
#include <vector>

namespace rl {

enum class DType : uint8_t {
  boolean, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, other
};

inline bool is_half(DType d) { return d == DType::float16 || d == DType::bfloat16; }

// A borrowed look at one array; `None` arrives as a View whose data is null.
struct View {
  void* data = nullptr;
  const int64_t* shape = nullptr;
  const int64_t* byte_strides = nullptr;
  int64_t size = 0;       // number of elements
  int32_t ndim = 0;
  int32_t itemsize = 0;
  DType dtype = DType::other;
  bool contiguous = false;  // C order

  explicit operator bool() const { return data != nullptr; }
  bool is(DType d) const { return dtype == d; }
  // float32 in C order: what most kernels take.
  bool dense_f32() const { return contiguous && dtype == DType::float32; }
  int64_t dim(int i) const { return shape[i < 0 ? i + ndim : i]; }
  // In elements. NumPy may leave any stride on an axis of length 1.
  int64_t stride(int i) const { return byte_strides[i < 0 ? i + ndim : i] / itemsize; }
  int64_t bytes() const { return size * itemsize; }
  template <class T>
  T* as() const { return static_cast<T*>(data); }
  float* f32() const { return static_cast<float*>(data); }
};

using Views = std::vector<View>;  // a Python list or tuple of arrays

}  // namespace rl
