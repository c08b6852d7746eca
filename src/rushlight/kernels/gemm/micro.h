// The innermost kernels of the matrix product: an R x (V W) tile of C held in registers.
#pragma once
#include "_native/simd.h"

namespace rl::RL_LEVEL {

// The full tile: 24 accumulators of 32 registers with AVX-512, 12 of 16 below.
inline constexpr int kRows = W == 16 ? 8 : 6;
inline constexpr int kVectors = W == 16 ? 3 : 2;
inline constexpr int kColumns = kVectors * W;

struct Tile {
  int64_t k;
  const float* a;  // element (r, p) at a[r * a_row + p * a_step]
  int64_t a_row, a_step;
  const float* b;  // row p at b + p * b_step
  int64_t b_step;
  float* c;
  int64_t c_stride;
  int64_t last;  // lanes in use of the last vector, 1 to W
  bool accumulate;
};

// `Partial`: the last vector of a row of B must not be read beyond `last` lanes.
template <int R, int V, bool Partial>
void micro(const Tile& t) {
  vf acc[R][V] = {};
  const float* a = t.a;
  const float* b = t.b;
  const int64_t a_row = t.a_row, a_step = t.a_step, b_step = t.b_step;
  for (int64_t p = t.k; p > 0; --p) {
    vf bv[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
      bv[v] = Partial && v == V - 1 ? load_first(b + v * W, t.last) : load(b + v * W);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const vf av = splat(a[r * a_row]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) acc[r][v] = fma(av, bv[v], acc[r][v]);
    }
    a += a_step;
    b += b_step;
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    float* c = t.c + r * t.c_stride;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const int64_t lanes_used = v == V - 1 ? t.last : W;
      vf y = acc[r][v];
      if (t.accumulate) y += load_first(c + v * W, lanes_used);
      store_first(c + v * W, y, lanes_used);
    }
  }
}

using Micro = void (*)(const Tile&);

template <int R, int V>
constexpr Micro pick_micro(bool partial) {
  return partial ? &micro<R, V, true> : &micro<R, V, false>;
}

template <int V>
Micro micro_for_rows(int rows, bool partial) {
  switch (rows) {
    case 1: return pick_micro<1, V>(partial);
    case 2: return pick_micro<2, V>(partial);
    case 3: return pick_micro<3, V>(partial);
    case 4: return pick_micro<4, V>(partial);
    case 5: return pick_micro<5, V>(partial);
#if defined(__AVX512F__)
    case 6: return pick_micro<6, V>(partial);
    case 7: return pick_micro<7, V>(partial);
#endif
    default: return pick_micro<kRows, V>(partial);
  }
}

inline Micro micro_for(int rows, int vectors, bool partial) {
  if (vectors == 1) return micro_for_rows<1>(rows, partial);
#if defined(__AVX512F__)
  if (vectors == 2) return micro_for_rows<2>(rows, partial);
#endif
  return micro_for_rows<kVectors>(rows, partial);
}

}  // namespace rl::RL_LEVEL
