// Elementwise loops: one lambda on vectors, split over threads.
#pragma once
#include "_native/parallel.h"
#include "_native/simd.h"

namespace rl::RL_LEVEL {

// `cost`: rough nanoseconds per 16 elements, which sets the size below which the loop is serial.
// The last vector goes through the same arithmetic, so a value does not depend on its position.
template <class F>
void map1(const float* a, float* y, int64_t n, int cost, F f) {
  const int64_t blocks = (n + 63) / 64;
  parallel_for(blocks, 25000 / (4 * cost) + 1, [&](int64_t begin, int64_t end) {
    int64_t i = begin * 64;
    const int64_t stop = end * 64 < n ? end * 64 : n;
    for (; i + 2 * W <= stop; i += 2 * W) {
      const vf y0 = f(load(a + i)), y1 = f(load(a + i + W));
      store(y + i, y0);
      store(y + i + W, y1);
    }
    for (; i < stop; i += W) store_first(y + i, f(load_first(a + i, stop - i)), stop - i);
  });
}

template <class F>
void map2(const float* a, const float* b, float* y, int64_t n, int cost, F f) {
  const int64_t blocks = (n + 63) / 64;
  parallel_for(blocks, 25000 / (4 * cost) + 1, [&](int64_t begin, int64_t end) {
    int64_t i = begin * 64;
    const int64_t stop = end * 64 < n ? end * 64 : n;
    for (; i + 2 * W <= stop; i += 2 * W) {
      const vf y0 = f(load(a + i), load(b + i)), y1 = f(load(a + i + W), load(b + i + W));
      store(y + i, y0);
      store(y + i + W, y1);
    }
    for (; i < stop; i += W)
      store_first(y + i, f(load_first(a + i, stop - i), load_first(b + i, stop - i)), stop - i);
  });
}

}  // namespace rl::RL_LEVEL
