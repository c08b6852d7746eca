// Batch normalisation over channels.
//
// Statistics in two passes (mean, then squared deviations); every plane is summed in chunks and the
// chunks in double, so the error does not grow with the batch. A channel's planes stay in cache
// between its passes where they fit.
// Reference: Ioffe and Szegedy, "Batch Normalization", 2015, for forward and gradient.
// Roofline: forward reads x and writes y, backward reads g and x and writes gx.
#include "softmax/rows.h"

namespace rl::RL_LEVEL {
#include "norm/cpu.h"

namespace {

// The elements of one channel: `n` planes of `length`, `step` apart.
struct Channel {
  int64_t n, length, step;

  // K sums over all planes; f(offset, lanes, v) writes K vectors.
  template <int K, class F>
  RL_INLINE LaneSums<K> sums(F&& f) const {
    LaneSums<K> all;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = i * step;
      all.add(length, [&](int64_t j, int64_t some, vf(&v)[K]) { f(at + j, some, v); });
    }
    return all;
  }
  template <class F>
  RL_INLINE double sum(F&& f) const {
    auto all = sums<1>([&](int64_t i, int64_t some, vf(&v)[1]) { v[0] = f(i, some); });
    return all.result(0);
  }
  template <class F>
  RL_INLINE void each(F&& f) const {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = i * step;
      for_row(length, [&](int64_t j, int64_t some) { f(at + j, some); });
    }
  }
};

// to[i] = f(i, n), the first n lanes of it, for every element of a channel.
template <class F>
RL_INLINE void write(const Channel& all, float* to, bool streamed, F&& f) {
  if (!streamed) return all.each([&](int64_t i, int64_t n) { store_first(to + i, f(i, n), n); });
  all.each([&](int64_t i, int64_t) { stream(to + i, f(i, W)); });
  stream_end();
}

struct Batch {
  int64_t n, channels, plane;

  explicit Batch(const View& x)
      : n(x.dim(0)), channels(x.dim(1)), plane(x.size / (n * channels)) {}
  Channel channel() const { return {n, plane, channels * plane}; }
  int64_t count() const { return n * plane; }
  bool streamed(const View& y) const { return plane % W == 0 && streams(y.f32(), y.size); }

  static bool ours(const View& x) { return x.dense_f32() && x.ndim >= 2 && x.size > 0; }

  template <class F>
  void for_channels(double nanoseconds_per_element, F&& f) const {
    const double cost = nanoseconds_per_element * static_cast<double>(count()) + 50.0;
    parallel_for(channels, std::max<int64_t>(1, static_cast<int64_t>(25000.0 / cost)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t c = begin; c < end; ++c) f(c);
                 });
  }
};

float inverse_root(double var, double eps) { return static_cast<float>(1.0 / std::sqrt(var + eps)); }

void normalise(const Channel& all, const float* x, float* y, bool streamed, float mean, float scale,
               float shift) {
  const vf m = splat(mean), a = splat(scale), b = splat(shift);
  write(all, y, streamed, [&](int64_t i, int64_t n) { return fma(load_first(x + i, n) - m, a, b); });
}

}  // namespace

bool batch_norm_forward(const View& x, const View& w, const View& b, const View& y, const View& mean,
                        const View& rstd, const View& var, double eps) {
  if (!Batch::ours(x) || (w && !w.dense_f32()) || (b && !b.dense_f32())) return false;
  const Batch s(x);
  const Channel all = s.channel();
  const auto count = static_cast<double>(s.count());
  s.for_channels(0.6, [&](int64_t c) {
    const float* from = x.f32() + c * s.plane;
    const double centre = all.sum([&](int64_t i, int64_t n) { return load_first(from + i, n); }) / count;
    const vf m = splat(static_cast<float>(centre));
    const double spread = all.sum([&](int64_t i, int64_t n) {
      const vf d = load_first(from + i, n) - m;
      return d * d;
    }) / count;
    mean.f32()[c] = static_cast<float>(centre);
    var.f32()[c] = static_cast<float>(spread);
    rstd.f32()[c] = inverse_root(spread, eps);
    const float scale = rstd.f32()[c] * (w ? w.f32()[c] : 1.0f);
    normalise(all, from, y.f32() + c * s.plane, s.streamed(y), mean.f32()[c], scale,
              b ? b.f32()[c] : 0.0f);
  });
  return true;
}

bool batch_norm_apply(const View& x, const View& w, const View& b, const View& mean, const View& var,
                      const View& y, double eps) {
  if (!Batch::ours(x) || (w && !w.dense_f32()) || (b && !b.dense_f32())) return false;
  if (!mean.dense_f32() || !var.dense_f32()) return false;
  const Batch s(x);
  const Channel all = s.channel();
  s.for_channels(0.3, [&](int64_t c) {
    const float scale = inverse_root(static_cast<double>(var.f32()[c]), eps) * (w ? w.f32()[c] : 1.0f);
    normalise(all, x.f32() + c * s.plane, y.f32() + c * s.plane, s.streamed(y), mean.f32()[c], scale,
              b ? b.f32()[c] : 0.0f);
  });
  return true;
}

bool batch_norm_backward(const View& g, const View& x, const View& w, const View& mean,
                         const View& rstd, const View& gx, const View& gw, const View& gb,
                         bool training) {
  if (!Batch::ours(x) || !g.dense_f32() || (w && !w.dense_f32())) return false;
  if (!mean.dense_f32() || !rstd.dense_f32()) return false;
  const Batch s(x);
  const Channel all = s.channel();
  const auto count = static_cast<double>(s.count());
  s.for_channels(0.8, [&](int64_t c) {
    const float *up = g.f32() + c * s.plane, *from = x.f32() + c * s.plane;
    float* to = gx.f32() + c * s.plane;
    const vf m = splat(mean.f32()[c]);
    auto both = all.sums<2>([&](int64_t i, int64_t n, vf(&v)[2]) {
      v[0] = load_first(up + i, n);
      v[1] = v[0] * (load_first(from + i, n) - m);
    });
    const double total = both.result(0), slope = both.result(1);
    const double inverse = static_cast<double>(rstd.f32()[c]);
    gb.f32()[c] = static_cast<float>(total);
    gw.f32()[c] = static_cast<float>(slope * inverse);
    const vf scale = splat(rstd.f32()[c] * (w ? w.f32()[c] : 1.0f));
    if (!training) {
      return write(all, to, s.streamed(gx),
                   [&](int64_t i, int64_t n) { return load_first(up + i, n) * scale; });
    }
    const vf shift = splat(static_cast<float>(total / count));
    const vf along = splat(static_cast<float>(slope * inverse * inverse / count));
    write(all, to, s.streamed(gx), [&](int64_t i, int64_t n) {
      const vf centred = load_first(from + i, n) - m;
      return (load_first(up + i, n) - shift - centred * along) * scale;
    });
  });
  return true;
}

}  // namespace rl::RL_LEVEL
