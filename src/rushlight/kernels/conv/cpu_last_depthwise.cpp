// Channels-last depthwise convolution: lanes are channels, and every tap is a multiply-add of rows.
//
// Forward and input gradient keep a few neighbouring pixels of one vector of channels in registers, so
// that a load of the weights serves all of them and, with stride 1, a load of the image serves up to
// three. The weight gradient keeps the sums of a row of taps over a row of pixels.
// Roofline: x, y once through memory; per output 2 KH KW flops for about as many loads from L1.
#include "conv/depthwise.h"
#include "conv/last.h"
#include "conv/reach.h"

namespace rl::RL_LEVEL {

namespace {

constexpr int kPixels = 4;  // neighbouring results in registers

// Weights (C, KH, KW) as [tap][channel].
void taps_first(const float* w, int64_t taps, int64_t channels, float* to) {
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t t = 0; t < taps; ++t) to[t * channels + c] = w[c * taps + t];
}

struct Sums {
  int64_t channels, kernel_w;
  const float *source, *weights, *bias;  // source: one image; weights [tap][channel]
  int64_t source_w;
  bool relu;

  RL_INLINE vf finish(vf sum) const { return relu ? max(sum, vf{}) : sum; }

  // One result, whatever it reaches.
  void one(const Reach& h, const Reach& w, float* to) const {
    for_lanes(channels, [&](int64_t c, int64_t n) {
      vf sum = bias ? load_first(bias + c, n) : vf{};
      for (int64_t i = 0; i < h.count; ++i)
        for (int64_t j = 0; j < w.count; ++j) {
          const float* tap = weights + (h.element[i] * kernel_w + w.element[j]) * channels + c;
          const float* from = source + (h.at[i] * source_w + w.at[j]) * channels + c;
          sum = fma(load_first(tap, n), load_first(from, n), sum);
        }
      store_first(to + c, finish(sum), n);
    });
  }

  // kPixels results whose windows lie inside the row: K elements from column `column` on, S apart.
  template <int K, int S>
  void several(const Reach& h, int64_t column, float* to) const {
    constexpr int kColumns = (kPixels - 1) * S + K;
    for_lanes(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
      vf sum[kPixels];
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) sum[p] = bias ? load_first(bias + c, n) : vf{};
      for (int64_t i = 0; i < h.count; ++i) {
        const float* tap = weights + h.element[i] * K * channels + c;
        const float* from = source + (h.at[i] * source_w + column) * channels + c;
        vf w[K];
#pragma GCC unroll 8
        for (int k = 0; k < K; ++k) w[k] = load_first(tap + k * channels, n);
#pragma GCC unroll 16
        for (int j = 0; j < kColumns; ++j) {
          const vf x = load_first(from + j * channels, n);
#pragma GCC unroll 8
          for (int p = 0; p < kPixels; ++p)
            if (j - p * S >= 0 && j - p * S < K) sum[p] = fma(w[j - p * S], x, sum[p]);
        }
      }
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) store_first(to + p * channels + c, finish(sum[p]), n);
    });
  }
};

using Several = void (Sums::*)(const Reach&, int64_t, float*) const;

Several several_for(int64_t kernel, int64_t stride) {
  if (kernel == 3 && stride == 1) return &Sums::several<3, 1>;
  if (kernel == 3 && stride == 2) return &Sums::several<3, 2>;
  if (kernel == 5 && stride == 1) return &Sums::several<5, 1>;
  if (kernel == 5 && stride == 2) return &Sums::several<5, 2>;
  return nullptr;
}

// Results of images (N, HS, WS, C) from sources, by what each result reaches. Where `several` is set,
// results o with o * stride >= padding see whole windows from column o * stride - padding on.
void sum_images(int64_t images, int64_t results_h, int64_t results_w, int64_t source_plane,
                const AxisReach& h, const AxisReach& w, int64_t stride, int64_t padding, int64_t kernel,
                Several several, Sums sums, const float* source, float* to) {
  const double cost = static_cast<double>(results_w * sums.channels) * static_cast<double>(kernel);
  const auto grain = static_cast<int64_t>(60000.0 / cost) + 1;
  const int64_t room = sums.source_w + padding - kernel;
  const int64_t inside = room < 0 ? 0 : std::min(results_w, room / stride + 1);
  parallel_for(images * results_h, grain, [&, sums](int64_t begin, int64_t end) mutable {
    for (int64_t row = begin; row < end; ++row) {
      sums.source = source + row / results_h * source_plane * sums.channels;
      const Reach rows = h.of(row % results_h);
      float* out = to + row * results_w * sums.channels;
      int64_t i = 0;
      while (i < results_w) {
        // The last few whole windows come with some before them once more.
        const int64_t start = i < inside ? std::min(i, inside - kPixels) : -1;
        if (several && start >= 0 && start * stride >= padding) {
          (sums.*several)(rows, start * stride - padding, out + start * sums.channels);
          i = start + kPixels;
        } else {
          sums.one(rows, w.of(i), out + i * sums.channels);
          ++i;
        }
      }
    }
  });
}

// gw rows of taps for one row of pixels: sum over ow of g[ow] x[ow * stride + k].
struct WeightSums {
  const ConvShape& s;
  const float *g, *x;
  float* sums;  // [tap][channel]

  // Pixels [begin, end), all of whose K columns lie inside.
  template <int K>
  void row(const float* up, const float* from, int64_t begin, int64_t end, float* to) const {
    for_lanes(s.c, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
      vf sum[K];
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k) sum[k] = vf{};
      for (int64_t i = begin; i < end; ++i) {
        const vf a = load_first(up + i * s.c + c, n);
        const float* at = from + (i * s.w.stride - s.w.padding) * s.c + c;
#pragma GCC unroll 8
        for (int k = 0; k < K; ++k) sum[k] = fma(a, load_first(at + k * s.c, n), sum[k]);
      }
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k) {
        float* at = to + k * s.c + c;
        store_first(at, load_first(at, n) + sum[k], n);
      }
    });
  }

  // Pixels [begin, end) of tap `k`, for those whose column lies inside.
  void tap(const float* up, const float* from, int64_t begin, int64_t end, int64_t k, float* to) const {
    const int64_t shift = k * s.w.dilation - s.w.padding;
    const int64_t first = shift < 0 ? ceil_div(-shift, s.w.stride) : 0;
    const int64_t stop = s.w.size > shift ? ceil_div(s.w.size - shift, s.w.stride) : 0;
    begin = std::max(begin, first);
    end = std::min(end, stop);
    if (begin >= end) return;
    for_lanes(s.c, [&](int64_t c, int64_t n) {
      vf sum{};
      for (int64_t i = begin; i < end; ++i)
        sum = fma(load_first(up + i * s.c + c, n),
                  load_first(from + (i * s.w.stride + shift) * s.c + c, n), sum);
      store_first(to + c, load_first(to + c, n) + sum, n);
    });
  }

  void image(int64_t n) const {
    const int64_t kernel = s.w.kernel;
    const bool whole = s.w.dilation == 1 && (kernel == 3 || kernel == 5);
    // Pixels whose windows lie inside the row.
    const int64_t first = std::min(s.w.out, ceil_div(s.w.padding, s.w.stride));
    const int64_t room = s.w.size + s.w.padding - kernel;
    const int64_t stop = room < 0 ? first : std::clamp(room / s.w.stride + 1, first, s.w.out);
    for (int64_t oh = 0; oh < s.h.out; ++oh)
      for (int64_t kh = 0; kh < s.h.kernel; ++kh) {
        const int64_t ih = oh * s.h.stride - s.h.padding + kh * s.h.dilation;
        if (ih < 0 || ih >= s.h.size) continue;
        const float* up = g + (n * s.h.out + oh) * s.w.out * s.c;
        const float* from = x + (n * s.h.size + ih) * s.w.size * s.c;
        float* to = sums + kh * kernel * s.c;
        if (whole && kernel == 3) row<3>(up, from, first, stop, to);
        if (whole && kernel == 5) row<5>(up, from, first, stop, to);
        for (int64_t k = 0; k < kernel; ++k) {
          tap(up, from, 0, whole ? first : s.w.out, k, to + k * s.c);
          if (whole) tap(up, from, stop, s.w.out, k, to + k * s.c);
        }
      }
  }
};

}  // namespace

void last_depthwise_forward(const ConvShape& s, const float* x, const float* w, const float* b,
                            float* y, bool relu) {
  const int64_t taps = s.taps();
  const Scratch weights(static_cast<size_t>(taps * s.c) * 4);
  taps_first(w, taps, s.c, weights.f32());
  AxisReach rows(s.h.out, s.h.kernel), columns(s.w.out, s.w.kernel);
  for_meetings(s.h, [&](int64_t o, int64_t t, int64_t i) { rows.add(o, t, i); });
  for_meetings(s.w, [&](int64_t o, int64_t t, int64_t i) { columns.add(o, t, i); });
  const Several several = s.w.dilation == 1 ? several_for(s.w.kernel, s.w.stride) : nullptr;
  sum_images(s.n, s.h.out, s.w.out, s.in_plane(), rows, columns, s.w.stride, s.w.padding, s.w.kernel,
             several, {s.c, s.w.kernel, nullptr, weights.f32(), b, s.w.size, relu}, x, y);
}

void last_depthwise_input(const ConvShape& s, const float* g, const float* w, float* gx) {
  // Columns of windows are turned, so that they grow with the columns of g.
  const int64_t kernel = s.w.kernel, taps = s.taps();
  const Scratch memory(static_cast<size_t>(2 * taps * s.c) * 4);
  float *weights = memory.f32(), *turned = weights + taps * s.c;
  taps_first(w, taps, s.c, weights);
  for (int64_t t = 0; t < taps; ++t)
    copy_floats(turned + t * s.c, weights + (t / kernel * kernel + kernel - 1 - t % kernel) * s.c, s.c);
  AxisReach rows(s.h.size, s.h.kernel), columns(s.w.size, kernel);
  for_meetings(s.h, [&](int64_t o, int64_t t, int64_t i) { rows.add(i, t, o); });
  for_meetings(s.w, [&](int64_t o, int64_t t, int64_t i) { columns.add(i, kernel - 1 - t, o); });
  const bool even = s.w.stride == 1 && s.w.dilation == 1;
  sum_images(s.n, s.h.size, s.w.size, s.out_plane(), rows, columns, 1, kernel - 1 - s.w.padding, kernel,
             even ? several_for(kernel, 1) : nullptr,
             {s.c, kernel, nullptr, turned, nullptr, s.w.out, false}, g, gx);
}

void last_depthwise_weight(const ConvShape& s, const float* g, const float* x, float* gw) {
  const int64_t taps = s.taps(), size = taps * s.c;
  // Sums of an image, of a few images, and of all: none has more than a few hundred terms.
  const int64_t chunks = std::min<int64_t>(s.n, 4 * num_threads()), step = ceil_div(s.n, chunks);
  const Scratch sums(static_cast<size_t>(chunks * size) * 4);
  parallel_chunks(chunks, [&](int64_t chunk) {
    const Scratch image(static_cast<size_t>(size) * 4);
    float* own = sums.f32() + chunk * size;
    zero_floats(own, size);
    for (int64_t n = chunk * step; n < std::min(s.n, (chunk + 1) * step); ++n) {
      zero_floats(image.f32(), size);
      WeightSums{s, g, x, image.f32()}.image(n);
      for_lanes(size, [&](int64_t i, int64_t some) {
        store_first(own + i, load_first(own + i, some) + load_first(image.f32() + i, some), some);
      });
    }
  });
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t c = 0; c < s.c; ++c) {
      float sum = 0.0f;
      for (int64_t chunk = 0; chunk < chunks; ++chunk) sum += sums.f32()[chunk * size + t * s.c + c];
      gw[c * taps + t] = sum;
    }
}

}  // namespace rl::RL_LEVEL
