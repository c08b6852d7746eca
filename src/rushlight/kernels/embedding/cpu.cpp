// Embedding lookup and its gradient.
//
// Gradient: each thread owns a range of columns of the table, goes through all indices in order and
// adds its part of every row. So equal indices never meet between threads and the order of every sum
// is that of the indices.
// Roofline: g read once, gw zeroed and touched where an index falls.
#include "_native/kernel.h"

namespace rl::RL_LEVEL {
#include "embedding/cpu.h"

bool embedding_forward(const View& w, const View& index, const View& y) {
  if (!w.dense_f32() || !index.contiguous || !index.is(DType::int64) || !y.dense_f32()) return false;
  const int64_t rows = w.dim(0), width = w.dim(1), n = index.size;
  const auto* at = index.as<int64_t>();
  for (int64_t i = 0; i < n; ++i)
    if (at[i] < 0 || at[i] >= rows) return false;
  parallel_for(n, 200000 / (width + 16) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(y.f32() + i * width, w.f32() + at[i] * width, static_cast<size_t>(width) * 4);
  });
  return true;
}

bool embedding_backward(const View& g, const View& index, const View& gw, int64_t padding_idx,
                        bool scale_by_freq) {
  if (!g.dense_f32() || !index.contiguous || !index.is(DType::int64) || !gw.dense_f32()) return false;
  const int64_t rows = gw.dim(0), width = gw.dim(1), n = index.size;
  const auto* at = index.as<int64_t>();
  for (int64_t i = 0; i < n; ++i)
    if (at[i] < 0 || at[i] >= rows) return false;
  const Scratch memory(static_cast<size_t>(scale_by_freq ? rows : 1) * 4);
  auto* count = memory.as<int32_t>();
  if (scale_by_freq) {
    std::memset(count, 0, static_cast<size_t>(rows) * 4);
    for (int64_t i = 0; i < n; ++i) ++count[at[i]];
  }
  const int64_t blocks = (width + 15) / 16;
  parallel_for(blocks, 25000 / (n + rows / 4 + 1) + 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * 16, some = std::min(width, end * 16) - first;
    for (int64_t r = 0; r < rows; ++r)
      std::memset(gw.f32() + r * width + first, 0, static_cast<size_t>(some) * 4);
    for (int64_t i = 0; i < n; ++i) {
      if (at[i] == padding_idx) continue;
      const float* from = g.f32() + i * width + first;
      float* to = gw.f32() + at[i] * width + first;
      const vf divisor = splat(scale_by_freq ? static_cast<float>(count[at[i]]) : 1.0f);
      int64_t j = 0;
      for (; j + W <= some; j += W) store(to + j, load(to + j) + load(from + j) / divisor);
      for (; j < some; ++j) to[j] += from[j] / divisor[0];
    }
  });
  return true;
}

}  // namespace rl::RL_LEVEL
