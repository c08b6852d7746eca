// Channels-last images to planes and back: transposing a matrix per image, in blocks that stay in L1.
#pragma once
#include "_native/kernel.h"

namespace rl::RL_LEVEL {

// to[c * rows + r] = from[r * columns + c] for rows [begin, end).
inline void transpose_rows(const float* from, int64_t rows, int64_t columns, int64_t begin, int64_t end,
                           float* to) {
  const int64_t whole_r = begin + (end - begin) / W * W, whole_c = columns / W * W;
  for (int64_t c = 0; c < whole_c; c += W)
    for (int64_t r = begin; r < whole_r; r += W) {
      vf x[W];
      load_transposed(from + r * columns + c, columns, x);
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i) store(to + (c + i) * rows + r, x[i]);
    }
  for (int64_t r = begin; r < end; ++r)
    for (int64_t c = r < whole_r ? whole_c : 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
}

// `images` matrices (rows, columns) to (columns, rows).
inline void transpose_images(const float* from, int64_t images, int64_t rows, int64_t columns,
                             float* to) {
  const int64_t block = std::clamp<int64_t>(4096 / columns / W * W, W, 256);
  const int64_t blocks = ceil_div(rows, block), size = rows * columns;
  parallel_for(images * blocks, 1 + 50000 / (block * columns), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / blocks, first = i % blocks * block;
      transpose_rows(from + image * size, rows, columns, first, std::min(rows, first + block),
                     to + image * size);
    }
  });
}

}  // namespace rl::RL_LEVEL
