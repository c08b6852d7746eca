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

RL_INLINE Pair split_first(const float* p, int64_t n) {
  if (n >= 2 * W) return split(p);
  alignas(64) float some[2 * W];
  store(some, load_first(p, std::min<int64_t>(n, W)));
  store(some + W, load_first(p + W, std::max<int64_t>(0, n - W)));
  return split(some);
}

RL_INLINE void merge_first(float* p, vf even, vf odd, int64_t n) {
  if (n >= 2 * W) return merge(p, even, odd);
  alignas(64) float some[2 * W];
  merge(some, even, odd);
  std::memcpy(p, some, static_cast<size_t>(n) * 4);
}

RL_INLINE void store_bytes_first(uint8_t* p, vi x, int64_t n) {
  const v_bytes bytes = __builtin_convertvector(x, v_bytes);
  if (n >= W) *reinterpret_cast<v_bytes*>(p) = bytes;
  else
    for (int64_t i = 0; i < n; ++i) p[i] = bytes[i];
}

RL_INLINE vi load_bytes_first(const uint8_t* p, int64_t n) {
  v_bytes bytes = {};
  if (n >= W) bytes = *reinterpret_cast<const v_bytes*>(p);
  else
    for (int64_t i = 0; i < n; ++i) bytes[i] = p[i];
  return __builtin_convertvector(bytes, vi);
}

}  // namespace rl::RL_LEVEL
