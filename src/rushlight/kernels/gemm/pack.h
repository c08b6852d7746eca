// Copies of A and B in the order in which the micro-kernels read them: panels of `width` rows of A or
// columns of B, panel after panel, and within a panel one unit (units.h) of inner elements after the
// other. Half operands are widened on the way.
//
// Roofline: an element is read and written once. A transposed one passes through a W x W block in
// registers: 0.3 cycles an element with AVX2, as against M / 16 cycles in the product.
#pragma once
#include <algorithm>

#include "gemm/units.h"

namespace rl::RL_LEVEL {

// to[p * width + i] = from[i * stride + p] for i < rows, p < k, and 0 for rows <= i < used, where
// fewer than W rows or units may be read.
template <class T>
__attribute__((noinline)) void pack_transposed_edge(const T* from, int64_t stride, int64_t rows,
                                                    int64_t k, float* to, int64_t width, int64_t used) {
  float block[W * W];
  for (int64_t i = 0; i < W; ++i)
    store(block + i * W, i < rows ? Units<T>::along(from + i * stride, k) : vf{});
  vf x[W];
  load_transposed(block, W, x);
  for (int64_t p = 0; p < units_in<T>(k); ++p) store_first(to + p * width, x[p], used);
}

// to[p * width + j] = from[j * stride + p] for j < count, p < k: rows become columns. Columns from
// `count` up to `width` are filled with zeros. `readable` >= count rows may be read.
template <class T>
RL_INLINE void pack_transposed(const T* from, int64_t stride, int64_t count, int64_t readable, int64_t k,
                     float* to, int64_t width) {
  constexpr int64_t kElements = Units<T>::kElements;
  const int64_t units = units_in<T>(k), end = width * units;
  for (int64_t j = 0; j < width; j += W) {
    const int64_t used = std::min<int64_t>(W, width - j);
    int64_t p = 0;
    for (; count - j >= used && readable - j >= W && (p + W) * kElements <= k; p += W) {
      vf x[W];
      Units<T>::block(from + j * stride + p * kElements, stride, x);
      if (width % W == 0 || used == W) {
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) store(to + (p + i) * width + j, x[i]);
        continue;
      }
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i) {
        float* row = to + (p + i) * width + j;
        // A panel narrower than a vector: the excess falls into the row that is written next.
        store_first(row, x[i], width < W && (p + i) * width + W <= end ? W : used);
      }
    }
    for (; p < units; p += W) {
      const int64_t left = std::min<int64_t>(W * kElements, k - p * kElements);
      pack_transposed_edge(from + j * stride + p * kElements, stride, count - j, left,
                           to + p * width + j, width, used);
    }
  }
}

// Panels of `width` columns: to[j / width * width * k + p * width + j % width] = from[p * stride + j]
// for j < count. The last panel is filled up with zeros. All panels take an inner element before any
// takes the next, because a row of `from` is contiguous and the next one may be pages away.
template <class T>
RL_INLINE void pack_rows(const T* from, int64_t stride, int64_t count, int64_t k, float* to,
                         int64_t width) {
  constexpr int64_t kElements = Units<T>::kElements;
  const int64_t units = units_in<T>(k);
  for (int64_t p = 0; p < units; ++p) {
    const T* row = from + p * kElements * stride;
    float* out = to + p * width;
    for (int64_t j = 0; j < count; j += width, out += width * units) {
      for (int64_t v = 0; v < width; v += W) {
        const int64_t read = count - j - v, left = k - p * kElements;
        const vf x = read > 0 ? Units<T>::row(row + j + v, stride, left, read) : vf{};
        // As above, what is too much falls where the next inner element goes.
        store_first(out + v, x, p + 1 < units ? W : width - v);
      }
    }
  }
}

// Panels of `Width` of the `count` rows of A (or columns of B) that begin at `data`: `step` leads from
// one inner element to the next, `other` from one row of A to the next.
template <int64_t Width, class T>
void pack_panels(const T* data, int64_t step, int64_t other, int64_t count, int64_t k, float* to) {
  constexpr int64_t kElements = Units<T>::kElements;
  const int64_t units = units_in<T>(k);
  if (other == 1 && step != 1) return pack_rows(data, step, count, k, to, Width);
  for (int64_t j = 0; j < count; j += Width) {
    const T* from = data + j * other;
    float* panel = to + j * units;
    const int64_t used = std::min(Width, count - j);
    if (step == 1) {
      pack_transposed(from, other, used, count - j, k, panel, Width);
      continue;
    }
    for (int64_t p = 0; p < k; p += kElements)
      for (int64_t i = 0; i < Width; ++i) {
        const T* element = from + p * step + i * other;
        panel[p / kElements * Width + i] = i < used ? Units<T>::one(element, step, k - p) : 0.0f;
      }
  }
}

}  // namespace rl::RL_LEVEL
