// Products with few rows, straight from memory: packing the large operand would cost about as much as
// the product itself.
#pragma once
#include <algorithm>
#include <cstring>

#include "_native/parallel.h"
#include "gemm/gemm.h"

namespace rl::RL_LEVEL {

// Where float32 sums go: C itself, or memory beside it if C has half elements.
struct Sums {
  float* data;
  int64_t stride;
  float* at(int64_t row, int64_t column) const { return data + row * stride + column; }
};

// c[r][s] = a_r . b_s over k elements, for an R x S block.
template <int R, int S, class T>
void dots(const T* a, int64_t a_stride, const T* b, int64_t b_stride, int64_t k, float* c,
          int64_t c_stride, bool accumulate) {
  vf acc[R][S] = {};
  auto step = [&](int64_t p, int64_t lanes_used) __attribute__((always_inline)) {
    vf bv[S];
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) bv[s] = load_first(b + s * b_stride + p, lanes_used);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const vf av = load_first(a + r * a_stride + p, lanes_used);
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) acc[r][s] = fma(av, bv[s], acc[r][s]);
    }
  };
  int64_t p = 0;
  for (; p + W <= k; p += W) step(p, W);
  if (p < k) step(p, k - p);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) {
      const float sum = reduce_add(acc[r][s]);
      float& out = c[r * c_stride + s];
      out = accumulate ? out + sum : sum;
    }
  }
}

// Both operands contiguous along K: dot products.
template <class T>
void multiply_dots(const ProductOf<T>& p, const Sums& sums) {
  constexpr int R = 3, S = 4;
  const int64_t row_blocks = (p.m + R - 1) / R, column_blocks = (p.n + S - 1) / S;
  const int64_t flops = 2 * R * S * p.k;
  parallel_for(column_blocks * row_blocks, 1200000 / flops + 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i = t % row_blocks * R, j = t / row_blocks * S;
      const T* a = p.a.data + i * p.a.row_stride;
      const T* b = p.b.data + j * p.b.column_stride;
      float* c = sums.at(i, j);
      const int64_t rows = p.m - i, columns = p.n - j;
      const int64_t as = p.a.row_stride, bs = p.b.column_stride, cs = sums.stride;
      if (columns >= S) {
        if (rows >= 3) dots<3, S>(a, as, b, bs, p.k, c, cs, p.accumulate);
        else if (rows == 2) dots<2, S>(a, as, b, bs, p.k, c, cs, p.accumulate);
        else dots<1, S>(a, as, b, bs, p.k, c, cs, p.accumulate);
      } else {
        for (int64_t s = 0; s < columns; ++s) {
          if (rows >= 3) dots<3, 1>(a, as, b + s * bs, bs, p.k, c + s, cs, p.accumulate);
          else if (rows == 2) dots<2, 1>(a, as, b + s * bs, bs, p.k, c + s, cs, p.accumulate);
          else dots<1, 1>(a, as, b + s * bs, bs, p.k, c + s, cs, p.accumulate);
        }
      }
    }
  });
}

// c += sum of a[d + i] times row d + i of B, i < R.
template <int R, class T>
void add_rows(const ProductOf<T>& p, int64_t d, int64_t first, int64_t columns, float* c) {
  const T* b[R];
  vf a[R];
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) {
    b[i] = p.b.data + (d + i) * p.b.row_stride + first;
    a[i] = splat(value_of(p.a.data[(d + i) * p.a.column_stride]));
  }
  for (int64_t j = 0; j < columns; j += W) {
    const int64_t n = columns - j;
    vf y = load_first(c + j, n);
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) y = fma(a[i], load_first(b[i] + j, n), y);
    store_first(c + j, y, n);
  }
}

// One row of A, B with contiguous rows: a sum of rows of B, four at a time, over columns that stay
// in L1.
template <class T>
void sum_rows(const ProductOf<T>& p, const Sums& sums) {
  constexpr int64_t kStrip = 512;
  const int64_t strips = (p.n + kStrip - 1) / kStrip;
  parallel_for(strips, 600000 / (kStrip * p.k) + 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kStrip, columns = std::min(end * kStrip, p.n) - first;
    float* c = sums.at(0, first);
    if (!p.accumulate) std::memset(c, 0, static_cast<size_t>(columns) * 4);
    int64_t d = 0;
    for (; d + 4 <= p.k; d += 4) add_rows<4>(p, d, first, columns, c);
    for (; d < p.k; ++d) add_rows<1>(p, d, first, columns, c);
  });
}

template <class T>
bool has_long_dots(const ProductOf<T>& p) {
  return p.a.column_stride == 1 && p.b.row_stride == 1 && p.k >= W && (p.m <= 16 || p.n <= 4);
}

// Whether the shape is one of those above.
template <class T>
bool has_few_rows(const ProductOf<T>& p) {
  return has_long_dots(p) || (p.m == 1 && p.b.column_stride == 1);
}

template <class T>
void multiply_few_rows(const ProductOf<T>& p, const Sums& sums) {
  if (has_long_dots(p)) multiply_dots(p, sums);
  else sum_rows(p, sums);
}

}  // namespace rl::RL_LEVEL
