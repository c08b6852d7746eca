// Softmax along contiguous rows.
//
// Three short passes over a row that stays in cache: maximum, exponentials and their sum, scaling.
// Subtracting the maximum is the usual guard against overflow; sums are made in chunks.
// Roofline: x and y once through memory; 14 vector operations per exponential.
#include "softmax/rows.h"

namespace rl::RL_LEVEL {
#include "softmax/cpu.h"

namespace {

bool rows_of(const View& x, const View& y, int64_t length) {
  return x.dense_f32() && y.dense_f32() && x.size > 0 && length > 0;
}

}  // namespace

bool softmax_forward(const View& x, const View& y, int64_t length) {
  if (!rows_of(x, y, length)) return false;
  for_rows(x.size / length, length, 0.9, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* from = x.f32() + r * length;
      float* to = y.f32() + r * length;
      const vf top = splat(row_max(from, length));
      const double sum = row_sum(length, [&](int64_t i, int64_t n) {
        const vf e = exp(load_first(from + i, n) - top);
        store_first(to + i, e, n);
        return e;
      });
      const vf share = splat(static_cast<float>(1.0 / sum));
      for_row(length, [&](int64_t i, int64_t n) { store_first(to + i, load_first(to + i, n) * share, n); });
    }
  });
  return true;
}

bool softmax_backward(const View& g, const View& y, const View& gx, int64_t length) {
  if (!rows_of(g, y, length) || !gx.dense_f32()) return false;
  for_rows(g.size / length, length, 0.4, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float *gr = g.f32() + r * length, *yr = y.f32() + r * length;
      float* to = gx.f32() + r * length;
      const double sum = row_sum(length, [&](int64_t i, int64_t n) {
        return load_first(gr + i, n) * load_first(yr + i, n);
      });
      const vf inner = splat(static_cast<float>(sum));
      for_row(length, [&](int64_t i, int64_t n) {
        store_first(to + i, load_first(yr + i, n) * (load_first(gr + i, n) - inner), n);
      });
    }
  });
  return true;
}

bool log_softmax_forward(const View& x, const View& y, int64_t length) {
  if (!rows_of(x, y, length)) return false;
  for_rows(x.size / length, length, 0.8, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* from = x.f32() + r * length;
      float* to = y.f32() + r * length;
      const vf top = splat(row_max(from, length));
      const double sum = row_sum(length, [&](int64_t i, int64_t n) {
        return exp(load_first(from + i, n) - top);
      });
      const vf log_sum = splat(static_cast<float>(std::log(sum)));
      for_row(length, [&](int64_t i, int64_t n) {
        store_first(to + i, (load_first(from + i, n) - top) - log_sum, n);
      });
    }
  });
  return true;
}

bool log_softmax_backward(const View& g, const View& y, const View& gx, int64_t length) {
  if (!rows_of(g, y, length) || !gx.dense_f32()) return false;
  for_rows(g.size / length, length, 0.9, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float *gr = g.f32() + r * length, *yr = y.f32() + r * length;
      float* to = gx.f32() + r * length;
      const double sum =
          row_sum(length, [&](int64_t i, int64_t n) { return load_first(gr + i, n); });
      const vf total = splat(static_cast<float>(sum));
      for_row(length, [&](int64_t i, int64_t n) {
        store_first(to + i, load_first(gr + i, n) - exp(load_first(yr + i, n)) * total, n);
      });
    }
  });
  return true;
}

}  // namespace rl::RL_LEVEL
