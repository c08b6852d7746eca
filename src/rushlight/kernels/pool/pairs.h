// Windows of 2 x 2 with stride 2: two rows are read as vectors of even and odd columns.
#pragma once
#include "_native/kernel.h"

namespace rl::RL_LEVEL {

typedef uint8_t v_bytes __attribute__((vector_size(W), aligned(1), may_alias));

template <int First, int Step>
RL_INLINE vi columns() {
  vi r;
  for (int i = 0; i < W; ++i) r[i] = First + Step * i;
  return r;
}

struct Pair {
  vf even, odd;
};

// Columns 0, 2, ... and 1, 3, ... of 2 W floats.
RL_INLINE Pair split(const float* p) {
  const vf a = load(p), b = load(p + W);
  return {__builtin_shuffle(a, b, columns<0, 2>()), __builtin_shuffle(a, b, columns<1, 2>())};
}

// The reverse.
RL_INLINE void merge(float* p, vf even, vf odd) {
  vi low, high;
  for (int i = 0; i < W; ++i) {
    low[i] = i / 2 + (i % 2 ? W : 0);
    high[i] = W / 2 + i / 2 + (i % 2 ? W : 0);
  }
  store(p, __builtin_shuffle(even, odd, low));
  store(p + W, __builtin_shuffle(even, odd, high));
}

RL_INLINE void store_bytes(uint8_t* p, vi x) {
  *reinterpret_cast<v_bytes*>(p) = __builtin_convertvector(x, v_bytes);
}

RL_INLINE vi load_bytes(const uint8_t* p) {
  return __builtin_convertvector(*reinterpret_cast<const v_bytes*>(p), vi);
}

// Covers a row of n outputs: vector(j) does [j, j + W), single(j) does j alone. The last vector is
// moved back to end with the row, so some outputs are computed twice.
template <class V, class S>
RL_INLINE void cover_row(int64_t n, V&& vector, S&& single) {
  if (n < W) {
    for (int64_t j = 0; j < n; ++j) single(j);
    return;
  }
  for (int64_t j = 0; j + W <= n; j += W) vector(j);
  if (n % W) vector(n - W);
}

}  // namespace rl::RL_LEVEL
