// Adding values at places that may coincide.
//
// A place of column j only gets values of column j, so threads take columns of their own (or outer
// parts), go through the indices in order, and never meet.
// Roofline: index and v read once, y touched where an index falls.
#include "_native/kernel.h"

namespace rl::RL_LEVEL {
#include "scatter/cpu.h"

bool scatter_add(const View& y, const View& index, const View& v) {
  if (!y.dense_f32() || !v.dense_f32() || !index.contiguous || !index.is(DType::int64)) return false;
  const int64_t outer = y.dim(0), rows = y.dim(1), inner = y.dim(2), n = v.dim(1);
  const auto* place = index.as<int64_t>();
  for (int64_t i = 0; i < index.size; ++i)
    if (place[i] < 0 || place[i] >= rows) return false;
  constexpr int64_t kColumns = 64;
  const int64_t blocks = (inner + kColumns - 1) / kColumns;
  const int64_t grain = 1 + 25000 / (n * std::min(inner, kColumns) + 1);
  parallel_for(outer * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t o = t / blocks, first = t % blocks * kColumns;
      const int64_t last = std::min(inner, first + kColumns);
      float* to = y.f32() + o * rows * inner;
      for (int64_t i = 0; i < n; ++i) {
        const int64_t at = (o * n + i) * inner;
        for (int64_t j = first; j < last; ++j) to[place[at + j] * inner + j] += v.f32()[at + j];
      }
    }
  });
  return true;
}

}  // namespace rl::RL_LEVEL
