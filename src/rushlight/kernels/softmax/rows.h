// Sums and maxima over a contiguous row.
#pragma once
#include "_native/kernel.h"
#include "_native/simd_math.h"

namespace rl::RL_LEVEL {

// Sum over i of f(i, n), a vector whose first n lanes count. Sums of 2048 terms are added in
// double, so the error does not grow with the length.
template <class F>
RL_INLINE double row_sum(int64_t length, F&& f) {
  double sum = 0.0;
  for (int64_t at = 0; at < length; at += 2048) {
    const int64_t stop = std::min<int64_t>(length, at + 2048);
    vf a = {}, b = {}, c = {}, d = {};
    int64_t i = at;
    for (; i + 4 * W <= stop; i += 4 * W) {
      a += f(i, W);
      b += f(i + W, W);
      c += f(i + 2 * W, W);
      d += f(i + 3 * W, W);
    }
    for (; i + W <= stop; i += W) a += f(i, W);
    if (i < stop) {
      const vf last = f(i, stop - i);
      b += lanes() < splat_int(static_cast<int32_t>(stop - i)) ? last : vf{};
    }
    sum += static_cast<double>(reduce_add((a + b) + (c + d)));
  }
  return sum;
}

// NaN if there is one.
RL_INLINE float row_max(const float* x, int64_t length) {
  constexpr float lowest = -__builtin_inff();
  vf a = splat(lowest), b = a;
  int64_t i = 0;
  for (; i + 2 * W <= length; i += 2 * W) {
    a = max(a, load(x + i));
    b = max(b, load(x + i + W));
  }
  for (; i < length; i += W) a = max(a, load_first(x + i, length - i, lowest));
  return reduce_max(max(a, b));
}

// Calls f(i, n) for whole vectors and once for the rest of a row.
template <class F>
RL_INLINE void for_row(int64_t length, F&& f) {
  int64_t i = 0;
  for (; i + W <= length; i += W) f(i, W);
  if (i < length) f(i, length - i);
}

// f(begin, end) over rows, in pieces worth a thread's while.
template <class F>
void for_rows(int64_t rows, int64_t length, double nanoseconds_per_element, F&& f) {
  const double cost = nanoseconds_per_element * static_cast<double>(length) + 10.0;
  parallel_for(rows, std::max<int64_t>(1, static_cast<int64_t>(25000.0 / cost)), f);
}

}  // namespace rl::RL_LEVEL
