// Forward convolution: direct, over rows of output pixels.
//
// Algorithm: conv/tile.h; narrow rows of pixels: conv/unroll.h. Work is cut into items of a few images
// (or a few rows of one), whose padded copy stays in cache; an item goes through its pixels once, all
// outputs for each tile, and through the depth in blocks that keep a tile's input in L1. 3x3 windows:
// conv/cpu_winograd.cpp; one small image: a product with its columns.
// Roofline: 2 N O OH OW K flops against FMA peak; memory traffic is x and y once.
#include "conv/correlate.h"
#include "conv/depthwise.h"
#include "conv/pointwise.h"
#include "conv/tile.h"
#include "conv/unroll.h"
#include "conv/winograd.h"
#include "gemm/gemm.h"
#include "gemm/pack.h"

namespace rl::RL_LEVEL {
#include "conv/cpu.h"

namespace {

constexpr int64_t kDepth = 640;           // most depth at a time: 640 x 3 vectors of input fill L1
constexpr int64_t kItemFloats = 1 << 16;  // padded input of an item: 256 KB, a part of L2
constexpr int64_t kItemVectors = 2048;
constexpr int64_t kColumnFloats = 48 << 10;  // columns in use at a time: 192 KB
constexpr int64_t kFewPixels = 256;       // of one image: its columns are no more than the weights

struct Forward {
  ConvShape s;
  PaddedImage image;
  Blocking blocking;
  bool unrolled;
  bool padded;  // items read a padded copy; otherwise x itself
  bool relu;
  const float *x, *weights, *bias;
  float* y;
  const int32_t* offset;

  Forward(const ConvShape& shape, bool relu)
      : s(shape), image(s.h, s.w), blocking(s.o / s.groups), unrolled(Columns::worth(s, 32)), relu(relu) {
    padded = unrolled || s.h.padding || s.w.padding || s.w.stride > 1 || s.w.out < W;
    if (!padded) {
      image.row = s.w.size;
      image.plane = s.in_plane();
    }
  }

  int64_t row_vectors() const { return (s.w.out + W - 1) / W; }

  void find_offsets(int32_t* to) const {
    for (int64_t c = 0; c < s.c / s.groups; ++c)
      for (int64_t kh = 0; kh < s.h.kernel; ++kh)
        for (int64_t kw = 0; kw < s.w.kernel; ++kw)
          *to++ = static_cast<int32_t>(c * image.plane + image.tap(s.h, s.w, kh, kw));
  }

  // Images [n0, n1), output rows [r0, r1); part of one image only where n1 = n0 + 1.
  void item(int64_t n0, int64_t n1, int64_t r0, int64_t r1) const {
    if (unrolled) return unrolled_item(n0, n1);
    const int64_t images = n1 - n0, count = images * (r1 - r0) * row_vectors();
    PaddedImage part = image;
    const float* input = x + n0 * s.c * s.in_plane() + (padded ? 0 : r0 * s.h.stride * image.row);
    Axis rows = s.h;
    rows.padding -= r0 * s.h.stride;
    part.rows = (r1 - r0 - 1) * s.h.stride + (s.h.kernel - 1) * s.h.dilation + 1;
    // Offsets were made for planes of full height, so a part keeps that distance.
    const size_t floats = padded ? static_cast<size_t>(images * s.c * image.plane + W) : 0;
    const Scratch memory(floats * 4 + static_cast<size_t>(count) * sizeof(PixelVector));
    auto* list = memory.as<PixelVector>();
    if (padded) {
      auto* copy = reinterpret_cast<float*>(list + count);
      for (int64_t i = 0; i < images * s.c; ++i)
        pad_plane(input + i * s.in_plane(), copy + i * image.plane, part, rows, s.w);
      input = copy;
    }
    fill_list(list, images, r0, r1);
    const int64_t out_group = s.o / s.groups;
    for (int64_t g = 0; g < s.groups; ++g) {
      const int64_t first = g * out_group;
      products(input + g * (s.c / s.groups) * image.plane, list, count,
               weights + first * s.taps(), bias ? bias + first : nullptr,
               y + (n0 * s.o + first) * s.out_plane());
    }
  }

  void unrolled_item(int64_t n0, int64_t n1) const {
    const Columns columns(s, n1 - n0);
    const int64_t depth = s.taps(), outputs = s.o / s.groups;
    const int64_t most = std::max<int64_t>(64, kColumnFloats / columns.length);
    const int64_t parts = (depth + most - 1) / most, step = (depth + parts - 1) / parts;
    const int64_t floats = (n1 - n0) * s.c * image.plane + W;
    const int64_t column_floats = step * columns.length + W;
    const Scratch memory(static_cast<size_t>(floats + column_floats + step) * 4 +
                         static_cast<size_t>(columns.count()) * sizeof(PixelVector));
    auto* list = memory.as<PixelVector>();
    auto* input = reinterpret_cast<float*>(list + columns.count());
    float* rows = input + floats;
    auto* row_offset = reinterpret_cast<int32_t*>(rows + column_floats);
    for (int64_t i = 0; i < (n1 - n0) * s.c; ++i)
      pad_plane(x + (n0 * s.c + i) * s.in_plane(), input + i * image.plane, image, s.h, s.w);
    columns.fill_list(s, list);
    for (int64_t k = 0; k < step; ++k) row_offset[k] = static_cast<int32_t>(k * columns.length);
    for (int64_t g = 0; g < s.groups; ++g) {
      const float* group_input = input + g * (s.c / s.groups) * image.plane;
      float* output = y + (n0 * s.o + g * outputs) * s.out_plane();
      for (int64_t k = 0; k < depth; k += step) {
        const int64_t some = std::min(step, depth - k);
        for (int64_t i = 0; i < some; ++i)
          columns.gather(s, image, group_input, offset[k + i], rows + i * columns.length);
        for (int64_t v = 0; v < columns.count(); v += blocking.vectors)
          part(rows, list, columns.count(), v, row_offset, weights + g * outputs * depth, k, some,
               bias ? bias + g * outputs : nullptr, nullptr, output);
      }
    }
  }

  void fill_list(PixelVector* list, int64_t images, int64_t r0, int64_t r1) const {
    const int64_t in_image = s.c * image.plane, out_image = s.o * s.out_plane();
    const int64_t lanes = std::min<int64_t>(W, s.w.out);
    for (int64_t n = 0; n < images; ++n)
      for (int64_t r = r0; r < r1; ++r)
        for (int64_t j = 0; j < row_vectors(); ++j) {
          // The last vector of a row starts early enough to end with it: some pixels come twice.
          const int64_t ow = std::max<int64_t>(0, std::min(j * W, s.w.out - W));
          *list++ = {n * in_image + image.at(s.h, r - r0, ow),
                     n * out_image + r * s.w.out + ow, lanes};
        }
  }

  void products(const float* input, const PixelVector* list, int64_t count, const float* packed,
                const float* group_bias, float* output) const {
    const int64_t outputs = s.o / s.groups, depth = s.taps();
    const int64_t parts = (depth + kDepth - 1) / kDepth, step = (depth + parts - 1) / parts;
    // Partial sums wait here between two parts of the depth.
    const Scratch partial(parts > 1 ? static_cast<size_t>(outputs * blocking.vectors * W) * 4 : 64);
    for (int64_t v = 0; v < count; v += blocking.vectors)
      for (int64_t k = 0; k < depth; k += step)
        part(input, list, count, v, offset + k, packed, k, std::min(step, depth - k), group_bias,
             partial.f32(), output);
  }

  // Depth [k, k + some) of all outputs at the tile of vectors that starts with number v. Between two
  // parts of the depth the sums wait in `partial`, or in y where that is null.
  void part(const float* input, const PixelVector* list, int64_t count, int64_t v,
            const int32_t* off, const float* packed, int64_t k, int64_t some,
            const float* group_bias, float* partial, float* output) const {
    const int64_t outputs = s.o / s.groups, depth = s.taps();
    PixelVector pixels[kMostVectors];
    const float* base[kMostVectors];
    for (int p = 0; p < blocking.vectors; ++p) {
      pixels[p] = list[std::min(v + p, count - 1)];
      base[p] = input + pixels[p].in;
    }
    for (int64_t first = 0; first < outputs; first += blocking.main) {
      with_tile(blocking.block(outputs, first), blocking.vectors, [&]<int OB, int PV>() {
        const float* b = group_bias ? group_bias + first : nullptr;
        float* wait = partial ? partial + first * PV * W : nullptr;
        tile<OB, PV>(base, pixels, off, some, packed + first * depth + k * OB, k == 0,
                     k + some == depth, b, wait, output + first * s.out_plane());
      });
    }
  }

  template <int OB, int PV>
  __attribute__((noinline)) void tile(const float* const* base, const PixelVector* pixels,
                                      const int32_t* off, int64_t depth, const float* w, bool begins,
                                      bool ends, const float* b, float* partial, float* out) const {
    vf acc[OB][PV];
    const int64_t plane = s.out_plane();
    for (int c = 0; c < OB; ++c)
      for (int p = 0; p < PV; ++p) {
        if (begins) acc[c][p] = splat(b ? b[c] : 0.0f);
        else if (partial) acc[c][p] = load(partial + (c * PV + p) * W);
        else acc[c][p] = load_first(out + c * plane + pixels[p].out, pixels[p].lanes);
      }
    multiply<OB, PV>(base, off, depth, w, acc);
    if (!ends && partial) {
      for (int c = 0; c < OB; ++c)
        for (int p = 0; p < PV; ++p) store(partial + (c * PV + p) * W, acc[c][p]);
      return;
    }
    if (ends && relu)
      for (int c = 0; c < OB; ++c)
        for (int p = 0; p < PV; ++p) acc[c][p] = max(acc[c][p], vf{});
    for (int c = 0; c < OB; ++c)
      for (int p = 0; p < PV; ++p) store_first(out + c * plane + pixels[p].out, acc[c][p], pixels[p].lanes);
  }

  void run() const {
    const int64_t per_image = unrolled ? Columns(s, 1).plane_vectors : s.h.out * row_vectors();
    const int64_t floats = s.c * image.plane;
    const bool whole = s.n >= 2 * num_threads() || num_threads() == 1;
    if (unrolled || (whole && per_image <= kItemVectors && floats <= 4 * kItemFloats)) {
      const int64_t wanted = std::max<int64_t>(1, 96 / per_image);
      const int64_t fair = std::max<int64_t>(1, s.n / (4 * num_threads()));
      const int64_t step = std::min({wanted, fair, std::max<int64_t>(1, kItemFloats / floats)});
      parallel_chunks((s.n + step - 1) / step, [&](int64_t i) {
        item(i * step, std::min(s.n, (i + 1) * step), 0, s.h.out);
      });
      return;
    }
    const int64_t enough = whole ? 1 : (4 * num_threads() + s.n - 1) / s.n;
    int64_t pieces = std::max({enough, (per_image + kItemVectors - 1) / kItemVectors,
                               (floats + 4 * kItemFloats - 1) / (4 * kItemFloats)});
    const int64_t rows = std::max<int64_t>(1, (s.h.out + pieces - 1) / pieces);
    pieces = (s.h.out + rows - 1) / rows;
    parallel_chunks(s.n * pieces, [&](int64_t i) {
      const int64_t n = i / pieces, r = i % pieces * rows;
      item(n, n + 1, r, std::min(s.h.out, r + rows));
    });
  }
};

// One image of few pixels: a matrix product that reads the weights where they are, once.
bool few_pixels(const ConvShape& s) {
  return s.n == 1 && s.out_plane() <= kFewPixels && s.o / s.groups >= kMostOutputs;
}

void multiply_columns(const ConvShape& s, const float* x, const float* w, const float* b, float* y,
                      bool relu) {
  const PaddedImage image(s.h, s.w);
  const Columns columns(s, 1);
  const int64_t depth = s.taps(), window = s.h.kernel * s.w.kernel, outputs = s.o / s.groups;
  const int64_t pixels = s.out_plane(), length = columns.length;
  const Scratch memory(static_cast<size_t>(s.c * window * length + W) * 4);
  float* rows = memory.f32();
  parallel_for(s.c, 1 + 50000 / (window * length), [&](int64_t begin, int64_t end) {
    const Scratch padded(static_cast<size_t>(image.plane + 2 * W) * 4);
    const Scratch row(static_cast<size_t>(length + W) * 4);  // gather() runs over its row's end
    for (int64_t c = begin; c < end; ++c) {
      pad_plane(x + c * s.in_plane(), padded.f32(), image, s.h, s.w);
      for (int64_t k = 0; k < window; ++k) {
        const int64_t tap = image.tap(s.h, s.w, k / s.w.kernel, k % s.w.kernel);
        columns.gather(s, image, padded.f32(), tap, row.f32());
        std::memcpy(rows + (c * window + k) * length, row.f32(), static_cast<size_t>(length) * 4);
      }
    }
  });
  for (int64_t g = 0; g < s.groups; ++g) {
    Product p{outputs, pixels, depth, {w + g * outputs * depth, depth, 1},
              {rows + g * depth * length, length, 1}, y + g * outputs * pixels, pixels, false, {}};
    p.epilogue.row_bias = b ? b + g * outputs : nullptr;
    p.epilogue.activation = relu ? Activation::relu : Activation::none;
    multiply(p);
  }
}

}  // namespace

void correlate(const ConvShape& s, const float* x, const float* w, int64_t row,
               const int32_t* column, const float* b, float* y, bool relu) {
  Forward f(s, relu);
  const int64_t depth = s.taps(), outputs = s.o / s.groups, group = outputs * depth;
  const Scratch memory(static_cast<size_t>(s.o * depth + depth) * 4);
  float* packed = memory.f32();
  auto* offset = reinterpret_cast<int32_t*>(packed + s.o * depth);
  f.find_offsets(offset);
  const int64_t blocks = (outputs + f.blocking.main - 1) / f.blocking.main;
  const int64_t grain = 25000 / (depth * f.blocking.main) + 1;
  parallel_for(s.groups * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t g = i / blocks, first = i % blocks * f.blocking.main;
      const int block = f.blocking.block(outputs, first);
      const float* from = w + g * group + first * row;
      float* to = packed + g * group + first * depth;
      if (column) pack_weights(from, row, column, depth, block, to);
      else pack_transposed(from, row, block, outputs - first, depth, to, block);
    }
  });
  f.x = x;
  f.weights = packed;
  f.bias = b;
  f.y = y;
  f.offset = offset;
  f.run();
}

bool conv_forward(const View& x, const View& w, const View& b, const View& y, int64_t sh, int64_t sw,
                  int64_t ph, int64_t pw, int64_t dh, int64_t dw, int64_t groups, bool relu) {
  if (!x.dense_f32() || !w.dense_f32() || !y.dense_f32() || x.ndim != 4) return false;
  if (b && !b.dense_f32()) return false;
  ConvShape s;
  if (!conv_shape(x.shape, w.shape, y.shape, {sh, sw, ph, pw, dh, dw, groups}, s)) return false;
  if (is_depthwise(s)) {
    depthwise_forward(s, x.f32(), w.f32(), b.f32(), y.f32(), relu);
    return true;
  }
  const int64_t depth = s.taps();
  if (winograd_worth(s)) {
    winograd(s, x.f32(), {w.f32(), depth, 9, false}, b.f32(), y.f32(), relu);
  } else if (few_pixels(s)) {
    multiply_columns(s, x.f32(), w.f32(), b.f32(), y.f32(), relu);
  } else if (skips_pixels(s)) {
    const ConvShape t = of_pixels(s);
    const Scratch pixels(static_cast<size_t>(t.n * t.c * t.in_plane()) * 4);
    take_pixels(s, x.f32(), pixels.f32());
    correlate(t, pixels.f32(), w.f32(), depth, nullptr, b.f32(), y.f32(), relu);
  } else {
    correlate(s, x.f32(), w.f32(), depth, nullptr, b.f32(), y.f32(), relu);
  }
  return true;
}

}  // namespace rl::RL_LEVEL
