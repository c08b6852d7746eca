// Elementwise loops: one lambda on vectors, split over threads.
#pragma once
#include <cstring>

#include "_native/parallel.h"
#include "_native/simd.h"

namespace rl::RL_LEVEL {

// body(data, n) works on whole vectors of `Arrays` arrays, of which those from `first_out` on are
// written. The last, incomplete vector goes through a copy, so a value does not depend on its place
// and the arithmetic is compiled once. Null arrays stay null.
template <int Arrays, class F>
RL_INLINE void whole_vectors(float* const (&data)[Arrays], int64_t n, int first_out, F body) {
  const int64_t whole = n / W * W, rest = n - whole;
  if (whole > 0) body(data, whole);
  if (rest == 0) return;
  float copy[Arrays][W] = {};
  float* place[Arrays];
  const auto bytes = static_cast<size_t>(rest) * sizeof(float);
  for (int k = 0; k < Arrays; ++k) {
    place[k] = data[k] == nullptr ? nullptr : copy[k];
    if (data[k] != nullptr) std::memcpy(copy[k], data[k] + whole, bytes);
  }
  body(place, W);
  for (int k = first_out; k < Arrays; ++k)
    if (data[k] != nullptr) std::memcpy(data[k] + whole, copy[k], bytes);
}

// Pieces begin at multiples of 64 elements, so that an aligned result has aligned pieces.
// `cost`: rough nanoseconds per 16 elements, which sets the size below which the loop is serial.
template <class F>
void map1(const float* a, float* y, int64_t n, int cost, F f) {
  const bool streamed = streams(y, n);
  const auto body = [&](float* const(&d)[2], int64_t count) __attribute__((noinline)) {
    if (streamed && count > W) {
      for (int64_t i = 0; i < count; i += W) stream(d[1] + i, f(load(d[0] + i)));
      return stream_end();
    }
    for (int64_t i = 0; i < count; i += W) store(d[1] + i, f(load(d[0] + i)));
  };
  parallel_for((n + 63) / 64, 25000 / (4 * cost) + 1, [&](int64_t begin, int64_t end) {
    const int64_t i = begin * 64, stop = end * 64 < n ? end * 64 : n;
    whole_vectors<2>({const_cast<float*>(a) + i, y + i}, stop - i, 1, body);
  });
}

template <class F>
void map2(const float* a, const float* b, float* y, int64_t n, int cost, F f) {
  const bool streamed = streams(y, n);
  const auto body = [&](float* const(&d)[3], int64_t count) __attribute__((noinline)) {
    if (streamed && count > W) {
      for (int64_t i = 0; i < count; i += W)
        stream(d[2] + i, f(load(d[0] + i), load(d[1] + i)));
      return stream_end();
    }
    for (int64_t i = 0; i < count; i += W)
      store(d[2] + i, f(load(d[0] + i), load(d[1] + i)));
  };
  parallel_for((n + 63) / 64, 25000 / (4 * cost) + 1, [&](int64_t begin, int64_t end) {
    const int64_t i = begin * 64, stop = end * 64 < n ? end * 64 : n;
    whole_vectors<3>({const_cast<float*>(a) + i, const_cast<float*>(b) + i, y + i}, stop - i, 2, body);
  });
}

}  // namespace rl::RL_LEVEL
