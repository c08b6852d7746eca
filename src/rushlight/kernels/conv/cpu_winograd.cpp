// Convolution with 3x3 windows and stride 1 by Winograd's F(2x2, 3x3).
//
// Tiles of 2x2 outputs, from 4x4 inputs d: Y = A' [ (G g G') * (B' d B) ] A, where * is elementwise
// over 16 positions, which makes the sum over input channels 16 matrix products: 16 multiplications
// where the direct way takes 36. The transforms only add and halve, so rounding errors stay near
// those of the direct sum. A task takes a few rows of tiles through all three steps, so the
// transformed input and the products never leave its cache; lanes are tiles.
//
// Reference: Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016.
// Roofline: 2 N O C OH OW 4 flops against FMA peak, plus about 30 additions for each input and output.
#include "conv/winograd.h"
#include "conv/winograd_tiles.h"
#include "gemm/micro.h"

namespace rl::RL_LEVEL {

namespace {

constexpr int64_t kTiles = W == 16 ? 48 : 32;   // of a task: columns of its products
constexpr int64_t kOutputs = 4 * kRows;         // multiplied before they are transformed
constexpr int kLanes = W < kRows ? 2 * W : W;    // room for a panel of outputs
constexpr int64_t kFewestTiles = 64;            // fewer do not repay transforming the weights

struct Winograd {
  ConvShape s;
  InputTiles input;
  const float* bias;
  float* y;
  bool relu;
  int64_t tile_rows, tile_columns;  // tiles of one image
  int64_t rows_together, tiles;     // tile rows of a task, its tiles rounded up to whole panels
  int64_t stride;                   // from one channel of the transformed input to the next
  int64_t output_panels;
  const float* u;                   // transformed weights [position][output panel][c][kRows]

  Winograd(const ConvShape& shape, const float* x, const float* bias, float* y, bool relu)
      : s(shape), input(shape, x), bias(bias), y(y), relu(relu), tile_rows(input.rows),
        tile_columns(input.columns) {
    const int64_t all = s.n * tile_rows;
    const int64_t fair = ceil_div(all, num_threads());
    rows_together = std::min(std::max<int64_t>(1, kTiles / tile_columns), fair);
    tiles = ceil_div(rows_together * tile_columns, kColumns) * kColumns;
    stride = tiles + W;  // no power of two, whose rows would share cache sets
    output_panels = ceil_div(s.o, kRows);
  }

  int64_t position_size() const { return output_panels * kRows * s.c; }

  // g[k][r]: tap k of output first + r at input c.
  void load_taps(const Windows& w, int64_t first, int64_t c, float (&g)[9][kLanes]) const {
    const float* from = w.w + first * w.output + c * w.input;
    const auto place = [&](int k) { return g[w.turned ? 8 - k : k]; };
    // Whole vectors: W floats of W outputs, where all of them lie inside the weights.
    const int64_t end = (first + W - 1) * w.output + c * w.input + W;
    if (W >= 8 && first + W <= s.o && end <= s.o * s.c * 9) {
      vf taps[W];
      load_transposed(from, w.output, taps);
      for (int k = 0; k < std::min(W, 9); ++k) store(place(k), taps[k]);
      for (int k = W; k < 9; ++k)
        for (int r = 0; r < W; ++r) place(k)[r] = from[r * w.output + k];
      return;
    }
    for (int r = 0; r < kLanes; ++r)
      for (int k = 0; k < 9; ++k)
        place(k)[r] = r < kRows && first + r < s.o ? from[r * w.output + k] : 0.0f;
  }

  // u = G g G' of one panel of outputs, for all inputs.
  void transform_weights(const Windows& w, int64_t panel, float* to) const {
    const int64_t position = position_size();
    float g[9][kLanes], column[4][3][kLanes];
    for (int64_t c = 0; c < s.c; ++c) {
      load_taps(w, panel * kRows, c, g);
      for (int k = 0; k < 3; ++k)
        for (int r = 0; r < kLanes; ++r) {
          const float outer = 0.5f * (g[k][r] + g[6 + k][r]), inner = 0.5f * g[3 + k][r];
          column[0][k][r] = g[k][r];
          column[1][k][r] = outer + inner;
          column[2][k][r] = outer - inner;
          column[3][k][r] = g[6 + k][r];
        }
      float* out = to + (panel * s.c + c) * kRows;
      for (int i = 0; i < 4; ++i, out += 4 * position)
        for (int r = 0; r < kRows; ++r) {
          const float* from = &column[i][0][r];
          const float outer = 0.5f * (from[0] + from[2 * kLanes]), inner = 0.5f * from[kLanes];
          out[r] = from[0];
          out[position + r] = outer + inner;
          out[2 * position + r] = outer - inner;
          out[3 * position + r] = from[2 * kLanes];
        }
    }
  }

  // m [position][kOutputs][tiles] = u v for outputs [first, first + count).
  void multiply(const float* v, int64_t first, int64_t count, float* m) const {
    Tile t;
    t.k = s.c;
    t.a_row = 1;
    t.a_step = kRows;
    t.b_step = stride;
    t.c_stride = tiles;
    t.last = W;
    t.accumulate = false;
    for (int k = 0; k < kPositions; ++k)
      for (int64_t o = 0; o < count; o += kRows) {
        t.a = u + k * position_size() + (first + o) * s.c;
        for (int64_t j = 0; j < tiles; j += kColumns) {
          t.b = v + k * s.c * stride + j;
          t.c = m + (k * kOutputs + o) * tiles + j;
          micro<kRows, kVectors>(t);
        }
      }
  }

  // A' m A of one output for all tiles, into two runs of pixels: upper and lower rows of the tiles.
  void transform_output(const float* m, float b, float* rows) const {
    const int64_t position = kOutputs * tiles;
    const vf shift = splat(b);
    for (int64_t t = 0; t < tiles; t += W) {
      vf upper[4], lower[4];
      for (int j = 0; j < 4; ++j) {
        const float* from = m + j * position + t;
        const vf m0 = load(from), m1 = load(from + 4 * position);
        const vf m2 = load(from + 8 * position), m3 = load(from + 12 * position);
        upper[j] = m0 + m1 + m2;
        lower[j] = m1 - m2 - m3;
      }
      store_pixels(upper, shift, rows + 2 * t);
      store_pixels(lower, shift, rows + 2 * (tiles + t));
    }
  }

  void store_pixels(const vf (&r)[4], vf shift, float* to) const {
    vf left = r[0] + r[1] + r[2] + shift, right = r[1] - r[2] - r[3] + shift;
    if (relu) {
      left = max(left, vf{});
      right = max(right, vf{});
    }
    store(to, zip_low(left, right));
    store(to + W, zip_high(left, right));
  }

  void write(int64_t first, int64_t last, int64_t o, const float* rows) const {
    for (int64_t r = first; r < last; ++r, rows += 2 * tile_columns) {
      const int64_t image = r / tile_rows, h = r % tile_rows * 2;
      float* to = y + (image * s.o + o) * s.out_plane() + h * s.w.out;
      copy_run(to, rows, s.w.out);
      if (h + 1 < s.h.out) copy_run(to + s.w.out, rows + 2 * tiles, s.w.out);
    }
  }

  // Tile rows [first, last), outputs [o0, o1).
  void task(int64_t first, int64_t last, int64_t o0, int64_t o1) const {
    const int64_t inputs = kPositions * s.c * stride, products = kPositions * kOutputs * tiles;
    const Scratch memory(static_cast<size_t>(inputs + products + 4 * tiles + W) * 4);
    float *v = memory.f32(), *m = v + inputs, *rows = m + products;
    input.transform(first, last, v, stride);
    const int64_t used = (last - first) * tile_columns;
    for (int64_t i = 0; i < kPositions * s.c; ++i)
      for (int64_t t = used; t < tiles; ++t) v[i * stride + t] = 0.0f;
    for (int64_t o = o0; o < o1; o += kOutputs) {
      const int64_t count = std::min(kOutputs, o1 - o);
      multiply(v, o, count, m);
      for (int64_t i = 0; i < count; ++i) {
        transform_output(m + i * tiles, bias ? bias[o + i] : 0.0f, rows);
        write(first, last, o + i, rows);
      }
    }
  }

  void run(const Windows& w) {
    const Scratch memory(static_cast<size_t>(kPositions * position_size()) * 4);
    parallel_for(output_panels, 1 + 2000 / s.c, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) transform_weights(w, i, memory.f32());
    });
    u = memory.f32();
    const int64_t all = s.n * tile_rows, parts = ceil_div(all, rows_together);
    // Few tasks: each takes a share of the outputs, too.
    const int64_t shares = std::min(ceil_div(s.o, kOutputs), ceil_div(2 * num_threads(), parts));
    const int64_t share = ceil_div(ceil_div(s.o, shares), kOutputs) * kOutputs;
    const int64_t used = ceil_div(s.o, share);
    parallel_chunks(parts * used, [&](int64_t i) {
      const int64_t first = i / used * rows_together, o = i % used * share;
      task(first, std::min(all, first + rows_together), o, std::min(s.o, o + share));
    });
  }
};

}  // namespace

bool winograd_worth(const ConvShape& s) {
  const auto fits = [](const Axis& a) {
    return a.kernel == 3 && a.stride == 1 && a.dilation == 1 && a.padding <= 2;
  };
  return fits(s.h) && fits(s.w) && s.groups == 1 && s.c >= 32 && s.o >= 32 &&
         s.n * ceil_div(s.h.out, 2) * ceil_div(s.w.out, 2) >= kFewestTiles;
}

void winograd(const ConvShape& s, const float* x, const Windows& w, const float* b, float* y,
              bool relu) {
  Winograd(s, x, b, y, relu).run(w);
}

}  // namespace rl::RL_LEVEL
