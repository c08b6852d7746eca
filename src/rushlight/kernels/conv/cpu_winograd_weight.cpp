// The weight gradient of a convolution with 3x3 windows by Winograd's algorithm, run backwards.
//
// With the transforms of conv/cpu_winograd.cpp, gw = G' [ sum over tiles of (A g A') (B' d B)' ] G: at
// each of 16 positions a product (O, tiles) x (tiles, C). Some rows of tiles at a time are transformed,
// which all threads share, then each position is one task, so sums never depend on who computes them.
//
// Reference: as there; the transposition principle of Winograd, 1980.
// Roofline: as there, plus the transformed arrays once to and from the outer cache.
#include "conv/winograd.h"
#include "conv/winograd_tiles.h"
#include "gemm/gemm.h"

namespace rl::RL_LEVEL {

namespace {

constexpr int64_t kTransformedFloats = 1 << 20;  // of both operands: 4 MB

// gw (3, 3) = G' u G for the inputs [0, C) of one output; u [position][C].
void transform_back(const float* u, int64_t position, int64_t channels, float* gw) {
  for (int64_t c = 0; c < channels; c += W) {
    const int64_t n = std::min<int64_t>(W, channels - c);
    vf rows[3][4];
    for (int j = 0; j < 4; ++j) {
      const auto at = [&](int i) { return load_first(u + (4 * i + j) * position + c, n); };
      const vf u1 = at(1), u2 = at(2), half = 0.5f * (u1 + u2);
      rows[0][j] = at(0) + half;
      rows[1][j] = 0.5f * (u1 - u2);
      rows[2][j] = half + at(3);
    }
    for (int i = 0; i < 3; ++i) {
      const vf half = 0.5f * (rows[i][1] + rows[i][2]);
      const vf taps[3] = {rows[i][0] + half, 0.5f * (rows[i][1] - rows[i][2]), half + rows[i][3]};
      for (int k = 0; k < 3; ++k)
        for (int64_t r = 0; r < n; ++r) gw[(c + r) * 9 + 3 * i + k] = taps[k][r];
    }
  }
}

}  // namespace

void winograd_weight(const ConvShape& s, const float* g, const float* x, float* gw) {
  const InputTiles input(s, x);
  const GradientTiles gradient(s, g);
  const int64_t all = s.n * input.rows, columns = input.columns;
  const int64_t per_row = kPositions * (s.c + s.o) * columns;
  const int64_t together = std::min(all, std::max<int64_t>(1, kTransformedFloats / per_row));
  const int64_t stride = ceil_div(together * columns, W) * W + W, position = s.o * s.c;
  const int64_t inputs = kPositions * s.c * stride, gradients = kPositions * s.o * stride;
  const Scratch memory(static_cast<size_t>(inputs + gradients + kPositions * position) * 4);
  float *v = memory.f32(), *m = v + inputs, *u = m + gradients;
  for (int64_t first = 0; first < all; first += together) {
    const int64_t rows = std::min(together, all - first);
    const int64_t piece = std::max<int64_t>(1, ceil_div(rows, 4 * num_threads()));
    parallel_chunks(ceil_div(rows, piece), [&](int64_t i) {
      const int64_t begin = i * piece, end = std::min(rows, begin + piece);
      input.transform(first + begin, first + end, v + begin * columns, stride);
      gradient.transform(first + begin, first + end, m + begin * columns, stride);
    });
    parallel_chunks(kPositions, [&](int64_t k) {
      multiply({s.o, s.c, rows * columns, {m + k * s.o * stride, stride, 1},
                {v + k * s.c * stride, 1, stride}, u + k * position, s.c, first > 0, {}});
    });
  }
  parallel_for(s.o, 1 + 4000 / s.c, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o)
      transform_back(u + o * s.c, position, s.c, gw + o * s.c * 9);
  });
}

}  // namespace rl::RL_LEVEL
