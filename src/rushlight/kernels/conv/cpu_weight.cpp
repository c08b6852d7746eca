// Gradients of a convolution by its weights and its bias.
//
// gw[o, t] is the inner product, over all images and output pixels, of g[o] with what tap t saw.
// A tile keeps OB outputs x TB taps as vectors of partial sums over the pixels of some images, and
// adds their lanes up at the end: 12 multiply-adds for 7 loads. Sums are made per group of images,
// so no float32 sum runs over more than a few hundred terms.
//
// Few weights: every thread sums its own images into its own copy, and the copies are added in
// order. Many weights: every thread has its own outputs (of columns: its own taps) and goes through
// all images. Narrow rows of pixels: conv/unroll.h.
//
// Reference: Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD
// Architectures", 2018 (the two ways to share the weight gradient among threads).
// Roofline: 2 N O OH OW K flops against FMA peak.
#include "conv/depthwise.h"
#include "conv/pointwise.h"
#include "conv/tile.h"
#include "conv/unroll.h"
#include "conv/winograd.h"
#include "gemm/gemm.h"

namespace rl::RL_LEVEL {
#include "conv/cpu.h"

namespace {

constexpr int64_t kOwnCopy = 1 << 16;   // weights up to which every chunk has its own copy of gw
constexpr int64_t kGroupVectors = 128;  // vectors of pixels whose lanes are added up together
constexpr int64_t kColumnFloats = 48 << 10;  // columns in use at a time: 192 KB
constexpr int64_t kProductPixels = 640;  // of a plane, above which copying images costs too much

struct WeightGradient {
  ConvShape s;
  PaddedImage image;
  int64_t outputs, taps;  // per group
  Blocking blocking;
  bool unrolled, padded;
  const float *g, *x;
  const int32_t* offset;
  int64_t row_full, row_rest;  // whole vectors of an output row, lanes of the last one
  int64_t group_images;

  explicit WeightGradient(const ConvShape& shape)
      : s(shape), image(s.h, s.w), outputs(s.o / s.groups), taps(s.taps()), blocking(outputs), unrolled(Columns::worth(s, 8)) {
    padded = unrolled || s.h.padding || s.w.padding || s.w.stride > 1;
    if (!padded) {
      image.row = s.w.size;
      image.plane = s.in_plane();
    }
    row_full = s.w.out / W;
    row_rest = s.w.out % W;
    const int64_t per_image =
        unrolled ? Columns(s, 1).plane_vectors : s.h.out * (row_full + (row_rest ? 1 : 0));
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

  // Whole vectors first, then those of which only some lanes count. Returns how many are whole.
  int64_t fill_list(PixelVector* list, int64_t images) const {
    PixelVector* to = list;
    if (unrolled) {
      const Columns columns(s, images);
      columns.fill_list(s, list);
      return whole_first(list, columns.count());
    }
    for (int64_t n = 0; n < images; ++n)
      for (int64_t r = 0; r < s.h.out; ++r)
        for (int64_t j = 0; j < s.w.out; j += W)
          *to++ = {n * s.c * image.plane + image.at(s.h, r, j),
                   n * s.o * s.out_plane() + r * s.w.out + j, std::min<int64_t>(W, s.w.out - j)};
    return whole_first(list, to - list);
  }

  static int64_t whole_first(PixelVector* list, int64_t count) {
    int64_t whole = 0;
    for (int64_t i = 0; i < count; ++i)
      if (list[i].lanes == W) {
        const PixelVector v = list[i];
        list[i] = list[whole];
        list[whole++] = v;
      }
    return whole;
  }

  int64_t list_size(int64_t images) const {
    if (unrolled) return Columns(s, images).count();
    return images * s.h.out * (row_full + (row_rest > 0));
  }

  // A group of images and where their vectors of pixels are.
  struct Images {
    int64_t first, count;
    const float* input;
    const PixelVector* list;
    int64_t whole;
  };

  // Adds the images to taps [t0, t1) of outputs [o0, o1) of one group in gw.
  void accumulate(const Images& images, int64_t group, const float* input, const int32_t* off,
                  int64_t o0, int64_t o1, int64_t t0, int64_t t1, float* gw) const {
    const int64_t count = list_size(images.count);
    for (int64_t o = o0; o < o1; o += blocking.main) {
      const int block = static_cast<int>(std::min<int64_t>(blocking.main, o1 - o));
      const int64_t channel = group * outputs + o;
      const float* up = g + (images.first * s.o + channel) * s.out_plane();
      for (int64_t t = t0; t < t1; t += blocking.vectors) {
        const int valid = static_cast<int>(std::min<int64_t>(blocking.vectors, t1 - t));
        with_tile(block, blocking.vectors, [&]<int OB, int TB>() {
          tile<OB, TB>(up, input, images.list, images.whole, count, off + (t - t0), valid,
                       gw + channel * taps + t);
        });
      }
    }
  }

  // Outputs [o0, o1) of every group, all taps, straight from the image.
  void direct(const Images& images, int64_t o0, int64_t o1, float* gw) const {
    for (int64_t group = 0; group < s.groups; ++group)
      accumulate(images, group, images.input + group * (s.c / s.groups) * image.plane, offset, o0, o1,
                 0, taps, gw);
  }

  // Taps are worked off in blocks whose columns fit in cache; the last ones may be fewer.
  int64_t block_taps(const Columns& columns) const {
    return std::max<int64_t>(blocking.vectors, kColumnFloats / columns.length);
  }

  // Taps [t0, t1) of all outputs of one group, from columns in `rows`.
  void from_columns(const Images& images, int64_t group, int64_t t0, int64_t t1, float* rows,
                    float* gw) const {
    const Columns columns(s, images.count);
    auto* off = reinterpret_cast<int32_t*>(rows);
    rows += t1 - t0;
    const float* input = images.input + group * (s.c / s.groups) * image.plane;
    for (int64_t t = t0; t < t1; ++t) {
      off[t - t0] = static_cast<int32_t>((t - t0) * columns.length);
      columns.gather(s, image, input, offset[t], rows + off[t - t0]);
    }
    accumulate(images, group, rows, off, 0, outputs, t0, t1, gw);
  }

  size_t columns_bytes() const {
    const Columns columns(s, group_images);
    const int64_t rows = std::min(taps, block_taps(columns));
    return static_cast<size_t>(rows * (columns.length + 1) + W) * 4;
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
    const Scratch rows(unrolled ? columns_bytes() : 64);
    auto* list = memory.as<PixelVector>();
    auto* copy = reinterpret_cast<float*>(list + list_size(group_images));
    for (int64_t n = n0; n < n1; n += group_images) {
      Images some{n, std::min(group_images, n1 - n), x + n * s.c * s.in_plane(), list, 0};
      some.whole = fill_list(list, some.count);
      if (padded) {
        pad(n * s.c, some.count * s.c, copy);
        some.input = copy;
      }
      if (!unrolled) {
        direct(some, 0, outputs, gw);
        continue;
      }
      const int64_t step = block_taps(Columns(s, group_images));
      for (int64_t group = 0; group < s.groups; ++group)
        for (int64_t t = 0; t < taps; t += step)
          from_columns(some, group, t, std::min(taps, t + step), rows.f32(), gw);
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

  // Every thread has weights of its own: some outputs, or where there are columns, some taps.
  void run_by_weights(float* gw) const {
    const int64_t per_image = s.c * image.plane;
    const int64_t floats = padded ? s.n * per_image + W : 0;
    const Scratch memory(static_cast<size_t>(floats) * 4 +
                         2 * static_cast<size_t>(list_size(group_images)) * sizeof(PixelVector));
    auto* list = memory.as<PixelVector>();
    auto* last = list + list_size(group_images);
    auto* copy = reinterpret_cast<float*>(last + list_size(group_images));
    if (padded)
      parallel_for(s.n * s.c, std::max<int64_t>(1, 100000 / image.plane), [&](int64_t begin, int64_t end) {
        pad(begin, end - begin, copy + begin * image.plane);
      });
    const float* input = padded ? copy : x;
    const int64_t whole = fill_list(list, group_images);
    const int64_t rest = s.n % group_images, rest_whole = rest ? fill_list(last, rest) : 0;
    std::memset(gw, 0, static_cast<size_t>(s.o * taps) * 4);
    const auto group_at = [&](int64_t n) {
      const bool full = s.n - n >= group_images;
      return Images{n, full ? group_images : rest, input + n * per_image, full ? list : last,
                    full ? whole : rest_whole};
    };
    if (unrolled) {
      const int64_t fair = std::max<int64_t>(blocking.vectors, taps * s.groups / (4 * num_threads()));
      const int64_t step = std::min(block_taps(Columns(s, group_images)), fair);
      const int64_t blocks = (taps + step - 1) / step;
      parallel_chunks(blocks * s.groups, [&](int64_t i) {
        const Scratch rows(columns_bytes());
        const int64_t t = i % blocks * step;
        for (int64_t n = 0; n < s.n; n += group_images)
          from_columns(group_at(n), i / blocks, t, std::min(taps, t + step), rows.f32(), gw);
      });
      return;
    }
    const int64_t blocks = (outputs + blocking.main - 1) / blocking.main;
    const int64_t step = std::max<int64_t>(1, blocks / (4 * num_threads()));
    parallel_chunks((blocks + step - 1) / step, [&](int64_t i) {
      const int64_t o0 = i * step * blocking.main;
      const int64_t o1 = std::min(outputs, o0 + step * blocking.main);
      for (int64_t n = 0; n < s.n; n += group_images) direct(group_at(n), o0, o1, gw);
    });
  }
};

// 1x1 windows over small planes: with the images side by side, one matrix product.
bool is_product(const ConvShape& s) {
  return s.h.size == 1 && s.w.kernel == 1 && s.w.stride == 1 && s.w.padding == 0 && s.groups == 1 &&
         s.w.size <= kProductPixels && std::min(s.c, s.o) >= 16 && s.n > 1;
}

// to[channel][image][pixel] = from[image][channel][pixel]
void side_by_side(const float* from, int64_t images, int64_t channels, int64_t pixels, float* to) {
  parallel_for(channels, 1 + 50000 / (images * pixels), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c)
      for (int64_t n = 0; n < images; ++n)
        std::memcpy(to + (c * images + n) * pixels, from + (n * channels + c) * pixels,
                    static_cast<size_t>(pixels) * 4);
  });
}

void multiply_pixels(const ConvShape& s, const float* g, const float* x, float* gw) {
  const int64_t pixels = s.n * s.w.size;
  const Scratch memory(static_cast<size_t>((s.o + s.c) * pixels) * 4);
  float *up = memory.f32(), *seen = up + s.o * pixels;
  side_by_side(g, s.n, s.o, s.w.size, up);
  side_by_side(x, s.n, s.c, s.w.size, seen);
  multiply({s.o, s.c, pixels, {up, pixels, 1}, {seen, 1, pixels}, gw, s.c});
}

void sum_products(const ConvShape& s, const float* g, const float* x, float* gw) {
  if (is_product(s)) return multiply_pixels(s, g, x, gw);
  WeightGradient f(s);
  const Scratch memory(static_cast<size_t>(f.taps) * 4);
  f.find_offsets(memory.as<int32_t>());
  f.offset = memory.as<int32_t>();
  f.g = g;
  f.x = x;
  if (s.o * f.taps <= kOwnCopy) f.run_with_copies(gw);
  else f.run_by_weights(gw);
}

}  // namespace

bool conv_backward_weight(const View& g, const View& x, const View& gw, int64_t sh, int64_t sw,
                          int64_t ph, int64_t pw, int64_t dh, int64_t dw, int64_t groups) {
  if (!g.dense_f32() || !x.dense_f32() || !gw.dense_f32() || g.ndim != 4) return false;
  ConvShape s;
  if (!conv_shape(x.shape, gw.shape, g.shape, {sh, sw, ph, pw, dh, dw, groups}, s)) return false;
  if (is_depthwise(s)) {
    depthwise_backward_weight(s, g.f32(), x.f32(), gw.f32());
    return true;
  }
  if (winograd_worth(s)) {
    winograd_weight(s, g.f32(), x.f32(), gw.f32());
    return true;
  }
  if (skips_pixels(s)) {
    const ConvShape t = of_pixels(s);
    const Scratch pixels(static_cast<size_t>(t.n * t.c * t.in_plane()) * 4);
    take_pixels(s, x.f32(), pixels.f32());
    sum_products(t, g.f32(), pixels.f32(), gw.f32());
  } else {
    sum_products(s, g.f32(), x.f32(), gw.f32());
  }
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
