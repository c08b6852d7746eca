// Sums over the rows of a matrix (rows, channels), for channels-last images: a row is a pixel.
#pragma once
#include "_native/kernel.h"

namespace rl::RL_LEVEL {

// totals[k * channels + c] = sum over rows of what f(row, c, n, v) writes to v[k], K vectors of which
// the first n lanes count. At most 256 rows are added up as floats, these sums in double, chunk by
// chunk in order, so the error does not grow with the number of rows.
template <int K, class F>
void column_sums(int64_t rows, int64_t channels, double* totals, F&& f) {
  const int64_t block = std::clamp<int64_t>(8192 / channels, 16, 256);
  const int64_t enough = ceil_div(1 << 15, channels);  // rows worth a task
  const int64_t chunks = std::clamp<int64_t>(rows / enough, 1, 4 * num_threads());
  const int64_t step = ceil_div(rows, chunks), size = K * channels;
  const Scratch sums(static_cast<size_t>(chunks * size) * 8);
  parallel_chunks(chunks, [&](int64_t chunk) {
    double* own = sums.as<double>() + chunk * size;
    for (int64_t i = 0; i < size; ++i) own[i] = 0.0;
    const int64_t stop = std::min(rows, (chunk + 1) * step);
    for (int64_t first = chunk * step; first < stop; first += block) {
      const int64_t end = std::min(stop, first + block);
      for (int64_t c = 0; c < channels; c += W) {
        const int64_t n = std::min<int64_t>(W, channels - c);
        vf some[2][K] = {};
        int64_t row = first;
        const auto add = [&](int part) __attribute__((always_inline)) {
          vf v[K];
          f(row++, c, n, v);
          for (int k = 0; k < K; ++k) some[part][k] += v[k];
        };
        while (row + 2 <= end) {
          add(0);
          add(1);
        }
        if (row < end) add(0);
        for (int k = 0; k < K; ++k) {
          const vf both = some[0][k] + some[1][k];
          for (int64_t i = 0; i < n; ++i) own[k * channels + c + i] += static_cast<double>(both[i]);
        }
      }
    }
  });
  for (int64_t i = 0; i < size; ++i) {
    totals[i] = 0.0;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) totals[i] += sums.as<double>()[chunk * size + i];
  }
}

// f(row, c, n) for all vectors of channels of all rows, in parallel.
template <class F>
void for_columns(int64_t rows, int64_t channels, F&& f) {
  parallel_for(rows, 1 + 60000 / channels, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t c = 0;
      for (; c + W <= channels; c += W) f(row, c, int64_t{W});
      if (c < channels) f(row, c, channels - c);
    }
  });
}

}  // namespace rl::RL_LEVEL
