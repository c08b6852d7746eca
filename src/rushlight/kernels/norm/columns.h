// Sums over the rows of a matrix (rows, channels), for channels-last images: a row is a pixel.
#pragma once
#include <type_traits>

#include "_native/kernel.h"

namespace rl::RL_LEVEL {

// to[k * channels + c] = sum over rows [first, end) of what f(row, c, n, v) writes to v[k], K vectors of
// which the first n lanes count. Rows are read as they lie, a few side by side.
template <int K, class F>
RL_INLINE void add_rows(int64_t first, int64_t end, int64_t channels, float* to, F&& f) {
  std::memset(to, 0, static_cast<size_t>(K * channels) * 4);
  const auto pass = [&](int64_t row, auto count) __attribute__((always_inline)) {
    for (int64_t c = 0; c < channels; c += W) {
      const int64_t n = std::min<int64_t>(W, channels - c);
      vf sum[K] = {};
#pragma GCC unroll 4
      for (int i = 0; i < count.value; ++i) {
        vf v[K];
        f(row + i, c, n, v);
        for (int k = 0; k < K; ++k) sum[k] += v[k];
      }
      for (int k = 0; k < K; ++k) {
        float* at = to + k * channels + c;
        store_first(at, load_first(at, n) + sum[k], n);
      }
    }
  };
  int64_t row = first;
  for (; row + 4 <= end; row += 4) pass(row, std::integral_constant<int, 4>{});
  for (; row < end; ++row) pass(row, std::integral_constant<int, 1>{});
}

// totals[i], i < size: sums over blocks of rows [first, end), which add(first, end, room, own) adds to
// own[i]; `room`: `floats` floats. Chunks of blocks are added in order.
template <class F>
void block_sums(int64_t rows, int64_t channels, int64_t block, int64_t size, int64_t floats,
                double* totals, F&& add) {
  const int64_t enough = ceil_div(1 << 15, channels);  // rows worth a task
  const int64_t chunks = std::clamp<int64_t>(rows / enough, 1, 4 * num_threads());
  const int64_t step = ceil_div(rows, chunks);
  const Scratch sums(static_cast<size_t>(chunks * size) * sizeof(double));
  parallel_chunks(chunks, [&](int64_t chunk) {
    double* own = sums.as<double>() + chunk * size;
    for (int64_t i = 0; i < size; ++i) own[i] = 0.0;
    const Scratch room(static_cast<size_t>(floats) * 4);
    const int64_t stop = std::min(rows, (chunk + 1) * step);
    for (int64_t first = chunk * step; first < stop; first += block)
      add(first, std::min(stop, first + block), room.f32(), own);
  });
  for (int64_t i = 0; i < size; ++i) {
    totals[i] = 0.0;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) totals[i] += sums.as<double>()[chunk * size + i];
  }
}

// totals[k * channels + c], the sums of `add_rows` over all rows. At most 256 rows are added up as
// floats, these sums in double, so the error does not grow with the number of rows.
template <int K, class F>
void column_sums(int64_t rows, int64_t channels, double* totals, F&& f) {
  const int64_t size = K * channels;
  block_sums(rows, channels, 256, size, size, totals,
             [&](int64_t first, int64_t end, float* room, double* own) {
    add_rows<K>(first, end, channels, room, f);
    for (int64_t i = 0; i < size; ++i) own[i] += static_cast<double>(room[i]);
  });
}

// totals: sums of x, then of x^2, these to double precision: deviations from the mean of a block of rows
// are summed, and what the mean adds to them is added in double. One pass over memory.
inline void moment_sums(const float* x, int64_t rows, int64_t channels, double* totals) {
  const int64_t block = std::clamp<int64_t>(8192 / channels, 16, 256);
  block_sums(rows, channels, block, 2 * channels, 3 * channels, totals,
             [=](int64_t first, int64_t end, float* mean, double* own) {
    add_rows<1>(first, end, channels, mean, [=](int64_t row, int64_t c, int64_t n, vf(&v)[1])
                __attribute__((always_inline)) {
      v[0] = load_first(x + row * channels + c, n);
    });
    const auto count = static_cast<float>(end - first);
    for (int64_t c = 0; c < channels; ++c) mean[c] /= count;
    float* sums = mean + channels;
    add_rows<2>(first, end, channels, sums, [=](int64_t row, int64_t c, int64_t n, vf(&v)[2])
                __attribute__((always_inline)) {
      v[0] = load_first(x + row * channels + c, n) - load_first(mean + c, n);
      v[1] = v[0] * v[0];
    });
    for (int64_t c = 0; c < channels; ++c) {
      const auto m = static_cast<double>(mean[c]), d = static_cast<double>(sums[c]);
      const auto squares = static_cast<double>(sums[channels + c]);
      own[c] += m * static_cast<double>(count) + d;
      own[channels + c] += squares + m * (2 * d + m * static_cast<double>(count));
    }
  });
}

// to[at] = of(at, c, n), the first n lanes of it, for every vector of channels; `at` is its place. Two
// rows at a time share what they need of a channel.
template <class F>
void write_columns(int64_t rows, int64_t channels, float* to, const F& of) {
  const bool streamed = channels % W == 0 && streams(to, rows * channels);
  const int64_t whole = channels / W * W;
  parallel_for(rows, 1 + 60000 / channels, [&](int64_t begin, int64_t end) {
    const F f = of;  // in registers: stores might change what lies elsewhere
    int64_t row = begin;
    for (; streamed && row < end; ++row)
      for (int64_t c = 0, at = row * channels; c < whole; c += W, at += W)
        stream(to + at, f(at, c, int64_t{W}));
    for (; row + 2 <= end; row += 2) {
      for (int64_t c = 0, at = row * channels; c < whole; c += W, at += W) {
        const vf a = f(at, c, int64_t{W}), b = f(at + channels, c, int64_t{W});
        store(to + at, a);
        store(to + at + channels, b);
      }
      for (int64_t i = row; whole < channels && i < row + 2; ++i) {
        const int64_t at = i * channels + whole, n = channels - whole;
        store_first(to + at, f(at, whole, n), n);
      }
    }
    for (; row < end; ++row)
      for (int64_t c = 0; c < channels; c += W) {
        const int64_t at = row * channels + c, n = std::min<int64_t>(W, channels - c);
        store_first(to + at, f(at, c, n), n);
      }
    if (streamed) stream_end();
  });
}

}  // namespace rl::RL_LEVEL
