// Pooling of channels-last images: lanes are channels, a window is a few rows of them.
//
// Gradients are gathered: an input pixel looks at the windows that reach it, so rows of pixels are
// independent and nothing has to be cleared first.
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

bool max_pool_last_forward(const View& x, const View& y, const View& offsets, int64_t kh, int64_t kw,
                           int64_t sh, int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw) {
  if (!images_of(x, y) || kh * kw > 256) return false;
  const LastPool s(x, y, {kh, kw, sh, sw, ph, pw, dh, dw});
  AxisReach h(s.h.out, kh), w(s.w.out, kw);
  reach_outputs(s, h, w);
  s.for_outputs([&](int64_t image, int64_t oh, int64_t ow) {
    const Reach rows = h.of(oh), columns = w.of(ow);
    const int64_t to = s.output(image, oh, ow);
    // Of a window of -inf the first element wins that is not padding.
    const bool empty = rows.count == 0 || columns.count == 0;
    const auto first = empty ? 0 : static_cast<int32_t>(rows.element[0] * kw + columns.element[0]);
    for_lanes(s.channels, [&](int64_t c, int64_t n) {
      vf best = splat(-__builtin_inff());
      vi at = splat_int(first);
      for (int64_t i = 0; i < rows.count; ++i)
        for (int64_t j = 0; j < columns.count; ++j) {
          const vf v = load_first(x.f32() + s.input(image, rows.at[i], columns.at[j]) + c, n);
          const vi better = (v > best) | (v != v);  // a NaN always wins
          best = better ? v : best;
          at = better ? splat_int(static_cast<int32_t>(rows.element[i] * kw + columns.element[j])) : at;
        }
      store_first(y.f32() + to + c, best, n);
      store_bytes(offsets.as<uint8_t>() + to + c, at, n);
    });
  });
  return true;
}

bool max_pool_last_backward(const View& g, const View& offsets, const View& gx, int64_t kh, int64_t kw,
                            int64_t sh, int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw) {
  if (!images_of(gx, g) || !offsets.contiguous || !offsets.is(DType::uint8)) return false;
  const LastPool s(gx, g, {kh, kw, sh, sw, ph, pw, dh, dw});
  AxisReach h(s.h.size, kh), w(s.w.size, kw);
  reach_inputs(s, h, w);
  s.for_inputs([&](int64_t image, int64_t ih, int64_t iw) {
    const Reach rows = h.of(ih), columns = w.of(iw);
    float* to = gx.f32() + s.input(image, ih, iw);
    for_lanes(s.channels, [&](int64_t c, int64_t n) {
      vf sum{};
      for (int64_t i = 0; i < rows.count; ++i)
        for (int64_t j = 0; j < columns.count; ++j) {
          const int64_t from = s.output(image, rows.at[i], columns.at[j]) + c;
          const auto own = static_cast<int32_t>(rows.element[i] * kw + columns.element[j]);
          const vi won = load_bytes(offsets.as<uint8_t>() + from, n) == splat_int(own);
          sum += won ? load_first(g.f32() + from, n) : vf{};
        }
      store_first(to + c, sum, n);
    });
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
