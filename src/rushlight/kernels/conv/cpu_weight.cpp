// Gradients of a convolution by its weights and its bias.
//
// gw[o, t] is the inner product, over all images and output pixels, of g[o] with what tap t saw.
// A tile keeps OB outputs x TB taps as vectors of partial sums over the pixels of some images, and
// adds their lanes up at the end: 12 multiply-adds for 7 loads. Sums are made per group of images,
// so no float32 sum runs over more than a few hundred terms.
//
// Few weights: every thread sums its own images into its own copy, and the copies are added in
// order. Many weights: every thread has its own outputs and goes through all images.
//
// Reference: Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD
// Architectures", 2018 (the two ways to share the weight gradient among threads).
// Roofline: 2 N O OH OW K flops against FMA peak.
#include "conv/tile.h"

namespace rl::RL_LEVEL {
#include "conv/cpu.h"

namespace {

constexpr int64_t kOwnCopy = 1 << 16;   // weights up to which every chunk has its own copy of gw
constexpr int64_t kGroupVectors = 128;  // vectors of pixels whose lanes are added up together

struct WeightGradient {
  ConvShape s;
  PaddedImage image;
  int64_t outputs, taps;  // per group
  Blocking blocking;
  bool padded;
  const float *g, *x;
  const int32_t* offset;
  int64_t row_full, row_rest;  // whole vectors of an output row, lanes of the last one
  int64_t group_images;

  explicit WeightGradient(const ConvShape& shape)
      : s(shape), image(s.h, s.w), outputs(s.o / s.groups), taps(s.taps()), blocking(outputs) {
    padded = s.h.padding || s.w.padding || s.w.stride > 1;
    if (!padded) {
      image.row = s.w.size;
      image.plane = s.in_plane();
    }
    row_full = s.w.out / W;
    row_rest = s.w.out % W;
    const int64_t per_image = s.h.out * (row_full + (row_rest ? 1 : 0));
    group_images = std::min(s.n, std::max<int64_t>(1, kGroupVectors / per_image));
  }

  void find_offsets(int32_t* to) const {
    for (int64_t c = 0; c < s.c / s.groups; ++c)
      for (int64_t kh = 0; kh < s.h.kernel; ++kh)
        for (int64_t kw = 0; kw < s.w.kernel; ++kw)
          *to++ = static_cast<int32_t>(c * image.plane + image.tap(s.h, s.w, kh, kw));
  }

  void pad(int64_t first_plane, int64_t planes, float* to) const {
    for (int64_t i = 0; i < planes; ++i)
      pad_plane(x + (first_plane + i) * s.in_plane(), to + i * image.plane, image, s.h, s.w);
  }

  // Whole vectors first, then those of which only some lanes count.
  int64_t fill_list(PixelVector* list, int64_t images) const {
    PixelVector* to = list;
    int64_t whole = 0;
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t n = 0; n < images; ++n)
        for (int64_t r = 0; r < s.h.out; ++r)
          for (int64_t j = pass ? row_full : 0; j < (pass ? row_full + (row_rest > 0) : row_full); ++j)
            *to++ = {n * s.c * image.plane + image.at(s.h, r, j * W),
                     n * s.o * s.out_plane() + r * s.w.out + j * W,
                     pass ? row_rest : W};
      if (pass == 0) whole = to - list;
    }
    return whole;
  }

  int64_t list_size(int64_t images) const { return images * s.h.out * (row_full + (row_rest > 0)); }

  // Adds images [n0, n0 + images) to outputs [o0, o1) of every group in gw.
  void accumulate(int64_t n0, int64_t images, const float* input, const PixelVector* list,
                  int64_t whole, int64_t o0, int64_t o1, float* gw) const {
    const int64_t count = list_size(images);
    for (int64_t group = 0; group < s.groups; ++group) {
      const float* from = input + group * (s.c / s.groups) * image.plane;
      for (int64_t o = o0; o < o1; o += blocking.main) {
        const int block = static_cast<int>(std::min<int64_t>(blocking.main, o1 - o));
        const int64_t channel = group * outputs + o;
        const float* up = g + (n0 * s.o + channel) * s.out_plane();
        for (int64_t t = 0; t < taps; t += blocking.vectors) {
          const int valid = static_cast<int>(std::min<int64_t>(blocking.vectors, taps - t));
          with_tile(block, blocking.vectors, [&]<int OB, int TB>() {
            tile<OB, TB>(up, from, list, whole, count, offset + t, valid, gw + channel * taps + t);
          });
        }
      }
    }
  }

  template <int OB, int TB>
  __attribute__((noinline)) void tile(const float* up, const float* from, const PixelVector* list,
                                      int64_t whole, int64_t count, const int32_t* off, int valid,
                                      float* gw) const {
    vf acc[OB][TB];
    for (int c = 0; c < OB; ++c)
      for (int t = 0; t < TB; ++t) acc[c][t] = vf{};
    const float* tap[TB];
    for (int t = 0; t < TB; ++t) tap[t] = from + off[std::min(t, valid - 1)];
    const int64_t plane = s.out_plane();
    for (int64_t i = 0; i < whole; ++i) {
      const float* gp = up + list[i].out;
      const int64_t in = list[i].in;
      vf xv[TB];
#pragma GCC unroll 8
      for (int t = 0; t < TB; ++t) xv[t] = load(tap[t] + in);
#pragma GCC unroll 8
      for (int c = 0; c < OB; ++c) {
        const vf gv = load(gp + c * plane);
#pragma GCC unroll 8
        for (int t = 0; t < TB; ++t) acc[c][t] = fma(gv, xv[t], acc[c][t]);
      }
    }
    for (int64_t i = whole; i < count; ++i) {
      const float* gp = up + list[i].out;
      const int64_t in = list[i].in, some = list[i].lanes;
      vf xv[TB];
#pragma GCC unroll 8
      for (int t = 0; t < TB; ++t) xv[t] = load_first(tap[t] + in, some);
#pragma GCC unroll 8
      for (int c = 0; c < OB; ++c) {
        const vf gv = load_first(gp + c * plane, some);
#pragma GCC unroll 8
        for (int t = 0; t < TB; ++t) acc[c][t] = fma(gv, xv[t], acc[c][t]);
      }
    }
    for (int c = 0; c < OB; ++c)
      for (int t = 0; t < valid; ++t) gw[c * taps + t] += reduce_add(acc[c][t]);
  }

  // Images [n0, n1), padded group by group, into gw.
  void images(int64_t n0, int64_t n1, float* gw) const {
    const int64_t floats = padded ? group_images * s.c * image.plane + W : 0;
    const Scratch memory(static_cast<size_t>(floats) * 4 +
                         static_cast<size_t>(list_size(group_images)) * sizeof(PixelVector));
    auto* list = reinterpret_cast<PixelVector*>(memory.f32() + floats);
    for (int64_t n = n0; n < n1; n += group_images) {
      const int64_t some = std::min(group_images, n1 - n);
      const int64_t whole = fill_list(list, some);
      const float* input = x + n * s.c * s.in_plane();
      if (padded) {
        pad(n * s.c, some * s.c, memory.f32());
        input = memory.f32();
      }
      accumulate(n, some, input, list, whole, 0, outputs, gw);
    }
  }

  void run_with_copies(float* gw) const {
    const int64_t size = s.o * taps;
    int64_t chunks = num_threads() == 1 ? 1 : 4 * num_threads();
    if (s.flops() < 1e6) chunks = 1;
    const int64_t step = std::max<int64_t>(1, (s.n + chunks - 1) / chunks);
    chunks = (s.n + step - 1) / step;
    const Scratch copies(static_cast<size_t>((chunks - 1) * size + 1) * 4);
    std::memset(gw, 0, static_cast<size_t>(size) * 4);
    std::memset(copies.f32(), 0, static_cast<size_t>((chunks - 1) * size) * 4);
    parallel_chunks(chunks, [&](int64_t i) {
      images(i * step, std::min(s.n, (i + 1) * step), i == 0 ? gw : copies.f32() + (i - 1) * size);
    });
    for (int64_t i = 1; i < chunks; ++i) {
      const float* copy = copies.f32() + (i - 1) * size;
      for (int64_t j = 0; j < size; ++j) gw[j] += copy[j];
    }
  }

  void run_by_outputs(float* gw) const {
    const int64_t per_image = s.c * image.plane;
    const int64_t floats = padded ? s.n * per_image + W : 0;
    const Scratch memory(static_cast<size_t>(floats) * 4 +
                         2 * static_cast<size_t>(list_size(group_images)) * sizeof(PixelVector));
    if (padded)
      parallel_for(s.n * s.c, std::max<int64_t>(1, 100000 / image.plane), [&](int64_t begin, int64_t end) {
        pad(begin, end - begin, memory.f32() + begin * image.plane);
      });
    const float* input = padded ? memory.f32() : x;
    auto* list = reinterpret_cast<PixelVector*>(memory.f32() + floats);
    auto* last = list + list_size(group_images);
    const int64_t whole = fill_list(list, group_images);
    const int64_t rest = s.n % group_images, rest_whole = rest ? fill_list(last, rest) : 0;
    std::memset(gw, 0, static_cast<size_t>(s.o * taps) * 4);
    const int64_t blocks = (outputs + blocking.main - 1) / blocking.main;
    const int64_t step = std::max<int64_t>(1, blocks / (4 * num_threads()));
    parallel_chunks((blocks + step - 1) / step, [&](int64_t i) {
      const int64_t o0 = i * step * blocking.main;
      const int64_t o1 = std::min(outputs, o0 + step * blocking.main);
      for (int64_t n = 0; n < s.n; n += group_images) {
        const int64_t some = std::min(group_images, s.n - n);
        accumulate(n, some, input + n * per_image, some == group_images ? list : last,
                   some == group_images ? whole : rest_whole, o0, o1, gw);
      }
    });
  }
};

}  // namespace

bool conv_backward_weight(const View& g, const View& x, const View& gw, int64_t sh, int64_t sw,
                          int64_t ph, int64_t pw, int64_t dh, int64_t dw, int64_t groups) {
  if (!g.dense_f32() || !x.dense_f32() || !gw.dense_f32() || g.ndim != 4) return false;
  ConvShape s;
  if (!conv_shape(x.shape, gw.shape, g.shape, {sh, sw, ph, pw, dh, dw, groups}, s)) return false;
  WeightGradient f(s);
  const Scratch memory(static_cast<size_t>(f.taps) * 4);
  f.find_offsets(memory.as<int32_t>());
  f.offset = memory.as<int32_t>();
  f.g = g.f32();
  f.x = x.f32();
  if (s.o * f.taps <= kOwnCopy) f.run_with_copies(gw.f32());
  else f.run_by_outputs(gw.f32());
  return true;
}

bool conv_backward_bias(const View& g, const View& gb) {
  if (!g.dense_f32() || g.ndim < 3 || g.size == 0) return false;
  const int64_t n = g.dim(0), channels = g.dim(1), plane = g.size / (n * channels);
  const float* from = g.f32();
  float* to = gb.f32();
  parallel_for(channels, std::max<int64_t>(1, 200000 / (n * plane)), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      double sum = 0.0;
      for (int64_t i = 0; i < n; ++i) {
        const float* p = from + (i * channels + c) * plane;
        for (int64_t at = 0; at < plane; at += 1024) {
          const int64_t stop = std::min<int64_t>(plane, at + 1024);
          vf some[4] = {};
          int64_t j = at;
          for (; j + 4 * W <= stop; j += 4 * W)
            for (int k = 0; k < 4; ++k) some[k] += load(p + j + k * W);
          for (; j < stop; j += W) some[0] += load_first(p + j, stop - j);
          sum += static_cast<double>(reduce_add((some[0] + some[1]) + (some[2] + some[3])));
        }
      }
      to[c] = static_cast<float>(sum);
    }
  });
  return true;
}

}  // namespace rl::RL_LEVEL
