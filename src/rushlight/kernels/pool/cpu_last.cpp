// Pooling of channels-last images: lanes are channels, a window is a few rows of them.
//
// Gradients of windows that overlap are gathered: an input pixel looks at the windows that reach it, so
// rows of pixels are independent and nothing has to be cleared first.
// Roofline: x, y (and one byte per maximum) once through memory.
#include "conv/last.h"
#include "conv/reach.h"

namespace rl::RL_LEVEL {
#include "pool/cpu.h"

namespace {

typedef uint8_t v_bytes __attribute__((vector_size(W), aligned(1), may_alias));

struct LastPool {
  int64_t images, channels;
  Axis h, w;

  // x (N, H, W, C), y (N, OH, OW, C)
  LastPool(const View& x, const View& y, const int64_t (&o)[8])
      : images(x.dim(0)), channels(x.dim(3)), h{x.dim(1), o[0], o[2], o[4], o[6], y.dim(1)},
        w{x.dim(2), o[1], o[3], o[5], o[7], y.dim(2)} {}

  // f(image, oh, ow) for all outputs, f(image, ih, iw) for all inputs; in parallel over rows.
  template <class F>
  void for_outputs(F&& f) const { for_pixels(h.out, w.out, f); }
  template <class F>
  void for_inputs(F&& f) const { for_pixels(h.size, w.size, f); }

  int64_t input(int64_t n, int64_t i, int64_t j) const { return ((n * h.size + i) * w.size + j) * channels; }
  int64_t output(int64_t n, int64_t i, int64_t j) const { return ((n * h.out + i) * w.out + j) * channels; }

 private:
  template <class F>
  void for_pixels(int64_t rows, int64_t columns, F&& f) const {
    const auto cost = static_cast<double>(columns * channels * h.kernel * w.kernel);
    parallel_for(images * rows, 1 + static_cast<int64_t>(50000.0 / cost), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t j = 0; j < columns; ++j) f(row / rows, row % rows, j);
    });
  }
};

void reach_outputs(const LastPool& s, AxisReach& h, AxisReach& w) {
  for_meetings(s.h, [&](int64_t o, int64_t t, int64_t i) { h.add(o, t, i); });
  for_meetings(s.w, [&](int64_t o, int64_t t, int64_t i) { w.add(o, t, i); });
}

void reach_inputs(const LastPool& s, AxisReach& h, AxisReach& w) {
  for_meetings(s.h, [&](int64_t o, int64_t t, int64_t i) { h.add(i, t, o); });
  for_meetings(s.w, [&](int64_t o, int64_t t, int64_t i) { w.add(i, t, o); });
}

RL_INLINE void store_bytes(uint8_t* p, vi x, int64_t n) {
  if (n == W) *reinterpret_cast<v_bytes*>(p) = __builtin_convertvector(x, v_bytes);
  else
    for (int64_t i = 0; i < n; ++i) p[i] = static_cast<uint8_t>(x[i]);
}

RL_INLINE vi load_bytes(const uint8_t* p, int64_t n) {
  if (n == W) return __builtin_convertvector(*reinterpret_cast<const v_bytes*>(p), vi);
  vi x{};
  for (int64_t i = 0; i < n; ++i) x[i] = p[i];
  return x;
}

// Number of elements along one axis that a window's sum is divided by.
int64_t counted(const Axis& a, int64_t o, bool include) {
  int64_t start = o * a.stride - a.padding, end = std::min(start + a.kernel, a.size + a.padding);
  if (!include) {
    start = std::max<int64_t>(start, 0);
    end = std::min(end, a.size);
  }
  return end - start;
}

struct Divisor {
  const LastPool& s;
  bool include;
  int64_t fixed;

  float operator()(int64_t oh, int64_t ow) const {
    if (fixed) return static_cast<float>(fixed);
    return static_cast<float>(counted(s.h, oh, include) * counted(s.w, ow, include));
  }
};

bool images_of(const View& x, const View& y) {
  return x.dense_f32() && y.dense_f32() && x.ndim == 4 && y.ndim == 4 && x.size > 0 && y.size > 0;
}

}  // namespace

namespace {

constexpr int kMostTaps = 256;

// The elements of one window, or the windows of one element: where they are and their numbers.
struct Taps {
  int64_t count = 0;
  int64_t at[kMostTaps];
  int32_t element[kMostTaps];

  template <class F>
  Taps(const Reach& rows, const Reach& columns, int64_t kernel_w, F&& place) {
    for (int64_t i = 0; i < rows.count; ++i)
      for (int64_t j = 0; j < columns.count; ++j, ++count) {
        at[count] = place(rows.at[i], columns.at[j]);
        element[count] = static_cast<int32_t>(rows.element[i] * kernel_w + columns.element[j]);
      }
  }
};

// Maxima over `Count` taps, or as many as there are if it is 0.
template <int Count>
void max_of(const Taps& taps, const float* x, int64_t channels, float* y, uint8_t* offsets) {
  const int64_t count = Count ? Count : taps.count;
  // Of a window of -inf the first element wins that is not padding.
  const vi first = splat_int(taps.count ? taps.element[0] : 0);
  for_lanes(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
    vf best = splat(-__builtin_inff());
    vi at = first;
#pragma GCC unroll 9
    for (int64_t t = 0; t < count; ++t) {
      const vf v = load_first(x + taps.at[t] + c, n);
      const vi better = (v > best) | (v != v);  // a NaN always wins
      best = better ? v : best;
      at = better ? splat_int(taps.element[t]) : at;
    }
    store_first(y + c, best, n);
    store_bytes(offsets + c, at, n);
  });
}

// Gradients of windows that do not overlap: an output has its elements to itself.
template <int Count>
void spread_max(const Taps& taps, const float* g, const uint8_t* offsets, int64_t channels, float* gx) {
  const int64_t count = Count ? Count : taps.count;
  for_lanes(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
    const vf up = load_first(g + c, n);
    const vi won = load_bytes(offsets + c, n);
#pragma GCC unroll 9
    for (int64_t t = 0; t < count; ++t)
      store_first(gx + taps.at[t] + c, won == splat_int(taps.element[t]) ? up : vf{}, n);
  });
}

// Gradients of one input, from all windows that reach it.
void gather_max(const Taps& taps, const float* g, const uint8_t* offsets, int64_t channels, float* gx) {
  for_lanes(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
    vf sum{};
    for (int64_t t = 0; t < taps.count; ++t) {
      const vi won = load_bytes(offsets + taps.at[t] + c, n) == splat_int(taps.element[t]);
      sum += won ? load_first(g + taps.at[t] + c, n) : vf{};
    }
    store_first(gx + c, sum, n);
  });
}

// Whether some inputs are in no window.
bool leaves_out(const Axis& a, const AxisReach& inputs) {
  for (int64_t i = 0; i < a.size; ++i)
    if (inputs.of(i).count == 0) return true;
  return false;
}

bool overlap(const Axis& a) { return a.stride < (a.kernel - 1) * a.dilation + 1; }

}  // namespace

bool max_pool_last_forward(const View& x, const View& y, const View& offsets, int64_t kh, int64_t kw,
                           int64_t sh, int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw) {
  if (!images_of(x, y) || kh * kw > kMostTaps) return false;
  const LastPool s(x, y, {kh, kw, sh, sw, ph, pw, dh, dw});
  AxisReach h(s.h.out, kh), w(s.w.out, kw);
  reach_outputs(s, h, w);
  s.for_outputs([&](int64_t image, int64_t oh, int64_t ow) {
    const Taps taps(h.of(oh), w.of(ow), kw, [&](int64_t i, int64_t j) { return s.input(image, i, j); });
    const int64_t to = s.output(image, oh, ow);
    const auto run = taps.count == 4 ? &max_of<4> : taps.count == 9 ? &max_of<9> : &max_of<0>;
    run(taps, x.f32(), s.channels, y.f32() + to, offsets.as<uint8_t>() + to);
  });
  return true;
}

bool max_pool_last_backward(const View& g, const View& offsets, const View& gx, int64_t kh, int64_t kw,
                            int64_t sh, int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw) {
  if (!images_of(gx, g) || !offsets.contiguous || !offsets.is(DType::uint8)) return false;
  if (kh * kw > kMostTaps) return false;
  const LastPool s(gx, g, {kh, kw, sh, sw, ph, pw, dh, dw});
  AxisReach inputs_h(s.h.size, kh), inputs_w(s.w.size, kw);
  reach_inputs(s, inputs_h, inputs_w);
  const bool apart = !overlap(s.h) && !overlap(s.w);
  const auto gather = [&](int64_t image, int64_t ih, int64_t iw) {
    const Reach rows = inputs_h.of(ih), columns = inputs_w.of(iw);
    if (apart && rows.count && columns.count) return;
    const Taps taps(rows, columns, kw, [&](int64_t i, int64_t j) { return s.output(image, i, j); });
    gather_max(taps, g.f32(), offsets.as<uint8_t>(), s.channels, gx.f32() + s.input(image, ih, iw));
  };
  if (!apart || leaves_out(s.h, inputs_h) || leaves_out(s.w, inputs_w)) s.for_inputs(gather);
  if (!apart) return true;
  AxisReach h(s.h.out, kh), w(s.w.out, kw);
  reach_outputs(s, h, w);
  s.for_outputs([&](int64_t image, int64_t oh, int64_t ow) {
    const Taps taps(h.of(oh), w.of(ow), kw, [&](int64_t i, int64_t j) { return s.input(image, i, j); });
    const int64_t from = s.output(image, oh, ow);
    const auto run = taps.count == 4 ? &spread_max<4> : &spread_max<0>;
    run(taps, g.f32() + from, offsets.as<uint8_t>() + from, s.channels, gx.f32());
  });
  return true;
}

bool avg_pool_last_forward(const View& x, const View& y, int64_t kh, int64_t kw, int64_t sh, int64_t sw,
                           int64_t ph, int64_t pw, bool include, int64_t divisor) {
  if (!images_of(x, y)) return false;
  const LastPool s(x, y, {kh, kw, sh, sw, ph, pw, 1, 1});
  const Divisor count{s, include, divisor};
  AxisReach h(s.h.out, kh), w(s.w.out, kw);
  reach_outputs(s, h, w);
  s.for_outputs([&](int64_t image, int64_t oh, int64_t ow) {
    const Reach rows = h.of(oh), columns = w.of(ow);
    const vf by = splat(count(oh, ow));
    float* to = y.f32() + s.output(image, oh, ow);
    for_lanes(s.channels, [&](int64_t c, int64_t n) {
      vf sum{};
      for (int64_t i = 0; i < rows.count; ++i) {
        vf row{};
        for (int64_t j = 0; j < columns.count; ++j)
          row += load_first(x.f32() + s.input(image, rows.at[i], columns.at[j]) + c, n);
        sum += row;
      }
      store_first(to + c, sum / by, n);
    });
  });
  return true;
}

bool avg_pool_last_backward(const View& g, const View& gx, int64_t kh, int64_t kw, int64_t sh, int64_t sw,
                            int64_t ph, int64_t pw, bool include, int64_t divisor) {
  if (!images_of(gx, g)) return false;
  const LastPool s(gx, g, {kh, kw, sh, sw, ph, pw, 1, 1});
  const Divisor count{s, include, divisor};
  AxisReach h(s.h.size, kh), w(s.w.size, kw);
  reach_inputs(s, h, w);
  s.for_inputs([&](int64_t image, int64_t ih, int64_t iw) {
    const Reach rows = h.of(ih), columns = w.of(iw);
    float* to = gx.f32() + s.input(image, ih, iw);
    for_lanes(s.channels, [&](int64_t c, int64_t n) {
      vf sum{};
      for (int64_t i = 0; i < rows.count; ++i)
        for (int64_t j = 0; j < columns.count; ++j) {
          const vf up = load_first(g.f32() + s.output(image, rows.at[i], columns.at[j]) + c, n);
          sum += up / splat(count(rows.at[i], columns.at[j]));
        }
      store_first(to + c, sum, n);
    });
  });
  return true;
}

}  // namespace rl::RL_LEVEL
