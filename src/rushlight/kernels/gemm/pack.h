// Copies of A and B in the order in which the micro-kernels read them.
#pragma once
#include "_native/simd.h"
#include "gemm/micro.h"

namespace rl::RL_LEVEL {

// Interleaves the halves of a and b: (a0 b0 a1 b1 ...).
RL_INLINE vf zip_low(vf a, vf b) {
  vi index;
  for (int i = 0; i < W; ++i) index[i] = i / 2 + (i % 2) * W;
  return __builtin_shuffle(a, b, index);
}

RL_INLINE vf zip_high(vf a, vf b) {
  vi index;
  for (int i = 0; i < W; ++i) index[i] = W / 2 + i / 2 + (i % 2) * W;
  return __builtin_shuffle(a, b, index);
}

// Zipping row i with row i + W/2 log2(W) times transposes a W x W block.
RL_INLINE void transpose(vf (&x)[W]) {
#pragma GCC unroll 4
  for (int stage = 1; stage < W; stage *= 2) {
    vf y[W];
#pragma GCC unroll 8
    for (int i = 0; i < W / 2; ++i) {
      y[2 * i] = zip_low(x[i], x[i + W / 2]);
      y[2 * i + 1] = zip_high(x[i], x[i + W / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) x[i] = y[i];
  }
}

// to[p * width + j] = from[j * stride + p] for j < count, p < k: rows become columns. Lanes from
// `count` up to `width` are filled with zeros.
inline void pack_transposed(const float* from, int64_t stride, int64_t count, int64_t k, float* to,
                            int64_t width) {
  // Whole vectors are stored, so the last W rows of `to` go through the slow loop unless they fit.
  int64_t p = 0;
  for (; p + W <= k; p += W) {
    for (int64_t j = 0; j < width; j += W) {
      vf x[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i)
        x[i] = j + i < count ? load(from + (j + i) * stride + p) : vf{};
      transpose(x);
      const int64_t lanes_used = width - j;
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i) store_first(to + (p + i) * width + j, x[i], lanes_used);
    }
  }
  for (; p < k; ++p)
    for (int64_t j = 0; j < width; ++j) to[p * width + j] = j < count ? from[j * stride + p] : 0.0f;
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

// One panel of `width` columns: element (p, j) of the operand at data[p * step + j * column].
inline void pack_panel(const float* data, int64_t step, int64_t column, int64_t count, int64_t k,
                       float* to, int64_t width) {
  if (step == 1) {
    pack_transposed(data, column, count, k, to, width);
  } else if (column == 1) {
    pack_rows(data, step, count, k, to, width);
  } else {
    for (int64_t p = 0; p < k; ++p)
      for (int64_t j = 0; j < width; ++j)
        to[p * width + j] = j < count ? data[p * step + j * column] : 0.0f;
  }
}

}  // namespace rl::RL_LEVEL
