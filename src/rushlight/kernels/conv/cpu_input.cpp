// Gradient of a convolution by its input.
//
// For every tap t = (c, kh, kw) and output pixel, sum over o of w[o, t] * g[o, pixel] is one product
// of the tile; it is then added to the padded image where the tap looked. Each multiply-add of the
// forward is done once (a correlation with turned weights would also multiply the padding it needs),
// and every stride and dilation is the same code. The padded image is cropped at the end. Narrow rows
// of pixels: conv/unroll.h, the sums then pass through columns.
//
// Reference: the adjoint of im2col, "col2im", as in Chellapilla, Puri and Simard, 2006, without
// storing the columns.
// Roofline: the forward's flops, plus one load, add and store per O / G multiply-adds.
#include "conv/correlate.h"
#include "conv/depthwise.h"
#include "conv/pointwise.h"
#include "conv/tile.h"
#include "conv/unroll.h"
#include "conv/winograd.h"

namespace rl::RL_LEVEL {
#include "conv/cpu.h"

namespace {

constexpr int64_t kItemFloats = 1 << 16;     // padded gradient of an item: 256 KB, a part of L2
constexpr int64_t kColumnFloats = 24 << 10;  // columns in use at a time: 96 KB

struct InputGradient {
  ConvShape s;
  PaddedImage image;
  int64_t depth, taps;  // O / G, C / G * KH * KW
  Blocking blocking;
  bool unrolled;
  const float *g, *weights;
  float* gx;
  const int32_t *offset, *place;  // of output k in g, of a tap in the padded image

  explicit InputGradient(const ConvShape& shape)
      : s(shape), image(s.h, s.w), depth(s.o / s.groups), taps(s.taps()), blocking(taps),
        unrolled(Columns::worth(s, 64)) {}

  // Neighbouring taps belong to different channels, so that the sums of one tile do not wait for
  // each other's stores.
  void find_taps(int32_t* source, int32_t* to) const {
    const int64_t window = s.h.kernel * s.w.kernel;
    for (int64_t kh = 0; kh < s.h.kernel; ++kh)
      for (int64_t kw = 0; kw < s.w.kernel; ++kw)
        for (int64_t c = 0; c < s.c / s.groups; ++c) {
          *source++ = static_cast<int32_t>(c * window + kh * s.w.kernel + kw);
          *to++ = static_cast<int32_t>(c * image.plane + image.tap(s.h, s.w, kh, kw));
        }
  }

  // For each block of taps, [o][tap].
  void pack(const float* w, const int32_t* source, float* packed) const {
    parallel_for(depth, std::max<int64_t>(1, 25000 / taps), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o)
        for (int64_t first = 0; first < taps; first += blocking.main) {
          const int block = blocking.block(taps, first);
          float* to = packed + first * depth + o * block;
          for (int c = 0; c < block; ++c) to[c] = w[o * taps + source[first + c]];
        }
    });
  }

  void item(int64_t n0, int64_t n1) const {
    const int64_t images = n1 - n0, row_vectors = (s.w.out + W - 1) / W;
    const Columns columns(s, images);
    const int64_t count = unrolled ? columns.count() : images * s.h.out * row_vectors;
    const int64_t plane = s.out_plane();
    const int64_t padded = images * s.c * image.plane + W;
    // Whole vectors of g are read; behind its last row there may be nothing.
    const bool copy = (unrolled ? plane : s.w.out) % W != 0;
    const int64_t copied = copy ? images * s.o * plane + W : 0;
    const Scratch memory(static_cast<size_t>(padded + copied) * 4 +
                         static_cast<size_t>(count) * sizeof(PixelVector));
    auto* list = memory.as<PixelVector>();
    auto* target = reinterpret_cast<float*>(list + count);
    const float* source = g + n0 * s.o * plane;
    if (copy) {
      std::memcpy(target + padded, source, static_cast<size_t>(copied - W) * 4);
      std::memset(target + padded + copied - W, 0, W * 4);
      source = target + padded;
    }
    std::memset(target, 0, static_cast<size_t>(padded) * 4);
    if (unrolled) columns.fill_list(s, list);
    else fill_list(list, images, row_vectors);
    for (int64_t group = 0; group < s.groups; ++group) {
      const float *up = source + group * depth * plane, *packed = weights + group * taps * depth;
      float* to = target + group * (s.c / s.groups) * image.plane;
      if (unrolled) through_columns(columns, up, list, packed, to);
      else products<true>(up, list, count, packed, 0, taps, place, to);
    }
    for (int64_t i = 0; i < images * s.c; ++i)
      unpad_plane(target + i * image.plane, gx + (n0 * s.c + i) * s.in_plane(), image, s.h, s.w);
  }

  void fill_list(PixelVector* list, int64_t images, int64_t row_vectors) const {
    for (int64_t n = 0; n < images; ++n)
      for (int64_t r = 0; r < s.h.out; ++r)
        for (int64_t j = 0; j < row_vectors; ++j) {
          const int64_t ow = j * W;
          *list++ = {n * s.c * image.plane + image.at(s.h, r, ow),
                     n * s.o * s.out_plane() + r * s.w.out + ow,
                     std::min<int64_t>(W, s.w.out - ow)};
        }
  }

  void through_columns(const Columns& columns, const float* up, const PixelVector* list,
                       const float* packed, float* target) const {
    const int64_t most = std::max<int64_t>(1, kColumnFloats / (columns.length * blocking.main));
    const int64_t step = std::min(taps, most * blocking.main);
    const Scratch memory(static_cast<size_t>(step * (columns.length + 1) + W) * 4);
    float* rows = memory.f32();
    auto* row_offset = reinterpret_cast<int32_t*>(rows + step * columns.length + W);
    for (int64_t i = 0; i < step; ++i) row_offset[i] = static_cast<int32_t>(i * columns.length);
    for (int64_t t = 0; t < taps; t += step) {
      const int64_t stop = std::min(taps, t + step);
      products<false>(up, list, columns.count(), packed, t, stop, row_offset, rows);
      for (int64_t i = t; i < stop; ++i)
        columns.scatter(s, image, rows + row_offset[i - t], place[i], target);
    }
  }

  // Taps [t0, t1) at all vectors of pixels: added to the padded image at the tap's place `to`, or
  // stored in the tap's row of columns.
  template <bool Add>
  void products(const float* source, const PixelVector* list, int64_t count, const float* packed,
                int64_t t0, int64_t t1, const int32_t* to, float* target) const {
    for (int64_t v = 0; v < count; v += blocking.vectors) {
      const int valid = static_cast<int>(std::min<int64_t>(blocking.vectors, count - v));
      const float* base[kMostVectors];
      for (int p = 0; p < blocking.vectors; ++p) base[p] = source + list[std::min(v + p, count - 1)].out;
      for (int64_t first = t0; first < t1; first += blocking.main) {
        with_tile(blocking.block(taps, first), blocking.vectors, [&]<int OB, int PV>() {
          tile<OB, PV, Add>(base, list + v, valid, packed + first * depth, to + (first - t0), target);
        });
      }
    }
  }

  template <int OB, int PV, bool Add>
  __attribute__((noinline)) void tile(const float* const* base, const PixelVector* pixels, int valid,
                                      const float* w, const int32_t* to, float* target) const {
    vf acc[OB][PV];
    for (int c = 0; c < OB; ++c)
      for (int p = 0; p < PV; ++p) acc[c][p] = vf{};
    multiply<OB, PV>(base, offset, depth, w, acc);
#pragma GCC unroll 8
    for (int p = 0; p < PV; ++p) {
      if (p >= valid) break;
      float* at = target + pixels[p].in;
      const auto lanes_used = static_cast<int32_t>(pixels[p].lanes);
      if (Add && lanes_used < W) {
        const vi mask = lanes() < splat_int(lanes_used);
#pragma GCC unroll 8
        for (int c = 0; c < OB; ++c) acc[c][p] = mask ? acc[c][p] : vf{};
      }
#pragma GCC unroll 8
      for (int c = 0; c < OB; ++c) store(at + to[c], Add ? load(at + to[c]) + acc[c][p] : acc[c][p]);
    }
  }

  void run() const {
    const int64_t per_image =
        unrolled ? Columns(s, 1).plane_vectors : s.h.out * ((s.w.out + W - 1) / W);
    const int64_t wanted = std::max<int64_t>(1, 96 / per_image);
    const int64_t fair = std::max<int64_t>(1, s.n / (4 * num_threads()));
    const int64_t fits = std::max<int64_t>(1, kItemFloats / (s.c * image.plane));
    const int64_t step = std::min({wanted, fair, fits});
    parallel_chunks((s.n + step - 1) / step,
                    [&](int64_t i) { item(i * step, std::min(s.n, (i + 1) * step)); });
  }
};

// With stride 1 and about as many pixels in as out, correlating g with the turned weights multiplies
// little padding and adds nothing in memory.
bool better_turned(const ConvShape& s) {
  const auto fits = [](const Axis& a) {
    return a.stride == 1 && a.padding <= (a.kernel - 1) * a.dilation;
  };
  return fits(s.h) && fits(s.w) && s.taps() >= 64 &&
         static_cast<double>(s.in_plane()) <= 1.2 * static_cast<double>(s.out_plane());
}

Axis turned(const Axis& a) {
  return {a.out, a.kernel, 1, (a.kernel - 1) * a.dilation - a.padding, a.dilation, a.size};
}

void correlate_turned(const ConvShape& s, const float* g, const float* w, float* gx) {
  const ConvShape t{s.n, s.o, s.c, s.groups, turned(s.h), turned(s.w)};
  if (winograd_worth(t)) return winograd(t, g, {w, 9, s.taps(), true}, nullptr, gx, false);
  const int64_t window = s.h.kernel * s.w.kernel, depth = t.taps();
  const Scratch memory(static_cast<size_t>(depth) * 4);
  auto* column = memory.as<int32_t>();
  for (int64_t k = 0; k < depth; ++k)
    column[k] = static_cast<int32_t>(k / window * s.taps() + window - 1 - k % window);
  correlate(t, g, w, window, column, nullptr, gx, false);
}

void add_products(const ConvShape& s, const float* g, const float* w, float* gx) {
  InputGradient f(s);
  const Scratch memory(static_cast<size_t>(s.o * f.taps + 2 * f.taps + f.depth) * 4);
  float* packed = memory.f32();
  auto* source = reinterpret_cast<int32_t*>(packed + s.o * f.taps);
  int32_t *place = source + f.taps, *offset = place + f.taps;
  f.find_taps(source, place);
  for (int64_t k = 0; k < f.depth; ++k) offset[k] = static_cast<int32_t>(k * s.out_plane());
  const int64_t group = f.taps * f.depth;
  for (int64_t i = 0; i < s.groups; ++i) f.pack(w + i * group, source, packed + i * group);
  f.g = g;
  f.weights = packed;
  f.gx = gx;
  f.offset = offset;
  f.place = place;
  f.run();
}

void input_gradient(const ConvShape& s, const float* g, const float* w, float* gx) {
  if (better_turned(s)) correlate_turned(s, g, w, gx);
  else add_products(s, g, w, gx);
}

}  // namespace

bool conv_backward_input(const View& g, const View& w, const View& gx, int64_t sh, int64_t sw,
                         int64_t ph, int64_t pw, int64_t dh, int64_t dw, int64_t groups) {
  if (!g.dense_f32() || !w.dense_f32() || !gx.dense_f32() || g.ndim != 4) return false;
  ConvShape s;
  if (!conv_shape(gx.shape, w.shape, g.shape, {sh, sw, ph, pw, dh, dw, groups}, s)) return false;
  if (is_depthwise(s)) {
    depthwise_backward_input(s, g.f32(), w.f32(), gx.f32());
    return true;
  }
  if (skips_pixels(s)) {
    const ConvShape t = of_pixels(s);
    const Scratch pixels(static_cast<size_t>(t.n * t.c * t.in_plane()) * 4);
    input_gradient(t, g.f32(), w.f32(), pixels.f32());
    spread_pixels(s, pixels.f32(), gx.f32());
  } else {
    input_gradient(s, g.f32(), w.f32(), gx.f32());
  }
  return true;
}

}  // namespace rl::RL_LEVEL
