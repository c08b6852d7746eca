// What the directions of conv/cpu_winograd*.cpp share: tiles of 2x2 outputs and their transforms.
//
// Tiles are counted along the rows of all images, one image after the other; `first` and `last` are
// rows of tiles. A transformed array is [position][channel][tile], `stride` from one channel to the
// next; positions are those of a 4x4 tile, row by row.
#pragma once
#include "conv/geometry.h"

namespace rl::RL_LEVEL {

inline constexpr int kPositions = 16;

RL_INLINE void copy_run(float* to, const float* from, int64_t n) {
  for (int64_t i = 0; i < n; i += W) store_first(to + i, load_first(from + i, n - i), n - i);
}

// B' d B of the 4x4 inputs of each tile.
struct InputTiles {
  ConvShape s;
  const float* x;
  int64_t rows, columns;  // tiles of one image
  int64_t run;            // columns rounded up to whole vectors

  InputTiles(const ConvShape& shape, const float* x)
      : s(shape), x(x), rows(ceil_div(s.h.out, 2)), columns(ceil_div(s.w.out, 2)),
        run(ceil_div(columns, W) * W) {}

  void transform(int64_t first, int64_t last, float* v, int64_t stride) const {
    const int64_t line_length = 2 * run + s.w.size + 4 * W;
    const Scratch memory(static_cast<size_t>(line_length + 16 * run + W) * 4);
    float *line = memory.f32(), *lines = line + line_length;
    std::memset(line, 0, static_cast<size_t>(line_length) * 4);
    for (int64_t c = 0; c < s.c; ++c) {
      float* out = v + c * stride;
      for (int64_t r = first; r < last; ++r, out += columns) {
        const int64_t image = r / rows, row = r % rows;
        const float* plane = x + (image * s.c + c) * s.in_plane();
        const bool follows = r > first && row > 0;  // its upper two lines are there already
        const float* h[4];
        for (int i = 0; i < 4; ++i) {
          const int64_t at = 2 * row + i;
          float* to = lines + at % 4 * 4 * run;
          if (!follows || i >= 2) transform_line(plane, at - s.h.padding, line, to);
          h[i] = to;
        }
        combine_lines(h, out, s.c * stride);
      }
    }
  }

 private:
  // The horizontal half, for one line of the image: 4 runs, one for each column of the tile.
  void transform_line(const float* plane, int64_t h, float* line, float* to) const {
    if (h < 0 || h >= s.h.size) {
      std::memset(to, 0, static_cast<size_t>(4 * run) * 4);
      return;
    }
    copy_run(line + s.w.padding, plane + h * s.w.size, s.w.size);
    for (int64_t t = 0; t < columns; t += W) {
      const float* from = line + 2 * t;
      const vf a = load(from), b = load(from + W), c = load(from + 2), d = load(from + W + 2);
      const vf d0 = even_lanes(a, b), d1 = odd_lanes(a, b);
      const vf d2 = even_lanes(c, d), d3 = odd_lanes(c, d);
      store(to + t, d0 - d2);
      store(to + run + t, d1 + d2);
      store(to + 2 * run + t, d2 - d1);
      store(to + 3 * run + t, d1 - d3);
    }
  }

  // The vertical half, for one row of tiles.
  void combine_lines(const float* const (&h)[4], float* out, int64_t position) const {
    for (int j = 0; j < 4; ++j, out += position)
      for (int64_t t = 0; t < columns; t += W) {
        const int64_t n = columns - t;
        const vf h0 = load(h[0] + j * run + t), h1 = load(h[1] + j * run + t);
        const vf h2 = load(h[2] + j * run + t), h3 = load(h[3] + j * run + t);
        store_first(out + t, h0 - h2, n);
        store_first(out + 4 * position + t, h1 + h2, n);
        store_first(out + 8 * position + t, h2 - h1, n);
        store_first(out + 12 * position + t, h1 - h3, n);
      }
  }
};

// A g A' of the 2x2 gradients of each tile.
struct GradientTiles {
  ConvShape s;
  const float* g;
  int64_t rows, columns, run;

  GradientTiles(const ConvShape& shape, const float* g)
      : s(shape), g(g), rows(ceil_div(s.h.out, 2)), columns(ceil_div(s.w.out, 2)),
        run(ceil_div(columns, W) * W) {}

  void transform(int64_t first, int64_t last, float* m, int64_t stride) const {
    const int64_t line_length = 2 * run + s.w.out;
    const Scratch memory(static_cast<size_t>(2 * line_length) * 4);
    float *upper = memory.f32(), *lower = upper + line_length;
    std::memset(upper, 0, static_cast<size_t>(2 * line_length) * 4);
    for (int64_t o = 0; o < s.o; ++o) {
      float* out = m + o * stride;
      for (int64_t r = first; r < last; ++r, out += columns) {
        const int64_t image = r / rows, h = r % rows * 2;
        const float* from = g + (image * s.o + o) * s.out_plane() + h * s.w.out;
        copy_run(upper, from, s.w.out);
        if (h + 1 < s.h.out) copy_run(lower, from + s.w.out, s.w.out);
        else std::memset(lower, 0, static_cast<size_t>(s.w.out) * 4);
        combine(upper, lower, out, s.o * stride);
      }
    }
  }

 private:
  void combine(const float* upper, const float* lower, float* out, int64_t position) const {
    for (int64_t t = 0; t < columns; t += W) {
      const int64_t n = columns - t;
      const auto store_column = [&](int j, vf a, vf b) {
        float* to = out + j * position + t;
        store_first(to, a, n);
        store_first(to + 4 * position, a + b, n);
        store_first(to + 8 * position, a - b, n);
        store_first(to + 12 * position, -b, n);
      };
      const vf a0 = load(upper + 2 * t), a1 = load(upper + 2 * t + W);
      const vf b0 = load(lower + 2 * t), b1 = load(lower + 2 * t + W);
      const vf al = even_lanes(a0, a1), ar = odd_lanes(a0, a1);
      const vf bl = even_lanes(b0, b1), br = odd_lanes(b0, b1);
      store_column(0, al, bl);
      store_column(1, al + ar, bl + br);
      store_column(2, al - ar, bl - br);
      store_column(3, -ar, -br);
    }
  }
};

}  // namespace rl::RL_LEVEL
