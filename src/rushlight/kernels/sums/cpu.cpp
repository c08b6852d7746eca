// Sums of contiguous rows.
//
// A row is summed in pieces, each by lanes and in double from 2048 terms of a lane on, and the pieces
// are added in order: the result does not depend on who summed which.
// Roofline: x once through memory.
#include "softmax/rows.h"

namespace rl::RL_LEVEL {
#include "sums/cpu.h"

bool sum_rows(const View& x, const View& y, int64_t length) {
  if (!x.dense_f32() || !y.dense_f32() || x.size == 0 || length <= 0) return false;
  constexpr int64_t kPiece = 1 << 15;
  const int64_t rows = x.size / length, pieces = (length + kPiece - 1) / kPiece;
  const auto sum_of = [&](int64_t r, int64_t piece) {
    const float* from = x.f32() + r * length + piece * kPiece;
    return row_sum(std::min(kPiece, length - piece * kPiece),
                   [&](int64_t i, int64_t n) { return load_first(from + i, n); });
  };
  if (pieces == 1) {
    for_rows(rows, length, 0.1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) y.f32()[r] = static_cast<float>(sum_of(r, 0));
    });
    return true;
  }
  const Scratch memory(static_cast<size_t>(rows * pieces) * 8);
  auto* part = memory.as<double>();
  parallel_for(rows * pieces, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) part[i] = sum_of(i / pieces, i % pieces);
  });
  for (int64_t r = 0; r < rows; ++r) {
    double total = 0.0;
    for (int64_t i = 0; i < pieces; ++i) total += part[r * pieces + i];
    y.f32()[r] = static_cast<float>(total);
  }
  return true;
}

}  // namespace rl::RL_LEVEL
