// Sums and maxima over a contiguous row.
#pragma once
#include "_native/kernel.h"
#include "_native/simd_math.h"

namespace rl::RL_LEVEL {

// K sums of vectors, over any number of rows. Lanes are added up after at most 2048 terms each, and
// these sums in double, so the error does not grow with the number of terms.
template <int K>
class LaneSums {
 public:
  // f(i, n, v): writes K vectors to v, of which the first n lanes count.
  template <class F>
  RL_INLINE void add(int64_t length, F&& f) {
    for (int64_t at = 0; at < length; at += kMost) {
      const int64_t stop = std::min<int64_t>(length, at + kMost);
      if (pending_ + (stop - at) > kMost) flush();
      pending_ += stop - at;
      add_piece(at, stop, f);
    }
  }

  double result(int k) {
    flush();
    return total_[k];
  }

 private:
  static constexpr int64_t kMost = 2048;

  template <class F>
  RL_INLINE void add_piece(int64_t at, int64_t stop, F&& f) {
    vf lane[4][K];  // a copy that is sure to stay in registers
    for (int part = 0; part < 4; ++part)
      for (int k = 0; k < K; ++k) lane[part][k] = lane_[part][k];
    int64_t i = at;
    for (; i + 4 * W <= stop; i += 4 * W) {
#pragma GCC unroll 4
      for (int part = 0; part < 4; ++part) {
        vf v[K];
        f(i + part * W, W, v);
#pragma GCC unroll 2
        for (int k = 0; k < K; ++k) lane[part][k] += v[k];
      }
    }
    for (; i + W <= stop; i += W) {
      vf v[K];
      f(i, W, v);
      for (int k = 0; k < K; ++k) lane[0][k] += v[k];
    }
    if (i < stop) {
      vf v[K];
      f(i, stop - i, v);
      const vi mask = lanes() < splat_int(static_cast<int32_t>(stop - i));
      for (int k = 0; k < K; ++k) lane[1][k] += mask ? v[k] : vf{};
    }
    for (int part = 0; part < 4; ++part)
      for (int k = 0; k < K; ++k) lane_[part][k] = lane[part][k];
  }

  RL_INLINE void flush() {
    for (int k = 0; k < K; ++k) {
      const vf all = (lane_[0][k] + lane_[1][k]) + (lane_[2][k] + lane_[3][k]);
      total_[k] += static_cast<double>(reduce_add(all));
      for (int part = 0; part < 4; ++part) lane_[part][k] = vf{};
    }
    pending_ = 0;
  }

  vf lane_[4][K] = {};
  double total_[K] = {};
  int64_t pending_ = 0;
};

// Sum over i of f(i, n), a vector whose first n lanes count.
template <class F>
RL_INLINE double row_sum(int64_t length, F&& f) {
  LaneSums<1> sums;
  sums.add(length, [&](int64_t i, int64_t n, vf(&v)[1]) { v[0] = f(i, n); });
  return sums.result(0);
}

struct Moments {
  double mean, variance;
};

// In two passes: the squares are of deviations, so a large mean costs no digits.
inline Moments row_moments(const float* x, int64_t length) {
  const auto count = static_cast<double>(length);
  const double mean =
      row_sum(length, [&](int64_t i, int64_t n) { return load_first(x + i, n); }) / count;
  const vf m = splat(static_cast<float>(mean));
  const double squares = row_sum(length, [&](int64_t i, int64_t n) {
    const vf d = load_first(x + i, n) - m;
    return d * d;
  });
  return {mean, squares / count};
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
