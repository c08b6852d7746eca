// Copies of A and B in the order in which the micro-kernels read them.
#pragma once
#include <algorithm>

#include "_native/simd.h"
#include "gemm/micro.h"

namespace rl::RL_LEVEL {

// to[p * width + j] = from[j * stride + p] for j < count, p < k: rows become columns. Columns from
// `count` up to `width` are filled with zeros. `readable` >= count rows may be read.
inline void pack_transposed(const float* from, int64_t stride, int64_t count, int64_t readable,
                            int64_t k, float* to, int64_t width) {
  const int64_t end = width * k;
  for (int64_t j = 0; j < width; j += W) {
    const int64_t used = std::min<int64_t>(W, width - j);
    int64_t p = 0;
    for (; count - j >= used && readable - j >= W && p + W <= k; p += W) {
      vf x[W];
      load_transposed(from + j * stride + p, stride, x);
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i) {
        float* row = to + (p + i) * width + j;
        // A panel narrower than a vector: the excess falls into the row that is written next.
        const bool whole = used == W || (width < W && (p + i) * width + W <= end);
        store_first(row, x[i], whole ? W : used);
      }
    }
    for (; p < k; ++p)
      for (int64_t i = j; i < j + used; ++i)
        to[p * width + i] = i < count ? from[i * stride + p] : 0.0f;
  }
}

// to[p * width + j] = from[p * stride + j]: rows stay rows.
inline void pack_rows(const float* from, int64_t stride, int64_t count, int64_t k, float* to,
                      int64_t width) {
  for (int64_t p = 0; p < k; ++p) {
    const float* row = from + p * stride;
    float* out = to + p * width;
    for (int64_t j = 0; j < width; j += W) {
      const int64_t read = count - j;
      const vf x = read >= W ? load(row + j) : read > 0 ? load_first(row + j, read) : vf{};
      store_first(out + j, x, width - j);
    }
  }
}

// One panel of `width` columns: element (p, j) of the operand at data[p * step + j * column]. The
// operand has `readable` columns from here on.
inline void pack_panel(const float* data, int64_t step, int64_t column, int64_t readable, int64_t k,
                       float* to, int64_t width) {
  const int64_t count = std::min(width, readable);
  if (step == 1) {
    pack_transposed(data, column, count, readable, k, to, width);
  } else if (column == 1) {
    pack_rows(data, step, count, k, to, width);
  } else {
    for (int64_t p = 0; p < k; ++p)
      for (int64_t j = 0; j < width; ++j)
        to[p * width + j] = j < count ? data[p * step + j * column] : 0.0f;
  }
}

}  // namespace rl::RL_LEVEL
