// Batch normalisation over channels.
//
// Statistics in two passes (mean, then squared deviations); every plane is summed in chunks and the
// chunks in double, so the error does not grow with the batch. Making the result in the same sweep
// over a channel would gain nothing: its planes, far apart, push each other out of the second-level
// cache.
// Reference: Ioffe and Szegedy, "Batch Normalization", 2015, for forward and gradient.
// What follows a normalisation, the sum with a residual and ReLU, is done as its results are stored;
// the gradient takes that of ReLU along.
// Roofline: statistics read x, which the third-level cache often still has; the result costs a pass
// over x (and the residual) that writes y; backward reads g and x (and y, behind a
// ReLU) and writes gx.
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

// Where a channel's elements go and what is done to them last: y = [relu](x scale + shift [+ r]).
struct Finish {
  const float* residual;  // null: none
  float* to;
  bool relu, streamed;
};

template <class F>
RL_INLINE void finish(const Channel& all, const Finish& last, F&& f) {
  if (last.relu && last.residual != nullptr) {
    return write(all, last.to, last.streamed, [&](int64_t i, int64_t n) {
      return max(f(i, n) + load_first(last.residual + i, n), vf{});
    });
  }
  if (last.relu) {
    return write(all, last.to, last.streamed, [&](int64_t i, int64_t n) { return max(f(i, n), vf{}); });
  }
  if (last.residual != nullptr) {
    return write(all, last.to, last.streamed, [&](int64_t i, int64_t n) {
      return f(i, n) + load_first(last.residual + i, n);
    });
  }
  write(all, last.to, last.streamed, f);
}

bool dense_or_absent(const View& v) { return !v || v.dense_f32(); }

}  // namespace

bool batch_norm_statistics(const View& x, const View& mean, const View& rstd, const View& var,
                           double eps) {
  if (!Batch::ours(x)) return false;
  const Batch s(x);
  const Channel all = s.channel();
  s.for_channels(0.3, [&](int64_t c) {
    const float* from = x.f32() + c * s.plane;
    const auto count = static_cast<double>(s.count());
    const double centre = all.sum([&](int64_t i, int64_t n) { return load_first(from + i, n); }) / count;
    const vf m = splat(static_cast<float>(centre));
    const double spread = all.sum([&](int64_t i, int64_t n) {
      const vf d = load_first(from + i, n) - m;
      return d * d;
    }) / count;
    mean.f32()[c] = static_cast<float>(centre);
    var.f32()[c] = static_cast<float>(spread);
    rstd.f32()[c] = static_cast<float>(1.0 / std::sqrt(spread + eps));
  });
  return true;
}

bool batch_norm_apply(const View& x, const View& w, const View& b, const View& mean,
                      const View& rstd, const View& residual, const View& y, bool relu) {
  if (!Batch::ours(x) || !dense_or_absent(w) || !dense_or_absent(b)) return false;
  if (!mean.dense_f32() || !rstd.dense_f32() || !dense_or_absent(residual)) return false;
  const Batch s(x);
  const Channel all = s.channel();
  s.for_channels(0.3, [&](int64_t c) {
    const int64_t at = c * s.plane;
    const float* from = x.f32() + at;
    const vf m = splat(mean.f32()[c]), scale = splat(rstd.f32()[c] * (w ? w.f32()[c] : 1.0f));
    const vf shift = splat(b ? b.f32()[c] : 0.0f);
    const Finish last{residual ? residual.f32() + at : nullptr, y.f32() + at, relu, s.streamed(y)};
    finish(all, last, [&](int64_t i, int64_t n) { return fma(load_first(from + i, n) - m, scale, shift); });
  });
  return true;
}

namespace {

// One channel's part of the gradient: its values and where the results go.
struct Slope {
  const float* x;
  float mean, rstd, w;
  double count;
  bool training, streamed;
  float *gx, *gw, *gb;
};

// up(i, n): n lanes of the gradient that has arrived.
template <class F>
RL_INLINE void gradient(const Channel& all, const Slope& s, F&& up) {
  const vf m = splat(s.mean);
  auto both = all.sums<2>([&](int64_t i, int64_t n, vf(&v)[2]) {
    v[0] = up(i, n);
    v[1] = v[0] * (load_first(s.x + i, n) - m);
  });
  const double total = both.result(0), slope = both.result(1);
  const double inverse = static_cast<double>(s.rstd);
  *s.gb = static_cast<float>(total);
  *s.gw = static_cast<float>(slope * inverse);
  const vf scale = splat(s.rstd * s.w);
  if (!s.training) {
    return write(all, s.gx, s.streamed, [&](int64_t i, int64_t n) { return up(i, n) * scale; });
  }
  const vf shift = splat(static_cast<float>(total / s.count));
  const vf along = splat(static_cast<float>(slope * inverse * inverse / s.count));
  write(all, s.gx, s.streamed, [&](int64_t i, int64_t n) {
    const vf centred = load_first(s.x + i, n) - m;
    return (up(i, n) - shift - centred * along) * scale;
  });
}

}  // namespace

bool batch_norm_backward(const View& g, const View& x, const View& w, const View& mean,
                         const View& rstd, const View& y, const View& gx, const View& gw,
                         const View& gb, bool training) {
  if (!Batch::ours(x) || !g.dense_f32() || !dense_or_absent(w) || !dense_or_absent(y)) return false;
  if (!mean.dense_f32() || !rstd.dense_f32()) return false;
  const Batch s(x);
  const Channel all = s.channel();
  s.for_channels(0.8, [&](int64_t c) {
    const int64_t at = c * s.plane;
    const float *up = g.f32() + at, *out = y ? y.f32() + at : nullptr;
    const Slope slope{x.f32() + at, mean.f32()[c], rstd.f32()[c], w ? w.f32()[c] : 1.0f,
                      static_cast<double>(s.count()), training, s.streamed(gx),
                      gx.f32() + at, gw.f32() + c, gb.f32() + c};
    if (out == nullptr) {
      gradient(all, slope, [=](int64_t i, int64_t n) { return load_first(up + i, n); });
    } else {  // behind a ReLU, whose result is `out`
      gradient(all, slope, [=](int64_t i, int64_t n) {
        return load_first(out + i, n) <= 0.0f ? vf{} : load_first(up + i, n);
      });
    }
  });
  return true;
}

}  // namespace rl::RL_LEVEL
