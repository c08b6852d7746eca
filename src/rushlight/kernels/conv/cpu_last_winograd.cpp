// Channels-last convolution with 3x3 windows and stride 1 by Winograd's F(2x2, 3x3).
//
// The transforms of conv/cpu_winograd.cpp with channels in the lanes: every element of a 4x4 tile is a
// row of channels, so they are additions of rows, without shuffles. At each of 16 positions the rows of
// some tiles are multiplied by packed transformed weights (C, O). A task takes some tiles through all
// three steps. The weight gradient sums (A g A')' (B' d B) over tiles at each position.
//
// Reference, roofline: as there.
#include "conv/last.h"
#include "conv/winograd.h"
#include "gemm/gemm.h"

namespace rl::RL_LEVEL {

namespace {

constexpr int kPositions = 16;
constexpr int64_t kTransformedFloats = 160 << 10;  // of one task, both sides: 640 KB
constexpr int64_t kFewest = 24, kMost = 96;        // tiles of a task, multiples of kRows
constexpr int64_t kSumFloats = 1 << 20;            // of the weight gradient's operands: 4 MB

// Tiles of 2x2 outputs, image after image, row after row.
struct Tiles {
  ConvShape s;
  int64_t rows, columns;

  explicit Tiles(const ConvShape& shape)
      : s(shape), rows(ceil_div(s.h.out, 2)), columns(ceil_div(s.w.out, 2)) {}
  int64_t count() const { return s.n * rows * columns; }

  struct Place {
    int64_t image, h, w;
  };
  Place at(int64_t tile) const {
    return {tile / (rows * columns), tile / columns % rows * 2, tile % columns * 2};
  }
};

// B' d B of the 4x4 inputs of a tile; position k goes to v + k * position.
RL_INLINE void transform_input(const float* const (&d)[16], int64_t channels, float* v,
                               int64_t position) {
  for_lanes(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
    vf h[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      vf r[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) r[j] = load_first(d[4 * i + j] + c, n);
      h[i][0] = r[0] - r[2];
      h[i][1] = r[1] + r[2];
      h[i][2] = r[2] - r[1];
      h[i][3] = r[1] - r[3];
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      float* to = v + j * position + c;
      store_first(to, h[0][j] - h[2][j], n);
      store_first(to + 4 * position, h[1][j] + h[2][j], n);
      store_first(to + 8 * position, h[2][j] - h[1][j], n);
      store_first(to + 12 * position, h[1][j] - h[3][j], n);
    }
  });
}

// A' m A of a tile: 2x2 outputs, each a row of channels; null where the tile leaves the image.
RL_INLINE void transform_output(const float* m, int64_t position, int64_t channels, const float* bias,
                                bool relu, float* const (&y)[4]) {
  for_lanes(channels, [&](int64_t o, int64_t n) __attribute__((always_inline)) {
    vf upper[4], lower[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const float* from = m + j * position + o;
      const vf m0 = load_first(from, n), m1 = load_first(from + 4 * position, n);
      const vf m2 = load_first(from + 8 * position, n), m3 = load_first(from + 12 * position, n);
      upper[j] = m0 + m1 + m2;
      lower[j] = m1 - m2 - m3;
    }
    const vf shift = bias ? load_first(bias + o, n) : vf{};
    const auto put = [&](float* to, vf value) {
      if (to) store_first(to + o, relu ? max(value + shift, vf{}) : value + shift, n);
    };
    put(y[0], upper[0] + upper[1] + upper[2]);
    put(y[1], upper[1] - upper[2] - upper[3]);
    put(y[2], lower[0] + lower[1] + lower[2]);
    put(y[3], lower[1] - lower[2] - lower[3]);
  });
}

// A g A' of the 2x2 gradients of a tile.
RL_INLINE void transform_gradient(const float* const (&g)[4], int64_t channels, float* m,
                                  int64_t position) {
  for_lanes(channels, [&](int64_t o, int64_t n) __attribute__((always_inline)) {
    const vf a0 = load_first(g[0] + o, n), a1 = load_first(g[1] + o, n);
    const vf b0 = load_first(g[2] + o, n), b1 = load_first(g[3] + o, n);
    const auto column = [&](int j, vf a, vf b) {
      float* to = m + j * position + o;
      store_first(to, a, n);
      store_first(to + 4 * position, a + b, n);
      store_first(to + 8 * position, a - b, n);
      store_first(to + 12 * position, -b, n);
    };
    column(0, a0, b0);
    column(1, a0 + a1, b0 + b1);
    column(2, a0 - a1, b0 - b1);
    column(3, -a1, -b1);
  });
}

// Where the inputs of a tile are; `zeros` stands for the padding.
void find_inputs(const Tiles& t, int64_t tile, const float* x, const float* zeros,
                 const float* (&d)[16]) {
  const auto [image, oh, ow] = t.at(tile);
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < 4; ++j) {
      const int64_t h = oh + i - t.s.h.padding, w = ow + j - t.s.w.padding;
      const bool inside = h >= 0 && h < t.s.h.size && w >= 0 && w < t.s.w.size;
      d[4 * i + j] = inside ? x + ((image * t.s.h.size + h) * t.s.w.size + w) * t.s.c : zeros;
    }
}

// Where the outputs of a tile are; `outside` beyond the edge.
template <class T>
void find_outputs(const Tiles& t, int64_t tile, T* y, T* outside, T* (&out)[4]) {
  const auto [image, oh, ow] = t.at(tile);
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t h = oh + i / 2, w = ow + i % 2;
    const bool inside = h < t.s.h.out && w < t.s.w.out;
    out[i] = inside ? y + ((image * t.s.h.out + h) * t.s.w.out + w) * t.s.o : outside;
  }
}

// Transformed weights, packed for 16 products (tiles, C) x (C, O).
class TransformedWeights {
 public:
  // Tap k of input c and output o is w[(o * 9 + k) * c_count + c], or with `turned`, where the inputs
  // are the weights' outputs, w[(c * 9 + 8 - k) * o_count + o].
  TransformedWeights(const ConvShape& s, const float* w, bool turned)
      : inputs_(s.c), outputs_(s.o), size_(packed_size(s.o, s.c)),
        memory_(static_cast<size_t>(kPositions * size_) * 4) {
    const int64_t panels = ceil_div(outputs_, W);
    parallel_for(panels, 1 + 4000 / inputs_, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (turned) turned_panel(w, i * W);
        else panel(w, i * W);
      }
    });
  }
  const float* at(int position) const { return memory_.f32() + position * size_; }

 private:
  // u = G g G' for W outputs in the lanes.
  RL_INLINE void put(int64_t input, int64_t output, const vf (&g)[9]) const {
    vf column[4][3];
#pragma GCC unroll 3
    for (int k = 0; k < 3; ++k) {
      const vf outer = 0.5f * (g[k] + g[6 + k]), inner = 0.5f * g[3 + k];
      column[0][k] = g[k];
      column[1][k] = outer + inner;
      column[2][k] = outer - inner;
      column[3][k] = g[6 + k];
    }
    float* to = memory_.f32() + packed_place(outputs_, inputs_, input, output);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i, to += 4 * size_) {
      const vf outer = 0.5f * (column[i][0] + column[i][2]), inner = 0.5f * column[i][1];
      store(to, column[i][0]);
      store(to + size_, outer + inner);
      store(to + 2 * size_, outer - inner);
      store(to + 3 * size_, column[i][2]);
    }
  }

  void turned_panel(const float* w, int64_t o) const {
    for (int64_t c = 0; c < inputs_; ++c) {
      vf g[9];
      for (int k = 0; k < 9; ++k) g[k] = load_first(w + (c * 9 + 8 - k) * outputs_ + o, outputs_ - o);
      put(c, o, g);
    }
  }

  void panel(const float* w, int64_t o) const {
    const int64_t row = 9 * inputs_, used = std::min<int64_t>(W, outputs_ - o);
    for (int64_t c = 0; c < inputs_; c += W) {
      const int64_t n = std::min<int64_t>(W, inputs_ - c);
      vf taps[9][W];
      for (int k = 0; k < 9; ++k) {
        const float* from = w + o * row + k * inputs_ + c;
        if (n == W && used == W) {
          load_transposed(from, row, taps[k]);
          continue;
        }
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j < W; ++j) taps[k][i][j] = j < used ? from[j * row + i] : 0.0f;
      }
      for (int64_t i = 0; i < n; ++i) {
        vf g[9];
        for (int k = 0; k < 9; ++k) g[k] = taps[k][i];
        put(c + i, o, g);
      }
    }
  }

  int64_t inputs_, outputs_, size_;
  Scratch memory_;
};

// From one tile to the next, no power of two, whose rows would share cache sets.
int64_t padded_row(int64_t channels) { return channels % 64 == 0 ? channels + 16 : channels; }

// gw (3, 3, C) = G' u G of one output; u [position][C].
void transform_back(const float* u, int64_t position, int64_t channels, float* gw) {
  for_lanes(channels, [&](int64_t c, int64_t n) {
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
      float* to = gw + 3 * i * channels + c;
      store_first(to, rows[i][0] + half, n);
      store_first(to + channels, 0.5f * (rows[i][1] - rows[i][2]), n);
      store_first(to + 2 * channels, half + rows[i][3], n);
    }
  });
}

}  // namespace

void last_winograd(const ConvShape& s, const float* x, const float* w, bool turned, const float* b,
                   float* y, bool relu) {
  const TransformedWeights weights(s, w, turned);
  const Tiles tiles(s);
  const int64_t in_row = padded_row(s.c), out_row = padded_row(s.o), all = tiles.count();
  const int64_t fit = std::clamp(kTransformedFloats / (kPositions * (in_row + out_row)), kFewest, kMost);
  const int64_t fair = std::max(kFewest, ceil_div(all, 4 * num_threads()));
  const int64_t step = std::min({fit / kFewest * kFewest, ceil_div(fair, kFewest) * kFewest, all});
  const int64_t in_position = step * in_row, out_position = step * out_row;
  parallel_chunks(ceil_div(all, step), [&](int64_t chunk) {
    const Scratch memory(static_cast<size_t>(kPositions * (in_position + out_position) + s.c) * 4);
    float *v = memory.f32(), *m = v + kPositions * in_position, *zeros = m + kPositions * out_position;
    zero_floats(zeros, s.c);
    const int64_t first = chunk * step, count = std::min(step, all - first);
    for (int64_t i = 0; i < count; ++i) {
      const float* d[16];
      find_inputs(tiles, first + i, x, zeros, d);
      transform_input(d, s.c, v + i * in_row, in_position);
    }
    for (int k = 0; k < kPositions; ++k)
      multiply_packed({count, s.o, s.c, {v + k * in_position, in_row, 1}, {weights.at(k), 0, 0},
                       m + k * out_position, out_row});
    for (int64_t i = 0; i < count; ++i) {
      float* out[4];
      find_outputs<float>(tiles, first + i, y, nullptr, out);
      transform_output(m + i * out_row, out_position, s.o, b, relu, out);
    }
  });
}

void last_winograd_weight(const ConvShape& s, const float* g, const float* x, float* gw) {
  const Tiles tiles(s);
  const int64_t in_row = padded_row(s.c), out_row = padded_row(s.o), all = tiles.count();
  const int64_t step = std::min(all, std::max(kMost, kSumFloats / (kPositions * (in_row + out_row))));
  const int64_t in_position = step * in_row, out_position = step * out_row, size = s.o * s.c;
  const int64_t widest = std::max(s.c, s.o);
  const Scratch memory(
      static_cast<size_t>(kPositions * (in_position + out_position + size) + widest) * 4);
  float *v = memory.f32(), *m = v + kPositions * in_position, *u = m + kPositions * out_position;
  float* zeros = u + kPositions * size;
  zero_floats(zeros, widest);
  for (int64_t first = 0; first < all; first += step) {
    const int64_t count = std::min(step, all - first);
    parallel_for(count, 1 + 20000 / (s.c + s.o), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float *d[16], *up[4];
        find_inputs(tiles, first + i, x, zeros, d);
        transform_input(d, s.c, v + i * in_row, in_position);
        find_outputs<const float>(tiles, first + i, g, zeros, up);
        transform_gradient(up, s.o, m + i * out_row, out_position);
      }
    });
    parallel_chunks(kPositions, [&](int64_t k) {
      multiply({s.o, s.c, count, {m + k * out_position, 1, out_row}, {v + k * in_position, in_row, 1},
                u + k * size, s.c, first > 0});
    });
  }
  parallel_for(s.o, 1 + 4000 / s.c, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o)
      transform_back(u + o * s.c, size, s.c, gw + o * s.c * 9);
  });
}

}  // namespace rl::RL_LEVEL
