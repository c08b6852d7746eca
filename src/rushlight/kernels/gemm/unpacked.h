// Products whose operands are read only a few times, straight from memory: packing one would cost
// about as much as the product itself.
//
// Roofline: of M x N x K with M or N small, the large operand is read once, 2 min(M, N) flops for each
// 4 bytes; with K small the result is written once, 2 K flops for each 4 bytes. Memory (or the cache
// the large matrix is in) limits both up to about ten.
#pragma once
#include <algorithm>

#include "_native/parallel.h"
#include "gemm/gemm.h"

namespace rl::RL_LEVEL {

// Where float32 sums go: C itself, or memory beside it if C has half elements.
struct Sums {
  float* data;
  int64_t stride;
  float* at(int64_t row, int64_t column) const { return data + row * stride + column; }
};

// A block of dot products: c[r][s] = a_r . b_s over k elements (+ c[r][s]).
template <class T>
struct Dots {
  int64_t k;
  const T *a, *b;
  float* c;
  int64_t a_stride, b_stride, c_stride;
  bool accumulate;
};

inline constexpr int kDotRows = 3, kDotColumns = 4;  // 12 sums, 3 + 1 operands: 16 registers

template <int R, int S, class T>
void dots(const Dots<T>& d) {
  vf acc[R][kDotColumns] = {};
  auto step = [&](int64_t p, int64_t lanes_used) __attribute__((always_inline)) {
    vf a[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) a[r] = load_first(d.a + r * d.a_stride + p, lanes_used);
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) {
      const vf b = load_first(d.b + s * d.b_stride + p, lanes_used);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) acc[r][s] = fma(a[r], b, acc[r][s]);
    }
  };
  int64_t p = 0;
  for (; p + W <= d.k; p += W) step(p, W);
  if (p < d.k) step(p, d.k - p);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    float sums[4];
    reduce_add(acc[r], sums);
    float* c = d.c + r * d.c_stride;
    for (int s = 0; s < S; ++s) c[s] = d.accumulate ? c[s] + sums[s] : sums[s];
  }
}

template <int R, class T>
void dots_of_rows(const Dots<T>& d, int64_t columns) {
  switch (columns) {
    case 1: return dots<R, 1>(d);
    case 2: return dots<R, 2>(d);
    case 3: return dots<R, 3>(d);
    default: return dots<R, 4>(d);
  }
}

// Both operands contiguous along K. Four columns of B stay in L1 while the rows of A pass.
template <class T>
void multiply_dots(const ProductOf<T>& p, const Sums& sums) {
  const int64_t strip = 2 * p.m * kDotColumns * p.k;  // flops of four columns
  parallel_for(ceil_div(p.n, kDotColumns), 1200000 / strip + 1, [&](int64_t begin, int64_t end) {
    const int64_t stop = std::min(end * kDotColumns, p.n);
    for (int64_t j = begin * kDotColumns; j < stop; j += kDotColumns) {
      Dots<T> d{p.k, p.a.data, p.b.data + j * p.b.column_stride, sums.at(0, j), p.a.row_stride,
                p.b.column_stride, sums.stride, p.accumulate};
      int64_t rows = p.m;
      for (; rows >= kDotRows; rows -= kDotRows) {
        dots_of_rows<kDotRows>(d, p.n - j);
        d.a += kDotRows * d.a_stride;
        d.c += kDotRows * d.c_stride;
      }
      if (rows == 2) dots_of_rows<2>(d, p.n - j);
      if (rows == 1) dots_of_rows<1>(d, p.n - j);
    }
  });
}

// c = (c if `add`) + the sum of a[i] times row i of B, i < R.
template <int R, class T>
void add_rows(const T* a, int64_t a_step, const T* b, int64_t b_stride, int64_t columns,
              float* c, bool add) {
  vf factor[R];
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) factor[i] = splat(value_of(a[i * a_step]));
  for (int64_t j = 0; j < columns; j += W) {
    const int64_t n = columns - j;
    vf y = add ? load_first(c + j, n) : vf{};
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) y = fma(factor[i], load_first(b + i * b_stride + j, n), y);
    store_first(c + j, y, n);
  }
}

// B with contiguous rows, and few sums: each row of C is a sum of rows of B, four at a time, over
// columns that stay in L1. C is written in order, which is most of the work.
template <class T>
void multiply_rows(const ProductOf<T>& p, const Sums& sums) {
  constexpr int64_t kStrip = 512;
  const int64_t strips = ceil_div(p.n, kStrip);
  parallel_for(p.m * strips, 600000 / (kStrip * p.k) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t row = t / strips, first = t % strips * kStrip;
      const int64_t columns = std::min(kStrip, p.n - first), step = p.a.column_stride;
      const T *a = p.a.data + row * p.a.row_stride, *b = p.b.data + first;
      float* c = sums.at(row, first);
      int64_t d = 0;
      for (; d + 4 <= p.k; d += 4)
        add_rows<4>(a + d * step, step, b + d * p.b.row_stride, p.b.row_stride, columns, c,
                    p.accumulate || d > 0);
      for (; d < p.k; ++d)
        add_rows<1>(a + d * step, step, b + d * p.b.row_stride, p.b.row_stride, columns, c,
                    p.accumulate || d > 0);
    }
  });
}

// Dot products read both operands where they are, but end in sums across lanes, which take the longer
// the fewer inner elements there are.
template <class T>
bool has_long_dots(const ProductOf<T>& p) {
  if (p.a.column_stride != 1 || p.b.row_stride != 1 || p.k < W) return false;
  const bool few_columns = p.n <= 4 || (p.n < 16 && p.k >= 128);
  return few_columns || p.m <= std::min<int64_t>(8 + p.k / 32, 32);
}

// The sums of half products would need as much memory again as a large C.
template <class T>
bool has_short_sums(const ProductOf<T>& p) {
  return p.b.column_stride == 1 && (p.m == 1 || (std::is_same_v<T, float> && p.k <= 2));
}

// Whether the shape is one of those above.
template <class T>
bool needs_no_packing(const ProductOf<T>& p) {
  return has_long_dots(p) || has_short_sums(p);
}

template <class T>
void multiply_unpacked(const ProductOf<T>& p, const Sums& sums) {
  if (has_long_dots(p)) multiply_dots(p, sums);
  else multiply_rows(p, sums);
}

}  // namespace rl::RL_LEVEL
