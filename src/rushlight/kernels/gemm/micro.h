// The innermost kernels of the matrix product: an R x (V W) tile of C held in registers.
#pragma once
#include "gemm/units.h"

namespace rl::RL_LEVEL {

// The full tile: 24 accumulators of 32 registers with AVX-512, 12 of 16 below.
inline constexpr int kRows = W == 16 ? 8 : 6;
inline constexpr int kVectors = W == 16 ? 3 : 2;
inline constexpr int kColumns = kVectors * W;

struct Tile {
  int64_t k;  // units
  const float* a;  // element (r, p) at a[r * a_row + p * a_step]
  int64_t a_row, a_step;
  const float* b;  // row p at b + p * b_step
  int64_t b_step;
  float* c;
  int64_t c_stride;
  int64_t last;  // lanes in use of the last vector, 1 to W
  bool accumulate;
};

// The result when the last vector of a row is incomplete.
template <int R, int V>
__attribute__((noinline)) void store_partial(const Tile& t, const vf (&acc)[R][V]) {
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) {
      float* c = t.c + r * t.c_stride + v * W;
      const int64_t lanes_used = v == V - 1 ? t.last : W;
      store_first(c, t.accumulate ? acc[r][v] + load_first(c, lanes_used) : acc[r][v], lanes_used);
    }
  }
}

template <int R, int V, class U = Floats>
void micro(const Tile& t) {
  vf acc[R][V] = {};
  const float* a = t.a;
  const float* b = t.b;
  const int64_t a_row = t.a_row, a_step = t.a_step, b_step = t.b_step;
  for (int64_t p = t.k; p > 0; --p) {
    vf bv[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) bv[v] = load(b + v * W);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const vf av = U::broadcast(a + r * a_row);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) acc[r][v] = U::multiply_add(av, bv[v], acc[r][v]);
    }
    a += a_step;
    b += b_step;
  }
  if (t.last != W) {
    vf copy[R][V];  // acc itself would lose its registers if its address were taken
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) copy[r][v] = acc[r][v];
    store_partial<R, V>(t, copy);
    return;
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      float* c = t.c + r * t.c_stride + v * W;
      store(c, t.accumulate ? acc[r][v] + load(c) : acc[r][v]);
    }
  }
}

using Micro = void (*)(const Tile&);

template <class U, int V>
Micro micro_for_rows(int rows) {
  switch (rows) {
    case 1: return &micro<1, V, U>;
    case 2: return &micro<2, V, U>;
    case 3: return &micro<3, V, U>;
    case 4: return &micro<4, V, U>;
    case 5: return &micro<5, V, U>;
#if defined(__AVX512F__)
    case 6: return &micro<6, V, U>;
    case 7: return &micro<7, V, U>;
#endif
    default: return &micro<kRows, V, U>;
  }
}

template <class U = Floats>
Micro micro_for(int rows, int vectors) {
  if (vectors == 1) return micro_for_rows<U, 1>(rows);
#if defined(__AVX512F__)
  if (vectors == 2) return micro_for_rows<U, 2>(rows);
#endif
  return micro_for_rows<U, kVectors>(rows);
}

}  // namespace rl::RL_LEVEL
