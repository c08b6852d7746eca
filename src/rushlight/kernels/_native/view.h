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

// Elements fill one block without gaps, axes in any order (channels-last included).
inline bool is_dense(const View& v) {
  if (v.contiguous) return true;
  int64_t expected = v.itemsize;
  uint32_t seen = 0;
  for (int found = 0; found < v.ndim; ++found) {
    int axis = 0;
    for (; axis < v.ndim; ++axis) {
      const bool fits = v.shape[axis] == 1 || v.byte_strides[axis] == expected;
      if ((seen >> axis & 1) == 0 && fits) break;
    }
    if (axis == v.ndim || axis > 31) return false;
    seen |= 1u << axis;
    expected *= v.shape[axis];
  }
  return true;
}

// Same shape, and element i of one lies at the same place as element i of the other.
inline bool same_layout(const View& a, const View& b) {
  if (a.ndim != b.ndim) return false;
  const bool both_c = a.contiguous && b.contiguous;
  for (int i = 0; i < a.ndim; ++i) {
    if (a.shape[i] != b.shape[i]) return false;
    if (!both_c && a.shape[i] > 1 && a.byte_strides[i] != b.byte_strides[i]) return false;
  }
  return true;
}

using Views = std::vector<View>;  // a Python list or tuple of arrays

}  // namespace rl
