// Gradient of a convolution by its input.
//
// For every tap t = (c, kh, kw) and output pixel, sum over o of w[o, t] * g[o, pixel] is one product
// of the tile; it is then added to the padded image where the tap looked. Each multiply-add of the
// forward is done once (a correlation with turned weights would also multiply the padding it needs),
// and every stride and dilation is the same code. The padded image is cropped at the end.
//
// Reference: the adjoint of im2col, "col2im", as in Chellapilla, Puri and Simard, 2006, without
// storing the columns.
// Roofline: the forward's flops, plus one load, add and store per O / G multiply-adds.
#include "conv/tile.h"

namespace rl::RL_LEVEL {
#include "conv/cpu.h"

namespace {

constexpr int64_t kItemFloats = 1 << 16;  // padded gradient of an item: 256 KB, a part of L2

struct InputGradient {
  ConvShape s;
  PaddedImage image;
  int64_t depth, taps;  // O / G, C / G * KH * KW
  Blocking blocking;
  const float *g, *weights;
  float* gx;
  const int32_t *offset, *place;  // of output k in g, of a tap in the padded image

  explicit InputGradient(const ConvShape& shape)
      : s(shape), image(s.h, s.w), depth(s.o / s.groups), taps(s.taps()), blocking(taps) {}

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
    const int64_t count = images * s.h.out * row_vectors, plane = s.out_plane();
    const int64_t padded = images * s.c * image.plane + W;
    // Whole vectors of g are read; behind its last row there may be nothing.
    const bool copy = s.w.out % W != 0;
    const int64_t copied = copy ? images * s.o * plane + W : 0;
    const Scratch memory(static_cast<size_t>(padded + copied) * 4 +
                         static_cast<size_t>(count) * sizeof(PixelVector));
    float* target = memory.f32();
    const float* source = g + n0 * s.o * plane;
    if (copy) {
      std::memcpy(target + padded, source, static_cast<size_t>(copied - W) * 4);
      std::memset(target + padded + copied - W, 0, W * 4);
      source = target + padded;
    }
    std::memset(target, 0, static_cast<size_t>(padded) * 4);
    auto* list = reinterpret_cast<PixelVector*>(target + padded + copied);
    fill_list(list, images, row_vectors);
    for (int64_t group = 0; group < s.groups; ++group)
      products(source + group * depth * plane, list, count, weights + group * taps * depth,
               target + group * (s.c / s.groups) * image.plane);
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

  void products(const float* source, const PixelVector* list, int64_t count, const float* packed,
                float* target) const {
    for (int64_t v = 0; v < count; v += blocking.vectors) {
      const int valid = static_cast<int>(std::min<int64_t>(blocking.vectors, count - v));
      const float* base[kMostVectors];
      for (int p = 0; p < blocking.vectors; ++p) base[p] = source + list[std::min(v + p, count - 1)].out;
      for (int64_t first = 0; first < taps; first += blocking.main) {
        const int block = blocking.block(taps, first);
        with_tile(block, blocking.vectors, [&]<int OB, int PV>() {
          tile<OB, PV>(base, list + v, valid, packed + first * depth, place + first, target);
        });
      }
    }
  }

  template <int OB, int PV>
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
      const int64_t lanes_used = pixels[p].lanes;
      if (lanes_used < W) {
        const vi mask = lanes() < splat_int(static_cast<int32_t>(lanes_used));
#pragma GCC unroll 8
        for (int c = 0; c < OB; ++c) acc[c][p] = mask ? acc[c][p] : vf{};
      }
#pragma GCC unroll 8
      for (int c = 0; c < OB; ++c) store(at + to[c], load(at + to[c]) + acc[c][p]);
    }
  }

  void run() const {
    const int64_t per_image = s.h.out * ((s.w.out + W - 1) / W);
    const int64_t wanted = std::max<int64_t>(1, 96 / per_image);
    const int64_t fair = std::max<int64_t>(1, s.n / (4 * num_threads()));
    const int64_t fits = std::max<int64_t>(1, kItemFloats / (s.c * image.plane));
    const int64_t step = std::min({wanted, fair, fits});
    parallel_chunks((s.n + step - 1) / step,
                    [&](int64_t i) { item(i * step, std::min(s.n, (i + 1) * step)); });
  }
};

}  // namespace

bool conv_backward_input(const View& g, const View& w, const View& gx, int64_t sh, int64_t sw,
                         int64_t ph, int64_t pw, int64_t dh, int64_t dw, int64_t groups) {
  if (!g.dense_f32() || !w.dense_f32() || !gx.dense_f32() || g.ndim != 4) return false;
  ConvShape s;
  if (!conv_shape(gx.shape, w.shape, g.shape, {sh, sw, ph, pw, dh, dw, groups}, s)) return false;
  InputGradient f(s);
  const Scratch memory(static_cast<size_t>(w.size + 2 * f.taps + f.depth) * 4);
  float* packed = memory.f32();
  auto* source = reinterpret_cast<int32_t*>(packed + w.size);
  int32_t *place = source + f.taps, *offset = place + f.taps;
  f.find_taps(source, place);
  for (int64_t k = 0; k < f.depth; ++k) offset[k] = static_cast<int32_t>(k * s.out_plane());
  const int64_t group = f.taps * f.depth;
  for (int64_t i = 0; i < groups; ++i) f.pack(w.f32() + i * group, source, packed + i * group);
  f.g = g.f32();
  f.weights = packed;
  f.gx = gx.f32();
  f.offset = offset;
  f.place = place;
  f.run();
  return true;
}

}  // namespace rl::RL_LEVEL
